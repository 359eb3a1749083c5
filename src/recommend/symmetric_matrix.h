#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "base/error.h"

namespace zhiyin::recommend {

/// A square float32 matrix whose rows start at multiples of 64 bytes; zero at first. Movable.
/// Memory: about 4 n² bytes. Not thread-safe while it is written.
class SquareMatrix {
 public:
  SquareMatrix() = default;
  /// kLimitReached when the memory is not there.
  static Result<SquareMatrix> create(std::size_t n);

  [[nodiscard]] std::size_t size() const { return n_; }
  [[nodiscard]] std::size_t stride() const { return stride_; }
  [[nodiscard]] float* row(std::size_t i) { return values_.get() + i * stride_; }
  [[nodiscard]] const float* row(std::size_t i) const { return values_.get() + i * stride_; }

 private:
  struct Free {
    void operator()(float* p) const;
  };
  std::size_t n_ = 0;
  std::size_t stride_ = 0;
  std::unique_ptr<float[], Free> values_;
};

/// How an inverse is computed; for logs and measurements.
struct InverseSettings {
  int threads = 1;
  std::function<bool(double)> progress = {};  ///< share done; false cancels
  std::size_t kernel = 0;                     ///< number among detail::usable_kernels()
};

/// The lower triangle of a symmetric positive definite matrix becomes that of minus its inverse;
/// the upper triangle is neither read nor meaningful afterwards. n³ operations in float32.
///
/// The symmetric sweep operator on blocks (Gauss-Jordan without pivoting, stable for such
/// matrices): for each block k, A_ij -= A_ik D A_kj, A_ik = A_ik D, A_kk = -D with D the inverse of
/// A_kk. The same bytes on any number of threads. kInvalidArgument when the matrix is not positive
/// definite, kDeadline when cancelled (the matrix is then spoilt).
Result<void> negative_inverse(SquareMatrix& lower, const InverseSettings& settings);

}  // namespace zhiyin::recommend
