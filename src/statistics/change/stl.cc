#include "statistics/change/stl.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "statistics/limits.h"

namespace zhiyin::statistics {
namespace {

/// Places of values are 1, 2, … n as in the paper; `y[0]` is the value at 1.
struct Window {
  std::ptrdiff_t left = 1;
  std::ptrdiff_t right = 1;
};

double cubed(double v) { return v * v * v; }

/// The local line at `x` over the window; none when all its weights are 0.
std::optional<double> loess_at(std::span<const double> y, double length, double x, Window w,
                               std::span<const double> weights) {
  const auto n = static_cast<double>(y.size());
  double reach = std::max(x - static_cast<double>(w.left), static_cast<double>(w.right) - x);
  if (length > n) reach += std::floor((length - n) / 2);
  const double far = 0.999 * reach;
  const double near = 0.001 * reach;
  double total = 0;
  double mean = 0;
  double square = 0;
  double sum_y = 0;
  double sum_xy = 0;
  // Sums about x, which lies close, keep their digits.
  for (std::ptrdiff_t j = w.left; j <= w.right; ++j) {
    const double d = static_cast<double>(j) - x;
    const double r = std::fabs(d);
    if (r > far) continue;
    double weight = r <= near ? 1 : cubed(1 - cubed(r / reach));
    if (!weights.empty()) weight *= weights[static_cast<std::size_t>(j - 1)];
    const double v = weight * y[static_cast<std::size_t>(j - 1)];
    total += weight;
    mean += weight * d;
    square += weight * d * d;
    sum_y += v;
    sum_xy += v * d;
  }
  if (!(total > 0)) return std::nullopt;
  mean /= total;
  const double variance = square / total - mean * mean;
  const double value = sum_y / total;
  if (reach <= 0 || std::sqrt(std::max(variance, 0.0)) <= 0.001 * (n - 1)) return value;
  const double slope = (sum_xy / total - mean * value) / variance;
  return value - slope * mean;
}

/// Loess of all values into `out`, evaluated at every `jump`-th place.
void smooth(std::span<const double> y, std::size_t length, std::size_t jump,
            std::span<const double> weights, std::span<double> out) {
  const auto n = static_cast<std::ptrdiff_t>(y.size());
  if (n < 2) {
    out[0] = y[0];
    return;
  }
  const auto len = static_cast<std::ptrdiff_t>(length);
  const auto step = std::min(static_cast<std::ptrdiff_t>(jump), n - 1);
  const auto at = [&](std::ptrdiff_t i) {
    Window w{1, n};
    const std::ptrdiff_t half = (len + 1) / 2;
    if (len < n) {
      if (i < half) {
        w = {1, len};
      } else if (i >= n - half + 1) {
        w = {n - len + 1, n};
      } else {
        w = {i - half + 1, len + i - half};
      }
    }
    const auto value = loess_at(y, static_cast<double>(length), static_cast<double>(i), w, weights);
    out[static_cast<std::size_t>(i - 1)] = value.value_or(y[static_cast<std::size_t>(i - 1)]);
  };
  const auto join = [&](std::ptrdiff_t from, std::ptrdiff_t to) {
    const double a = out[static_cast<std::size_t>(from - 1)];
    const double slope =
        (out[static_cast<std::size_t>(to - 1)] - a) / static_cast<double>(to - from);
    for (std::ptrdiff_t j = from + 1; j < to; ++j) {
      out[static_cast<std::size_t>(j - 1)] = a + slope * static_cast<double>(j - from);
    }
  };
  std::ptrdiff_t last = 1;
  for (std::ptrdiff_t i = 1; i <= n; i += step) {
    at(i);
    if (i > 1) join(i - step, i);
    last = i;
  }
  if (last != n) {
    at(n);
    join(last, n);
  }
}

/// Mean of each `length` values in a row; the result is length - 1 shorter.
std::vector<double> moving_average(std::span<const double> y, std::size_t length) {
  std::vector<double> out;
  out.reserve(y.size() - length + 1);
  double sum = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    sum += y[i];
    if (i >= length) sum -= y[i - length];
    if (i + 1 >= length) out.push_back(sum / static_cast<double>(length));
  }
  return out;
}

struct Plan {
  std::size_t period;
  std::size_t seasonal;
  std::size_t trend;
  std::size_t low_pass;
  std::size_t seasonal_jump;
  std::size_t trend_jump;
  std::size_t low_pass_jump;
};

/// Each phase smoothed over the seasons and carried on by one season at either end.
std::vector<double> cycle_subseries(std::span<const double> y, const Plan& plan,
                                    std::span<const double> weights) {
  const std::size_t n = y.size();
  std::vector<double> out(n + 2 * plan.period);
  std::vector<double> values;
  std::vector<double> own;
  std::vector<double> fitted;
  for (std::size_t phase = 0; phase < plan.period; ++phase) {
    values.clear();
    own.clear();
    for (std::size_t i = phase; i < n; i += plan.period) {
      values.push_back(y[i]);
      if (!weights.empty()) own.push_back(weights[i]);
    }
    const std::size_t k = values.size();
    fitted.assign(k + 2, 0);
    if (plan.seasonal == 0) {
      double total = 0;
      double sum = 0;
      for (std::size_t i = 0; i < k; ++i) {
        const double w = own.empty() ? 1 : own[i];
        total += w;
        sum += w * values[i];
      }
      // All of a phase may be outliers; then it has no better mean than their own.
      if (!(total > 0)) {
        for (const double v : values) sum += v;
        total = static_cast<double>(k);
      }
      std::ranges::fill(fitted, sum / total);
    } else {
      smooth(values, plan.seasonal, plan.seasonal_jump, own, std::span(fitted).subspan(1, k));
      const auto count = static_cast<std::ptrdiff_t>(k);
      const auto window = static_cast<std::ptrdiff_t>(plan.seasonal);
      const auto length = static_cast<double>(plan.seasonal);
      fitted[0] =
          loess_at(values, length, 0, {1, std::min(window, count)}, own).value_or(fitted[1]);
      fitted[k + 1] = loess_at(values, length, static_cast<double>(k + 1),
                               {std::max<std::ptrdiff_t>(1, count - window + 1), count}, own)
                          .value_or(fitted[k]);
    }
    for (std::size_t i = 0; i < k + 2; ++i) out[phase + i * plan.period] = fitted[i];
  }
  return out;
}

void inner_loop(std::span<const double> y, const Plan& plan, std::span<const double> weights,
                int rounds, StlParts& parts) {
  const std::size_t n = y.size();
  std::vector<double> work(n);
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < n; ++i) work[i] = y[i] - parts.trend[i];
    const std::vector<double> cycles = cycle_subseries(work, plan, weights);
    const std::vector<double> averaged =
        moving_average(moving_average(moving_average(cycles, plan.period), plan.period), 3);
    std::vector<double> level(n);
    smooth(averaged, plan.low_pass, plan.low_pass_jump, {}, level);
    for (std::size_t i = 0; i < n; ++i) {
      parts.seasonal[i] = cycles[plan.period + i] - level[i];
      work[i] = y[i] - parts.seasonal[i];
    }
    smooth(work, plan.trend, plan.trend_jump, weights, parts.trend);
  }
}

/// Bisquare of the remainders, 0 beyond six median deviations.
std::vector<double> robust_weights(std::span<const double> y, const StlParts& parts) {
  const std::size_t n = y.size();
  std::vector<double> distance(n);
  for (std::size_t i = 0; i < n; ++i) {
    distance[i] = std::fabs(y[i] - parts.trend[i] - parts.seasonal[i]);
  }
  std::vector<double> sorted = distance;
  const auto upper = sorted.begin() + static_cast<std::ptrdiff_t>(n / 2);
  std::ranges::nth_element(sorted, upper);
  const double high = *upper;
  const double low = n % 2 == 1 ? high : *std::max_element(sorted.begin(), upper);
  const double reach = 3 * (low + high);
  std::vector<double> out(n);
  for (std::size_t i = 0; i < n; ++i) {
    const double r = distance[i];
    const double share = r / reach;
    out[i] = r <= 0.001 * reach ? 1 : r <= 0.999 * reach ? std::pow(1 - share * share, 2) : 0;
  }
  return out;
}

std::size_t odd_above(double v) {
  auto out = static_cast<std::size_t>(std::floor(v)) + 1;
  return out % 2 == 0 ? out + 1 : out;
}

Result<Plan> plan_of(std::size_t n, const StlSettings& s) {
  Plan p{s.period, s.seasonal, s.trend, s.low_pass, 1, 1, 1};
  if (s.period < 2) return fail_field("period", "is {}, below 2", s.period);
  if (n < 2 * s.period) return fail_field("values", "are {}, fewer than two periods", n);
  const auto period = static_cast<double>(s.period);
  if (p.trend == 0) {
    const double ease = s.seasonal == 0 ? 1 : 1 - 1.5 / static_cast<double>(s.seasonal);
    p.trend = static_cast<std::size_t>(std::ceil(1.5 * period / ease));
    if (p.trend % 2 == 0) ++p.trend;
  }
  if (p.low_pass == 0) p.low_pass = odd_above(period);
  if (p.seasonal != 0 && (p.seasonal < 7 || p.seasonal % 2 == 0)) {
    return fail_field("seasonal", "is {}, not odd and 7 or more", p.seasonal);
  }
  if (p.trend < 3 || p.trend % 2 == 0) {
    return fail_field("trend", "is {}, not odd and 3 or more", p.trend);
  }
  if (p.low_pass < 3 || p.low_pass % 2 == 0) {
    return fail_field("low_pass", "is {}, not odd and 3 or more", p.low_pass);
  }
  const auto jump = [&](std::size_t window) {
    return s.jump != 0 ? s.jump : std::max<std::size_t>(1, (window + 9) / 10);
  };
  p.seasonal_jump = jump(p.seasonal);
  p.trend_jump = jump(p.trend);
  p.low_pass_jump = jump(p.low_pass);
  return p;
}

}  // namespace

Result<StlParts> decompose_stl(std::span<const double> values, const StlSettings& settings) {
  const std::size_t n = values.size();
  ZHIYIN_TRY(const Plan plan, plan_of(n, settings));
  for (std::size_t i = 0; i < n; ++i) {
    if (!is_usable(values[i])) {
      return fail_field(fmt::format("values[{}]", i), "is {}, not a finite number up to {}",
                        values[i], kValueMax);
    }
  }
  // Without rounds of weights the season needs a few more of its own to settle.
  const int inner_rounds = settings.robust ? 1 : 5;
  constexpr int kRobustRounds = 15;
  StlParts parts{std::vector<double>(n, 0), std::vector<double>(n, 0), {}, {}};
  inner_loop(values, plan, {}, inner_rounds, parts);
  if (settings.robust) {
    std::vector<double> before;
    for (int round = 0; round < kRobustRounds; ++round) {
      parts.weights = robust_weights(values, parts);
      before = parts.seasonal;
      inner_loop(values, plan, parts.weights, inner_rounds, parts);
      // Once the season stands still, further rounds change nothing.
      double moved = 0;
      double size = 0;
      for (std::size_t i = 0; i < n; ++i) {
        moved = std::max(moved, std::fabs(parts.seasonal[i] - before[i]));
        size = std::max(size, std::fabs(parts.seasonal[i]));
      }
      if (moved <= 1e-12 * size) break;
    }
  } else {
    parts.weights.assign(n, 1);
  }
  parts.remainder.resize(n);
  for (std::size_t i = 0; i < n; ++i) {
    parts.remainder[i] = values[i] - parts.trend[i] - parts.seasonal[i];
  }
  return parts;
}

}  // namespace zhiyin::statistics
