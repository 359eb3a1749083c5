#pragma once

#include <span>
#include <vector>

#include "base/error.h"
#include "statistics/value/summary.h"

/// How often customers will buy, and whether they are still there. Pure, thread-safe. Times in the
/// unit of the summaries. Requires checked summaries (`check_summaries`).
namespace zhiyin::statistics {

/// A fit by maximum likelihood.
struct ModelFit {
  std::vector<double> parameters;
  /// From the second derivatives of the log-likelihood; NaN where it is flat.
  std::vector<double> standard_errors;
  double log_likelihood = 0;
  int evaluations = 0;
};
struct FitSettings {
  /// times the sum of squared parameters is taken from the mean log-likelihood, for small samples
  /// whose maximum lies at infinity; 0: plain maximum likelihood.
  double penalty = 0;
  std::vector<double> start;  ///< empty: chosen
};

/// BG/NBD (Fader, Hardie and Lee 2005): purchases are Poisson with gamma(r, rate alpha) rates;
/// after each purchase a customer may leave, with a beta(a, b) probability. All parameters > 0.
struct BgNbd {
  double r = 1, alpha = 1, a = 1, b = 1;
};
/// Adds the derivatives by r, alpha, a, b to `gradient` when it is not empty (then of size 4), the
/// second ones to `hessian` (4 × 4).
double log_likelihood(const BgNbd& model, std::span<const CustomerSummary> customers,
                      std::span<double> gradient = {}, std::span<double> hessian = {});
/// r, alpha, a, b. kInvalidArgument for bad summaries, kUnsupported when there is no maximum.
Result<ModelFit> fit_bgnbd(std::span<const CustomerSummary> customers,
                           const FitSettings& settings = {});
/// Repeat purchases of a new customer within t.
Result<double> expected_purchases(const BgNbd& model, double t);
/// Purchases of a customer in the t after the end of observation.
Result<double> expected_purchases(const BgNbd& model, const CustomerSummary& customer, double t);
/// 1 for a customer who bought once (the model lets people leave after a repeat purchase only).
double probability_alive(const BgNbd& model, const CustomerSummary& customer);

/// Pareto/NBD (Schmittlein, Morrison and Colombo 1987): the same purchases, but customers leave at
/// any time, at gamma(s, rate beta) rates. All parameters > 0.
struct ParetoNbd {
  double r = 1, alpha = 1, s = 1, beta = 1;
};
double log_likelihood(const ParetoNbd& model, std::span<const CustomerSummary> customers,
                      std::span<double> gradient = {});
/// r, alpha, s, beta; errors as of fit_bgnbd.
Result<ModelFit> fit_pareto_nbd(std::span<const CustomerSummary> customers,
                                const FitSettings& settings = {});
double expected_purchases(const ParetoNbd& model, double t);
double expected_purchases(const ParetoNbd& model, const CustomerSummary& customer, double t);
double probability_alive(const ParetoNbd& model, const CustomerSummary& customer);

}  // namespace zhiyin::statistics
