#include "recommend/interaction_file.h"

#include <algorithm>
#include <optional>
#include <span>
#include <utility>

#include "base/utf8.h"
#include "model/text_file.h"

namespace zhiyin::recommend {
namespace {

/// In lower case and without underscores.
constexpr std::string_view kUserColumns[] = {"userid", "user"};
constexpr std::string_view kItemColumns[] = {"itemid", "item"};
constexpr std::string_view kTimeColumns[] = {"timestamp",  "time",      "datetime", "date",
                                             "occurredat", "createdat", "ts"};
/// No user is called so: a header, but not one that names users and items.
constexpr std::string_view kOtherColumns[] = {"uid", "iid", "rating", "timestamp"};

/// Takes the next line, without its end.
std::string_view next_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

bool is_blank(std::string_view line) { return line.find_first_not_of(" \t") == line.npos; }

std::string_view trimmed(std::string_view cell) {
  while (cell.starts_with(' ')) cell.remove_prefix(1);
  while (cell.ends_with(' ')) cell.remove_suffix(1);
  if (cell.size() >= 2 && cell.starts_with('"') && cell.ends_with('"')) {
    cell.remove_prefix(1);
    cell.remove_suffix(1);
  }
  return cell;
}

/// Where the cell at the beginning of `line` ends: at the separator, which does not count between
/// quotes that enclose the whole cell.
std::size_t cell_end(std::string_view line, char separator) {
  const std::size_t end = std::min(line.find(separator), line.size());
  const std::size_t begin = std::min(line.find_first_not_of(' '), line.size());
  if (begin >= end || line[begin] != '"') return end;
  std::size_t quote = line.find('"', begin + 1);
  // A doubled quote is one of the name's.
  while (quote != line.npos && line.substr(quote + 1).starts_with('"'))
    quote = line.find('"', quote + 2);
  if (quote == line.npos || quote < end) return end;
  const std::size_t after = std::min(line.find_first_not_of(' ', quote + 1), line.size());
  if (after == line.size() || line[after] == separator) return after;
  return separator == ' ' && after > quote + 1 ? quote + 1 : end;
}

/// Several blanks in a row are one separator; commas and tabs each are one.
void split(std::string_view line, char separator, std::vector<std::string_view>& cells) {
  cells.clear();
  while (true) {
    if (separator == ' ') {
      const std::size_t begin = line.find_first_not_of(' ');
      if (begin == line.npos) return;
      line.remove_prefix(begin);
    }
    const std::size_t end = cell_end(line, separator);
    cells.push_back(trimmed(line.substr(0, end)));
    if (end == line.size()) return;
    line.remove_prefix(end + 1);
  }
}

/// A column's name without its type, in lower case and without underscores.
std::string plain_name(std::string_view column) {
  std::string out;
  for (const char c : column.substr(0, column.find(':'))) {
    if (c != '_') out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return out;
}

std::optional<std::size_t> column_of(const std::vector<std::string_view>& header,
                                     std::span<const std::string_view> names) {
  for (const std::string_view name : names) {
    for (std::size_t i = 0; i < header.size(); ++i) {
      if (plain_name(header[i]) == name) return i;
    }
  }
  return std::nullopt;
}

std::unexpected<Error> wrong(std::string_view name, std::size_t line, std::string_view what) {
  return fail(ErrorCode::kInvalidArgument, "{}: line {}: {}", name, line, what);
}

bool is_nan(std::string_view cell) {
  return cell.size() == 3 && (cell[0] | 0x20) == 'n' && (cell[1] | 0x20) == 'a' &&
         (cell[2] | 0x20) == 'n';
}

/// What is wrong with the bytes of a line; empty for nothing.
std::string_view fault_of_line(std::string_view line) {
  if (!utf8::is_valid(line)) return "is not UTF-8";
  if (line.find('\0') != line.npos) return "has a NUL byte: no text, or UTF-16";
  if (line.find('\r') != line.npos)
    return "has a carriage return within: lines end with LF or CRLF";
  return {};
}

/// What is wrong with the name of a user or an item; empty for nothing.
std::string_view fault_of_name(std::string_view cell) {
  if (cell.size() > kInteractionNameBytesMax) return "a name has more than 1024 bytes";
  if (is_nan(cell)) return "a user or an item is NaN: leave rows with missing values out";
  return {};
}

/// The cells of each line that is not blank, and its number.
Result<void> for_each_line(
    std::string_view text, std::string_view name,
    const std::function<Result<void>(std::size_t, const std::vector<std::string_view>&)>& take) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  std::vector<std::string_view> cells;
  char separator = 0;  // of the first line that has one
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::string_view line = next_line(text);
    if (is_blank(line)) continue;
    if (const auto fault = fault_of_line(line); !fault.empty()) return wrong(name, number, fault);
    if (separator == 0) {
      const auto has = [&](char c) { return line.find(c) != line.npos; };
      separator = has(',') ? ',' : has('\t') ? '\t' : has(' ') ? ' ' : 0;
    }
    split(line, separator == 0 ? ' ' : separator, cells);
    ZHIYIN_TRY_VOID(take(number, cells));
  }
  return {};
}

}  // namespace

Result<std::vector<NamedPair>> parse_interactions(std::string_view text, std::string_view name,
                                                  std::size_t pairs_max) {
  std::vector<NamedPair> out;
  std::optional<std::size_t> user;
  std::optional<std::size_t> item;
  bool is_first = true;
  const auto take = [&](std::size_t number,
                        const std::vector<std::string_view>& cells) -> Result<void> {
    if (std::exchange(is_first, false)) {
      user = column_of(cells, kUserColumns);
      item = column_of(cells, kItemColumns);
      if (user && item) return {};
      if (user || item || column_of(cells, kOtherColumns))
        return wrong(name, number, "a header has the columns userID and itemID");
    }
    if (out.size() + (user ? 1 : cells.size() - 1) > pairs_max)
      return fail(ErrorCode::kLimitReached, "{}: line {}: more than {} pairs of user and item",
                  name, number, pairs_max);
    if (user) {
      if (std::max(*user, *item) >= cells.size())
        return wrong(name, number, "has too few cells for a user and an item");
      if (cells[*user].empty() || cells[*item].empty())
        return wrong(name, number, "the user or the item is empty");
      for (const std::string_view cell : {cells[*user], cells[*item]}) {
        if (const auto fault = fault_of_name(cell); !fault.empty())
          return wrong(name, number, fault);
      }
      out.emplace_back(cells[*user], cells[*item]);
      return {};
    }
    if (cells[0].empty()) return wrong(name, number, "the user is empty");
    for (const std::string_view cell : cells) {
      if (const auto fault = fault_of_name(cell); !fault.empty()) return wrong(name, number, fault);
    }
    for (std::size_t i = 1; i < cells.size(); ++i) {
      if (!cells[i].empty()) out.emplace_back(cells[0], cells[i]);
    }
    return {};
  };
  ZHIYIN_TRY_VOID(for_each_line(text, name, take));
  return out;
}

Result<void> for_each_timed_row(std::string_view text, std::string_view name,
                                const std::function<Result<void>(const TimedRow&)>& take) {
  std::optional<std::size_t> columns[3];
  bool is_first = true;
  return for_each_line(
      text, name,
      [&](std::size_t number, const std::vector<std::string_view>& cells) -> Result<void> {
        if (std::exchange(is_first, false)) {
          columns[0] = column_of(cells, kUserColumns);
          columns[1] = column_of(cells, kItemColumns);
          columns[2] = column_of(cells, kTimeColumns);
          if (columns[0] && columns[1] && columns[2]) return {};
          return wrong(name, number, "a header of events has the columns user, item and timestamp");
        }
        std::string_view found[3];
        for (std::size_t i = 0; i < 3; ++i) {
          if (*columns[i] >= cells.size())
            return wrong(name, number, "has too few cells for a user, an item and a time");
          found[i] = cells[*columns[i]];
          if (found[i].empty())
            return wrong(name, number, "the user, the item or the time is empty");
        }
        for (const std::string_view cell : {found[0], found[1]}) {
          if (const auto fault = fault_of_name(cell); !fault.empty())
            return wrong(name, number, fault);
        }
        const auto taken = take({found[0], found[1], found[2]});
        return taken ? Result<void>() : wrong(name, number, taken.error().message);
      });
}

Result<std::vector<NamedPair>> read_interaction_file(const std::filesystem::path& path) {
  ZHIYIN_TRY(const std::string text, model::read_text_file(path));
  return parse_interactions(text, path.string());
}

}  // namespace zhiyin::recommend
