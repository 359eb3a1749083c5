#pragma once

#include <cstdint>
#include <vector>

#include "measurement/step.h"

namespace zhiyin::measurement {

inline constexpr std::size_t kFunnelStepsMax = 8;

/// How many people go through steps one after the other (docs/reports.md has the definition).
struct FunnelRequest {
  std::vector<EventFilter> steps;  ///< 2 to kFunnelStepsMax
  Duration window = kDay * 7;      ///< for all steps, from the first; at most 366 days
  Instant from;                    ///< of the first step: [from, to)
  Instant to;
};

struct FunnelStep {
  std::int64_t people = 0;  ///< that came this far
  double of_first = 0;      ///< share of the first step's; 0 when there are none
  double of_previous = 0;   ///< share of the step before
};
struct FunnelResult {
  std::vector<FunnelStep> steps;
};

/// kInvalidArgument naming the field.
Result<void> check(const FunnelRequest& request);

/// A person begins with the first event of step 1 in [from, to). Step k is the first event of that
/// step strictly later than step k - 1 and at most `window` after step 1. People, not identities,
/// are counted; two events of one moment have no order. One pass over the events of the steps.
Result<FunnelResult> make_funnel(storage::Warehouse& warehouse, const FunnelRequest& request,
                                 storage::QueryLimits limits = {});

}  // namespace zhiyin::measurement

template <>
struct zhiyin::Fields<zhiyin::measurement::FunnelRequest> {
  using T = measurement::FunnelRequest;
  static constexpr std::string_view name = "FunnelRequest";
  static constexpr auto list = field_list(
      field("steps", &T::steps, "events, in order").length(2, measurement::kFunnelStepsMax),
      field("window", &T::window, "from the first step to the last, 7d").optional(),
      field("from", &T::from, "earliest first step"), field("to", &T::to, "end of first steps"));
};
template <>
struct zhiyin::Fields<zhiyin::measurement::FunnelStep> {
  using T = measurement::FunnelStep;
  static constexpr std::string_view name = "FunnelStep";
  static constexpr auto list =
      field_list(field("people", &T::people, "that came this far"),
                 field("of_first", &T::of_first, "share of the first step's"),
                 field("of_previous", &T::of_previous, "share of the step before"));
};
template <>
struct zhiyin::Fields<zhiyin::measurement::FunnelResult> {
  using T = measurement::FunnelResult;
  static constexpr std::string_view name = "FunnelResult";
  static constexpr auto list = field_list(field("steps", &T::steps, "in order"));
};
