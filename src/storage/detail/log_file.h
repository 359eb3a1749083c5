#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "storage/detail/sqlite.h"
#include "storage/event_log.h"
#include "storage/sqlite_event_log.h"

namespace zhiyin::storage::detail {

inline constexpr Stream kStreams[] = {Stream::kEvents, Stream::kImpressions};

/// Where a stream ends: the next offset to give, and the last offset of each partition.
struct StreamEnd {
  std::int64_t next = 1;
  Positions last{};
};
using StreamEnds = std::map<Stream, StreamEnd>;

/// Encoded records for one stream.
struct LogPart {
  Stream stream = Stream::kEvents;
  std::string_view records;
};

/// The writing side of the embedded event log's file. Used by one thread at a time.
class LogFile {
 public:
  /// Creates the file when it is not there. kUnsupported for a file that is no event log, or of a
  /// newer version.
  static Result<LogFile> open(const std::filesystem::path& path,
                              const SqliteEventLogSettings& settings);

  [[nodiscard]] const StreamEnds& ends() const { return ends_; }

  /// Appends all parts in one synced transaction: all or nothing.
  Result<void> commit(std::span<const LogPart> parts);

  /// Deletes up to `chunks_max` chunks whose records all lie at or before `last`. Returns how many.
  Result<std::int64_t> remove_chunks(Stream stream, std::int64_t last, std::int64_t chunks_max);

  /// Copies the write-ahead log when it has grown enough.
  Result<void> checkpoint_if_due();

 private:
  struct StreamStatements {
    Statement insert;
    Statement update;
    Statement remove;
  };
  LogFile(Database db, const SqliteEventLogSettings& settings)
      : db_(std::move(db)), settings_(settings) {}
  Result<void> create_schema();
  void overwrite_refused();
  Result<void> load();
  Result<void> write(std::span<const LogPart> parts, StreamEnds& ends);
  Result<void> write_stream(Stream stream, std::span<const LogPart> parts, StreamEnd& end);
  Result<void> insert_chunk(Stream stream, class ChunkBuilder chunk);

  Database db_;
  SqliteEventLogSettings settings_;
  std::map<Stream, StreamStatements> statements_;
  StreamEnds ends_;
  std::int64_t bytes_since_checkpoint_ = 0;
};

/// A reading connection of the log. Used by one thread at a time.
class LogReader {
 public:
  static Result<std::unique_ptr<LogReader>> open(const std::filesystem::path& path,
                                                 const SqliteEventLogSettings& settings);
  /// Records above `after` in chunks from the one that holds `start` on; stops after `records_max`
  /// records or `bytes_max` bytes.
  Result<std::vector<StoredRecord>> read(Stream stream, const Positions& after, std::int64_t start,
                                         std::size_t records_max, std::size_t bytes_max);

 private:
  explicit LogReader(Database db) : db_(std::move(db)) {}
  Database db_;
  std::map<Stream, Statement> select_;
};

}  // namespace zhiyin::storage::detail
