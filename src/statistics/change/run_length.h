#pragma once

#include <cstdint>
#include <vector>

#include "base/error.h"

namespace zhiyin::statistics {

/// Bayesian online change points (Adams and MacKay 2007): the probability of every run length, that
/// is of how long ago the last change was. Not thread-safe. O(runs_max) an update.
class RunLengthDetector {
 public:
  enum class Model {
    kGaussian,  ///< unknown mean, known noise
    kPoisson    ///< counts with an unknown rate
  };
  struct Settings {
    Model model = Model::kGaussian;
    double hazard = 0.01;  ///< probability of a change at every step; above 0, below 1
    double prior_mean = 0;
    double prior_variance = 2;   ///< of the mean (gaussian) or rate (poisson); 1/kSumMax … kSumMax
    double noise_variance = 1;   ///< gaussian; 1/kSumMax … kSumMax
    std::size_t runs_max = 200;  ///< the least probable run lengths beyond that are forgotten
  };
  static Result<RunLengthDetector> create(const Settings& settings);

  struct Point {
    std::int64_t run = 0;  ///< the most probable run length: values since the change, this one too
    double probability = 0;  ///< its
    double change = 0;       ///< probability that the run is no longer than 1
  };
  /// A value that is not finite or beyond kValueMax (of kPoisson: a count that is negative, no
  /// whole number or above kCountMax) is a gap: it changes nothing.
  Point update(double value);
  /// Of run length `run` after the last update; 0 when it was forgotten.
  [[nodiscard]] double probability_of(std::int64_t run) const;

 private:
  struct Run {
    std::int64_t length = 0;
    double log_probability = 0;
    double a = 0;  ///< gaussian: precision; poisson: shape
    double b = 0;  ///< gaussian: precision × mean; poisson: rate
  };
  explicit RunLengthDetector(const Settings& settings);
  [[nodiscard]] Run fresh() const;
  [[nodiscard]] double log_predictive(const Run& run, double value) const;
  void learn(Run& run, double value) const;
  void forget();
  [[nodiscard]] Point point() const;

  Settings settings_;
  std::vector<Run> runs_;  ///< ascending by length
};

}  // namespace zhiyin::statistics
