#include <algorithm>
#include <cmath>

#include "statistics/cause/uplift.h"

namespace zhiyin::statistics {
namespace {

/// Columns with mean 0 and deviation 1, and an intercept in the last place.
struct Scaler {
  std::vector<double> mean;
  std::vector<double> scale;  ///< 1/deviation; 0 for a column that does not vary

  explicit Scaler(const Matrix& x) : mean(x.columns, 0), scale(x.columns, 0) {
    const auto n = static_cast<double>(x.rows);
    for (std::size_t r = 0; r < x.rows; ++r) {
      for (std::size_t c = 0; c < x.columns; ++c) mean[c] += x.at(r, c) / n;
    }
    for (std::size_t r = 0; r < x.rows; ++r) {
      for (std::size_t c = 0; c < x.columns; ++c) {
        const double d = x.at(r, c) - mean[c];
        scale[c] += d * d / n;
      }
    }
    for (double& s : scale) s = s > 1e-24 ? 1 / std::sqrt(s) : 0;
  }
  void write(std::span<const double> row, std::span<double> out) const {
    for (std::size_t c = 0; c < mean.size(); ++c) out[c] = (row[c] - mean[c]) * scale[c];
    out[mean.size()] = 1;
  }
};

double inner(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

double sigmoid(double v) {
  return v >= 0 ? 1 / (1 + std::exp(-v)) : std::exp(v) / (1 + std::exp(v));
}

Result<void> check(const Matrix& x, std::span<const double> target) {
  if (x.rows == 0 || x.columns == 0) return fail_field("rows", "there are no rows or no columns");
  if (target.size() != x.rows)
    return fail_field("target", "has {} of {} rows", target.size(), x.rows);
  for (std::size_t i = 0; i < x.values.size(); ++i) {
    if (!std::isfinite(x.values[i])) {
      return fail_field(fmt::format("rows[{}]", i / x.columns), "column {} is not a finite number",
                        i % x.columns);
    }
  }
  return {};
}

/// Adds w z z' to the lower triangle.
void add_outer(Matrix& m, std::span<const double> z, double w) {
  for (std::size_t a = 0; a < z.size(); ++a) {
    const double wz = w * z[a];
    for (std::size_t b = 0; b <= a; ++b) m.at(a, b) += wz * z[b];
  }
}

void mirror(Matrix& m) {
  for (std::size_t a = 0; a < m.rows; ++a) {
    for (std::size_t b = 0; b < a; ++b) m.at(b, a) = m.at(a, b);
  }
}

/// The intercept is not shrunk.
void add_ridge(Matrix& m, double ridge) {
  for (std::size_t c = 0; c + 1 < m.rows; ++c) m.at(c, c) += ridge;
  m.at(m.rows - 1, m.rows - 1) += 1e-12;
}

Result<Predictor> fit_logistic(const Matrix& x, std::span<const double> y, double ridge) {
  ZHIYIN_TRY_VOID(check(x, y));
  for (std::size_t i = 0; i < y.size(); ++i) {
    if (y[i] != 0 && y[i] != 1)
      return fail_field(fmt::format("target[{}]", i), "is {}, not 0 or 1", y[i]);
  }
  const Scaler scaler(x);
  const std::size_t p = x.columns + 1;
  const auto n = static_cast<double>(x.rows);
  std::vector<double> beta(p, 0);
  std::vector<double> z(p);
  double before = INFINITY;
  std::vector<double> kept = beta;
  double damping = 1;
  constexpr int kRoundsMax = 60;
  for (int round = 0; round < kRoundsMax; ++round) {
    Matrix hessian(p, p);
    std::vector<double> gradient(p, 0);
    double loss = 0;
    for (std::size_t r = 0; r < x.rows; ++r) {
      scaler.write(x.row(r), z);
      const double eta = inner(z, beta);
      const double q = sigmoid(eta);
      loss += (std::max(eta, 0.0) + std::log1p(std::exp(-std::fabs(eta))) - y[r] * eta) / n;
      for (std::size_t c = 0; c < p; ++c) gradient[c] += (q - y[r]) * z[c] / n;
      add_outer(hessian, z, q * (1 - q) / n);
    }
    for (std::size_t c = 0; c + 1 < p; ++c) {
      loss += ridge / 2 * beta[c] * beta[c];
      gradient[c] += ridge * beta[c];
    }
    if (loss > before + 1e-12 * std::fabs(before)) {
      // Too far: half the way back, from where it was better.
      damping /= 2;
      if (damping < 1e-6) break;
      for (std::size_t c = 0; c < p; ++c) beta[c] = (beta[c] + kept[c]) / 2;
      continue;
    }
    before = loss;
    kept = beta;
    damping = 1;
    if (std::fabs(*std::ranges::max_element(gradient, {}, [](double g) { return std::fabs(g); })) <
        1e-10) {
      break;
    }
    mirror(hessian);
    add_ridge(hessian, ridge);
    const auto step = solve_spd(hessian, gradient);
    if (!step) break;
    for (std::size_t c = 0; c < p; ++c) beta[c] -= (*step)[c];
  }
  return Predictor([scaler, beta = kept](std::span<const double> row) {
    std::vector<double> scaled(beta.size());
    scaler.write(row, scaled);
    return sigmoid(inner(scaled, beta));
  });
}

Result<Predictor> fit_linear(const Matrix& x, std::span<const double> y, double ridge) {
  ZHIYIN_TRY_VOID(check(x, y));
  const Scaler scaler(x);
  const std::size_t p = x.columns + 1;
  Matrix gram(p, p);
  std::vector<double> moment(p, 0);
  std::vector<double> z(p);
  const auto n = static_cast<double>(x.rows);
  for (std::size_t r = 0; r < x.rows; ++r) {
    if (!std::isfinite(y[r]))
      return fail_field(fmt::format("target[{}]", r), "is not a finite number");
    scaler.write(x.row(r), z);
    add_outer(gram, z, 1 / n);
    for (std::size_t c = 0; c < p; ++c) moment[c] += z[c] * y[r] / n;
  }
  mirror(gram);
  add_ridge(gram, ridge + 1e-10);
  auto beta = solve_spd(gram, moment);
  if (!beta) return fail(ErrorCode::kUnsupported, "regression: columns depend on each other");
  return Predictor([scaler, beta = std::move(*beta)](std::span<const double> row) {
    std::vector<double> scaled(beta.size());
    scaler.write(row, scaled);
    return inner(scaled, beta);
  });
}

}  // namespace

Learner logistic_learner(double ridge) {
  return [ridge](const Matrix& rows, std::span<const double> target) {
    return fit_logistic(rows, target, ridge);
  };
}

Learner linear_learner(double ridge) {
  return [ridge](const Matrix& rows, std::span<const double> target) {
    return fit_linear(rows, target, ridge);
  };
}

namespace {

Matrix rows_of(const Matrix& x, std::span<const std::uint8_t> treated, int arm) {
  Matrix out;
  out.columns = x.columns;
  for (std::size_t r = 0; r < x.rows; ++r) {
    if (treated[r] != arm) continue;
    const auto row = x.row(r);
    out.values.insert(out.values.end(), row.begin(), row.end());
    ++out.rows;
  }
  return out;
}

}  // namespace

Result<Predictor> two_model_learner(const Learner& learner, const Matrix& rows,
                                    std::span<const std::uint8_t> treated,
                                    std::span<const double> outcome) {
  if (treated.size() != rows.rows || outcome.size() != rows.rows) {
    return fail_field("treated", "rows, treatments and outcomes differ in number");
  }
  std::vector<double> targets[2];
  for (std::size_t r = 0; r < rows.rows; ++r) targets[treated[r] != 0].push_back(outcome[r]);
  ZHIYIN_TRY(const Predictor control, learner(rows_of(rows, treated, 0), targets[0]));
  ZHIYIN_TRY(const Predictor treatment, learner(rows_of(rows, treated, 1), targets[1]));
  return Predictor(
      [control, treatment](std::span<const double> row) { return treatment(row) - control(row); });
}

Result<Predictor> transformed_outcome_learner(const Learner& learner, const Matrix& rows,
                                              std::span<const std::uint8_t> treated,
                                              std::span<const double> outcome, double propensity) {
  if (treated.size() != rows.rows || outcome.size() != rows.rows) {
    return fail_field("treated", "rows, treatments and outcomes differ in number");
  }
  if (!(propensity > 0 && propensity < 1)) {
    return fail_field("propensity", "is {}, not between 0 and 1", propensity);
  }
  std::vector<double> target(outcome.begin(), outcome.end());
  for (std::size_t r = 0; r < rows.rows; ++r) {
    target[r] *= treated[r] != 0 ? 1 / propensity : -1 / (1 - propensity);
  }
  return learner(rows, target);
}

}  // namespace zhiyin::statistics
