#include "statistics/compare.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "statistics/distributions.h"

namespace zhiyin::statistics {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

template <class T>
std::unexpected<Refusal> refused(const Answer<T>& answer) {
  return std::unexpected(answer.error());
}

double welch_dof(const Moments& a, const Moments& b) {
  const double noise_a = a.variance / a.n;
  const double noise_b = b.variance / b.n;
  const double sum = noise_a + noise_b;
  return sum * sum / (noise_a * noise_a / (a.n - 1) + noise_b * noise_b / (b.n - 1));
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
  constexpr double kHighest = 0.4999;
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

Answer<Comparison> compare_fixed(const Moments& control, const Moments& treatment,
                                 EffectKind effect, double alpha, Sides sides) {
  const Answer<Effect> found = effect_between(control, treatment, effect);
  if (!found) return refused(found);
  Comparison out{found->estimate, found->se, {}, 1, welch_dof(control, treatment)};
  const double t = out.estimate / out.se;
  const double level = sides == Sides::kTwo ? 1 - alpha / 2 : 1 - alpha;
  out.interval = interval_around(out.estimate, t_quantile(level, out.dof) * out.se, sides);
  out.p = sides == Sides::kTwo       ? t_two_sided_p(t, out.dof)
          : sides == Sides::kGreater ? t_cdf(-t, out.dof)
                                     : t_cdf(t, out.dof);
  return out;
}

double sequential_width(double users, double alpha, double tuning) {
  const double rho = tuning_rho(alpha, tuning);
  return mixture_width(users, rho, std::log(std::sqrt(users * rho * rho + 1) / alpha));
}

Answer<Comparison> compare_sequential(const Moments& control, const Moments& treatment,
                                      EffectKind effect, SequentialSettings settings) {
  const Answer<Effect> found = effect_between(control, treatment, effect);
  if (!found) return refused(found);
  const double users = control.n + treatment.n;
  Comparison out{found->estimate, found->se, {}, 1, kInfinity};
  if (settings.sides == Sides::kTwo) {
    const double half = out.se * sequential_width(users, settings.alpha, settings.tuning);
    out.interval = interval_around(out.estimate, half, Sides::kTwo);
    out.p = two_sided_sequential_p(out.estimate, out.se, users,
                                   tuning_rho(settings.alpha, settings.tuning));
    return out;
  }
  const double rho = tuning_rho(2 * settings.alpha, settings.tuning);
  const double half = out.se * one_sided_width(users, rho, settings.alpha);
  out.interval = interval_around(out.estimate, half, settings.sides);
  const double gain = settings.sides == Sides::kGreater ? out.estimate : -out.estimate;
  out.p = one_sided_p(gain, out.se, users, rho);
  return out;
}

Answer<Posterior> compare_bayesian(const Moments& control, const Moments& treatment,
                                   EffectKind effect, std::optional<Prior> prior, double alpha) {
  const Answer<Effect> found = effect_between(control, treatment, effect);
  if (!found) return refused(found);
  double precision = 1 / (found->se * found->se);
  double weighted = found->estimate * precision;
  if (prior) {
    // The prior speaks of the relative effect.
    const double unit = effect == EffectKind::kAbsolute ? std::fabs(control.mean) : 1;
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

}  // namespace zhiyin::statistics
