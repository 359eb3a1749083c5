#pragma once

#include "base/json.h"
#include "statistics/command/table.h"

/// The commands about causes: a table and settings in, JSON out (docs/statistics.md). Settings are
/// an object of strings, numbers and lists as the command line gives them. Pure, thread-safe;
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

/// Difference in differences: {"treatment", "outcome", "after": columns; "treated", "control":
/// values of the treatment column; "unit": column, when the same units were seen before and after;
/// "alpha"}; or, with an empty table, {"sums": {"control": {"before": {"n", "sum", "sum_squares"},
/// "after": …, "sum_products" (of the same units)}, "treated": …}}.
Result<Json> stats_did(const Table& table, const Json& settings);

/// Interrupted time series: {"time", "value": columns; "start": first time after the interruption;
/// "lags", "alpha", "zone"}.
Result<Json> stats_its(const Table& table, const Json& settings);

/// Synthetic control, one column per unit: {"treated": column, "donors": columns (absent: all
/// others), "time": column, "start": first time after the treatment, "zone"}.
Result<Json> stats_synthetic(const Table& table, const Json& settings);

/// Attribution. A row per path (columns path: channels divided by ">", conversions, lost, value,
/// times) or per touch (person, time, channel, value: what came of it); {"rule": "last", "first",
/// "linear", "position", "decay", "shapley" or "markov"; "total": measured, to scale to;
/// "half_life", "ends_share"; names of the columns}.
Result<Json> stats_attribution(const Table& table, const Json& settings);

}  // namespace zhiyin::statistics
