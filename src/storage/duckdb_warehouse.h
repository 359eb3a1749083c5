#pragma once

#include <filesystem>
#include <memory>

#include "storage/warehouse.h"

namespace zhiyin::storage {

/// The warehouse in one DuckDB file. An insert that has returned is committed and synced (to DuckDB's
/// write-ahead log), so it survives kill -9; `flush` therefore only waits for inserts that are under way. Inserts
/// take turns on a connection of their own; up to three queries run beside them, on snapshots. One process at a
/// time. `memory_mb` >= 32 bounds what DuckDB keeps; what does not fit goes to files beside PATH.
Result<std::unique_ptr<Warehouse>> open_duckdb_warehouse(const std::filesystem::path& path,
                                                         int memory_mb);

}  // namespace zhiyin::storage
