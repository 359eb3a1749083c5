#include "storage/detail/duckdb_connection.h"

#include <utility>

#include "base/utf8.h"
#include "storage/detail/duckdb_values.h"

namespace zhiyin::storage::detail {
namespace {

ErrorCode code_of(duckdb_error_type type) {
  switch (type) {
    case DUCKDB_ERROR_INTERRUPT:
      return ErrorCode::kDeadline;
    case DUCKDB_ERROR_OUT_OF_MEMORY:
    case DUCKDB_ERROR_OUT_OF_RANGE:
      return ErrorCode::kLimitReached;
    case DUCKDB_ERROR_CONVERSION:
    case DUCKDB_ERROR_DECIMAL:
    case DUCKDB_ERROR_MISMATCH_TYPE:
    case DUCKDB_ERROR_DIVIDE_BY_ZERO:
    case DUCKDB_ERROR_OBJECT_SIZE:
    case DUCKDB_ERROR_INVALID_TYPE:
    case DUCKDB_ERROR_INVALID_INPUT:
    case DUCKDB_ERROR_PARSER:  // only our own queries
    case DUCKDB_ERROR_SYNTAX:
    case DUCKDB_ERROR_BINDER:
      return ErrorCode::kInvalidArgument;
    case DUCKDB_ERROR_IO:
    case DUCKDB_ERROR_CONNECTION:
    case DUCKDB_ERROR_TRANSACTION:
      return ErrorCode::kUnavailable;
    case DUCKDB_ERROR_PERMISSION:
      return ErrorCode::kPermissionDenied;
    case DUCKDB_ERROR_CONSTRAINT:
      return ErrorCode::kConflict;
    case DUCKDB_ERROR_NOT_IMPLEMENTED:
      return ErrorCode::kUnsupported;
    case DUCKDB_ERROR_FATAL:
    case DUCKDB_ERROR_INTERNAL:
      return ErrorCode::kInternal;
    default:  // nothing that a row could be blamed for
      return ErrorCode::kUnavailable;
  }
}

/// The first line: what follows points into the statement.
std::string_view first_line(const char* message) {
  if (message == nullptr) return "unknown error";
  const std::string_view text(message);
  return text.substr(0, text.find('\n'));
}

std::unexpected<Error> failure(duckdb_error_type type, const char* message) {
  if (type == DUCKDB_ERROR_OUT_OF_MEMORY)
    return fail(code_of(type), "warehouse: needs more memory than storage.warehouse_memory_mb: {}",
                first_line(message));
  return fail(code_of(type), "warehouse: {}", first_line(message));
}

class QueryResult {
 public:
  QueryResult() = default;
  ~QueryResult() { duckdb_destroy_result(&raw_); }
  QueryResult(const QueryResult&) = delete;
  QueryResult& operator=(const QueryResult&) = delete;
  duckdb_result* operator&() { return &raw_; }
  [[nodiscard]] std::unexpected<Error> error() {
    return failure(duckdb_result_error_type(&raw_), duckdb_result_error(&raw_));
  }
  [[nodiscard]] bool failed() { return duckdb_result_error(&raw_) != nullptr; }
  [[nodiscard]] duckdb_result raw() const { return raw_; }

 private:
  duckdb_result raw_{};
};

class Chunk {
 public:
  explicit Chunk(duckdb_data_chunk raw) : raw_(raw) {}
  ~Chunk() {
    if (raw_ != nullptr) duckdb_destroy_data_chunk(&raw_);
  }
  Chunk(const Chunk&) = delete;
  Chunk& operator=(const Chunk&) = delete;
  [[nodiscard]] duckdb_data_chunk raw() const { return raw_; }

 private:
  duckdb_data_chunk raw_;
};

struct DestroyPrepared {
  using pointer = duckdb_prepared_statement;
  void operator()(duckdb_prepared_statement raw) const { duckdb_destroy_prepare(&raw); }
};
using Prepared = std::unique_ptr<duckdb_prepared_statement, DestroyPrepared>;

struct DestroyAppender {
  using pointer = duckdb_appender;
  void operator()(duckdb_appender raw) const { duckdb_appender_destroy(&raw); }
};
using Appender = std::unique_ptr<duckdb_appender, DestroyAppender>;

duckdb_state bind(duckdb_prepared_statement statement, idx_t index, const Value& value) {
  if (const auto* i = std::get_if<std::int64_t>(&value)) {
    return duckdb_bind_int64(statement, index, *i);
  }
  if (const auto* real = std::get_if<double>(&value)) {
    return duckdb_bind_double(statement, index, *real);
  }
  if (const auto* text = std::get_if<std::string>(&value)) {
    return duckdb_bind_varchar_length(statement, index, text->data(), text->size());
  }
  if (const auto* blob = std::get_if<Blob>(&value)) {
    return duckdb_bind_blob(statement, index, blob->bytes.data(), blob->bytes.size());
  }
  return duckdb_bind_null(statement, index);
}

Result<Prepared> prepare(duckdb_connection connection, std::string_view sql,
                         std::span<const Value> parameters) {
  duckdb_prepared_statement raw = nullptr;
  const bool ok = duckdb_prepare(connection, std::string(sql).c_str(), &raw) == DuckDBSuccess;
  Prepared statement(raw);
  if (!ok) return failure(DUCKDB_ERROR_PARSER, duckdb_prepare_error(raw));
  if (duckdb_nparams(raw) != parameters.size()) {
    return fail(ErrorCode::kInvalidArgument, "warehouse: {} parameters given, {} expected",
                parameters.size(), duckdb_nparams(raw));
  }
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (bind(raw, i + 1, parameters[i]) != DuckDBSuccess) {
      return failure(DUCKDB_ERROR_INVALID_INPUT, duckdb_prepare_error(raw));
    }
  }
  return statement;
}

/// False when the cell is not of the column's type.
bool append_cell(duckdb_appender appender, ColumnType type, const Value& value) {
  if (is_null(value)) return duckdb_append_null(appender) == DuckDBSuccess;
  switch (type) {
    case ColumnType::kInt: {
      const auto* i = std::get_if<std::int64_t>(&value);
      return i != nullptr && duckdb_append_int64(appender, *i) == DuckDBSuccess;
    }
    case ColumnType::kReal:
      if (!std::holds_alternative<double>(value) && !std::holds_alternative<std::int64_t>(value)) {
        return false;
      }
      return duckdb_append_double(appender, as_real(value)) == DuckDBSuccess;
    case ColumnType::kText: {
      const auto* text = std::get_if<std::string>(&value);
      return text != nullptr && utf8::is_valid(*text) &&
             duckdb_append_varchar_length(appender, text->data(), text->size()) == DuckDBSuccess;
    }
  }
  return false;
}

Result<void> append_row(duckdb_appender appender, const Table& table, const Row& row) {
  if (row.size() != table.columns.size()) {
    return fail(ErrorCode::kInvalidArgument, "warehouse: row for {} has {} cells, {} expected",
                table.name, row.size(), table.columns.size());
  }
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (append_cell(appender, table.columns[i].type, row[i])) continue;
    return fail(ErrorCode::kInvalidArgument, "warehouse: cell of {}.{} is not of its type",
                table.name, table.columns[i].name);
  }
  duckdb_appender_end_row(appender);
  return {};
}

}  // namespace

Result<DuckDatabase> DuckDatabase::open(const std::string& path, int memory_mb) {
  const std::pair<const char*, std::string> settings[] = {
      {"memory_limit", fmt::format("{}MB", memory_mb)},
      {"threads", "2"},
      // DuckDB 1.4.4 loses the tables when a checkpoint of its own meets a full disk (the
      // transaction fails, and what is committed next overwrites the file's state). A CHECKPOINT
      // statement that fails leaves the file as it was, so only the adapter makes checkpoints.
      {"checkpoint_threshold", "1TB"},
      // What is freed goes back to the system soon, not when much more is wanted.
      {"allocator_background_threads", "true"},
      {"allocator_flush_threshold", "16MB"},
      // An analyst's SELECT must not read files or the network.
      {"enable_external_access", "false"},
      {"autoinstall_known_extensions", "false"},
      {"autoload_known_extensions", "false"},
      // Saves memory; results have an order only where the query says so, as on ClickHouse.
      {"preserve_insertion_order", "false"},
      {"lock_configuration", "true"},
  };
  duckdb_config config = nullptr;
  duckdb_create_config(&config);
  for (const auto& [name, value] : settings) {
    if (duckdb_set_config(config, name, value.c_str()) != DuckDBSuccess) {
      duckdb_destroy_config(&config);
      return fail(ErrorCode::kInternal, "warehouse: setting {} is refused", name);
    }
  }
  duckdb_database raw = nullptr;
  char* message = nullptr;
  const bool ok = duckdb_open_ext(path.c_str(), &raw, config, &message) == DuckDBSuccess;
  duckdb_destroy_config(&config);
  if (ok) return DuckDatabase(raw);
  const std::string reason(first_line(message));
  duckdb_free(message);
  const bool damaged = reason.find("not a valid DuckDB") != std::string::npos ||
                       reason.find("orrupt") != std::string::npos ||
                       reason.find("checksum") != std::string::npos;
  return fail(damaged ? ErrorCode::kDataLoss : ErrorCode::kUnavailable,
              "warehouse: cannot open {}: {}", path, reason);
}

Result<std::unique_ptr<DuckConnection>> DuckConnection::open(const DuckDatabase& database) {
  duckdb_connection raw = nullptr;
  if (duckdb_connect(database.raw(), &raw) != DuckDBSuccess) {
    return fail(ErrorCode::kUnavailable, "warehouse: cannot connect");
  }
  return std::unique_ptr<DuckConnection>(new DuckConnection(raw));
}

Result<void> DuckConnection::run(const std::string& sql) {
  QueryResult result;
  if (duckdb_query(raw_.get(), sql.c_str(), &result) != DuckDBSuccess) return result.error();
  return {};
}

Result<void> DuckConnection::execute(std::string_view sql, std::span<const Value> parameters) {
  ZHIYIN_TRY(const Prepared statement, prepare(raw_.get(), sql, parameters));
  QueryResult result;
  if (duckdb_execute_prepared(statement.get(), &result) != DuckDBSuccess) return result.error();
  return {};
}

Result<Rows> DuckConnection::select(std::string_view sql, std::span<const Value> parameters,
                                    std::size_t rows_max) {
  ZHIYIN_TRY(const Prepared statement, prepare(raw_.get(), sql, parameters));
  const duckdb_statement_type type = duckdb_prepared_statement_type(statement.get());
  if (type != DUCKDB_STATEMENT_TYPE_SELECT && type != DUCKDB_STATEMENT_TYPE_EXPLAIN) {
    return fail(ErrorCode::kInvalidArgument, "warehouse: only SELECT is allowed in a query");
  }
  QueryResult result;
  if (duckdb_execute_prepared_streaming(statement.get(), &result) != DuckDBSuccess) {
    return result.error();
  }
  Rows rows;
  for (idx_t i = 0; i < duckdb_column_count(&result); ++i) {
    rows.columns.emplace_back(duckdb_column_name(&result, i));
  }
  for (;;) {
    const Chunk chunk(duckdb_fetch_chunk(result.raw()));
    if (chunk.raw() == nullptr || duckdb_data_chunk_get_size(chunk.raw()) == 0) break;
    if (rows.rows.size() + duckdb_data_chunk_get_size(chunk.raw()) > rows_max) {
      return fail(ErrorCode::kLimitReached, "warehouse: query has more than {} rows", rows_max);
    }
    ZHIYIN_TRY_VOID(read_duckdb_chunk(chunk.raw(), rows));
  }
  if (result.failed()) return result.error();
  return rows;
}

Result<void> DuckConnection::append(const Table& table, bool temporary, std::string_view name,
                                    std::span<const Row* const> rows) {
  duckdb_appender raw = nullptr;
  const bool ok = duckdb_appender_create_ext(raw_.get(), temporary ? "temp" : nullptr, nullptr,
                                             std::string(name).c_str(), &raw) == DuckDBSuccess;
  const Appender appender(raw);
  const auto error = [&] {
    duckdb_error_data data = duckdb_appender_error_data(raw);
    auto result = failure(duckdb_error_data_error_type(data), duckdb_error_data_message(data));
    duckdb_destroy_error_data(&data);
    return result;
  };
  if (!ok) return error();
  for (const Row* row : rows) ZHIYIN_TRY_VOID(append_row(raw, table, *row));
  if (duckdb_appender_close(raw) != DuckDBSuccess) return error();
  return {};
}

void DuckConnection::interrupt() { duckdb_interrupt(raw_.get()); }

}  // namespace zhiyin::storage::detail
