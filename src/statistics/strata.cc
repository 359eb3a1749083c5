#include "statistics/strata.h"

#include <cmath>
#include <map>

#include "base/check.h"
#include "statistics/accumulator.h"
#include "statistics/limits.h"

namespace zhiyin::statistics {

Answer<Evidence> post_stratified(std::span<const Stratum> strata, EffectKind kind) {
  double users = 0;
  for (const Stratum& s : strata) {
    if (s.control.n < 2 || s.treatment.n < 2) return std::unexpected(Refusal::kEmptyStratum);
    users += s.control.n + s.treatment.n;
  }
  if (strata.empty()) return std::unexpected(Refusal::kTooFewUsers);
  double mean_a = 0, mean_b = 0;    // weighted means
  double noise_a = 0, noise_b = 0;  // their variances, the shares taken as given
  double square_a = 0, square_b = 0, product = 0;
  double dof_a = 0, dof_b = 0;
  for (const Stratum& s : strata) {
    const double w = (s.control.n + s.treatment.n) / users;
    const double a = w * w * s.control.variance / s.control.n;
    const double b = w * w * s.treatment.variance / s.treatment.n;
    mean_a += w * s.control.mean;
    mean_b += w * s.treatment.mean;
    noise_a += a;
    noise_b += b;
    square_a += w * s.control.mean * s.control.mean;
    square_b += w * s.treatment.mean * s.treatment.mean;
    product += w * s.control.mean * s.treatment.mean;
  }
  for (const double variance : {noise_a * users, noise_b * users}) {
    if (const auto checked = check_variance(variance); !checked) {
      return std::unexpected(checked.error());
    }
  }
  // Of shares of the noise, whose squares do not vanish.
  for (const Stratum& s : strata) {
    const double w = (s.control.n + s.treatment.n) / users;
    const double a = w * w * s.control.variance / s.control.n / (noise_a + noise_b);
    const double b = w * w * s.treatment.variance / s.treatment.n / (noise_a + noise_b);
    dof_a += a * a / (s.control.n - 1);
    dof_b += b * b / (s.treatment.n - 1);
  }
  // Covariance of the two weighted means through the shares.
  const double aa = noise_a + (square_a - mean_a * mean_a) / users;
  const double bb = noise_b + (square_b - mean_b * mean_b) / users;
  const double ab = (product - mean_a * mean_b) / users;
  Evidence out{
      mean_b - mean_a, std::sqrt(aa + bb - 2 * ab), users, 1 / (dof_a + dof_b), mean_a, kind};
  if (kind == EffectKind::kAbsolute) return out;
  if (mean_a == 0) return std::unexpected(Refusal::kZeroBaseline);
  const double ratio = mean_b / mean_a;
  out.estimate = (mean_b - mean_a) / std::fabs(mean_a);
  out.se = std::sqrt(bb - 2 * ratio * ab + ratio * ratio * aa) / std::fabs(mean_a);
  if (!is_usable(out.estimate) || !is_usable(out.se)) {
    return std::unexpected(Refusal::kZeroBaseline);  // so near to 0 that it is none
  }
  return out;
}

Answer<Moments> cluster_moments(std::span<const Cluster> clusters) {
  if (clusters.size() < 2) return std::unexpected(Refusal::kTooFewUsers);
  PairAccumulator pairs;
  for (const Cluster& c : clusters) {
    if (!is_usable(c.members) || !is_usable(c.sum)) {
      return std::unexpected(Refusal::kNotFinite);
    }
    if (c.members < 0) return std::unexpected(Refusal::kNegativeCount);
    if (c.members == 0 && c.sum != 0) return std::unexpected(Refusal::kImpossibleSums);
    pairs.add(c.sum, c.members);
  }
  const double m = pairs.x().mean();
  const double d = pairs.y().mean();
  if (d == 0) return std::unexpected(Refusal::kZeroDenominator);
  const double ratio = m / d;
  const double squares = pairs.x().variance() + ratio * ratio * pairs.y().variance();
  const double left = squares - 2 * ratio * pairs.covariance();
  // Below this share what is left is rounding: all clusters have the same mean.
  constexpr double kRounding = 1e-13;
  const double variance = left < kRounding * (squares + m * m) ? 0 : left / (d * d);
  if (!std::isfinite(squares) || !std::isfinite(variance)) {
    return std::unexpected(Refusal::kZeroDenominator);
  }
  return Moments{static_cast<double>(clusters.size()), ratio, variance};
}

Answer<ClusterEffect> cluster_effect(std::span<const double> values,
                                     std::span<const std::uint32_t> cluster) {
  ZHIYIN_CHECK(values.size() == cluster.size());
  std::map<std::uint32_t, Accumulator> clusters;
  Accumulator all;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!is_usable(values[i])) return std::unexpected(Refusal::kNotFinite);
    clusters[cluster[i]].add(values[i]);
    all.add(values[i]);
  }
  const auto n = static_cast<double>(values.size());
  const auto k = static_cast<double>(clusters.size());
  if (k < 2 || n <= k) return std::unexpected(Refusal::kTooFewUsers);
  if (!(all.variance() > 0)) return std::unexpected(Refusal::kNoVariance);
  double within = 0;
  double squares = 0;
  for (const auto& [id, c] : clusters) {
    const auto m = static_cast<double>(c.count());
    within += c.variance() * (m - 1);
    squares += m * m;
  }
  const double between = (all.variance() * (n - 1) - within) / (k - 1);
  within /= n - k;
  const double usual = (n - squares / n) / (k - 1);  // the mean size, less what sizes vary
  ClusterEffect out;
  out.icc = (between - within) / (between + (usual - 1) * within);
  out.size = squares / n;
  out.design_effect = 1 + (out.size - 1) * out.icc;
  return out;
}

}  // namespace zhiyin::statistics
