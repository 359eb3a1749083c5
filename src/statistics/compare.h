#pragma once

#include "statistics/arm.h"
#include "statistics/interval.h"

namespace zhiyin::statistics {

enum class Sides { kTwo, kGreater, kLess };

/// An effect with what is known about it. `dof` is infinite where no t distribution is involved.
struct Comparison {
  double estimate = 0;
  double se = 0;
  Interval interval;
  double p = 1;
  double dof = 0;
};

/// An effect with all that the methods below need, whatever made it: plain moments, CUPED,
/// strata, quantiles or clusters.
struct Evidence {
  double estimate = 0;
  double se = 0;
  double users = 0;     ///< of both arms
  double dof = 0;       ///< Welch and Satterthwaite; infinite: the normal distribution
  double baseline = 0;  ///< the control's mean, in the metric's units
  EffectKind kind = EffectKind::kAbsolute;
};
Answer<Evidence> evidence_between(const Moments& control, const Moments& treatment,
                                  EffectKind kind);
/// Welch's degrees of freedom from variances of the two means.
double welch_dof(double noise_a, double dof_a, double noise_b, double dof_b);

/// Welch's t test, planned for one look. `alpha` in (0, 1).
/// `kGreater` keeps the lower bound only and tests "treatment is not better"; `kLess` mirrors it.
Answer<Comparison> compare_fixed(const Moments& control, const Moments& treatment,
                                 EffectKind effect, double alpha = 0.05, Sides sides = Sides::kTwo);

Comparison compare_fixed(const Evidence& evidence, double alpha = 0.05, Sides sides = Sides::kTwo);

/// Where the search for a one-sided sequential p ends: so high says "at least".
inline constexpr double kOneSidedPMax = 0.4999;
/// Asymptotic confidence sequence: valid at every look. `tuning` is the number of users at which
/// the interval is tightest.
struct SequentialSettings {
  double alpha = 0.05;
  double tuning = 5000;
  Sides sides = Sides::kTwo;
};
Answer<Comparison> compare_sequential(const Moments& control, const Moments& treatment,
                                      EffectKind effect, SequentialSettings settings = {});
Comparison compare_sequential(const Evidence& evidence, SequentialSettings settings = {});
/// Half width of the two-sided sequence as a multiple of the effect's standard error.
double sequential_width(double users, double alpha, double tuning);

/// Normal prior on the relative effect; absent: flat. The usual informed one is {0, 0.3}. The
/// commands take means up to 1e9 either way and deviations from 1e-9 to 1e9.
struct Prior {
  double mean = 0;
  double sd = 0.3;
};
struct Posterior {
  double mean = 0;
  double sd = 0;
  Interval interval;
  double chance_to_win = 0.5;
  double risk_keep = 0;  ///< expected loss of keeping control
  double risk_ship = 0;  ///< expected loss of shipping the treatment
};
/// False for an absolute effect on a baseline of (almost) 0, of which the prior's deviation would
/// be nothing: an informed prior would be a certainty of no effect.
bool has_unit_for_prior(const Evidence& evidence, const Prior& prior);
Answer<Posterior> compare_bayesian(const Moments& control, const Moments& treatment,
                                   EffectKind effect, std::optional<Prior> prior = {},
                                   double alpha = 0.05);
/// Requires `has_unit_for_prior`.
Posterior compare_bayesian(const Evidence& evidence, std::optional<Prior> prior = {},
                           double alpha = 0.05);

}  // namespace zhiyin::statistics
