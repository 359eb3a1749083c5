#include "statistics/change/run_length.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "statistics/distributions.h"
#include "statistics/limits.h"

namespace zhiyin::statistics {

Result<RunLengthDetector> RunLengthDetector::create(const Settings& s) {
  if (!(s.hazard > 0 && s.hazard < 1)) {
    return fail_field("hazard", "is {}, not between 0 and 1", s.hazard);
  }
  if (!is_usable(s.prior_mean) || (s.model == Model::kPoisson && !(s.prior_mean > 0))) {
    return fail_field("prior_mean", "is {}", s.prior_mean);
  }
  // Precisions are their inverses.
  if (!(s.prior_variance >= kVarianceMin && s.prior_variance <= kSumMax)) {
    return fail_field("prior_variance", "is {}, not {} to {}", s.prior_variance, kVarianceMin,
                      kSumMax);
  }
  if (!(s.noise_variance >= kVarianceMin && s.noise_variance <= kSumMax)) {
    return fail_field("noise_variance", "is {}, not {} to {}", s.noise_variance, kVarianceMin,
                      kSumMax);
  }
  if (s.runs_max < 2 || s.runs_max > 100000) {
    return fail_field("runs_max", "is {}, not 2 to 100,000", s.runs_max);
  }
  return RunLengthDetector(s);
}

RunLengthDetector::RunLengthDetector(const Settings& settings) : settings_(settings) {
  runs_.push_back(fresh());
}

RunLengthDetector::Run RunLengthDetector::fresh() const {
  const double mean = settings_.prior_mean;
  if (settings_.model == Model::kPoisson) {
    return {0, 0, mean * mean / settings_.prior_variance, mean / settings_.prior_variance};
  }
  return {0, 0, 1 / settings_.prior_variance, mean / settings_.prior_variance};
}

double RunLengthDetector::log_predictive(const Run& run, double value) const {
  if (settings_.model == Model::kPoisson) {
    // Negative binomial: shape a, success probability b / (b + 1).
    return log_gamma(run.a + value) - log_gamma(run.a) - log_gamma(value + 1) +
           run.a * std::log(run.b / (run.b + 1)) - value * std::log(run.b + 1);
  }
  const double variance = 1 / run.a + settings_.noise_variance;
  const double d = value - run.b / run.a;
  return -(std::log(2 * std::numbers::pi * variance) + d * d / variance) / 2;
}

void RunLengthDetector::learn(Run& run, double value) const {
  if (settings_.model == Model::kPoisson) {
    run.a += value;
    run.b += 1;
  } else {
    run.a += 1 / settings_.noise_variance;
    run.b += value / settings_.noise_variance;
  }
}

void RunLengthDetector::forget() {
  if (runs_.size() <= settings_.runs_max) return;
  // Those that go: the least probable, but never the run that has just begun.
  const auto weakest = std::ranges::min_element(runs_.begin() + 1, runs_.end(), {},
                                                [](const Run& r) { return r.log_probability; });
  runs_.erase(weakest);
}

RunLengthDetector::Point RunLengthDetector::update(double value) {
  const bool count = value >= 0 && value <= kCountMax && value == std::floor(value);
  if (!is_usable(value) || (settings_.model == Model::kPoisson && !count)) return point();
  const double log_stay = std::log1p(-settings_.hazard);
  double highest = -INFINITY;
  for (Run& run : runs_) {
    run.log_probability += log_predictive(run, value);
    highest = std::max(highest, run.log_probability);
  }
  double total = 0;
  for (const Run& run : runs_) total += std::exp(run.log_probability - highest);
  const double log_total = highest + std::log(total);
  for (Run& run : runs_) {
    run.log_probability += log_stay - log_total;
    ++run.length;
    learn(run, value);
  }
  Run begun = fresh();
  begun.log_probability = std::log(settings_.hazard);
  runs_.insert(runs_.begin(), begun);
  forget();
  return point();
}

RunLengthDetector::Point RunLengthDetector::point() const {
  Point out;
  double best = -INFINITY;
  for (const Run& run : runs_) {
    if (run.log_probability > best) {
      best = run.log_probability;
      out.run = run.length;
    }
    if (run.length <= 1) out.change += std::exp(run.log_probability);
  }
  out.probability = std::exp(best);
  return out;
}

double RunLengthDetector::probability_of(std::int64_t run) const {
  const auto found = std::ranges::find(runs_, run, &Run::length);
  return found == runs_.end() ? 0 : std::exp(found->log_probability);
}

}  // namespace zhiyin::statistics
