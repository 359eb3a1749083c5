#include "text/term.h"

#include <algorithm>
#include <charconv>

#include "base/utf8.h"

namespace zhiyin::text {
namespace {

std::string_view cut_field(std::string_view& line) {
  const std::size_t tab = std::min(line.find('\t'), line.size());
  const std::string_view field = line.substr(0, tab);
  line.remove_prefix(std::min(tab + 1, line.size()));
  return field;
}

Result<Term> parse_line(std::string_view line) {
  Term term;
  term.text = cut_field(line);
  term.category = cut_field(line);
  if (const std::string_view severity = cut_field(line); !severity.empty()) {
    const auto read =
        std::from_chars(severity.data(), severity.data() + severity.size(), term.severity);
    if (read.ec != std::errc{} || read.ptr != severity.data() + severity.size())
      return fail_field("severity", "'{}' is no number",
                        utf8::truncate(utf8::cleaned(severity), 40));
  }
  if (!line.empty())
    return fail_field("severity", "'{}' follows: a line is a term, a category and a severity",
                      utf8::truncate(utf8::cleaned(line), 40));
  ZHIYIN_TRY_VOID(check(term));
  return term;
}

}  // namespace

Result<void> check(const Term& term) {
  if (term.text.empty()) return fail_field("text", "is empty");
  if (!utf8::is_valid(term.text)) return fail_field("text", "is not UTF-8");
  if (const std::size_t characters = utf8::length(term.text); characters > kTermCharactersMax)
    return fail_field("text", "has {} characters, at most {}", characters, kTermCharactersMax);
  if (!utf8::is_valid(term.category)) return fail_field("category", "is not UTF-8");
  if (term.category.size() > kCategoryBytesMax)
    return fail_field("category", "has {} bytes, at most {}", term.category.size(),
                      kCategoryBytesMax);
  if (term.severity < 1 || term.severity > kSeverityMax)
    return fail_field("severity", "is {}, it goes from 1 to {}", term.severity, kSeverityMax);
  return {};
}

Result<MatchViews> parse_views(std::string_view names) {
  if (names == "all") return kAllViews;
  MatchViews views = 0;
  while (!names.empty()) {
    const std::size_t comma = std::min(names.find(','), names.size());
    const std::string_view name = names.substr(0, comma);
    const auto at = std::ranges::find(kMatchViewNames, name);
    if (at == kMatchViewNames.end())
      return fail_field("views",
                        "'{}' is no view; there are all, plain, mixed_script, noise, "
                        "repeats, homophone, shape",
                        name.substr(0, 40));
    views |= static_cast<MatchViews>(1U << (at - kMatchViewNames.begin()));
    names.remove_prefix(std::min(comma + 1, names.size()));
  }
  if (views == 0) return fail_field("views", "is empty");
  return views;
}

Result<std::vector<Term>> parse_terms(std::string_view file, bool allowed) {
  std::vector<Term> terms;
  if (file.starts_with("\xef\xbb\xbf")) file.remove_prefix(3);
  for (std::size_t number = 1; !file.empty(); ++number) {
    const std::size_t end = std::min(file.find('\n'), file.size());
    std::string_view line = file.substr(0, end);
    file.remove_prefix(std::min(end + 1, file.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.starts_with('#')) continue;
    auto term = parse_line(line);
    if (!term) return std::unexpected(within(fmt::format("line {}", number), term.error()));
    term->allowed = allowed;
    if (terms.size() == kTermsMax)
      return fail(ErrorCode::kLimitReached, "line {}: more than {} terms", number, kTermsMax);
    terms.push_back(std::move(*term));
  }
  return terms;
}

}  // namespace zhiyin::text
