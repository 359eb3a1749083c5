#include "statistics/value/retention.h"

#include <algorithm>

#include "base/error.h"

namespace zhiyin::statistics {
namespace {

constexpr std::int64_t floor_divide(std::int64_t a, std::int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

/// Day 0, 1970-01-01, was a Thursday: days since the Sunday or Monday before.
std::int64_t week_offset(const RetentionSettings& s) { return s.week_starts_monday ? 3 : 4; }

std::int64_t period_of(Instant at, const RetentionSettings& s) {
  switch (s.period) {
    case RetentionPeriod::kDay:
      return local_day(at, s.zone);
    case RetentionPeriod::kWeek:
      return floor_divide(local_day(at, s.zone) + week_offset(s), 7);
    case RetentionPeriod::kMonth: {
      const CivilTime civil = to_civil(at, s.zone);
      return civil.year * 12 + civil.month - 1;
    }
  }
  return 0;
}

std::string period_name(std::int64_t period, const RetentionSettings& s) {
  if (s.period == RetentionPeriod::kMonth) {
    return fmt::format("{:04}-{:02}-01", period / 12, period % 12 + 1);
  }
  const std::int64_t day = s.period == RetentionPeriod::kDay ? period : period * 7 - week_offset(s);
  const CivilTime civil = to_civil(day_start(day, s.zone), s.zone);
  return fmt::format("{:04}-{:02}-{:02}", civil.year, civil.month, civil.day);
}

}  // namespace

Result<std::vector<RetentionRow>> retention_matrix(std::span<const Activity> activities,
                                                   const RetentionSettings& settings) {
  if (activities.empty()) return fail_field("activities", "there are none");
  std::vector<std::pair<std::uint32_t, std::int64_t>> active;  // person, period
  active.reserve(activities.size());
  for (const Activity& a : activities) active.emplace_back(a.person, period_of(a.at, settings));
  std::ranges::sort(active);
  active.erase(std::ranges::unique(active).begin(), active.end());
  std::int64_t first = active[0].second;
  std::int64_t last = first;
  for (const auto& [person, period] : active) {
    first = std::min(first, period);
    last = std::max(last, period);
  }
  const auto periods = static_cast<std::size_t>(last - first + 1);
  if (periods > settings.columns_max) {
    return fail(ErrorCode::kLimitReached, "retention: {} periods, more than {}", periods,
                settings.columns_max);
  }
  std::vector<RetentionRow> out(periods);
  for (std::size_t i = 0; i < periods; ++i) {
    out[i].period = period_name(first + static_cast<std::int64_t>(i), settings);
    out[i].people.assign(periods - i, 0);
  }
  for (std::size_t begin = 0; begin < active.size();) {
    std::size_t end = begin;
    while (end < active.size() && active[end].first == active[begin].first) ++end;
    const std::size_t rows = settings.cohort == CohortKind::kFirst ? begin + 1 : end;
    for (std::size_t i = begin; i < rows; ++i) {
      for (std::size_t j = i; j < end; ++j) {
        const auto row = static_cast<std::size_t>(active[i].second - first);
        ++out[row].people[static_cast<std::size_t>(active[j].second - active[i].second)];
      }
    }
    begin = end;
  }
  return out;
}

}  // namespace zhiyin::statistics
