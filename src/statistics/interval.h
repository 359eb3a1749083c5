#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace zhiyin::statistics {

struct Interval {
  double low = 0;
  double high = 0;
  bool operator==(const Interval&) const = default;
};

/// Wilson's interval of a proportion: `hits` of `n`. (0, 1) when n is 0.
Interval wilson_interval(double hits, double n, double alpha = 0.05);

/// Mean and normal interval of independent values (standard error from n - 1). A single value, or
/// none, gives an interval of width 0.
struct MeanInterval {
  double mean = 0;
  double se = 0;
  Interval interval;
};
MeanInterval mean_interval(std::span<const double> values, double alpha = 0.05);

/// The middle 1 - alpha of the values (linear between order statistics); those not finite are left
/// out, and with none left it is (NaN, NaN).
Interval percentile_interval(std::vector<double> values, double alpha = 0.05);

/// Percentile bootstrap over rows 0 … n-1: `statistic` gets n row numbers drawn with replacement.
/// Requires n >= 1 and rounds >= 1. The same seed gives the same interval.
using RowStatistic = std::function<double(std::span<const std::uint32_t> rows)>;
struct BootstrapSettings {
  int rounds = 1000;
  double alpha = 0.05;
  std::uint64_t seed = 1;
};
Interval bootstrap_interval(std::size_t n, const RowStatistic& statistic,
                            BootstrapSettings settings);

}  // namespace zhiyin::statistics
