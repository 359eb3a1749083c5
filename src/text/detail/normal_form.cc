#include "text/detail/normal_form.h"

#include <algorithm>

namespace zhiyin::text::detail {
namespace {

// Hangul syllables are arithmetic (Unicode 3.12).
constexpr char32_t kSyllables = 0xac00, kLeads = 0x1100, kVowels = 0x1161, kTails = 0x11a7;
constexpr char32_t kLeadCount = 19, kVowelCount = 21, kTailCount = 28;
constexpr char32_t kSyllableCount = kLeadCount * kVowelCount * kTailCount;

bool is_in(char32_t c, char32_t first, char32_t count) { return c >= first && c < first + count; }

char32_t composed_hangul(char32_t first, char32_t second) {
  if (is_in(first, kLeads, kLeadCount) && is_in(second, kVowels, kVowelCount)) {
    return kSyllables + ((first - kLeads) * kVowelCount + (second - kVowels)) * kTailCount;
  }
  const bool is_open =
      is_in(first, kSyllables, kSyllableCount) && (first - kSyllables) % kTailCount == 0;
  if (is_open && is_in(second, kTails + 1, kTailCount - 1)) return first + (second - kTails);
  return 0;
}

/// 0 where the two have no composed form.
char32_t composed(char32_t first, char32_t second) {
  if (const char32_t hangul = composed_hangul(first, second)) return hangul;
  const Composition* end = kCompositions + kCompositionCount;
  const auto* found =
      std::lower_bound(kCompositions, end, std::pair(first, second),
                       [](const Composition& c, const std::pair<char32_t, char32_t>& wanted) {
                         return std::pair(c.first, c.second) < wanted;
                       });
  return found != end && found->first == first && found->second == second ? found->composed : 0;
}

int combining_class(char32_t c) { return character_entry(c).combining_class; }

}  // namespace

void append_decomposed(std::u32string& out, char32_t c) {
  if (is_in(c, kSyllables, kSyllableCount)) {
    const char32_t index = c - kSyllables;
    out += kLeads + index / (kVowelCount * kTailCount);
    out += kVowels + index % (kVowelCount * kTailCount) / kTailCount;
    if (index % kTailCount != 0) out += kTails + index % kTailCount;
    return;
  }
  const std::uint32_t reference = kCharacterRecords[character_entry(c).record].nfkd;
  if (reference == 0) {
    out += c;
  } else {
    out += pool_text(reference);
  }
}

void order_marks(std::u32string& text) {
  for (auto at = text.begin(); at != text.end();) {
    const auto is_mark = [](char32_t c) { return combining_class(c) != 0; };
    const auto begin = std::find_if(at, text.end(), is_mark);
    at = std::find_if_not(begin, text.end(), is_mark);
    std::stable_sort(
        begin, at, [](char32_t a, char32_t b) { return combining_class(a) < combining_class(b); });
  }
}

void compose(std::u32string& text) {
  if (text.empty()) return;
  // Invariant: text[0, out) is composed; `starter` is the last starter in it, or npos.
  std::size_t out = 0;
  std::size_t starter = std::u32string::npos;
  int class_before = -1;  // of what stands between the starter and here; -1: nothing does
  for (const char32_t c : std::u32string(text)) {
    const int own = combining_class(c);
    if (starter != std::u32string::npos && class_before < own) {
      if (const char32_t joined = composed(text[starter], c)) {
        text[starter] = joined;
        continue;
      }
    }
    if (own == 0) starter = out;
    class_before = own == 0 ? -1 : own;
    text[out++] = c;
  }
  text.resize(out);
}

}  // namespace zhiyin::text::detail
