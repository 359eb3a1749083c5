#pragma once

#include <span>
#include <string_view>

#include "base/error.h"

/// Where a series lies and how far its values spread, for detectors that are given neither. Pure,
/// thread-safe.
namespace zhiyin::statistics {

/// What the deviation was taken from.
enum class LevelScale {
  kMedianDeviation,  ///< 1.4826 times the median distance from the median
  kPoisson,          ///< counts: the root of their mean, at least 1
  kMeanDeviation,    ///< 1.2533 times the mean distance from the median
  kFlat              ///< none: all values are the same
};
std::string_view to_string(LevelScale scale);

struct Level {
  double median = 0;
  double deviation = 0;  ///< of a single value; 0 only when kFlat
  LevelScale scale = LevelScale::kFlat;
};
/// Robust: the median and the median deviation. Where more than half of the values are the same
/// that is 0 although the series is not flat (sparse ones, with a zero in most hours); then counts
/// are taken as Poisson, of which single events are no news, and other values spread as far as they
/// do on average (the factors make all of them the deviation of normal values). NaN: a gap.
/// kInvalidArgument, naming `values`, with fewer than three values or one beyond kValueMax.
Result<Level> level_of(std::span<const double> values);

}  // namespace zhiyin::statistics
