#include "delivery/frequency_cap.h"

#include <algorithm>

#include "base/check.h"

namespace zhiyin::delivery {

Result<FrequencyCap> FrequencyCap::create(std::size_t limit, Duration window) {
  if (limit < 1) return fail(ErrorCode::kInvalidArgument, "frequency cap: limit is 0");
  if (window < std::chrono::seconds(1) || window > kMaxWindow) {
    return fail(ErrorCode::kInvalidArgument,
                "frequency cap: window of {} s is not within 1 s and 366 d",
                std::chrono::duration_cast<std::chrono::seconds>(window).count());
  }
  return FrequencyCap(limit, window);
}

Instant FrequencyCap::next_allowed(std::span<const Instant> touches, Instant now) const {
  ZHIYIN_DCHECK(std::is_sorted(touches.begin(), touches.end()));
  if (touches.size() < limit_) return now;
  // Only the newest `limit` touches can fill the window; the oldest of them frees a place first.
  return std::max(now, touches[touches.size() - limit_] + window_);
}

Result<MonthlyCap> MonthlyCap::create(std::size_t limit) {
  if (limit < 1) return fail(ErrorCode::kInvalidArgument, "monthly cap: limit is 0");
  return MonthlyCap(limit);
}

Instant MonthlyCap::next_allowed(std::span<const Instant> touches, Instant now,
                                 const TimeZone& zone) const {
  const Instant begin = month_start(now, zone);
  const auto in_month =
      std::count_if(touches.begin(), touches.end(), [&](Instant t) { return t >= begin; });
  return static_cast<std::size_t>(in_month) < limit_ ? now : next_month_start(now, zone);
}

namespace {

constexpr std::int64_t kDayUs = 86'400'000'000;

Instant first_of_month(std::chrono::year_month month, const TimeZone& zone) {
  const auto days = std::chrono::sys_days(month / std::chrono::day(1)).time_since_epoch().count();
  return zone.from_local(days * kDayUs);
}

std::chrono::year_month month_of(Instant t, const TimeZone& zone) {
  const CivilTime civil = to_civil(t, zone);
  return std::chrono::year(civil.year) / std::chrono::month(static_cast<unsigned>(civil.month));
}

}  // namespace

Instant month_start(Instant t, const TimeZone& zone) {
  return first_of_month(month_of(t, zone), zone);
}

Instant next_month_start(Instant t, const TimeZone& zone) {
  return first_of_month(month_of(t, zone) + std::chrono::months(1), zone);
}

}  // namespace zhiyin::delivery
