#include "recommend/exploration.h"

#include <algorithm>
#include <cmath>

#include "base/random.h"

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

/// The free arm whose drawn rate is largest.
std::size_t draw(std::span<const Arm> arms, const std::vector<std::size_t>& free,
                 const ArmPrior& prior, Random& random) {
  std::size_t best = 0;
  double most = -1;
  for (std::size_t i = 0; i < free.size(); ++i) {
    const Arm& arm = arms[free[i]];
    const double misses = std::max(0.0, arm.shows - arm.clicks);
    const double rate = beta_of(prior.clicks + arm.clicks, prior.misses + misses, random);
    if (rate > most) {
      most = rate;
      best = i;
    }
  }
  return best;
}

}  // namespace

std::vector<Explored> explore(std::span<const Arm> arms, std::size_t slots, const ArmPrior& prior,
                              std::size_t draws, std::uint64_t seed) {
  std::vector<std::size_t> free(arms.size());
  for (std::size_t i = 0; i < free.size(); ++i) free[i] = i;
  Random choosing(seed);
  // Far from the stream that chose, or the winner would count itself.
  Random counting(seed ^ 0x5bd1e995a4c93b2dULL);
  std::vector<Explored> out;
  while (out.size() < slots && !free.empty()) {
    const std::size_t chosen = draw(arms, free, prior, choosing);
    std::size_t wins = 0;
    for (std::size_t d = 0; d < draws; ++d) wins += draw(arms, free, prior, counting) == chosen;
    out.push_back(
        {free[chosen], static_cast<double>(wins + 1) / static_cast<double>(draws + free.size())});
    free.erase(free.begin() + static_cast<std::ptrdiff_t>(chosen));
  }
  return out;
}

}  // namespace zhiyin::recommend
