#include <duckdb.h>

#include <algorithm>
#include <cstring>

#include "ingest/detail/delimited_reader.h"

namespace zhiyin::ingest::detail {
namespace {

constexpr std::string_view kMemoryMax = "512MB";

std::string sql_text(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out += '\'';
    out += c;
  }
  return out + "'";
}

std::string sql_name(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

// One answer of DuckDB.
class Answer {
 public:
  Answer() = default;
  ~Answer() { duckdb_destroy_result(&result_); }
  Answer(const Answer&) = delete;
  Answer& operator=(const Answer&) = delete;
  duckdb_result* get() { return &result_; }
  duckdb_result& value() { return result_; }

 private:
  duckdb_result result_{};
};

std::string_view text_at(duckdb_vector vector, idx_t row) {
  auto* data = static_cast<duckdb_string_t*>(duckdb_vector_get_data(vector));
  return {duckdb_string_t_data(&data[row]), duckdb_string_t_length(data[row])};
}

// What DuckDB says, without the kind of its error, its query and the path.
std::string plain_reason(std::string_view why, std::string_view path, std::string_view file_name) {
  constexpr std::string_view kQuery = "\nLINE ";
  constexpr std::string_view kKind = " Error: ";
  why = why.substr(0, why.find(kQuery));
  if (const std::size_t kind = why.find(kKind);
      kind != std::string_view::npos && kind < why.find('\n')) {
    why.remove_prefix(kind + kKind.size());
  }
  std::string reason(why);
  for (std::size_t at = 0; (at = reason.find(path, at)) != std::string::npos;
       at += file_name.size())
    reason.replace(at, path.size(), file_name);
  while (!reason.empty() && (reason.back() == '\n' || reason.back() == ' ')) reason.pop_back();
  return reason.empty() ? "no further detail" : reason;
}

class ParquetReader final : public TableReader {
 public:
  ParquetReader(std::filesystem::path path, std::string_view file_name, std::int64_t bytes_total)
      : path_(std::move(path)), file_name_(file_name), bytes_total_(bytes_total) {}
  ~ParquetReader() override {
    duckdb_destroy_prepare(&statement_);
    duckdb_disconnect(&connection_);
    duckdb_close(&database_);
  }
  ParquetReader(const ParquetReader&) = delete;
  ParquetReader& operator=(const ParquetReader&) = delete;

  Result<void> start() {
    if (duckdb_open(nullptr, &database_) != DuckDBSuccess ||
        duckdb_connect(database_, &connection_) != DuckDBSuccess) {
      return fail(ErrorCode::kInternal, "parquet: DuckDB does not start");
    }
    ZHIYIN_TRY_VOID(run(fmt::format("SET memory_limit='{}'", kMemoryMax)));
    ZHIYIN_TRY_VOID(run("SET threads=1"));
    const std::string table = "read_parquet(" + sql_text(path_.string()) + ")";
    ZHIYIN_TRY(const std::string columns, describe(table));
    ZHIYIN_TRY(rows_total_, count(table));
    const std::string sql = "SELECT " + columns + " FROM " + table;
    if (duckdb_prepare(connection_, sql.c_str(), &statement_) != DuckDBSuccess) {
      return unreadable(duckdb_prepare_error(statement_));
    }
    // The streaming form keeps one chunk in memory instead of the whole answer.
    duckdb_pending_result pending = nullptr;
    duckdb_state state = duckdb_pending_prepared_streaming(statement_, &pending);
    if (state == DuckDBSuccess) state = duckdb_execute_pending(pending, rows_.get());
    duckdb_destroy_pending(&pending);
    if (state != DuckDBSuccess) return damaged();
    return {};
  }

  [[nodiscard]] const std::vector<std::string>& columns() const override { return columns_; }
  [[nodiscard]] std::int64_t bytes_total() const override { return bytes_total_; }

  Result<bool> next(RowBlock& block) override {
    block.rows.clear();
    block.cells.clear();
    block.arena.clear();
    block.bytes.clear();
    duckdb_data_chunk chunk = duckdb_fetch_chunk(rows_.value());
    if (chunk == nullptr) {
      if (duckdb_result_error(rows_.get()) != nullptr && *duckdb_result_error(rows_.get()) != '\0')
        return damaged();
      return false;
    }
    take_rows(block, chunk);
    duckdb_destroy_data_chunk(&chunk);
    block.bytes_done = rows_total_ == 0 ? bytes_total_ : bytes_total_ * number_ / rows_total_;
    return !block.rows.empty();
  }

 private:
  Result<void> run(const std::string& sql) {
    Answer answer;
    if (duckdb_query(connection_, sql.c_str(), answer.get()) == DuckDBSuccess) return {};
    return fail(ErrorCode::kInternal, "parquet: {}", duckdb_result_error(answer.get()));
  }

  std::unexpected<Error> damaged() { return unreadable(duckdb_result_error(rows_.get())); }

  // Says it in terms of the user's file: not with the query that was run, nor with the place where
  // the file lies.
  [[nodiscard]] std::unexpected<Error> unreadable(const char* why) const {
    return fail(ErrorCode::kDataLoss, "file: '{}' cannot be read as Parquet: {}", file_name_,
                plain_reason(why == nullptr ? std::string_view() : std::string_view(why),
                             path_.string(), file_name_));
  }

  // Every column as text; lists as their elements joined.
  Result<std::string> describe(const std::string& table) {
    Answer answer;
    if (duckdb_query(connection_, ("DESCRIBE SELECT * FROM " + table).c_str(), answer.get()) !=
        DuckDBSuccess) {
      return unreadable(duckdb_result_error(answer.get()));
    }
    std::string list;
    while (duckdb_data_chunk chunk = duckdb_fetch_chunk(answer.value())) {
      for (idx_t i = 0; i < duckdb_data_chunk_get_size(chunk); ++i) {
        const std::string name(text_at(duckdb_data_chunk_get_vector(chunk, 0), i));
        const std::string_view type = text_at(duckdb_data_chunk_get_vector(chunk, 1), i);
        columns_.push_back(name);
        if (!list.empty()) list += ", ";
        if (type.ends_with("[]") && !type.ends_with("[][]")) {
          list += fmt::format("array_to_string(CAST({} AS VARCHAR[]), chr(31))", sql_name(name));
        } else {
          list += fmt::format("CAST({} AS VARCHAR)", sql_name(name));
        }
      }
      duckdb_destroy_data_chunk(&chunk);
    }
    if (columns_.empty() || columns_.size() > kColumnsMax) {
      return fail(ErrorCode::kInvalidArgument, "file: '{}' has {} columns, 1 to {} are read",
                  file_name_, columns_.size(), kColumnsMax);
    }
    return list;
  }

  Result<std::int64_t> count(const std::string& table) {
    Answer answer;
    if (duckdb_query(connection_, ("SELECT CAST(COUNT(*) AS BIGINT) FROM " + table).c_str(),
                     answer.get()) != DuckDBSuccess) {
      return unreadable(duckdb_result_error(answer.get()));
    }
    duckdb_data_chunk chunk = duckdb_fetch_chunk(answer.value());
    if (chunk == nullptr) return 0;
    const auto n =
        *static_cast<std::int64_t*>(duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0)));
    duckdb_destroy_data_chunk(&chunk);
    return n;
  }

  void take_rows(RowBlock& block, duckdb_data_chunk chunk) {
    const idx_t rows = duckdb_data_chunk_get_size(chunk);
    const std::size_t width = columns_.size();
    block.cells.resize(rows * width);
    for (std::size_t c = 0; c < width; ++c) {
      duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, c);
      std::uint64_t* validity = duckdb_vector_get_validity(vector);
      for (idx_t r = 0; r < rows; ++r) {
        if (validity != nullptr && !duckdb_validity_row_is_valid(validity, r)) continue;
        block.cells[r * width + c] = block.arena.keep(text_at(vector, r));
      }
    }
    for (idx_t r = 0; r < rows; ++r) {
      RowBlock::Row& row = block.rows.emplace_back();
      row.number = ++number_;
      row.first_cell = static_cast<std::uint32_t>(r * width);
      row.cells = static_cast<std::uint32_t>(width);
      row.raw = joined(block, row);
    }
  }

  // What stands for the row's own bytes.
  static std::string_view joined(RowBlock& block, const RowBlock::Row& row) {
    std::size_t size = 0;
    for (std::size_t c = 0; c < row.cells; ++c) size += block.cell(row, c).size() + 1;
    char* const begin = block.arena.take(size);
    char* p = begin;
    for (std::size_t c = 0; c < row.cells; ++c) {
      const std::string_view cell = block.cell(row, c);
      if (!cell.empty()) std::memcpy(p, cell.data(), cell.size());
      p += cell.size();
      *p++ = '\t';
    }
    return {begin, size};
  }

  const std::filesystem::path path_;
  const std::string file_name_;
  const std::int64_t bytes_total_;
  duckdb_database database_ = nullptr;
  duckdb_connection connection_ = nullptr;
  duckdb_prepared_statement statement_ = nullptr;
  Answer rows_;
  std::vector<std::string> columns_;
  std::int64_t rows_total_ = 0;
  std::int64_t number_ = 0;
};

}  // namespace

Result<std::unique_ptr<TableReader>> open_parquet(const std::filesystem::path& path,
                                                  std::string_view file_name,
                                                  std::int64_t bytes_total) {
  auto reader = std::make_unique<ParquetReader>(path, file_name, bytes_total);
  ZHIYIN_TRY_VOID(reader->start());
  return reader;
}

}  // namespace zhiyin::ingest::detail
