#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace zhiyin::model {

/// Rows to learn from: a sparse part and, where `dense_columns` > 0, a dense part behind it. Looks
/// at memory of the caller's.
struct SvmRows {
  std::span<const std::uint64_t> starts;   ///< rows + 1; row r is [starts[r], starts[r + 1])
  std::span<const std::uint32_t> columns;  ///< < `column_count`, each at most once in a row
  std::span<const float> values;
  std::size_t column_count = 0;
  std::span<const float> dense;  ///< rows × dense_columns
  std::size_t dense_columns = 0;

  [[nodiscard]] std::size_t rows() const { return starts.size() - 1; }
};

struct SvmSettings {
  double c = 0.5;           ///< weight of the losses against |w|²/2
  double tolerance = 1e-2;  ///< spread of the projected gradient at which it has converged
  int passes_max = 300;
  std::uint64_t seed = 1;  ///< of the order of rows
};

/// Decision = weights · row + intercept; positive means the class.
struct SvmFit {
  std::vector<float> weights;  ///< sparse columns, then dense ones
  double intercept = 0;
  int passes = 0;
  bool converged = false;
};

/// Minimises |w|²/2 + c Σ max(0, 1 - y (w·x))² by dual coordinate descent (Hsieh et al., ICML 2008,
/// with shrinking), the intercept as the weight of a constant 1 that is regularised like the
/// others, as LIBLINEAR's solver 1 and scikit-learn's LinearSVC do. `which`: the rows to learn
/// from; `positive[i]` says whether row which[i] is of the class. Deterministic. Requires rows.
SvmFit fit_svm(const SvmRows& rows, std::span<const std::uint32_t> which,
               const std::vector<bool>& positive, const SvmSettings& settings);

/// Of one row, as fitted.
double svm_decision(const SvmRows& rows, std::size_t row, const SvmFit& fit);

}  // namespace zhiyin::model
