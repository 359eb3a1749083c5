#include "ingest/detail/delimited_reader.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <span>
#include <vector>

#include "base/utf8.h"

namespace zhiyin::ingest::detail {
namespace {

constexpr std::size_t kBlockBytes = 512 << 10;

std::string_view trimmed(std::string_view s) {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t begin = s.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return s.substr(begin, s.find_last_not_of(kBlank) - begin + 1);
}

// A name that cannot be read cannot be found either, so that a bad byte in the header is a fault of
// the file.
Result<void> check_headings(std::span<const std::string> names) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (utf8::is_valid(names[i])) continue;
    return fail(ErrorCode::kInvalidArgument,
                "file: heading {} holds bytes that are no text in the encoding of the file; is it "
                "a text file? Mend the heading, or name all "
                "columns with columns = [...] in [file] of the mapping",
                i + 1);
  }
  return {};
}

// How many cells the first line has, where at least half of the next lines have as many; else 0.
// The last line may be cut.
std::size_t cells_of_lines(std::string_view sample, char delimiter, bool quotes) {
  constexpr int kLinesMax = 20;
  std::vector<std::size_t> seen;
  std::size_t cells = 1;
  bool quoted = false;
  bool empty = true;
  for (std::size_t i = 0; i < sample.size() && seen.size() < kLinesMax; ++i) {
    const char c = sample[i];
    if (quotes && c == '"') quoted = !quoted;
    if (quoted || (c != '\n' && c != '\r')) empty = false;
    if (quoted) continue;
    if (c == delimiter) ++cells;
    const bool last = i + 1 == sample.size();
    if (c != '\n' && !(last && seen.empty())) continue;
    if (!empty) seen.push_back(cells);
    cells = 1;
    empty = true;
  }
  if (seen.empty()) return 0;
  const auto like_the_first = std::ranges::count(seen, seen.front());
  return static_cast<std::size_t>(like_the_first) * 2 > seen.size() ? seen.front() : 0;
}

}  // namespace

Result<void> BlockBytes::extend(std::string& bytes) {
  const std::size_t had = bytes.size();
  const std::size_t want = std::max(kBlockBytes, had / 2);
  bytes.resize(had + want);
  std::size_t got = 0;
  while (got < want && !ended_) {
    auto n = source_->read(bytes.data() + had + got, want - got);
    if (!n) {
      failure = std::move(n.error());
      ended_ = true;
      break;
    }
    ended_ = *n == 0;
    got += *n;
  }
  bytes.resize(had + got);
  return {};
}

Result<std::unique_ptr<TableReader>> DelimitedReader::open(std::unique_ptr<ByteSource> source,
                                                           std::int64_t bytes_total,
                                                           const TableFormat& format,
                                                           char delimiter) {
  std::unique_ptr<DelimitedReader> reader(
      new DelimitedReader(std::move(source), bytes_total, format.quotes, delimiter));
  ZHIYIN_TRY_VOID(reader->read_header(format));
  return reader;
}

Result<void> DelimitedReader::read_header(const TableFormat& format) {
  RowBlock block;
  ZHIYIN_TRY_VOID(bytes_.extend(block.bytes));
  if (block.bytes.empty() && bytes_.failure) return std::unexpected(*bytes_.failure);
  if (block.bytes.starts_with("\xef\xbb\xbf")) block.bytes.erase(0, 3);
  if (format.delimiter.empty()) look_for_delimiter(block.bytes);
  std::size_t at = 0;
  if (!format.columns.empty()) {
    name_columns(format.columns);
    if (format.header) {  // named by the mapping although there is a header: the header is skipped
      while (parse_row(block, at) == Step::kBlank) {
      }
    }
  } else if (format.header) {
    Step step = Step::kBlank;
    while (step == Step::kBlank) step = parse_row(block, at);
    if (bytes_.failure && (block.rows.empty() || at == block.bytes.size()))
      return std::unexpected(*bytes_.failure);
    if (step == Step::kMore && !block.bytes.empty() && at < block.bytes.size()) {
      return fail(ErrorCode::kInvalidArgument,
                  "file: the header has a quote that is never closed, or no end");
    }
    if (block.rows.empty())
      return fail(ErrorCode::kInvalidArgument, "file: is empty, there is not even a header");
    std::vector<std::string> names;
    for (const std::string_view cell : block.cells) names.emplace_back(trimmed(cell));
    ZHIYIN_TRY_VOID(check_headings(names));
    name_columns(std::move(names));
  } else {
    std::size_t ignored = 0;
    RowBlock probe;
    probe.bytes = block.bytes;
    while (parse_row(probe, ignored) == Step::kBlank) {
    }
    if (probe.rows.empty()) return fail(ErrorCode::kInvalidArgument, "file: is empty");
    name_columns(std::vector<std::string>(probe.cells.size()));
  }
  if (columns_.size() > kColumnsMax) {
    return fail(ErrorCode::kInvalidArgument, "file: the header has {} columns, at most {} are read",
                columns_.size(), kColumnsMax);
  }
  rows_ = 0;
  bytes_.keep(std::string_view(block.bytes).substr(at));
  return {};
}

// Tables of spreadsheets are called .csv and hold `;` or tabs. Taken only where the header has none
// of what the name promises and the first lines agree.
void DelimitedReader::look_for_delimiter(std::string_view sample) {
  constexpr char kOthers[] = {'\t', ';', ',', '|'};
  const std::string_view head = sample.substr(0, sample.find('\n'));
  if (head.find(delimiter_) != std::string_view::npos) return;
  for (const char other : kOthers) {
    if (other == delimiter_ || cells_of_lines(sample, other, quotes_) < 2) continue;
    delimiter_ = other;
    found_delimiter_ = other;
    return;
  }
}

// A column is called what stands over it; where nothing or a name that is there already stands, it
// gets a name of its own: `column_3`, `name_2`.
void DelimitedReader::name_columns(std::vector<std::string> names) {
  std::set<std::string> used;
  std::map<std::string, std::vector<std::size_t>> under;
  columns_.clear();
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!names[i].empty()) under[names[i]].push_back(i);
    std::string name = names[i].empty() ? fmt::format("column_{}", i + 1) : names[i];
    const std::string stem = name;
    for (int n = 2; !used.insert(name).second; ++n) name = fmt::format("{}_{}", stem, n);
    columns_.push_back(std::move(name));
  }
  for (auto& [heading, columns] : under) {
    if (columns.size() > 1) repeated_headings_.push_back({heading, std::move(columns)});
  }
}

// Reads one row at `at` and moves behind it. Quoted cells lose their quotes in place.
DelimitedReader::Step DelimitedReader::parse_row(RowBlock& block, std::size_t& at) {
  char* const data = block.bytes.data();
  char* const end = data + block.bytes.size();
  char* const row_begin = data + at;
  char* p = row_begin;
  const std::size_t first_cell = block.cells.size();
  const char delimiter = delimiter_;
  auto give_up = [&] {
    block.cells.resize(first_cell);
    return Step::kMore;
  };
  if (p < end && (*p == '\n' || *p == '\r')) {
    if (*p == '\r' && p + 1 == end && !bytes_.ended()) return Step::kMore;
    at += *p == '\r' && p + 1 < end && p[1] == '\n' ? 2 : 1;
    return Step::kBlank;
  }
  if (p == end) return Step::kMore;
  RowBlock::Fault fault = RowBlock::Fault::kNone;
  while (true) {
    if (quotes_ && p < end && *p == '"') {
      // A cut-off row is read again from its beginning, so nothing may be moved before its end is
      // seen.
      char* q = p + 1;
      std::size_t doubled = 0;
      while (true) {
        q = static_cast<char*>(std::memchr(q, '"', static_cast<std::size_t>(end - q)));
        if (q == nullptr) return give_up();
        if (q + 1 == end && !bytes_.ended()) return give_up();
        if (q + 1 == end || q[1] != '"') break;
        ++doubled;
        q += 2;
      }
      char* const cell_begin = p + 1;
      char* const close = q;
      p = q + 1;
      while (p < end && *p != delimiter && *p != '\n') {
        if (*p != '\r') fault = RowBlock::Fault::kSyntax;
        ++p;
      }
      if (p == end && !bytes_.ended()) return give_up();
      block.cells.emplace_back(cell_begin, static_cast<std::size_t>(close - cell_begin));
      if (doubled != 0) {
        // Marked by its doubled quotes; unquoted below, once the row is complete.
        block.cells.back() = block.arena.keep(block.cells.back());
        char* const kept = const_cast<char*>(block.cells.back().data());  // NOLINT: our own arena
        std::size_t n = 0;
        for (std::size_t i = 0; i < block.cells.back().size(); ++i) {
          kept[n++] = kept[i];
          if (kept[i] == '"') ++i;
        }
        block.cells.back() = {kept, n};
      }
    } else {
      char* const cell_begin = p;
      while (p < end && *p != delimiter && *p != '\n') ++p;
      if (p == end && !bytes_.ended()) return give_up();
      char* cell_end = p;
      if ((p == end || *p == '\n') && cell_end > cell_begin && cell_end[-1] == '\r') --cell_end;
      block.cells.emplace_back(cell_begin, static_cast<std::size_t>(cell_end - cell_begin));
    }
    if (p < end && *p == delimiter) {
      ++p;
      continue;
    }
    break;
  }
  RowBlock::Row& row = block.rows.emplace_back();
  row.number = ++rows_;
  row.first_cell = static_cast<std::uint32_t>(first_cell);
  row.cells = static_cast<std::uint32_t>(block.cells.size() - first_cell);
  row.raw = {row_begin, static_cast<std::size_t>(p - row_begin)};
  if (row.raw.ends_with('\r')) row.raw.remove_suffix(1);
  if (fault == RowBlock::Fault::kNone && !columns_.empty() && row.cells != columns_.size())
    fault = RowBlock::Fault::kCells;
  row.fault = fault;
  if (p < end) ++p;
  at = static_cast<std::size_t>(p - data);
  return Step::kRow;
}

// The row that begins here cannot be read: its first line is given up.
void DelimitedReader::bad_line(RowBlock& block, std::size_t& at, RowBlock::Fault fault) {
  const std::string_view rest = std::string_view(block.bytes).substr(at);
  const std::size_t line = std::min(rest.find('\n'), rest.size());
  RowBlock::Row& row = block.rows.emplace_back();
  row.number = ++rows_;
  row.first_cell = static_cast<std::uint32_t>(block.cells.size());
  row.fault = fault;
  row.raw = rest.substr(0, line);
  skip_line_ = line == rest.size();  // what is left of it comes with the next block
  at += std::min(line + 1, rest.size());
}

// A last row without a line end stops where the data do, perhaps inside a cell.
void DelimitedReader::drop_cut_row(RowBlock& block) {
  if (block.rows.empty() || block.bytes.ends_with('\n')) return;
  const RowBlock::Row& last = block.rows.back();
  if (last.raw.data() + last.raw.size() < block.bytes.data() + block.bytes.size())
    return;  // dropped in `parse_rows`
  block.cells.resize(last.first_cell);
  block.rows.pop_back();
  --rows_;
}

void DelimitedReader::parse_rows(RowBlock& block) {
  std::size_t at = 0;
  if (skip_line_) {
    const std::size_t line = block.bytes.find('\n');
    at = line == std::string::npos ? block.bytes.size() : line + 1;
    skip_line_ = line == std::string::npos;
  }
  while (at < block.bytes.size()) {
    if (parse_row(block, at) != Step::kMore) continue;
    const std::size_t left = block.bytes.size() - at;
    if (bytes_.ended() && bytes_.failure) {
      at = block.bytes.size();  // what the end of the data cut off says nothing about the file
    } else if (bytes_.ended()) {
      bad_line(block, at, RowBlock::Fault::kSyntax);  // only an open quote leads here
    } else if (left > kRowBytesMax) {
      bad_line(block, at, RowBlock::Fault::kTooLong);
    } else {
      break;
    }
  }
  bytes_.keep(std::string_view(block.bytes).substr(at));
}

Result<bool> DelimitedReader::next(RowBlock& block) {
  while (true) {
    block.rows.clear();
    block.cells.clear();
    block.arena.clear();
    bytes_.begin(block.bytes);
    if (!bytes_.ended()) ZHIYIN_TRY_VOID(bytes_.extend(block.bytes));
    if (block.bytes.empty()) {
      if (bytes_.failure) return std::unexpected(*bytes_.failure);
      return false;
    }
    parse_rows(block);
    if (bytes_.failure) drop_cut_row(block);
    if (!utf8::is_valid(block.bytes)) {
      for (RowBlock::Row& row : block.rows) {
        if (row.fault == RowBlock::Fault::kNone && !utf8::is_valid(row.raw))
          row.fault = RowBlock::Fault::kEncoding;
      }
    }
    block.bytes_done = bytes_.bytes_done();
    if (!block.rows.empty()) return true;
  }
}

}  // namespace zhiyin::ingest::detail
