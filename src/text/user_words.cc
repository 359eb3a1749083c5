#include "text/user_words.h"

#include <cmath>

#include "base/utf8.h"
#include "text/detail/lines.h"

namespace zhiyin::text {
namespace {

Result<void> read_line(std::string_view line, std::size_t number, const Dictionary& dictionary,
                       std::map<std::string, LexiconWord>& out) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.empty()) return {};
  const auto parts = detail::split(line, ' ');
  const auto wrong = [&](std::string_view what) {
    return fail_field(fmt::format("line {}", number), "`{}` {}",
                      utf8::truncate(utf8::cleaned(line), 80), what);
  };
  if (parts.size() > 3 || parts.front().empty()) {
    return wrong("is not a word, a word and a tag, or a word, a count and a tag");
  }
  if (!utf8::is_valid(line)) return wrong("is not UTF-8");
  if (utf8::length(parts.front()) > Lexicon::kWordLengthMax) return wrong("is too long a word");
  if (parts.back().size() > Lexicon::kTagBytes && parts.size() > 1)
    return wrong("has too long a tag");
  LexiconWord word{.has_weight = true, .weight = dictionary.weight_median()};
  if (parts.size() > 1) word.tag = parts.back();
  if (parts.size() == 3) {
    const auto count = detail::to_number(parts[1]);
    if (!count || !(*count >= 1) || !std::isfinite(*count))
      return wrong("has no count of 1 or more");
    word.weight = std::log(*count / dictionary.count_sum());
  }
  out.insert_or_assign(std::string(parts.front()), std::move(word));
  return {};
}

}  // namespace

Result<std::shared_ptr<const UserWords>> UserWords::parse(std::string_view text,
                                                          const Dictionary& dictionary) {
  if (text.size() > kBytesMax) {
    return fail(ErrorCode::kLimitReached, "user words: {} bytes, at most {}", text.size(),
                kBytesMax);
  }
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // a byte-order mark
  std::map<std::string, LexiconWord> words;
  ZHIYIN_TRY_VOID(detail::for_each_line(text, [&](std::string_view line, std::size_t number) {
    return read_line(line, number, dictionary, words);
  }));
  ZHIYIN_TRY(LexiconTables tables, LexiconTables::build(words));
  return std::shared_ptr<const UserWords>(new UserWords(std::move(tables)));  // private constructor
}

}  // namespace zhiyin::text
