#include <map>
#include <vector>

#include "storage/projection.h"

namespace zhiyin::storage {
namespace {

/// One statement for all partitions, so that it costs one round trip on a server, too.
std::string upsert_sql() {
  std::string sql = "INSERT INTO consumer_position(consumer, stream, part, off) VALUES";
  for (int p = 0; p < kPartitions; ++p) {
    sql += fmt::format("{}(?1,?2,{},?{})", p == 0 ? "" : ",", p, p + 3);
  }
  return sql + " ON CONFLICT(consumer, stream, part) DO UPDATE SET off = excluded.off";
}

/// Moves the partitions of the list that stand where it says. Columns of VALUES have these names
/// in both databases.
std::string advance_sql(std::size_t n) {
  std::string sql = "UPDATE consumer_position SET off = v.column3 FROM (VALUES ";
  for (std::size_t i = 0; i < n; ++i) {
    sql += fmt::format("{}(CAST(?{} AS BIGINT), CAST(?{} AS BIGINT), CAST(?{} AS BIGINT))",
                       i == 0 ? "" : ", ", 3 * i + 3, 3 * i + 4, 3 * i + 5);
  }
  return sql +
         ") AS v WHERE consumer = ?1 AND stream = ?2 AND part = v.column1 AND off = v.column2";
}

}  // namespace

Result<bool> advance_positions(Session& session, std::string_view consumer, Stream stream,
                               const Positions& from, const Positions& to) {
  std::vector<Value> parameters{std::string(consumer), static_cast<std::int64_t>(stream)};
  std::vector<std::int64_t> fresh;
  std::int64_t n = 0;
  for (std::size_t p = 0; p < from.size(); ++p) {
    if (from[p] == to[p]) continue;
    ++n;
    parameters.insert(parameters.end(), {static_cast<std::int64_t>(p), from[p], to[p]});
    if (from[p] == 0) fresh.push_back(static_cast<std::int64_t>(p));
  }
  if (n == 0) return true;
  for (const std::int64_t p : fresh) {
    ZHIYIN_TRY_VOID(
        session.execute("INSERT INTO consumer_position(consumer, stream, part, off) "
                        "VALUES(?1, ?2, ?3, 0) ON CONFLICT(consumer, stream, part) DO NOTHING",
                        {std::string(consumer), static_cast<std::int64_t>(stream), p}));
  }
  ZHIYIN_TRY(const std::int64_t moved, session.execute(advance_sql(static_cast<std::size_t>(n)),
                                                       std::span<const Value>(parameters)));
  return moved == n;
}

Result<Positions> load_positions(Session& session, std::string_view consumer, Stream stream) {
  ZHIYIN_TRY(const Rows found,
             session.query("SELECT part, off FROM consumer_position WHERE consumer = ?1 AND "
                           "stream = ?2",
                           {std::string(consumer), static_cast<std::int64_t>(stream)}));
  Positions positions{};
  for (const Row& row : found.rows) {
    const std::int64_t part = as_int(row[0], -1);
    if (part < 0 || part >= kPartitions) {
      return fail(ErrorCode::kDataLoss, "consumer position: partition is {}", part);
    }
    positions[static_cast<std::size_t>(part)] = as_int(row[1]);
  }
  return positions;
}

Result<void> save_positions(Session& session, std::string_view consumer, Stream stream,
                            const Positions& positions) {
  static const std::string kSql = upsert_sql();
  std::vector<Value> parameters{std::string(consumer), static_cast<std::int64_t>(stream)};
  parameters.insert(parameters.end(), positions.begin(), positions.end());
  ZHIYIN_TRY_VOID(session.execute(kSql, std::span<const Value>(parameters)));
  return {};
}

Result<void> show_positions(State& state, EventLog& log) {
  ZHIYIN_TRY(const Rows rows,
             state.query("SELECT consumer, stream, part, off FROM consumer_position"));
  std::map<std::pair<std::string, Stream>, Positions> all;
  for (const Row& row : rows.rows) {
    const std::int64_t part = as_int(row[2], -1);
    if (part < 0 || part >= kPartitions) continue;
    const auto stream = static_cast<Stream>(as_int(row[1]));
    all[{std::string(as_text(row[0])), stream}][static_cast<std::size_t>(part)] = as_int(row[3]);
  }
  for (const auto& [consumer, at] : all) log.show_position(consumer.second, consumer.first, at);
  return {};
}

}  // namespace zhiyin::storage
