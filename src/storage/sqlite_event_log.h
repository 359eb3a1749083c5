#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/log.h"
#include "storage/event_log.h"

namespace zhiyin::storage {

struct SqliteEventLogSettings {
  std::size_t queue_bytes_max = 32 << 20;  ///< waiting appends; above: kLimitReached
  std::size_t commit_bytes_max = 8 << 20;  ///< of waiting appends that go into one transaction
  std::size_t chunk_bytes_max = 1 << 20;   ///< a chunk ends with the record that passes this
  std::size_t read_bytes_max = 40 << 20;   ///< of records that one read answers with, about
  int checkpoint_pages = 4096;             ///< pages in the write-ahead log before it is copied
  std::string vfs = {};                    ///< SQLite file layer; for tests of faults
};

/// The event log in one SQLite file (docs/formats/event-log.md). A thread of its own takes all
/// appends that wait, writes them in one transaction, syncs, and answers each: group commit.
/// Offsets are one sequence per stream. Reads use connections of their own and never wait for
/// writes. One process at a time. `logger` must outlive the log.
Result<std::unique_ptr<EventLog>> open_sqlite_event_log(const std::filesystem::path& path,
                                                        Logger& logger,
                                                        SqliteEventLogSettings settings = {});

}  // namespace zhiyin::storage
