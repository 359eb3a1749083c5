#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "text/term.h"

namespace zhiyin::text::detail {

/// What a character is in a view, before the symbols are numbered: a code point, or kSyllable + n
/// for the syllable n, or one of these two.
using ViewKey = std::uint32_t;
constexpr ViewKey kSyllableKey = 0x200000;
constexpr ViewKey kSkippedKey = 0xffffffff;

constexpr char32_t kCodePoints = 0x110000;

/// What characters are in each view, for compiling terms. A pure value; building it takes about a
/// millisecond and 2 MB.
class ViewKeys {
 public:
  explicit ViewKeys(bool case_sensitive);

  /// Requires a code point below kCodePoints.
  [[nodiscard]] ViewKey key(MatchView view, char32_t character) const;
  /// As the stripped views see it: folded, or kSkippedKey. Parts of split characters are found by
  /// this.
  [[nodiscard]] ViewKey stripped(char32_t character) const;

 private:
  bool case_sensitive_;
  std::vector<char32_t> case_, shape_;
  std::vector<std::uint16_t> syllable_;
};

/// A character by width, case, script and from traditional to simplified.
struct Folded {
  char32_t character;
  bool is_noise;
};
/// Requires a code point below kCodePoints.
Folded fold(char32_t character);
inline char32_t script_fold(char32_t character) { return fold(character).character; }
/// The letter that a digit or sign is written for, or that joins i and l; else `folded` itself.
char32_t leet_class(char32_t folded);
/// 1, 0, 3, @ and their like.
bool is_leet(char32_t folded);
constexpr bool is_ascii_digit(char32_t c) { return c >= '0' && c <= '9'; }
constexpr bool is_ascii_letter(char32_t c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }
constexpr bool is_han(char32_t c) {
  return (c >= 0x3400 && c <= 0x9fff) || (c >= 0x20000 && c <= 0x3ffff) ||
         (c >= 0xf900 && c <= 0xfaff);
}

/// The lower-case Latin letter that a character is or looks like, or 0.
char latin_letter(char32_t character);

/// Syllables that a run of letters was cut into.
constexpr std::size_t kPinyinRunMax = 24;
struct PinyinCut {
  struct Syllable {
    std::uint16_t number, letters;
  };
  std::array<Syllable, kPinyinRunMax> syllables;
  std::size_t count = 0;
};
/// Cuts a run of lower-case letters into syllables, longest first with return. None where it cannot
/// be cut, or is longer than kPinyinRunMax.
PinyinCut pinyin_syllables(std::string_view letters);

}  // namespace zhiyin::text::detail
