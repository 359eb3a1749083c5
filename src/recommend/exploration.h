#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace zhiyin::recommend {

/// What is known of a fresh item: how often it was shown and clicked.
struct Arm {
  double shows = 0;
  double clicks = 0;
};

/// A Beta prior of click rates: (clicks, misses) as if seen before.
struct ArmPrior {
  double clicks = 1;
  double misses = 19;
};

/// An arm chosen by chance, and the probability with which the policy chooses it.
struct Explored {
  std::size_t arm = 0;
  double propensity = 1;
};

/// No propensity is smaller, so that every choice can be weighed by its inverse.
inline constexpr double kLeastPropensity = 1e-6;

/// Thompson sampling for exploration slots: each slot draws a click rate from every free arm's
/// posterior and takes the largest (Chapelle, Li, NIPS 2011). The propensity of the arm of a slot,
/// given the arms of the slots before it, is the mean over `draws` further draws of the other free
/// arms, from a stream of their own, of the probability that its rate exceeds their largest: right
/// on average also for an arm that seldom wins. The same seed gives the same arms and propensities.
/// At most as many as there are arms. Of arms that nobody clicked, with a prior of one click, all
/// that are alike take one draw.
std::vector<Explored> explore(std::span<const Arm> arms, std::size_t slots, const ArmPrior& prior,
                              std::size_t draws, std::uint64_t seed);

}  // namespace zhiyin::recommend
