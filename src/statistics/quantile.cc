#include "statistics/quantile.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/check.h"
#include "statistics/distributions.h"
#include "statistics/limits.h"

namespace zhiyin::statistics {
namespace {

constexpr double kVarianceFloor = 1e-5;
constexpr double kFloorFrom = 100;  // values

double sorted_quantile(std::span<const double> sorted, double q) {
  const double place = std::clamp(q, 0.0, 1.0) * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

/// How much wider than independent values: the clustered variance of the share below, over its
/// binomial one.
Answer<double> cluster_factor(const QuantileClusters& c, double n, double nu) {
  if (c.people < 2) return std::unexpected(Refusal::kTooFewUsers);
  // Values at or below the quantile are some of a person's values, and those are the arm's.
  if (c.below_sum < 0 || c.below_sum > c.count_sum || c.count_sum != n ||
      static_cast<double>(c.people) > n) {
    return std::unexpected(Refusal::kImpossibleSums);
  }
  const Arm people{
      {},          MetricKind::kRatio,  c.people,       c.below_sum, c.below_sum_squares,
      c.count_sum, c.count_sum_squares, c.sum_products, {},          {}};
  const Answer<Moments> share = moments_of(people);
  if (!share) return std::unexpected(share.error());
  return share->variance / share->n / (nu * (1 - nu) / n);
}

}  // namespace

double quantile_n_star(double n) {
  double out = 100;
  for (int k = 0; k < 20 && 100 * std::ldexp(1.0, k) < n; ++k) out = 100 * std::ldexp(1.0, k);
  return out;
}

Answer<Moments> quantile_moments(const QuantileArm& arm, double nu, double alpha) {
  const auto n = static_cast<double>(arm.n);
  if (arm.n < 0) return std::unexpected(Refusal::kNegativeCount);
  if (arm.n < 2) return std::unexpected(Refusal::kTooFewUsers);
  if (!is_usable(arm.value)) return std::unexpected(Refusal::kNotFinite);
  const double z = normal_quantile(1 - alpha / 2);
  if (n <= z * z * std::max(nu / (1 - nu), (1 - nu) / nu)) {
    return std::unexpected(Refusal::kTooFewForQuantile);
  }
  // From the largest n* that n allows, down until the two bounds differ.
  const QuantileBound* best = nullptr;
  const double allowed = quantile_n_star(n);
  for (const QuantileBound& b : arm.bounds) {
    if (!is_usable(b.lower) || !is_usable(b.upper)) {
      return std::unexpected(Refusal::kNotFinite);
    }
    // The quantile lies between those of a lower and a higher share.
    if (!(b.lower <= arm.value && arm.value <= b.upper)) {
      return std::unexpected(Refusal::kImpossibleSums);
    }
    if (b.n_star > allowed || is_same_value(b.lower, b.upper)) continue;
    if (best == nullptr || b.n_star > best->n_star) best = &b;
  }
  if (arm.bounds.empty()) return std::unexpected(Refusal::kIncompleteArm);
  if (best == nullptr) return std::unexpected(Refusal::kNoVariance);
  const double half = (best->upper - best->lower) / (2 * z);
  double variance = best->n_star / n * (n - 1) * half * half;
  if (n >= kFloorFrom) variance = std::max(variance, kVarianceFloor);
  if (arm.clusters) {
    const Answer<double> factor = cluster_factor(*arm.clusters, n, nu);
    if (!factor) return std::unexpected(factor.error());
    variance *= *factor;
  }
  return Moments{n, arm.value, variance};
}

QuantileArm quantile_arm(std::span<const double> values, double nu, double alpha,
                         std::span<const std::uint32_t> person) {
  ZHIYIN_CHECK(!values.empty() && (person.empty() || person.size() == values.size()));
  std::vector<double> sorted(values.begin(), values.end());
  std::ranges::sort(sorted);
  QuantileArm out{static_cast<std::int64_t>(values.size()), sorted_quantile(sorted, nu), {}, {}};
  const double z = normal_quantile(1 - alpha / 2);
  const double most = quantile_n_star(static_cast<double>(values.size()));
  for (double n_star = 100; n_star <= most; n_star *= 2) {
    const double distance = z * std::sqrt(nu * (1 - nu) / n_star);
    out.bounds.push_back(
        {n_star, sorted_quantile(sorted, nu - distance), sorted_quantile(sorted, nu + distance)});
  }
  if (person.empty()) return out;
  std::map<std::uint32_t, std::pair<double, double>> people;
  for (std::size_t i = 0; i < values.size(); ++i) {
    auto& [below, count] = people[person[i]];
    below += values[i] <= out.value;
    ++count;
  }
  QuantileClusters c;
  c.people = static_cast<std::int64_t>(people.size());
  for (const auto& [id, both] : people) {
    const auto& [below, count] = both;
    c.below_sum += below;
    c.below_sum_squares += below * below;
    c.count_sum += count;
    c.count_sum_squares += count * count;
    c.sum_products += below * count;
  }
  out.clusters = c;
  return out;
}

}  // namespace zhiyin::statistics
