#pragma once

#include <atomic>
#include <chrono>

#include "base/time.h"

namespace zhiyin {

/// Domain time: tokens, quotas, quiet hours, windows. Sockets and back-off use real time instead.
/// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Instant now() const = 0;
};

/// The machine's clock.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override {
    const auto t = std::chrono::system_clock::now().time_since_epoch();
    return {std::chrono::duration_cast<Duration>(t).count()};
  }
};

/// A clock that moves only when told to. For the sandbox and for tests.
class SteppedClock final : public Clock {
 public:
  explicit SteppedClock(Instant start) : now_us_(start.us) {}
  [[nodiscard]] Instant now() const override { return {now_us_.load()}; }
  /// Moves forward to `t`; fails with kInvalidArgument when `t` lies before now.
  Result<void> advance_to(Instant t) {
    if (t < now()) return fail(ErrorCode::kInvalidArgument, "clock: cannot move back");
    now_us_.store(t.us);
    return {};
  }

 private:
  std::atomic<std::int64_t> now_us_;
};

}  // namespace zhiyin
