#pragma once

#include <cstdint>
#include <string_view>

namespace zhiyin::text {

/// What a text is written in.
enum class Language : std::uint8_t {
  kNone,         ///< no letters or characters at all
  kSimplified,   ///< Chinese in simplified characters
  kTraditional,  ///< Chinese in traditional characters
  kEnglish,
  kJapanese,
  kKorean,
  kOther,  ///< another language, in Latin letters or another script
  kMixed,  ///< no language has most of it
};

struct LanguageGuess {
  Language language = Language::kNone;
  /// From 0 to 1: the language's share of the text, less where little speaks for it. A rank, not a
  /// measured probability.
  double confidence = 0;
};

/// "zh-Hans", "zh-Hant", "en", "ja", "ko", "other", "mixed" or "none".
std::string_view language_name(Language language);

/// The language of `text`, from its scripts, the characters that only one Chinese has, and frequent
/// words of languages in Latin letters. Single foreign words in a text (brands) count little. Takes
/// any bytes; looks at the first kLanguageBytesMax of them.
LanguageGuess guess_language(std::string_view text);
inline constexpr std::size_t kLanguageBytesMax = std::size_t{1} << 20;

}  // namespace zhiyin::text
