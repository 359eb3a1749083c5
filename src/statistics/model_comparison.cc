#include "statistics/model_comparison.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/check.h"
#include "base/random.h"
#include "statistics/accumulator.h"
#include "statistics/distributions.h"

namespace zhiyin::statistics {
namespace {

/// Mean ranks (1 …), ties sharing theirs.
std::vector<double> midranks(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, {}, [&](std::size_t i) { return values[i]; });
  std::vector<double> out(values.size());
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin;
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    const double rank = static_cast<double>(begin + 1 + end) / 2;
    for (std::size_t i = begin; i < end; ++i) out[order[i]] = rank;
    begin = end;
  }
  return out;
}

/// DeLong's structural components: for each positive the share of negatives below it, for each
/// negative the share of positives above it.
struct Components {
  std::vector<double> positive;
  std::vector<double> negative;
  double auc = 0;
};
Components components_of(std::span<const double> scores, std::span<const int> labels) {
  std::vector<double> positives, negatives;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    (labels[i] == 1 ? positives : negatives).push_back(scores[i]);
  }
  std::vector<double> all = positives;
  all.insert(all.end(), negatives.begin(), negatives.end());
  const std::vector<double> rank = midranks(all);
  const std::vector<double> among_positive = midranks(positives);
  const std::vector<double> among_negative = midranks(negatives);
  const auto m = static_cast<double>(positives.size());
  const auto n = static_cast<double>(negatives.size());
  Components out;
  double wins = 0;  // halves and wholes: exact
  for (std::size_t i = 0; i < positives.size(); ++i) {
    out.positive.push_back((rank[i] - among_positive[i]) / n);
    wins += rank[i] - among_positive[i];
  }
  out.auc = wins / (m * n);
  for (std::size_t j = 0; j < negatives.size(); ++j) {
    out.negative.push_back(1 - (rank[positives.size() + j] - among_negative[j]) / m);
  }
  return out;
}

Result<void> check(std::span<const double> scores, std::span<const int> labels) {
  if (scores.size() != labels.size()) {
    return fail_field("scores", "are {} for {} labels", scores.size(), labels.size());
  }
  std::size_t positives = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (!std::isfinite(scores[i])) {
      return fail_field(fmt::format("scores[{}]", i), "is not a finite number");
    }
    if (labels[i] != 0 && labels[i] != 1) {
      return fail_field(fmt::format("labels[{}]", i), "is {}, not 0 or 1", labels[i]);
    }
    positives += labels[i] == 1;
  }
  if (positives < 2 || labels.size() - positives < 2) {
    return fail_field("labels", "need two cases or more of either, have {} and {}", positives,
                      labels.size() - positives);
  }
  return {};
}

double variance_of(const std::vector<double>& values) {
  Accumulator a;
  for (const double v : values) a.add(v);
  return a.variance() / static_cast<double>(a.count());
}

}  // namespace

Result<AucEstimate> delong_auc(std::span<const double> scores, std::span<const int> labels,
                               double alpha) {
  ZHIYIN_TRY_VOID(check(scores, labels));
  const Components c = components_of(scores, labels);
  AucEstimate out{c.auc, std::sqrt(variance_of(c.positive) + variance_of(c.negative)), {}};
  const double half = normal_quantile(1 - alpha / 2) * out.se;
  out.interval = {std::max(0.0, c.auc - half), std::min(1.0, c.auc + half)};
  return out;
}

Result<PairedDifference> delong_difference(std::span<const double> first,
                                           std::span<const double> second,
                                           std::span<const int> labels, double alpha) {
  ZHIYIN_TRY_VOID(check(first, labels));
  ZHIYIN_TRY_VOID(check(second, labels));
  const Components a = components_of(first, labels);
  const Components b = components_of(second, labels);
  std::vector<double> positive(a.positive.size());
  std::vector<double> negative(a.negative.size());
  std::ranges::transform(b.positive, a.positive, positive.begin(), std::minus<>());
  std::ranges::transform(b.negative, a.negative, negative.begin(), std::minus<>());
  PairedDifference out{
      b.auc - a.auc, std::sqrt(variance_of(positive) + variance_of(negative)), {}, 1};
  const double half = normal_quantile(1 - alpha / 2) * out.se;
  out.interval = {out.difference - half, out.difference + half};
  if (out.se > 0) out.p = 2 * normal_cdf(-std::fabs(out.difference / out.se));
  return out;
}

McNemar mcnemar(std::span<const bool> first_right, std::span<const bool> second_right) {
  ZHIYIN_CHECK(first_right.size() == second_right.size());
  constexpr double kExactMax = 1000;
  McNemar out;
  for (std::size_t i = 0; i < first_right.size(); ++i) {
    out.only_first += first_right[i] && !second_right[i];
    out.only_second += second_right[i] && !first_right[i];
  }
  const auto b = static_cast<double>(out.only_first);
  const auto c = static_cast<double>(out.only_second);
  const double n = b + c;
  if (n == 0) return out;
  if (n <= kExactMax) {
    out.p = std::min(1.0, 2 * binomial_cdf(std::min(b, c), n, 0.5));
  } else {
    const double d = std::max(0.0, std::fabs(b - c) - 1);
    out.p = chi2_upper_tail(d * d / n, 1);
  }
  return out;
}

PairedDifference paired_bootstrap(std::size_t n, const RowStatistic& difference,
                                  BootstrapSettings settings) {
  ZHIYIN_CHECK(n >= 1 && settings.rounds >= 1);
  std::vector<std::uint32_t> rows(n);
  std::iota(rows.begin(), rows.end(), 0);
  PairedDifference out;
  out.difference = difference(rows);
  Random random(settings.seed);
  std::vector<double> found;
  Accumulator spread;
  double low = 0;
  double high = 0;
  for (int round = 0; round < settings.rounds; ++round) {
    for (std::uint32_t& row : rows) row = static_cast<std::uint32_t>(random.below(n));
    const double d = difference(rows);
    found.push_back(d);
    spread.add(d);
    low += d <= 0;
    high += d >= 0;
  }
  out.se = std::sqrt(spread.variance());
  out.interval = percentile_interval(std::move(found), settings.alpha);
  // One more of each: p is never 0 from finitely many rounds.
  out.p = std::min(1.0, 2 * (std::min(low, high) + 1) / (settings.rounds + 1));
  return out;
}

}  // namespace zhiyin::statistics
