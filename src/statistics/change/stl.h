#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/error.h"

namespace zhiyin::statistics {

/// Seasonal and trend decomposition by loess (Cleveland, Cleveland, McRae and Terpenning 1990).
struct StlSettings {
  std::size_t period = 0;
  /// Odd window of the seasonal smoother, 7 or more; 0: periodic, the same in every season.
  std::size_t seasonal = 0;
  std::size_t trend = 0;     ///< odd; 0: the smallest above 1.5 period / (1 - 1.5/seasonal)
  std::size_t low_pass = 0;  ///< odd; 0: the smallest above the period
  bool robust = false;       ///< 15 rounds that give outliers less weight
  /// Smoothers are evaluated at every value (1), or at every tenth of their window and in between
  /// by straight lines (0), which is as good and much quicker.
  std::size_t jump = 0;
};
struct StlParts {
  std::vector<double> seasonal;
  std::vector<double> trend;
  std::vector<double> remainder;
  std::vector<double> weights;  ///< 1, or of robustness: 0 for an outlier
};
/// kInvalidArgument for fewer than two periods, values that are not finite or beyond kValueMax, or
/// even windows. Pure, thread-safe.
Result<StlParts> decompose_stl(std::span<const double> values, const StlSettings& settings);

}  // namespace zhiyin::statistics
