#include "statistics/change/esd.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "statistics/accumulator.h"
#include "statistics/change/stl.h"
#include "statistics/distributions.h"
#include "statistics/limits.h"

namespace zhiyin::statistics {
namespace {

constexpr double kMadToDeviation = 1.4826;

/// The values in order, of which a window is left. The farthest value is always at an end of it.
class Remaining {
 public:
  Remaining(std::span<const double> values, bool robust) : robust_(robust) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (!std::isnan(values[i])) order_.push_back(i);
    }
    std::ranges::sort(order_, {}, [&](std::size_t i) { return std::pair(values[i], i); });
    for (const std::size_t i : order_) sorted_.push_back(values[i]);
    end_ = sorted_.size();
  }

  [[nodiscard]] std::size_t size() const { return end_ - begin_; }
  [[nodiscard]] double low() const { return sorted_[begin_]; }
  [[nodiscard]] double high() const { return sorted_[end_ - 1]; }

  struct Centre {
    double place = 0;
    double deviation = 0;
  };
  [[nodiscard]] Centre centre() const {
    if (robust_) {
      const double median = middle();
      return {median, kMadToDeviation * median_distance(median)};
    }
    // Afresh each time: differences of running sums would lose the small deviations that are left.
    Accumulator all;
    for (std::size_t i = begin_; i < end_; ++i) all.add(sorted_[i]);
    return {all.mean(), std::sqrt(all.variance())};
  }

  /// Index in the input of the value that goes.
  std::size_t drop_low() { return order_[begin_++]; }
  std::size_t drop_high() { return order_[--end_]; }

 private:
  [[nodiscard]] double middle() const {
    const std::size_t n = size();
    return (sorted_[begin_ + (n - 1) / 2] + sorted_[begin_ + n / 2]) / 2;
  }

  /// The k-th smallest distance from `median`: left and right of it distances ascend.
  [[nodiscard]] double kth_distance(double median, std::size_t k) const {
    const auto split = static_cast<std::size_t>(
        std::lower_bound(sorted_.begin() + static_cast<std::ptrdiff_t>(begin_),
                         sorted_.begin() + static_cast<std::ptrdiff_t>(end_), median) -
        sorted_.begin());
    const std::size_t left = split - begin_;
    const std::size_t right = end_ - split;
    const auto of_left = [&](std::size_t i) { return median - sorted_[split - 1 - i]; };
    const auto of_right = [&](std::size_t i) { return sorted_[split + i] - median; };
    // How many of the k + 1 smallest come from the left.
    std::size_t low = k + 1 > right ? k + 1 - right : 0;
    std::size_t high = std::min(k + 1, left);
    while (low < high) {
      const std::size_t take = (low + high) / 2;
      if (of_left(take) < of_right(k - take)) {
        low = take + 1;
      } else {
        high = take;
      }
    }
    const std::size_t from_right = k + 1 - low;
    const double a = low > 0 ? of_left(low - 1) : 0;
    const double b = from_right > 0 ? of_right(from_right - 1) : 0;
    return std::max(a, b);
  }

  [[nodiscard]] double median_distance(double median) const {
    const std::size_t n = size();
    const double upper = kth_distance(median, n / 2);
    return n % 2 == 1 ? upper : (kth_distance(median, n / 2 - 1) + upper) / 2;
  }

  bool robust_;
  std::vector<std::size_t> order_;
  std::vector<double> sorted_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

double critical_value(std::size_t n, std::size_t i, double alpha, Direction direction) {
  const auto left = static_cast<double>(n - i + 1);
  const double tail = alpha / (direction == Direction::kBoth ? 2 * left : left);
  const double dof = left - 2;
  const double t = t_upper_quantile(tail, dof);
  return t * (left - 1) / std::sqrt((dof + t * t) * left);
}

}  // namespace

Result<EsdResult> generalised_esd(std::span<const double> values, const EsdSettings& settings) {
  if (!(settings.alpha > 0 && settings.alpha < 0.5)) {
    return fail_field("alpha", "is {}, not between 0 and 0.5", settings.alpha);
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isnan(values[i]) && !is_usable(values[i])) {
      return fail_field(fmt::format("values[{}]", i), "is {}, beyond {}", values[i], kValueMax);
    }
  }
  Remaining left(values, settings.robust);
  const std::size_t n = left.size();
  if (n < 3) return fail_field("values", "are {}, fewer than three", n);
  EsdResult out;
  std::size_t found = 0;
  const std::size_t steps = std::min(settings.outliers_max, n - 2);
  for (std::size_t i = 1; i <= steps; ++i) {
    const auto [place, deviation] = left.centre();
    // Rounding alone makes deviations of a flat series of large numbers.
    if (!(deviation > 1e-12 * std::max(std::fabs(left.low()), std::fabs(left.high())))) break;
    const double above = left.high() - place;
    const double below = place - left.low();
    const bool take_high = settings.direction == Direction::kHigh ||
                           (settings.direction == Direction::kBoth && above >= below);
    EsdStep step;
    step.statistic = (take_high ? above : below) / deviation;
    step.index = take_high ? left.drop_high() : left.drop_low();
    step.critical = critical_value(n, i, settings.alpha, settings.direction);
    out.steps.push_back(step);
    if (step.statistic > step.critical) found = i;
  }
  for (std::size_t i = 0; i < found; ++i) out.outliers.push_back(out.steps[i].index);
  return out;
}

namespace {

double median_of(std::vector<double> values) {
  const std::size_t n = values.size();
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(n / 2);
  std::ranges::nth_element(values, middle);
  if (n % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

/// Gaps become the median of their phase, so that the season is not drawn towards anything.
Result<std::vector<double>> filled(std::span<const double> values, std::size_t period) {
  std::vector<double> out(values.begin(), values.end());
  std::vector<double> known;
  std::size_t missing = 0;
  for (const double v : values) {
    if (std::isnan(v)) {
      ++missing;
    } else {
      known.push_back(v);
    }
  }
  if (missing == 0) return out;
  if (2 * missing > values.size()) {
    return fail_field("values", "{} of {} are missing", missing, values.size());
  }
  const double overall = median_of(known);
  for (std::size_t phase = 0; phase < period; ++phase) {
    known.clear();
    for (std::size_t i = phase; i < values.size(); i += period) {
      if (!std::isnan(values[i])) known.push_back(values[i]);
    }
    const double fill = known.empty() ? overall : median_of(known);
    for (std::size_t i = phase; i < values.size(); i += period) {
      if (std::isnan(values[i])) out[i] = fill;
    }
  }
  return out;
}

}  // namespace

Result<SeasonalEsdResult> seasonal_esd(std::span<const double> values,
                                       const SeasonalEsdSettings& settings) {
  if (settings.period < 2) return fail_field("period", "is {}, below 2", settings.period);
  if (values.size() < 2 * settings.period) {
    return fail_field("values", "are {}, fewer than two periods of {}", values.size(),
                      settings.period);
  }
  if (!(settings.share_max > 0 && settings.share_max <= 0.49)) {
    return fail_field("share_max", "is {}, not above 0 and up to 0.49", settings.share_max);
  }
  ZHIYIN_TRY(const std::vector<double> whole, filled(values, settings.period));
  StlSettings stl;
  stl.period = settings.period;
  stl.robust = true;
  ZHIYIN_TRY(const StlParts parts, decompose_stl(whole, stl));
  std::vector<double> known;
  for (const double v : values) {
    if (!std::isnan(v)) known.push_back(v);
  }
  const double median = median_of(known);
  SeasonalEsdResult out;
  for (std::size_t i = 0; i < values.size(); ++i) {
    out.expected.push_back(parts.seasonal[i] + median);
    out.residuals.push_back(values[i] - out.expected.back());
  }
  EsdSettings esd;
  esd.outliers_max =
      static_cast<std::size_t>(settings.share_max * static_cast<double>(known.size()));
  esd.alpha = settings.alpha;
  esd.direction = settings.direction;
  esd.robust = true;
  ZHIYIN_TRY(out.esd, generalised_esd(out.residuals, esd));
  return out;
}

}  // namespace zhiyin::statistics
