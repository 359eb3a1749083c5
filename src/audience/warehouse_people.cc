#include "audience/warehouse_people.h"

#include "storage/vault.h"

namespace zhiyin::audience {
namespace {

using storage::Row;
using storage::Rows;
using storage::Session;
using storage::Value;

constexpr std::int64_t kBatch = 20'000;

Value hex_of(const Value& blob) { return storage::to_hex(storage::from_blob(blob)); }

struct Mappings {
  std::int64_t round = 0;  ///< rows are written again under another id when two processes met
  std::int64_t from = 0;
  std::int64_t up_to = 0;
  std::vector<Row> rows;
};

/// All rows of a change number go together, so a batch may be larger than kBatch by one
/// transaction's worth.
Result<Mappings> next_mappings(Session& session) {
  Mappings batch;
  ZHIYIN_TRY(const Rows cursor,
             session.query("SELECT value FROM people_cursor WHERE name = 'warehouse'"));
  batch.from = storage::as_int(cursor.rows.at(0).at(0));
  ZHIYIN_TRY(const Rows round,
             session.query("SELECT value FROM people_cursor WHERE name = 'warehouse.round'"));
  batch.round = round.rows.empty() ? 0 : storage::as_int(round.rows[0][0]);
  ZHIYIN_TRY(const Rows last,
             session.query(
                 "SELECT MAX(changed) FROM (SELECT changed FROM identity_person WHERE changed > ?1"
                 " ORDER BY changed LIMIT ?2) batch",
                 {batch.from, kBatch}));
  batch.up_to = storage::as_int(last.rows.at(0).at(0), batch.from);
  ZHIYIN_TRY(const Rows rows,
             session.query("SELECT identity, person, erased_off FROM identity_person"
                           " WHERE changed > ?1 AND changed <= ?2",
                           {batch.from, batch.up_to}));
  for (const Row& row : rows.rows) batch.rows.push_back({hex_of(row[0]), row[1], row[2]});
  return batch;
}

/// Another process that was at the same may have written newer rows before these older ones: then
/// everything from where this one began is written once more.
Result<void> move_cursor(Session& session, const Mappings& batch) {
  ZHIYIN_TRY(
      const std::int64_t moved,
      session.execute("UPDATE people_cursor SET value = ?1 WHERE name = 'warehouse' AND value "
                      "= ?2",
                      {batch.up_to, batch.from}));
  if (moved != 0) return {};
  ZHIYIN_TRY_VOID(session.execute(
      "UPDATE people_cursor SET value = ?1 WHERE name = 'warehouse' AND value > ?1", {batch.from}));
  ZHIYIN_TRY_VOID(
      session.execute("INSERT INTO people_cursor(name, value) VALUES('warehouse.round', 1)"
                      " ON CONFLICT(name) DO UPDATE SET value = people_cursor.value + 1",
                      {}));
  return {};
}

/// What traits said of the erased, up to where they were erased.
Result<void> forget_traits(storage::Warehouse& warehouse, const std::vector<Row>& mappings) {
  for (const Row& row : mappings) {
    const bool is_gone = storage::as_text(row[1]).empty();
    if (!is_gone && storage::as_int(row[2]) == 0) continue;
    // Who is gone has no later ones; who came back keeps them.
    ZHIYIN_TRY_VOID(
        is_gone ? warehouse.remove(traits_table(), "identity = ?", {row[0]})
                : warehouse.remove(traits_table(), "identity = ? AND off <= ?", {row[0], row[2]}));
  }
  return {};
}

Result<std::size_t> sync_mappings(storage::State& state, storage::Warehouse& warehouse) {
  std::size_t written = 0;
  while (true) {
    Mappings batch;
    ZHIYIN_TRY_VOID(state.read([&](Session& session) -> Result<void> {
      ZHIYIN_TRY(batch, next_mappings(session));
      return {};
    }));
    if (batch.rows.empty()) return written;
    ZHIYIN_TRY_VOID(forget_traits(warehouse, batch.rows));
    // Rows can only leave a range of numbers, so with their count the id stands for one content.
    const std::string again = batch.round == 0 ? "" : fmt::format(":{}", batch.round);
    ZHIYIN_TRY_VOID(warehouse.insert(identity_person_table(), batch.rows,
                                     fmt::format("identity_person:{}-{}:{}{}", batch.from,
                                                 batch.up_to, batch.rows.size(), again)));
    ZHIYIN_TRY_VOID(state.write([&](Session& session) { return move_cursor(session, batch); }));
    written += batch.rows.size();
  }
}

Result<std::size_t> sync_traits(storage::State& state, storage::Warehouse& warehouse) {
  std::size_t written = 0;
  while (true) {
    ZHIYIN_TRY(
        const Rows queue,
        state.query("SELECT identity, name, part, off, at, text, number, seq FROM trait_queue"
                    " ORDER BY seq LIMIT ?1",
                    {kBatch}));
    if (queue.rows.empty()) return written;
    std::vector<Row> rows;
    for (const Row& row : queue.rows) {
      rows.push_back({hex_of(row[0]), row[1], row[2], row[3], row[4], row[5], row[6]});
    }
    const std::int64_t first = storage::as_int(queue.rows.front().back());
    const std::int64_t last = storage::as_int(queue.rows.back().back());
    ZHIYIN_TRY_VOID(
        warehouse.insert(traits_table(), rows, fmt::format("traits:{}-{}", first, last)));
    ZHIYIN_TRY_VOID(state.write([&](Session& session) -> Result<void> {
      ZHIYIN_TRY_VOID(session.execute("DELETE FROM trait_queue WHERE seq <= ?1", {last}));
      return {};
    }));
    written += rows.size();
  }
}

}  // namespace

const storage::Table& identity_person_table() {
  using enum storage::ColumnType;
  static const storage::Table table{"identity_person",
                                    {{"identity", kText}, {"person", kText}, {"after_off", kInt}},
                                    {"identity"}};
  return table;
}

const storage::Table& traits_table() {
  using enum storage::ColumnType;
  static const storage::Table table{"traits",
                                    {{"identity", kText},
                                     {"name", kText},
                                     {"part", kInt},
                                     {"off", kInt},
                                     {"at", kInt},
                                     {"text", kText},
                                     {"number", kReal}},
                                    {"identity", "name", "part", "off"}};
  return table;
}

Result<std::size_t> sync_people(storage::State& state, storage::Warehouse& warehouse) {
  ZHIYIN_TRY_VOID(warehouse.create(identity_person_table()));
  ZHIYIN_TRY_VOID(warehouse.create(traits_table()));
  ZHIYIN_TRY(const std::size_t traits, sync_traits(state, warehouse));
  ZHIYIN_TRY(const std::size_t mappings, sync_mappings(state, warehouse));
  return traits + mappings;
}

}  // namespace zhiyin::audience
