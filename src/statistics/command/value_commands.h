#pragma once

#include "base/json.h"
#include "statistics/command/table.h"

/// `value fit|predict|rfm` and `retention`: a table and settings in, JSON out (docs/statistics.md).
/// Pure, thread-safe; kInvalidArgument and the name of what is wrong.
namespace zhiyin::statistics {

/// {"model": "bgnbd", "paretonbd", "gammagamma" or "sbg"; the table has summaries (columns
/// frequency, recency, age or T, spend or monetary_value) or orders (customer, date, amount; then
/// "as_of" and "unit" of time in days); sbg: a column alive, one row per period}.
Result<Json> value_fit(const Table& table, const Json& settings);
/// The same table; "fit": what value_fit gave (or its "parameters"), "spend_fit": a Gamma-Gamma
/// fit; "horizon" in the model's unit, "periods" and "discount" for the residual value.
Result<Json> value_predict(const Table& table, const Json& settings);
/// Orders; {"as_of": DATE, "cuts": stored cut points}: scores and segments of all customers.
Result<Json> value_rfm(const Table& table, const Json& settings);
/// Activities (columns person, time) give a matrix; {"kind": "survival"}: durations (duration,
/// observed, group, covariates) give curves and their comparison.
Result<Json> retention(const Table& table, const Json& settings);

}  // namespace zhiyin::statistics
