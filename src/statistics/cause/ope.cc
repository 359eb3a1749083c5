#include "statistics/cause/ope.h"

#include <algorithm>
#include <cmath>
#include <limits>

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
  if (!log.influence.empty() && log.influence.size() != n) {
    return fail_field("influence", "are {} of {} rows", log.influence.size(), n);
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

/// What the policy shares with the log: rows with a weight.
struct Shared {
  double reward = 0;   ///< of the heaviest of them
  double rows = 0;     ///< with that reward
  bool equal = true;   ///< the others weigh nothing
  bool binary = true;  ///< all rewards of the log are 0 or 1
};
Shared shared_rows(const OpeLog& log, std::span<const double> weights, double effective_size) {
  constexpr double kRounding = 1e-12;
  constexpr double kRowsMin = 0.01;
  Shared out;
  out.reward =
      log.reward[static_cast<std::size_t>(std::ranges::max_element(weights) - weights.begin())];
  double other = 0;
  double all = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double r = log.reward[i];
    out.binary = out.binary && (r == 0 || r == 1);
    const bool same = std::fabs(r - out.reward) <= kRounding * std::fabs(out.reward);
    out.rows += same && weights[i] > 0 ? 1 : 0;
    all += weights[i];
    if (!same) other += weights[i];
  }
  out.equal = other * effective_size <= kRowsMin * all;
  return out;
}

/// Standard error of the estimate, NaN when the model's part of it is not known.
double standard_error(const OpeLog& log, const OpeSettings& s, std::span<const double> weights,
                      const OpeResult& r, double weight_sum) {
  const std::size_t n = log.reward.size();
  const auto count = static_cast<double>(n);
  double squares = 0;
  if (s.estimator == OpeEstimator::kSelfNormalised) {
    // A ratio of two means; its variance by the delta method.
    for (std::size_t i = 0; i < n; ++i) {
      const double d = weights[i] * (log.reward[i] - r.value);
      squares += d * d;
    }
    return std::sqrt(squares) / weight_sum;
  }
  const bool trusts_model = s.estimator == OpeEstimator::kDirect ||
                            (s.estimator == OpeEstimator::kSwitch && r.clipped_share > 0);
  if (trusts_model && log.influence.empty()) return std::numeric_limits<double>::quiet_NaN();
  for (std::size_t i = 0; i < n; ++i) {
    const double own = (term_of(log, s, i, weights[i]) - r.value) / count;
    const double d = own + (trusts_model ? log.influence[i] : 0);
    squares += d * d;
  }
  // What shrinking moved is an error too, of unknown sign.
  const double shift = trusts_model ? log.model_shift : 0;
  return std::sqrt(squares * count / (count - 1) + shift * shift);
}

}  // namespace

bool weights_add_up(double mean, double se) {
  constexpr double kErrors = 6;
  constexpr double kNear = 0.05;
  return std::fabs(mean - 1) <= std::max(kNear, kErrors * se);
}

MeanWeight mean_weight(double sum, double squares, double n) {
  // The log's mean of w² is the policy's mean of w, which the weighted rows estimate.
  return {sum / n, sum > 0 ? std::sqrt(std::max(squares / sum - 1, 0.0) / n) : 0};
}

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
  const MeanWeight mean = mean_weight(sum.value(), squares.value(), count);
  out.mean_weight = mean.mean;
  out.mean_weight_se = mean.se;
  out.effective_size = squares.value() > 0 ? sum.value() * sum.value() / squares.value() : 0;
  if (!(out.effective_size >= settings.effective_min)) {
    return fail(ErrorCode::kUnsupported,
                "off-policy: the log is worth {:.1f} rows for this policy, fewer than {}",
                out.effective_size, settings.effective_min);
  }
  Accumulator terms;
  for (std::size_t i = 0; i < n; ++i) terms.add(term_of(log, settings, i, weights[i]));
  const bool is_ratio = settings.estimator == OpeEstimator::kSelfNormalised;
  out.value = is_ratio ? terms.sum() / sum.value() : terms.mean();
  out.se = standard_error(log, settings, weights, out, sum.value());
  const double half = normal_quantile(1 - settings.alpha / 2) * out.se;
  out.interval = {out.value - half, out.value + half};
  if (std::isnan(out.se)) out.method = OpeInterval::kNone;
  const Shared shared = shared_rows(log, weights, out.effective_size);
  if (!shared.equal) return out;
  if (!shared.binary) {
    return std::unexpected(
        Error{ErrorCode::kUnsupported,
              fmt::format("off-policy: the rewards of all {} rows that the policy shares are {}: "
                          "their spread is not known, so there is no honest interval",
                          shared.rows, shared.reward),
              "reward"});
  }
  const Interval wilson =
      wilson_interval(shared.reward * out.effective_size, out.effective_size, settings.alpha);
  // A mean of 0 and 1 lies between them, though the estimate may not.
  const Interval normal{std::fmax(out.interval.low, std::fmin(out.value, 0)),
                        std::fmin(out.interval.high, std::fmax(out.value, 1))};
  const bool wider = normal.low < wilson.low || normal.high > wilson.high;
  out.interval = {std::fmin(wilson.low, normal.low), std::fmax(wilson.high, normal.high)};
  out.method = wider ? OpeInterval::kWilsonOrNormal : OpeInterval::kWilson;
  out.se = std::numeric_limits<double>::quiet_NaN();
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

ModelError action_mean_error(std::span<const std::uint32_t> action, std::span<const double> reward,
                             std::span<const double> share, double prior) {
  ZHIYIN_CHECK(action.size() == reward.size());
  const std::size_t n = action.size();
  std::vector<double> sums(share.size(), 0);
  std::vector<double> counts(share.size(), 0);
  double total = 0;
  for (std::size_t i = 0; i < n; ++i) {
    ZHIYIN_CHECK(action[i] < share.size());
    sums[action[i]] += reward[i];
    counts[action[i]] += 1;
    total += reward[i];
  }
  // m_a = (S_a + prior × overall) / (n_a + prior): a row moves the mean of its own action, and
  // through the overall mean all that are shrunk towards it.
  const double overall = n > 0 ? total / static_cast<double>(n) : 0;
  double through_overall = 0;
  std::vector<double> mean(share.size(), overall);
  ModelError out{std::vector<double>(n), 0};
  for (std::size_t a = 0; a < share.size(); ++a) {
    const double weight = std::max(counts[a] + prior, 1e-300);
    mean[a] = (sums[a] + prior * overall) / weight;
    through_overall += share[a] * prior / weight;
    if (counts[a] > 0) out.shift += share[a] * (mean[a] - sums[a] / counts[a]);
  }
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint32_t a = action[i];
    out.influence[i] = share[a] * (reward[i] - mean[a]) / std::max(counts[a] + prior, 1e-300) +
                       through_overall * (reward[i] - overall) / static_cast<double>(n);
  }
  return out;
}

}  // namespace zhiyin::statistics
