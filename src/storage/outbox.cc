#include "storage/outbox.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "storage/in_list.h"
#include "storage/patience.h"

namespace zhiyin::storage {
namespace {

constexpr std::size_t kPageRecords = 16384;

constexpr Migration kMigrations[] = {
    {"storage-002-outbox",
     "CREATE TABLE outbox("
     "  id BIGINT PRIMARY KEY,"
     "  stream BIGINT NOT NULL,"
     "  part BIGINT NOT NULL,"
     "  bytes BYTEA NOT NULL)"},
};

Result<Rows> next_page(State& state, std::int64_t after, std::int64_t last) {
  return state.query(
      "SELECT id, stream, part, bytes FROM outbox WHERE id > ?1 AND id <= ?2 ORDER BY id LIMIT ?3",
      {after, last, std::int64_t{kPageRecords}});
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

/// Grows with each call, and no other process makes the same. None is ever used twice, so that a
/// relay that was suspended for long deletes nothing but what it has moved.
std::int64_t next_id() {
  constexpr std::int64_t kEpochUs = 1'577'836'800'000'000;  // 2020
  constexpr int kRandomBits = 10;
  static std::atomic<std::int64_t> last = 0;
  thread_local Random random(static_cast<std::uint64_t>(SystemClock().now().us) ^
                             reinterpret_cast<std::uintptr_t>(&random));
  const std::int64_t now = std::max<std::int64_t>(0, SystemClock().now().us - kEpochUs);
  const std::int64_t wanted =
      (now << kRandomBits) | static_cast<std::int64_t>(random.below(1U << kRandomBits));
  std::int64_t before = last.load();
  std::int64_t id = 0;
  do {
    id = std::max(before + 1, wanted);
  } while (!last.compare_exchange_weak(before, id));
  return id;
}

/// By their ids: others may have been put between them meanwhile.
Result<void> remove(State& state, std::span<const Value> ids) {
  const Patience nobody_waits_for_this;
  return state.write([&](Session& session) -> Result<void> {
    for (std::span<const Value> left = ids; !left.empty();) {
      const std::size_t n = list_size(left.size());
      ZHIYIN_TRY_VOID(session.execute(
          fmt::format("DELETE FROM outbox WHERE id IN ({})", placeholders(1, n)), left.first(n)));
      left = left.subspan(n);
    }
    return {};
  });
}

Result<void> check(const NewRecord& record) {
  if (record.partition >= 0 && record.partition < kPartitions &&
      record.bytes.size() <= kRecordBytesMax)
    return {};
  return fail(ErrorCode::kInvalidArgument, "outbox: record for partition {} with {} bytes",
              record.partition, record.bytes.size());
}

/// `VALUES` with a row for each of `n`.
std::string insert_text(std::size_t n) {
  std::string sql = "INSERT INTO outbox(id, stream, part, bytes) VALUES";
  for (std::size_t i = 0; i < n; ++i) {
    sql += fmt::format("{}(?{}, ?{}, ?{}, ?{})", i == 0 ? " " : ", ", 4 * i + 1, 4 * i + 2,
                       4 * i + 3, 4 * i + 4);
  }
  return sql;
}

Result<void> insert(Session& session, Stream stream, std::span<const NewRecord> records) {
  std::vector<Value> values;
  values.reserve(4 * records.size());
  for (const NewRecord& record : records) {
    values.emplace_back(next_id());
    values.emplace_back(static_cast<std::int64_t>(stream));
    values.emplace_back(std::int64_t{record.partition});
    values.emplace_back(Blob{record.bytes});
  }
  static const std::string kOne = insert_text(1);
  ZHIYIN_TRY_VOID(session.execute(records.size() == 1 ? kOne : insert_text(records.size()),
                                  std::span<const Value>(values)));
  return {};
}

}  // namespace

std::span<const Migration> Outbox::migrations() { return kMigrations; }

Result<void> Outbox::put(Session& session, Stream stream, const NewRecord& record) {
  return put_all(session, stream, std::span(&record, 1));
}

Result<void> Outbox::put_all(Session& session, Stream stream, std::span<const NewRecord> records) {
  // Whole statements and single rows: two texts that the database finds prepared.
  constexpr std::size_t kRowsOfStatement = 64;
  for (const NewRecord& record : records) ZHIYIN_TRY_VOID(check(record));
  while (!records.empty()) {
    const std::size_t n = records.size() < kRowsOfStatement ? 1 : kRowsOfStatement;
    ZHIYIN_TRY_VOID(insert(session, stream, records.first(n)));
    records = records.subspan(n);
  }
  return {};
}

Result<std::size_t> Outbox::relay(State& state, EventLog& log) {
  ZHIYIN_TRY(const Rows newest, state.query("SELECT COALESCE(MAX(id), 0) FROM outbox"));
  const std::int64_t last = as_int(newest.rows.at(0).at(0));
  // Nothing is removed before everything is in the log: a page's removal waits for the batch that a
  // projection is busy with, which would then find an empty log, and wait for the next page.
  std::vector<Value> moved;
  for (std::int64_t after = 0;;) {
    ZHIYIN_TRY(const Rows page, next_page(state, after, last));
    if (page.rows.empty()) break;
    ZHIYIN_TRY_VOID(append_page(log, page));
    for (const Row& row : page.rows) moved.push_back(row[0]);
    after = as_int(page.rows.back()[0]);
  }
  if (!moved.empty()) ZHIYIN_TRY_VOID(remove(state, moved));
  return moved.size();
}

}  // namespace zhiyin::storage
