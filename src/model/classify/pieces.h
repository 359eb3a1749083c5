#pragma once

#include <cstddef>
#include <functional>

namespace zhiyin::model {

/// Runs work(0) … work(pieces - 1) on up to `threads` threads, each piece once, and waits.
/// `progress` (which may be empty) is told the share done after each, by one thread at a time;
/// where it says false no further piece begins, and the answer is false.
bool run_pieces(std::size_t pieces, std::size_t threads,
                const std::function<bool(double)>& progress,
                const std::function<void(std::size_t)>& work);

}  // namespace zhiyin::model
