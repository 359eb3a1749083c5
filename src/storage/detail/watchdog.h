#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <thread>

#include "base/mutex.h"

namespace zhiyin::storage::detail {

/// Interrupts what takes too long. One thread for all; real time. Thread-safe.
class Watchdog {
 public:
  using Clock = std::chrono::steady_clock;

  Watchdog();
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  /// From `deadline` on, `interrupt` runs again and again (every 20 ms, since what is about to
  /// begin may miss the first) until `unwatch` has returned.
  std::uint64_t watch(Clock::time_point deadline, std::function<void()> interrupt);
  void unwatch(std::uint64_t id);

 private:
  struct Watched {
    Clock::time_point next;
    std::function<void()> interrupt;
  };
  void run();
  [[nodiscard]] Clock::time_point fire_due(Clock::time_point now) ZHIYIN_REQUIRES(mutex_);

  Mutex mutex_;
  CondVar changed_;
  std::map<std::uint64_t, Watched> watched_ ZHIYIN_GUARDED_BY(mutex_);
  std::uint64_t next_id_ ZHIYIN_GUARDED_BY(mutex_) = 1;
  bool stopping_ ZHIYIN_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace zhiyin::storage::detail
