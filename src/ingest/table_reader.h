#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json_binding.h"
#include "ingest/detail/text_arena.h"

namespace zhiyin::ingest {

inline constexpr std::size_t kRowBytesMax = 1 << 20;
inline constexpr std::size_t kColumnsMax = 2000;

enum class TableKind { kAuto, kCsv, kTsv, kJsonl, kParquet };

/// How a file is read; the `[file]` table of a mapping. What is not said follows from the file's
/// name:
/// `.csv .tsv .txt .inter .jsonl .ndjson .parquet`, each (but Parquet) also with `.gz` or `.zst`.
struct TableFormat {
  TableKind kind = TableKind::kAuto;
  bool header = true;                ///< CSV and TSV: the first row names the columns
  std::vector<std::string> columns;  ///< names where there is no header
  std::string delimiter;  ///< one character; `,` of CSV, tab of TSV; where the header has none,
                          ///< what else the first lines agree on
  bool quotes = true;     ///< false: `"` is a character like any other
  std::string encoding = "auto";  ///< auto (UTF-8, or what the beginning of the file plainly is),
                                  ///< utf-8, gb18030 (also gbk, gb2312), big5, utf-16
};

/// Rows of a table as views into the block's own bytes. Reused from call to call.
struct RowBlock {
  enum class Fault : unsigned char { kNone, kCells, kTooLong, kEncoding, kSyntax };
  struct Row {
    std::int64_t number = 0;       ///< counts the rows of data from 1
    std::uint32_t first_cell = 0;  ///< index into `cells`
    std::uint32_t cells = 0;
    Fault fault = Fault::kNone;  ///< a row with a fault has whatever cells could be read
    std::string_view raw;        ///< the row's bytes, for hashing and for showing what was wrong
  };
  std::vector<Row> rows;
  std::vector<std::string_view> cells;
  std::int64_t bytes_done = 0;  ///< of the file, up to the end of this block

  [[nodiscard]] std::string_view cell(const Row& row, std::size_t column) const {
    return column < row.cells ? cells[row.first_cell + column] : std::string_view();
  }

  // What the views point into: blocks are therefore neither copied nor moved.
  std::string bytes;
  detail::TextArena arena;

  RowBlock() = default;
  RowBlock(const RowBlock&) = delete;
  RowBlock& operator=(const RowBlock&) = delete;
};

std::string_view to_string(RowBlock::Fault fault);

/// Reads a table in blocks of bounded size. Lists inside JSONL and Parquet cells come as their
/// elements joined by kListSeparator; null and absent come empty. Not thread-safe.
class TableReader {
 public:
  static constexpr char kListSeparator = '\x1f';

  /// `name` is what the format is guessed from. kNotFound, kInvalidArgument (no header, unknown
  /// format, wrong encoding: says which it looks like), kUnsupported. Bytes that are wrong here and
  /// there cost their rows only.
  static Result<std::unique_ptr<TableReader>> open(const std::filesystem::path& path,
                                                   std::string_view name,
                                                   const TableFormat& format);
  /// Whether a packed file (by its name) can be unpacked without a fault, but for an end that is
  /// missing: kDataLoss. Reads all of it; `go_on` is asked now and then, false ends it without a
  /// verdict.
  static Result<void> check_packing(const std::filesystem::path& path, std::string_view name,
                                    const std::function<bool()>& go_on);
  virtual ~TableReader() = default;

  [[nodiscard]] virtual const std::vector<std::string>& columns() const = 0;
  /// Fills `block`; false at the end. kDataLoss when a compressed or Parquet file is damaged or cut
  /// short: the whole rows before that were delivered.
  virtual Result<bool> next(RowBlock& block) = 0;
  /// Size of the file, compressed as it is.
  [[nodiscard]] virtual std::int64_t bytes_total() const = 0;

  /// A heading that stands over several columns; `columns` are their indices. All but the first got
  /// names of their own
  /// (`likes_2`).
  struct RepeatedHeading {
    std::string heading;
    std::vector<std::size_t> columns;
  };
  [[nodiscard]] const std::vector<RepeatedHeading>& repeated_headings() const {
    return repeated_headings_;
  }
  /// What the file turned out to be; never kAuto.
  [[nodiscard]] TableKind kind() const { return kind_; }
  /// The encoding that the file is read in, in the words of TableFormat; empty of Parquet.
  [[nodiscard]] const std::string& encoding() const { return encoding_; }

  /// The character between cells, where it is another than the file's name promises.
  [[nodiscard]] const std::optional<char>& found_delimiter() const { return found_delimiter_; }

 protected:
  std::vector<RepeatedHeading> repeated_headings_;
  std::optional<char> found_delimiter_;

 private:
  std::string encoding_;
  TableKind kind_ = TableKind::kAuto;
};

}  // namespace zhiyin::ingest

namespace zhiyin {
template <>
struct EnumNames<ingest::TableKind> {
  static constexpr std::pair<ingest::TableKind, std::string_view> list[] = {
      {ingest::TableKind::kAuto, "auto"},
      {ingest::TableKind::kCsv, "csv"},
      {ingest::TableKind::kTsv, "tsv"},
      {ingest::TableKind::kJsonl, "jsonl"},
      {ingest::TableKind::kParquet, "parquet"}};
};
template <>
struct Fields<ingest::TableFormat> {
  using F = ingest::TableFormat;
  static constexpr std::string_view name = "TableFormat";
  static constexpr auto list = field_list(
      field("format", &F::kind, "csv, tsv, jsonl, parquet; auto: by the file's name").optional(),
      field("header", &F::header, "the first row names the columns").optional(),
      field("columns", &F::columns, "names where there is no header")
          .length(0, ingest::kColumnsMax)
          .optional(),
      field("delimiter", &F::delimiter, "one character").length(0, 1).optional(),
      field("quotes", &F::quotes, "false: a quote is a character like any other").optional(),
      field("encoding", &F::encoding, "auto, utf-8, gb18030, big5 or utf-16")
          .length(1, 20)
          .optional());
};
}  // namespace zhiyin
