#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/error.h"

/// Outliers of a series. Pure, thread-safe.
namespace zhiyin::statistics {

enum class Direction { kBoth, kHigh, kLow };

struct EsdStep {
  std::size_t index = 0;  ///< of the value that lies farthest out, in the input
  double statistic = 0;   ///< R: its distance in deviations
  double critical = 0;    ///< lambda
};
struct EsdResult {
  std::vector<EsdStep> steps;         ///< all that were taken
  std::vector<std::size_t> outliers;  ///< in the order found: the farthest first
};
struct EsdSettings {
  std::size_t outliers_max = 10;
  double alpha = 0.05;
  Direction direction = Direction::kBoth;
  bool robust = false;  ///< median and 1.4826 MAD instead of mean and deviation
};
/// Generalised extreme studentised deviates (Rosner 1983). As many outliers as the last step whose
/// statistic is above its critical value, so that two that hide each other are found. Stops where
/// the deviation is 0: a flat series has none. Values that are NaN are gaps. kInvalidArgument with
/// fewer than three values, one beyond kValueMax, or settings out of range. O(n log n).
Result<EsdResult> generalised_esd(std::span<const double> values, const EsdSettings& settings);

struct SeasonalEsdSettings {
  std::size_t period = 0;  ///< values in a season
  double share_max = 0.1;  ///< at most this share are outliers, up to 0.49
  double alpha = 0.05;
  Direction direction = Direction::kBoth;
};
struct SeasonalEsdResult {
  EsdResult esd;                  ///< indices into the series
  std::vector<double> expected;   ///< season and median; one per value
  std::vector<double> residuals;  ///< value - expected; NaN at gaps
};
/// S-H-ESD (Hochenbaum, Vallis and Kejariwal 2017): the seasonal part of a robust STL and the
/// median are taken off, then the robust test. Also kInvalidArgument with fewer than two seasons or
/// more than half of the values missing.
Result<SeasonalEsdResult> seasonal_esd(std::span<const double> values,
                                       const SeasonalEsdSettings& settings);

}  // namespace zhiyin::statistics
