#include "statistics/arm.h"

#include <cmath>

#include "statistics/limits.h"

namespace zhiyin::statistics {

std::string_view to_string(Refusal refusal) {
  switch (refusal) {
    case Refusal::kTooFewUsers:
      return "an arm has fewer than two users";
    case Refusal::kNoVariance:
      return "variance is zero in an arm, or lost in the rounding of its sums (subtract a constant "
             "from the values before they are added)";
    case Refusal::kZeroBaseline:
      return "the control mean is zero, so there is no relative effect";
    case Refusal::kZeroDenominator:
      return "the denominator of the ratio is zero in an arm";
    case Refusal::kIncompleteArm:
      return "sums that the metric needs are missing";
    case Refusal::kImpossibleSums:
      return "the sums of an arm contradict each other";
    case Refusal::kNotSolvable:
      return "too few users for any effect to be found";
    case Refusal::kNotFinite:
      return "a sum of an arm is not a finite number, or beyond 1e150";
    case Refusal::kNegativeCount:
      return "an arm has a negative number of users";
    case Refusal::kTooFewForQuantile:
      return "too few values for so extreme a quantile";
    case Refusal::kEmptyStratum:
      return "a stratum has fewer than two users in an arm";
    case Refusal::kTooSmall:
      return "a variance is below 1e-150, too small to be squared: use a smaller unit";
  }
  return "?";
}

MetricKind kind_of(const Arm& arm) {
  if (arm.kind) return *arm.kind;
  return arm.sum_squares ? MetricKind::kMean : MetricKind::kProportion;
}

Moments mean_moments(double n, double sum, double sum_squares) {
  // Below this share of the squares the difference is rounding of the sums, not spread.
  constexpr double kRounding = 1e-13;
  const double spread = std::fma(-sum / n, sum, sum_squares);
  return {n, sum / n, spread < kRounding * sum_squares ? 0 : spread / (n - 1)};
}

Moments proportion_moments(double n, double hits) {
  const double p = hits / n;
  return {n, p, p * (1 - p)};
}

namespace {

/// No numbers have squares that sum to less than the sum's square over their count (a little less
/// is rounding).
bool impossible(double n, double sum, double sum_squares) {
  constexpr double kRounding = 1e-9;
  if (n == 0) return sum != 0 || sum_squares != 0;
  const double least = sum * sum / n;
  if (n == 1 && sum_squares * (1 - kRounding) > least) return true;  // one value has one square
  return sum_squares < 0 || least > sum_squares * (1 + kRounding);
}

/// The delta method for the quotient of two sums over users.
Answer<Moments> ratio_moments(const Arm& arm) {
  if (!arm.sum_squares || !arm.denominator_sum || !arm.denominator_sum_squares ||
      !arm.sum_products) {
    return std::unexpected(Refusal::kIncompleteArm);
  }
  const auto n = static_cast<double>(arm.n);
  if (impossible(n, arm.sum, *arm.sum_squares) ||
      impossible(n, *arm.denominator_sum, *arm.denominator_sum_squares)) {
    return std::unexpected(Refusal::kImpossibleSums);
  }
  if (arm.n < 2) return std::unexpected(Refusal::kTooFewUsers);
  const Moments m = mean_moments(n, arm.sum, *arm.sum_squares);
  const Moments d = mean_moments(n, *arm.denominator_sum, *arm.denominator_sum_squares);
  if (d.mean == 0) return std::unexpected(Refusal::kZeroDenominator);
  const double covariance =
      std::fma(-arm.sum / n, *arm.denominator_sum, *arm.sum_products) / (n - 1);
  // Cauchy and Schwarz, with room for rounding.
  if (covariance * covariance > m.variance * d.variance * (1 + 1e-6) + 1e-18 * m.mean * m.mean) {
    return std::unexpected(Refusal::kImpossibleSums);
  }
  const double ratio = m.mean / d.mean;
  // Below this share of the squares what is left is rounding: all users have the same ratio.
  constexpr double kRounding = 1e-13;
  const double squares =
      m.variance + m.mean * m.mean + ratio * ratio * (d.variance + d.mean * d.mean);
  const double left = m.variance + ratio * ratio * d.variance - 2 * ratio * covariance;
  const double variance = left < kRounding * squares ? 0 : left / (d.mean * d.mean);
  // So near to 0 that it is none.
  if (!std::isfinite(squares) || !std::isfinite(variance)) {
    return std::unexpected(Refusal::kZeroDenominator);
  }
  return Moments{n, ratio, variance};
}

}  // namespace

Answer<Moments> moments_of(const Arm& arm) {
  for (const double sum : {arm.sum, arm.sum_squares.value_or(0), arm.denominator_sum.value_or(0),
                           arm.denominator_sum_squares.value_or(0), arm.sum_products.value_or(0)}) {
    if (!(std::fabs(sum) <= kSumMax)) return std::unexpected(Refusal::kNotFinite);
  }
  if (arm.n < 0) return std::unexpected(Refusal::kNegativeCount);
  const auto n = static_cast<double>(arm.n);
  switch (kind_of(arm)) {
    case MetricKind::kMean:
      if (!arm.sum_squares) return std::unexpected(Refusal::kIncompleteArm);
      if (impossible(n, arm.sum, *arm.sum_squares)) {
        return std::unexpected(Refusal::kImpossibleSums);
      }
      if (arm.n < 2) return std::unexpected(Refusal::kTooFewUsers);
      return mean_moments(n, arm.sum, *arm.sum_squares);
    case MetricKind::kProportion:
      // Hits are counted: whole, and their own squares.
      if (arm.sum < 0 || arm.sum > n || arm.sum != std::floor(arm.sum) ||
          arm.sum_squares.value_or(arm.sum) != arm.sum) {
        return std::unexpected(Refusal::kImpossibleSums);
      }
      if (arm.n < 2) return std::unexpected(Refusal::kTooFewUsers);
      return proportion_moments(n, arm.sum);
    case MetricKind::kRatio:
      return ratio_moments(arm);
    case MetricKind::kQuantile:  // its arms are not sums: quantile.h
      break;
  }
  return std::unexpected(Refusal::kIncompleteArm);
}

Answer<void> check_variance(double variance) {
  // Written so that NaN is refused too.
  if (!(variance > 0)) return std::unexpected(Refusal::kNoVariance);
  if (variance < kVarianceMin) return std::unexpected(Refusal::kTooSmall);
  return {};
}

Answer<Effect> effect_between(const Moments& control, const Moments& treatment, EffectKind kind) {
  if (control.n < 2 || treatment.n < 2) return std::unexpected(Refusal::kTooFewUsers);
  for (const double variance : {control.variance, treatment.variance}) {
    if (const auto checked = check_variance(variance); !checked) {
      return std::unexpected(checked.error());
    }
  }
  const double difference = treatment.mean - control.mean;
  const double noise_a = control.variance / control.n;
  const double noise_b = treatment.variance / treatment.n;
  if (kind == EffectKind::kAbsolute) return Effect{difference, std::sqrt(noise_a + noise_b)};
  if (control.mean == 0) return std::unexpected(Refusal::kZeroBaseline);
  const double ratio = treatment.mean / control.mean;
  // |mean|: going from -10 to -5 is an improvement of one half.
  const Effect out{difference / std::fabs(control.mean),
                   std::sqrt(noise_b + noise_a * ratio * ratio) / std::fabs(control.mean)};
  if (!is_usable(out.estimate) || !is_usable(out.se)) {
    return std::unexpected(Refusal::kZeroBaseline);  // so near to 0 that it is none
  }
  return out;
}

}  // namespace zhiyin::statistics
