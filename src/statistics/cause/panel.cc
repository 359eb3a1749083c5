#include "statistics/cause/panel.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "statistics/accumulator.h"
#include "statistics/distributions.h"
#include "statistics/limits.h"

namespace zhiyin::statistics {
namespace {

EffectEstimate with_t(double estimate, double se, double dof, double alpha) {
  const double half = t_upper_quantile(alpha / 2, dof) * se;
  return {estimate, se, {estimate - half, estimate + half}, t_two_sided_p(estimate / se, dof), dof};
}

}  // namespace

Answer<EffectEstimate> difference_in_differences(const Moments& control_before,
                                                 const Moments& control_after,
                                                 const Moments& treated_before,
                                                 const Moments& treated_after, double alpha) {
  double noise = 0;
  for (const Moments* m : {&control_before, &control_after, &treated_before, &treated_after}) {
    if (m->n < 2) return std::unexpected(Refusal::kTooFewUsers);
    if (!is_usable(m->mean)) return std::unexpected(Refusal::kNotFinite);
    if (const auto checked = check_variance(m->variance); !checked) {
      return std::unexpected(checked.error());
    }
    noise += m->variance / m->n;
  }
  // Of shares of the noise, whose squares do not vanish.
  double terms = 0;
  for (const Moments* m : {&control_before, &control_after, &treated_before, &treated_after}) {
    const double share = m->variance / m->n / noise;
    terms += share * share / (m->n - 1);
  }
  const double estimate =
      (treated_after.mean - treated_before.mean) - (control_after.mean - control_before.mean);
  return with_t(estimate, std::sqrt(noise), 1 / terms, alpha);
}

Answer<EffectEstimate> difference_in_differences(std::span<const PanelUnit> units, double alpha) {
  Accumulator changes[2];
  double size[2] = {0, 0};
  for (const PanelUnit& u : units) {
    if (!is_usable(u.before) || !is_usable(u.after)) {
      return std::unexpected(Refusal::kNotFinite);
    }
    changes[u.treated].add(u.after - u.before);
    size[u.treated] = std::max({size[u.treated], std::fabs(u.before), std::fabs(u.after)});
  }
  Moments moments[2] = {changes[0].moments(), changes[1].moments()};
  for (const std::size_t group : {0, 1}) {
    // A change carries the rounding of the two values that it is between.
    if (is_rounding(std::sqrt(moments[group].variance), size[group])) moments[group].variance = 0;
  }
  return difference_of_changes(moments[0], moments[1], alpha);
}

Answer<EffectEstimate> difference_of_changes(const Moments& control, const Moments& treated,
                                             double alpha) {
  double noise = 0;
  for (const Moments* m : {&control, &treated}) {
    if (m->n < 2) return std::unexpected(Refusal::kTooFewUsers);
    if (!is_usable(m->mean)) return std::unexpected(Refusal::kNotFinite);
    if (const auto checked = check_variance(m->variance); !checked) {
      return std::unexpected(checked.error());
    }
    noise += m->variance / m->n;
  }
  // Of shares of the noise, whose squares do not vanish.
  double terms = 0;
  for (const Moments* m : {&control, &treated}) {
    const double share = m->variance / m->n / noise;
    terms += share * share / (m->n - 1);
  }
  return with_t(treated.mean - control.mean, std::sqrt(noise), 1 / terms, alpha);
}

namespace {

Arm arm_of(const PeriodSums& s) {
  return {.name = {}, .kind = {}, .n = s.n, .sum = s.sum, .sum_squares = s.sum_squares};
}

/// Mean and variance of after - before over the units of a group.
Answer<Moments> change_moments(const GroupSums& g) {
  const Answer<Moments> before = moments_of(arm_of(g.before));
  if (!before) return before;
  const Answer<Moments> after = moments_of(arm_of(g.after));
  if (!after) return after;
  if (g.before.n != g.after.n) return std::unexpected(Refusal::kImpossibleSums);
  // Hits are their own squares.
  const double squares_before = g.before.sum_squares.value_or(g.before.sum);
  const double squares_after = g.after.sum_squares.value_or(g.after.sum);
  const double products = *g.sum_products;
  if (!(std::fabs(products) <= kSumMax)) return std::unexpected(Refusal::kNotFinite);
  // Cauchy and Schwarz, with room for rounding.
  if (products * products > squares_before * squares_after * (1 + 1e-9)) {
    return std::unexpected(Refusal::kImpossibleSums);
  }
  Arm change{.name = {},
             .kind = MetricKind::kMean,
             .n = g.before.n,
             .sum = g.after.sum - g.before.sum,
             .sum_squares = std::max(0.0, squares_before + squares_after - 2 * products)};
  Answer<Moments> out = moments_of(change);
  // What is left of the two periods' squares below this share is their rounding.
  constexpr double kRounding = 1e-13;
  if (out && out->variance * (out->n - 1) < kRounding * (squares_before + squares_after)) {
    out->variance = 0;
  }
  return out;
}

}  // namespace

Answer<EffectEstimate> difference_in_differences(const GroupSums& control, const GroupSums& treated,
                                                 double alpha) {
  if (control.sum_products.has_value() != treated.sum_products.has_value()) {
    return std::unexpected(Refusal::kIncompleteArm);
  }
  if (control.sum_products) {
    const Answer<Moments> a = change_moments(control);
    if (!a) return std::unexpected(a.error());
    const Answer<Moments> b = change_moments(treated);
    if (!b) return std::unexpected(b.error());
    return difference_of_changes(*a, *b, alpha);
  }
  Moments cells[4];
  const PeriodSums* sums[] = {&control.before, &control.after, &treated.before, &treated.after};
  for (std::size_t i = 0; i < 4; ++i) {
    const Answer<Moments> m = moments_of(arm_of(*sums[i]));
    if (!m) return std::unexpected(m.error());
    cells[i] = *m;
  }
  return difference_in_differences(cells[0], cells[1], cells[2], cells[3], alpha);
}

namespace {

/// 1, time, after, time since.
Matrix segments(std::size_t n, std::size_t start) {
  Matrix x(n, 4);
  for (std::size_t t = 0; t < n; ++t) {
    x.at(t, 0) = 1;
    x.at(t, 1) = static_cast<double>(t);
    x.at(t, 2) = t >= start;
    x.at(t, 3) = t >= start ? static_cast<double>(t - start) : 0;
  }
  return x;
}

/// (X'X)^-1 S (X'X)^-1 with S the long-run covariance of x e, Bartlett weights.
Matrix newey_west(const Matrix& x, const LeastSquares& fit, int lags) {
  const std::size_t p = x.columns;
  Matrix middle(p, p);
  for (int lag = 0; lag <= lags; ++lag) {
    const double weight = 1 - lag / (lags + 1.0);
    const auto shift = static_cast<std::size_t>(lag);
    for (std::size_t t = shift; t < x.rows; ++t) {
      const double e = fit.residuals[t] * fit.residuals[t - shift] * weight;
      for (std::size_t a = 0; a < p; ++a) {
        for (std::size_t b = 0; b < p; ++b) {
          middle.at(a, b) += e * x.at(t, a) * x.at(t - shift, b);
          if (lag > 0) middle.at(a, b) += e * x.at(t - shift, a) * x.at(t, b);
        }
      }
    }
  }
  Matrix half(p, p);
  Matrix out(p, p);
  const Matrix& inverse = fit.unscaled_covariance;
  for (std::size_t a = 0; a < p; ++a) {
    for (std::size_t b = 0; b < p; ++b) {
      for (std::size_t k = 0; k < p; ++k) half.at(a, b) += inverse.at(a, k) * middle.at(k, b);
    }
  }
  for (std::size_t a = 0; a < p; ++a) {
    for (std::size_t b = 0; b < p; ++b) {
      for (std::size_t k = 0; k < p; ++k) out.at(a, b) += half.at(a, k) * inverse.at(k, b);
    }
  }
  return out;
}

struct Segmented {
  LeastSquares fit;
  Matrix covariance;
};
std::optional<Segmented> fit_segments(std::span<const double> values, std::size_t start, int lags) {
  Matrix x = segments(values.size(), start);
  std::vector<double> y(values.begin(), values.end());
  // A row of zeros weighs nothing, neither in the fit nor in its variance.
  for (std::size_t t = 0; t < y.size(); ++t) {
    if (!std::isnan(y[t])) continue;
    y[t] = 0;
    for (std::size_t c = 0; c < x.columns; ++c) x.at(t, c) = 0;
  }
  auto fit = least_squares(x, y);
  if (!fit) return std::nullopt;
  Matrix covariance = newey_west(x, *fit, lags);
  return Segmented{std::move(*fit), std::move(covariance)};
}

EffectEstimate with_z(const Segmented& s, std::size_t which, double alpha) {
  const double estimate = s.fit.coefficients[which];
  const double se = std::sqrt(std::max(0.0, s.covariance.at(which, which)));
  const double half = normal_quantile(1 - alpha / 2) * se;
  return {estimate,
          se,
          {estimate - half, estimate + half},
          2 * normal_cdf(-std::fabs(estimate / se)),
          INFINITY};
}

/// Placebos take a regression each: of a long series only so many that they are done in seconds.
std::size_t placebo_stride(std::size_t n, int lags) {
  constexpr double kOperationsMax = 4e9;
  constexpr double kPlacebosMin = 50;
  const auto length = static_cast<double>(n);
  const double each = length * (40 + 40.0 * lags);
  const double places = std::max(kPlacebosMin, kOperationsMax / each);
  return std::max<std::size_t>(1, static_cast<std::size_t>(std::ceil(length / places)));
}

}  // namespace

Result<InterruptedResult> interrupted_series(std::span<const double> values,
                                             const InterruptedSettings& settings) {
  constexpr std::size_t kSideMin = 4;
  const std::size_t n = values.size();
  if (n > kInterruptedMax) {
    return fail(ErrorCode::kLimitReached, "interrupted series: {} values, more than {}", n,
                kInterruptedMax);
  }
  std::vector<std::size_t> known(n + 1, 0);  // how many values come before each place
  for (std::size_t i = 0; i < n; ++i) known[i + 1] = known[i] + (std::isnan(values[i]) ? 0 : 1);
  const auto has_sides = [&](std::size_t start) {
    return start <= n && known[start] >= kSideMin && known[n] - known[start] >= kSideMin;
  };
  if (!has_sides(settings.start)) {
    return fail_field("start", "is {} of {}: needs four values at either side", settings.start, n);
  }
  for (std::size_t i = 0; i < n; ++i) {
    if (!std::isnan(values[i]) && !is_usable(values[i])) {
      return fail_field(fmt::format("values[{}]", i), "is {}, not a finite number up to {}",
                        values[i], kValueMax);
    }
  }
  InterruptedResult out;
  const double automatic = std::floor(4 * std::pow(static_cast<double>(n) / 100, 2.0 / 9));
  out.lags = settings.lags >= 0 ? settings.lags : static_cast<int>(automatic);
  if (static_cast<std::size_t>(out.lags) >= n)
    return fail_field("lags", "are {} of {}", out.lags, n);
  const auto found = fit_segments(values, settings.start, out.lags);
  double size = 0;
  for (const double v : values) size += std::isnan(v) ? 0 : v * v;
  if (!found || !(found->fit.residual_squares > 1e-24 * size)) {
    return fail(ErrorCode::kUnsupported,
                "interrupted series: the series has no variance about its segments");
  }
  out.intercept = found->fit.coefficients[0];
  out.slope = found->fit.coefficients[1];
  out.level = with_z(*found, 2, settings.alpha);
  out.trend = with_z(*found, 3, settings.alpha);
  const double own = std::fabs(out.level.estimate / out.level.se);
  double as_large = 0;
  const std::size_t stride = placebo_stride(n, out.lags);
  for (std::size_t start = kSideMin; start + kSideMin <= n; start += stride) {
    if (start == settings.start || !has_sides(start)) continue;
    const auto other = fit_segments(values, start, out.lags);
    if (!other) continue;
    const EffectEstimate e = with_z(*other, 2, settings.alpha);
    ++out.placebos;
    as_large += std::fabs(e.estimate / e.se) >= own;
  }
  out.placebo_p = (1 + as_large) / (1 + static_cast<double>(out.placebos));
  return out;
}

namespace {

/// The nearest point of the simplex (Duchi et al. 2008).
void project(std::vector<double>& w) {
  std::vector<double> sorted = w;
  std::ranges::sort(sorted, std::greater<>());
  double sum = 0;
  double shift = 0;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    sum += sorted[i];
    const double candidate = (sum - 1) / static_cast<double>(i + 1);
    if (sorted[i] - candidate > 0) shift = candidate;
  }
  for (double& v : w) v = std::max(0.0, v - shift);
}

/// On the donors that have weight the optimum is an equality-constrained least-squares problem:
/// solved exactly, where it stays inside.
void refine(const Matrix& gram, std::span<const double> target, std::vector<double>& w) {
  std::vector<std::size_t> active;
  for (std::size_t i = 0; i < w.size(); ++i) {
    if (w[i] > 1e-9) active.push_back(i);
  }
  const std::size_t k = active.size();
  if (k < 2) return;
  // w_last = 1 - the others.
  const std::size_t last = active.back();
  Matrix a(k - 1, k - 1);
  std::vector<double> b(k - 1);
  for (std::size_t i = 0; i + 1 < k; ++i) {
    const std::size_t p = active[i];
    b[i] = target[p] - target[last] - gram.at(p, last) + gram.at(last, last);
    for (std::size_t j = 0; j + 1 < k; ++j) {
      const std::size_t q = active[j];
      a.at(i, j) = gram.at(p, q) - gram.at(p, last) - gram.at(last, q) + gram.at(last, last);
    }
  }
  const auto solved = solve_spd(a, b);
  if (!solved) return;
  double rest = 1;
  for (const double v : *solved) {
    if (v < 0) return;
    rest -= v;
  }
  if (rest < 0) return;
  for (std::size_t i = 0; i + 1 < k; ++i) w[active[i]] = (*solved)[i];
  w[last] = rest;
  for (double& v : w) v = v > 1e-9 ? v : 0;
}

}  // namespace

std::vector<double> simplex_least_squares(const Matrix& a, std::span<const double> y) {
  ZHIYIN_CHECK(y.size() == a.rows && a.columns >= 1);
  const std::size_t k = a.columns;
  Matrix gram(k, k);
  std::vector<double> target(k, 0);
  double trace = 0;
  for (std::size_t t = 0; t < a.rows; ++t) {
    for (std::size_t i = 0; i < k; ++i) {
      target[i] += a.at(t, i) * y[t];
      for (std::size_t j = 0; j < k; ++j) gram.at(i, j) += a.at(t, i) * a.at(t, j);
    }
  }
  for (std::size_t i = 0; i < k; ++i) trace += gram.at(i, i);
  std::vector<double> w(k, 1.0 / static_cast<double>(k));
  if (!(trace > 0)) return w;
  std::vector<double> ahead = w;
  std::vector<double> before = w;
  double momentum = 1;
  constexpr int kRounds = 20000;
  for (int round = 0; round < kRounds; ++round) {
    before = w;
    for (std::size_t i = 0; i < k; ++i) {
      double gradient = -target[i];
      for (std::size_t j = 0; j < k; ++j) gradient += gram.at(i, j) * ahead[j];
      w[i] = ahead[i] - gradient / trace;
    }
    project(w);
    const double next = (1 + std::sqrt(1 + 4 * momentum * momentum)) / 2;
    double moved = 0;
    double forward = 0;
    for (std::size_t i = 0; i < k; ++i) {
      moved = std::max(moved, std::fabs(w[i] - before[i]));
      forward += (ahead[i] - w[i]) * (w[i] - before[i]);
    }
    // Momentum against the way down is dropped.
    const double push = forward > 0 ? 0 : (momentum - 1) / next;
    momentum = forward > 0 ? 1 : next;
    for (std::size_t i = 0; i < k; ++i) ahead[i] = w[i] + push * (w[i] - before[i]);
    if (moved < 1e-13) break;
  }
  refine(gram, target, w);
  return w;
}

namespace {

struct Fit {
  std::vector<double> weights;
  std::vector<double> synthetic;
  double before = 0;  ///< root mean squared difference
  double after = 0;
  double effect = 0;
};

Fit fit_donors(std::span<const double> treated, const Matrix& donors, std::size_t start) {
  Matrix head(start, donors.columns);
  std::copy_n(donors.values.begin(), start * donors.columns, head.values.begin());
  Fit out;
  out.weights = simplex_least_squares(head, treated.first(start));
  for (std::size_t t = 0; t < donors.rows; ++t) {
    double value = 0;
    for (std::size_t j = 0; j < donors.columns; ++j) value += out.weights[j] * donors.at(t, j);
    out.synthetic.push_back(value);
    const double d = treated[t] - value;
    (t < start ? out.before : out.after) += d * d;
    if (t >= start) out.effect += d;
  }
  const auto periods_after = static_cast<double>(donors.rows - start);
  out.before = std::sqrt(out.before / static_cast<double>(start));
  out.after = std::sqrt(out.after / periods_after);
  out.effect /= periods_after;
  return out;
}

double ratio_of(const Fit& f) {
  return f.before > 0 ? f.after / f.before : f.after > 0 ? INFINITY : 0;
}

}  // namespace

Result<SyntheticResult> synthetic_control(std::span<const double> treated, const Matrix& donors,
                                          std::size_t start) {
  if (donors.rows != treated.size()) return fail_field("donors", "have other periods");
  if (donors.columns < 2) return fail_field("donors", "are {}, fewer than two", donors.columns);
  if (donors.columns > kDonorsMax) {
    return fail(ErrorCode::kLimitReached, "synthetic control: {} donors, more than {}",
                donors.columns, kDonorsMax);
  }
  if (start < 2 || start >= treated.size()) {
    return fail_field("start", "is {} of {} periods: needs two before and one after", start,
                      treated.size());
  }
  if (!std::ranges::all_of(treated, is_usable)) {
    return fail_field("treated", "is not a finite number up to {} everywhere", kValueMax);
  }
  if (!std::ranges::all_of(donors.values, is_usable)) {
    return fail_field("donors", "are not finite numbers up to {} everywhere", kValueMax);
  }
  const Fit own = fit_donors(treated, donors, start);
  SyntheticResult out{own.weights, own.synthetic, own.before, own.effect, ratio_of(own), 1};
  double as_large = 1;
  for (std::size_t j = 0; j < donors.columns; ++j) {
    // Each donor in turn, with the treated unit among the others.
    Matrix others = donors;
    std::vector<double> placebo(donors.rows);
    for (std::size_t t = 0; t < donors.rows; ++t) {
      placebo[t] = donors.at(t, j);
      others.at(t, j) = treated[t];
    }
    as_large += ratio_of(fit_donors(placebo, others, start)) >= out.rmse_ratio;
  }
  out.placebo_p = as_large / static_cast<double>(donors.columns + 1);
  return out;
}

}  // namespace zhiyin::statistics
