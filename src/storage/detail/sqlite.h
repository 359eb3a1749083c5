#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "storage/value.h"

struct sqlite3;
struct sqlite3_stmt;

namespace zhiyin::storage::detail {

/// What a result code (the extended one) means. `message` tells sums beyond 64 bits from statements
/// that cannot be; what is not known is kInternal.
ErrorCode sqlite_error_code(int rc, std::string_view message);

/// A prepared statement of one `Database`, which must outlive it. Not thread-safe.
class Statement {
 public:
  explicit Statement(sqlite3_stmt* raw) : raw_(raw) {}

  /// Parameters count from 1. Text and bytes must stay alive until `reset`.
  void bind(int index, std::int64_t value);
  void bind_blob(int index, std::string_view bytes);
  void bind(int index, const Value& value);
  [[nodiscard]] int parameters() const;

  /// True when there is a row.
  Result<bool> step();
  /// Ends the execution; the statement can be used again.
  void reset();

  /// Columns count from 0. Views live until the next step.
  [[nodiscard]] int columns() const;
  [[nodiscard]] std::string column_name(int column) const;
  [[nodiscard]] std::int64_t int_at(int column) const;
  [[nodiscard]] std::string_view bytes_at(int column) const;
  [[nodiscard]] Value value_at(int column) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* raw) const;
  };
  std::unique_ptr<sqlite3_stmt, Finalize> raw_;
};

struct DatabaseOptions {
  bool read_only = false;
  std::string vfs = {};   ///< name of a registered file layer; empty: the default
  int cache_kib = 4096;   ///< pages kept in memory
  int page_bytes = 4096;  ///< of a new file
  /// To which the write-ahead log is cut when it begins anew; growing again costs the time of
  /// whoever commits.
  std::int64_t log_bytes_kept = 64 << 20;
};

/// One connection to an SQLite file in WAL mode with full synchronisation: what was committed
/// survives a power loss. Used by one thread at a time.
class Database {
 public:
  /// Creates the file (and its folder) when it is not there, unless read-only.
  static Result<Database> open(const std::filesystem::path& path, const DatabaseOptions& options);

  /// Statements without parameters and results, separated by `;`.
  Result<void> run(const char* sql);
  Result<Statement> prepare(std::string_view sql);
  /// The first cell of the first row, as an integer; 0 when there is none.
  Result<std::int64_t> query_int(const char* sql);
  [[nodiscard]] std::int64_t changes() const;
  [[nodiscard]] bool in_transaction() const;

  /// Copies the write-ahead log into the file as far as readers allow. `pages` in the log and how
  /// many of them are copied.
  struct Checkpoint {
    int pages = 0;
    int copied = 0;
  };
  Result<Checkpoint> checkpoint();
  /// Writes what is committed now to `file`, page for page, while others write. `file` must not
  /// exist; it is removed again when that fails.
  Result<void> copy_to(const std::filesystem::path& file);
  /// Commits no longer copy the write-ahead log by themselves; the owner calls `checkpoint`.
  void stop_automatic_checkpoints();
  /// The same, and after each commit the pages in the log are written to `pages`, which must
  /// outlive this.
  void count_log_pages(int& pages);

 private:
  struct Close {
    void operator()(sqlite3* raw) const;
  };
  explicit Database(sqlite3* raw) : raw_(raw) {}
  std::unique_ptr<sqlite3, Close> raw_;
};

}  // namespace zhiyin::storage::detail
