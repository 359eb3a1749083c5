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
  if (character == kBetweenTexts) return false;
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
  int real = 0, written = 0;
  std::uint32_t place = hit.begin;
  for (std::size_t at = 0; at < term.size(); ++place) {
    const CodePoint in_term = code_point_at(term, at);
    at += in_term.bytes;
    if (place == hit.end) return false;
    const char32_t letter = script_fold(in_term.value);
    const char32_t c = script_fold(hit.characters[place]);
    if (c == letter) {
      real += is_ascii_letter(c) ? 1 : 0;
    } else if (is_leet(c) && is_ascii_letter(letter)) {
      ++written;
    } else {
      return false;
    }
  }
  return place == hit.end && written <= real;
}

struct Repeat {
  char32_t character;
  std::size_t count;
};

template <class Next>
std::vector<Repeat> repeats(std::size_t size, Next&& next, const CharacterTable& characters) {
  constexpr auto kView = static_cast<std::size_t>(MatchView::kRepeats);
  std::vector<Repeat> out;
  for (std::size_t i = 0; i < size; ++i) {
    const char32_t written = next(i);
    if (written == kBetweenTexts) break;
    const char32_t c = script_fold(written);
    if (characters[written].symbols[kView] == kSkipped && !is_ascii_digit(c)) continue;
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
  // The hit ends with the first of the last character's repeats: the text behind it counts, too.
  const std::size_t size = std::min<std::size_t>(hit.characters.size() - hit.begin,
                                                 hit.end - hit.begin + 2 * kNoiseRunMax);
  const auto& table = terms.characters;
  const auto wanted = repeats(letters.size(), [&](std::size_t i) { return letters[i]; }, table);
  const auto there =
      repeats(size, [&](std::size_t i) { return hit.characters[hit.begin + i]; }, table);
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

/// The first characters of a hit as TermEnd::first has those of a term; what 16 bits do not tell is
/// like none.
std::uint64_t first_of(const HitText& hit) {
  constexpr char32_t kUnlike = 0xfffe;
  std::uint64_t first = 0;
  for (std::size_t i = TermEnd::kCharacters; i-- > 0;) {
    const bool there = hit.begin + i < hit.end;
    const char32_t c = there ? std::min(hit.characters[hit.begin + i], kUnlike) : kUnlike;
    first = first << 16 | c;
  }
  return first;
}

/// Places of 16 bits in which two are the same.
std::size_t same_places(std::uint64_t a, std::uint64_t b) {
  constexpr std::uint64_t kLow = 0x7fff7fff7fff7fff, kOnes = 0x0001000100010001;
  const std::uint64_t differ = a ^ b;
  const std::uint64_t same = ~(((differ & kLow) + kLow) | differ) & ~kLow;
  return (same >> 15) * kOnes >> 48;
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
  const auto holds_here = [&](const TermEnd& end) {
    return (end.flags & kCheckedFlag) == 0 || holds(terms, view, terms.terms[end.term], hit);
  };
  const std::uint32_t count = std::min(state.terms_end - state.first_term, kComparedMax);
  if (count == 1 && holds_here(ends[state.first_term])) return ends[state.first_term].term;
  if (count <= 1) return kNoTerm;
  const std::uint64_t first = first_of(hit);
  std::uint32_t best = kNoTerm;
  std::size_t best_rank = 0;  // likeness, then severity, which is 1 at least
  for (const TermEnd& end : ends.subspan(state.first_term, count)) {
    const std::size_t likely = (end.flags & kLongFlag) != 0
                                   ? likeness(terms.text(terms.terms[end.term]), hit)
                                   : same_places(end.first, first);
    const std::size_t rank = likely << 16 | end.severity;
    if (rank <= best_rank || !holds_here(end)) continue;
    best = end.term;
    best_rank = rank;
  }
  return best;
}

}  // namespace zhiyin::text::detail
