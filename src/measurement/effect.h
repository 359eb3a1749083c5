#pragma once

#include <cstdint>

#include "measurement/report.h"

namespace zhiyin::measurement {

/// People and conversions of one arm.
struct ArmCount {
  std::int64_t n = 0;
  std::int64_t converted = 0;
};

/// Treated against control as proportions, by Welch's test (reference: experiments, sections 1 to
/// 3). Refused with the reason when an arm has fewer than kArmMin people, when fewer than
/// kConversionsMin converted together, or when an arm has no variance. Window and metric are left
/// to the caller. Pure.
Effect measure_effect(const ArmCount& treated, const ArmCount& control);

/// Pure.
SplitCheck check_split(std::int64_t treated, std::int64_t held_out, double holdout_share);

}  // namespace zhiyin::measurement
