#include "storage/duckdb_warehouse.h"

#include <algorithm>
#include <system_error>
#include <unordered_map>

#include "base/mutex.h"
#include "storage/detail/duckdb_connection.h"
#include "storage/detail/pool.h"
#include "storage/detail/watchdog.h"

namespace zhiyin::storage {
namespace {

constexpr std::size_t kReadersMax = 3;
constexpr int kMemoryMbMin = 32;
constexpr std::size_t kNameBytesMax = 63;
constexpr char kBatchTable[] =
    "CREATE TABLE IF NOT EXISTS zhiyin_batch(table_name VARCHAR, batch_id VARCHAR)";

std::string_view sql_type(ColumnType type) {
  switch (type) {
    case ColumnType::kInt:
      return "BIGINT";
    case ColumnType::kReal:
      return "DOUBLE";
    case ColumnType::kText:
      return "VARCHAR";
  }
  return {};
}

bool is_name(std::string_view name) {
  const auto ok = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  return !name.empty() && name.size() <= kNameBytesMax && std::ranges::all_of(name, ok);
}

Result<void> check_table(const Table& table) {
  if (!is_name(table.name) || table.columns.empty()) {
    return fail(ErrorCode::kInvalidArgument, "warehouse: table {} has no name or no columns",
                table.name);
  }
  const auto has_column = [&](std::string_view name) {
    return std::ranges::any_of(table.columns, [&](const auto& c) { return c.name == name; });
  };
  for (const TableColumn& column : table.columns) {
    if (is_name(column.name)) continue;
    return fail(ErrorCode::kInvalidArgument, "warehouse: {} is no column name", column.name);
  }
  for (const std::string_view key : table.key) {
    if (has_column(key)) continue;
    return fail(ErrorCode::kInvalidArgument, "warehouse: {} has no key column {}", table.name, key);
  }
  return {};
}

std::string stage_name(const Table& table) { return fmt::format("stage_{}", table.name); }

std::string create_sql(const Table& table, std::string_view kind, std::string_view name) {
  std::string sql = fmt::format("CREATE {} IF NOT EXISTS \"{}\"(", kind, name);
  for (const TableColumn& column : table.columns) {
    sql += fmt::format("{}\"{}\" {}", &column == table.columns.data() ? "" : ", ", column.name,
                       sql_type(column.type));
  }
  return sql + ")";
}

/// Removes those rows that the staged ones replace.
std::string delete_sql(const Table& table) {
  std::string sql =
      fmt::format("DELETE FROM \"{}\" AS t USING \"{}\" AS s WHERE ", table.name, stage_name(table));
  for (const std::string_view key : table.key) {
    sql += fmt::format("{}t.\"{}\" = s.\"{}\"", key == table.key.front() ? "" : " AND ", key, key);
  }
  return sql;
}

std::vector<std::size_t> key_columns(const Table& table) {
  std::vector<std::size_t> indexes;
  for (const std::string_view key : table.key) {
    const auto at = std::ranges::find(table.columns, key, &TableColumn::name);
    indexes.push_back(static_cast<std::size_t>(at - table.columns.begin()));
  }
  return indexes;
}

/// The key of a row as one string; kInvalidArgument when a part of it is null.
Result<std::string> key_of(const Table& table, const std::vector<std::size_t>& columns,
                           const Row& row) {
  std::string key;
  for (const std::size_t column : columns) {
    if (column >= row.size() || is_null(row[column])) {
      return fail(ErrorCode::kInvalidArgument, "warehouse: key {}.{} is null", table.name,
                  table.columns[column].name);
    }
    const Value& cell = row[column];
    const std::string part =
        std::holds_alternative<std::int64_t>(cell) || std::holds_alternative<double>(cell)
            ? fmt::format("{}", as_real(cell)) + fmt::format("/{}", as_int(cell))
            : std::string(as_text(cell));
    key += fmt::format("{}:", part.size());
    key += part;
  }
  return key;
}

/// Of several rows with one key the last.
Result<std::vector<const Row*>> last_rows(const Table& table, std::span<const Row> rows) {
  const std::vector<std::size_t> columns = key_columns(table);
  std::unordered_map<std::string, std::size_t> place;
  std::vector<const Row*> last;
  for (const Row& row : rows) {
    ZHIYIN_TRY(std::string key, key_of(table, columns, row));
    const auto [known, is_new] = place.try_emplace(std::move(key), last.size());
    if (is_new) {
      last.push_back(&row);
    } else {
      last[known->second] = &row;
    }
  }
  return last;
}

class DuckdbWarehouse final : public Warehouse {
 public:
  DuckdbWarehouse(detail::DuckDatabase database, std::unique_ptr<detail::DuckConnection> writer)
      : database_(std::move(database)),
        writer_(std::move(writer)),
        readers_(kReadersMax, [this] { return detail::DuckConnection::open(database_); }) {}

  Result<void> create(const Table& table) override {
    ZHIYIN_TRY_VOID(check_table(table));
    MutexLock lock(mutex_);
    ZHIYIN_TRY_VOID(writer_->run(create_sql(table, "TABLE", table.name)));
    return check_columns(table);
  }

  Result<void> insert(const Table& table, std::span<const Row> rows,
                      std::string_view batch_id) override {
    ZHIYIN_TRY_VOID(check_table(table));
    MutexLock lock(mutex_);
    ZHIYIN_TRY_VOID(writer_->run("BEGIN TRANSACTION"));
    auto outcome = write_batch(table, rows, batch_id);
    if (outcome) outcome = writer_->run("COMMIT");
    if (!outcome) (void)writer_->run("ROLLBACK");
    return outcome;
  }

  Result<Rows> query(std::string_view sql, std::span<const Value> parameters,
                     QueryLimits limits) override {
    ZHIYIN_TRY(auto reader, readers_.take());
    const auto deadline = detail::Watchdog::Clock::now() + limits.timeout;
    const std::uint64_t watched = watchdog_.watch(deadline, [&] { reader->interrupt(); });
    auto rows = reader->select(sql, parameters, limits.rows_max);
    watchdog_.unwatch(watched);
    if (!rows && rows.error().code == ErrorCode::kDeadline) {
      return fail(ErrorCode::kDeadline, "warehouse: query took longer than {} ms",
                  limits.timeout.count());
    }
    return rows;
  }

  Result<void> flush() override {
    MutexLock lock(mutex_);
    return {};
  }

 private:
  Result<void> check_columns(const Table& table) ZHIYIN_REQUIRES(mutex_) {
    ZHIYIN_TRY(const Rows rows,
               writer_->select("SELECT column_name, data_type FROM information_schema.columns "
                               "WHERE table_catalog = current_catalog() AND table_name = ? "
                               "ORDER BY ordinal_position",
                               std::vector<Value>{std::string(table.name)}, 10'000));
    bool same = rows.rows.size() == table.columns.size();
    for (std::size_t i = 0; same && i < rows.rows.size(); ++i) {
      same = as_text(rows.rows[i][0]) == table.columns[i].name &&
             as_text(rows.rows[i][1]) == sql_type(table.columns[i].type);
    }
    if (same) return {};
    return fail(ErrorCode::kUnsupported, "warehouse: table {} exists with other columns",
                table.name);
  }

  Result<void> write_batch(const Table& table, std::span<const Row> rows, std::string_view batch_id)
      ZHIYIN_REQUIRES(mutex_) {
    const std::vector<Value> batch{std::string(table.name), std::string(batch_id)};
    ZHIYIN_TRY(const Rows written,
               writer_->select("SELECT 1 FROM zhiyin_batch WHERE table_name = ? AND batch_id = ? "
                               "LIMIT 1",
                               batch, 1));
    if (!written.rows.empty()) return {};
    if (table.key.empty()) {
      std::vector<const Row*> all;
      all.reserve(rows.size());
      for (const Row& row : rows) all.push_back(&row);
      ZHIYIN_TRY_VOID(writer_->append(table, false, table.name, all));
    } else {
      ZHIYIN_TRY_VOID(replace(table, rows));
    }
    return writer_->execute("INSERT INTO zhiyin_batch VALUES(?, ?)", batch);
  }

  /// Deleting and inserting costs one scan per batch; a unique index would hold all keys in memory.
  Result<void> replace(const Table& table, std::span<const Row> rows) ZHIYIN_REQUIRES(mutex_) {
    ZHIYIN_TRY(const std::vector<const Row*> last, last_rows(table, rows));
    const std::string stage = stage_name(table);
    ZHIYIN_TRY_VOID(writer_->run(create_sql(table, "TEMP TABLE", stage)));
    ZHIYIN_TRY_VOID(writer_->append(table, true, stage, last));
    ZHIYIN_TRY_VOID(writer_->run(delete_sql(table)));
    ZHIYIN_TRY_VOID(
        writer_->run(fmt::format("INSERT INTO \"{}\" SELECT * FROM \"{}\"", table.name, stage)));
    return writer_->run(fmt::format("DROP TABLE \"{}\"", stage));
  }

  detail::DuckDatabase database_;
  Mutex mutex_;
  std::unique_ptr<detail::DuckConnection> writer_ ZHIYIN_GUARDED_BY(mutex_);
  detail::Pool<detail::DuckConnection> readers_;
  detail::Watchdog watchdog_;
};

}  // namespace

Result<std::unique_ptr<Warehouse>> open_duckdb_warehouse(const std::filesystem::path& path,
                                                         int memory_mb) {
  if (memory_mb < kMemoryMbMin) {
    return fail(ErrorCode::kInvalidArgument, "warehouse: memory is {} MB, at least {} needed",
                memory_mb, kMemoryMbMin);
  }
  if (path.has_parent_path()) {
    std::error_code error;
    std::filesystem::create_directories(path.parent_path(), error);
    if (error) {
      return fail(ErrorCode::kUnavailable, "warehouse: cannot create {}: {}",
                  path.parent_path().string(), error.message());
    }
  }
  ZHIYIN_TRY(detail::DuckDatabase database, detail::DuckDatabase::open(path.string(), memory_mb));
  ZHIYIN_TRY(auto writer, detail::DuckConnection::open(database));
  ZHIYIN_TRY_VOID(writer->run(kBatchTable));
  return std::make_unique<DuckdbWarehouse>(std::move(database), std::move(writer));
}

}  // namespace zhiyin::storage
