#pragma once

#include <chrono>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "storage/value.h"

namespace zhiyin::storage {

enum class ColumnType { kInt, kReal, kText };

struct TableColumn {
  std::string_view name;
  ColumnType type;
};

/// A table of the warehouse. With a `key`, a later row replaces the earlier one with the same key.
struct Table {
  std::string_view name;
  std::vector<TableColumn> columns;
  std::vector<std::string_view> key = {};
};

struct QueryLimits {
  std::chrono::milliseconds timeout{30'000};
  std::size_t rows_max = 1'000'000;
};

/// How a database spells the few things that the shared subset lacks; `{0}` stands for SQL.
struct Dialect {
  /// `WITH name {} (SELECT …)`, worked out once where the database can.
  std::string_view once = "AS MATERIALIZED";
  /// A 64-bit number in place of a text, for joins and groups: ten times as fast. Of ten million
  /// texts two share a number with odds of one in 350,000.
  std::string_view number_of_text = "hash({0})";
  /// A number below 2^32 that every database makes of the same text: of the first eight bytes of
  /// its MD5, read with the lowest first, the lower half.
  std::string_view checksum_of_text = "CAST(md5_number_upper({0}) % 4294967296 AS BIGINT)";
};

/// Columnar history for scans and group-bys. SQL in the subset that DuckDB and ClickHouse share:
/// ANSI joins, IN (SELECT …), GROUP BY/HAVING, `SUM(CASE WHEN … THEN 1 ELSE 0 END)`, COUNT(DISTINCT
/// …), WITH, window functions; integer times; `?` parameters; no dialect functions outside the
/// adapter. Thread-safe: inserts and queries use connections of their own.
class Warehouse {
 public:
  virtual ~Warehouse() = default;

  /// Creates the table when it is not there.
  virtual Result<void> create(const Table& table) = 0;

  /// One atomic step: all rows or none. `batch_id` makes it repeatable: a batch whose id was
  /// written before is skipped. Cells must match the table's column types or be null.
  virtual Result<void> insert(const Table& table, std::span<const Row> rows,
                              std::string_view batch_id) = 0;

  /// kLimitReached above `rows_max`, kDeadline after the timeout (the query is interrupted).
  virtual Result<Rows> query(std::string_view sql, std::span<const Value> parameters = {},
                             QueryLimits limits = {}) = 0;
  Result<Rows> query(std::string_view sql, std::initializer_list<Value> parameters,
                     QueryLimits limits = {}) {
    return query(sql, std::span(parameters.begin(), parameters.size()), limits);
  }

  /// The embedded database's spelling, unless overridden.
  [[nodiscard]] virtual Dialect dialect() const { return {}; }

  /// Everything inserted so far is on disk and visible to queries when it returns.
  virtual Result<void> flush() = 0;

  /// Deletes the rows for which `condition` (SQL as in queries) holds, in one step; returns how
  /// many.
  virtual Result<std::int64_t> remove(const Table& table, std::string_view condition,
                                      std::span<const Value> parameters) = 0;
  Result<std::int64_t> remove(const Table& table, std::string_view condition,
                              std::initializer_list<Value> parameters) {
    return remove(table, condition, std::span(parameters.begin(), parameters.size()));
  }

  /// Writes a consistent copy to `file`, which must not exist; inserts wait meanwhile. With it may
  /// come `file` + ".wal". kUnsupported where the database has backup tools of its own (cluster).
  virtual Result<void> copy_to(const std::filesystem::path& file) {
    return fail(ErrorCode::kUnsupported,
                "warehouse: this database is backed up with its own tools ({})", file.string());
  }
};

}  // namespace zhiyin::storage
