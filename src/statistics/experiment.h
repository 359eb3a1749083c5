#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "statistics/compare.h"
#include "statistics/cuped.h"

/// Checks and plans around comparisons. Pure, thread-safe.
namespace zhiyin::statistics {

inline constexpr double kSrmAlarm = 0.001;
/// Planned weights as shares of all users. Whole numbers are a ratio (1, 1, 2); others are shares
/// and must add up to 1, or to within kWeightRounding of it (0.333 three times), which is left as
/// it is. kInvalidArgument, naming `weights`, for anything else: what does not add up was meant
/// otherwise. Also for a weight that is negative or not finite, and when all are 0.
inline constexpr double kWeightRounding = 0.001;
Result<std::vector<double>> planned_shares(std::span<const double> weights);
/// Sample-ratio check: p of the chi-square test of observed users against weights. Arms of weight 0
/// are left out; with fewer than two arms left, or no users, 1. Requires equal lengths. Members of
/// a holdout must not be counted.
double srm_p(std::span<const double> users, std::span<const double> weights);
/// False when so few users could not set off the alarm however they were split; true for a single
/// planned arm, of which nothing is asked.
bool srm_can_alarm(std::span<const double> users, std::span<const double> weights,
                   double alarm_below = kSrmAlarm);

/// Adjusted p values in the order given (family-wise error; false discovery rate).
std::vector<double> holm(std::span<const double> p);
std::vector<double> benjamini_hochberg(std::span<const double> p);
/// The interval that an adjusted p implies; never narrower than `unadjusted`.
Interval adjusted_interval(double estimate, double p_adjusted, Interval unadjusted,
                           double alpha = 0.05);

/// What a two-arm comparison can find. `users_per_arm` may be fractional (a plan).
struct PowerPlan {
  double mean = 0;      ///< of the metric without treatment
  double variance = 0;  ///< per user
  double users_per_arm = 0;
  EffectKind effect = EffectKind::kRelative;
  double alpha = 0.05;
  bool sequential = false;
  double tuning = 5000;
};
/// Probability of finding an effect of that size (two-sided).
Answer<double> power_of(const PowerPlan& plan, double effect);
/// The smallest effect found with probability `power`. kNotSolvable when there is none.
Answer<double> minimum_detectable_effect(const PowerPlan& plan, double power = 0.8);

/// Users per arm at which `effect` is found with probability `power` (the plan's own number is not
/// looked at). kNotSolvable when 10^15 do not do.
Answer<double> users_needed(PowerPlan plan, double effect, double power = 0.8);

/// While an experiment runs, alpha is shared by all its comparisons: (arms - 1) × goal metrics.
double shared_alpha(double alpha, int arms, int goals);
/// Half way: what the evidence so far can find, and how many more users it takes. Needs nothing but
/// the standard error reached, since it shrinks with the root of the users.
struct RunningPower {
  double power = 0;           ///< of finding `effect` now
  double users_more = 0;      ///< of both arms until `power` is reached; 0: enough
  double minimum_effect = 0;  ///< found now with that probability
};
/// Requires evidence.se > 0, effect != 0, 0 < alpha < 1, 0 < power < 1. `tuning`: sequential.
Answer<RunningPower> power_so_far(const Evidence& evidence, double effect, double alpha = 0.05,
                                  double power = 0.8, std::optional<double> tuning = {});

}  // namespace zhiyin::statistics
