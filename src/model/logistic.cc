#include "model/logistic.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace zhiyin::model {
namespace {

double dot(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

/// log(1 + e^x) without overflow.
double softplus(double x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }

std::span<const double> row_of(const Design& design, std::size_t r) {
  return design.values.subspan(r * design.columns, design.columns);
}

/// Lower triangle of the Hessian of the objective, weights first, intercept last.
std::vector<double> hessian(const Design& design, const Logistic& model, double l2) {
  const std::size_t d = design.columns + 1;
  std::vector<double> h(d * d, 0);
  const double scale = 1 / static_cast<double>(design.rows());
  for (std::size_t r = 0; r < design.rows(); ++r) {
    const auto x = row_of(design, r);
    const double p = model.probability(x);
    const double curvature = p * (1 - p) * scale;
    for (std::size_t i = 0; i < design.columns; ++i) {
      const double xi = curvature * x[i];
      if (xi == 0) continue;
      double* line = &h[i * d];
      for (std::size_t j = 0; j <= i; ++j) line[j] += xi * x[j];
      h[(d - 1) * d + i] += xi;
    }
    h[d * d - 1] += curvature;
  }
  for (std::size_t i = 0; i < design.columns; ++i) h[i * d + i] += l2;
  // Far out the curvature vanishes; without this the intercept's row would be singular.
  h[d * d - 1] += 1e-12;
  return h;
}

/// Solves h x = b in place for a symmetric positive definite h (lower triangle); false when it is
/// not.
bool solve_cholesky(std::vector<double>& h, std::vector<double>& b) {
  const std::size_t d = b.size();
  for (std::size_t i = 0; i < d; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      const double sum = h[i * d + j] - dot(std::span(&h[i * d], j), std::span(&h[j * d], j));
      if (i != j) {
        h[i * d + j] = sum / h[j * d + j];
      } else if (sum > 0) {
        h[i * d + i] = std::sqrt(sum);
      } else {
        return false;
      }
    }
  }
  for (std::size_t i = 0; i < d; ++i) {
    b[i] = (b[i] - dot(std::span(&h[i * d], i), std::span(b.data(), i))) / h[i * d + i];
  }
  for (std::size_t i = d; i-- > 0;) {
    for (std::size_t j = i + 1; j < d; ++j) b[i] -= h[j * d + i] * b[j];
    b[i] /= h[i * d + i];
  }
  return true;
}

Logistic moved(const Logistic& from, std::span<const double> step, double share) {
  Logistic to = from;
  for (std::size_t i = 0; i < to.weights.size(); ++i) to.weights[i] -= share * step[i];
  to.intercept -= share * step.back();
  return to;
}

double largest(std::span<const double> values) {
  double out = 0;
  for (const double v : values) out = std::max(out, std::fabs(v));
  return out;
}

Result<void> check(const Design& design, const LogisticSettings& settings) {
  const auto positives = std::ranges::count(design.labels, 1);
  if (positives == 0 || static_cast<std::size_t>(positives) == design.rows()) {
    return fail(ErrorCode::kInvalidArgument, "logistic regression: the rows have one class only");
  }
  if (design.columns > kLogisticColumnsMax) {
    return fail(ErrorCode::kInvalidArgument, "logistic regression: {} columns, at most {}",
                design.columns, kLogisticColumnsMax);
  }
  ZHIYIN_CHECK(settings.l2 > 0 && design.values.size() == design.rows() * design.columns);
  return {};
}

Logistic starting_point(const Design& design, const Logistic& start) {
  if (start.weights.size() == design.columns) return start;
  const double share = static_cast<double>(std::ranges::count(design.labels, 1)) /
                       static_cast<double>(design.rows());
  return {std::vector<double>(design.columns, 0), std::log(share / (1 - share))};
}

}  // namespace

double sigmoid(double x) {
  if (x >= 0) return 1 / (1 + std::exp(-x));
  const double e = std::exp(x);
  return e / (1 + e);
}

double Logistic::log_odds(std::span<const double> x) const { return intercept + dot(weights, x); }
double Logistic::probability(std::span<const double> x) const { return sigmoid(log_odds(x)); }

Objective logistic_objective(const Design& design, const Logistic& model, double l2) {
  Objective out{0, std::vector<double>(design.columns + 1, 0)};
  const double scale = 1 / static_cast<double>(design.rows());
  for (std::size_t r = 0; r < design.rows(); ++r) {
    const auto x = row_of(design, r);
    const double z = model.log_odds(x);
    const int y = design.labels[r];
    out.value += scale * (softplus(z) - y * z);
    const double slope = scale * (sigmoid(z) - y);
    for (std::size_t i = 0; i < design.columns; ++i) out.gradient[i] += slope * x[i];
    out.gradient.back() += slope;
  }
  for (std::size_t i = 0; i < design.columns; ++i) {
    out.value += l2 / 2 * model.weights[i] * model.weights[i];
    out.gradient[i] += l2 * model.weights[i];
  }
  return out;
}

Result<LogisticFit> fit_logistic(const Design& design, LogisticSettings settings,
                                 const Logistic& start) {
  ZHIYIN_TRY_VOID(check(design, settings));
  LogisticFit fit{starting_point(design, start)};
  Objective now = logistic_objective(design, fit.model, settings.l2);
  while (fit.iterations < settings.iterations_max) {
    if (largest(now.gradient) <= settings.gradient_tolerance) {
      fit.converged = true;
      break;
    }
    ++fit.iterations;
    std::vector<double> step = now.gradient;
    std::vector<double> h = hessian(design, fit.model, settings.l2);
    if (!solve_cholesky(h, step)) step = now.gradient;
    // The objective is convex: a short enough Newton step always goes down, until rounding wins.
    constexpr int kHalvingsMax = 40;
    double share = 1;
    bool better = false;
    for (int i = 0; i < kHalvingsMax && !better; ++i, share /= 2) {
      Logistic candidate = moved(fit.model, step, share);
      Objective there = logistic_objective(design, candidate, settings.l2);
      better = there.value < now.value ||
               (there.value == now.value && largest(there.gradient) < largest(now.gradient));
      if (better) {
        fit.model = std::move(candidate);
        now = std::move(there);
      }
    }
    if (!better) break;
  }
  fit.converged = fit.converged || largest(now.gradient) <= settings.gradient_tolerance;
  return fit;
}

}  // namespace zhiyin::model
