#include "model/classify/linear_svm.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/random.h"

namespace zhiyin::model {
namespace {

/// One row as the solver sees it.
struct Row {
  std::span<const std::uint32_t> columns;
  const float* values;
  const float* dense;
};

Row row_of(const SvmRows& rows, std::size_t r) {
  const std::uint64_t begin = rows.starts[r];
  return {rows.columns.subspan(begin, rows.starts[r + 1] - begin), rows.values.data() + begin,
          rows.dense_columns == 0 ? nullptr : rows.dense.data() + r * rows.dense_columns};
}

/// Four sums at once, so that additions need not wait for each other.
double dense_dot(const float* a, const float* b, std::size_t n) {
  float sums[8] = {};
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    for (std::size_t k = 0; k < 8; ++k) sums[k] += a[i + k] * b[i + k];
  }
  double out = 0;
  for (const float s : sums) out += s;
  for (; i < n; ++i) out += a[i] * b[i];
  return out;
}

double dot(const SvmRows& rows, const Row& row, const float* weights) {
  float sums[4] = {};
  const std::size_t n = row.columns.size();
  std::size_t i = 0;
  for (; i + 4 <= n; i += 4) {
    for (std::size_t k = 0; k < 4; ++k) sums[k] += weights[row.columns[i + k]] * row.values[i + k];
  }
  for (; i < n; ++i) sums[0] += weights[row.columns[i]] * row.values[i];
  double out = static_cast<double>(sums[0] + sums[1]) + static_cast<double>(sums[2] + sums[3]);
  if (row.dense != nullptr)
    out += dense_dot(weights + rows.column_count, row.dense, rows.dense_columns);
  return out;
}

void add_scaled(const SvmRows& rows, const Row& row, float factor, float* weights) {
  for (std::size_t i = 0; i < row.columns.size(); ++i)
    weights[row.columns[i]] += factor * row.values[i];
  if (row.dense == nullptr) return;
  float* const dense = weights + rows.column_count;
  for (std::size_t i = 0; i < rows.dense_columns; ++i) dense[i] += factor * row.dense[i];
}

double squared_norm(const SvmRows& rows, const Row& row) {
  double out = 1;  // of the constant
  for (std::size_t i = 0; i < row.columns.size(); ++i)
    out += static_cast<double>(row.values[i]) * row.values[i];
  if (row.dense != nullptr) out += dense_dot(row.dense, row.dense, rows.dense_columns);
  return out;
}

/// The state of the dual problem and one pass over it.
class Solver {
 public:
  Solver(const SvmRows& rows, std::span<const std::uint32_t> which,
         const std::vector<bool>& positive, const SvmSettings& settings)
      : rows_(rows),
        which_(which),
        positive_(positive),
        diagonal_(0.5 / settings.c),
        order_(which.size()),
        alpha_(which.size()),
        curvature_(which.size()),
        random_(settings.seed) {
    std::iota(order_.begin(), order_.end(), 0U);
    for (std::size_t i = 0; i < which.size(); ++i)
      curvature_[i] = squared_norm(rows, row_of(rows, which[i])) + diagonal_;
    fit_.weights.assign(rows.column_count + rows.dense_columns, 0);
    active_ = order_.size();
  }

  /// Passes until the gradient is flat on all rows: shrunk ones come back for a last look.
  SvmFit run(double tolerance, int passes_max) {
    for (; fit_.passes < passes_max; ++fit_.passes) {
      const double spread = pass();
      if (spread > tolerance) continue;
      if (active_ == order_.size()) {
        fit_.converged = true;
        break;
      }
      active_ = order_.size();
      bound_ = std::numeric_limits<double>::infinity();
    }
    return std::move(fit_);
  }

 private:
  /// Largest minus smallest projected gradient among the rows still active.
  double pass() {
    double highest = -std::numeric_limits<double>::infinity();
    double lowest = std::numeric_limits<double>::infinity();
    for (std::size_t i = active_; i > 1; --i) std::swap(order_[i - 1], order_[random_.below(i)]);
    for (std::size_t at = 0; at < active_;) {
      const std::uint32_t i = order_[at];
      const Row row = row_of(rows_, which_[i]);
      const double y = positive_[i] ? 1 : -1;
      const double gradient =
          y * (dot(rows_, row, fit_.weights.data()) + fit_.intercept) - 1 + diagonal_ * alpha_[i];
      if (alpha_[i] == 0 && gradient > bound_) {
        std::swap(order_[at], order_[--active_]);
        continue;
      }
      const double projected = alpha_[i] == 0 ? std::min(gradient, 0.0) : gradient;
      highest = std::max(highest, projected);
      lowest = std::min(lowest, projected);
      if (std::abs(projected) > 1e-12) step(i, row, gradient, y);
      ++at;
    }
    bound_ = highest > 0 ? highest : std::numeric_limits<double>::infinity();
    return active_ == 0 ? 0 : highest - lowest;
  }

  void step(std::uint32_t i, const Row& row, double gradient, double y) {
    const double before = alpha_[i];
    alpha_[i] = std::max(before - gradient / curvature_[i], 0.0);
    const double change = (alpha_[i] - before) * y;
    if (change == 0) return;
    fit_.intercept += change;
    add_scaled(rows_, row, static_cast<float>(change), fit_.weights.data());
  }

  const SvmRows& rows_;
  const std::span<const std::uint32_t> which_;
  const std::vector<bool>& positive_;
  const double diagonal_;
  std::vector<std::uint32_t> order_;  // the first `active_` take part
  std::vector<double> alpha_;
  std::vector<double> curvature_;
  Random random_;
  SvmFit fit_;
  std::size_t active_ = 0;
  double bound_ = std::numeric_limits<double>::infinity();
};

}  // namespace

SvmFit fit_svm(const SvmRows& rows, std::span<const std::uint32_t> which,
               const std::vector<bool>& positive, const SvmSettings& settings) {
  return Solver(rows, which, positive, settings).run(settings.tolerance, settings.passes_max);
}

double svm_decision(const SvmRows& rows, std::size_t row, const SvmFit& fit) {
  return dot(rows, row_of(rows, row), fit.weights.data()) + fit.intercept;
}

}  // namespace zhiyin::model
