#pragma once

#include <string>

#include "server/runs.h"
#include "server/services.h"

namespace zhiyin::server {

/// Which A/B test of recommendations, and what is looked at.
struct AbQuestion {
  std::string version;  ///< of group B, as `recommend.ab` named it
  Duration history = 90 * kDay;
  Duration before = 28 * kDay;  ///< of the people's past, for CUPED
};

/// Compares the groups (recommend/ab_comparison.h) by what people did within
/// `recommend.attribution` after their lists, those alone whose time is over. Where
/// `recommend.ab_percent` changed only the lists since then count. People with lists of both groups
/// (two who turned out to be one) are left out.
/// {"version","percent","from","to","people":{"a","b"},"lists":{"a","b"},"left_out",
/// "versions":{"a","b"},"sample_ratio":{"p","alarm","can_alarm"},"verdict","words":{"zh","en"},
/// "metrics"}. kInvalidArgument names the flag; kUnsupported where the test has no finished list.
Result<Json> judge_ab(Services& services, const AbQuestion& question, RunContext& run);

}  // namespace zhiyin::server
