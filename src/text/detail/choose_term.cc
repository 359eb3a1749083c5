#include <algorithm>

#include "text/code_point.h"
#include "text/detail/scan.h"
#include "text/detail/view_keys.h"

namespace zhiyin::text::detail {
namespace {

/// Terms with the same symbols that are compared for one hit: homophones come in dozens.
constexpr std::uint32_t kComparedMax = 64;

std::u32string folded(std::string_view text) {
  std::u32string out;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = code_point_at(text, at);
    out += script_fold(c.value);
    at += c.bytes;
  }
  return out;
}

bool is_word(char32_t character) {
  const char32_t c = script_fold(character);
  return is_ascii_letter(c) || is_ascii_digit(c);
}

/// A word of Latin letters or digits goes on across an end of the hit.
bool cuts_word(const HitText& hit) {
  const auto at = [&](std::size_t i) { return is_word(hit.characters[i]); };
  const bool before = hit.begin > 0 && at(hit.begin) && at(hit.begin - 1);
  const bool after = hit.end < hit.characters.size() && at(hit.end - 1) && at(hit.end);
  return before || after;
}

/// In the view of mixed scripts digits stand for letters, and i is joined with l: each place must
/// be the same, or a digit for a letter, and at least half of the letters must be letters.
bool leet_holds(std::string_view term, const HitText& hit) {
  const std::u32string letters = folded(term);
  if (letters.size() != hit.end - hit.begin) return false;
  int real = 0, written = 0;
  for (std::size_t i = 0; i < letters.size(); ++i) {
    const char32_t c = script_fold(hit.characters[hit.begin + i]);
    if (c == letters[i]) {
      real += is_ascii_letter(c) ? 1 : 0;
    } else if (is_leet(c) && is_ascii_letter(letters[i])) {
      ++written;
    } else {
      return false;
    }
  }
  return written <= real;
}

struct Repeat {
  char32_t character;
  std::size_t count;
};

template <class Next>
std::vector<Repeat> repeats(std::size_t size, Next&& next, const SymbolTable& noise) {
  std::vector<Repeat> out;
  for (std::size_t i = 0; i < size; ++i) {
    const char32_t written = next(i);
    const char32_t c = script_fold(written);
    if (noise[written] == kSkipped && !is_ascii_digit(c)) continue;
    if (!out.empty() && out.back().character == c) {
      ++out.back().count;
    } else {
      out.push_back({c, 1});
    }
  }
  return out;
}

/// A character that the term has twice in a row is there at least twice.
bool repeats_hold(const CompiledTerms& terms, std::string_view term, const HitText& hit) {
  const std::u32string letters = folded(term);
  const SymbolTable& noise = terms.symbols[static_cast<std::size_t>(MatchView::kRepeats)];
  // The hit ends with the first of the last character's repeats: the text behind it counts, too.
  const std::size_t size = std::min<std::size_t>(hit.characters.size() - hit.begin,
                                                 hit.end - hit.begin + 2 * kNoiseRunMax);
  const auto wanted = repeats(letters.size(), [&](std::size_t i) { return letters[i]; }, noise);
  const auto there =
      repeats(size, [&](std::size_t i) { return hit.characters[hit.begin + i]; }, noise);
  std::size_t at = 0;
  for (const Repeat& run : wanted) {
    // Digits that the term does not have are noise.
    while (at < there.size() && there[at].character != run.character &&
           is_ascii_digit(there[at].character))
      ++at;
    if (at == there.size() || there[at].character != run.character || there[at].count < run.count)
      return false;
    ++at;
  }
  return true;
}

/// Characters of the term that are in the hit as they are, place by place.
std::size_t likeness(std::string_view term, const HitText& hit) {
  std::size_t same = 0;
  std::uint32_t place = hit.begin;
  for (std::size_t at = 0; at < term.size() && place < hit.end; ++place) {
    const CodePoint c = code_point_at(term, at);
    same += c.value == hit.characters[place] ? 1 : 0;
    at += c.bytes;
  }
  return same;
}

}  // namespace

bool holds(const CompiledTerms& terms, MatchView view, const TermRow& row, const HitText& hit) {
  if ((row.flags & kCheckedFlag) == 0) return true;
  if (terms.options.whole_words && cuts_word(hit)) return false;
  if (view == MatchView::kPlain) return true;
  if (view == MatchView::kMixedScript) return leet_holds(terms.text(row), hit);
  if (cuts_word(hit)) return false;
  return view != MatchView::kRepeats || (row.flags & kRepeatedFlag) == 0 ||
         repeats_hold(terms, terms.text(row), hit);
}

std::uint32_t choose_term(const CompiledTerms& terms, MatchView view, const ColdState& state,
                          const HitText& hit) {
  const auto& ends = terms.automata[static_cast<std::size_t>(view)].ends;
  const bool several = state.terms_end > state.first_term + 1;
  std::uint32_t best = kNoTerm;
  std::pair<std::size_t, int> best_rank;
  const std::uint32_t end = std::min(state.terms_end, state.first_term + kComparedMax);
  for (std::uint32_t i = state.first_term; i < end; ++i) {
    const TermRow& row = terms.terms[ends[i]];
    if (!holds(terms, view, row, hit)) continue;
    if (!several) return ends[i];
    const std::pair<std::size_t, int> rank = {likeness(terms.text(row), hit), row.severity};
    if (best != kNoTerm && rank <= best_rank) continue;
    best = ends[i];
    best_rank = rank;
  }
  return best;
}

}  // namespace zhiyin::text::detail
