#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

/// Dense linear algebra for a handful of unknowns. Pure, thread-safe.
namespace zhiyin::statistics {

/// Row-major rows × columns.
struct Matrix {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::vector<double> values;

  Matrix() = default;
  Matrix(std::size_t r, std::size_t c) : rows(r), columns(c), values(r * c, 0) {}
  double& at(std::size_t r, std::size_t c) { return values[r * columns + c]; }
  [[nodiscard]] double at(std::size_t r, std::size_t c) const { return values[r * columns + c]; }
  [[nodiscard]] std::span<const double> row(std::size_t r) const {
    return std::span(values).subspan(r * columns, columns);
  }
};

/// Of a symmetric positive definite matrix; none when it is not.
std::optional<Matrix> inverse_spd(const Matrix& a);
/// a x = b for a symmetric positive definite `a`; none when it is not.
std::optional<std::vector<double>> solve_spd(const Matrix& a, std::span<const double> b);

/// Ordinary least squares by Householder reflections.
struct LeastSquares {
  std::vector<double> coefficients;
  Matrix unscaled_covariance;  ///< (X'X)^-1
  std::vector<double> residuals;
  double residual_squares = 0;
};
/// None when the columns depend on each other (to rounding) or are more than the rows. Requires
/// y.size() == x.rows.
std::optional<LeastSquares> least_squares(const Matrix& x, std::span<const double> y);

}  // namespace zhiyin::statistics
