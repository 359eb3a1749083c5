#pragma once

#include "base/json.h"
#include "statistics/command/table.h"

/// `stats uplift` and `stats ope`: a table and settings in, JSON out (docs/statistics.md). Settings
/// are an object of strings, numbers and lists as the command line gives them. Pure, thread-safe;
/// kInvalidArgument and the name of what is wrong.
namespace zhiyin::statistics {

/// {"treatment", "outcome": columns; "score": column, or "features": columns from which a score is
/// learnt ("learner": "transformed" or "two-model") by cross-fitting: no row is scored by a model
/// of it; "treated": value of the treatment column that means treated, "control": value that means
/// not; "share", "threshold", "rounds", "seed", "alpha", "curve": number of points}.
Result<Json> stats_uplift(const Table& table, const Json& settings);

/// {"estimator", "reward", "propensity": columns; "target": column with the policy's probability of
/// the logged action, or "policy": "uniform" or a fixed "ACTION"; "action": column;
/// "clip", "effective_min", "alpha"}.
Result<Json> stats_ope(const Table& table, const Json& settings);

}  // namespace zhiyin::statistics
