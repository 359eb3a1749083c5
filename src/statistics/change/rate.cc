#include "statistics/change/rate.h"

#include <algorithm>
#include <cmath>

#include "statistics/distributions.h"
#include "statistics/limits.h"

namespace zhiyin::statistics {
namespace {

constexpr int kHoursOfDay = 24;

Result<void> check_count(double count) {
  if (count >= 0 && count <= kCountMax && count == std::floor(count)) return {};
  return fail_field("count", "is {}, not a whole number from 0 to {}", count, kCountMax);
}

}  // namespace

Result<RateTest> test_rate(double count, const RateBaseline& baseline) {
  ZHIYIN_TRY_VOID(check_count(count));
  if (!(baseline.mean > 0) || !is_usable(baseline.mean) || !(baseline.size > 0)) {
    return fail_field("baseline", "has mean {} and size {}, not above 0", baseline.mean,
                      baseline.size);
  }
  if (!std::isfinite(baseline.size)) {
    return RateTest{baseline.mean, poisson_upper_tail(count, baseline.mean),
                    poisson_cdf(count, baseline.mean)};
  }
  return RateTest{baseline.mean, negative_binomial_upper_tail(count, baseline.mean, baseline.size),
                  negative_binomial_cdf(count, baseline.mean, baseline.size)};
}

Result<RateBaseline> baseline_of(std::span<const double> counts, double dispersion) {
  if (counts.empty()) return fail_field("counts", "there are none");
  double sum = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (!(counts[i] >= 0) || !is_usable(counts[i])) {
      return fail_field(fmt::format("counts[{}]", i), "is {}, not a count", counts[i]);
    }
    sum += counts[i];
  }
  // Jeffreys' prior for a Poisson rate is gamma(1/2, 0).
  const double shape = sum + 0.5;
  RateBaseline out{shape / static_cast<double>(counts.size()), shape,
                   static_cast<int>(counts.size())};
  if (dispersion > 1) {
    // Two sources of spread: variances of the form mean²/size add up. What is overdispersed is also
    // learnt less well.
    const double size = out.mean / (dispersion - 1);
    out.size = 1 / (dispersion / shape + 1 / size);
  }
  return out;
}

Result<RateMonitor> RateMonitor::create(const Settings& s) {
  if (s.weeks < 2 || s.weeks > 52) return fail_field("weeks", "is {}, not 2 to 52", s.weeks);
  if (s.comparable_min < 1 || s.comparable_min > s.weeks) {
    return fail_field("comparable_min", "is {}, not 1 to {}", s.comparable_min, s.weeks);
  }
  if (s.phases < 1 || s.phases > 100000) {
    return fail_field("phases", "is {}, not 1 to 100,000", s.phases);
  }
  return RateMonitor(s);
}

RateMonitor::RateMonitor(const Settings& settings)
    : settings_(settings),
      weeks_(static_cast<std::size_t>(settings.phases)),
      holidays_(kHoursOfDay) {}

double RateMonitor::dispersion() const {
  constexpr double kEnough = 50;  // errors seen before they are believed
  return weight_ < kEnough ? 1 : std::max(1.0, squares_ / weight_);
}

void RateMonitor::learn_dispersion(double count, std::span<const double> comparable) {
  constexpr double kLargest = 9;     // bursts must not teach that bursts are normal
  constexpr double kForget = 0.999;  // about six weeks of hours
  double mean = 0;
  for (const double c : comparable) mean += c / static_cast<double>(comparable.size());
  if (mean <= 0) return;
  const double error = count - mean;
  const double usual = mean * (1 + 1 / static_cast<double>(comparable.size()));
  squares_ = kForget * squares_ + std::min(error * error / usual, kLargest);
  weight_ = kForget * weight_ + 1;
}

Result<RateMonitor::Point> RateMonitor::update(std::int64_t hour, double count, bool holiday,
                                               bool trusted, std::int64_t clock_ahead) {
  ZHIYIN_TRY_VOID(check_count(count));
  if (hour <= last_) return fail_field("hour", "is {} after {}: out of order", hour, last_);
  last_ = hour;
  const std::int64_t local = hour + clock_ahead;
  const auto place = [&](std::int64_t n) { return static_cast<std::size_t>((local % n + n) % n); };
  std::deque<double>& history =
      holiday ? holidays_[place(kHoursOfDay)] : weeks_[place(settings_.phases)];
  const std::vector<double> comparable(history.begin(), history.end());
  Point out;
  if (static_cast<int>(comparable.size()) >= settings_.comparable_min) {
    ZHIYIN_TRY(out.baseline, baseline_of(comparable, dispersion()));
    ZHIYIN_TRY(out.test, test_rate(count, out.baseline));
    out.has_baseline = true;
    if (trusted) learn_dispersion(count, comparable);
  }
  if (trusted) {
    history.push_back(count);
    if (static_cast<int>(history.size()) > settings_.weeks) history.pop_front();
  }
  return out;
}

}  // namespace zhiyin::statistics
