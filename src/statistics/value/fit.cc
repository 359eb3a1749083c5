#include "statistics/value/fit.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "statistics/minimise.h"

namespace zhiyin::statistics {
namespace {

/// Beyond e^±kLogMax times its scale a parameter has run away.
constexpr double kLogMax = 15;

std::vector<double> parameters_of(std::span<const double> logs, std::span<const double> scale) {
  std::vector<double> out(logs.size());
  std::ranges::transform(logs, scale, out.begin(),
                         [](double v, double s) { return s * std::exp(v); });
  return out;
}

/// The second derivatives of the log-likelihood with the sign changed.
Matrix information_of(const PositiveModel& model, std::span<const double> parameters) {
  const std::size_t n = parameters.size();
  Matrix information(n, n);
  std::vector<double> up(n);
  if (model.second_derivatives) {
    model.likelihood(parameters, up, information.values);
    for (double& v : information.values) v = -v;
    return information;
  }
  std::vector<double> at(parameters.begin(), parameters.end());
  std::vector<double> down(n);
  for (std::size_t i = 0; i < n; ++i) {
    const double h = 1e-5 * parameters[i];
    std::ranges::fill(up, 0);
    std::ranges::fill(down, 0);
    at[i] = parameters[i] + h;
    model.likelihood(at, up, {});
    at[i] = parameters[i] - h;
    model.likelihood(at, down, {});
    at[i] = parameters[i];
    for (std::size_t j = 0; j < n; ++j) information.at(i, j) = (down[j] - up[j]) / (2 * h);
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      information.at(i, j) = information.at(j, i) =
          (information.at(i, j) + information.at(j, i)) / 2;
    }
  }
  return information;
}

/// In units of the parameters themselves, so that those of money and of time do not matter.
Matrix relative(const Matrix& information, std::span<const double> parameters) {
  Matrix out = information;
  for (std::size_t i = 0; i < out.rows; ++i) {
    for (std::size_t j = 0; j < out.rows; ++j) out.at(i, j) *= parameters[i] * parameters[j];
  }
  return out;
}

std::vector<double> errors_of(const Matrix& information, std::span<const double> parameters) {
  const std::size_t n = information.rows;
  std::vector<double> out(n, std::numeric_limits<double>::quiet_NaN());
  if (const auto covariance = inverse_spd(relative(information, parameters))) {
    for (std::size_t i = 0; i < n; ++i) out[i] = parameters[i] * std::sqrt(covariance->at(i, i));
  }
  return out;
}

/// Where a likelihood only approaches its bound, the gradient dies away with the curvature, and
/// Newton's step stays long. `slope`: of the objective, by logarithms.
bool still_rises(const Matrix& information, std::span<const double> parameters,
                 std::span<const double> slope, double count, double penalty) {
  constexpr double kStepMax = 0.05;  // in logarithms
  Matrix curvature = relative(information, parameters);
  for (std::size_t i = 0; i < curvature.rows; ++i) {
    for (std::size_t j = 0; j < curvature.rows; ++j) curvature.at(i, j) /= count;
    curvature.at(i, i) += slope[i] + 2 * penalty * parameters[i] * parameters[i];
  }
  const auto step = solve_spd(curvature, slope);
  return !step || std::ranges::any_of(*step, [](double s) { return !(std::fabs(s) < kStepMax); });
}

bool ran_away(std::span<const double> logs) {
  return std::ranges::any_of(logs, [](double v) { return !(std::fabs(v) <= kLogMax - 1); });
}

/// Newton's method from near the maximum, one pass over the cases a step, which also gives value
/// and errors; none where it does not converge at once.
std::optional<ModelFit> newton(const PositiveModel& model, std::vector<double> logs,
                               std::span<const double> scale, double penalty) {
  constexpr int kRoundsMax = 8;
  constexpr double kTolerance = 1e-9;
  constexpr double kStepMax = 1;  // in logarithms: beyond it the start was not near
  const std::size_t n = logs.size();
  for (int round = 1; round <= kRoundsMax && !ran_away(logs); ++round) {
    const std::vector<double> at = parameters_of(logs, scale);
    std::vector<double> gradient(n, 0);
    Matrix second(n, n);
    const double value = model.likelihood(at, gradient, second.values);
    Matrix curvature(n, n);  // of the objective, by logarithms
    double steepest = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const double slope = (-gradient[i] / model.count + 2 * penalty * at[i]) * at[i];
      for (std::size_t j = 0; j < n; ++j) {
        curvature.at(i, j) = -second.at(i, j) * at[i] * at[j] / model.count;
      }
      curvature.at(i, i) += slope + 2 * penalty * at[i] * at[i];
      gradient[i] = slope;
      steepest = std::max(steepest, std::isnan(slope) ? INFINITY : std::fabs(slope));
    }
    if (!std::isfinite(value) || !std::isfinite(steepest)) return std::nullopt;
    if (steepest <= kTolerance) {
      for (double& v : second.values) v = -v;
      return ModelFit{at, errors_of(second, at), value, round};
    }
    const auto step = solve_spd(curvature, gradient);
    if (!step) return std::nullopt;
    for (std::size_t i = 0; i < n; ++i) {
      if (!(std::fabs((*step)[i]) < kStepMax)) return std::nullopt;
      logs[i] -= (*step)[i];
    }
  }
  return std::nullopt;
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

Result<ModelFit> fit_positive(const PositiveModel& model, const PositiveStart& start,
                              double penalty) {
  std::vector<double> begin = start.parameters;
  std::vector<double> scale = start.scale;
  if (scale.empty()) scale.assign(begin.size(), 1);
  for (std::size_t i = 0; i < begin.size(); ++i) begin[i] = std::log(begin[i] / scale[i]);
  if (start.near && model.second_derivatives) {
    if (auto found = newton(model, begin, scale, penalty)) return *found;
  }
  const SmoothFunction objective = [&](std::span<const double> logs, std::span<double> gradient) {
    for (const double v : logs) {
      if (!(std::fabs(v) < kLogMax)) return std::numeric_limits<double>::infinity();
    }
    const std::vector<double> at = parameters_of(logs, scale);
    std::ranges::fill(gradient, 0);
    double value = -model.likelihood(at, gradient, {}) / model.count;
    for (std::size_t i = 0; i < at.size(); ++i) {
      value += penalty * at[i] * at[i];
      gradient[i] = (-gradient[i] / model.count + 2 * penalty * at[i]) * at[i];
    }
    return std::isnan(value) ? std::numeric_limits<double>::infinity() : value;
  };
  const Minimum found = minimise(objective, std::move(begin), {1e-9, 400});
  // Rounding of a sum over many cases can keep the gradient above the tolerance at the maximum.
  double steepest = 0;
  for (const double g : found.gradient) steepest = std::max(steepest, std::fabs(g));
  const bool close = found.converged || steepest < 1e-7;
  const auto none = [&] {
    return fail(ErrorCode::kUnsupported,
                "{}: the likelihood has no maximum that can be found (too few customers, or the "
                "model does not fit); a penalty above 0 may help",
                model.name);
  };
  if (!std::isfinite(found.value) || !close || ran_away(found.x)) return none();
  ModelFit out;
  out.parameters = parameters_of(found.x, scale);
  const Matrix information = information_of(model, out.parameters);
  if (still_rises(information, out.parameters, found.gradient, model.count, penalty)) return none();
  std::vector<double> unused(out.parameters.size(), 0);
  out.log_likelihood = model.likelihood(out.parameters, unused, {});
  out.evaluations = found.evaluations;
  out.standard_errors = errors_of(information, out.parameters);
  return out;
}

}  // namespace zhiyin::statistics
