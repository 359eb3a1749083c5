#pragma once

#include <filesystem>
#include <span>

#include "storage/state.h"

namespace zhiyin::storage {

/// Applies the migrations, after a check that this state is the one that the data folder belongs
/// to. `file` holds the state's identity (`State::identity`) from the first start on.
///
/// kDataLoss when the file names a state and this one is empty or another: a server that took over
/// without the data must not look like a new installation. When there is no file yet, the state's
/// identity is taken over, so a further process of a cluster may begin with an empty folder.
Result<void> migrate_own_state(State& state, std::span<const Migration> migrations,
                               const std::filesystem::path& file);

}  // namespace zhiyin::storage
