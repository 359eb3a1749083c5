#pragma once

#include "base/json.h"

/// The commands around experiments: JSON in, JSON out, as docs/statistics.md describes them. Pure,
/// thread-safe. All fail with kInvalidArgument and the path of what is wrong; what statistics
/// refuse is an answer with `refused`.
namespace zhiyin::statistics {

/// {"mean", "variance" (absent: of a share), "users" (of all arms), "arms", "effect_size",
/// "effect": "relative"|"absolute", "alpha", "power", "tuning" (sequential), "goals" (while it
/// runs)}, or {"evidence": {"estimate", "se", "users"}, "effect_size", …} half way.
Result<Json> stats_power(const Json& input);
/// The same without "users": how many it takes.
Result<Json> stats_samplesize(const Json& input);
/// {"arms": [{"name", "n", "weight"}]}: was the split as planned?
Result<Json> stats_srm(const Json& input);
/// {"procedure": "holm"|"bh", "alpha", "results": [{"name", "p", "estimate", "interval"}]}.
Result<Json> stats_adjust(const Json& input);
/// {"seed", "units": […], "weights": […], "coverage", "version": 1|2, "namespace": {"name",
/// "begin", "end"}, "holdouts": {…}}: which arm each unit is in.
Result<Json> stats_assign(const Json& input);
/// {"arms": [sums as of compare], "draws", "users_min", "floor", "lower_is_better", "seed"}.
Result<Json> stats_bandit(const Json& input);

}  // namespace zhiyin::statistics
