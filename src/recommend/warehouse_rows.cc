#include "recommend/ranker_training.h"
#include "recommend/recommend_model.h"
#include "storage/event_log.h"

namespace zhiyin::recommend {
namespace {

using storage::Value;

constexpr std::size_t kPageRows = 200'000;
constexpr std::chrono::minutes kPageTimeout{5};

enum class About { kItems, kAnything };

std::string page_query(std::size_t kinds, About about) {
  std::string sql =
      "SELECT ip.person, COALESCE(e.item_kind, ''), COALESCE(e.item_id, ''), e.kind, "
      "COALESCE(e.value, 0), e.occurred_at, e.off "
      "FROM events e JOIN identity_person ip ON ip.identity = e.identity "
      "AND ip.person <> '' AND e.off > ip.after_off "
      "WHERE e.part = ? AND e.off > ? AND e.occurred_at > ? AND e.occurred_at <= ? ";
  if (about == About::kItems) sql += "AND e.item_id IS NOT NULL ";
  sql += "AND e.kind IN (";
  for (std::size_t i = 0; i < kinds; ++i) sql += i == 0 ? "?" : ", ?";
  return sql + ") ORDER BY e.off LIMIT " + std::to_string(kPageRows);
}

RowSource rows_of(storage::Warehouse& warehouse, std::vector<std::string> kinds, About about,
                  Instant after_time, Instant as_of) {
  return [&warehouse, kinds = std::move(kinds), about, after_time,
          as_of](const std::function<void(const InteractionRow&)>& take) -> Result<void> {
    if (kinds.empty()) return {};
    const std::string sql = page_query(kinds.size(), about);
    for (std::int64_t part = 0; part < storage::kPartitions; ++part) {
      std::int64_t after = -1;
      while (true) {
        std::vector<Value> parameters = {Value(part), Value(after), Value(after_time.us),
                                         Value(as_of.us)};
        for (const std::string& kind : kinds) parameters.emplace_back(kind);
        ZHIYIN_TRY(const storage::Rows page,
                   warehouse.query(sql, parameters, {kPageTimeout, kPageRows}));
        for (const storage::Row& row : page.rows) {
          take({storage::as_text(row[0]),
                {std::string(storage::as_text(row[1])), std::string(storage::as_text(row[2]))},
                storage::as_text(row[3]),
                storage::as_int(row[4]),
                {storage::as_int(row[5])}});
          after = storage::as_int(row[6]);
        }
        if (page.rows.size() < kPageRows) break;
      }
    }
    return {};
  };
}

}  // namespace

RowSource warehouse_rows(storage::Warehouse& warehouse, std::vector<std::string> kinds,
                         Instant as_of, Instant since) {
  return rows_of(warehouse, std::move(kinds), About::kItems, since, as_of);
}

RowSource response_rows(storage::Warehouse& warehouse, Instant after, Instant as_of) {
  return rows_of(warehouse, response_kinds(), About::kAnything, after, as_of);
}

}  // namespace zhiyin::recommend
