#pragma once

#include <cstdint>
#include <string_view>

#include "storage/state.h"
#include "storage/warehouse.h"

/// Bytes that a store takes on disk, by the URL that `open.h` opened. kUnsupported where the store
/// cannot say.
namespace zhiyin::storage {

/// A file's; Kafka does not say.
Result<std::int64_t> log_bytes(std::string_view url);
/// A file's with its write-ahead log, or the tables' and indexes' of the schema in PostgreSQL.
Result<std::int64_t> state_bytes(std::string_view url, State& state);
/// A file's with its write-ahead log, or the database's active parts in ClickHouse.
Result<std::int64_t> warehouse_bytes(std::string_view url, Warehouse& warehouse);

}  // namespace zhiyin::storage
