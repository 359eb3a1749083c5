#pragma once

#include <filesystem>
#include <memory>

#include "base/log.h"
#include "storage/detail/faulty_disk.h"
#include "storage/sqlite_event_log.h"
#include "storage/sqlite_state.h"
#include "storage/testing.h"

namespace zhiyin::storage::detail {

/// Stores for tests of what stands above them: on a faulty disk without faults, which does not
/// really sync, so that many small commits take no time; the state on the server of the tests, when
/// there is one.
inline std::unique_ptr<EventLog> open_unsynced_log(const std::filesystem::path& path,
                                                   const FaultyDisk& disk) {
  SqliteEventLogSettings settings;
  settings.vfs = disk.name();
  return open_sqlite_event_log(path, null_logger(), settings).value();
}

inline std::unique_ptr<State> open_unsynced_state(const std::filesystem::path& path,
                                                  const FaultyDisk& disk) {
  if (test_server() != nullptr || std::getenv("REPEAT_TRANSACTIONS") != nullptr)
    return open_test_state(path);
  SqliteStateSettings settings;
  settings.vfs = disk.name();
  return open_sqlite_state(path, settings).value();
}

}  // namespace zhiyin::storage::detail
