#include "recommend/exploration.h"

#include <algorithm>
#include <cmath>

#include "base/random.h"
#include "statistics/distributions.h"

namespace zhiyin::recommend {
namespace {

/// Marsaglia and Tsang, "A simple method for generating gamma variables" (2000); shape >= 1.
double gamma_of(double shape, Random& random) {
  const double d = shape - 1.0 / 3;
  const double c = 1 / std::sqrt(9 * d);
  while (true) {
    const double x = random.normal();
    const double v = std::pow(1 + c * x, 3);
    if (v <= 0) continue;
    const double u = 1 - random.uniform();
    if (std::log(u) < x * x / 2 + d - d * v + d * std::log(v)) return d * v;
  }
}

double beta_of(double a, double b, Random& random) {
  // Shapes below 1 are raised, and taken back by a power of a uniform number.
  const auto part = [&](double shape) {
    if (shape >= 1) return gamma_of(shape, random);
    return gamma_of(shape + 1, random) * std::pow(1 - random.uniform(), 1 / shape);
  };
  const double x = part(a);
  return x / (x + part(b));
}

/// Of the rate of an arm.
struct Posterior {
  double clicks = 1;
  double misses = 1;
};

Posterior posterior_of(const Arm& arm, const ArmPrior& prior) {
  return {prior.clicks + arm.clicks, prior.misses + std::max(0.0, arm.shows - arm.clicks)};
}

/// The free arm whose drawn rate is largest.
std::size_t draw(std::span<const Posterior> arms, const std::vector<std::size_t>& free,
                 Random& random) {
  std::size_t best = 0;
  double most = -1;
  for (std::size_t i = 0; i < free.size(); ++i) {
    const Posterior& arm = arms[free[i]];
    const double rate = beta_of(arm.clicks, arm.misses, random);
    if (rate > most) {
      most = rate;
      best = i;
    }
  }
  return best;
}

/// How likely `draw` is to return `chosen`: the mean of how likely its rate is to be above the
/// largest one drawn for the others. Counting wins would say far too much of an arm that hardly
/// ever wins, and so weights by the inverse would not sum to what they should.
double chance_of(std::span<const Posterior> arms, const std::vector<std::size_t>& free,
                 std::size_t chosen, std::size_t draws, Random& random) {
  if (free.size() == 1 || draws == 0) return 1;
  const Posterior& own = arms[free[chosen]];
  double sum = 0;
  for (std::size_t d = 0; d < draws; ++d) {
    double most = 0;
    for (std::size_t i = 0; i < free.size(); ++i) {
      if (i == chosen) continue;
      const Posterior& arm = arms[free[i]];
      most = std::max(most, beta_of(arm.clicks, arm.misses, random));
    }
    // The upper tail, from the other side: 1 - cdf would have no digits left.
    sum += statistics::beta_cdf(1 - most, own.misses, own.clicks);
  }
  return std::clamp(sum / static_cast<double>(draws), kLeastPropensity, 1.0);
}

}  // namespace

std::vector<Explored> explore(std::span<const Arm> arms, std::size_t slots, const ArmPrior& prior,
                              std::size_t draws, std::uint64_t seed) {
  std::vector<std::size_t> free(arms.size());
  std::vector<Posterior> posteriors;
  for (std::size_t i = 0; i < free.size(); ++i) {
    free[i] = i;
    posteriors.push_back(posterior_of(arms[i], prior));
  }
  Random choosing(seed);
  // Far from the stream that chose, or the winner would count itself.
  Random counting(seed ^ 0x5bd1e995a4c93b2dULL);
  std::vector<Explored> out;
  while (out.size() < slots && !free.empty()) {
    const std::size_t chosen = draw(posteriors, free, choosing);
    out.push_back({free[chosen], chance_of(posteriors, free, chosen, draws, counting)});
    free.erase(free.begin() + static_cast<std::ptrdiff_t>(chosen));
  }
  return out;
}

}  // namespace zhiyin::recommend
