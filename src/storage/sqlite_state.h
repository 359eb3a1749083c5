#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "storage/state.h"

namespace zhiyin::storage {

struct SqliteStateSettings {
  std::string vfs = {};              ///< SQLite file layer; for tests of faults
  std::size_t rows_max = 2'000'000;  ///< of one query; above: kLimitReached
  int checkpoint_pages = 16384;      ///< pages in the write-ahead log before it is copied
  bool checkpoint_aside = true;      ///< by a thread of its own; false: by the commit
};

/// State in one SQLite file. Writers take turns in the order in which they came (each transaction
/// is alone, so it never conflicts); up to four readers work beside them on snapshots. One process
/// writes at a time; a second one waits up to 5 s, then gets kUnavailable. What is deleted is
/// overwritten with zeros.
Result<std::unique_ptr<State>> open_sqlite_state(const std::filesystem::path& path,
                                                 SqliteStateSettings settings = {});

}  // namespace zhiyin::storage
