#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace zhiyin::model {

/// A curve that never falls: straight between its knots, level before the first and behind the
/// last. A pure value.
struct Isotonic {
  std::vector<double> x;  ///< ascending
  std::vector<double> y;  ///< one per x, not falling; both empty: no curve

  [[nodiscard]] bool empty() const { return x.empty(); }
  /// Requires a curve.
  [[nodiscard]] double operator()(double at) const;
  bool operator==(const Isotonic&) const = default;
};
inline constexpr std::size_t kIsotonicKnotsMax = 256;

/// The non-falling steps nearest to `y` in squares, by pooling adjacent violators (Ayer et al.
/// 1955; as calibration: Zadrozny and Elkan, KDD 2002), read at the middles of its steps. The rows
/// are first taken together in up to `bins_max` groups of equal size by x: more steps than that
/// would be chance. `y` are 0 or 1, or any numbers. Empty without rows. Requires as many y as x,
/// and 1 <= bins_max <= kIsotonicKnotsMax.
Isotonic fit_isotonic(std::span<const double> x, std::span<const double> y,
                      std::size_t bins_max = 64);

/// Gives the likeliest class the probability that the curve reads at its present one, and the
/// others the rest in their proportions. At least what chance has (1 / classes), so that the
/// likeliest stays so with two classes. Requires probabilities of at least two classes and a curve.
void recalibrate(const Isotonic& curve, std::span<double> scores);

}  // namespace zhiyin::model
