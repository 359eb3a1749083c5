#pragma once

#include "base/json.h"

namespace zhiyin::statistics {

/// `zhiyin stats compare`: arms (control first) in, one result per treatment arm out.
///
/// In: {"metric", "effect": "absolute"|"relative", "arms": […]}, and optionally "alpha", "method":
/// "fixed"|"sequential"|"bayesian", "tuning", "prior": {"mean", "sd"}, "kind" (of arms that do not
/// say theirs), "quantile" (0 to 1), "cuped", "one_sided": "greater"|"lesser". An arm is one of
/// - {"name", "n", "sum", "sum_squares", "kind", …}: sums of a mean, proportion or ratio;
/// - {"name", "n", "value", "bounds": […], "clusters"} or {"name", "values": […]}: a quantile;
/// - {"name", "strata": [{"name", "n", "sum", "sum_squares"}]}: post-stratified;
/// - {"name", "groups": [{"members", "sum"}]}: randomised in clusters.
/// All arms are of one sort. Out: {"metric", "effect", "method", "control", "assumptions", "arms":
/// [{"name", "estimate", "se", "interval", "p", "dof", "plain"} or {"name", "refused"}]}; with
/// weights also "srm". With a single treatment its members stand at the top level as well, with
/// several a "plain" of all. Fails with kInvalidArgument and the path of what is wrong, also for
/// settings that would do nothing. docs/statistics.md has it in full.
Result<Json> stats_compare(const Json& input);

}  // namespace zhiyin::statistics
