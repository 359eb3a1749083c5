#pragma once

#include <string>

#include "recommend/off_policy.h"
#include "server/runs.h"
#include "server/services.h"

namespace zhiyin::server {

/// What another way of choosing fresh items would have brought in the places of exploration.
struct PolicyQuestion {
  std::string policy = "uniform";  ///< `uniform`, `newest`, or a ranker by its id, `ranker-3`
  std::string reward = "read";     ///< a response (objectives.h), or `value`: the owner's weights
  Duration history = 90 * kDay;
  recommend::OffPolicySettings settings;
};

/// Judges the policy on the places that chance filled, those alone, whose time for responses is
/// over. A ranker chooses the item of most value among those that could have been chosen; it sees
/// of them what the catalogue says (the similarity to the person is recorded of listed items only,
/// and taken as 0). The doubly robust estimate predicts the mean reward for all.
/// {"policy","reward","lists","rows","logged":{"value","interval"},"ips","self_normalised",
/// "doubly_robust","effective","largest_weight","clipped"}. kInvalidArgument names the flag;
/// kUnsupported, with the figures, when the effective sample is too small.
Result<Json> judge_exploration(Services& services, const PolicyQuestion& question, RunContext& run);

/// Interleaved lists whose time for responses is over: what the owner's weights say that each
/// team's items brought, by person (recommend/interleaving.h).
/// {"rival","lists","people","for_rival","for_in_use","difference","se","interval","p"}.
/// kUnsupported, with the figures, when nothing can be said.
Result<Json> judge_interleaving(Services& services, const std::string& rival, Duration history,
                                RunContext& run);

}  // namespace zhiyin::server
