#pragma once

#include "base/json.h"

namespace zhiyin::statistics {

/// `zhiyin stats compare`: arms (control first) in, one result per treatment arm out.
///
/// In: {"metric", "effect": "absolute"|"relative", "arms": [{"name", "n", "sum", "sum_squares",
/// "kind", …}], and optionally "alpha", "method": "fixed"|"sequential"|"bayesian", "tuning",
/// "prior": {"mean", "sd"}}. Out: {"metric", "effect", "method", "control", "arms": [{"name",
/// "estimate", "se", "interval", "p", "dof"} or {"name", "refused"}]}; with weights also "srm".
/// With a single treatment its members stand at the top level as well. Fails with kInvalidArgument
/// and the path of what is wrong.
Result<Json> stats_compare(const Json& input);

}  // namespace zhiyin::statistics
