#include "storage/detail/watchdog.h"

#include <algorithm>
#include <utility>

namespace zhiyin::storage::detail {
namespace {
constexpr std::chrono::milliseconds kAgain(20);
}

Watchdog::Watchdog() : thread_([this] { run(); }) {}

Watchdog::~Watchdog() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

std::uint64_t Watchdog::watch(Clock::time_point deadline, std::function<void()> interrupt) {
  std::uint64_t id = 0;
  {
    MutexLock lock(mutex_);
    id = next_id_++;
    watched_.emplace(id, Watched{deadline, std::move(interrupt)});
  }
  changed_.notify_all();
  return id;
}

void Watchdog::unwatch(std::uint64_t id) {
  // Interrupts run under the lock, so none is under way when this returns.
  MutexLock lock(mutex_);
  watched_.erase(id);
}

void Watchdog::run() {
  MutexLock lock(mutex_);
  while (!stopping_) {
    if (watched_.empty()) {
      changed_.wait(mutex_);
      continue;
    }
    const Clock::time_point now = Clock::now();
    changed_.wait_for(mutex_, fire_due(now) - now);
  }
}

Watchdog::Clock::time_point Watchdog::fire_due(Clock::time_point now) {
  // Longer waits are cut: what is watched may be gone long before, and an overflow must not happen.
  Clock::time_point next = now + std::chrono::hours(1);
  for (auto& [id, watched] : watched_) {
    if (watched.next <= now) {
      watched.interrupt();
      watched.next = now + kAgain;
    }
    next = std::min(next, watched.next);
  }
  return next;
}

}  // namespace zhiyin::storage::detail
