#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/error.h"

namespace zhiyin::model {

/// Dense rows for the learner: values are row-major.
struct Design {
  std::span<const double> values;
  std::size_t columns = 0;
  std::span<const int> labels;  ///< 0 or 1
  [[nodiscard]] std::size_t rows() const { return labels.size(); }
};

/// Log-odds = intercept + weights · x. A pure value.
struct Logistic {
  std::vector<double> weights;
  double intercept = 0;

  [[nodiscard]] double log_odds(std::span<const double> x) const;
  [[nodiscard]] double probability(std::span<const double> x) const;
};
double sigmoid(double x);

/// Mean log-loss + l2/2 |weights|² (the intercept is free), and its gradient (weights, then
/// intercept).
struct Objective {
  double value = 0;
  std::vector<double> gradient;
};
Objective logistic_objective(const Design& design, const Logistic& model, double l2);

struct LogisticSettings {
  double l2 = 1e-3;
  int iterations_max = 100;
  double gradient_tolerance = 1e-8;  ///< largest component at which it has converged
};
struct LogisticFit {
  Logistic model;
  int iterations = 0;
  bool converged = false;
};
inline constexpr std::size_t kLogisticColumnsMax = 1000;
/// Newton's method with step halving. Deterministic. Fails with kInvalidArgument when there are no
/// rows, one class only, or more than kLogisticColumnsMax columns; requires l2 > 0.
/// `start` of the right size saves iterations.
Result<LogisticFit> fit_logistic(const Design& design, LogisticSettings settings,
                                 const Logistic& start = {});

}  // namespace zhiyin::model
