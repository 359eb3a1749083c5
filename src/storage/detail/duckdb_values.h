#pragma once

#include <duckdb.h>

#include "base/error.h"
#include "storage/value.h"

namespace zhiyin::storage::detail {

/// Appends the rows of a chunk to `rows`. Integers that fit become int64, wider ones and decimals
/// double (decimals without fraction int64). kUnsupported for types outside the port's subset.
Result<void> read_duckdb_chunk(duckdb_data_chunk chunk, Rows& rows);

}  // namespace zhiyin::storage::detail
