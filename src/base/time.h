#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace zhiyin {

using Duration = std::chrono::microseconds;

/// A moment: microseconds since 1970-01-01T00:00:00Z, as stored everywhere.
struct Instant {
  std::int64_t us = 0;

  auto operator<=>(const Instant&) const = default;
  friend Instant operator+(Instant t, Duration d) { return {t.us + d.count()}; }
  friend Instant operator-(Instant t, Duration d) { return {t.us - d.count()}; }
  friend Duration operator-(Instant a, Instant b) { return Duration(a.us - b.us); }
};

inline constexpr Duration kDay = std::chrono::hours(24);
inline constexpr std::string_view kDefaultZone = "Asia/Shanghai";

/// A time zone by IANA name or fixed offset (`+08:00`, `Z`). A pure value, thread-safe.
class TimeZone {
 public:
  /// Fails with kInvalidArgument when the zone is unknown.
  static Result<TimeZone> create(std::string_view name);
  /// Asia/Shanghai.
  static TimeZone shanghai();

  /// Offset from UTC at `t`.
  [[nodiscard]] std::chrono::seconds offset_at(Instant t) const;
  /// The instant of a wall-clock time; of two in an autumn overlap the earlier, in a spring gap the
  /// moment after it. `local_us` counts as if the wall clock were UTC.
  [[nodiscard]] Instant from_local(std::int64_t local_us) const;
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  std::string name_;
  std::chrono::seconds fixed_{0};
  const void* zone_ = nullptr;  // date::time_zone, owned by the library for the process's life
};

/// Wall-clock parts of a moment in a zone.
struct CivilTime {
  int year, month, day, hour, minute, second, microsecond;
  int weekday;  ///< 0 = Sunday
};
CivilTime to_civil(Instant t, const TimeZone& zone);
/// Requires a valid calendar date and time of day; otherwise kInvalidArgument.
Result<Instant> from_civil(const CivilTime& civil, const TimeZone& zone);

/// RFC 3339 (`2026-11-25T08:00:00Z`, `…+08:00`, space for T allowed), integer milliseconds since
/// the epoch, a date or a time without zone (then in `zone`). Years 1970 to 2999; anything else is
/// refused.
Result<Instant> parse_time(std::string_view text, const TimeZone& zone);

/// `2026-11-25T08:00:00+08:00`; microseconds only when they are not zero.
std::string format_time(Instant t, const TimeZone& zone);
/// The same in UTC, ending in `Z`.
std::string format_utc(Instant t);
/// Days since 1970-01-01 in the zone: the key of daily quotas.
std::int64_t local_day(Instant t, const TimeZone& zone);
/// The instant at which that day begins in the zone.
Instant day_start(std::int64_t day, const TimeZone& zone);

/// `90s`, `15m`, `48h`, `7d`, `4w`. Fails with kInvalidArgument otherwise, or above 10 years.
Result<Duration> parse_duration(std::string_view text);
/// The largest unit that divides it: `7d`, `36h`.
std::string format_duration(Duration d);

}  // namespace zhiyin
