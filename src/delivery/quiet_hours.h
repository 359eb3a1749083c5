#pragma once

#include <chrono>

#include "base/error.h"
#include "base/time.h"

namespace zhiyin::delivery {

/// The part of each local day in which nothing is sent unasked: from `from` up to but not including
/// `to`, over midnight when `from` is the later one; equal: never quiet. A pure value.
class QuietHours {
 public:
  using Minutes = std::chrono::minutes;  ///< since local midnight

  /// Fails with kInvalidArgument unless both lie in [0, 24 h).
  static Result<QuietHours> create(Minutes from, Minutes to);
  /// 22:00 to 08:00.
  static QuietHours nightly() { return {Minutes(22 * 60), Minutes(8 * 60)}; }
  static QuietHours none() { return {Minutes(0), Minutes(0)}; }

  [[nodiscard]] bool contains(Instant t, const TimeZone& zone) const;
  /// `t` itself, or the end of the quiet stretch in which it lies.
  [[nodiscard]] Instant next_allowed(Instant t, const TimeZone& zone) const;

 private:
  QuietHours(Minutes from, Minutes to) : from_(from), to_(to) {}
  Minutes from_;
  Minutes to_;
};

}  // namespace zhiyin::delivery
