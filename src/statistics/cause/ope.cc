#include "statistics/cause/ope.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "statistics/accumulator.h"
#include "statistics/distributions.h"
#include "statistics/limits.h"

namespace zhiyin::statistics {
namespace {

bool needs_model(OpeEstimator e) {
  return e == OpeEstimator::kDirect || e == OpeEstimator::kDoublyRobust ||
         e == OpeEstimator::kSwitch;
}

/// What was logged had a better chance than that; weights stay within what the sums take.
constexpr double kPropensityMin = 1e-60;

Result<void> check(const OpeLog& log, const OpeSettings& settings) {
  const std::size_t n = log.reward.size();
  if (n < 2) return fail_field("reward", "has {} rows, fewer than two", n);
  if (log.propensity.size() != n || log.target.size() != n) {
    return fail_field("propensity", "rewards, propensities and targets differ in number");
  }
  if (needs_model(settings.estimator) &&
      (log.predicted.size() != n || log.predicted_target.size() != n)) {
    return fail_field("predicted", "is missing: this estimator needs a reward model");
  }
  if (!(settings.clip > 0)) return fail_field("clip", "is {}, not above 0", settings.clip);
  for (std::size_t i = 0; i < n; ++i) {
    if (!is_usable(log.reward[i])) {
      return fail_field(fmt::format("reward[{}]", i), "is {}, not a finite number up to {}",
                        log.reward[i], kValueMax);
    }
    if (!(log.propensity[i] >= kPropensityMin && log.propensity[i] <= 1)) {
      return fail_field(fmt::format("propensity[{}]", i),
                        "is {}, not above 0 ({} at least) and up to 1", log.propensity[i],
                        kPropensityMin);
    }
    if (!(log.target[i] >= 0 && log.target[i] <= 1)) {
      return fail_field(fmt::format("target[{}]", i), "is {}, not 0 to 1", log.target[i]);
    }
    if (needs_model(settings.estimator) &&
        (!is_usable(log.predicted[i]) || !is_usable(log.predicted_target[i]))) {
      return fail_field(fmt::format("predicted[{}]", i), "is not a finite number up to {}",
                        kValueMax);
    }
  }
  return {};
}

/// What one row contributes to a plain mean.
double term_of(const OpeLog& log, const OpeSettings& s, std::size_t i, double weight) {
  switch (s.estimator) {
    case OpeEstimator::kIps:
    case OpeEstimator::kSelfNormalised:
      return weight * log.reward[i];
    case OpeEstimator::kClipped:
      return std::min(weight, s.clip) * log.reward[i];
    case OpeEstimator::kDirect:
      return log.predicted_target[i];
    case OpeEstimator::kDoublyRobust:
      return log.predicted_target[i] + weight * (log.reward[i] - log.predicted[i]);
    case OpeEstimator::kSwitch:
      return log.predicted_target[i] +
             (weight <= s.clip ? weight * (log.reward[i] - log.predicted[i]) : 0);
  }
  return 0;
}

}  // namespace

Result<OpeResult> evaluate_policy(const OpeLog& log, const OpeSettings& settings) {
  ZHIYIN_TRY_VOID(check(log, settings));
  const std::size_t n = log.reward.size();
  const auto count = static_cast<double>(n);
  std::vector<double> weights(n);
  OpeResult out;
  CompensatedSum sum;
  CompensatedSum squares;
  for (std::size_t i = 0; i < n; ++i) {
    weights[i] = log.target[i] / log.propensity[i];
    sum.add(weights[i]);
    squares.add(weights[i] * weights[i]);
    out.weight_max = std::max(out.weight_max, weights[i]);
    out.clipped_share += weights[i] > settings.clip ? 1 / count : 0;
  }
  out.mean_weight = sum.value() / count;
  out.effective_size = squares.value() > 0 ? sum.value() * sum.value() / squares.value() : 0;
  if (!(out.effective_size >= settings.effective_min)) {
    return fail(ErrorCode::kUnsupported,
                "off-policy: the log is worth {:.1f} rows for this policy, fewer than {}",
                out.effective_size, settings.effective_min);
  }
  Accumulator terms;
  for (std::size_t i = 0; i < n; ++i) terms.add(term_of(log, settings, i, weights[i]));
  out.value = terms.mean();
  out.se = std::sqrt(terms.variance() / count);
  if (settings.estimator == OpeEstimator::kSelfNormalised) {
    // A ratio of two means; its variance by the delta method.
    out.value = terms.sum() / sum.value();
    double spread = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const double d = weights[i] * (log.reward[i] - out.value);
      spread += d * d;
    }
    out.se = std::sqrt(spread) / sum.value();
  }
  const double half = normal_quantile(1 - settings.alpha / 2) * out.se;
  out.interval = {out.value - half, out.value + half};
  return out;
}

Matrix action_mean_model(std::span<const std::uint32_t> action, std::span<const double> reward,
                         std::uint32_t actions, int folds, double prior) {
  ZHIYIN_CHECK(action.size() == reward.size() && folds >= 2);
  const std::size_t n = action.size();
  const auto parts = static_cast<std::size_t>(folds);
  Matrix sums(parts, actions);
  Matrix counts(parts, actions);
  std::vector<double> all_sums(actions, 0);
  std::vector<double> all_counts(actions, 0);
  double total = 0;
  for (std::size_t i = 0; i < n; ++i) {
    ZHIYIN_CHECK(action[i] < actions);
    sums.at(i % parts, action[i]) += reward[i];
    counts.at(i % parts, action[i]) += 1;
    all_sums[action[i]] += reward[i];
    all_counts[action[i]] += 1;
    total += reward[i];
  }
  Matrix by_fold(parts, actions);
  for (std::size_t f = 0; f < parts; ++f) {
    double rest_sum = total;
    auto rest_count = static_cast<double>(n);
    for (std::uint32_t a = 0; a < actions; ++a) {
      rest_sum -= sums.at(f, a);
      rest_count -= counts.at(f, a);
    }
    const double overall = rest_count > 0 ? rest_sum / rest_count : 0;
    for (std::uint32_t a = 0; a < actions; ++a) {
      by_fold.at(f, a) = (all_sums[a] - sums.at(f, a) + prior * overall) /
                         std::max(all_counts[a] - counts.at(f, a) + prior, 1e-300);
    }
  }
  Matrix out(n, actions);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::uint32_t a = 0; a < actions; ++a) out.at(i, a) = by_fold.at(i % parts, a);
  }
  return out;
}

}  // namespace zhiyin::statistics
