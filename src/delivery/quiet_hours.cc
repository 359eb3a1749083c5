#include "delivery/quiet_hours.h"

namespace zhiyin::delivery {

namespace {

constexpr std::int64_t kDayUs = 86'400'000'000;

Duration since_midnight(Instant t, const TimeZone& zone) {
  const CivilTime civil = to_civil(t, zone);
  return std::chrono::hours(civil.hour) + std::chrono::minutes(civil.minute) +
         std::chrono::seconds(civil.second) + Duration(civil.microsecond);
}

}  // namespace

Result<QuietHours> QuietHours::create(Minutes from, Minutes to) {
  const auto fits = [](Minutes m) { return m >= Minutes(0) && m < std::chrono::hours(24); };
  if (!fits(from) || !fits(to)) {
    return fail(ErrorCode::kInvalidArgument, "quiet hours: {} to {} minutes is not within one day",
                from.count(), to.count());
  }
  return QuietHours(from, to);
}

bool QuietHours::contains(Instant t, const TimeZone& zone) const {
  const Duration time = since_midnight(t, zone);
  if (from_ <= to_) return time >= from_ && time < to_;
  return time >= from_ || time < to_;
}

Instant QuietHours::next_allowed(Instant t, const TimeZone& zone) const {
  if (!contains(t, zone)) return t;
  const bool ends_tomorrow = from_ > to_ && since_midnight(t, zone) >= from_;
  const std::int64_t day = local_day(t, zone) + (ends_tomorrow ? 1 : 0);
  return zone.from_local(day * kDayUs + Duration(to_).count());
}

}  // namespace zhiyin::delivery
