#pragma once

#include <memory>
#include <string_view>

#include "storage/warehouse.h"

namespace zhiyin::storage {

/// The warehouse in a ClickHouse database, over HTTP; 23.8 or newer. `url`:
/// `clickhouse://[user[:password]@]host[:port]/database[?tls=1]`, percent-encoded; port 8123, or
/// 8443 with TLS. The database is created when it is not there. Tables are MergeTree, those with a
/// key ReplacingMergeTree read with FINAL.
///
/// An insert is one block and so all or nothing. Its batch id is the block's deduplication token
/// and is then noted in a table, so a repetition after a lost answer writes nothing twice (the
/// server remembers the last 10,000 tokens of a table until the note is there). Acknowledged means
/// what the server's settings make of it: by default written to the file system's cache of one
/// server; `fsync_after_insert` or replicas make it more. Thread-safe.
///
/// kUnavailable when the server is away, kUnsupported when it is too old.
Result<std::unique_ptr<Warehouse>> open_clickhouse_warehouse(std::string_view url);

}  // namespace zhiyin::storage
