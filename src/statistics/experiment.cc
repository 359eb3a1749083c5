#include "statistics/experiment.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/check.h"
#include "statistics/distributions.h"

namespace zhiyin::statistics {

double srm_p(std::span<const double> users, std::span<const double> weights) {
  ZHIYIN_CHECK(users.size() == weights.size());
  double total_users = 0;
  double total_weight = 0;
  int arms = 0;
  for (std::size_t i = 0; i < users.size(); ++i) {
    if (!(weights[i] > 0)) continue;
    total_users += users[i];
    total_weight += weights[i];
    ++arms;
  }
  if (arms < 2 || !(total_users > 0)) return 1;
  double chi2 = 0;
  for (std::size_t i = 0; i < users.size(); ++i) {
    if (!(weights[i] > 0)) continue;
    const double expected = total_users * weights[i] / total_weight;
    chi2 += (users[i] - expected) * (users[i] - expected) / expected;
  }
  return chi2_upper_tail(chi2, arms - 1);
}

namespace {

std::vector<std::size_t> ascending_order(std::span<const double> p) {
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, {}, [&](std::size_t i) { return std::pair(p[i], i); });
  return order;
}

}  // namespace

std::vector<double> holm(std::span<const double> p) {
  const std::vector<std::size_t> order = ascending_order(p);
  std::vector<double> out(p.size());
  double highest = 0;
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    highest = std::max(highest, p[order[rank]] * static_cast<double>(order.size() - rank));
    out[order[rank]] = std::min(1.0, highest);
  }
  return out;
}

std::vector<double> benjamini_hochberg(std::span<const double> p) {
  const std::vector<std::size_t> order = ascending_order(p);
  std::vector<double> out(p.size());
  double lowest = 1;
  for (std::size_t rank = order.size(); rank-- > 0;) {
    const double scaled =
        p[order[rank]] * static_cast<double>(order.size()) / static_cast<double>(rank + 1);
    lowest = std::min(lowest, scaled);
    out[order[rank]] = lowest;
  }
  return out;
}

Interval adjusted_interval(double estimate, double p_adjusted, Interval unadjusted, double alpha) {
  if (estimate == 0) return unadjusted;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (p_adjusted >= 1) return {-kInfinity, kInfinity};
  if (p_adjusted <= 0) return unadjusted;
  const double sd = std::fabs(estimate) / normal_quantile(1 - p_adjusted / 2);
  const double half = normal_quantile(1 - alpha / 2) * sd;
  return {std::min(unadjusted.low, estimate - half), std::max(unadjusted.high, estimate + half)};
}

namespace {

/// The factor that alpha's quantile is in a plain test; a sequential one needs more.
double critical_value(const PowerPlan& plan) {
  if (!plan.sequential) return normal_quantile(1 - plan.alpha / 2);
  return sequential_width(2 * plan.users_per_arm, plan.alpha, plan.tuning);
}

/// Standard error if the effect is `effect`: the relative one depends on the treatment's mean.
double planned_se(const PowerPlan& plan, double effect) {
  const double noise = plan.variance / plan.users_per_arm;
  if (plan.effect == EffectKind::kAbsolute) return std::sqrt(2 * noise);
  const double square = plan.mean * plan.mean;
  const double treatment = plan.mean + effect * std::fabs(plan.mean);
  return std::sqrt(noise / square + noise * treatment * treatment / (square * square));
}

Answer<void> check_plan(const PowerPlan& plan) {
  if (plan.users_per_arm < 2) return std::unexpected(Refusal::kTooFewUsers);
  if (!(plan.variance > 0)) return std::unexpected(Refusal::kNoVariance);
  if (plan.effect == EffectKind::kRelative && plan.mean == 0) {
    return std::unexpected(Refusal::kZeroBaseline);
  }
  return {};
}

}  // namespace

Answer<double> power_of(const PowerPlan& plan, double effect) {
  if (const Answer<void> checked = check_plan(plan); !checked) {
    return std::unexpected(checked.error());
  }
  const double z = normal_quantile(1 - plan.alpha / 2);
  const double se = planned_se(plan, effect) * critical_value(plan) / z;
  return 1 - normal_cdf(z - effect / se) + normal_cdf(-z - effect / se);
}

Answer<double> minimum_detectable_effect(const PowerPlan& plan, double power) {
  if (const Answer<void> checked = check_plan(plan); !checked) {
    return std::unexpected(checked.error());
  }
  const double z = normal_quantile(1 - plan.alpha / 2);
  const double k = (z + normal_quantile(power)) * critical_value(plan) / z;
  const double noise = plan.variance / plan.users_per_arm;
  if (plan.effect == EffectKind::kAbsolute) return k * std::sqrt(2 * noise);
  // effect = k se(effect) squared, with x = treatment mean / control mean:
  // (x - 1)^2 = q (1 + x^2), q = k^2 noise / mean^2.
  const double q = k * k * noise / (plan.mean * plan.mean);
  if (q >= 1) return std::unexpected(Refusal::kNotSolvable);
  const double rest = 1 - q;
  // For a negative baseline the better mean lies nearer to 0: the other root.
  const double root = std::sqrt(1 - rest * rest);
  return plan.mean > 0 ? (1 + root) / rest - 1 : 1 - (1 - root) / rest;
}

namespace {

struct PairMoments {
  double n, mean_y, mean_x, var_y, var_x, cov;
};

PairMoments pair_moments(const CovariateArm& a) {
  const Moments y = mean_moments(a.n, a.post_sum, a.post_sum_squares);
  const Moments x = mean_moments(a.n, a.pre_sum, a.pre_sum_squares);
  const double cov = (a.sum_products - a.post_sum * a.pre_sum / a.n) / (a.n - 1);
  return {a.n, y.mean, x.mean, y.variance, x.variance, cov};
}

CovariateArm added(const CovariateArm& a, const CovariateArm& b) {
  return {a.n + b.n,
          a.post_sum + b.post_sum,
          a.post_sum_squares + b.post_sum_squares,
          a.pre_sum + b.pre_sum,
          a.pre_sum_squares + b.pre_sum_squares,
          a.sum_products + b.sum_products};
}

double adjusted_variance(const PairMoments& m, double theta) {
  return m.var_y + theta * theta * m.var_x - 2 * theta * m.cov;
}

}  // namespace

double cuped_theta(const CovariateArm& control, const CovariateArm& treatment) {
  const PairMoments pooled = pair_moments(added(control, treatment));
  if (!(pooled.var_x > 0) || !(pooled.var_y > 0)) return 0;
  return pooled.cov / pooled.var_x;
}

Answer<Effect> cuped_effect(const CovariateArm& control, const CovariateArm& treatment,
                            EffectKind kind) {
  if (control.n < 2 || treatment.n < 2) return std::unexpected(Refusal::kTooFewUsers);
  const double theta = cuped_theta(control, treatment);
  const PairMoments a = pair_moments(control);
  const PairMoments b = pair_moments(treatment);
  const double adjusted_a = adjusted_variance(a, theta);
  const double adjusted_b = adjusted_variance(b, theta);
  if (!(adjusted_a > 0) || !(adjusted_b > 0)) return std::unexpected(Refusal::kNoVariance);
  const double difference = (b.mean_y - theta * b.mean_x) - (a.mean_y - theta * a.mean_x);
  if (kind == EffectKind::kAbsolute) {
    return Effect{difference, std::sqrt(adjusted_a / a.n + adjusted_b / b.n)};
  }
  if (a.mean_y == 0) return std::unexpected(Refusal::kZeroBaseline);
  // The denominator is the control's unadjusted mean, which moves with its adjusted one.
  const double square = a.mean_y * a.mean_y;
  const double ratio = b.mean_y / a.mean_y;
  const double control_term =
      (a.var_y * ratio * ratio - 2 * theta * a.cov * ratio + theta * theta * a.var_x) /
      (a.n * square);
  return Effect{difference / std::fabs(a.mean_y),
                std::sqrt(adjusted_b / (b.n * square) + control_term)};
}

}  // namespace zhiyin::statistics
