#include "recommend/interaction_file.h"

#include <algorithm>
#include <optional>
#include <span>

#include "base/utf8.h"
#include "model/text_file.h"

namespace zhiyin::recommend {
namespace {

constexpr std::string_view kUserColumns[] = {"userID", "user_id", "user"};
constexpr std::string_view kItemColumns[] = {"itemID", "item_id", "item"};

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

/// Several blanks in a row are one separator; commas and tabs each are one.
void split(std::string_view line, char separator, std::vector<std::string_view>& cells) {
  cells.clear();
  while (true) {
    if (separator == ' ') {
      const std::size_t begin = line.find_first_not_of(' ');
      if (begin == line.npos) return;
      line.remove_prefix(begin);
    }
    const std::size_t end = line.find(separator);
    cells.push_back(trimmed(line.substr(0, end)));
    if (end == line.npos) return;
    line.remove_prefix(end + 1);
  }
}

std::optional<std::size_t> column_of(const std::vector<std::string_view>& header,
                                     std::span<const std::string_view> names) {
  for (const std::string_view name : names) {
    for (std::size_t i = 0; i < header.size(); ++i) {
      if (header[i].substr(0, header[i].find(':')) == name) return i;
    }
  }
  return std::nullopt;
}

std::unexpected<Error> wrong(std::string_view name, std::size_t line, std::string_view what) {
  return fail(ErrorCode::kInvalidArgument, "{}: line {}: {}", name, line, what);
}

}  // namespace

Result<std::vector<NamedPair>> parse_interactions(std::string_view text, std::string_view name) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  std::vector<NamedPair> out;
  std::vector<std::string_view> cells;
  std::optional<std::size_t> user;
  std::optional<std::size_t> item;
  char separator = 0;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::string_view line = next_line(text);
    if (is_blank(line)) continue;
    if (!utf8::is_valid(line)) return wrong(name, number, "is not UTF-8");
    if (separator == 0) {
      const auto has = [&](char c) { return line.find(c) != line.npos; };
      separator = has(',') ? ',' : has('\t') ? '\t' : ' ';
      split(line, separator, cells);
      user = column_of(cells, kUserColumns);
      item = column_of(cells, kItemColumns);
      if (user && item) continue;
      if (user || item) return wrong(name, number, "a header has the columns userID and itemID");
    } else {
      split(line, separator, cells);
    }
    if (user) {
      if (std::max(*user, *item) >= cells.size())
        return wrong(name, number, "has too few cells for a user and an item");
      if (cells[*user].empty() || cells[*item].empty())
        return wrong(name, number, "the user or the item is empty");
      out.emplace_back(cells[*user], cells[*item]);
      continue;
    }
    if (cells[0].empty()) return wrong(name, number, "the user is empty");
    for (std::size_t i = 1; i < cells.size(); ++i) {
      if (!cells[i].empty()) out.emplace_back(cells[0], cells[i]);
    }
  }
  return out;
}

Result<std::vector<NamedPair>> read_interaction_file(const std::filesystem::path& path) {
  ZHIYIN_TRY(const std::string text, model::read_text_file(path));
  return parse_interactions(text, path.string());
}

}  // namespace zhiyin::recommend
