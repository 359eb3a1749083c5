#include "model/tokeniser/character_classes.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "model/tokeniser/detail/character_tables.h"
#include "text/code_point.h"

namespace zhiyin::model {
namespace {

constexpr std::uint8_t kOther = 1;
constexpr std::uint8_t kSpace = 2;
constexpr std::uint8_t kPunctuation = 4;
constexpr std::uint8_t kMark = 8;

// Classes of UAX 29, as make_tables.cc numbers them; spacing marks count as extending.
enum class Break : std::uint8_t {
  kAny,
  kExtend,
  kJoiner,
  kRegional,
  kPrepend,
  kControl,
  kL,
  kV,
  kT,
  kLv,
  kLvt,
  kPicture,
  kCr,
  kLf
};

std::uint8_t class_of(char32_t c) {
  return detail::kClasses[detail::kPageIndex[c >> 8] * 256U + (c & 255U)];
}
Break break_of(char32_t c) { return static_cast<Break>(class_of(c) >> 4); }

bool hangul_joins(Break a, Break b) {
  if (a == Break::kL)
    return b == Break::kL || b == Break::kV || b == Break::kLv || b == Break::kLvt;
  if (a == Break::kLv || a == Break::kV) return b == Break::kV || b == Break::kT;
  return (a == Break::kLvt || a == Break::kT) && b == Break::kT;
}

bool is_control(Break b) { return b == Break::kControl || b == Break::kCr || b == Break::kLf; }

constexpr std::uint32_t kNoPair = UINT32_MAX;

/// The second of the pair whose first is `c`; kNoPair without one. Pairs ascend.
std::uint32_t find_pair(const std::uint32_t* pairs, std::size_t size, char32_t c) {
  std::size_t low = 0;
  std::size_t high = size / 2;
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    if (pairs[2 * middle] < c) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return 2 * low < size && pairs[2 * low] == c ? pairs[2 * low + 1] : kNoPair;
}

/// Code points and where their decompositions lie, ascending.
using Index = std::vector<std::pair<char32_t, std::size_t>>;

/// Where the entries of a table of decompositions begin, by character.
Index index_of(const std::uint32_t* table, std::size_t size) {
  Index out;
  for (std::size_t at = 0; at < size; at += 2 + table[at + 1]) out.emplace_back(table[at], at);
  return out;
}

const Index& decomposition_index() {
  static const Index index = index_of(detail::kDecompositions, detail::kDecompositionsSize);
  return index;
}
const Index& compatible_index() {
  static const Index index = index_of(detail::kCompatibles, detail::kCompatiblesSize);
  return index;
}

}  // namespace

bool is_other_category(char32_t c) { return (class_of(c) & kOther) != 0; }
bool is_white_space(char32_t c) { return (class_of(c) & kSpace) != 0; }
bool is_punctuation_category(char32_t c) { return (class_of(c) & kPunctuation) != 0; }
bool is_word_character(char32_t c) {
  if (c < 0x80) return (c >= '0' && c <= '9') || ((c | 32U) >= 'a' && (c | 32U) <= 'z') || c == '_';
  // Begins and ends ascend: an odd number of them at or below `c` is within a range.
  const auto* const end = detail::kWords + detail::kWordsSize;
  return (std::upper_bound(detail::kWords, end, static_cast<std::uint32_t>(c)) - detail::kWords) %
             2 ==
         1;
}

bool is_nonspacing_mark(char32_t c) { return (class_of(c) & kMark) != 0; }

bool is_bert_han(char32_t c) {
  if (c < 0x3400) return false;
  // 2B920, not 2B820: as in the library whose tokens are to be met.
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) ||
         (c >= 0x20000 && c <= 0x2A6DF) || (c >= 0x2A700 && c <= 0x2B73F) ||
         (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

char32_t lower_case(char32_t c) {
  if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + 32 : c;
  if (c >= 0x2E80 && c <= 0xA63F) return c;
  const std::uint32_t found = find_pair(detail::kLower, detail::kLowerSize, c);
  return found != kNoPair ? found : c;
}

std::uint8_t combining_class(char32_t c) {
  if (c < 0x300 || (c >= 0x3100 && c <= 0xA66E)) return 0;
  const std::uint32_t found = find_pair(detail::kCombining, detail::kCombiningSize, c);
  return found != kNoPair ? static_cast<std::uint8_t>(found) : 0;
}

std::u32string canonical_decomposition(char32_t c) {
  if (c < 0xC0 || (c >= 0x4E00 && c <= 0x9FFF)) return {c};
  if (c >= 0xAC00 && c < 0xD7A4) {
    const char32_t place = c - 0xAC00;
    std::u32string out = {0x1100 + place / 588, 0x1161 + place % 588 / 28};
    if (place % 28 != 0) out += 0x11A7 + place % 28;
    return out;
  }
  const Index& index = decomposition_index();
  const auto found = std::ranges::lower_bound(index, c, {}, &Index::value_type::first);
  if (found == index.end() || found->first != c) return {c};
  const std::uint32_t* const entry = detail::kDecompositions + found->second;
  return {entry + 2, entry + 2 + entry[1]};
}

std::u32string compatible_decomposition(char32_t c) {
  if (c < 0xA0 || (c >= 0x4E00 && c <= 0x9FFF)) return {c};
  const Index& index = compatible_index();
  const auto found = std::ranges::lower_bound(index, c, {}, &Index::value_type::first);
  if (found == index.end() || found->first != c) return canonical_decomposition(c);
  const std::uint32_t* const entry = detail::kCompatibles + found->second;
  return {entry + 2, entry + 2 + entry[1]};
}

char32_t composition(char32_t first, char32_t second) {
  constexpr char32_t kSyllables = 0xAC00, kVowels = 0x1161, kFinals = 0x11A7;
  if (first >= 0x1100 && first < 0x1113 && second >= kVowels && second < kVowels + 21)
    return kSyllables + ((first - 0x1100) * 21 + (second - kVowels)) * 28;
  if (first >= kSyllables && first < 0xD7A4 && (first - kSyllables) % 28 == 0 && second > kFinals &&
      second < kFinals + 28)
    return first + (second - kFinals);
  std::size_t low = 0;
  std::size_t high = detail::kCompositionsSize / 3;
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    const std::uint32_t* const entry = detail::kCompositions + 3 * middle;
    if (std::pair<char32_t, char32_t>(entry[0], entry[1]) < std::pair(first, second)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  const std::uint32_t* const entry = detail::kCompositions + 3 * low;
  const bool found = low < detail::kCompositionsSize / 3 && entry[0] == first && entry[1] == second;
  return found ? entry[2] : 0;
}

std::size_t grapheme_bytes(std::string_view text, std::size_t at) {
  text::CodePoint c = text::code_point_at(text, at);
  std::size_t end = at + c.bytes;
  Break before = break_of(c.value);
  if (before == Break::kCr && end < text.size() && text[end] == '\n') return end + 1 - at;
  if (is_control(before)) return end - at;
  bool picture = before == Break::kPicture;  // picture, then extending ones only
  bool picture_joined = false;               // …and a joiner right before
  bool odd_regional = before == Break::kRegional;
  while (end < text.size()) {
    c = text::code_point_at(text, end);
    const Break next = break_of(c.value);
    if (is_control(next)) break;
    const bool joins = next == Break::kExtend || next == Break::kJoiner ||
                       before == Break::kPrepend || hangul_joins(before, next) ||
                       (picture_joined && next == Break::kPicture) ||
                       (odd_regional && before == Break::kRegional && next == Break::kRegional);
    if (!joins) break;
    odd_regional = next == Break::kRegional && !(odd_regional && before == Break::kRegional);
    picture_joined = picture && next == Break::kJoiner;
    picture =
        next == Break::kPicture || (picture && (next == Break::kExtend || next == Break::kJoiner));
    before = next;
    end += c.bytes;
  }
  return end - at;
}

}  // namespace zhiyin::model
