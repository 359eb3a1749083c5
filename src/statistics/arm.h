#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "base/json_binding.h"

namespace zhiyin::statistics {

/// Why there is no result. The text for operators is in `to_string`.
enum class Refusal {
  kTooFewUsers,        ///< an arm has fewer than two users
  kNoVariance,         ///< an arm's variance is not positive: all its users have the same value
  kZeroBaseline,       ///< a relative effect needs a control mean other than 0
  kZeroDenominator,    ///< a ratio's denominator has mean 0
  kIncompleteArm,      ///< sums that the metric needs are missing
  kImpossibleSums,     ///< more hits than users or no whole number, squares that cannot be
  kNotSolvable,        ///< no finite answer exists (power: too few users for any effect)
  kNotFinite,          ///< a sum is not a number, or beyond kSumMax (limits.h)
  kNegativeCount,      ///< a count of users is negative
  kTooFewForQuantile,  ///< the quantile lies too far out for so few values
  kEmptyStratum,       ///< a stratum has fewer than two users in an arm
  kTooSmall,           ///< a variance is below kVarianceMin (limits.h): its square would vanish
};
/// `variance is zero in an arm`, …
std::string_view to_string(Refusal refusal);
template <class T>
using Answer = std::expected<T, Refusal>;

enum class MetricKind { kMean, kProportion, kRatio, kQuantile };
enum class EffectKind { kAbsolute, kRelative };

/// What the users of an arm did before the experiment: sums of the covariate x, and of its products
/// with the metric y. A ratio's covariate is a ratio itself: the last five belong to it.
struct CovariateSums {
  double sum = 0;
  double sum_squares = 0;
  double sum_products = 0;  ///< y times x (numerators, of a ratio)
  std::optional<double> denominator_sum;
  std::optional<double> denominator_sum_squares;
  std::optional<double> inner_products;                    ///< x's numerator times its denominator
  std::optional<double> numerator_denominator_products;    ///< y's numerator, x's denominator
  std::optional<double> denominator_numerator_products;    ///< y's denominator, x's numerator
  std::optional<double> denominator_denominator_products;  ///< both denominators
};

/// Sufficient statistics of one arm. Adding the sums of two arms gives the arm of both.
struct Arm {
  std::string name;
  std::optional<MetricKind> kind;  ///< absent: mean when sum_squares is given, else proportion
  std::int64_t n = 0;              ///< users
  double sum = 0;                  ///< of the metric (hits of a proportion, numerator of a ratio)
  std::optional<double> sum_squares;
  std::optional<double> denominator_sum;  ///< ratio only, as the next two
  std::optional<double> denominator_sum_squares;
  std::optional<double> sum_products;      ///< numerator times denominator
  std::optional<double> weight;            ///< planned share of users, for the sample-ratio check
  std::optional<CovariateSums> covariate;  ///< the same users before the experiment (CUPED)
};

/// Mean and unit variance of a metric in one arm (reference: moments of means, proportions,
/// ratios).
struct Moments {
  double n = 0;
  double mean = 0;
  double variance = 0;
};
MetricKind kind_of(const Arm& arm);
/// Sums that cannot be are refused before an arm of fewer than two users is.
Answer<Moments> moments_of(const Arm& arm);
Moments mean_moments(double n, double sum, double sum_squares);
Moments proportion_moments(double n, double hits);

/// kNoVariance unless it is above 0 (NaN is not), kTooSmall below kVarianceMin.
Answer<void> check_variance(double variance);

/// B - A, or (B - A)/|A|, with its standard error. Refuses arms of fewer than two users, without
/// variance, and a relative effect on a baseline of 0 or so near to it that the effect is beyond
/// kValueMax.
struct Effect {
  double estimate = 0;
  double se = 0;
};
Answer<Effect> effect_between(const Moments& control, const Moments& treatment, EffectKind kind);

}  // namespace zhiyin::statistics

template <>
struct zhiyin::EnumNames<zhiyin::statistics::MetricKind> {
  static constexpr std::pair<statistics::MetricKind, std::string_view> list[] = {
      {statistics::MetricKind::kMean, "mean"},
      {statistics::MetricKind::kProportion, "proportion"},
      {statistics::MetricKind::kRatio, "ratio"},
      {statistics::MetricKind::kQuantile, "quantile"}};
};
template <>
struct zhiyin::EnumNames<zhiyin::statistics::EffectKind> {
  static constexpr std::pair<statistics::EffectKind, std::string_view> list[] = {
      {statistics::EffectKind::kAbsolute, "absolute"},
      {statistics::EffectKind::kRelative, "relative"}};
};
template <>
struct zhiyin::Fields<zhiyin::statistics::CovariateSums> {
  using C = statistics::CovariateSums;
  static constexpr std::string_view name = "CovariateSums";
  static constexpr auto list = field_list(
      field("sum", &C::sum, "of the covariate over users"),
      field("sum_squares", &C::sum_squares, "of the covariate over users"),
      field("sum_products", &C::sum_products, "metric times covariate"),
      field("denominator_sum", &C::denominator_sum, "ratio: of the covariate's denominator"),
      field("denominator_sum_squares", &C::denominator_sum_squares, "ratio: its squares"),
      field("inner_products", &C::inner_products,
            "ratio: covariate's numerator times its denominator"),
      field("numerator_denominator_products", &C::numerator_denominator_products,
            "ratio: metric's numerator times covariate's denominator"),
      field("denominator_numerator_products", &C::denominator_numerator_products,
            "ratio: metric's denominator times covariate's numerator"),
      field("denominator_denominator_products", &C::denominator_denominator_products,
            "ratio: both denominators"));
};
template <>
struct zhiyin::Fields<zhiyin::statistics::Arm> {
  using Arm = statistics::Arm;
  static constexpr std::string_view name = "Arm";
  static constexpr auto list = field_list(
      field("name", &Arm::name, "name of the arm").length(1, 200),
      field("kind", &Arm::kind, "mean, proportion or ratio; quantile arms have other members"),
      field("n", &Arm::n, "users").range(0, 1e15), field("sum", &Arm::sum, "sum over users"),
      field("sum_squares", &Arm::sum_squares, "sum of squares over users"),
      field("denominator_sum", &Arm::denominator_sum, "ratio: sum of the denominator"),
      field("denominator_sum_squares", &Arm::denominator_sum_squares, "ratio: its sum of squares"),
      field("sum_products", &Arm::sum_products, "ratio: sum of numerator times denominator"),
      field("weight", &Arm::weight, "planned share of users, for the sample-ratio check")
          .range(0, 1e9),
      field("covariate", &Arm::covariate, "the same users before the experiment (CUPED)"));
};
