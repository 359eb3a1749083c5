#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "statistics/compare.h"

/// Checks and plans around comparisons. Pure, thread-safe.
namespace zhiyin::statistics {

inline constexpr double kSrmAlarm = 0.001;
/// Sample-ratio check: p of the chi-square test of observed users against weights. Arms of weight 0
/// are left out; with fewer than two arms left, or no users, 1. Requires equal lengths. Members of
/// a holdout must not be counted.
double srm_p(std::span<const double> users, std::span<const double> weights);

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

/// Sufficient statistics with a covariate from before the experiment (CUPED).
struct CovariateArm {
  double n = 0;
  double post_sum = 0, post_sum_squares = 0;
  double pre_sum = 0, pre_sum_squares = 0;
  double sum_products = 0;  ///< post times pre
};
/// Regression of post on pre over both arms together; 0 when either has no variance.
double cuped_theta(const CovariateArm& control, const CovariateArm& treatment);
/// Adjusted effect: the covariate's share of the noise removed.
Answer<Effect> cuped_effect(const CovariateArm& control, const CovariateArm& treatment,
                            EffectKind kind);

}  // namespace zhiyin::statistics
