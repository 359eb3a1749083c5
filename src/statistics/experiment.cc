#include "statistics/experiment.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/check.h"
#include "statistics/distributions.h"
#include "statistics/limits.h"

namespace zhiyin::statistics {

Result<std::vector<double>> planned_shares(std::span<const double> weights) {
  double sum = 0;
  bool whole = true;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (!(weights[i] >= 0) || !is_usable(weights[i])) {
      return fail_field(fmt::format("weights[{}]", i), "is {}, not a number from 0 up", weights[i]);
    }
    sum += weights[i];
    whole = whole && weights[i] == std::floor(weights[i]);
  }
  if (!(sum > 0)) return fail_field("weights", "none is above 0");
  std::vector<double> out(weights.begin(), weights.end());
  if (whole) {
    for (double& w : out) w /= sum;
    return out;
  }
  if (std::fabs(sum - 1) > kWeightRounding * (1 + 1e-9)) {
    return fail_field("weights", "add up to {:.6g}, not 1 (whole numbers would be a ratio)", sum);
  }
  return out;
}

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

bool srm_can_alarm(std::span<const double> users, std::span<const double> weights,
                   double alarm_below) {
  ZHIYIN_CHECK(users.size() == weights.size());
  // The farthest split: all of them in the arm that was to have the fewest.
  std::vector<double> farthest(users.size(), 0);
  std::size_t rarest = users.size();
  double all = 0;
  int arms = 0;
  for (std::size_t i = 0; i < users.size(); ++i) {
    if (!(weights[i] > 0)) continue;
    ++arms;
    all += users[i];
    if (rarest == users.size() || weights[i] < weights[rarest]) rarest = i;
  }
  if (arms < 2) return true;
  farthest[rarest] = all;
  return srm_p(farthest, weights) < alarm_below;
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
  const double ratio = 1 + (plan.mean > 0 ? effect : -effect);  // of the treatment's mean to it
  return std::sqrt(noise / square * (1 + ratio * ratio));
}

Answer<void> check_plan(const PowerPlan& plan) {
  if (plan.users_per_arm < 2) return std::unexpected(Refusal::kTooFewUsers);
  if (const auto checked = check_variance(plan.variance); !checked) return checked;
  if (!(plan.variance <= kSumMax) || !is_usable(plan.mean)) {
    return std::unexpected(Refusal::kNotFinite);
  }
  if (plan.effect == EffectKind::kRelative && !(std::fabs(plan.mean) > 1 / kValueMax)) {
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

Answer<double> users_needed(PowerPlan plan, double effect, double power) {
  constexpr double kUsersMax = 1e15;
  const auto power_with = [&](double users) {
    plan.users_per_arm = users;
    return power_of(plan, effect);
  };
  if (const auto most = power_with(kUsersMax); !most || *most < power) {
    return std::unexpected(most ? Refusal::kNotSolvable : most.error());
  }
  double low = 2;
  double high = kUsersMax;
  if (*power_with(low) >= power) return low;
  // On the log scale: the answer may be anything between two users and the bound.
  while (high / low > 1 + 1e-12 && high - low > 1e-6) {
    const double middle = std::sqrt(low * high);
    (*power_with(middle) >= power ? high : low) = middle;
  }
  return std::ceil(high - 1e-6);
}

double shared_alpha(double alpha, int arms, int goals) {
  return alpha / static_cast<double>(std::max(1, arms - 1) * std::max(1, goals));
}

Answer<RunningPower> power_so_far(const Evidence& evidence, double effect, double alpha,
                                  double power, std::optional<double> tuning) {
  if (!(evidence.se > 0) || effect == 0) return std::unexpected(Refusal::kNotSolvable);
  const double z = normal_quantile(1 - alpha / 2);
  const auto se_with = [&](double users) {
    const double factor = tuning ? sequential_width(users, alpha, *tuning) / z : 1;
    return evidence.se * std::sqrt(evidence.users / users) * factor;
  };
  const auto power_with = [&](double users) {
    const double d = std::fabs(effect) / se_with(users);
    return normal_cdf(d - z) + normal_cdf(-z - d);
  };
  RunningPower out;
  out.power = power_with(evidence.users);
  out.minimum_effect = (z + normal_quantile(power)) * se_with(evidence.users);
  if (out.power >= power) return out;
  constexpr double kUsersMax = 1e15;
  double low = evidence.users;
  double high = kUsersMax;
  if (power_with(high) < power) return std::unexpected(Refusal::kNotSolvable);
  while (high / low > 1 + 1e-12 && high - low > 1e-6) {
    const double middle = std::sqrt(low * high);
    (power_with(middle) >= power ? high : low) = middle;
  }
  out.users_more = std::ceil(high - evidence.users - 1e-6);
  return out;
}

}  // namespace zhiyin::statistics
