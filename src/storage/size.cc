#include "storage/size.h"

#include <filesystem>
#include <string>

#include "storage/key_state.h"

namespace zhiyin::storage {
namespace {

/// Of the file at `scheme:PATH` and of what lies beside it while it is written.
Result<std::int64_t> file_bytes(std::string_view url) {
  const std::string path(url.substr(url.find(':') + 1));
  std::int64_t sum = 0;
  for (const std::string_view suffix : {"", "-wal", ".wal"}) {
    std::error_code missing;
    const auto bytes = std::filesystem::file_size(path + std::string(suffix), missing);
    if (!missing) sum += static_cast<std::int64_t>(bytes);
  }
  return sum;
}

}  // namespace

Result<std::int64_t> log_bytes(std::string_view url) {
  if (url.starts_with("sqlite:")) return file_bytes(url);
  return fail(ErrorCode::kUnsupported, "event log: its servers do not say how many bytes it takes");
}

Result<std::int64_t> state_bytes(std::string_view url, State& state) {
  if (url.starts_with("sqlite:")) {
    ZHIYIN_TRY(const std::int64_t bytes, file_bytes(url));
    const auto of_keys = file_bytes(key_state_path(url.substr(url.find(':') + 1)).string());
    return bytes + of_keys.value_or(0);
  }
  ZHIYIN_TRY(
      const Rows rows,
      state.query("SELECT CAST(COALESCE(SUM(pg_total_relation_size(c.oid)), 0) AS BIGINT) FROM"
                  " pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                  " WHERE n.nspname = current_schema() AND c.relkind = 'r'"));
  return as_int(rows.rows.at(0).at(0));
}

Result<std::int64_t> warehouse_bytes(std::string_view url, Warehouse& warehouse) {
  if (url.starts_with("duckdb:")) return file_bytes(url);
  ZHIYIN_TRY(const Rows rows,
             warehouse.query("SELECT CAST(SUM(bytes_on_disk) AS BIGINT) FROM system.parts"
                             " WHERE active = 1 AND database = currentDatabase()"));
  return as_int(rows.rows.at(0).at(0));
}

}  // namespace zhiyin::storage
