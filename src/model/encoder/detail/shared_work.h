#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>

#include "base/mutex.h"
#include "base/thread_pool.h"

namespace zhiyin::model::detail {

/// Calls work(item, helper) for every item from 0 to items - 1, by the calling thread (helper 0)
/// and up to `helpers` - 1 threads of the pool, each item once. Returns when all are done. Where
/// the pool is busy the caller does the work alone: it never waits for a helper that has not begun,
/// so this may be called from a thread of the same pool.
void share_work(std::size_t items, std::size_t helpers, ThreadPool* pool,
                const std::function<void(std::size_t item, std::size_t helper)>& work);

}  // namespace zhiyin::model::detail
