#include "statistics/interval.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/check.h"
#include "base/random.h"
#include "statistics/distributions.h"

namespace zhiyin::statistics {
namespace {

/// Linear interpolation between order statistics. Requires ascending, not empty.
double sorted_quantile(std::span<const double> sorted, double q) {
  const double place = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

}  // namespace

Interval wilson_interval(double hits, double n, double alpha) {
  if (n <= 0) return {0, 1};
  const double z = normal_quantile(1 - alpha / 2);
  const double p = std::clamp(hits / n, 0.0, 1.0);
  const double denominator = 1 + z * z / n;
  const double middle = (p + z * z / (2 * n)) / denominator;
  const double half = z / denominator * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  // At 0 and n the ends are 0 and 1 but for rounding; the proportion is always within.
  return {std::clamp(middle - half, 0.0, p), std::clamp(middle + half, p, 1.0)};
}

MeanInterval mean_interval(std::span<const double> values, double alpha) {
  MeanInterval out;
  if (values.empty()) return out;
  const auto n = static_cast<double>(values.size());
  for (const double v : values) out.mean += v;
  out.mean /= n;
  double squares = 0;
  for (const double v : values) squares += (v - out.mean) * (v - out.mean);
  if (n > 1) out.se = std::sqrt(squares / (n - 1) / n);
  const double half = normal_quantile(1 - alpha / 2) * out.se;
  out.interval = {out.mean - half, out.mean + half};
  return out;
}

Interval percentile_interval(std::vector<double> values, double alpha) {
  std::erase_if(values, [](double v) { return !std::isfinite(v); });
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  if (values.empty()) return {kNone, kNone};
  std::ranges::sort(values);
  return {sorted_quantile(values, alpha / 2), sorted_quantile(values, 1 - alpha / 2)};
}

Interval bootstrap_interval(std::size_t n, const RowStatistic& statistic,
                            BootstrapSettings settings) {
  ZHIYIN_CHECK(n >= 1 && settings.rounds >= 1);
  Random random(settings.seed);
  std::vector<std::uint32_t> rows(n);
  std::vector<double> found;
  found.reserve(static_cast<std::size_t>(settings.rounds));
  for (int round = 0; round < settings.rounds; ++round) {
    for (std::uint32_t& row : rows) row = static_cast<std::uint32_t>(random.below(n));
    found.push_back(statistic(rows));
  }
  return percentile_interval(std::move(found), settings.alpha);
}

}  // namespace zhiyin::statistics
