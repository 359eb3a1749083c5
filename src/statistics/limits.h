#pragma once

#include <algorithm>
#include <cmath>

namespace zhiyin::statistics {

/// What the formulas take: below these magnitudes squares of variances and fourth powers of means
/// are finite numbers.
inline constexpr double kValueMax = 1e75;  ///< of a single value
inline constexpr double kSumMax = 1e150;   ///< of a sum over users (values, squares, products)
inline constexpr double kCountMax = 1e15;  ///< whole numbers are exact up to there
/// Smaller ones lose digits, or vanish, when they are squared.
inline constexpr double kVarianceMin = 1 / kSumMax;
/// False for NaN and infinities too.
inline bool is_usable(double value) { return std::fabs(value) <= kValueMax; }

/// Whether a distance between values of that size is nothing but their rounding: 0.3 and 0.1 + 0.2
/// are the same value.
inline bool is_rounding(double distance, double size) {
  constexpr double kShare = 1e-12;
  return !(distance > kShare * size);
}
/// The same of the whole range of some values.
inline bool is_same_value(double low, double high) {
  return is_rounding(high - low, std::max(std::fabs(low), std::fabs(high)));
}

}  // namespace zhiyin::statistics
