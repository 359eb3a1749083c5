#pragma once

#include <functional>
#include <span>
#include <string_view>

#include "statistics/value/purchase_models.h"

namespace zhiyin::statistics {

/// Of customers to whom a purchase model is fitted: the scale of its parameters. Fails as
/// `check_summaries` does, and when nobody bought twice.
Result<double> mean_age(std::span<const CustomerSummary> customers);

/// Log-likelihood at positive parameters; adds its derivatives to `gradient`.
using PositiveLikelihood =
    std::function<double(std::span<const double> parameters, std::span<double> gradient)>;
/// Maximum likelihood over the logarithms of positive parameters: minimises the mean negative
/// log-likelihood (of `count` cases) plus the penalty, and takes standard errors from its
/// curvature. kUnsupported, in the words of `model`, when there is no maximum.
Result<ModelFit> fit_positive(std::string_view model, const PositiveLikelihood& likelihood,
                              double count, std::vector<double> start, double penalty = 0);

}  // namespace zhiyin::statistics
