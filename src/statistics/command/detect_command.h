#pragma once

#include "base/json.h"
#include "statistics/command/table.h"

namespace zhiyin::statistics {

/// `stats detect`: a series in, what stands out in it out. Settings: {"method": "esd", "shesd",
/// "ewma", "cusum", "changepoint", "kleinberg", "bocpd", "pagehinkley", "adwin", "rate" or
/// "interrupted"; "time", "value": columns; and those of the method (docs/statistics.md)}. Pure,
/// thread-safe; kInvalidArgument and the name of what is wrong, also for times out of order.
Result<Json> stats_detect(const Table& table, const Json& settings);

}  // namespace zhiyin::statistics
