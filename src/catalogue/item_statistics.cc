#include "catalogue/item_statistics.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace zhiyin::catalogue {
namespace {

using storage::Row;
using storage::Rows;

constexpr storage::Migration kMigrations[] = {
    {"catalogue-002-item-stat",
     "CREATE TABLE item_stat("
     "  item_kind TEXT NOT NULL,"
     "  item_id TEXT NOT NULL,"
     "  kind TEXT NOT NULL,"
     "  n BIGINT NOT NULL,"
     "  total BIGINT NOT NULL,"
     "  first_at BIGINT NOT NULL,"
     "  last_at BIGINT NOT NULL,"
     "  PRIMARY KEY(item_kind, item_id, kind)) /*clustered*/"},
};

struct Delta {
  std::int64_t n = 0;
  std::int64_t total = 0;
  Instant first_at;
  Instant last_at;
};
using Key = std::tuple<std::string_view, std::string_view, std::string_view>;

/// Sums of foreign values must not overflow; nothing real comes near the bound.
std::int64_t added(std::int64_t a, std::int64_t b) {
  constexpr std::int64_t kMax = 1'000'000'000'000'000'000;
  return std::clamp(a, -kMax, kMax) + std::clamp(b, -kMax, kMax);
}

std::map<Key, Delta> deltas_of(std::span<const ingest::LoggedEvent> events) {
  std::map<Key, Delta> deltas;
  for (const ingest::LoggedEvent& logged : events) {
    const ingest::Event& e = logged.event;
    if (!e.item) continue;
    Delta& d = deltas[Key(e.item->kind, e.item->id, e.kind)];
    d.first_at = d.n == 0 ? e.occurred_at : std::min(d.first_at, e.occurred_at);
    d.last_at = d.n == 0 ? e.occurred_at : std::max(d.last_at, e.occurred_at);
    ++d.n;
    d.total = added(d.total, ingest::value_of(e));
  }
  return deltas;
}

ItemStat stat_of(const Row& row) {
  return {{std::string(storage::as_text(row[0])), std::string(storage::as_text(row[1]))},
          std::string(storage::as_text(row[2])),
          storage::as_int(row[3]),
          storage::as_int(row[4]),
          {storage::as_int(row[5])},
          {storage::as_int(row[6])}};
}

Result<std::vector<ItemStat>> stats_of(Result<Rows> rows) {
  if (!rows) return std::unexpected(std::move(rows.error()));
  std::vector<ItemStat> list;
  for (const Row& row : rows->rows) list.push_back(stat_of(row));
  return list;
}

}  // namespace

std::span<const storage::Migration> ItemStatistics::migrations() { return kMigrations; }

Result<void> ItemStatistics::apply(storage::Session& session,
                                   std::span<const ingest::LoggedEvent> events) {
  for (const auto& [key, d] : deltas_of(events)) {
    const auto& [item_kind, item_id, kind] = key;
    ZHIYIN_TRY_VOID(session.execute(
        "INSERT INTO item_stat(item_kind, item_id, kind, n, total, first_at, last_at)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT(item_kind, item_id, kind) DO UPDATE SET"
        " n = item_stat.n + excluded.n, total = item_stat.total + excluded.total,"
        " first_at = CASE WHEN excluded.first_at < item_stat.first_at THEN excluded.first_at ELSE "
        "item_stat.first_at END,"
        " last_at = CASE WHEN excluded.last_at > item_stat.last_at THEN excluded.last_at ELSE "
        "item_stat.last_at END",
        {std::string(item_kind), std::string(item_id), std::string(kind), d.n, d.total,
         d.first_at.us, d.last_at.us}));
  }
  return {};
}

Result<std::vector<ItemStat>> statistics_of(storage::Session& session,
                                            const ingest::ItemRef& item) {
  return stats_of(
      session.query("SELECT item_kind, item_id, kind, n, total, first_at, last_at FROM item_stat"
                    " WHERE item_kind = ?1 AND item_id = ?2 ORDER BY kind",
                    {item.kind, item.id}));
}

Result<std::vector<ItemStat>> most_popular(storage::Session& session, std::string_view event_kind,
                                           std::string_view item_kind, std::size_t limit) {
  return stats_of(session.query(
      "SELECT item_kind, item_id, kind, n, total, first_at, last_at FROM item_stat"
      " WHERE kind = ?1 AND (?2 = '' OR item_kind = ?2) ORDER BY n DESC, item_kind, item_id LIMIT "
      "?3",
      {std::string(event_kind), std::string(item_kind), static_cast<std::int64_t>(limit)}));
}

}  // namespace zhiyin::catalogue
