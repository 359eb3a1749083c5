#include "storage/outbox.h"

#include <map>
#include <vector>

namespace zhiyin::storage {
namespace {

constexpr std::int64_t kPageRecords = 1000;

constexpr Migration kMigrations[] = {
    {"storage-002-outbox",
     "CREATE TABLE outbox("
     "  id BIGINT PRIMARY KEY,"
     "  stream BIGINT NOT NULL,"
     "  part BIGINT NOT NULL,"
     "  bytes BYTEA NOT NULL)"},
};

Result<Rows> next_page(State& state, std::int64_t last) {
  return state.query(
      "SELECT id, stream, part, bytes FROM outbox WHERE id <= ?1 ORDER BY id LIMIT ?2",
      {last, kPageRecords});
}

Result<void> append_page(EventLog& log, const Rows& page) {
  std::map<std::int64_t, std::vector<NewRecord>> by_stream;
  for (const Row& row : page.rows) {
    by_stream[as_int(row[1])].push_back(
        {static_cast<int>(as_int(row[2])), std::string(as_text(row[3]))});
  }
  for (auto& [stream, records] : by_stream) {
    ZHIYIN_TRY_VOID(log.append_and_wait(static_cast<Stream>(stream), std::move(records)));
  }
  return {};
}

Result<void> remove_through(State& state, std::int64_t id) {
  return state.write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(session.execute("DELETE FROM outbox WHERE id <= ?1", {id}));
    return {};
  });
}

}  // namespace

std::span<const Migration> Outbox::migrations() { return kMigrations; }

Result<void> Outbox::put(Session& session, Stream stream, const NewRecord& record) {
  if (record.partition < 0 || record.partition >= kPartitions ||
      record.bytes.size() > kRecordBytesMax) {
    return fail(ErrorCode::kInvalidArgument, "outbox: record for partition {} with {} bytes",
                record.partition, record.bytes.size());
  }
  ZHIYIN_TRY_VOID(session.execute(
      "INSERT INTO outbox(id, stream, part, bytes) "
      "VALUES((SELECT COALESCE(MAX(id), 0) + 1 FROM outbox), ?1, ?2, ?3)",
      {static_cast<std::int64_t>(stream), std::int64_t{record.partition}, Blob{record.bytes}}));
  return {};
}

Result<std::size_t> Outbox::relay(State& state, EventLog& log) {
  ZHIYIN_TRY(const Rows newest, state.query("SELECT COALESCE(MAX(id), 0) FROM outbox"));
  const std::int64_t last = as_int(newest.rows.at(0).at(0));
  std::size_t moved = 0;
  for (;;) {
    ZHIYIN_TRY(const Rows page, next_page(state, last));
    if (page.rows.empty()) return moved;
    ZHIYIN_TRY_VOID(append_page(log, page));
    // Ids grow as long as older rows are there, so none that was put meanwhile is below this one.
    const std::int64_t id = as_int(page.rows.back()[0]);
    ZHIYIN_TRY_VOID(remove_through(state, id));
    moved += page.rows.size();
    if (id == last) return moved;
  }
}

}  // namespace zhiyin::storage
