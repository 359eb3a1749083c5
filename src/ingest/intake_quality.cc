#include "ingest/intake_quality.h"

#include <algorithm>
#include <map>

namespace zhiyin::ingest {
namespace {

std::string way_of(std::string_view source) {
  return std::string(source.substr(0, source.find(':')));
}

Result<void> add_events(std::map<std::string, WayQuality>& ways, storage::Warehouse& warehouse,
                        Instant since) {
  ZHIYIN_TRY(
      const auto rows,
      warehouse.query("SELECT source, COUNT(*) AS n, SUM(CASE WHEN kind LIKE 'bot.%' THEN 1 ELSE 0 "
                      "END) AS bots,"
                      " SUM(CASE WHEN kind NOT LIKE 'bot.%' AND received_at - occurred_at > ? THEN "
                      "1 ELSE 0 END) AS late,"
                      " MAX(received_at) AS last FROM events WHERE received_at > ? GROUP BY source",
                      {kLate.count(), since.us}));
  for (const auto& row : rows.rows) {
    WayQuality& way = ways[way_of(storage::as_text(row[0]))];
    const std::int64_t bots = storage::as_int(row[2]);
    way.events += storage::as_int(row[1]) - bots;
    way.bots += bots;
    way.late += storage::as_int(row[3]);
    way.last_received_at = std::max(way.last_received_at, Instant{storage::as_int(row[4])});
  }
  return {};
}

}  // namespace

Result<IntakeQuality> intake_quality(storage::Warehouse& warehouse, storage::State& state,
                                     Instant since) {
  std::map<std::string, WayQuality> ways;
  ZHIYIN_TRY_VOID(add_events(ways, warehouse, since));
  std::map<std::tuple<std::string, std::string, std::string>, RefusedReason> reasons;
  ZHIYIN_TRY(const auto refused,
             state.query("SELECT source, field, reason, COUNT(*), MAX(received_at) FROM quarantine "
                         "GROUP BY source, field, reason"));
  for (const auto& row : refused.rows) {
    const std::string way = way_of(storage::as_text(row[0]));
    RefusedReason& one = reasons[{way, std::string(storage::as_text(row[1])),
                                  std::string(storage::as_text(row[2]))}];
    one.count += storage::as_int(row[3]);
    one.newest_at = std::max(one.newest_at, Instant{storage::as_int(row[4])});
    ways[way].quarantined += storage::as_int(row[3]);
  }
  IntakeQuality out;
  for (auto& [name, way] : ways) {
    way.way = name;
    out.ways.push_back(std::move(way));
  }
  std::ranges::stable_sort(out.ways, std::greater{}, &WayQuality::events);
  for (auto& [key, one] : reasons) {
    std::tie(one.way, one.field, one.reason) = key;
    out.reasons.push_back(std::move(one));
  }
  std::ranges::stable_sort(out.reasons, std::greater{}, &RefusedReason::count);
  if (out.reasons.size() > kRefusedReasonsMax) out.reasons.resize(kRefusedReasonsMax);
  return out;
}

Result<std::vector<MinuteCount>> intake_rate(storage::Warehouse& warehouse, Instant from,
                                             Instant to) {
  constexpr std::int64_t kMinuteUs = 60'000'000;
  ZHIYIN_TRY(const auto rows,
             warehouse.query(
                 "SELECT received_at - received_at % ? AS minute, source, COUNT(*) AS n FROM events"
                 " WHERE received_at > ? AND received_at <= ? GROUP BY 1, 2",
                 {kMinuteUs, from.us, to.us}));
  std::map<std::pair<std::int64_t, std::string>, std::int64_t> sums;
  for (const auto& row : rows.rows)
    sums[{storage::as_int(row[0]), way_of(storage::as_text(row[1]))}] += storage::as_int(row[2]);
  std::vector<MinuteCount> out;
  for (const auto& [key, count] : sums) out.push_back({Instant{key.first}, key.second, count});
  return out;
}

}  // namespace zhiyin::ingest
