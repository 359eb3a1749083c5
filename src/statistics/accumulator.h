#pragma once

#include <cstdint>
#include <limits>

#include "statistics/arm.h"

/// Sums that can be added up over days and machines. Pure values, not thread-safe to write.
namespace zhiyin::statistics {

/// Neumaier's compensated sum: the error does not grow with the number of terms.
class CompensatedSum {
 public:
  void add(double value);
  void merge(const CompensatedSum& other);
  [[nodiscard]] double value() const { return sum_ + lost_; }

 private:
  double sum_ = 0;
  double lost_ = 0;
};

/// Count, mean and spread of one variable. Keeps the sum of squares about the mean (Welford; merged
/// by Chan, Golub and LeVeque), so that values far from 0 lose no digits. Values that are not
/// finite are not added but counted in `rejected`.
class Accumulator {
 public:
  void add(double value);
  void merge(const Accumulator& other);

  [[nodiscard]] std::int64_t count() const { return count_; }
  [[nodiscard]] std::int64_t rejected() const { return rejected_; }
  [[nodiscard]] double sum() const { return sum_.value(); }
  [[nodiscard]] double mean() const { return mean_; }
  /// Divisor n - 1; 0 with fewer than two values.
  [[nodiscard]] double variance() const;
  [[nodiscard]] double sum_squares() const;
  /// Infinities (inverted) when there is none.
  [[nodiscard]] double minimum() const { return minimum_; }
  [[nodiscard]] double maximum() const { return maximum_; }
  /// Variance 0 where the values differ by their rounding only (`is_rounding`, limits.h).
  [[nodiscard]] Moments moments() const;

 private:
  std::int64_t count_ = 0;
  std::int64_t rejected_ = 0;
  CompensatedSum sum_;
  double mean_ = 0;
  double spread_ = 0;
  double minimum_ = std::numeric_limits<double>::infinity();
  double maximum_ = -std::numeric_limits<double>::infinity();
};

/// Two variables of the same units, with their covariance.
class PairAccumulator {
 public:
  /// A pair with a value that is not finite is left out and counted in `rejected`.
  void add(double x, double y);
  void merge(const PairAccumulator& other);

  [[nodiscard]] std::int64_t count() const { return x_.count(); }
  [[nodiscard]] std::int64_t rejected() const { return rejected_; }
  [[nodiscard]] const Accumulator& x() const { return x_; }
  [[nodiscard]] const Accumulator& y() const { return y_; }
  /// Divisor n - 1; 0 with fewer than two pairs.
  [[nodiscard]] double covariance() const;
  [[nodiscard]] double sum_products() const;

 private:
  Accumulator x_;
  Accumulator y_;
  double products_ = 0;  ///< about the means
  std::int64_t rejected_ = 0;
};

}  // namespace zhiyin::statistics
