#include "statistics/value/fit.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "statistics/minimise.h"

namespace zhiyin::statistics {
namespace {

/// Beyond e^±kLogMax a parameter has run away.
constexpr double kLogMax = 15;

std::vector<double> exponentials(std::span<const double> logs) {
  std::vector<double> out(logs.size());
  std::ranges::transform(logs, out.begin(), [](double v) { return std::exp(v); });
  return out;
}

/// By the parameters themselves, from the curvature of the log-likelihood alone.
std::vector<double> errors_of(const PositiveLikelihood& likelihood,
                              std::span<const double> parameters) {
  const std::size_t n = parameters.size();
  Matrix information(n, n);
  std::vector<double> at(parameters.begin(), parameters.end());
  std::vector<double> up(n);
  std::vector<double> down(n);
  for (std::size_t i = 0; i < n; ++i) {
    const double h = 1e-5 * parameters[i];
    std::ranges::fill(up, 0);
    std::ranges::fill(down, 0);
    at[i] = parameters[i] + h;
    likelihood(at, up);
    at[i] = parameters[i] - h;
    likelihood(at, down);
    at[i] = parameters[i];
    for (std::size_t j = 0; j < n; ++j) information.at(i, j) = (down[j] - up[j]) / (2 * h);
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      information.at(i, j) = information.at(j, i) =
          (information.at(i, j) + information.at(j, i)) / 2;
    }
  }
  std::vector<double> out(n, std::numeric_limits<double>::quiet_NaN());
  if (const auto covariance = inverse_spd(information)) {
    for (std::size_t i = 0; i < n; ++i) out[i] = std::sqrt(covariance->at(i, i));
  }
  return out;
}

}  // namespace

Result<double> mean_age(std::span<const CustomerSummary> customers) {
  ZHIYIN_TRY_VOID(check_summaries(customers));
  double age = 0;
  bool repeats = false;
  for (const CustomerSummary& c : customers) {
    age += c.age;
    repeats = repeats || c.frequency > 0;
  }
  if (!repeats) return fail_field("customers", "nobody bought twice: there is nothing to fit");
  return age / static_cast<double>(customers.size());
}

Result<ModelFit> fit_positive(std::string_view model, const PositiveLikelihood& likelihood,
                              double count, std::vector<double> start, double penalty) {
  const SmoothFunction objective = [&](std::span<const double> logs, std::span<double> gradient) {
    for (const double v : logs) {
      if (!(std::fabs(v) < kLogMax)) return std::numeric_limits<double>::infinity();
    }
    const std::vector<double> at = exponentials(logs);
    std::ranges::fill(gradient, 0);
    double value = -likelihood(at, gradient) / count;
    for (std::size_t i = 0; i < at.size(); ++i) {
      value += penalty * at[i] * at[i];
      gradient[i] = (-gradient[i] / count + 2 * penalty * at[i]) * at[i];
    }
    return std::isnan(value) ? std::numeric_limits<double>::infinity() : value;
  };
  for (double& v : start) v = std::log(v);
  const Minimum found = minimise(objective, std::move(start), {1e-9, 400});
  // Rounding of a sum over many cases can keep the gradient above the tolerance at the maximum.
  double steepest = 0;
  for (const double g : found.gradient) steepest = std::max(steepest, std::fabs(g));
  const bool close = found.converged || steepest < 1e-7;
  const bool ran_away =
      std::ranges::any_of(found.x, [](double v) { return std::fabs(v) > kLogMax - 1; });
  if (!std::isfinite(found.value) || !close || ran_away) {
    return fail(ErrorCode::kUnsupported,
                "{}: the likelihood has no maximum that can be found (too few customers, or the "
                "model does not fit); a penalty above 0 may help",
                model);
  }
  ModelFit out;
  out.parameters = exponentials(found.x);
  std::vector<double> unused(out.parameters.size(), 0);
  out.log_likelihood = likelihood(out.parameters, unused);
  out.evaluations = found.evaluations;
  out.standard_errors = errors_of(likelihood, out.parameters);
  return out;
}

}  // namespace zhiyin::statistics
