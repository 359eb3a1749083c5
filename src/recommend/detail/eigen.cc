#include "recommend/detail/eigen.h"

#include <cmath>

namespace zhiyin::recommend::detail {
namespace {

/// Rotates rows p and q of a matrix by rows.
void rotate_rows(double* a, std::size_t n, std::size_t p, std::size_t q, double c, double s) {
  double* const x = a + p * n;
  double* const y = a + q * n;
  for (std::size_t j = 0; j < n; ++j) {
    const double u = x[j];
    const double v = y[j];
    x[j] = c * u - s * v;
    y[j] = s * u + c * v;
  }
}

double off_diagonal(const std::vector<double>& a, std::size_t n) {
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < i; ++j) sum += a[i * n + j] * a[i * n + j];
  }
  return sum;
}

}  // namespace

std::vector<double> symmetric_eigen(std::span<const double> matrix, std::size_t n,
                                    std::vector<double>& basis) {
  std::vector<double> a(matrix.begin(), matrix.end());
  // The eigenvectors as rows while they turn: rows lie together.
  std::vector<double> v(n * n, 0);
  double size = 0;
  for (std::size_t i = 0; i < n; ++i) {
    v[i * n + i] = 1;
    for (std::size_t j = 0; j < n; ++j) size += a[i * n + j] * a[i * n + j];
  }
  constexpr int kSweepsMax = 40;
  constexpr double kSmall = 1e-26;
  for (int sweep = 0; sweep < kSweepsMax && off_diagonal(a, n) > kSmall * size; ++sweep) {
    for (std::size_t p = 0; p + 1 < n; ++p) {
      for (std::size_t q = p + 1; q < n; ++q) {
        const double apq = a[p * n + q];
        if (apq * apq <= kSmall * size / static_cast<double>(n * n)) continue;
        const double app = a[p * n + p];
        const double aqq = a[q * n + q];
        // The smaller of the two angles that make a_pq zero (Golub, Van Loan, 8.5.2).
        const double tau = (aqq - app) / (2 * apq);
        const double t = (tau >= 0 ? 1 : -1) / (std::abs(tau) + std::sqrt(1 + tau * tau));
        const double c = 1 / std::sqrt(1 + t * t);
        const double s = t * c;
        rotate_rows(a.data(), n, p, q, c, s);
        for (std::size_t i = 0; i < n; ++i) {
          a[i * n + p] = a[p * n + i];
          a[i * n + q] = a[q * n + i];
        }
        a[p * n + p] = app - t * apq;
        a[q * n + q] = aqq + t * apq;
        a[p * n + q] = a[q * n + p] = 0;
        rotate_rows(v.data(), n, p, q, c, s);
      }
    }
  }
  std::vector<double> values(n);
  basis.assign(n * n, 0);
  for (std::size_t i = 0; i < n; ++i) {
    values[i] = a[i * n + i];
    for (std::size_t j = 0; j < n; ++j) basis[j * n + i] = v[i * n + j];
  }
  return values;
}

}  // namespace zhiyin::recommend::detail
