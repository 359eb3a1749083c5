#include "storage/duckdb_warehouse.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <system_error>
#include <type_traits>
#include <unordered_map>
#include <utility>

#include "base/check.h"
#include "base/machine.h"
#include "base/mutex.h"
#include "base/thread_pool.h"
#include "storage/detail/duckdb_connection.h"
#include "storage/detail/pool.h"
#include "storage/detail/warehouse_tables.h"
#include "storage/detail/watchdog.h"

namespace zhiyin::storage {
namespace {

constexpr std::size_t kReadersMax = 3;
constexpr int kMemoryMbMin = 32;
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
  std::string sql = fmt::format("DELETE FROM \"{}\" AS t USING \"{}\" AS s WHERE ", table.name,
                                stage_name(table));
  for (const std::string_view key : table.key) {
    sql += fmt::format("{}t.\"{}\" = s.\"{}\"", key == table.key.front() ? "" : " AND ", key, key);
  }
  return sql;
}

/// The open file with its connections.
struct OpenWarehouse {
  OpenWarehouse(detail::DuckDatabase opened, std::unique_ptr<detail::DuckConnection> connection)
      : database(std::move(opened)),
        writer(std::move(connection)),
        readers(kReadersMax, [this] { return detail::DuckConnection::open(database); }) {}
  detail::DuckDatabase database;
  std::unique_ptr<detail::DuckConnection> writer;  // guarded by the warehouse's mutex
  detail::Pool<detail::DuckConnection> readers;
};

Result<std::unique_ptr<OpenWarehouse>> open_file(const std::filesystem::path& path, int memory_mb) {
  ZHIYIN_TRY(detail::DuckDatabase database, detail::DuckDatabase::open(path.string(), memory_mb));
  ZHIYIN_TRY(auto writer, detail::DuckConnection::open(database));
  ZHIYIN_TRY_VOID(writer->run(kBatchTable));
  return std::make_unique<OpenWarehouse>(std::move(database), std::move(writer));
}

/// Runs work on a thread that gives way to others, as do the threads that DuckDB starts on it: what
/// is written into the warehouse, and packed there, is behind the events that come in. For one
/// caller at a time.
class Aside {
 public:
  Aside() : pool_(1, 1) {
    run([] { give_way(); });
  }
  template <class Work>
  auto run(Work&& work) -> std::invoke_result_t<Work> {
    std::packaged_task<std::invoke_result_t<Work>()> task(std::forward<Work>(work));
    auto done = task.get_future();
    ZHIYIN_CHECK(pool_.try_submit(std::move(task)));
    return done.get();
  }

 private:
  ThreadPool pool_;
};

/// Counts those who use something, so that it can be exchanged while nobody does.
class Gate {
 public:
  void enter() {
    MutexLock lock(mutex_);
    while (closed_) changed_.wait(mutex_);
    ++inside_;
  }
  void leave() {
    {
      MutexLock lock(mutex_);
      --inside_;
    }
    changed_.notify_all();
  }
  void close() {
    MutexLock lock(mutex_);
    closed_ = true;
    while (inside_ > 0) changed_.wait(mutex_);
  }
  void open() {
    {
      MutexLock lock(mutex_);
      closed_ = false;
    }
    changed_.notify_all();
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  int inside_ ZHIYIN_GUARDED_BY(mutex_) = 0;
  bool closed_ ZHIYIN_GUARDED_BY(mutex_) = false;
};

class InGate {
 public:
  explicit InGate(Gate& gate) : gate_(gate) { gate_.enter(); }
  ~InGate() { gate_.leave(); }
  InGate(const InGate&) = delete;
  InGate& operator=(const InGate&) = delete;

 private:
  Gate& gate_;
};

class DuckdbWarehouse final : public Warehouse {
 public:
  DuckdbWarehouse(std::filesystem::path path, Logger& logger, DuckdbWarehouseSettings settings,
                  std::unique_ptr<Aside> aside, std::unique_ptr<OpenWarehouse> opened)
      : path_(std::move(path)),
        logger_(logger),
        settings_(settings),
        aside_(std::move(aside)),
        open_(std::move(opened)),
        checkpoint_at_(settings.checkpoint_bytes) {}

  Result<void> create(const Table& table) override {
    ZHIYIN_TRY_VOID(detail::check_table(table));
    MutexLock lock(mutex_);
    ZHIYIN_TRY_VOID(reopen_if_broken());
    ZHIYIN_TRY_VOID(checked(open_->writer->run(create_sql(table, "TABLE", table.name))));
    return check_columns(table);
  }

  Result<void> insert(const Table& table, std::span<const Row> rows,
                      std::string_view batch_id) override {
    ZHIYIN_TRY_VOID(detail::check_table(table));
    MutexLock lock(mutex_);
    ZHIYIN_TRY_VOID(reopen_if_broken());
    detail::DuckConnection& writer = *open_->writer;
    auto outcome = aside_->run([&]() -> Result<void> {
      ZHIYIN_TRY_VOID(writer.run("BEGIN TRANSACTION"));
      auto written = write_batch(writer, table, rows, batch_id);
      if (written) written = writer.run("COMMIT");
      if (!written) (void)writer.run("ROLLBACK");
      return written;
    });
    if (outcome) checkpoint_if_due(writer);
    return checked(std::move(outcome));
  }

  Result<Rows> query(std::string_view sql, std::span<const Value> parameters,
                     QueryLimits limits) override {
    if (broken_) {
      MutexLock lock(mutex_);
      ZHIYIN_TRY_VOID(reopen_if_broken());
    }
    const InGate inside(gate_);
    if (!open_) return fail(ErrorCode::kUnavailable, "warehouse: is being opened anew");
    ZHIYIN_TRY(auto reader, open_->readers.take());
    const auto deadline = detail::Watchdog::Clock::now() + limits.timeout;
    const std::uint64_t watched = watchdog_.watch(deadline, [&] { reader->interrupt(); });
    auto rows = reader->select(sql, parameters, limits.rows_max);
    watchdog_.unwatch(watched);
    if (!rows && rows.error().code == ErrorCode::kDeadline) {
      return fail(ErrorCode::kDeadline, "warehouse: query took longer than {} ms",
                  limits.timeout.count());
    }
    return checked(std::move(rows));
  }

  Result<void> flush() override {
    MutexLock lock(mutex_);
    return {};
  }

  Result<std::int64_t> remove(const Table& table, std::string_view condition,
                              std::span<const Value> parameters) override {
    ZHIYIN_TRY_VOID(detail::check_table(table));
    MutexLock lock(mutex_);
    ZHIYIN_TRY_VOID(reopen_if_broken());
    detail::DuckConnection& writer = *open_->writer;
    ZHIYIN_TRY_VOID(checked(writer.run("BEGIN TRANSACTION")));
    auto outcome = remove_rows(writer, table, condition, parameters);
    if (outcome) {
      if (auto committed = writer.run("COMMIT"); !committed)
        outcome = std::unexpected(std::move(committed.error()));
    }
    if (!outcome) (void)writer.run("ROLLBACK");
    if (outcome) checkpoint_if_due(writer);
    return checked(std::move(outcome));
  }

  Result<void> copy_to(const std::filesystem::path& file) override {
    MutexLock lock(mutex_);
    ZHIYIN_TRY_VOID(reopen_if_broken());
    std::error_code error;
    // Reading the file by a descriptor of our own and closing that gives up the lock by which
    // DuckDB keeps other processes out; the installation's own lock does the same.
    if (!std::filesystem::copy_file(path_, file, error)) {
      return fail(ErrorCode::kUnavailable, "warehouse: copy: {}: {}", file.string(),
                  error.message());
    }
    const std::string wal = path_.string() + ".wal";
    if (!std::filesystem::exists(wal, error)) return {};
    if (!std::filesystem::copy_file(wal, file.string() + ".wal", error)) {
      return fail(ErrorCode::kUnavailable, "warehouse: copy: {}.wal: {}", file.string(),
                  error.message());
    }
    return {};
  }

 private:
  /// Notes when DuckDB has given up: from then on it refuses everything until the file is opened
  /// anew.
  template <class T>
  Result<T> checked(Result<T> result) {
    if (!result && result.error().code == ErrorCode::kInternal) {
      broken_ = true;
      result.error().code = ErrorCode::kUnavailable;
    }
    return result;
  }

  Result<void> reopen_if_broken() ZHIYIN_REQUIRES(mutex_) {
    if (!broken_) return {};
    gate_.close();
    open_.reset();  // a second instance of the same file must never live beside the first
    auto opened = aside_->run([&] { return open_file(path_, settings_.memory_mb); });
    if (opened) {
      open_ = std::move(*opened);
      broken_ = false;
    }
    gate_.open();
    if (!opened) return std::unexpected(std::move(opened.error()));
    logger_.warning("storage", "warehouse.reopened", {});
    return {};
  }

  void checkpoint_if_due(detail::DuckConnection& writer) ZHIYIN_REQUIRES(mutex_) {
    std::error_code error;
    const std::uintmax_t bytes = std::filesystem::file_size(path_.string() + ".wal", error);
    if (error || bytes < checkpoint_at_) return;
    if (auto copied = checked(aside_->run([&] { return writer.run("CHECKPOINT"); })); !copied) {
      // The rows are safe in the write-ahead log; another try when it has grown further.
      checkpoint_at_ = bytes + settings_.checkpoint_bytes;
      logger_.warning("storage", "warehouse.checkpoint_failed", {{"error", copied.error().text()}});
    } else {
      checkpoint_at_ = settings_.checkpoint_bytes;
    }
  }

  Result<void> check_columns(const Table& table) ZHIYIN_REQUIRES(mutex_) {
    ZHIYIN_TRY(const Rows rows, open_->writer->select(
                                    "SELECT column_name, data_type FROM information_schema.columns "
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

  static Result<std::int64_t> remove_rows(detail::DuckConnection& writer, const Table& table,
                                          std::string_view condition,
                                          std::span<const Value> parameters) {
    ZHIYIN_TRY(const Rows counted, writer.select(fmt::format("SELECT COUNT(*) FROM \"{}\" WHERE {}",
                                                             table.name, condition),
                                                 parameters, 1));
    const std::int64_t rows = as_int(counted.rows.at(0).at(0));
    if (rows == 0) return rows;
    ZHIYIN_TRY_VOID(writer.execute(
        fmt::format("DELETE FROM \"{}\" WHERE {}", table.name, condition), parameters));
    return rows;
  }

  static Result<void> write_batch(detail::DuckConnection& writer, const Table& table,
                                  std::span<const Row> rows, std::string_view batch_id) {
    const std::vector<Value> batch{std::string(table.name), std::string(batch_id)};
    ZHIYIN_TRY(const Rows written,
               writer.select("SELECT 1 FROM zhiyin_batch WHERE table_name = ? AND batch_id = ? "
                             "LIMIT 1",
                             batch, 1));
    if (!written.rows.empty()) return {};
    if (table.key.empty()) {
      std::vector<const Row*> all;
      all.reserve(rows.size());
      for (const Row& row : rows) all.push_back(&row);
      ZHIYIN_TRY_VOID(writer.append(table, false, table.name, all));
    } else {
      ZHIYIN_TRY_VOID(replace(writer, table, rows));
    }
    return writer.execute("INSERT INTO zhiyin_batch VALUES(?, ?)", batch);
  }

  /// Deleting and inserting costs one scan per batch; a unique index would hold all keys in memory.
  static Result<void> replace(detail::DuckConnection& writer, const Table& table,
                              std::span<const Row> rows) {
    ZHIYIN_TRY(const std::vector<const Row*> last, detail::last_rows(table, rows));
    const std::string stage = stage_name(table);
    ZHIYIN_TRY_VOID(writer.run(create_sql(table, "TEMP TABLE", stage)));
    ZHIYIN_TRY_VOID(writer.append(table, true, stage, last));
    ZHIYIN_TRY_VOID(writer.run(delete_sql(table)));
    ZHIYIN_TRY_VOID(
        writer.run(fmt::format("INSERT INTO \"{}\" SELECT * FROM \"{}\"", table.name, stage)));
    return writer.run(fmt::format("DROP TABLE \"{}\"", stage));
  }

  const std::filesystem::path path_;
  Logger& logger_;
  const DuckdbWarehouseSettings settings_;
  Mutex mutex_;                          // one insert at a time
  const std::unique_ptr<Aside> aside_;   // for whoever has the mutex
  Gate gate_;                            // queries are inside
  std::unique_ptr<OpenWarehouse> open_;  // exchanged under the mutex while the gate is closed
  std::uintmax_t checkpoint_at_ ZHIYIN_GUARDED_BY(mutex_);
  std::atomic<bool> broken_ = false;
  detail::Watchdog watchdog_;
};

}  // namespace

Result<std::unique_ptr<Warehouse>> open_duckdb_warehouse(const std::filesystem::path& path,
                                                         Logger& logger,
                                                         DuckdbWarehouseSettings settings) {
  if (settings.memory_mb < kMemoryMbMin) {
    return fail(ErrorCode::kInvalidArgument, "warehouse: memory is {} MB, at least {} needed",
                settings.memory_mb, kMemoryMbMin);
  }
  if (path.has_parent_path()) {
    std::error_code error;
    std::filesystem::create_directories(path.parent_path(), error);
    if (error) {
      return fail(ErrorCode::kUnavailable, "warehouse: cannot create {}: {}",
                  path.parent_path().string(), error.message());
    }
  }
  auto aside = std::make_unique<Aside>();
  ZHIYIN_TRY(auto opened, aside->run([&] { return open_file(path, settings.memory_mb); }));
  return std::make_unique<DuckdbWarehouse>(path, logger, settings, std::move(aside),
                                           std::move(opened));
}

}  // namespace zhiyin::storage
