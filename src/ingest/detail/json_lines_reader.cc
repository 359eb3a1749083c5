#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <unordered_map>

#include "base/json.h"
#include "base/utf8.h"
#include "ingest/detail/delimited_reader.h"

namespace zhiyin::ingest::detail {
namespace {

namespace dom = simdjson::dom;
using Type = dom::element_type;

// Rows whose members name the columns.
constexpr std::size_t kHeaderRows = 1000;
constexpr int kNestedMax = 4;

void append_scalar(std::string& out, const dom::element& v) {
  char buffer[24];
  switch (v.type()) {
    case Type::STRING:
      out += std::string_view(v);
      return;
    case Type::INT64:
      out.append(buffer, std::to_chars(std::begin(buffer), std::end(buffer), std::int64_t(v)).ptr);
      return;
    case Type::UINT64:
      out.append(buffer, std::to_chars(std::begin(buffer), std::end(buffer), std::uint64_t(v)).ptr);
      return;
    case Type::DOUBLE:
      append_json_number(out, double(v));
      return;
    case Type::BOOL:
      out += bool(v) ? "true" : "false";
      return;
    case Type::NULL_VALUE:
      return;
    default:
      out += simdjson::to_string(v);
      return;
  }
}

// Calls `take(path, element)` for every member that is no object, nested ones with their outer
// names before them.
template <class Take>
void flatten(const dom::object& object, std::string& path, int depth, const Take& take) {
  const std::size_t outer = path.size();
  for (const auto& [key, value] : object) {
    path.resize(outer);
    if (outer != 0) path += '.';
    path += key;
    dom::object inner;
    if (depth < kNestedMax && value.get(inner) == simdjson::SUCCESS) {
      flatten(inner, path, depth + 1, take);
    } else {
      take(path, value);
    }
  }
  path.resize(outer);
}

}  // namespace

struct JsonLinesReader::Inner {
  Inner(std::unique_ptr<ByteSource> source, std::int64_t total)
      : bytes(std::move(source)), bytes_total(total) {}

  BlockBytes bytes;
  std::int64_t bytes_total;
  std::vector<std::string> columns;
  std::unordered_map<std::string, std::size_t> column_of;
  std::int64_t rows = 0;
  bool skip_line = false;
  dom::parser parser;
  std::string path;
  std::string text;
  std::string line_copy;

  // The object of a line; the parser wants its own padded copy.
  bool parse(std::string_view line, dom::object& object) {
    line_copy.assign(line);
    line_copy.reserve(line.size() + simdjson::SIMDJSON_PADDING);
    return parser.parse(line_copy.data(), line.size(), false).get(object) == simdjson::SUCCESS;
  }

  void name_columns(std::string_view sample) {
    std::size_t lines = 0;
    while (!sample.empty() && lines < kHeaderRows) {
      const std::size_t end = sample.find('\n');
      if (end == std::string_view::npos && !bytes.ended()) break;
      const std::string_view line = sample.substr(0, end);
      sample.remove_prefix(std::min(line.size() + 1, sample.size()));
      ++lines;
      dom::object object;
      if (!parse(line, object)) continue;
      flatten(object, path, 0, [&](const std::string& name, const dom::element&) {
        if (columns.size() < kColumnsMax && column_of.emplace(name, columns.size()).second)
          columns.push_back(name);
      });
    }
  }

  void parse_line(RowBlock& block, std::string_view line) {
    RowBlock::Row& row = block.rows.emplace_back();
    row.number = ++rows;
    row.first_cell = static_cast<std::uint32_t>(block.cells.size());
    row.raw = line;
    dom::object object;
    if (line.size() > kRowBytesMax) {
      row.fault = RowBlock::Fault::kTooLong;
    } else if (!parse(line, object)) {
      row.fault = utf8::is_valid(line) ? RowBlock::Fault::kSyntax : RowBlock::Fault::kEncoding;
    } else {
      block.cells.resize(block.cells.size() + columns.size());
      row.cells = static_cast<std::uint32_t>(columns.size());
      flatten(object, path, 0, [&](const std::string& name, const dom::element& value) {
        const auto found = column_of.find(name);
        if (found != column_of.end())
          block.cells[row.first_cell + found->second] = keep(block, value);
      });
    }
  }

  std::string_view keep(RowBlock& block, const dom::element& value) {
    text.clear();
    dom::array array;
    if (value.get(array) == simdjson::SUCCESS) {
      bool first = true;
      for (const dom::element entry : array) {
        if (!first) text += kListSeparator;
        first = false;
        append_scalar(text, entry);
      }
    } else {
      append_scalar(text, value);
    }
    return block.arena.keep(text);
  }

  void parse_block(RowBlock& block) {
    std::string_view rest = block.bytes;
    while (!rest.empty()) {
      const std::size_t end = rest.find('\n');
      if (end == std::string_view::npos && !bytes.ended() && rest.size() <= kRowBytesMax) break;
      if (end == std::string_view::npos && bytes.failure) {  // cut by the damage
        rest = {};
        break;
      }
      std::string_view line = rest.substr(0, end);
      rest.remove_prefix(std::min(line.size() + 1, rest.size()));
      const bool skipped = skip_line;
      skip_line = end == std::string_view::npos && !bytes.ended();
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (!skipped && line.find_first_not_of(" \t") != std::string_view::npos)
        parse_line(block, line);
    }
    bytes.keep(rest);
  }
};

JsonLinesReader::JsonLinesReader(std::unique_ptr<Inner> inner) : inner_(std::move(inner)) {}
JsonLinesReader::~JsonLinesReader() = default;
const std::vector<std::string>& JsonLinesReader::columns() const { return inner_->columns; }
std::int64_t JsonLinesReader::bytes_total() const { return inner_->bytes_total; }

Result<std::unique_ptr<TableReader>> JsonLinesReader::open(std::unique_ptr<ByteSource> source,
                                                           std::int64_t bytes_total) {
  auto inner = std::make_unique<Inner>(std::move(source), bytes_total);
  std::string sample;
  ZHIYIN_TRY_VOID(inner->bytes.extend(sample));
  if (sample.empty() && inner->bytes.failure) return std::unexpected(*inner->bytes.failure);
  if (sample.starts_with("\xef\xbb\xbf")) sample.erase(0, 3);
  inner->name_columns(sample);
  if (inner->columns.empty() && inner->bytes.failure) return std::unexpected(*inner->bytes.failure);
  if (inner->columns.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "file: none of the first lines is a JSON object with members");
  }
  inner->bytes.keep(sample);
  return std::unique_ptr<TableReader>(new JsonLinesReader(std::move(inner)));
}

Result<bool> JsonLinesReader::next(RowBlock& block) {
  while (true) {
    block.rows.clear();
    block.cells.clear();
    block.arena.clear();
    inner_->bytes.begin(block.bytes);
    if (!inner_->bytes.ended()) ZHIYIN_TRY_VOID(inner_->bytes.extend(block.bytes));
    if (block.bytes.empty()) {
      if (inner_->bytes.failure) return std::unexpected(*inner_->bytes.failure);
      return false;
    }
    inner_->parse_block(block);
    block.bytes_done = inner_->bytes.bytes_done();
    if (!block.rows.empty()) return true;
  }
}

}  // namespace zhiyin::ingest::detail
