#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "statistics/arm.h"

namespace zhiyin::statistics {

/// One arm of a bandit. Proportions are drawn from their Beta posterior (uniform prior), means from
/// a normal distribution about theirs.
struct BanditArm {
  Moments moments;
  bool proportion = false;
};
struct BanditSettings {
  int draws = 10000;
  double users_min = 100;  ///< of every arm before it learns
  double floor = 0.01;     ///< share that every arm keeps; at most 1/arms
  bool lower_is_better = false;
  std::uint64_t seed = 1;
};
struct BanditWeights {
  std::vector<double> best;     ///< probability of being the best arm
  std::vector<double> weights;  ///< what to assign from now on; they add up to 1
  bool learning = true;         ///< false: an arm has fewer than users_min, all weights are equal
};
/// Thompson sampling: w' = floor + (1 - K floor) w. Pure, thread-safe; the same seed gives the same
/// weights. kTooFewUsers with fewer than two arms, kNotFinite, kImpossibleSums (a proportion
/// outside 0 to 1), kNotSolvable when floor × arms is above 1, kNoVariance when it learns and an
/// arm's values are all the same (a mean; of a proportion that is no obstacle).
Answer<BanditWeights> thompson_weights(std::span<const BanditArm> arms,
                                       BanditSettings settings = {});

}  // namespace zhiyin::statistics
