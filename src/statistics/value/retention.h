#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/time.h"

/// Who comes back. Pure, thread-safe.
namespace zhiyin::statistics {

enum class RetentionPeriod { kDay, kWeek, kMonth };
enum class CohortKind {
  kRecurring,  ///< everybody active in the row's period
  kFirst       ///< everybody whose first period it is
};
struct RetentionSettings {
  RetentionPeriod period = RetentionPeriod::kDay;
  CohortKind cohort = CohortKind::kFirst;
  bool week_starts_monday = true;
  TimeZone zone = TimeZone::shanghai();  ///< where days begin and end
  std::size_t columns_max = 400;
};
/// Somebody was there. Identities of one person are to be one `person`: merges are applied before.
struct Activity {
  std::uint32_t person = 0;
  Instant at;
};
struct RetentionRow {
  std::string period;                ///< `2026-11-25`: the day on which the period begins
  std::vector<std::int64_t> people;  ///< distinct people of the row active k periods later, k = 0 …
};
/// Rows from the first to the last period with activity, each up to the last period: row i has one
/// value fewer than row i - 1. A moment at the border belongs to the period that begins with it.
/// kLimitReached when there are more periods than columns_max.
Result<std::vector<RetentionRow>> retention_matrix(std::span<const Activity> activities,
                                                   const RetentionSettings& settings);

}  // namespace zhiyin::statistics
