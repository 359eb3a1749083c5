#pragma once

#include <functional>

#include "statistics/value/purchase_models.h"

/// What customers spend and what they are worth. Pure, thread-safe.
namespace zhiyin::statistics {

/// Gamma-Gamma (Fader and Hardie 2013): an order's value is gamma(p, rate nu), nu is gamma(q, rate
/// v) over customers; independent of how often they buy. All parameters > 0.
struct GammaGamma {
  double p = 1, q = 1, v = 1;
};
/// Of the customers with repeat purchases; others are left out. Adds the derivatives by p, q, v.
double log_likelihood(const GammaGamma& model, std::span<const CustomerSummary> customers,
                      std::span<double> gradient = {});
/// p, q, v. kInvalidArgument when a repeat customer's spend is not above 0 or there are fewer than
/// two, kUnsupported when there is no maximum.
Result<ModelFit> fit_gamma_gamma(std::span<const CustomerSummary> customers,
                                 const FitSettings& settings = {});
/// Mean over all customers: p v / (q - 1); kUnsupported when q <= 1, where there is none.
Result<double> expected_spend(const GammaGamma& model);
/// Mean value of a customer's orders; of one without repeats, the mean over all.
Result<double> expected_spend(const GammaGamma& model, const CustomerSummary& customer);

/// Purchases up to t after the end of observation.
using PurchaseCurve = std::function<Result<double>(double t)>;
/// Value of `periods` periods of length `step`, each discounted by (1 + discount)^period: the
/// purchases times `spend`. Requires periods >= 1, step > 0, discount > -1.
Result<double> residual_value(const PurchaseCurve& purchases, double spend, int periods,
                              double step, double discount);

/// Actual and expected repeat purchases of a cohort, cumulated over calendar time: the plot that
/// shows whether a model fits. `births[i]` is a customer's first purchase, from the cohort's start;
/// `repeats` are the times of all repeat purchases; both in the model's unit.
struct TrackingPoint {
  double time = 0;
  double actual = 0;
  double expected = 0;
};
/// `expected(t)` are the repeat purchases of a new customer within t.
Result<std::vector<TrackingPoint>> tracking_curve(const PurchaseCurve& expected,
                                                  std::span<const double> births,
                                                  std::span<const double> repeats, double horizon,
                                                  int points);

/// Shifted beta-geometric (Fader and Hardie 2007): contracts are renewed or not, with a beta(alpha,
/// beta) probability of leaving that differs between customers.
struct Sbg {
  double alpha = 1, beta = 1;
};
/// `alive[t]`: customers after t renewals, from t = 0. Adds the derivatives by alpha, beta.
double log_likelihood(const Sbg& model, std::span<const double> alive,
                      std::span<double> gradient = {});
/// alpha, beta. kInvalidArgument unless there are three counts that do not rise and somebody left.
Result<ModelFit> fit_sbg(std::span<const double> alive, const FitSettings& settings = {});
/// Share that is still there after t renewals; t a whole number >= 0.
double survival(const Sbg& model, double t);
/// Share of those who were there after t - 1 renewals and renewed again; t >= 1.
double retention_rate(const Sbg& model, double t);
/// Periods that a customer of `tenure` renewals will still pay for, discounted, over `periods`.
double residual_lifetime(const Sbg& model, double tenure, int periods, double discount);

}  // namespace zhiyin::statistics
