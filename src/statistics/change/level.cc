#include "statistics/change/level.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "statistics/accumulator.h"
#include "statistics/limits.h"

namespace zhiyin::statistics {
namespace {

double median_of_sorted(const std::vector<double>& sorted) {
  return (sorted[(sorted.size() - 1) / 2] + sorted[sorted.size() / 2]) / 2;
}

}  // namespace

std::string_view to_string(LevelScale scale) {
  switch (scale) {
    case LevelScale::kMedianDeviation:
      return "median deviation";
    case LevelScale::kPoisson:
      return "Poisson: root of the mean, at least 1 (the median deviation is 0)";
    case LevelScale::kMeanDeviation:
      return "mean deviation (the median deviation is 0)";
    case LevelScale::kFlat:
      break;
  }
  return "none: all values are the same";
}

Result<Level> level_of(std::span<const double> values) {
  constexpr std::size_t kValuesMin = 3;
  std::vector<double> known;
  CompensatedSum sum;
  bool counts = true;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double v = values[i];
    if (std::isnan(v)) continue;
    if (!is_usable(v)) {
      return fail_field(fmt::format("values[{}]", i), "is {}, beyond {}", v, kValueMax);
    }
    counts = counts && v >= 0 && v <= kCountMax && v == std::floor(v);
    sum.add(v);
    known.push_back(v);
  }
  if (known.size() < kValuesMin) {
    return fail_field("values", "are {}, too few to learn a level from: needs {}", known.size(),
                      kValuesMin);
  }
  std::ranges::sort(known);
  Level out{median_of_sorted(known), 0, LevelScale::kFlat};
  if (is_same_value(known.front(), known.back())) return out;
  std::vector<double> distance;
  CompensatedSum distances;
  for (const double v : known) {
    distance.push_back(std::fabs(v - out.median));
    distances.add(distance.back());
  }
  std::ranges::sort(distance);
  const auto n = static_cast<double>(known.size());
  out.scale = LevelScale::kMedianDeviation;
  out.deviation = 1.4826 * median_of_sorted(distance);
  if (!is_rounding(out.deviation, std::fabs(out.median))) return out;
  out.scale = counts ? LevelScale::kPoisson : LevelScale::kMeanDeviation;
  // 1.2533, the root of pi / 2: a normal deviation over its mean distance.
  out.deviation = counts ? std::sqrt(std::max(1.0, sum.value() / n))
                         : 1.2533141373155003 * distances.value() / n;
  return out;
}

}  // namespace zhiyin::statistics
