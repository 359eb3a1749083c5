#include "ingest/detail/seen_events.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <string>

namespace zhiyin::ingest::detail {
namespace {

using storage::Blob;
using storage::Value;

// Rows per statement: enough to make the cost of a statement small, few enough parameters for any
// database.
constexpr std::size_t kRowsPerStatement = 100;

Blob to_blob(const Hash128& key) {
  Blob blob;
  blob.bytes.resize(sizeof(key));
  std::memcpy(blob.bytes.data(), key.data(), sizeof(key));
  return blob;
}

Hash128 from_blob(const Value& value) {
  Hash128 key{};
  const std::string_view bytes = storage::as_text(value);
  if (bytes.size() == sizeof(key)) std::memcpy(key.data(), bytes.data(), sizeof(key));
  return key;
}

std::string placeholders(std::size_t rows, std::size_t columns) {
  std::string sql;
  std::size_t n = 1;
  for (std::size_t row = 0; row < rows; ++row) {
    sql += row == 0 ? "(" : ",(";
    for (std::size_t column = 0; column < columns; ++column)
      sql += fmt::format("{}?{}", column == 0 ? "" : ",", n++);
    sql += ')';
  }
  return sql;
}

std::string in_list(std::size_t n) {
  std::string sql = " IN (";
  for (std::size_t i = 1; i <= n; ++i) sql += fmt::format("{}?{}", i == 1 ? "" : ",", i);
  return sql + ")";
}

// Statements of a full group are the same text every time, so that the database finds them
// prepared.
const std::string& insert_sql(std::size_t rows) {
  constexpr std::string_view kHead = "INSERT INTO seen_event (id, received_at, part, off) VALUES ";
  constexpr std::string_view kTail = " ON CONFLICT (id) DO NOTHING";
  static const std::string full =
      std::string(kHead) + placeholders(kRowsPerStatement, 4) + std::string(kTail);
  thread_local std::string rest;
  if (rows == kRowsPerStatement) return full;
  rest = std::string(kHead) + placeholders(rows, 4) + std::string(kTail);
  return rest;
}

struct Seen {
  Instant received_at;
  std::int64_t partition;
  std::int64_t offset;
};

Result<std::map<Hash128, Seen>> select_seen(storage::Session& session,
                                            std::span<const Sighting* const> group) {
  std::vector<Value> parameters;
  for (const Sighting* s : group) parameters.emplace_back(to_blob(s->key));
  ZHIYIN_TRY(const storage::Rows rows,
             session.query("SELECT id, received_at, part, off FROM seen_event WHERE id" +
                               in_list(group.size()),
                           std::span<const Value>(parameters)));
  std::map<Hash128, Seen> seen;
  for (const storage::Row& row : rows.rows) {
    seen[from_blob(row[0])] = {
        {storage::as_int(row[1])}, storage::as_int(row[2]), storage::as_int(row[3])};
  }
  return seen;
}

// Some of a group's ids were there already: finds which, and takes those over whose window has
// passed.
Result<void> settle_group(storage::Session& session, std::span<const Sighting* const> group,
                          const Sighting* first, Duration window, std::vector<bool>& duplicate) {
  ZHIYIN_TRY(const auto seen, select_seen(session, group));
  for (const Sighting* s : group) {
    const auto found = seen.find(s->key);
    if (found == seen.end())
      return fail(ErrorCode::kInternal, "seen_event: a row that was written is not there");
    const Seen& earlier = found->second;
    if (earlier.partition == s->partition && earlier.offset == s->offset) continue;
    if (s->received_at - earlier.received_at <= window) {
      duplicate[static_cast<std::size_t>(s - first)] = true;
      continue;
    }
    ZHIYIN_TRY_VOID(
        session.execute("UPDATE seen_event SET received_at = ?2, part = ?3, off = ?4 WHERE id = ?1",
                        {to_blob(s->key), s->received_at.us, s->partition, s->offset}));
  }
  return {};
}

Result<void> note_distinct(storage::Session& session, std::span<const Sighting* const> sightings,
                           const Sighting* first, Duration window, std::vector<bool>& duplicate) {
  std::vector<Value> parameters;
  std::vector<const Sighting*> order(sightings.begin(), sightings.end());
  // In the order of the table, so that neighbours are written together.
  std::ranges::sort(order, [](const Sighting* a, const Sighting* b) {
    return std::memcmp(a->key.data(), b->key.data(), sizeof(a->key)) < 0;
  });
  for (std::size_t at = 0; at < order.size(); at += kRowsPerStatement) {
    const auto group = std::span<const Sighting* const>(order).subspan(
        at, std::min(kRowsPerStatement, order.size() - at));
    parameters.clear();
    for (const Sighting* s : group) {
      parameters.emplace_back(to_blob(s->key));
      parameters.emplace_back(s->received_at.us);
      parameters.emplace_back(s->partition);
      parameters.emplace_back(s->offset);
    }
    ZHIYIN_TRY(const std::int64_t inserted,
               session.execute(insert_sql(group.size()), std::span<const Value>(parameters)));
    if (inserted == static_cast<std::int64_t>(group.size())) continue;
    ZHIYIN_TRY_VOID(settle_group(session, group, first, window, duplicate));
  }
  return {};
}

}  // namespace

Result<HashSet> find_seen(storage::State& state, std::span<const Hash128> keys) {
  HashSet found;
  if (keys.empty()) return found;
  ZHIYIN_TRY_VOID(state.read([&](storage::Session& session) -> Result<void> {
    for (std::size_t at = 0; at < keys.size(); at += kRowsPerStatement) {
      const auto group = keys.subspan(at, std::min(kRowsPerStatement, keys.size() - at));
      std::vector<Value> parameters;
      for (const Hash128& key : group) parameters.emplace_back(to_blob(key));
      ZHIYIN_TRY(const storage::Rows rows,
                 session.query("SELECT id FROM seen_event WHERE id" + in_list(group.size()),
                               std::span<const Value>(parameters)));
      for (const storage::Row& row : rows.rows) found.insert(from_blob(row[0]));
    }
    return {};
  }));
  return found;
}

Result<std::vector<bool>> note_sightings(storage::Session& session,
                                         std::span<const Sighting> sightings, Duration window) {
  std::vector<bool> duplicate(sightings.size());
  if (sightings.empty()) return duplicate;
  // Statements take distinct ids only; an id that comes again after its window waits for the next
  // round.
  std::vector<const Sighting*> round;
  for (const Sighting& s : sightings) round.push_back(&s);
  while (!round.empty()) {
    std::vector<const Sighting*> distinct;
    std::vector<const Sighting*> later;
    std::map<Hash128, Instant> first_of;  // filled only once an id comes twice, which is rare
    HashSet keys(round.size());
    for (const Sighting* s : round) {
      if (keys.insert(s->key)) {
        distinct.push_back(s);
        if (!first_of.empty()) first_of.emplace(s->key, s->received_at);
        continue;
      }
      if (first_of.empty()) {
        for (const Sighting* d : distinct) first_of.emplace(d->key, d->received_at);
      }
      if (s->received_at - first_of.at(s->key) <= window) {
        duplicate[static_cast<std::size_t>(s - sightings.data())] = true;
      } else {
        later.push_back(s);
      }
    }
    ZHIYIN_TRY_VOID(note_distinct(session, distinct, sightings.data(), window, duplicate));
    round = std::move(later);
  }
  return duplicate;
}

Result<void> forget_sightings(storage::Session& session, Instant before) {
  ZHIYIN_TRY_VOID(session.execute("DELETE FROM seen_event WHERE received_at < ?1", {before.us}));
  return {};
}

}  // namespace zhiyin::ingest::detail
