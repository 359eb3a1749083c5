#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/error.h"
#include "statistics/arm.h"
#include "statistics/interval.h"
#include "statistics/linear.h"

/// Effects without randomisation, from what was before and beside. Pure, thread-safe.
namespace zhiyin::statistics {

struct EffectEstimate {
  double estimate = 0;
  double se = 0;
  Interval interval;
  double p = 1;
  double dof = 0;
};

/// Difference in differences of four independent groups of people (repeated cross-sections): Welch.
Answer<EffectEstimate> difference_in_differences(const Moments& control_before,
                                                 const Moments& control_after,
                                                 const Moments& treated_before,
                                                 const Moments& treated_after, double alpha = 0.05);
/// The same of units seen before and after (a panel): the groups' mean changes are compared.
struct PanelUnit {
  double before = 0;
  double after = 0;
  bool treated = false;
};
Answer<EffectEstimate> difference_in_differences(std::span<const PanelUnit> units,
                                                 double alpha = 0.05);
/// The same from the moments of each group's changes (after - before of a unit).
Answer<EffectEstimate> difference_of_changes(const Moments& control, const Moments& treated,
                                             double alpha = 0.05);
/// Sums of one group and period, as they are stored; hits of a proportion without `sum_squares`.
struct PeriodSums {
  std::int64_t n = 0;
  double sum = 0;
  std::optional<double> sum_squares;
};
/// One group before and after. With `sum_products` (before times after, over units) the same units
/// were seen in both periods, and n is the same there.
struct GroupSums {
  PeriodSums before;
  PeriodSums after;
  std::optional<double> sum_products;
};
/// From stored sums: of units where both groups have products, else of four groups. Refusals of
/// `moments_of`; kImpossibleSums for products without squares, with other counts, or beyond what
/// the squares allow; kIncompleteArm when only one group has them.
Answer<EffectEstimate> difference_in_differences(const GroupSums& control, const GroupSums& treated,
                                                 double alpha = 0.05);

/// Segmented regression of a series: level and slope before, change of both at `start`. One value a
/// step; NaN: missing, which takes its step all the same.
struct InterruptedSettings {
  std::size_t start = 0;  ///< index of the first value after the interruption
  int lags = -1;          ///< of Newey and West's variance; below 0: floor(4 (n/100)^(2/9))
  double alpha = 0.05;
};
struct InterruptedResult {
  double intercept = 0, slope = 0;  ///< before; time counts from 0
  EffectEstimate level;             ///< jump at `start`
  EffectEstimate trend;             ///< change of the slope
  int lags = 0;
  /// Share of the other possible starting places (of a long series, some at equal distances) whose
  /// |t| of the jump is at least as large.
  double placebo_p = 1;
  std::size_t placebos = 0;
};
/// Normal intervals with Newey and West's variance (Bartlett weights, no small-sample factor).
/// kInvalidArgument unless there are four values at either side, finite and up to kValueMax;
/// kLimitReached for more than kInterruptedMax; kUnsupported for a series without variance.
inline constexpr std::size_t kInterruptedMax = 100000;
Result<InterruptedResult> interrupted_series(std::span<const double> values,
                                             const InterruptedSettings& settings);

/// Synthetic control (Abadie, Diamond and Hainmueller 2010): weights >= 0 that add up to 1, so that
/// the donors together follow the treated unit before `start`.
struct SyntheticResult {
  std::vector<double> weights;    ///< one per donor
  std::vector<double> synthetic;  ///< one per period
  double rmse_before = 0;
  double effect = 0;      ///< mean difference from `start` on
  double rmse_ratio = 0;  ///< after over before; large: the difference is no bad fit
  /// Share of the units (donors and treated) whose ratio, treated as if it were the treated one, is
  /// at least as large.
  double placebo_p = 1;
};
/// `donors`: periods × units. kInvalidArgument for fewer than two donors or periods before, none
/// after, or values that are not finite; kLimitReached for more than kDonorsMax.
inline constexpr std::size_t kDonorsMax = 100;
Result<SyntheticResult> synthetic_control(std::span<const double> treated, const Matrix& donors,
                                          std::size_t start);

/// min |a w - y|² over w >= 0 with sum 1, by projected gradients with momentum. Requires y.size()
/// == a.rows and a.columns >= 1.
std::vector<double> simplex_least_squares(const Matrix& a, std::span<const double> y);

}  // namespace zhiyin::statistics
