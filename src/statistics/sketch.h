#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"

/// Small summaries of many values that can be merged. Not thread-safe.
namespace zhiyin::statistics {

/// Quantiles of a stream: a merging t-digest (Dunning, arXiv 1902.04023, scale function k1).
/// A centroid holds at most a share of 2 pi sqrt(q(1-q))/compression: the rank error stays below
/// that (twice that among equal values), and is smallest in the tails, where it matters.
class QuantileSketch {
 public:
  struct Centroid {
    double mean = 0;
    double weight = 0;
  };
  /// Requires 20 <= compression <= 10,000. Holds about `compression` centroids.
  explicit QuantileSketch(double compression = 200);
  /// From what `centroids` gave. kInvalidArgument unless means ascend, all is finite and weights
  /// are positive.
  static Result<QuantileSketch> from_centroids(std::span<const Centroid> centroids, double minimum,
                                               double maximum, double compression = 200);

  /// Values that are not finite are ignored and counted in `rejected`. Requires weight > 0.
  void add(double value, double weight = 1);
  void merge(const QuantileSketch& other);

  [[nodiscard]] double count() const { return count_; }
  [[nodiscard]] std::int64_t rejected() const { return rejected_; }
  [[nodiscard]] double minimum() const { return minimum_; }
  [[nodiscard]] double maximum() const { return maximum_; }
  /// kInvalidArgument when q is outside [0, 1] or there are no values.
  Result<double> quantile(double q);
  /// Share of values at or below `value`, 0 to 1; 0 when there are none.
  double share_below(double value);
  const std::vector<Centroid>& centroids();

 private:
  void compress();

  double compression_;
  double count_ = 0;
  double minimum_ = 0;
  double maximum_ = 0;
  std::int64_t rejected_ = 0;
  std::vector<Centroid> centroids_;  ///< ascending
  std::vector<Centroid> buffer_;
};

/// Number of distinct values: HyperLogLog with 2^14 registers (16 KiB, standard error 0.81 %) and
/// the estimator of Ertl (arXiv 1702.01284), which needs no corrections at either end.
class DistinctSketch {
 public:
  DistinctSketch();
  void add(std::string_view value);
  /// Requires a hash whose 64 bits are all well mixed.
  void add_hash(std::uint64_t hash);
  void merge(const DistinctSketch& other);
  [[nodiscard]] double estimate() const;
  [[nodiscard]] std::span<const std::uint8_t> registers() const { return registers_; }
  /// From what `registers` gave; kInvalidArgument for another length or an impossible register.
  static Result<DistinctSketch> from_registers(std::span<const std::uint8_t> registers);

 private:
  std::vector<std::uint8_t> registers_;
};

}  // namespace zhiyin::statistics
