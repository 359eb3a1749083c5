#pragma once

#include <cstdint>
#include <vector>

#include "measurement/step.h"

namespace zhiyin::measurement {

inline constexpr int kRetentionPeriodsMax = 60;

/// Who comes back how many periods later (docs/reports.md has the definition).
struct RetentionRequest {
  EventFilter first;    ///< what makes a person new
  EventFilter returns;  ///< what counts as coming back
  Instant from;         ///< begin of period 0
  Duration period = kDay * 7;
  int periods = 12;  ///< 2 to kRetentionPeriodsMax
};

struct RetentionCohort {
  int period = 0;  ///< in which these people were new
  std::int64_t people = 0;
  std::vector<std::int64_t> returned;  ///< in the periods that follow: [0] is the next one
};
struct RetentionResult {
  std::vector<RetentionCohort> cohorts;  ///< one for each period
};

/// kInvalidArgument naming the field.
Result<void> check(const RetentionRequest& request);

/// A person belongs to the period of the first `first` event that is known of them at all, and to
/// none when that lies before `from`. They returned in period p when it has at least one `returns`
/// event of theirs. Period i is [from + i period, from + (i + 1) period). People, not identities,
/// are counted. One pass over the events.
Result<RetentionResult> make_retention(storage::Warehouse& warehouse,
                                       const RetentionRequest& request,
                                       storage::QueryLimits limits = {});

}  // namespace zhiyin::measurement

template <>
struct zhiyin::Fields<zhiyin::measurement::RetentionRequest> {
  using T = measurement::RetentionRequest;
  static constexpr std::string_view name = "RetentionRequest";
  static constexpr auto list =
      field_list(field("first", &T::first, "what makes a person new").optional(),
                 field("returns", &T::returns, "what counts as coming back").optional(),
                 field("from", &T::from, "begin of the first period"),
                 field("period", &T::period, "length of a period, 7d").optional(),
                 field("periods", &T::periods, "how many")
                     .range(2, measurement::kRetentionPeriodsMax)
                     .optional());
};
template <>
struct zhiyin::Fields<zhiyin::measurement::RetentionCohort> {
  using T = measurement::RetentionCohort;
  static constexpr std::string_view name = "RetentionCohort";
  static constexpr auto list =
      field_list(field("period", &T::period, "in which these people were new, from 0"),
                 field("people", &T::people, "how many they are"),
                 field("returned", &T::returned, "how many came back in each later period"));
};
template <>
struct zhiyin::Fields<zhiyin::measurement::RetentionResult> {
  using T = measurement::RetentionResult;
  static constexpr std::string_view name = "RetentionResult";
  static constexpr auto list = field_list(field("cohorts", &T::cohorts, "one for each period"));
};
