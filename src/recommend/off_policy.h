#pragma once

#include <cstddef>
#include <span>

#include "base/error.h"
#include "statistics/interval.h"

namespace zhiyin::recommend {

/// One logged choice by chance: what it brought, with which probability it was made, and with which
/// the policy to be judged would have made it.
struct LoggedChoice {
  double reward = 0;
  double logged = 1;  ///< above 0, at most 1
  double judged = 0;  ///< 0 … 1
  double model = 0;   ///< for the doubly robust estimate: predicted reward of this choice …
  double policy = 0;  ///< … and expected predicted reward of the judged policy in this place
};

struct OffPolicySettings {
  double clip = 100;           ///< weights are at most this; above 0
  double effective_min = 100;  ///< fewer effective rows: refused
};

struct OffPolicyEstimate {
  double value = 0;
  statistics::Interval interval;  ///< 95 %, normal
};
struct OffPolicyResult {
  OffPolicyEstimate ips;              ///< mean of weight × reward
  OffPolicyEstimate self_normalised;  ///< divided by the mean weight
  OffPolicyEstimate doubly_robust;    ///< policy + weight × (reward - model)
  double effective = 0;               ///< (sum of weights)² / sum of squared weights
  double largest_weight = 0;          ///< before clipping
  std::size_t clipped = 0;
};

/// What a policy would have brought, from what another one chose (Dudík, Langford, Li, ICML 2011;
/// Swaminathan, Joachims, NIPS 2015). kInvalidArgument names the row with an impossible value;
/// kUnsupported, with the figures, when the effective sample is too small to say anything.
Result<OffPolicyResult> judge_policy(std::span<const LoggedChoice> log,
                                     const OffPolicySettings& settings);

}  // namespace zhiyin::recommend
