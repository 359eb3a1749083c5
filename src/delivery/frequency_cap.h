#pragma once

#include <chrono>
#include <cstddef>
#include <span>

#include "base/error.h"
#include "base/time.h"

namespace zhiyin::delivery {

/// At most `limit` touches per person in any stretch of `window`, whichever campaigns send them.
///
/// A pure value: the caller brings the person's touches and the time, so the cap owns no clock and
/// no storage, and may be used from any thread.
class FrequencyCap {
 public:
  static constexpr Duration kMaxWindow = std::chrono::hours(24 * 366);

  /// Fails with kInvalidArgument unless limit >= 1 and 1 s <= window <= kMaxWindow.
  static Result<FrequencyCap> create(std::size_t limit, Duration window);
  /// One touch in 24 hours.
  static FrequencyCap daily() { return {1, kDay}; }

  /// The earliest moment at or after `now` when one more touch keeps within the cap.
  /// Requires: `touches` ascending, none after `now`.
  [[nodiscard]] Instant next_allowed(std::span<const Instant> touches, Instant now) const;

  [[nodiscard]] std::size_t limit() const { return limit_; }
  [[nodiscard]] Duration window() const { return window_; }

 private:
  FrequencyCap(std::size_t limit, Duration window) : limit_(limit), window_(window) {}
  std::size_t limit_;
  Duration window_;
};

/// At most `limit` touches per person in a calendar month of `zone`. A pure value.
class MonthlyCap {
 public:
  /// Fails with kInvalidArgument unless limit >= 1.
  static Result<MonthlyCap> create(std::size_t limit);
  static MonthlyCap four() { return MonthlyCap(4); }

  /// As FrequencyCap::next_allowed; a full month opens again with the first moment of the next.
  [[nodiscard]] Instant next_allowed(std::span<const Instant> touches, Instant now,
                                     const TimeZone& zone) const;
  [[nodiscard]] std::size_t limit() const { return limit_; }

 private:
  explicit MonthlyCap(std::size_t limit) : limit_(limit) {}
  std::size_t limit_;
};

/// The first moment of the calendar month that holds `t`, and of the month after it.
Instant month_start(Instant t, const TimeZone& zone);
Instant next_month_start(Instant t, const TimeZone& zone);

}  // namespace zhiyin::delivery
