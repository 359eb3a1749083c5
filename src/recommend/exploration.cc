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

/// Free arms of which the same is known.
struct Alike {
  Arm arm;
  Posterior rate;
  std::vector<std::size_t> members;
};

std::vector<Alike> alike_of(std::span<const Arm> arms, const ArmPrior& prior) {
  std::vector<Alike> out;
  for (std::size_t i = 0; i < arms.size(); ++i) {
    const auto is_same = [&](const Alike& group) {
      return group.arm.shows == arms[i].shows && group.arm.clicks == arms[i].clicks;
    };
    const auto found = std::ranges::find_if(out, is_same);
    if (found != out.end()) {
      found->members.push_back(i);
      continue;
    }
    const Posterior rate{prior.clicks + arms[i].clicks,
                         prior.misses + std::max(0.0, arms[i].shows - arms[i].clicks)};
    out.push_back({arms[i], rate, {i}});
  }
  return out;
}

/// The largest of `count` rates. Beta(1, b) has the distribution function 1 - (1 - x)^b, so without
/// clicks (and with the prior of one) the largest of m is drawn at once: it is where that, to the
/// m, is uniform.
double largest_rate(const Posterior& rate, std::size_t count, Random& random) {
  if (count == 0) return 0;
  if (rate.clicks == 1) {
    const double u = 1 - random.uniform();
    const double above = -std::expm1(std::log(u) / static_cast<double>(count));
    return above > 0 ? -std::expm1(std::log(above) / rate.misses) : 1;
  }
  double most = -1;
  for (std::size_t i = 0; i < count; ++i)
    most = std::max(most, beta_of(rate.clicks, rate.misses, random));
  return most;
}

/// The group with the arm whose drawn rate is largest: which of its arms that is, is a matter of
/// chance alone.
std::size_t draw(std::span<const Alike> groups, Random& random) {
  std::size_t best = 0;
  double most = -1;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const double rate = largest_rate(groups[i].rate, groups[i].members.size(), random);
    if (rate > most) {
      most = rate;
      best = i;
    }
  }
  return best;
}

/// How likely one arm of the group `chosen` is to be drawn: the mean of how likely its rate is to
/// be above the largest one drawn for the others. Counting wins would say far too much of an arm
/// that hardly ever wins, and so weights by the inverse would not sum to what they should.
double chance_of(std::span<const Alike> groups, std::size_t chosen, std::size_t draws,
                 Random& random) {
  const bool is_alone = groups.size() == 1 && groups[chosen].members.size() == 1;
  if (is_alone || draws == 0) return 1;
  const Posterior& own = groups[chosen].rate;
  double sum = 0;
  for (std::size_t d = 0; d < draws; ++d) {
    double most = 0;
    for (std::size_t i = 0; i < groups.size(); ++i) {
      const std::size_t others = groups[i].members.size() - (i == chosen ? 1 : 0);
      most = std::max(most, largest_rate(groups[i].rate, others, random));
    }
    // The upper tail, from the other side: 1 - cdf would have no digits left.
    sum += statistics::beta_cdf(1 - most, own.misses, own.clicks);
  }
  return std::clamp(sum / static_cast<double>(draws), kLeastPropensity, 1.0);
}

}  // namespace

std::vector<Explored> explore(std::span<const Arm> arms, std::size_t slots, const ArmPrior& prior,
                              std::size_t draws, std::uint64_t seed) {
  std::vector<Alike> groups = alike_of(arms, prior);
  Random choosing(seed);
  // Far from the stream that chose, or the winner would count itself.
  Random counting(seed ^ 0x5bd1e995a4c93b2dULL);
  std::vector<Explored> out;
  while (out.size() < slots && !groups.empty()) {
    const std::size_t group = draw(groups, choosing);
    const double chance = chance_of(groups, group, draws, counting);
    std::vector<std::size_t>& members = groups[group].members;
    const std::size_t member = choosing.below(members.size());
    out.push_back({members[member], chance});
    members.erase(members.begin() + static_cast<std::ptrdiff_t>(member));
    if (members.empty()) groups.erase(groups.begin() + static_cast<std::ptrdiff_t>(group));
  }
  return out;
}

}  // namespace zhiyin::recommend
