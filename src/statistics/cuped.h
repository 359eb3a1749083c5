#pragma once

#include "statistics/compare.h"

/// CUPED (Deng et al. 2013): the part of the noise that the users' own past explains is taken out.
/// Pure, thread-safe. Rules: the reference for means, the delta method for ratios.
namespace zhiyin::statistics {

/// Sufficient statistics with a covariate from before the experiment.
struct CovariateArm {
  double n = 0;
  double post_sum = 0, post_sum_squares = 0;
  double pre_sum = 0, pre_sum_squares = 0;
  double sum_products = 0;  ///< post times pre
  /// Sums of hits: the variance has the divisor n, as without a covariate; the covariance too when
  /// both are.
  bool post_hits = false, pre_hits = false;
};
/// Regression of post on pre over both arms together; 0 when either has no variance.
double cuped_theta(const CovariateArm& control, const CovariateArm& treatment);
/// Adjusted effect. For a relative one the denominator is the control's unadjusted mean.
Answer<Evidence> cuped_evidence(const CovariateArm& control, const CovariateArm& treatment,
                                EffectKind kind);
Answer<Effect> cuped_effect(const CovariateArm& control, const CovariateArm& treatment,
                            EffectKind kind);

/// A ratio with a ratio before: sums and sums of products of (M post, D post, M pre, D pre).
struct RatioCovariateArm {
  double n = 0;
  double sums[4] = {};
  double products[4][4] = {};  ///< symmetric; the diagonal holds sums of squares
};
double cuped_ratio_theta(const RatioCovariateArm& control, const RatioCovariateArm& treatment);
Answer<Evidence> cuped_ratio_evidence(const RatioCovariateArm& control,
                                      const RatioCovariateArm& treatment, EffectKind kind);

/// CUPED of two arms that carry `covariate`; of means, proportions or ratios by their kind.
Answer<Evidence> cuped_evidence(const Arm& control, const Arm& treatment, EffectKind kind);

}  // namespace zhiyin::statistics
