#include "storage/open.h"

#include <filesystem>

#include "storage/clickhouse_warehouse.h"
#include "storage/duckdb_warehouse.h"
#include "storage/kafka_event_log.h"
#include "storage/postgres_state.h"
#include "storage/sqlite_event_log.h"
#include "storage/sqlite_state.h"

namespace zhiyin::storage {
namespace {

/// The path of `scheme:PATH`; kUnsupported for another scheme.
Result<std::filesystem::path> path_of(std::string_view url, std::string_view scheme,
                                      std::string_view what) {
  const std::size_t colon = url.find(':');
  if (colon == std::string_view::npos || url.substr(0, colon) != scheme) {
    return fail(ErrorCode::kUnsupported, "{}: {} is not supported; use {}:PATH", what,
                url.substr(0, colon), scheme);
  }
  const std::string_view path = url.substr(colon + 1);
  if (path.empty()) return fail(ErrorCode::kInvalidArgument, "{}: {} has no path", what, url);
  return std::filesystem::path(path);
}

}  // namespace

Result<std::unique_ptr<EventLog>> open_event_log(std::string_view url, Logger& logger) {
  if (url.starts_with("kafka://")) return open_kafka_event_log(url, logger);
  const auto path = path_of(url, "sqlite", "event log");
  if (!path && path.error().code == ErrorCode::kUnsupported) {
    return fail(ErrorCode::kUnsupported, "{} or kafka://…", path.error().message);
  }
  if (!path) return std::unexpected(path.error());
  return open_sqlite_event_log(*path, logger);
}

Result<std::unique_ptr<State>> open_state(std::string_view url, Logger&) {
  if (url.starts_with("postgresql://") || url.starts_with("postgres://")) {
    return open_postgres_state(std::string(url));
  }
  const auto path = path_of(url, "sqlite", "state");
  if (!path && path.error().code == ErrorCode::kUnsupported) {
    return fail(ErrorCode::kUnsupported, "{} or postgresql://…", path.error().message);
  }
  if (!path) return std::unexpected(path.error());
  return open_sqlite_state(*path);
}

Result<std::unique_ptr<Warehouse>> open_warehouse(std::string_view url, int memory_mb,
                                                  Logger& logger) {
  if (url.starts_with("clickhouse://")) return open_clickhouse_warehouse(url);
  const auto path = path_of(url, "duckdb", "warehouse");
  if (!path && path.error().code == ErrorCode::kUnsupported) {
    return fail(ErrorCode::kUnsupported, "{} or clickhouse://…", path.error().message);
  }
  if (!path) return std::unexpected(path.error());
  DuckdbWarehouseSettings settings;
  settings.memory_mb = memory_mb;
  return open_duckdb_warehouse(*path, logger, settings);
}

}  // namespace zhiyin::storage
