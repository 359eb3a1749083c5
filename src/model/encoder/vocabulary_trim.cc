#include "model/encoder/vocabulary_trim.h"

#include <algorithm>
#include <string>
#include <unordered_set>

namespace zhiyin::model {
namespace {

constexpr char32_t kWordStart = 0x2581;

enum class Script : std::uint8_t { kAscii, kHan, kLetter, kSymbol, kOther };

struct Range {
  char32_t first;
  char32_t last;
  Script script;
};

// Ascending. What is in none of them is written with letters of its own. Letters here stand alone.
constexpr Range kRanges[] = {
    {0x0000, 0x007F, Script::kAscii},    {0x0080, 0x00BF, Script::kSymbol},  // signs of Latin-1
    {0x00C0, 0x024F, Script::kLetter},                                       // Latin with marks
    {0x0370, 0x03FF, Script::kLetter},                                       // Greek
    {0x0400, 0x045F, Script::kLetter},                                       // Cyrillic
    {0x1E00, 0x1EFF, Script::kLetter},  // Latin with more marks
    {0x2000, 0x2BFF, Script::kSymbol},  // punctuation, arrows, mathematics, shapes
    {0x2E80, 0x2FDF, Script::kHan},     // radicals
    {0x2FF0, 0x3004, Script::kSymbol},  // 、。 and others
    {0x3005, 0x3007, Script::kHan},     // 々〆〇
    {0x3008, 0x303F, Script::kSymbol},  // brackets
    {0x3040, 0x30FF, Script::kLetter},  // kana
    {0x3100, 0x312F, Script::kLetter},  // bopomofo
    {0x3190, 0x33FF, Script::kSymbol},  // circled and squared signs
    {0x3400, 0x4DBF, Script::kHan},      {0x4E00, 0x9FFF, Script::kHan},
    {0xE000, 0xF8FF, Script::kSymbol},                                       // private
    {0xF900, 0xFAFF, Script::kHan},      {0xFE00, 0xFE0F, Script::kSymbol},  // variation selectors
    {0xFE10, 0xFE6F, Script::kSymbol},    // vertical and small forms
    {0xFF00, 0xFFEF, Script::kSymbol},    // full-width forms
    {0x1F000, 0x1FAFF, Script::kSymbol},  // emoji
    {0x20000, 0x3134F, Script::kHan},
};

Script script_of(char32_t code) {
  const auto* const after =
      std::ranges::upper_bound(kRanges, code, {}, [](const Range& range) { return range.first; });
  if (after == std::begin(kRanges)) return Script::kOther;
  const Range& range = *(after - 1);
  return code <= range.last ? range.script : Script::kOther;
}

/// Of well-formed UTF-8, without the mark of a word's start.
std::u32string characters_of(std::string_view piece) {
  std::u32string out;
  for (std::size_t i = 0; i < piece.size();) {
    const auto lead = static_cast<unsigned char>(piece[i]);
    const int more = lead < 0x80 ? 0 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
    char32_t code = more == 0 ? lead : lead & (0x3F >> more);
    for (int k = 0; k < more && ++i < piece.size(); ++k)
      code = code << 6 | (static_cast<unsigned char>(piece[i]) & 0x3F);
    ++i;
    if (code != kWordStart) out += code;
  }
  return out;
}

bool is_digit(char32_t code) { return code >= U'0' && code <= U'9'; }
bool is_capital(char32_t code) { return code >= U'A' && code <= U'Z'; }
bool is_ascii_letter(char32_t code) { return is_capital(code) || (code >= U'a' && code <= U'z'); }

/// A piece of ASCII: `text` without the mark of a word's start.
bool is_kept_ascii(std::string_view piece, const std::u32string& text,
                   const std::unordered_set<std::string_view>& english) {
  constexpr std::size_t kNumberMax = 4;
  constexpr std::size_t kCapitalsMax = 3;
  if (std::ranges::none_of(text, is_ascii_letter))
    return text.size() <= kNumberMax || std::ranges::none_of(text, is_digit);
  if (text.size() == 1 || english.contains(piece)) return true;
  // In Chinese texts words follow without a space: USB, and English words without their mark.
  if (piece.size() != text.size()) return false;
  return text.size() == 2 ||
         (text.size() <= kCapitalsMax && std::ranges::all_of(text, is_capital)) ||
         english.contains("\u2581" + std::string(piece));
}

bool is_kept(std::string_view piece, const std::unordered_set<std::string_view>& english) {
  const std::u32string text = characters_of(piece);
  bool ascii = true, plain = true;
  for (const char32_t code : text) {
    const Script script = script_of(code);
    ascii = ascii && script == Script::kAscii;
    plain = plain && !is_ascii_letter(code) &&
            (script == Script::kAscii || script == Script::kHan || script == Script::kSymbol);
  }
  if (ascii) return is_kept_ascii(piece, text, english);
  return plain || (text.size() == 1 && script_of(text[0]) == Script::kLetter);
}

}  // namespace

std::vector<std::uint32_t> chinese_pieces(const UnigramTable& table,
                                          const std::vector<std::string_view>& english) {
  const std::unordered_set<std::string_view> words(english.begin(), english.end());
  std::vector<std::uint32_t> out;
  for (std::size_t id = 0; id < table.pieces.size(); ++id) {
    // What scores 0 is a mark of the model.
    if (table.scores[id] == 0 || is_kept(table.pieces[id], words))
      out.push_back(static_cast<std::uint32_t>(id));
  }
  return out;
}

}  // namespace zhiyin::model
