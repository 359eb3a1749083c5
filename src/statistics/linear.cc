#include "statistics/linear.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace zhiyin::statistics {
namespace {

/// Lower triangle l with l l' = a.
std::optional<Matrix> cholesky(const Matrix& a) {
  ZHIYIN_CHECK(a.rows == a.columns);
  Matrix l(a.rows, a.rows);
  for (std::size_t j = 0; j < a.rows; ++j) {
    double diagonal = a.at(j, j);
    for (std::size_t k = 0; k < j; ++k) diagonal -= l.at(j, k) * l.at(j, k);
    // Written so that NaN fails too.
    if (!(diagonal > 1e-14 * std::fabs(a.at(j, j)))) return std::nullopt;
    l.at(j, j) = std::sqrt(diagonal);
    for (std::size_t i = j + 1; i < a.rows; ++i) {
      double sum = a.at(i, j);
      for (std::size_t k = 0; k < j; ++k) sum -= l.at(i, k) * l.at(j, k);
      l.at(i, j) = sum / l.at(j, j);
    }
  }
  return l;
}

std::vector<double> solve_with(const Matrix& l, std::span<const double> b) {
  const std::size_t n = l.rows;
  std::vector<double> x(b.begin(), b.end());
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < i; ++k) x[i] -= l.at(i, k) * x[k];
    x[i] /= l.at(i, i);
  }
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t k = i + 1; k < n; ++k) x[i] -= l.at(k, i) * x[k];
    x[i] /= l.at(i, i);
  }
  return x;
}

}  // namespace

std::optional<std::vector<double>> solve_spd(const Matrix& a, std::span<const double> b) {
  const auto l = cholesky(a);
  if (!l) return std::nullopt;
  return solve_with(*l, b);
}

std::optional<Matrix> inverse_spd(const Matrix& a) {
  const auto l = cholesky(a);
  if (!l) return std::nullopt;
  Matrix out(a.rows, a.rows);
  std::vector<double> unit(a.rows, 0);
  for (std::size_t c = 0; c < a.rows; ++c) {
    std::ranges::fill(unit, 0);
    unit[c] = 1;
    const std::vector<double> column = solve_with(*l, unit);
    for (std::size_t r = 0; r < a.rows; ++r) out.at(r, c) = column[r];
  }
  return out;
}

std::optional<LeastSquares> least_squares(const Matrix& x, std::span<const double> y) {
  ZHIYIN_CHECK(y.size() == x.rows);
  const std::size_t n = x.rows;
  const std::size_t p = x.columns;
  if (n < p || p == 0) return std::nullopt;
  Matrix r = x;
  std::vector<double> rotated(y.begin(), y.end());
  std::vector<double> v(n);
  for (std::size_t j = 0; j < p; ++j) {
    double norm = 0;
    double whole = 0;
    for (std::size_t i = 0; i < n; ++i) whole += x.at(i, j) * x.at(i, j);
    for (std::size_t i = j; i < n; ++i) norm += r.at(i, j) * r.at(i, j);
    norm = std::sqrt(norm);
    if (!(norm > 1e-11 * std::sqrt(whole))) return std::nullopt;
    const double head = r.at(j, j) > 0 ? -norm : norm;
    for (std::size_t i = j; i < n; ++i) v[i] = r.at(i, j);
    v[j] -= head;
    double square = 0;
    for (std::size_t i = j; i < n; ++i) square += v[i] * v[i];
    for (std::size_t c = j; c < p; ++c) {
      double dot = 0;
      for (std::size_t i = j; i < n; ++i) dot += v[i] * r.at(i, c);
      for (std::size_t i = j; i < n; ++i) r.at(i, c) -= 2 * dot / square * v[i];
    }
    double dot = 0;
    for (std::size_t i = j; i < n; ++i) dot += v[i] * rotated[i];
    for (std::size_t i = j; i < n; ++i) rotated[i] -= 2 * dot / square * v[i];
  }
  LeastSquares out;
  out.coefficients.assign(p, 0);
  for (std::size_t i = p; i-- > 0;) {
    double sum = rotated[i];
    for (std::size_t k = i + 1; k < p; ++k) sum -= r.at(i, k) * out.coefficients[k];
    out.coefficients[i] = sum / r.at(i, i);
  }
  // (X'X)^-1 = R^-1 R^-T.
  Matrix inverse(p, p);
  for (std::size_t c = 0; c < p; ++c) {
    for (std::size_t i = c + 1; i-- > 0;) {
      double sum = i == c ? 1 : 0;
      for (std::size_t k = i + 1; k <= c; ++k) sum -= r.at(i, k) * inverse.at(k, c);
      inverse.at(i, c) = sum / r.at(i, i);
    }
  }
  out.unscaled_covariance = Matrix(p, p);
  for (std::size_t a = 0; a < p; ++a) {
    for (std::size_t b = 0; b < p; ++b) {
      for (std::size_t k = std::max(a, b); k < p; ++k) {
        out.unscaled_covariance.at(a, b) += inverse.at(a, k) * inverse.at(b, k);
      }
    }
  }
  out.residuals.resize(n);
  for (std::size_t i = 0; i < n; ++i) {
    double fitted = 0;
    for (std::size_t c = 0; c < p; ++c) fitted += x.at(i, c) * out.coefficients[c];
    out.residuals[i] = y[i] - fitted;
    out.residual_squares += out.residuals[i] * out.residuals[i];
  }
  return out;
}

}  // namespace zhiyin::statistics
