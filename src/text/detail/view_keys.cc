#include "text/detail/view_keys.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "text/detail/evasion_tables.h"

namespace zhiyin::text::detail {
namespace {

/// Up to the last character that becomes another.
std::vector<char32_t> mapped(std::span<const CharacterPair> pairs) {
  std::vector<char32_t> to(pairs.empty() ? 0 : pairs.back().from + 1);
  std::iota(to.begin(), to.end(), U'\0');
  for (const CharacterPair& pair : pairs) to[pair.from] = pair.to;
  return to;
}

char32_t at_or_same(const std::vector<char32_t>& to, char32_t c) {
  return c < to.size() ? to[c] : c;
}

constexpr std::size_t kSyllableLettersMax = 6;

/// Interjections of one letter or none with a vowel would cut English words into anything.
bool is_typed_syllable(std::string_view syllable) {
  return syllable.find_first_of("aeiouv") != std::string_view::npos;
}

/// The number of a syllable, or 0.
std::uint16_t syllable_number(std::string_view letters) {
  const auto syllables = evasion_tables().syllables;
  const auto at = std::ranges::lower_bound(syllables, letters);
  if (at == syllables.end() || *at != letters || !is_typed_syllable(letters)) return 0;
  return static_cast<std::uint16_t>(at - syllables.begin() + 1);
}

}  // namespace

ViewKeys::ViewKeys(bool case_sensitive)
    : case_sensitive_(case_sensitive),
      case_(mapped(evasion_tables().letter_case)),
      shape_(mapped(evasion_tables().shape)),
      syllable_(evasion_tables().readings.back().character + 1, 0) {
  for (const CharacterReadings& r : evasion_tables().readings)
    syllable_[r.character] = r.syllables[0];
}

ViewKey ViewKeys::stripped(char32_t character) const {
  const Folded folded = fold(character);
  return folded.is_noise ? kSkippedKey : folded.character;
}

ViewKey ViewKeys::key(MatchView view, char32_t character) const {
  if (view == MatchView::kPlain) return case_sensitive_ ? character : at_or_same(case_, character);
  if (view == MatchView::kMixedScript) return leet_class(fold(character).character);
  const ViewKey folded = stripped(character);
  if (folded == kSkippedKey) return folded;
  if (view == MatchView::kShape) return at_or_same(shape_, folded);
  if (view == MatchView::kHomophone && folded < syllable_.size() && syllable_[folded] != 0)
    return kSyllableKey + syllable_[folded];
  return folded;
}

Folded fold(char32_t character) {
  const EvasionTables& tables = evasion_tables();
  const std::size_t page = tables.fold_page_of[character >> 8];
  const std::uint32_t entry = tables.fold_pages[page << 8 | (character & 0xff)];
  return {static_cast<char32_t>((character + (entry & 0x1fffff)) & 0x1fffff), entry >> 31 != 0};
}

char32_t leet_class(char32_t folded) {
  switch (folded) {
    case '0':
      return 'o';
    case '1':
    case '|':
    case 'i':
      return 'l';
    case '3':
      return 'e';
    case '4':
    case '@':
      return 'a';
    case '5':
    case '$':
      return 's';
    case '7':
      return 't';
    case '8':
      return 'b';
    case '9':
      return 'g';
    default:
      return folded;
  }
}

bool is_leet(char32_t folded) { return folded != 'i' && leet_class(folded) != folded; }

std::vector<std::uint16_t> pinyin_syllables(std::string_view letters) {
  if (letters.empty() || letters.size() > kPinyinRunMax) return {};
  // From the right: the length of the longest syllable at each place after which all can be cut.
  std::array<std::uint8_t, kPinyinRunMax + 1> longest{};
  std::array<std::uint16_t, kPinyinRunMax> number{};
  for (std::size_t at = letters.size(); at-- > 0;) {
    for (std::size_t n = std::min(kSyllableLettersMax, letters.size() - at); n > 0; --n) {
      const bool rest = at + n == letters.size() || longest[at + n] != 0;
      const std::uint16_t found = rest ? syllable_number(letters.substr(at, n)) : 0;
      if (found == 0) continue;
      longest[at] = static_cast<std::uint8_t>(n);
      number[at] = found;
      break;
    }
  }
  std::vector<std::uint16_t> out;
  if (longest[0] == 0) return out;
  for (std::size_t at = 0; at < letters.size(); at += longest[at]) out.push_back(number[at]);
  return out;
}

}  // namespace zhiyin::text::detail
