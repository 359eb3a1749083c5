#include "statistics/bandit.h"

#include <algorithm>
#include <cmath>

#include "statistics/draw.h"
#include "statistics/limits.h"

namespace zhiyin::statistics {
namespace {

double draw_value(Random& random, const BanditArm& arm) {
  const Moments& m = arm.moments;
  if (arm.proportion) return draw_beta(random, 1 + m.n * m.mean, 1 + m.n * (1 - m.mean));
  return m.mean + std::sqrt(m.variance / m.n) * random.normal();
}

Answer<void> check(std::span<const BanditArm> arms, const BanditSettings& settings) {
  if (arms.size() < 2) return std::unexpected(Refusal::kTooFewUsers);
  if (settings.floor * static_cast<double>(arms.size()) > 1) {
    return std::unexpected(Refusal::kNotSolvable);
  }
  for (const BanditArm& arm : arms) {
    const Moments& m = arm.moments;
    if (m.n < 0) return std::unexpected(Refusal::kNegativeCount);
    if (m.n == 0) continue;
    if (!is_usable(m.mean) || !(m.variance <= kSumMax)) {
      return std::unexpected(Refusal::kNotFinite);
    }
    if (m.variance < 0 || (arm.proportion && (m.mean < 0 || m.mean > 1))) {
      return std::unexpected(Refusal::kImpossibleSums);
    }
  }
  return {};
}

}  // namespace

Answer<BanditWeights> thompson_weights(std::span<const BanditArm> arms, BanditSettings settings) {
  if (const auto checked = check(arms, settings); !checked) {
    return std::unexpected(checked.error());
  }
  const auto k = static_cast<double>(arms.size());
  BanditWeights out{std::vector(arms.size(), 1 / k), std::vector(arms.size(), 1 / k), false};
  const auto enough = [&](const BanditArm& a) {
    return a.moments.n >= std::max(2.0, settings.users_min);
  };
  if (!std::ranges::all_of(arms, enough)) return out;
  for (const BanditArm& arm : arms) {
    // A posterior without width would decide for ever on values that happen to be all the same.
    if (!arm.proportion && !(arm.moments.variance > 0)) {
      return std::unexpected(Refusal::kNoVariance);
    }
  }
  out.learning = true;
  std::ranges::fill(out.best, 0);
  Random random = random_stream(settings.seed, "thompson");
  const double share = 1.0 / settings.draws;
  for (int i = 0; i < settings.draws; ++i) {
    std::size_t winner = 0;
    double highest = 0;
    for (std::size_t a = 0; a < arms.size(); ++a) {
      const double drawn = draw_value(random, arms[a]);
      const double value = settings.lower_is_better ? -drawn : drawn;
      if (a == 0 || value > highest) {
        highest = value;
        winner = a;
      }
    }
    out.best[winner] += share;
  }
  for (std::size_t a = 0; a < arms.size(); ++a) {
    out.weights[a] = settings.floor + (1 - k * settings.floor) * out.best[a];
  }
  return out;
}

}  // namespace zhiyin::statistics
