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

/// Numbers of syllables by their letters, packed into 64 bits: open addressing, a quarter full.
class SyllableNumbers {
 public:
  SyllableNumbers() {
    const auto syllables = evasion_tables().syllables;
    for (std::size_t i = 0; i < syllables.size(); ++i) {
      if (!is_typed_syllable(syllables[i])) continue;
      const std::uint64_t letters = packed(syllables[i]);
      std::size_t at = place(letters);
      while (places_[at].letters != 0) at = (at + 1) % kPlaces;
      places_[at] = {letters, static_cast<std::uint16_t>(i + 1)};
    }
  }
  /// 0: none. Requires at most kSyllableLettersMax letters.
  [[nodiscard]] std::uint16_t find(std::uint64_t letters) const {
    std::size_t at = place(letters);
    while (places_[at].letters != 0 && places_[at].letters != letters) at = (at + 1) % kPlaces;
    return places_[at].number;
  }
  static std::uint64_t packed(std::string_view letters) {
    std::uint64_t out = 0;
    for (const char c : letters) out = out << 8 | static_cast<unsigned char>(c);
    return out;
  }

 private:
  static constexpr std::size_t kPlaces = 2048;
  static std::size_t place(std::uint64_t letters) {
    return letters * 0x9e3779b97f4a7c15U >> 53;  // 11 bits
  }
  struct Place {
    std::uint64_t letters = 0;
    std::uint16_t number = 0;
  };
  std::array<Place, kPlaces> places_{};
};

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

char latin_letter(char32_t character) {
  if (character < 0x80)
    return is_ascii_letter(character) ? static_cast<char>(character | 0x20) : '\0';
  if (is_han(character)) return '\0';
  const char32_t folded = script_fold(character);
  return is_ascii_letter(folded) ? static_cast<char>(folded) : '\0';
}

PinyinCut pinyin_syllables(std::string_view letters) {
  static const SyllableNumbers kNumbers;  // made once from the tables, never changed
  PinyinCut cut;
  if (letters.empty() || letters.size() > kPinyinRunMax) return cut;
  // From the right: the longest syllable at each place after which all can be cut.
  std::array<PinyinCut::Syllable, kPinyinRunMax + 1> best{};
  for (std::size_t at = letters.size(); at-- > 0;) {
    std::uint64_t packed = 0;
    const std::size_t most = std::min(kSyllableLettersMax, letters.size() - at);
    for (std::size_t n = 1; n <= most; ++n) {
      packed = packed << 8 | static_cast<unsigned char>(letters[at + n - 1]);
      if (at + n != letters.size() && best[at + n].letters == 0) continue;
      if (const std::uint16_t number = kNumbers.find(packed); number != 0)
        best[at] = {number, static_cast<std::uint16_t>(n)};
    }
  }
  if (best[0].letters == 0) return cut;
  for (std::size_t at = 0; at < letters.size(); at += cut.syllables[cut.count++].letters)
    cut.syllables[cut.count] = best[at];
  return cut;
}

}  // namespace zhiyin::text::detail
