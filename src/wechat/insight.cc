#include "wechat/insight.h"

#include <algorithm>
#include <iterator>

#include "base/time.h"
#include "wechat/detail/dates.h"

namespace zhiyin::wechat {
namespace {

/// Days since 1970, of a date that the rules have let pass.
std::int64_t day_of(std::string_view date) { return parse_day(date).value_or(0); }

}  // namespace

Result<void> check_report_end(std::string_view end_date, Instant now) {
  const std::optional<std::int64_t> end = parse_day(end_date);
  if (!end) return fail_field("end_date", "is not a date");
  if (*end >= local_day(now, TimeZone::shanghai()))
    return fail_field("end_date", "{} is not over yet: reports end yesterday", end_date);
  return {};
}

Result<void> MiniWeekAsk::check(const Policy&) const {
  constexpr std::int64_t kFirstMonday = 4;  // 1970-01-05
  constexpr std::int64_t kWeekDays = 7;
  if ((day_of(begin_date) - kFirstMonday) % kWeekDays != 0)
    return fail_field("begin_date", "{} is not a Monday", begin_date);
  return {};
}

Result<void> MiniMonthAsk::check(const Policy&) const {
  if (!begin_date.ends_with("01"))
    return fail_field("begin_date", "{} is not the first of a month", begin_date);
  const CivilTime next =
      to_civil(day_start(day_of(end_date) + 1, TimeZone::shanghai()), TimeZone::shanghai());
  if (next.day != 1) return fail_field("end_date", "{} is not the last of a month", end_date);
  return {};
}

Result<void> MiniPortraitAsk::check(const Policy&) const {
  constexpr std::int64_t kSpans[] = {1, 7, 30};
  const std::int64_t days = day_of(end_date) - day_of(begin_date) + 1;
  if (std::ranges::find(kSpans, days) == std::end(kSpans))
    return fail_field("end_date", "{} days from begin_date, 1, 7 or 30 are allowed", days);
  return {};
}

}  // namespace zhiyin::wechat
