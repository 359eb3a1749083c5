#include "model/pairs/labelled_pair.h"

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "base/utf8.h"
#include "base/visible_text.h"
#include "model/text_file.h"

namespace zhiyin::model {
namespace {

std::optional<int> label_of(std::string_view text) {
  if (text == "1" || text == "same") return 1;
  if (text == "0" || text == "different") return 0;
  return std::nullopt;
}

struct Line {
  int same = 0;
  TextPair texts;
};

Result<Line> parse_line(std::string_view line) {
  if (line.empty())
    return fail(ErrorCode::kInvalidArgument, "is empty; expected label TAB text TAB text");
  if (!utf8::is_valid(line)) return fail(ErrorCode::kInvalidArgument, "is not UTF-8");
  const std::size_t tab = line.find('\t');
  const auto same = label_of(line.substr(0, tab));
  if (tab == std::string_view::npos || !same)
    return fail(ErrorCode::kInvalidArgument,
                "begins with '{}', expected 1 or same, 0 or different, and a tab",
                visible_text(utf8::truncate(line.substr(0, tab), 40)));
  ZHIYIN_TRY(const TextPair texts, parse_pair(line.substr(tab + 1)));
  return Line{*same, texts};
}

}  // namespace

Result<TextPair> parse_pair(std::string_view line) {
  if (!utf8::is_valid(line)) return fail(ErrorCode::kInvalidArgument, "is not UTF-8");
  const std::size_t tab = line.find('\t');
  if (tab == std::string_view::npos)
    return fail(ErrorCode::kInvalidArgument, "has no tab between its two texts");
  const TextPair out{line.substr(0, tab), line.substr(tab + 1)};
  if (out.second.contains('\t'))
    return fail(ErrorCode::kInvalidArgument, "has more than two texts between tabs");
  const auto blank = [](std::string_view text) {
    return text.find_first_not_of(' ') == std::string_view::npos;
  };
  if (blank(out.first)) return fail(ErrorCode::kInvalidArgument, "has no first text");
  if (blank(out.second)) return fail(ErrorCode::kInvalidArgument, "has no second text");
  return out;
}

Result<LabelledPairs> parse_labelled_pairs(std::string_view bytes) {
  LabelledPairs out;
  std::unordered_map<std::string_view, std::uint32_t> places;
  const auto place_of = [&](std::string_view text) {
    const auto [at, fresh] = places.try_emplace(text, static_cast<std::uint32_t>(out.texts.size()));
    if (fresh) out.texts.emplace_back(text);
    return at->second;
  };
  std::size_t number = 0, bad = 0;
  std::string first_bad;
  bytes = bytes.substr(0, bytes.find_last_not_of("\r\n") + 1);  // empty lines end many files
  for (const std::string_view line : lines_of(bytes)) {
    if (++number == 1 && line.starts_with("label\t")) {
      out.header = true;
      continue;
    }
    const auto parsed = parse_line(line);
    if (!parsed) {
      if (bad++ == 0) first_bad = fmt::format("line {} {}", number, parsed.error().message);
      continue;
    }
    if (bad > 0) continue;
    if (out.rows() == kLabelledPairsMax)
      return fail(ErrorCode::kLimitReached, "line {}: more than {} pairs", number,
                  kLabelledPairsMax);
    out.first.push_back(place_of(parsed->texts.first));
    out.second.push_back(place_of(parsed->texts.second));
    out.same.push_back(parsed->same);
  }
  if (bad == 1) return fail(ErrorCode::kInvalidArgument, "{}", first_bad);
  if (bad > 1)
    return fail(ErrorCode::kInvalidArgument, "{} (and {} more lines are wrong)", first_bad,
                bad - 1);
  if (out.same.empty()) return fail(ErrorCode::kInvalidArgument, "there are no rows");
  return out;
}

Result<LabelledPairs> read_labelled_pairs(const std::filesystem::path& path) {
  ZHIYIN_TRY(const std::string bytes, read_text_file(path));
  auto out = parse_labelled_pairs(bytes);
  if (!out) out.error().message = path.filename().string() + ": " + out.error().message;
  return out;
}

}  // namespace zhiyin::model
