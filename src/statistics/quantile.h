#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "statistics/arm.h"

/// Quantile metrics ("the slowest 5 % of answers"). Pure, thread-safe.
///
/// The variance of a sample quantile comes from the distance of two order statistics: those at
/// nu ∓ z sqrt(nu (1 - nu) / n*), where n* is the largest of 100 · 2^k below n. A warehouse can
/// give those for every n* without another pass.
namespace zhiyin::statistics {

/// Sample quantiles at the two places that belong to one n*.
struct QuantileBound {
  double n_star = 0;
  double lower = 0;
  double upper = 0;
};
/// For values that come in clusters (several answers of one person): over people, the values of a
/// person at or below the quantile, and all values of a person.
struct QuantileClusters {
  std::int64_t people = 0;
  double below_sum = 0, below_sum_squares = 0;
  double count_sum = 0, count_sum_squares = 0;
  double sum_products = 0;
};
struct QuantileArm {
  std::int64_t n = 0;                 ///< values
  double value = 0;                   ///< the sample quantile
  std::vector<QuantileBound> bounds;  ///< at least one
  std::optional<QuantileClusters> clusters;
};
/// `nu` in (0, 1). Refuses when n is at most z² times the larger of nu/(1-nu) and its inverse; when
/// the value is not between its bounds; when the clusters' counts are not those of n values.
Answer<Moments> quantile_moments(const QuantileArm& arm, double nu, double alpha = 0.05);

/// n* for n values: the largest of 100 · 2^k, k = 0 … 19, strictly below n, else 100.
double quantile_n_star(double n);
/// An arm from its values (any order, finite, not empty): linear between order statistics.
/// `person`, when not empty, says whose each value is.
QuantileArm quantile_arm(std::span<const double> values, double nu, double alpha = 0.05,
                         std::span<const std::uint32_t> person = {});

}  // namespace zhiyin::statistics

template <>
struct zhiyin::Fields<zhiyin::statistics::QuantileBound> {
  using B = statistics::QuantileBound;
  static constexpr std::string_view name = "QuantileBound";
  static constexpr auto list =
      field_list(field("n_star", &B::n_star, "100 times a power of two").range(100, 1e15),
                 field("lower", &B::lower, "sample quantile below"),
                 field("upper", &B::upper, "sample quantile above"));
};
template <>
struct zhiyin::Fields<zhiyin::statistics::QuantileClusters> {
  using C = statistics::QuantileClusters;
  static constexpr std::string_view name = "QuantileClusters";
  static constexpr auto list =
      field_list(field("people", &C::people, "clusters").range(0, 1e15),
                 field("below_sum", &C::below_sum, "values at or below the quantile, over people"),
                 field("below_sum_squares", &C::below_sum_squares, "their squares"),
                 field("count_sum", &C::count_sum, "values of a person, over people"),
                 field("count_sum_squares", &C::count_sum_squares, "their squares"),
                 field("sum_products", &C::sum_products, "below times count"));
};
