#pragma once

#include <duckdb.h>

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "storage/value.h"
#include "storage/warehouse.h"

/// Wrappers over DuckDB's C API. Included by the warehouse adapter only.
namespace zhiyin::storage::detail {

/// An open file. Must outlive its connections. Thread-safe.
class DuckDatabase {
 public:
  static Result<DuckDatabase> open(const std::string& path, int memory_mb);
  [[nodiscard]] duckdb_database raw() const { return raw_.get(); }

 private:
  struct Close {
    using pointer = duckdb_database;
    void operator()(duckdb_database raw) const { duckdb_close(&raw); }
  };
  explicit DuckDatabase(duckdb_database raw) : raw_(raw) {}
  std::unique_ptr<duckdb_database, Close> raw_;
};

/// One connection. Used by one thread at a time, except for `interrupt`.
class DuckConnection {
 public:
  static Result<std::unique_ptr<DuckConnection>> open(const DuckDatabase& database);

  /// A statement without results.
  Result<void> run(const std::string& sql);
  Result<void> execute(std::string_view sql, std::span<const Value> parameters);
  /// A SELECT, one chunk after the other; kLimitReached above `rows_max`, kDeadline when
  /// interrupted.
  Result<Rows> select(std::string_view sql, std::span<const Value> parameters,
                      std::size_t rows_max);
  /// Appends rows to a table in one go; `temporary` when it is one of this connection. Cells must
  /// fit the columns or be null.
  Result<void> append(const Table& table, bool temporary, std::string_view name,
                      std::span<const Row* const> rows);
  void interrupt();

 private:
  struct Disconnect {
    using pointer = duckdb_connection;
    void operator()(duckdb_connection raw) const { duckdb_disconnect(&raw); }
  };
  explicit DuckConnection(duckdb_connection raw) : raw_(raw) {}
  std::unique_ptr<duckdb_connection, Disconnect> raw_;
};

}  // namespace zhiyin::storage::detail
