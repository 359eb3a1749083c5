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

}  // namespace

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

}  // namespace zhiyin::storage
