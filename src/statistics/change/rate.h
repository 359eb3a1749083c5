#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <span>
#include <vector>

#include "base/error.h"

namespace zhiyin::statistics {

/// What a count should be: negative binomial with that mean and size (infinite: Poisson).
struct RateBaseline {
  double mean = 0;
  double size = std::numeric_limits<double>::infinity();
  int hours = 0;  ///< comparable hours it rests on
};
struct RateTest {
  double expected = 0;
  double p_high = 1;  ///< P(count or more)
  double p_low = 1;   ///< P(count or fewer)
};
/// kInvalidArgument unless the count is a whole number >= 0 and mean > 0, size > 0. Pure.
Result<RateTest> test_rate(double count, const RateBaseline& baseline);

/// Baseline of k comparable counts, allowing for what so few of them leave open (Gamma-Poisson
/// predictive with Jeffreys' prior) and for `dispersion`, the variance of the counts over their
/// mean (1 or below: Poisson). kInvalidArgument for a count that is negative or not finite, or for
/// none.
Result<RateBaseline> baseline_of(std::span<const double> counts, double dispersion = 1);

/// Hourly counts against the same hour of the last weeks; holidays against the same hour of the day
/// on earlier holidays. Learns the dispersion from how far earlier hours were off. Not thread-safe.
class RateMonitor {
 public:
  struct Settings {
    int weeks = 4;           ///< looked back; 2 … 52
    int comparable_min = 2;  ///< hours, below which there is no verdict
    int phases = 168;        ///< hours in a week; other resolutions have other numbers
  };
  static Result<RateMonitor> create(const Settings& settings);

  struct Point {
    bool has_baseline = false;  ///< false: too little comparable history, no verdict
    RateBaseline baseline;
    RateTest test;
  };
  /// `hour` counts hours from any origin and must rise from call to call (gaps are allowed);
  /// kInvalidArgument otherwise or for a bad count. The count is tested, then learnt. `trusted`:
  /// false keeps a count that is known to be wrong (an outage, an alarm) out of the baseline.
  /// `clock_ahead`: hours that local clocks are ahead of `hour`; where they change, hours still
  /// rise, and an hour is compared with those that clocks called the same.
  Result<Point> update(std::int64_t hour, double count, bool holiday = false, bool trusted = true,
                       std::int64_t clock_ahead = 0);

 private:
  explicit RateMonitor(const Settings& settings);
  [[nodiscard]] double dispersion() const;
  void learn_dispersion(double count, std::span<const double> comparable);

  Settings settings_;
  std::vector<std::deque<double>> weeks_;     ///< by phase, latest last
  std::vector<std::deque<double>> holidays_;  ///< by hour of the day
  std::int64_t last_ = std::numeric_limits<std::int64_t>::min();
  double squares_ = 0;  ///< of standardised errors, cut off and slowly forgotten
  double weight_ = 0;
};

}  // namespace zhiyin::statistics
