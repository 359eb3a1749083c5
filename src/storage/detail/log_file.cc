#include "storage/detail/log_file.h"

#include <algorithm>

#include "storage/detail/chunk.h"

namespace zhiyin::storage::detail {
namespace {

constexpr std::int64_t kApplicationId = 0x7a68796c;  // "zhyl"
constexpr std::int64_t kFormatVersion = 1;
constexpr int kPageBytes = 4096;
constexpr int kWriterCacheKib = 8 << 10;
constexpr int kReaderCacheKib = 1 << 10;

std::string for_stream(const char* sql, Stream stream) {
  return fmt::format(fmt::runtime(sql), static_cast<int>(stream));
}

std::int64_t id_of(Stream stream) { return static_cast<std::int64_t>(stream); }

Result<void> step_and_reset(Statement& statement) {
  auto stepped = statement.step();
  statement.reset();
  if (!stepped) return std::unexpected(std::move(stepped.error()));
  return {};
}

}  // namespace

Result<LogFile> LogFile::open(const std::filesystem::path& path,
                              const SqliteEventLogSettings& settings) {
  DatabaseOptions options;
  options.vfs = settings.vfs;
  options.cache_kib = kWriterCacheKib;
  options.page_bytes = kPageBytes;
  ZHIYIN_TRY(Database db, Database::open(path, options));
  LogFile file(std::move(db), settings);
  ZHIYIN_TRY(const std::int64_t application, file.db_.query_int("PRAGMA application_id"));
  ZHIYIN_TRY(const std::int64_t tables, file.db_.query_int("SELECT count(*) FROM sqlite_schema"));
  if (tables == 0) {
    ZHIYIN_TRY_VOID(file.create_schema());
  } else if (application != kApplicationId) {
    return fail(ErrorCode::kUnsupported, "event log: {} is no event log", path.string());
  }
  ZHIYIN_TRY(const std::int64_t version, file.db_.query_int("PRAGMA user_version"));
  if (version != kFormatVersion) {
    return fail(ErrorCode::kUnsupported, "event log: {} has version {}, this program knows {}",
                path.string(), version, kFormatVersion);
  }
  file.db_.stop_automatic_checkpoints();
  ZHIYIN_TRY_VOID(file.load());
  return file;
}

Result<void> LogFile::create_schema() {
  std::string sql =
      "BEGIN IMMEDIATE;"
      "CREATE TABLE stream(id INTEGER PRIMARY KEY, next INTEGER NOT NULL, last BLOB NOT NULL);";
  for (const Stream stream : kStreams) {
    sql += for_stream(
        "CREATE TABLE chunk_{}(first INTEGER PRIMARY KEY, count INTEGER NOT NULL, bytes BLOB NOT "
        "NULL);",
        stream);
    sql += fmt::format("INSERT INTO stream VALUES({}, 1, zeroblob({}));", id_of(stream),
                       kPartitions * sizeof(std::int64_t));
  }
  sql += fmt::format("PRAGMA application_id={}; PRAGMA user_version={}; COMMIT;", kApplicationId,
                     kFormatVersion);
  return db_.run(sql.c_str());
}

Result<void> LogFile::load() {
  ZHIYIN_TRY(Statement select, db_.prepare("SELECT next, last FROM stream WHERE id = ?1"));
  for (const Stream stream : kStreams) {
    select.bind(1, id_of(stream));
    ZHIYIN_TRY(const bool found, select.step());
    if (!found) return fail(ErrorCode::kDataLoss, "event log: stream {} is missing", id_of(stream));
    ZHIYIN_TRY(const Positions last, decode_positions(select.bytes_at(1)));
    ends_[stream] = StreamEnd{select.int_at(0), last};
    select.reset();
    ZHIYIN_TRY(Statement insert,
               db_.prepare(for_stream("INSERT INTO chunk_{} VALUES(?1, ?2, ?3)", stream)));
    ZHIYIN_TRY(Statement update,
               db_.prepare("UPDATE stream SET next = ?2, last = ?3 WHERE id = ?1"));
    ZHIYIN_TRY(Statement remove,
               db_.prepare(for_stream("DELETE FROM chunk_{0} WHERE first IN (SELECT first FROM "
                                      "chunk_{0} WHERE first + count <= ?1 + 1 AND first <= ?1 "
                                      "ORDER BY first LIMIT ?2)",
                                      stream)));
    statements_.emplace(stream,
                        StreamStatements{std::move(insert), std::move(update), std::move(remove)});
  }
  return {};
}

Result<void> LogFile::commit(std::span<const LogPart> parts) {
  ZHIYIN_TRY_VOID(db_.run("BEGIN IMMEDIATE"));
  StreamEnds ends = ends_;
  auto written = write(parts, ends);
  if (written) written = db_.run("COMMIT");
  if (!written) {
    // After a full disk SQLite may have rolled back by itself.
    if (db_.in_transaction()) (void)db_.run("ROLLBACK");
    overwrite_refused();
    return written;
  }
  ends_ = std::move(ends);
  for (const LogPart& part : parts) {
    bytes_since_checkpoint_ += static_cast<std::int64_t>(part.records.size());
  }
  bytes_since_checkpoint_ += 3 * kPageBytes;
  return {};
}

/// When only the sync failed, the refused transaction lies complete in the write-ahead log, and a
/// crash would bring it back. Any later commit overwrites it; this is the smallest one that changes
/// something.
void LogFile::overwrite_refused() {
  if (!db_.run("UPDATE stream SET next = next + 1")) return;
  for (auto& [stream, end] : ends_) ++end.next;
}

Result<void> LogFile::write(std::span<const LogPart> parts, StreamEnds& ends) {
  for (auto& [stream, end] : ends) {
    const auto in_stream = [&](const LogPart& part) { return part.stream == stream; };
    if (std::ranges::none_of(parts, in_stream)) continue;
    ZHIYIN_TRY_VOID(write_stream(stream, parts, end));
  }
  return {};
}

Result<void> LogFile::write_stream(Stream stream, std::span<const LogPart> parts, StreamEnd& end) {
  ChunkBuilder chunk(end.next);
  for (const LogPart& part : parts) {
    if (part.stream != stream) continue;
    std::string_view rest = part.records;
    while (!rest.empty()) {
      ZHIYIN_TRY(const EncodedRecord record, next_record(rest));
      chunk.add(record.partition, record.bytes);
      end.last[static_cast<std::size_t>(record.partition)] = end.next++;
      if (chunk.bytes() < settings_.chunk_bytes_max) continue;
      ZHIYIN_TRY_VOID(insert_chunk(stream, std::exchange(chunk, ChunkBuilder(end.next))));
    }
  }
  if (chunk.count() > 0) ZHIYIN_TRY_VOID(insert_chunk(stream, std::move(chunk)));

  const std::string last = encode_positions(end.last);
  Statement& update = statements_.at(stream).update;
  update.bind(1, id_of(stream));
  update.bind(2, end.next);
  update.bind_blob(3, last);
  return step_and_reset(update);
}

Result<void> LogFile::insert_chunk(Stream stream, ChunkBuilder chunk) {
  Statement& insert = statements_.at(stream).insert;
  insert.bind(1, chunk.first());
  insert.bind(2, chunk.count());
  const std::string bytes = std::move(chunk).finish();
  insert.bind_blob(3, bytes);
  return step_and_reset(insert);
}

Result<std::int64_t> LogFile::remove_chunks(Stream stream, std::int64_t last,
                                            std::int64_t chunks_max) {
  Statement& remove = statements_.at(stream).remove;
  remove.bind(1, last);
  remove.bind(2, chunks_max);
  ZHIYIN_TRY_VOID(step_and_reset(remove));
  return db_.changes();
}

Result<void> LogFile::checkpoint_if_due() {
  if (bytes_since_checkpoint_ < std::int64_t{settings_.checkpoint_pages} * kPageBytes) return {};
  bytes_since_checkpoint_ = 0;
  ZHIYIN_TRY_VOID(db_.checkpoint());
  return {};
}

Result<std::unique_ptr<LogReader>> LogReader::open(const std::filesystem::path& path,
                                                   const SqliteEventLogSettings& settings) {
  DatabaseOptions options;
  options.read_only = true;
  options.vfs = settings.vfs;
  options.cache_kib = kReaderCacheKib;
  ZHIYIN_TRY(Database db, Database::open(path, options));
  std::unique_ptr<LogReader> reader(new LogReader(std::move(db)));
  for (const Stream stream : kStreams) {
    ZHIYIN_TRY(Statement select,
               reader->db_.prepare(
                   for_stream("SELECT first, count, bytes FROM chunk_{0} WHERE first >= "
                              "(SELECT coalesce(max(first), 0) FROM chunk_{0} WHERE first <= ?1) "
                              "ORDER BY first",
                              stream)));
    reader->select_.emplace(stream, std::move(select));
  }
  return reader;
}

Result<std::vector<StoredRecord>> LogReader::read(Stream stream, const Positions& after,
                                                  std::int64_t start, std::size_t records_max,
                                                  std::size_t bytes_max) {
  std::vector<StoredRecord> records;
  std::size_t bytes = 0;
  const auto full = [&] { return records.size() >= records_max || bytes >= bytes_max; };
  const auto take = [&](std::int64_t offset, const EncodedRecord& record) {
    if (offset <= after[static_cast<std::size_t>(record.partition)]) return true;
    records.push_back({record.partition, offset, std::string(record.bytes)});
    bytes += record.bytes.size() + sizeof(StoredRecord);
    return !full();
  };

  Statement& select = select_.at(stream);
  select.bind(1, start);
  Result<void> outcome;
  while (!full()) {
    const auto found = select.step();
    if (!found) outcome = std::unexpected(found.error());
    if (!found || !*found) break;
    outcome = read_chunk(select.bytes_at(2), select.int_at(0), select.int_at(1), take);
    if (!outcome) break;
  }
  select.reset();
  // What lies before damage is still handed out; the next read then meets it first.
  if (!outcome && records.empty()) return std::unexpected(std::move(outcome.error()));
  return records;
}

}  // namespace zhiyin::storage::detail
