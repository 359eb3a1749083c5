#include "server/text_rows.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <fstream>

#include "base/json_binding.h"
#include "base/utf8.h"
#include "ingest/table_reader.h"
#include "server/text_analysis.h"

namespace zhiyin::server {
namespace {

namespace fs = std::filesystem;
using ingest::RowBlock;

/// What is wrong with a text as such; the rest is said by the analysis.
std::string fault_of(std::string_view text) {
  if (text.empty()) return "is empty";
  if (text.size() > kAnalyzeBytesMax)
    return fmt::format("has {} bytes, at most {}", text.size(), kAnalyzeBytesMax);
  return utf8::is_valid(text) ? "" : "is not UTF-8";
}

class Lines final : public TextRows {
 public:
  Lines(const fs::path& path, std::ifstream in) : in_(std::move(in)) {
    std::error_code ec;
    const auto size = fs::file_size(path, ec);
    bytes_ = ec ? 0 : size;
  }

  Result<std::vector<TextRow>> next(std::size_t most) override {
    std::vector<TextRow> out;
    std::string line;
    while (out.size() < most && std::getline(in_, line)) {
      read_ += line.size() + 1;
      std::string_view text = line;
      if (++number_ == 1 && text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
      if (text.ends_with('\r')) text.remove_suffix(1);
      TextRow row{.number = number_, .text = {}, .id = {}, .fault = fault_of(text)};
      if (row.fault.empty()) row.text = text;
      out.push_back(std::move(row));
    }
    if (in_.bad()) return fail(ErrorCode::kDataLoss, "file: cannot be read further");
    return out;
  }
  [[nodiscard]] double share() const override {
    return bytes_ == 0 ? 1
                       : std::min(1.0, static_cast<double>(read_) / static_cast<double>(bytes_));
  }

 private:
  std::ifstream in_;
  std::uint64_t bytes_ = 0, read_ = 0;
  std::int64_t number_ = 0;
};

class Table final : public TextRows {
 public:
  Table(std::unique_ptr<ingest::TableReader> reader, std::size_t text,
        std::optional<std::size_t> id)
      : reader_(std::move(reader)), text_(text), id_(id) {}

  Result<std::vector<TextRow>> next(std::size_t most) override {
    std::vector<TextRow> out;
    while (out.size() < most) {
      if (at_ == block_.rows.size()) {
        ZHIYIN_TRY(const bool more, reader_->next(block_));
        at_ = 0;
        if (!more) {
          block_.rows.clear();
          break;
        }
        continue;
      }
      out.push_back(row_of(block_.rows[at_++]));
    }
    return out;
  }
  [[nodiscard]] double share() const override {
    const auto bytes = static_cast<double>(reader_->bytes_total());
    return bytes <= 0 ? 1 : std::min(1.0, static_cast<double>(block_.bytes_done) / bytes);
  }

 private:
  TextRow row_of(const RowBlock::Row& row) const {
    TextRow out{.number = row.number, .text = {}, .id = {}, .fault = {}};
    const std::string_view text = block_.cell(row, text_);
    out.fault = row.fault == RowBlock::Fault::kNone
                    ? fault_of(text)
                    : fmt::format("cannot be read: {}", to_string(row.fault));
    if (out.fault.empty()) out.text = text;
    constexpr std::size_t kIdBytesMax = 200;
    if (id_) out.id = utf8::truncate(utf8::cleaned(block_.cell(row, *id_)), kIdBytesMax);
    return out;
  }

  std::unique_ptr<ingest::TableReader> reader_;
  const std::size_t text_;
  const std::optional<std::size_t> id_;
  RowBlock block_;
  std::size_t at_ = 0;
};

bool is_table(std::string_view name) {
  std::string lower(name);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  std::string_view rest = lower;
  for (const std::string_view packed : {".gz", ".zst"})
    if (rest.ends_with(packed)) rest.remove_suffix(packed.size());
  if (rest.size() < lower.size()) return true;  // only tables are unpacked
  constexpr std::array<std::string_view, 5> kEndings = {".csv", ".tsv", ".jsonl", ".ndjson",
                                                        ".parquet"};
  return std::ranges::any_of(kEndings, [&](std::string_view e) { return rest.ends_with(e); });
}

Result<std::size_t> column_named(const std::vector<std::string>& columns, std::string_view name,
                                 std::string_view field) {
  const auto found = std::ranges::find(columns, name);
  if (found != columns.end()) return static_cast<std::size_t>(found - columns.begin());
  constexpr std::size_t kShown = 20;
  const std::vector<std::string> shown(
      columns.begin(),
      columns.begin() + static_cast<std::ptrdiff_t>(std::min(columns.size(), kShown)));
  return fail_field(field, "'{}' is no column of the file; it has {}", name,
                    utf8::truncate(fmt::format("{}", fmt::join(shown, ", ")), 500));
}

}  // namespace

Result<std::unique_ptr<TextRows>> TextRows::open(const fs::path& path, std::string_view name,
                                                 std::string_view column,
                                                 std::string_view id_column) {
  if (name.ends_with(".txt.gz") || name.ends_with(".txt.zst"))
    return fail_field("name", "'{}': lines of texts are read unpacked, only tables as .gz or .zst",
                      utf8::truncate(name, 80));
  if (!is_table(name)) {
    std::ifstream in(path, std::ios::binary);
    if (!in) return fail(ErrorCode::kUnavailable, "{}: cannot be read", path.string());
    return std::make_unique<Lines>(path, std::move(in));
  }
  auto reader = ingest::TableReader::open(path, name, {});
  if (!reader) {
    Error error = reader.error();
    // What is damaged came from the caller, and is nothing that was stored.
    if (error.code == ErrorCode::kDataLoss) error.code = ErrorCode::kInvalidArgument;
    return std::unexpected(within("name", std::move(error)));
  }
  ZHIYIN_TRY(const std::size_t text, column_named((*reader)->columns(), column, "column"));
  std::optional<std::size_t> id;
  if (!id_column.empty()) {
    ZHIYIN_TRY(id, column_named((*reader)->columns(), id_column, "id"));
  }
  return std::make_unique<Table>(std::move(*reader), text, id);
}

}  // namespace zhiyin::server
