#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ingest/detail/byte_source.h"
#include "ingest/table_reader.h"

namespace zhiyin::ingest::detail {

/// Bytes of a block: what was left of the last row, then as much as is read at once.
class BlockBytes {
 public:
  explicit BlockBytes(std::unique_ptr<ByteSource> source) : source_(std::move(source)) {}
  /// Puts at least one more byte behind what `bytes` holds, if the file has one.
  Result<void> extend(std::string& bytes);
  /// Begins a block with what the last one left.
  void begin(std::string& bytes) {
    bytes.swap(rest_);
    rest_.clear();
  }
  /// Keeps the bytes from `at` for the next block.
  void keep(std::string_view rest) { rest_ = rest; }
  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] std::int64_t bytes_done() const { return source_->bytes_done(); }
  /// An error of the file that comes to light once everything before it was delivered.
  std::optional<Error> failure;

 private:
  std::unique_ptr<ByteSource> source_;
  std::string rest_;
  bool ended_ = false;
};

/// CSV (RFC 4180) and TSV. A quote that is never closed costs its own line, not the rest of the
/// file.
class DelimitedReader final : public TableReader {
 public:
  static Result<std::unique_ptr<TableReader>> open(std::unique_ptr<ByteSource> source,
                                                   std::int64_t bytes_total,
                                                   const TableFormat& format, char delimiter);

  [[nodiscard]] const std::vector<std::string>& columns() const override { return columns_; }
  Result<bool> next(RowBlock& block) override;
  [[nodiscard]] std::int64_t bytes_total() const override { return bytes_total_; }

 private:
  DelimitedReader(std::unique_ptr<ByteSource> source, std::int64_t bytes_total, bool quotes,
                  char delimiter)
      : bytes_(std::move(source)),
        bytes_total_(bytes_total),
        quotes_(quotes),
        delimiter_(delimiter) {}
  Result<void> read_header(const TableFormat& format);
  void look_for_delimiter(std::string_view sample);
  void name_columns(std::vector<std::string> names);
  void parse_rows(RowBlock& block);
  enum class Step { kRow, kBlank, kMore };
  Step parse_row(RowBlock& block, std::size_t& at);
  void bad_line(RowBlock& block, std::size_t& at, RowBlock::Fault fault);
  void drop_cut_row(RowBlock& block);

  BlockBytes bytes_;
  const std::int64_t bytes_total_;
  const bool quotes_;
  char delimiter_;
  std::vector<std::string> columns_;
  std::int64_t rows_ = 0;
  bool skip_line_ = false;  // the next block begins inside a line that was given up
};

/// JSON objects, one a line; nested members are columns `outer.inner`.
class JsonLinesReader final : public TableReader {
 public:
  static Result<std::unique_ptr<TableReader>> open(std::unique_ptr<ByteSource> source,
                                                   std::int64_t bytes_total);
  ~JsonLinesReader() override;

  [[nodiscard]] const std::vector<std::string>& columns() const override;
  Result<bool> next(RowBlock& block) override;
  [[nodiscard]] std::int64_t bytes_total() const override;

 private:
  struct Inner;
  explicit JsonLinesReader(std::unique_ptr<Inner> inner);
  std::unique_ptr<Inner> inner_;
};

/// Through DuckDB.
Result<std::unique_ptr<TableReader>> open_parquet(const std::filesystem::path& path,
                                                  std::string_view file_name,
                                                  std::int64_t bytes_total);

}  // namespace zhiyin::ingest::detail
