#include "statistics/compare.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "statistics/distributions.h"
#include "statistics/limits.h"

namespace zhiyin::statistics {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

template <class T>
std::unexpected<Refusal> refused(const Answer<T>& answer) {
  return std::unexpected(answer.error());
}

Interval interval_around(double middle, double half, Sides sides) {
  return {sides == Sides::kLess ? -kInfinity : middle - half,
          sides == Sides::kGreater ? kInfinity : middle + half};
}

double tuning_rho(double alpha, double tuning) {
  const double a = -2 * std::log(alpha);
  return std::sqrt((a + std::log(a + 1)) / tuning);
}

/// Multiple of the standard error, for mixture parameter rho; `log_term` carries the level.
double mixture_width(double users, double rho, double log_term) {
  const double spread = users * rho * rho + 1;
  return std::sqrt(users) * std::sqrt(2 * spread / (users * users * rho * rho) * log_term);
}

double one_sided_width(double users, double rho, double alpha) {
  return mixture_width(users, rho, std::log(1 + std::sqrt(users * rho * rho + 1) / (2 * alpha)));
}

/// No closed form: the level at which the bound touches 0, within the ends of the search.
double one_sided_p(double gain, double se, double users, double rho) {
  constexpr double kLowest = 1e-5;
  constexpr double kHighest = kOneSidedPMax;
  constexpr double kTolerance = 1e-6;
  constexpr int kStepsMax = 100;
  const auto bound = [&](double level) { return gain - se * one_sided_width(users, rho, level); };
  if (bound(kLowest) > 0) return kLowest;
  if (bound(kHighest) < 0) return kHighest;
  double low = kLowest;
  double high = kHighest;
  for (int step = 0; step < kStepsMax && high - low > kTolerance; ++step) {
    const double middle = (low + high) / 2;
    (bound(middle) > 0 ? high : low) = middle;
  }
  return (low + high) / 2;
}

double two_sided_sequential_p(double effect, double se, double users, double rho) {
  const double spread = users * rho * rho + 1;
  const double exponent = rho * rho * (effect * effect * users / (se * se)) / (2 * spread);
  // p = 1/e-value, on the log scale because e-values overflow early.
  return std::min(1.0, std::exp(std::log(spread) / 2 - exponent));
}

double positive_part(double mean, double sd) {
  const double z = mean / sd;
  // The normal density is zero in double precision far out.
  if (z > 37) return mean;
  if (z < -37) return 0;
  return mean * normal_cdf(z) + sd * normal_pdf(z);
}

}  // namespace

double welch_dof(double noise_a, double dof_a, double noise_b, double dof_b) {
  // Of shares, whose squares neither vanish nor overflow.
  const double a = noise_a / (noise_a + noise_b);
  const double b = noise_b / (noise_a + noise_b);
  return 1 / (a * a / dof_a + b * b / dof_b);
}

Answer<Evidence> evidence_between(const Moments& control, const Moments& treatment,
                                  EffectKind kind) {
  const Answer<Effect> found = effect_between(control, treatment, kind);
  if (!found) return refused(found);
  return Evidence{found->estimate,
                  found->se,
                  control.n + treatment.n,
                  welch_dof(control.variance / control.n, control.n - 1,
                            treatment.variance / treatment.n, treatment.n - 1),
                  control.mean,
                  kind};
}

Comparison compare_fixed(const Evidence& evidence, double alpha, Sides sides) {
  Comparison out{evidence.estimate, evidence.se, {}, 1, evidence.dof};
  const double t = out.estimate / out.se;
  const double tail = sides == Sides::kTwo ? alpha / 2 : alpha;
  out.interval = interval_around(out.estimate, t_upper_quantile(tail, out.dof) * out.se, sides);
  out.p = sides == Sides::kTwo       ? t_two_sided_p(t, out.dof)
          : sides == Sides::kGreater ? t_cdf(-t, out.dof)
                                     : t_cdf(t, out.dof);
  return out;
}

Answer<Comparison> compare_fixed(const Moments& control, const Moments& treatment,
                                 EffectKind effect, double alpha, Sides sides) {
  const Answer<Evidence> found = evidence_between(control, treatment, effect);
  if (!found) return refused(found);
  return compare_fixed(*found, alpha, sides);
}

double sequential_width(double users, double alpha, double tuning) {
  const double rho = tuning_rho(alpha, tuning);
  return mixture_width(users, rho, std::log(std::sqrt(users * rho * rho + 1) / alpha));
}

Comparison compare_sequential(const Evidence& evidence, SequentialSettings settings) {
  Comparison out{evidence.estimate, evidence.se, {}, 1, kInfinity};
  if (settings.sides == Sides::kTwo) {
    const double half = out.se * sequential_width(evidence.users, settings.alpha, settings.tuning);
    out.interval = interval_around(out.estimate, half, Sides::kTwo);
    out.p = two_sided_sequential_p(out.estimate, out.se, evidence.users,
                                   tuning_rho(settings.alpha, settings.tuning));
    return out;
  }
  const double rho = tuning_rho(2 * settings.alpha, settings.tuning);
  const double half = out.se * one_sided_width(evidence.users, rho, settings.alpha);
  out.interval = interval_around(out.estimate, half, settings.sides);
  const double gain = settings.sides == Sides::kGreater ? out.estimate : -out.estimate;
  out.p = one_sided_p(gain, out.se, evidence.users, rho);
  return out;
}

Answer<Comparison> compare_sequential(const Moments& control, const Moments& treatment,
                                      EffectKind effect, SequentialSettings settings) {
  const Answer<Evidence> found = evidence_between(control, treatment, effect);
  if (!found) return refused(found);
  return compare_sequential(*found, settings);
}

bool has_unit_for_prior(const Evidence& evidence, const Prior& prior) {
  if (evidence.kind == EffectKind::kRelative) return true;
  return std::fabs(evidence.baseline) * prior.sd >= std::sqrt(kVarianceMin);
}

Posterior compare_bayesian(const Evidence& evidence, std::optional<Prior> prior, double alpha) {
  double precision = 1 / (evidence.se * evidence.se);
  double weighted = evidence.estimate * precision;
  if (prior) {
    // The prior speaks of the relative effect.
    const double unit = evidence.kind == EffectKind::kAbsolute ? std::fabs(evidence.baseline) : 1;
    const double prior_precision = 1 / (prior->sd * prior->sd * unit * unit);
    precision += prior_precision;
    weighted += prior->mean * unit * prior_precision;
  }
  Posterior out;
  out.mean = weighted / precision;
  out.sd = 1 / std::sqrt(precision);
  const double half = normal_quantile(1 - alpha / 2) * out.sd;
  out.interval = {out.mean - half, out.mean + half};
  out.chance_to_win = normal_cdf(out.mean / out.sd);
  out.risk_keep = positive_part(out.mean, out.sd);
  out.risk_ship = positive_part(-out.mean, out.sd);
  return out;
}

Answer<Posterior> compare_bayesian(const Moments& control, const Moments& treatment,
                                   EffectKind effect, std::optional<Prior> prior, double alpha) {
  const Answer<Evidence> found = evidence_between(control, treatment, effect);
  if (!found) return refused(found);
  if (prior && !has_unit_for_prior(*found, *prior)) {
    return std::unexpected(Refusal::kZeroBaseline);
  }
  return compare_bayesian(*found, prior, alpha);
}

}  // namespace zhiyin::statistics
