#include "statistics/change/charts.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "statistics/distributions.h"
#include "statistics/limits.h"

namespace zhiyin::statistics {
namespace {

Result<void> check_target(double target) {
  if (is_usable(target)) return {};
  return fail_field("target", "is {}, not a finite number up to {}", target, kValueMax);
}

}  // namespace

Result<EwmaChart> EwmaChart::create(const Settings& s) {
  if (!(s.weight > 0 && s.weight <= 1))
    return fail_field("weight", "is {}, not in (0, 1]", s.weight);
  if (!(s.deviation > 0) || !is_usable(s.deviation)) {
    return fail_field("deviation", "is {}, not above 0 and up to {}", s.deviation, kValueMax);
  }
  if (!(s.width > 0)) return fail_field("width", "is {}, not above 0", s.width);
  ZHIYIN_TRY_VOID(check_target(s.target));
  return EwmaChart(s);
}

EwmaChart::Point EwmaChart::update(double value) {
  if (is_usable(value)) {
    average_ += settings_.weight * (value - average_);
    shrink_ *= (1 - settings_.weight) * (1 - settings_.weight);
  }
  const double half = settings_.width * settings_.deviation *
                      std::sqrt(settings_.weight / (2 - settings_.weight) * (1 - shrink_));
  const Point out{average_, settings_.target - half, settings_.target + half, false};
  const bool outside = average_ < out.low || average_ > out.high;
  return {out.average, out.low, out.high, is_usable(value) && outside};
}

Result<CusumChart> CusumChart::create(const Settings& s) {
  ZHIYIN_TRY_VOID(check_target(s.target));
  if (!(s.slack >= 0)) return fail_field("slack", "is {}, below 0", s.slack);
  if (!(s.limit > 0)) return fail_field("limit", "is {}, not above 0", s.limit);
  return CusumChart(s);
}

CusumChart::Point CusumChart::update(double value) {
  if (!is_usable(value)) return {point_.high, point_.low, false};
  const double difference = value - settings_.target;
  point_.high = std::max(0.0, point_.high + difference - settings_.slack);
  point_.low = std::max(0.0, point_.low - difference - settings_.slack);
  point_.alarm = point_.high > settings_.limit || point_.low > settings_.limit;
  return point_;
}

Result<PageHinkley> PageHinkley::create(const Settings& s) {
  if (!(s.keep > 0 && s.keep <= 1)) return fail_field("keep", "is {}, not in (0, 1]", s.keep);
  if (!(s.delta >= 0)) return fail_field("delta", "is {}, below 0", s.delta);
  if (!(s.limit > 0)) return fail_field("limit", "is {}, not above 0", s.limit);
  if (s.values_min < 1) return fail_field("values_min", "is {}, below 1", s.values_min);
  return PageHinkley(s);
}

PageHinkley::Point PageHinkley::update(double value) {
  if (!is_usable(value)) return {sum_, mean_, false};
  ++count_;
  mean_ += (value - mean_) / static_cast<double>(count_);
  sum_ = std::max(0.0, settings_.keep * sum_ + value - mean_ - settings_.delta);
  const Point out{sum_, mean_, count_ >= settings_.values_min && sum_ > settings_.limit};
  if (out.alarm) {
    mean_ = sum_ = 0;
    count_ = 0;
  }
  return out;
}

namespace {

constexpr std::size_t kBucketsMax = 5;  // in a row; one more, and the two oldest become one

template <class Bucket>
Bucket joined(const Bucket& a, const Bucket& b) {
  const double n = a.count + b.count;
  if (n == 0) return {};
  const double difference = b.mean - a.mean;
  return {n, a.mean + difference * b.count / n,
          a.spread + b.spread + difference * difference * a.count * b.count / n};
}

/// What is left of `whole` without `part`.
template <class Bucket>
Bucket without(const Bucket& whole, const Bucket& part) {
  const double n = whole.count - part.count;
  if (n <= 0) return {};
  const double mean = (whole.count * whole.mean - part.count * part.mean) / n;
  const double difference = mean - part.mean;
  const double spread =
      whole.spread - part.spread - difference * difference * n * part.count / whole.count;
  return {n, mean, std::max(0.0, spread)};
}

}  // namespace

Result<Adwin> Adwin::create(const Settings& s) {
  if (!(s.confidence > 0 && s.confidence < 1)) {
    return fail_field("confidence", "is {}, not between 0 and 1", s.confidence);
  }
  if (s.every < 1 || s.every > 10000) return fail_field("every", "is {}, not 1 to 10,000", s.every);
  return Adwin(s);
}

void Adwin::compress() {
  for (std::size_t row = 0; row < rows_.size() && rows_[row].size() > kBucketsMax; ++row) {
    if (row + 1 == rows_.size()) rows_.emplace_back();
    rows_[row + 1].push_back(joined(rows_[row][0], rows_[row][1]));
    rows_[row].pop_front();
    rows_[row].pop_front();
  }
}

/// Drops the oldest bucket when two parts of the window differ too much.
bool Adwin::cut() {
  constexpr double kPartMin = 5;
  const double n = window_.count;
  const double level = 2 * std::log(std::max(n, 3.0)) / settings_.confidence;
  const double log_level = std::log(level);
  const double variance = window_.spread / n;
  Bucket older;
  for (std::size_t row = rows_.size(); row-- > 0;) {
    for (const Bucket& bucket : rows_[row]) {
      older = joined(older, bucket);
      const double rest = n - older.count;
      if (rest < kPartMin) return false;
      if (older.count < kPartMin) continue;
      const double mean_rest = (n * window_.mean - older.count * older.mean) / rest;
      const double inverse = 1 / (older.count - kPartMin + 1) + 1 / (rest - kPartMin + 1);
      const double bound =
          std::sqrt(2 * inverse * variance * log_level) + 2.0 / 3 * inverse * log_level;
      if (std::fabs(older.mean - mean_rest) <= bound) continue;
      while (!rows_.empty() && rows_.back().empty()) rows_.pop_back();
      window_ = without(window_, rows_.back().front());
      rows_.back().pop_front();
      while (!rows_.empty() && rows_.back().empty()) rows_.pop_back();
      return true;
    }
  }
  return false;
}

Adwin::Point Adwin::update(double value) {
  bool alarm = false;
  if (is_usable(value)) {
    if (rows_.empty()) rows_.emplace_back();
    const Bucket one{1, value, 0};
    rows_[0].push_back(one);
    window_ = joined(window_, one);
    compress();
    if (++seen_ % settings_.every == 0) {
      while (window_.count > 10 && cut()) alarm = true;
    }
  }
  return {window_.mean, static_cast<std::int64_t>(window_.count), alarm};
}

namespace {

struct Means {
  double before = 0;
  double after = 0;
};

Means means_at(std::span<const double> x, std::size_t last_before) {
  Means m;
  for (std::size_t i = 0; i <= last_before; ++i) m.before += x[i];
  for (std::size_t i = last_before + 1; i < x.size(); ++i) m.after += x[i];
  m.before /= static_cast<double>(last_before + 1);
  m.after /= static_cast<double>(x.size() - last_before - 1);
  return m;
}

/// Where the cumulative sum about `middle` is largest (a fall) or smallest (a rise).
std::size_t turn_of(std::span<const double> x, double middle, bool rise) {
  double sum = 0;
  double extreme = 0;
  std::size_t at = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    sum += rise ? middle - x[i] : x[i] - middle;
    if (i == 0 || sum > extreme) {
      extreme = sum;
      at = i;
    }
  }
  return std::clamp<std::size_t>(at, 1, x.size() - 3);
}

ChangePoint change_in(std::span<const double> x, bool rise) {
  constexpr int kRoundsMax = 10;
  const auto n = static_cast<double>(x.size());
  double mean = 0;
  for (const double v : x) mean += v / n;
  std::size_t at = turn_of(x, mean, rise);
  for (int round = 0; round < kRoundsMax; ++round) {
    const Means m = means_at(x, at);
    const std::size_t next = turn_of(x, (m.before + m.after) / 2, rise);
    if (next == at) break;
    at = next;
  }
  const Means m = means_at(x, at);
  double whole = 0;
  double parts = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    whole += (x[i] - mean) * (x[i] - mean);
    const double d = x[i] - (i <= at ? m.before : m.after);
    parts += d * d;
  }
  ChangePoint out{at, m.before, m.after, std::sqrt(parts / (n - 2)), 0, 1, 1, false, false};
  if (!(whole > 0)) return out;
  // A step without any noise but rounding: the ratio has no bound.
  if (parts <= 1e-12 * whole) {
    out.exact = true;
    out.log_likelihood_ratio = std::numeric_limits<double>::infinity();
    return out;
  }
  const double null = whole / n;
  const double scale = parts / (n - 2);
  out.log_likelihood_ratio = -n * std::log(scale / null) - parts / scale + whole / null;
  out.p = change_point_p(std::sqrt((whole - parts) / scale), x.size());
  return out;
}

}  // namespace

double change_point_p(double t, std::size_t n) {
  constexpr double kSmallest = 1.5;  // below it the approximation says nothing
  const auto count = static_cast<double>(n);
  const double one = 2 * t_cdf(-std::fabs(t), count - 2);
  const double bonferroni = std::min(1.0, (count - 3) * one);
  const double b = -normal_quantile(one / 2);
  if (!(b >= kSmallest) || !std::isfinite(b)) return bonferroni;
  // The expected number of times that the process along the places rises above b; exp(-0.583 x)
  // is for what lies between two places.
  double rises = 0;
  for (double k = 2; k <= count - 2; ++k) {
    const double spread = k * (count - k) / count;
    rises += std::exp(-0.583 * b / std::sqrt(spread)) / spread;
  }
  const double density = std::exp(-b * b / 2) / std::sqrt(2 * std::numbers::pi);
  return std::min(bonferroni, one + b * density * rises);
}

Result<ChangePoint> find_change_point(std::span<const double> values, double alpha) {
  if (values.size() < 4) return fail_field("values", "are {}, fewer than four", values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!is_usable(values[i])) {
      return fail_field(fmt::format("values[{}]", i), "is {}, not a finite number up to {}",
                        values[i], kValueMax);
    }
  }
  ChangePoint best = change_in(values, false);
  const ChangePoint rise = change_in(values, true);
  const bool fell = best.mean_after < best.mean_before;
  const bool rose = rise.mean_after > rise.mean_before;
  // Either says something only about a change in its own direction.
  if (rose && (!fell || rise.log_likelihood_ratio > best.log_likelihood_ratio)) best = rise;
  if (!(fell || rose) || best.log_likelihood_ratio <= 0) return best;
  if (best.exact) best.p = 0;
  best.p_at_place = best.exact ? 0 : chi2_upper_tail(best.log_likelihood_ratio, 2);
  best.found =
      best.p_at_place < alpha && std::fabs(best.mean_after - best.mean_before) > best.deviation;
  return best;
}

}  // namespace zhiyin::statistics
