#pragma once

#include <chrono>

#include "base/mutex.h"

namespace zhiyin::model {

/// Leaves a peer alone that keeps failing: after `failures` in a row it is open for `pause`, then
/// one exchange may try; each further failure doubles the pause, up to `pause_max`. Thread-safe.
class CircuitBreaker {
 public:
  using Time = std::chrono::steady_clock::time_point;
  struct Settings {
    int failures = 5;
    std::chrono::milliseconds pause{5'000};
    std::chrono::milliseconds pause_max{120'000};
  };
  explicit CircuitBreaker(Settings settings) : settings_(settings) {}

  /// Whether an exchange may begin; who is told yes reports how it went.
  bool admit(Time now) ZHIYIN_EXCLUDES(mutex_);
  void succeeded() ZHIYIN_EXCLUDES(mutex_);
  void failed(Time now) ZHIYIN_EXCLUDES(mutex_);
  /// It ended for a reason that says nothing about the peer.
  void abandoned() ZHIYIN_EXCLUDES(mutex_);
  [[nodiscard]] bool open(Time now) const ZHIYIN_EXCLUDES(mutex_);

 private:
  const Settings settings_;
  mutable Mutex mutex_;
  int failures_ ZHIYIN_GUARDED_BY(mutex_) = 0;
  int openings_ ZHIYIN_GUARDED_BY(mutex_) = 0;
  bool trying_ ZHIYIN_GUARDED_BY(mutex_) = false;
  Time open_until_ ZHIYIN_GUARDED_BY(mutex_);
};

}  // namespace zhiyin::model
