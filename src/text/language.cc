#include "text/language.h"

#include <algorithm>
#include <array>
#include <string>

#include "text/code_point.h"
#include "text/detail/character_data.h"

namespace zhiyin::text {
namespace {

struct Range {
  char32_t first, last;
};

template <std::size_t N>
bool is_in(const Range (&ranges)[N], char32_t c) {
  return std::any_of(std::begin(ranges), std::end(ranges),
                     [&](const Range& r) { return c >= r.first && c <= r.last; });
}

constexpr Range kHan[] = {{0x3400, 0x4dbf}, {0x4e00, 0x9fff}, {0xf900, 0xfaff}, {0x20000, 0x3134f}};
constexpr Range kKana[] = {{0x3041, 0x3096}, {0x30a1, 0x30fa}, {0x31f0, 0x31ff}, {0xff66, 0xff9d}};
constexpr Range kHangul[] = {{0x1100, 0x11ff}, {0x3131, 0x318e}, {0xac00, 0xd7a3}};
constexpr Range kLatin[] = {{U'a', U'z'},     {U'A', U'Z'},     {0xc0, 0x24f},
                            {0x1e00, 0x1eff}, {0xff21, 0xff3a}, {0xff41, 0xff5a}};
// Greek to Lao, Myanmar and Georgian, Ethiopic to Mongolian: letters of other languages.
constexpr Range kOtherLetters[] = {
    {0x370, 0x1fff}, {0x2c00, 0x2dff}, {0xa500, 0xabff}, {0xfb1d, 0xfefc}};

// The most frequent words that the other list lacks; enough to tell English from its neighbours.
constexpr std::string_view kEnglishWords[] = {
    "the",   "and",  "of",   "to",    "is",    "you",    "that",  "it",   "for",  "was",
    "are",   "with", "this", "have",  "from",  "what",   "how",   "my",   "your", "can",
    "not",   "but",  "will", "they",  "i",     "do",     "does",  "why",  "when", "where",
    "there", "been", "has",  "would", "could", "please", "hello", "good", "very", "buy",
    "new",   "we",   "he",   "she",   "if",    "all",    "at",    "be"};
constexpr std::string_view kOtherWords[] = {
    "le",  "la",   "les",   "et",   "est", "une",   "des",  "je",   "vous",  "pas",
    "que", "qui",  "pour",  "der",  "die", "das",   "und",  "ist",  "nicht", "ich",
    "ein", "eine", "el",    "los",  "las", "por",   "para", "con",  "una",   "en",
    "y",   "di",   "il",    "che",  "non", "sono",  "per",  "um",   "uma",   "com",
    "os",  "não",  "de",    "het",  "een", "van",   "niet", "yang", "dan",   "saya",
    "ini", "itu",  "untuk", "của",  "và",  "không", "là",   "bir",  "ve",    "bu",
    "nie", "na",   "się",   "jest", "och", "att",   "det",  "ik",   "ang",   "ng"};

template <std::size_t N>
bool is_word_of(const std::string_view (&words)[N], std::string_view word) {
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

/// What a text is made of. Latin words in rows of at least kPhraseWords weigh as much as Han
/// characters of the same meaning; single ones are brands and units and weigh little.
class Census {
 public:
  explicit Census(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
      const CodePoint point = code_point_at(text, at);
      count(point.value);
      at += point.bytes;
    }
    end_word();
    end_phrase();
  }

  double han = 0, kana = 0, hangul = 0, latin = 0, other = 0;
  double simplified = 0, traditional = 0;
  double english_words = 0, other_words = 0, accents = 0, words = 0;

 private:
  static constexpr int kPhraseWords = 4;
  static constexpr double kWordWeight = 1.5;
  static constexpr double kLooseWordWeight = 0.3;
  static constexpr double kLetterWeight = 0.3;  // of scripts whose words are made of letters

  void count(char32_t c) {
    if (is_in(kLatin, c)) return letter(c);
    end_word();
    const bool is_other_script = c >= 0x80 && (is_in(kHan, c) || is_in(kKana, c) ||
                                               is_in(kHangul, c) || is_in(kOtherLetters, c));
    if (!is_other_script) return;
    end_phrase();
    if (is_in(kKana, c)) {
      ++kana;
    } else if (is_in(kHan, c)) {
      ++han;
      const auto flags = detail::character_entry(c).flags;
      traditional += (flags & detail::kHasSimplified) != 0 ? 1 : 0;
      simplified += detail::is_simplified_only(c) ? 1 : 0;
    } else if (is_in(kHangul, c)) {
      ++hangul;
    } else {
      other += kLetterWeight;
    }
  }

  void letter(char32_t c) {
    if (c > 0x7f) {
      ++accents;
      append_utf8(word_, c);
    } else if (word_.size() < kWordBytesMax) {
      word_ += static_cast<char>(c | 0x20);
    }
  }

  void end_word() {
    if (word_.empty()) return;
    ++phrase_;
    ++words;
    english_words += is_word_of(kEnglishWords, word_) ? 1 : 0;
    other_words += is_word_of(kOtherWords, word_) ? 1 : 0;
    word_.clear();
  }

  void end_phrase() {
    latin += phrase_ * (phrase_ >= kPhraseWords ? kWordWeight : kLooseWordWeight);
    phrase_ = 0;
  }

  static constexpr std::size_t kWordBytesMax = 32;
  std::string word_;
  int phrase_ = 0;
};

/// 0.5 for a single unit, towards 1 as there are more.
double evidence(double units) { return 1 - 0.5 / std::max(1.0, units); }

LanguageGuess guess_chinese(const Census& census, double share) {
  const double marks = census.simplified + census.traditional;
  const bool is_traditional = census.traditional > census.simplified;
  // Without a character that tells them apart it is as likely simplified as texts are here.
  const double side =
      marks == 0 ? 0.7 : (std::max(census.simplified, census.traditional) + 1) / (marks + 1.3);
  return {is_traditional ? Language::kTraditional : Language::kSimplified,
          std::min(1.0, share * side * evidence(census.han))};
}

LanguageGuess guess_latin(const Census& census, double share) {
  const double words = std::max(1.0, census.words);
  const double foreign = census.other_words + census.accents;
  if (foreign > census.english_words) {
    return {Language::kOther, share * evidence(foreign) * std::min(1.0, 0.5 + foreign / words)};
  }
  const double known = census.english_words / words;
  return {Language::kEnglish, share * evidence(words) * std::min(1.0, 0.5 + 2 * known)};
}

}  // namespace

std::string_view language_name(Language language) {
  switch (language) {
    case Language::kNone:
      return "none";
    case Language::kSimplified:
      return "zh-Hans";
    case Language::kTraditional:
      return "zh-Hant";
    case Language::kEnglish:
      return "en";
    case Language::kJapanese:
      return "ja";
    case Language::kKorean:
      return "ko";
    case Language::kOther:
      return "other";
    case Language::kMixed:
      return "mixed";
  }
  return "none";
}

LanguageGuess guess_language(std::string_view text) {
  constexpr double kMostOfIt = 0.65;
  constexpr double kKanaOfJapanese = 0.12;
  const Census census(text.substr(0, kLanguageBytesMax));
  const double cjk = census.han + census.kana;
  const bool is_japanese = census.kana > kKanaOfJapanese * cjk;
  const double chinese = is_japanese ? 0 : census.han;
  const double japanese = is_japanese ? cjk : 0;
  const double all = cjk + census.hangul + census.latin + census.other;
  if (all == 0) return {};
  if (chinese >= kMostOfIt * all) return guess_chinese(census, chinese / all);
  if (japanese >= kMostOfIt * all) {
    return {Language::kJapanese, japanese / all * evidence(japanese)};
  }
  if (census.hangul >= kMostOfIt * all) {
    return {Language::kKorean, census.hangul / all * evidence(census.hangul)};
  }
  if (census.latin >= kMostOfIt * all) return guess_latin(census, census.latin / all);
  if (census.other >= kMostOfIt * all) return {Language::kOther, census.other / all};
  const double most = std::max({chinese, japanese, census.hangul, census.latin, census.other});
  return {Language::kMixed, 1 - most / all};
}

}  // namespace zhiyin::text
