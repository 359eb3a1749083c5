#pragma once

#include <functional>
#include <span>
#include <string_view>

#include "statistics/value/purchase_models.h"

namespace zhiyin::statistics {

/// Of customers to whom a purchase model is fitted: the scale of its parameters. Fails as
/// `check_summaries` does, and when nobody bought twice.
Result<double> mean_age(std::span<const CustomerSummary> customers);

/// Log-likelihood at positive parameters; adds its derivatives to `gradient` and, where it knows
/// them and `hessian` is not empty, the second ones (row-major).
using PositiveLikelihood = std::function<double(
    std::span<const double> parameters, std::span<double> gradient, std::span<double> hessian)>;
struct PositiveModel {
  std::string_view name;
  PositiveLikelihood likelihood;
  double count = 0;                 ///< of cases
  bool second_derivatives = false;  ///< whether `likelihood` gives them
};
struct PositiveStart {
  std::vector<double> parameters;
  bool near = false;  ///< so close to the maximum that Newton's method may begin there
  /// Of the parameters, in the units of the data; what runs away is measured by it. Empty: 1.
  std::vector<double> scale = {};
};
/// Maximum likelihood over the logarithms of positive parameters: minimises the mean negative
/// log-likelihood plus the penalty, and takes standard errors from its curvature. kUnsupported, in
/// the words of the model's name, when there is no maximum: parameters run away, or the likelihood
/// still rises where it has become too flat to climb.
Result<ModelFit> fit_positive(const PositiveModel& model, const PositiveStart& start,
                              double penalty = 0);

}  // namespace zhiyin::statistics
