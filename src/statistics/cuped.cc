#include "statistics/cuped.h"

#include <array>
#include <cmath>

#include "statistics/limits.h"

namespace zhiyin::statistics {
namespace {

struct PairMoments {
  double n, mean_y, mean_x, var_y, var_x, cov;
};

PairMoments pair_moments(const CovariateArm& a) {
  const auto moments = [&](bool hits, double sum, double sum_squares) {
    return hits ? proportion_moments(a.n, sum) : mean_moments(a.n, sum, sum_squares);
  };
  const Moments y = moments(a.post_hits, a.post_sum, a.post_sum_squares);
  const Moments x = moments(a.pre_hits, a.pre_sum, a.pre_sum_squares);
  const double divisor = a.post_hits && a.pre_hits ? a.n : a.n - 1;
  const double cov = (a.sum_products - a.post_sum * a.pre_sum / a.n) / divisor;
  return {a.n, y.mean, x.mean, y.variance, x.variance, cov};
}

CovariateArm added(const CovariateArm& a, const CovariateArm& b) {
  return {a.n + b.n,
          a.post_sum + b.post_sum,
          a.post_sum_squares + b.post_sum_squares,
          a.pre_sum + b.pre_sum,
          a.pre_sum_squares + b.pre_sum_squares,
          a.sum_products + b.sum_products,
          a.post_hits && b.post_hits,
          a.pre_hits && b.pre_hits};
}

double adjusted_variance(const PairMoments& m, double theta) {
  // Below this share of the variance what is left is rounding: the covariate explains everything.
  constexpr double kRounding = 1e-13;
  const double left = m.var_y + theta * theta * m.var_x - 2 * theta * m.cov;
  return left < kRounding * m.var_y ? 0 : left;
}

}  // namespace

double cuped_theta(const CovariateArm& control, const CovariateArm& treatment) {
  const PairMoments pooled = pair_moments(added(control, treatment));
  if (!(pooled.var_x > 0) || !(pooled.var_y > 0)) return 0;
  return pooled.cov / pooled.var_x;
}

Answer<Evidence> cuped_evidence(const CovariateArm& control, const CovariateArm& treatment,
                                EffectKind kind) {
  if (control.n < 2 || treatment.n < 2) return std::unexpected(Refusal::kTooFewUsers);
  const double theta = cuped_theta(control, treatment);
  const PairMoments a = pair_moments(control);
  const PairMoments b = pair_moments(treatment);
  const double adjusted_a = adjusted_variance(a, theta);
  const double adjusted_b = adjusted_variance(b, theta);
  for (const double variance : {adjusted_a, adjusted_b}) {
    if (const auto checked = check_variance(variance); !checked) {
      return std::unexpected(checked.error());
    }
  }
  const double difference = (b.mean_y - theta * b.mean_x) - (a.mean_y - theta * a.mean_x);
  Evidence out{difference, std::sqrt(adjusted_a / a.n + adjusted_b / b.n),
               a.n + b.n,  welch_dof(adjusted_a / a.n, a.n - 1, adjusted_b / b.n, b.n - 1),
               a.mean_y,   kind};
  if (kind == EffectKind::kAbsolute) return out;
  if (a.mean_y == 0) return std::unexpected(Refusal::kZeroBaseline);
  // The denominator is the control's unadjusted mean, which moves with its adjusted one.
  const double square = a.mean_y * a.mean_y;
  const double ratio = b.mean_y / a.mean_y;
  const double control_term =
      (a.var_y * ratio * ratio - 2 * theta * a.cov * ratio + theta * theta * a.var_x) /
      (a.n * square);
  out.estimate = difference / std::fabs(a.mean_y);
  out.se = std::sqrt(adjusted_b / (b.n * square) + control_term);
  if (!is_usable(out.estimate) || !is_usable(out.se)) {
    return std::unexpected(Refusal::kZeroBaseline);  // so near to 0 that it is none
  }
  return out;
}

Answer<Effect> cuped_effect(const CovariateArm& control, const CovariateArm& treatment,
                            EffectKind kind) {
  const Answer<Evidence> found = cuped_evidence(control, treatment, kind);
  if (!found) return std::unexpected(found.error());
  return Effect{found->estimate, found->se};
}

namespace {

using Four = std::array<double, 4>;

/// Value, gradients and their products with the covariance of one arm's four means.
struct RatioParts {
  double n = 0;
  double post = 0, pre = 0;       ///< the two ratios
  double gg = 0, gh = 0, hh = 0;  ///< per user
};

Answer<RatioParts> ratio_parts(const RatioCovariateArm& arm) {
  if (arm.n < 2) return std::unexpected(Refusal::kTooFewUsers);
  Four mean{};
  for (std::size_t i = 0; i < 4; ++i) mean[i] = arm.sums[i] / arm.n;
  if (mean[1] == 0 || mean[3] == 0) return std::unexpected(Refusal::kZeroDenominator);
  const Four g{1 / mean[1], -mean[0] / (mean[1] * mean[1]), 0, 0};
  const Four h{0, 0, 1 / mean[3], -mean[2] / (mean[3] * mean[3])};
  RatioParts out{arm.n, mean[0] / mean[1], mean[2] / mean[3], 0, 0, 0};
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t j = 0; j < 4; ++j) {
      const double covariance =
          std::fma(-arm.sums[i] / arm.n, arm.sums[j], arm.products[i][j]) / (arm.n - 1);
      out.gg += g[i] * covariance * g[j];
      out.gh += g[i] * covariance * h[j];
      out.hh += h[i] * covariance * h[j];
    }
  }
  return out;
}

double theta_of(const RatioParts& a, const RatioParts& b) {
  const double noise = a.hh + b.hh;
  return noise > 0 ? (a.gh + b.gh) / noise : 0;
}

}  // namespace

double cuped_ratio_theta(const RatioCovariateArm& control, const RatioCovariateArm& treatment) {
  const auto a = ratio_parts(control);
  const auto b = ratio_parts(treatment);
  return a && b ? theta_of(*a, *b) : 0;
}

Answer<Evidence> cuped_ratio_evidence(const RatioCovariateArm& control,
                                      const RatioCovariateArm& treatment, EffectKind kind) {
  const auto a = ratio_parts(control);
  if (!a) return std::unexpected(a.error());
  const auto b = ratio_parts(treatment);
  if (!b) return std::unexpected(b.error());
  const double theta = theta_of(*a, *b);
  const auto variance = [&](const RatioParts& p, double scale) {
    return (scale * scale * p.gg - 2 * scale * theta * p.gh + theta * theta * p.hh) / p.n;
  };
  const double noise_a = variance(*a, 1);
  const double noise_b = variance(*b, 1);
  for (const double per_user : {noise_a * a->n, noise_b * b->n}) {
    if (const auto checked = check_variance(per_user); !checked) {
      return std::unexpected(checked.error());
    }
  }
  const double difference = (b->post - theta * b->pre) - (a->post - theta * a->pre);
  Evidence out{difference,  std::sqrt(noise_a + noise_b),
               a->n + b->n, welch_dof(noise_a, a->n - 1, noise_b, b->n - 1),
               a->post,     kind};
  if (kind == EffectKind::kAbsolute) return out;
  if (a->post == 0) return std::unexpected(Refusal::kZeroBaseline);
  out.estimate = difference / std::fabs(a->post);
  out.se = std::sqrt(variance(*b, 1) + variance(*a, b->post / a->post)) / std::fabs(a->post);
  if (!is_usable(out.estimate) || !is_usable(out.se)) {
    return std::unexpected(Refusal::kZeroBaseline);
  }
  return out;
}

namespace {

Answer<RatioCovariateArm> ratio_covariate(const Arm& arm) {
  const CovariateSums& x = *arm.covariate;
  if (!arm.sum_squares || !arm.denominator_sum || !arm.denominator_sum_squares ||
      !arm.sum_products || !x.denominator_sum || !x.denominator_sum_squares || !x.inner_products ||
      !x.numerator_denominator_products || !x.denominator_numerator_products ||
      !x.denominator_denominator_products) {
    return std::unexpected(Refusal::kIncompleteArm);
  }
  RatioCovariateArm out{
      static_cast<double>(arm.n), {arm.sum, *arm.denominator_sum, x.sum, *x.denominator_sum}, {}};
  const auto set = [&](int i, int j, double v) { out.products[i][j] = out.products[j][i] = v; };
  set(0, 0, *arm.sum_squares);
  set(0, 1, *arm.sum_products);
  set(0, 2, x.sum_products);
  set(0, 3, *x.numerator_denominator_products);
  set(1, 1, *arm.denominator_sum_squares);
  set(1, 2, *x.denominator_numerator_products);
  set(1, 3, *x.denominator_denominator_products);
  set(2, 2, x.sum_squares);
  set(2, 3, *x.inner_products);
  set(3, 3, *x.denominator_sum_squares);
  return out;
}

/// The covariate's own sums must be possible, and its products with the metric.
Answer<void> check_covariate(const Arm& arm) {
  const CovariateSums& x = *arm.covariate;
  for (const double sum : {x.sum_products, x.numerator_denominator_products.value_or(0),
                           x.denominator_numerator_products.value_or(0),
                           x.denominator_denominator_products.value_or(0)}) {
    if (!(std::fabs(sum) <= kSumMax)) return std::unexpected(Refusal::kNotFinite);
  }
  const bool ratio = kind_of(arm) == MetricKind::kRatio;
  const Arm before{{},
                   ratio ? MetricKind::kRatio : MetricKind::kMean,
                   arm.n,
                   x.sum,
                   x.sum_squares,
                   x.denominator_sum,
                   x.denominator_sum_squares,
                   x.inner_products,
                   {},
                   {}};
  if (const auto moments = moments_of(before); !moments) return std::unexpected(moments.error());
  if (ratio) return {};
  const auto n = static_cast<double>(arm.n);
  const double squares = kind_of(arm) == MetricKind::kProportion ? arm.sum : *arm.sum_squares;
  const Moments y = mean_moments(n, arm.sum, squares);
  const Moments p = mean_moments(n, x.sum, x.sum_squares);
  const double covariance = std::fma(-arm.sum / n, x.sum, x.sum_products) / (n - 1);
  // Cauchy and Schwarz, with room for rounding.
  if (covariance * covariance >
      y.variance * p.variance * (1 + 1e-6) + 1e-18 * y.mean * y.mean * p.mean * p.mean) {
    return std::unexpected(Refusal::kImpossibleSums);
  }
  return {};
}

Answer<CovariateArm> mean_covariate(const Arm& arm) {
  // Hits of a proportion are their own squares.
  const bool proportion = kind_of(arm) == MetricKind::kProportion;
  if (!proportion && !arm.sum_squares) return std::unexpected(Refusal::kIncompleteArm);
  const double squares = proportion ? arm.sum : *arm.sum_squares;
  const CovariateSums& x = *arm.covariate;
  return CovariateArm{static_cast<double>(arm.n),
                      arm.sum,
                      squares,
                      x.sum,
                      x.sum_squares,
                      x.sum_products,
                      proportion,
                      proportion && x.sum == x.sum_squares};
}

}  // namespace

Answer<Evidence> cuped_evidence(const Arm& control, const Arm& treatment, EffectKind kind) {
  if (!control.covariate || !treatment.covariate) return std::unexpected(Refusal::kIncompleteArm);
  for (const Arm* arm : {&control, &treatment}) {
    if (const auto plain = moments_of(*arm); !plain) return std::unexpected(plain.error());
    if (const auto past = check_covariate(*arm); !past) return std::unexpected(past.error());
  }
  if (kind_of(control) == MetricKind::kRatio) {
    const auto a = ratio_covariate(control);
    if (!a) return std::unexpected(a.error());
    const auto b = ratio_covariate(treatment);
    if (!b) return std::unexpected(b.error());
    return cuped_ratio_evidence(*a, *b, kind);
  }
  const auto a = mean_covariate(control);
  if (!a) return std::unexpected(a.error());
  const auto b = mean_covariate(treatment);
  if (!b) return std::unexpected(b.error());
  return cuped_evidence(*a, *b, kind);
}

}  // namespace zhiyin::statistics
