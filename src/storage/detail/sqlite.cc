#include "storage/detail/sqlite.h"

#include <sqlite3.h>

#include <system_error>

namespace zhiyin::storage::detail {
namespace {

constexpr int kBusyTimeoutMs = 5'000;
// A write-ahead log that grew beyond this is cut back when it starts anew.

}  // namespace

ErrorCode sqlite_error_code(int rc, std::string_view message) {
  switch (rc & 0xff) {
    case SQLITE_CONSTRAINT:
      return rc == SQLITE_CONSTRAINT_UNIQUE || rc == SQLITE_CONSTRAINT_PRIMARYKEY ||
                     rc == SQLITE_CONSTRAINT_ROWID
                 ? ErrorCode::kConflict
                 : ErrorCode::kInvalidArgument;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return ErrorCode::kDataLoss;
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_NOMEM:
    case SQLITE_PROTOCOL:
      return ErrorCode::kUnavailable;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return ErrorCode::kPermissionDenied;
    case SQLITE_TOOBIG:
      return ErrorCode::kLimitReached;
    case SQLITE_MISMATCH:
      return ErrorCode::kInvalidArgument;
    case SQLITE_ERROR:
      return message == "integer overflow" ? ErrorCode::kLimitReached : ErrorCode::kInternal;
    case SQLITE_INTERRUPT:
      return ErrorCode::kDeadline;
    default:
      return ErrorCode::kInternal;
  }
}

namespace {

std::unexpected<Error> failure(sqlite3* db, int rc, std::string_view what) {
  const int extended = db != nullptr ? sqlite3_extended_errcode(db) : rc;
  const char* const message = db != nullptr ? sqlite3_errmsg(db) : sqlite3_errstr(rc);
  return fail(sqlite_error_code(extended, message), "sqlite: {}: {}", what, message);
}

std::string_view column_bytes(sqlite3_stmt* raw, int column) {
  const void* data = sqlite3_column_blob(raw, column);
  const int size = sqlite3_column_bytes(raw, column);
  return data == nullptr
             ? std::string_view()
             : std::string_view(static_cast<const char*>(data), static_cast<std::size_t>(size));
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* raw) const { sqlite3_finalize(raw); }

void Statement::bind(int index, std::int64_t value) {
  sqlite3_bind_int64(raw_.get(), index, value);
}

void Statement::bind_blob(int index, std::string_view bytes) {
  // An empty view may have no address, which SQLite would take for NULL.
  sqlite3_bind_blob64(raw_.get(), index, bytes.empty() ? "" : bytes.data(), bytes.size(),
                      SQLITE_STATIC);
}

void Statement::bind(int index, const Value& value) {
  if (const auto* i = std::get_if<std::int64_t>(&value)) {
    sqlite3_bind_int64(raw_.get(), index, *i);
  } else if (const auto* real = std::get_if<double>(&value)) {
    sqlite3_bind_double(raw_.get(), index, *real);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    sqlite3_bind_text64(raw_.get(), index, text->data(), text->size(), SQLITE_STATIC, SQLITE_UTF8);
  } else if (const auto* blob = std::get_if<Blob>(&value)) {
    bind_blob(index, blob->bytes);
  } else {
    sqlite3_bind_null(raw_.get(), index);
  }
}

int Statement::parameters() const { return sqlite3_bind_parameter_count(raw_.get()); }

Result<bool> Statement::step() {
  const int rc = sqlite3_step(raw_.get());
  if (rc == SQLITE_ROW) return true;
  if (rc == SQLITE_DONE) return false;
  auto error = failure(sqlite3_db_handle(raw_.get()), rc, sqlite3_sql(raw_.get()));
  sqlite3_reset(raw_.get());
  return error;
}

void Statement::reset() {
  sqlite3_reset(raw_.get());
  sqlite3_clear_bindings(raw_.get());
}

int Statement::columns() const { return sqlite3_column_count(raw_.get()); }

std::string Statement::column_name(int column) const {
  const char* name = sqlite3_column_name(raw_.get(), column);
  return name == nullptr ? "" : name;
}

std::int64_t Statement::int_at(int column) const {
  return sqlite3_column_int64(raw_.get(), column);
}

std::string_view Statement::bytes_at(int column) const { return column_bytes(raw_.get(), column); }

Value Statement::value_at(int column) const {
  switch (sqlite3_column_type(raw_.get(), column)) {
    case SQLITE_INTEGER:
      return sqlite3_column_int64(raw_.get(), column);
    case SQLITE_FLOAT:
      return sqlite3_column_double(raw_.get(), column);
    case SQLITE_TEXT:
      return std::string(column_bytes(raw_.get(), column));
    case SQLITE_BLOB:
      return Blob{std::string(column_bytes(raw_.get(), column))};
    default:
      return std::monostate();
  }
}

namespace {

/// Before the first use of the library: without its count of bytes an allocation needs no lock,
/// which all connections would share.
void configure_library() {
  static const bool done = [] {
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    return true;
  }();
  (void)done;
}

}  // namespace

void Database::Close::operator()(sqlite3* raw) const { sqlite3_close_v2(raw); }

Result<Database> Database::open(const std::filesystem::path& path, const DatabaseOptions& options) {
  if (!options.read_only && path.has_parent_path()) {
    std::error_code error;
    std::filesystem::create_directories(path.parent_path(), error);
    if (error) {
      return fail(ErrorCode::kUnavailable, "sqlite: cannot create {}: {}",
                  path.parent_path().string(), error.message());
    }
  }
  configure_library();
  sqlite3* raw = nullptr;
  const int access =
      options.read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  const int rc = sqlite3_open_v2(path.c_str(), &raw, access | SQLITE_OPEN_NOMUTEX,
                                 options.vfs.empty() ? nullptr : options.vfs.c_str());
  Database db(raw);  // SQLite wants even a failed connection closed
  if (rc != SQLITE_OK) return failure(raw, rc, path.string());
  sqlite3_extended_result_codes(raw, 1);
  sqlite3_busy_timeout(raw, kBusyTimeoutMs);
  if (!options.read_only) {
    ZHIYIN_TRY_VOID(db.run(fmt::format("PRAGMA page_size={}; PRAGMA journal_mode=WAL; "
                                       "PRAGMA synchronous=FULL; PRAGMA journal_size_limit={};",
                                       options.page_bytes, options.log_bytes_kept)
                               .c_str()));
  }
  ZHIYIN_TRY_VOID(db.run(fmt::format("PRAGMA cache_size=-{}; PRAGMA foreign_keys=ON; "
                                     "PRAGMA trusted_schema=OFF; PRAGMA temp_store=MEMORY;",
                                     options.cache_kib)
                             .c_str()));
  return db;
}

Result<void> Database::run(const char* sql) {
  const int rc = sqlite3_exec(raw_.get(), sql, nullptr, nullptr, nullptr);
  if (rc != SQLITE_OK) return failure(raw_.get(), rc, sql);
  return {};
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* raw = nullptr;
  const char* tail = nullptr;
  const int rc = sqlite3_prepare_v3(raw_.get(), sql.data(), static_cast<int>(sql.size()),
                                    SQLITE_PREPARE_PERSISTENT, &raw, &tail);
  Statement statement(raw);
  if (rc != SQLITE_OK) return failure(raw_.get(), rc, sql);
  const std::string_view rest(tail, static_cast<std::size_t>(sql.data() + sql.size() - tail));
  if (raw == nullptr || rest.find_first_not_of(" \t\r\n;") != std::string_view::npos) {
    return fail(ErrorCode::kInternal, "sqlite: exactly one statement expected: {}", sql);
  }
  return statement;
}

Result<std::int64_t> Database::query_int(const char* sql) {
  ZHIYIN_TRY(Statement statement, prepare(sql));
  ZHIYIN_TRY(const bool found, statement.step());
  return found ? statement.int_at(0) : 0;
}

std::int64_t Database::changes() const { return sqlite3_changes64(raw_.get()); }

bool Database::in_transaction() const { return sqlite3_get_autocommit(raw_.get()) == 0; }

Result<Database::Checkpoint> Database::checkpoint() {
  Checkpoint result;
  const int rc = sqlite3_wal_checkpoint_v2(raw_.get(), nullptr, SQLITE_CHECKPOINT_PASSIVE,
                                           &result.pages, &result.copied);
  if (rc != SQLITE_OK) return failure(raw_.get(), rc, "checkpoint");
  return result;
}

Result<void> Database::copy_to(const std::filesystem::path& file) {
  std::error_code error;
  if (std::filesystem::exists(file, error)) {
    return fail(ErrorCode::kConflict, "sqlite: copy: {} exists", file.string());
  }
  sqlite3* target = nullptr;
  int rc =
      sqlite3_open_v2(file.c_str(), &target, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
  Result<void> outcome;
  if (rc == SQLITE_OK) {
    // All in one step, so from one snapshot; the copy is synced by whoever takes it over.
    (void)sqlite3_exec(target, "PRAGMA synchronous=OFF", nullptr, nullptr, nullptr);
    sqlite3_backup* backup = sqlite3_backup_init(target, "main", raw_.get(), "main");
    if (backup == nullptr) {
      outcome = failure(target, sqlite3_errcode(target), "copy");
    } else {
      rc = sqlite3_backup_step(backup, -1);
      (void)sqlite3_backup_finish(backup);
      if (rc != SQLITE_DONE) outcome = failure(nullptr, rc, "copy");
    }
  } else {
    outcome = failure(target, rc, "copy");
  }
  sqlite3_close(target);
  if (!outcome) std::filesystem::remove(file, error);
  return outcome;
}

void Database::stop_automatic_checkpoints() { sqlite3_wal_autocheckpoint(raw_.get(), 0); }

void Database::count_log_pages(int& pages) {
  const auto note = [](void* out, sqlite3*, const char*, int in_log) {
    *static_cast<int*>(out) = in_log;
    return SQLITE_OK;
  };
  sqlite3_wal_hook(raw_.get(), note, &pages);
}

}  // namespace zhiyin::storage::detail
