#pragma once

#include <cmath>

namespace zhiyin::statistics {

/// What the formulas take: below these magnitudes squares of variances and fourth powers of means
/// are finite numbers.
inline constexpr double kValueMax = 1e75;  ///< of a single value
inline constexpr double kSumMax = 1e150;   ///< of a sum over users (values, squares, products)
inline constexpr double kCountMax = 1e15;  ///< whole numbers are exact up to there
/// False for NaN and infinities too.
inline bool is_usable(double value) { return std::fabs(value) <= kValueMax; }

}  // namespace zhiyin::statistics
