#include "statistics/change/bursts.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <tuple>

namespace zhiyin::statistics {
namespace {

/// Cost of step t at level i.
using LevelCost = std::function<double(std::size_t t, std::size_t level)>;

/// The cheapest path from level 0: Viterbi. A level up costs `up`, down nothing.
std::vector<std::size_t> cheapest_levels(std::size_t steps, std::size_t levels, double up,
                                         const LevelCost& cost) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  std::vector<double> best(levels, kInfinity);
  best[0] = 0;
  std::vector<std::vector<std::size_t>> from(steps, std::vector<std::size_t>(levels, 0));
  std::vector<double> next(levels);
  for (std::size_t t = 0; t < steps; ++t) {
    for (std::size_t j = 0; j < levels; ++j) {
      double least = kInfinity;
      for (std::size_t i = 0; i < levels; ++i) {
        const double climb = j > i ? up * static_cast<double>(j - i) : 0;
        if (best[i] + climb < least) {
          least = best[i] + climb;
          from[t][j] = i;
        }
      }
      next[j] = least + cost(t, j);
    }
    best = next;
  }
  std::vector<std::size_t> path(steps);
  std::size_t at = static_cast<std::size_t>(std::ranges::min_element(best) - best.begin());
  for (std::size_t t = steps; t-- > 0;) {
    path[t] = at;
    at = from[t][at];
  }
  return path;
}

/// Stretches at or above each level; `begin` and `end` give the times of steps.
std::vector<Burst> stretches(const std::vector<std::size_t>& path, const LevelCost& cost,
                             const std::function<double(std::size_t)>& begin,
                             const std::function<double(std::size_t)>& end) {
  std::vector<Burst> out;
  const std::size_t highest = *std::ranges::max_element(path);
  for (std::size_t level = 1; level <= highest; ++level) {
    for (std::size_t t = 0; t < path.size(); ++t) {
      if (path[t] < level) continue;
      Burst b{static_cast<int>(level), begin(t), 0, 0};
      for (; t < path.size() && path[t] >= level; ++t) {
        b.end = end(t);
        b.weight += cost(t, level - 1) - cost(t, level);
      }
      out.push_back(b);
    }
  }
  std::ranges::sort(out, {}, [](const Burst& b) { return std::tuple(b.begin, b.level, b.end); });
  return out;
}

Result<void> check(const BurstSettings& s) {
  if (!(s.base > 1) || !std::isfinite(s.base))
    return fail_field("base", "is {}, not above 1", s.base);
  if (!(s.gamma > 0) || !std::isfinite(s.gamma)) {
    return fail_field("gamma", "is {}, not above 0", s.gamma);
  }
  return {};
}

}  // namespace

Result<std::vector<Burst>> find_bursts(std::span<const double> times,
                                       const BurstSettings& settings) {
  ZHIYIN_TRY_VOID(check(settings));
  if (times.size() < 3) return fail_field("times", "are {}, fewer than three", times.size());
  std::vector<double> gaps;
  for (std::size_t i = 1; i < times.size(); ++i) {
    const double gap = times[i] - times[i - 1];
    if (!(gap > 0) || !std::isfinite(gap)) {
      return fail_field(fmt::format("times[{}]", i), "is {} after {}: times must ascend", times[i],
                        times[i - 1]);
    }
    gaps.push_back(gap);
  }
  const auto n = static_cast<double>(gaps.size());
  const double span = times.back() - times.front();
  const double shortest = *std::ranges::min_element(gaps);
  const double wanted =
      std::ceil(1 + (std::log(span) - std::log(shortest)) / std::log(settings.base));
  const auto levels =
      static_cast<std::size_t>(std::clamp(wanted, 1.0, static_cast<double>(kBurstLevelsMax)));
  const double log_rate = std::log(n / span);
  const double log_base = std::log(settings.base);
  const LevelCost cost = [&](std::size_t t, std::size_t level) {
    const double log_level_rate = log_rate + static_cast<double>(level) * log_base;
    return std::exp(log_level_rate) * gaps[t] - log_level_rate;
  };
  const auto path = cheapest_levels(gaps.size(), levels, settings.gamma * std::log(n), cost);
  return stretches(
      path, cost, [&](std::size_t t) { return times[t]; },
      [&](std::size_t t) { return times[t + 1]; });
}

Result<std::vector<Burst>> find_batch_bursts(std::span<const double> relevant,
                                             std::span<const double> all,
                                             const BurstSettings& settings) {
  ZHIYIN_TRY_VOID(check(settings));
  if (relevant.size() != all.size() || all.empty()) {
    return fail_field("all", "has {} batches beside {}", all.size(), relevant.size());
  }
  double hits = 0;
  double total = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!(relevant[i] >= 0 && relevant[i] <= all[i]) || !std::isfinite(all[i])) {
      return fail_field(fmt::format("relevant[{}]", i), "is {} of {}", relevant[i], all[i]);
    }
    hits += relevant[i];
    total += all[i];
  }
  if (all.size() < 2) return fail_field("all", "has {} batches, fewer than two", all.size());
  if (!(hits > 0)) return fail_field("relevant", "is 0 everywhere: there is no rate");
  // A rate of 1 would forbid any other document.
  constexpr double kRateMax = 0.9999;
  const double rates[2] = {std::min(hits / total, kRateMax),
                           std::min(settings.base * hits / total, kRateMax)};
  // The binomial coefficient is the same at both levels.
  const LevelCost cost = [&](std::size_t t, std::size_t level) {
    const double p = rates[level];
    return -relevant[t] * std::log(p) - (all[t] - relevant[t]) * std::log1p(-p);
  };
  const auto path = cheapest_levels(
      all.size(), 2, settings.gamma * std::log(static_cast<double>(all.size())), cost);
  const auto index = [](std::size_t t) { return static_cast<double>(t); };
  return stretches(path, cost, index, index);
}

}  // namespace zhiyin::statistics
