#include "storage/examine.h"

#include <fmt/format.h>

#include <cstdlib>

#include "base/clock.h"
#include "storage/advice.h"
#include "storage/kafka_event_log.h"

namespace zhiyin::storage {
namespace {

constexpr std::int64_t kClockSkewMaxUs = 5'000'000;
constexpr std::int64_t kFreeMin = std::int64_t{1} << 30;

/// The only cell of an answer, or a finding that says why there is none.
template <class Use>
void ask(std::vector<Finding>& findings, Warehouse& warehouse, std::string name,
         std::string_view sql, Use use) {
  auto rows = warehouse.query(sql);
  if (!rows || rows->rows.empty()) {
    const Error error =
        rows ? Error{ErrorCode::kPermissionDenied, "no answer"} : std::move(rows.error());
    findings.push_back({std::move(name), false, error.text(),
                        error.code == ErrorCode::kPermissionDenied
                            ? "system 库不可读：GRANT SELECT ON system.* TO 该用户 / the database "
                              "system cannot be read: GRANT SELECT ON system.* TO the user"
                            : advice_for(error, "storage.warehouse")});
    return;
  }
  findings.push_back(use(std::move(name), rows->rows[0][0]));
}

}  // namespace

std::vector<Finding> examine_log(std::string_view url) {
  if (!url.starts_with("kafka://")) return {};
  return examine_kafka(url);
}

std::vector<Finding> examine_warehouse(std::string_view url, Warehouse& warehouse) {
  if (!url.starts_with("clickhouse://")) return {};
  std::vector<Finding> findings;
  ask(findings, warehouse, "warehouse_server", "SELECT version() AS v",
      [](std::string name, const Value& cell) {
        return Finding{std::move(name), true, fmt::format("ClickHouse {}", as_text(cell))};
      });
  ask(findings, warehouse, "warehouse_clock", "SELECT toUnixTimestamp64Micro(now64(6)) AS t",
      [](std::string name, const Value& cell) {
        const std::int64_t away = as_int(cell) - SystemClock().now().us;
        return Finding{std::move(name), std::abs(away) < kClockSkewMaxUs,
                       fmt::format("{:+.3f} s from ours", static_cast<double>(away) / 1e6),
                       "请用 NTP 校准两台机器的时钟 / set the clocks of both machines by NTP"};
      });
  ask(findings, warehouse, "warehouse_disk", "SELECT MIN(free_space) AS free FROM system.disks",
      [](std::string name, const Value& cell) {
        const std::int64_t free = as_int(cell);
        return Finding{std::move(name), free > kFreeMin, fmt::format("{} MB free", free >> 20),
                       "请清理 ClickHouse 的磁盘 / free some space on ClickHouse's disk"};
      });
  ask(findings, warehouse, "warehouse_durable",
      "SELECT MAX(value) AS v FROM system.merge_tree_settings WHERE name = 'fsync_after_insert'",
      [](std::string name, const Value& cell) {
        const bool synced = as_text(cell) == "1";
        return Finding{
            std::move(name), true,
            synced ? "inserts are synced"
                   : "inserts are not synced (fsync_after_insert 0): the log can write them again"};
      });
  return findings;
}

}  // namespace zhiyin::storage
