#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "base/error.h"

/// Detectors that are fed one value after another, and the change point of a whole series. Not
/// thread-safe; a value that is not finite, or beyond kValueMax (limits.h), is a gap: it changes
/// nothing and never alarms.
namespace zhiyin::statistics {

/// Exponentially weighted moving average (Roberts 1959).
class EwmaChart {
 public:
  struct Settings {
    double weight = 0.3;  ///< of the newest value, above 0 and up to 1
    double target = 0;
    double deviation = 1;  ///< of a single value, above 0
    double width = 3;      ///< of the limits, in deviations of the average
  };
  static Result<EwmaChart> create(const Settings& settings);
  struct Point {
    double average = 0;
    double low = 0;
    double high = 0;
    bool alarm = false;
  };
  Point update(double value);

 private:
  explicit EwmaChart(const Settings& s) : settings_(s), average_(s.target) {}
  Settings settings_;
  double average_;
  double shrink_ = 1;  ///< (1 - weight)^2t
};

/// Tabular CUSUM (Page 1954).
class CusumChart {
 public:
  struct Settings {
    double target = 0;
    double slack = 0.5;  ///< k, in the values' units; >= 0
    double limit = 5;    ///< h, likewise; above 0
  };
  static Result<CusumChart> create(const Settings& settings);
  struct Point {
    double high = 0;  ///< S+
    double low = 0;   ///< S-
    bool alarm = false;
  };
  /// The sums go on after an alarm; `restart` begins anew.
  Point update(double value);
  void restart() { point_ = {}; }

 private:
  explicit CusumChart(const Settings& s) : settings_(s) {}
  Settings settings_;
  Point point_;
};

/// Page and Hinkley's test for a mean that has risen.
class PageHinkley {
 public:
  struct Settings {
    double keep = 0.9999;  ///< of the sum, per step
    double delta = 0.005;  ///< rise that does not count
    double limit = 50;
    std::int64_t values_min = 30;
  };
  static Result<PageHinkley> create(const Settings& settings);
  struct Point {
    double sum = 0;
    double mean = 0;
    bool alarm = false;  ///< the test begins anew after one
  };
  Point update(double value);

 private:
  explicit PageHinkley(const Settings& s) : settings_(s) {}
  Settings settings_;
  double mean_ = 0;
  double sum_ = 0;
  std::int64_t count_ = 0;
};

/// Adaptive windowing (Bifet and Gavaldà 2007): keeps as many of the latest values as have one
/// mean, in O(log n) space.
class Adwin {
 public:
  struct Settings {
    double confidence = 0.002;  ///< of a false cut; above 0, below 1
    int every = 32;             ///< values between two looks; 1 … 10,000
  };
  static Result<Adwin> create(const Settings& settings);
  struct Point {
    double mean = 0;
    std::int64_t width = 0;  ///< values in the window
    bool alarm = false;      ///< the window was cut
  };
  Point update(double value);

 private:
  struct Bucket {
    double count = 0;
    double mean = 0;
    double spread = 0;  ///< squares about the mean
  };
  explicit Adwin(const Settings& s) : settings_(s) {}
  void compress();
  bool cut();
  Settings settings_;
  std::vector<std::deque<Bucket>> rows_;  ///< row i: buckets of 2^i values, oldest first
  Bucket window_;
  std::int64_t seen_ = 0;
};

/// The one place where the mean of a series changes: from the cumulative sum, found again with the
/// mid-point of both means until it stands still.
struct ChangePoint {
  std::size_t last_before = 0;  ///< index of the last value before the change
  double mean_before = 0;
  double mean_after = 0;
  double deviation = 0;             ///< within the two parts
  double log_likelihood_ratio = 0;  ///< infinite when `exact`
  /// Of the ratio against chi-square with two degrees of freedom, as if the place had been known;
  /// 0 when `exact`.
  double p_at_place = 1;
  /// Of series of normal noise with one mean, at most that share has a place where the parts differ
  /// as much; 0 when `exact`. See `change_point_p`.
  double p = 1;
  bool found = false;  ///< p_at_place below alpha and means more than a deviation apart
  bool exact = false;  ///< values do not vary about the two means: nothing to hold the step against
};
/// P(max over the places of |t| >= t) for n independent normal values with one mean, t the
/// two-sample statistic of the values before and after, two or more on each side: the smaller of
/// Bonferroni's bound and the approximation of James, James and Siegmund (1987), with |t| made
/// normal by its own tail. n >= 4.
double change_point_p(double t, std::size_t n);

/// kInvalidArgument with fewer than four values or one that is not finite or beyond kValueMax. A
/// flat series has no change: both means are its value.
Result<ChangePoint> find_change_point(std::span<const double> values, double alpha = 0.01);

}  // namespace zhiyin::statistics
