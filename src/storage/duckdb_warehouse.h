#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "base/log.h"
#include "storage/warehouse.h"

namespace zhiyin::storage {

struct DuckdbWarehouseSettings {
  int memory_mb = 128;  ///< at least 32; what does not fit goes to files beside PATH
  /// Of the write-ahead log before it is copied: each copy packs the last row group anew.
  std::uintmax_t checkpoint_bytes = 64 << 20;
};

/// The warehouse in one DuckDB file. An insert that has returned is committed and synced (to
/// DuckDB's write-ahead log), so it survives kill -9 and power loss; `flush` therefore only waits
/// for inserts that are under way. Inserts take turns on a connection of their own; up to three
/// queries run beside them, on snapshots. After an error that DuckDB calls fatal (a full disk, for
/// instance) the next call opens the file anew. One process at a time. `logger` must outlive the
/// warehouse.
Result<std::unique_ptr<Warehouse>> open_duckdb_warehouse(const std::filesystem::path& path,
                                                         Logger& logger,
                                                         DuckdbWarehouseSettings settings = {});

}  // namespace zhiyin::storage
