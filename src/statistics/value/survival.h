#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/error.h"
#include "statistics/interval.h"
#include "statistics/linear.h"

/// Time until something happens (leaving, a first purchase), where it has not happened to everybody
/// yet. Pure, thread-safe.
namespace zhiyin::statistics {

struct Lifetime {
  double duration = 0;
  bool observed = true;     ///< false: still there when the data end
  std::uint32_t group = 0;  ///< for the comparison of groups
};
/// kInvalidArgument, naming the row, unless durations are finite and >= 0; also when there is none.
Result<void> check_lifetimes(std::span<const Lifetime> lifetimes);

/// One step of the Kaplan-Meier curve, at a time when somebody left.
struct SurvivalStep {
  double time = 0;
  double at_risk = 0;
  double events = 0;
  double survival = 1;
  double se = 0;      ///< Greenwood; NaN where everybody has left
  Interval interval;  ///< on the log(-log) scale, so within 0 and 1; NaN likewise
};
/// Requires checked lifetimes.
std::vector<SurvivalStep> kaplan_meier(std::span<const Lifetime> lifetimes, double alpha = 0.05);
/// The first time at which no more than half are left; infinite when that is never seen.
double median_survival(std::span<const SurvivalStep> curve);

/// Are the groups' curves the same?
struct LogRank {
  double chi2 = 0;
  double dof = 0;
  double p = 1;
};
/// kInvalidArgument with fewer than two groups or no event; kUnsupported when the groups are never
/// at risk together.
Result<LogRank> log_rank(std::span<const Lifetime> lifetimes);

/// Cox's proportional hazards, ties by Efron. Row i of `covariates` belongs to lifetime i.
struct CoxFit {
  std::vector<double> coefficients;  ///< log hazard ratios
  std::vector<double> standard_errors;
  std::vector<double> p;
  double log_likelihood = 0;
  double log_likelihood_null = 0;
  double concordance = 0.5;  ///< pairs ordered right, of those that can be ordered
};
inline constexpr std::size_t kCoxCovariatesMax = 30;
/// kInvalidArgument for covariates that are not finite, do not vary, or are too many; kUnsupported
/// when the likelihood has no maximum (a covariate separates the events).
Result<CoxFit> fit_cox(std::span<const Lifetime> lifetimes, const Matrix& covariates);

}  // namespace zhiyin::statistics
