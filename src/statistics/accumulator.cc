#include "statistics/accumulator.h"

#include <algorithm>
#include <cmath>

#include "statistics/limits.h"

namespace zhiyin::statistics {

void CompensatedSum::add(double value) {
  const double next = sum_ + value;
  lost_ += std::fabs(sum_) >= std::fabs(value) ? (sum_ - next) + value : (value - next) + sum_;
  sum_ = next;
}

void CompensatedSum::merge(const CompensatedSum& other) {
  add(other.sum_);
  lost_ += other.lost_;
}

void Accumulator::add(double value) {
  if (!std::isfinite(value)) {
    ++rejected_;
    return;
  }
  ++count_;
  sum_.add(value);
  const double before = value - mean_;
  mean_ += before / static_cast<double>(count_);
  spread_ += before * (value - mean_);
  minimum_ = std::min(minimum_, value);
  maximum_ = std::max(maximum_, value);
}

void Accumulator::merge(const Accumulator& other) {
  rejected_ += other.rejected_;
  if (other.count_ == 0) return;
  const auto n = static_cast<double>(count_);
  const auto m = static_cast<double>(other.count_);
  const double difference = other.mean_ - mean_;
  mean_ += difference * m / (n + m);
  spread_ += other.spread_ + difference * difference * n * m / (n + m);
  count_ += other.count_;
  sum_.merge(other.sum_);
  minimum_ = std::min(minimum_, other.minimum_);
  maximum_ = std::max(maximum_, other.maximum_);
}

double Accumulator::variance() const {
  return count_ < 2 ? 0 : spread_ / static_cast<double>(count_ - 1);
}

double Accumulator::sum_squares() const {
  return spread_ + static_cast<double>(count_) * mean_ * mean_;
}

Moments Accumulator::moments() const {
  const double spread = variance();
  const double size = std::max(std::fabs(minimum_), std::fabs(maximum_));
  return {static_cast<double>(count_), mean_, is_rounding(std::sqrt(spread), size) ? 0 : spread};
}

void PairAccumulator::add(double x, double y) {
  if (!std::isfinite(x) || !std::isfinite(y)) {
    ++rejected_;
    return;
  }
  const double before = x - x_.mean();
  x_.add(x);
  y_.add(y);
  products_ += before * (y - y_.mean());
}

void PairAccumulator::merge(const PairAccumulator& other) {
  const auto n = static_cast<double>(count());
  const auto m = static_cast<double>(other.count());
  if (n + m > 0) {
    products_ += other.products_ +
                 (other.x_.mean() - x_.mean()) * (other.y_.mean() - y_.mean()) * n * m / (n + m);
  }
  x_.merge(other.x_);
  y_.merge(other.y_);
  rejected_ += other.rejected_;
}

double PairAccumulator::covariance() const {
  return count() < 2 ? 0 : products_ / static_cast<double>(count() - 1);
}

double PairAccumulator::sum_products() const {
  return products_ + static_cast<double>(count()) * x_.mean() * y_.mean();
}

}  // namespace zhiyin::statistics
