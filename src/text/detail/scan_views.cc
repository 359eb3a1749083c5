// What is left of a text in the views that leave something out.
#include <algorithm>

#include "text/detail/automaton.h"
#include "text/detail/evasion_tables.h"
#include "text/detail/scan.h"
#include "text/detail/view_keys.h"

namespace zhiyin::text::detail {
namespace {

/// The lower-case letter that a character is or looks like, or 0.
char latin_letter(char32_t c) {
  if (c < 0x80) return is_ascii_letter(c) ? static_cast<char>(c | 0x20) : '\0';
  if (is_han(c)) return '\0';
  const char32_t folded = script_fold(c);
  return is_ascii_letter(folded) ? static_cast<char>(folded) : '\0';
}

}  // namespace

void ScanBuffers::strip(MatchView view) {
  const SymbolTable table = terms_->symbols[static_cast<std::size_t>(view)];
  const bool once = view == MatchView::kRepeats;
  run_.begin_anew(2 * characters_.size());
  std::size_t noise = 0, repeated = 0;
  Symbol last = kBreak;
  for (std::size_t i = 0, n = characters_.size(); i < n; ++i) {
    const Symbol symbol = table[characters_[i]];
    const std::size_t at = i;
    if (symbol == kSkipped) {
      if (++noise == kNoiseRunMax + 1) run_.add(last = kBreak, at, at);
      continue;
    }
    noise = 0;
    if (once && symbol == last && symbol != kBreak) {
      if (++repeated == kNoiseRunMax + 1) run_.add(kBreak, at, at);
      continue;
    }
    repeated = 0;
    run_.add(last = symbol, at, at + 1);
  }
}

void ScanBuffers::flush_letters() {
  if (letters_.empty()) return;
  const SymbolTable& table = terms_->symbols[static_cast<std::size_t>(MatchView::kHomophone)];
  const auto syllables = pinyin_syllables(letters_);
  std::size_t at = 0;
  for (const std::uint16_t syllable : syllables) {
    // The syllable's letters: those up to where the next begins.
    const std::size_t bytes = evasion_tables().syllables[syllable - 1U].size();
    run_.add(terms_->syllables[syllable - 1U], letter_places_[at],
             letter_places_[at + bytes - 1] + 1);
    at += bytes;
  }
  if (syllables.empty()) {
    for (std::size_t i = 0; i < letters_.size(); ++i)
      run_.add(table[static_cast<unsigned char>(letters_[i])], letter_places_[i],
               letter_places_[i] + 1);
  }
  letters_.clear();
  letter_places_.clear();
}

void ScanBuffers::strip_homophones() {
  const SymbolTable table = terms_->symbols[static_cast<std::size_t>(MatchView::kHomophone)];
  run_.begin_anew(2 * characters_.size());
  letters_.clear();
  letter_places_.clear();
  std::size_t noise = 0;
  for (std::size_t i = 0, n = characters_.size(); i < n; ++i) {
    const char32_t c = characters_[i];
    const Symbol symbol = table[c];
    const auto at = static_cast<std::uint32_t>(i);
    if (symbol == kSkipped) {
      flush_letters();
      if (++noise == kNoiseRunMax + 1) run_.add(kBreak, at, at);
      continue;
    }
    noise = 0;
    if (const char letter = latin_letter(c)) {
      letters_ += letter;
      letter_places_.push_back(at);
      continue;
    }
    flush_letters();
    run_.add(symbol, at, at + 1);
  }
  flush_letters();
}

// Shapes: first character by character, then around each place where some, put together, are one
// that was taken apart.

void ScanBuffers::scan_shapes() {
  strip(MatchView::kShape);
  scan_run(MatchView::kShape);
  if (terms_->compositions.empty()) return;
  const SymbolTable& table = terms_->symbols[kPartTable];
  const std::size_t n = run_.size;
  parts_.resize(n);
  for (std::size_t i = 0; i < n; ++i)
    parts_[i] = run_.begin[i] == run_.end[i] ? kBreak : table[characters_[run_.begin[i]]];
  for (std::size_t i = 0; i + 1 < n; ++i) {
    Symbol whole = kBreak;
    if (compose_at(i, whole) != 0) scan_composed(i);
  }
}

/// How many parts from `at` on make up a character (0: none), and its symbol.
std::size_t ScanBuffers::compose_at(std::size_t at, Symbol& whole) const {
  const Symbol first = parts_[at], second = at + 1 < parts_.size() ? parts_[at + 1] : kBreak;
  if (first == kBreak || second == kBreak || !terms_->may_compose(first, second)) return 0;
  const Symbol third = at + 2 < parts_.size() ? parts_[at + 2] : kBreak;
  if (third != kBreak) {
    whole = terms_->composed(first, second, third);
    if (whole != kBreak) return 3;
  }
  whole = terms_->composed(first, second, kBreak);
  return whole != kBreak ? 2 : 0;
}

/// From where the first search stood before `from` on, with what is put together there, for as long
/// as a character that was taken apart can still be in a hit.
void ScanBuffers::scan_composed(std::size_t from) {
  const Automaton& automaton = terms_->automata[static_cast<std::size_t>(MatchView::kShape)];
  const Behind before = from == 0 ? Behind{{}, 0} : behind_[from - 1];
  std::uint32_t state = before.at.real_state(automaton);
  const std::uint32_t depth = automaton.cold[state].depth;
  const auto kept_end = kept_begins_.begin() + before.kept;
  composed_begins_.assign(kept_end - depth, kept_end);
  std::size_t composed_at = 0;  // kept symbols up to the last that was put together
  for (std::size_t i = from; i < run_.size;) {
    Symbol symbol = kBreak;
    const std::size_t taken = compose_at(i, symbol);
    if (taken == 0) {
      symbol = run_.symbols[i];
      const bool soft = (symbol & kSoft) != 0;
      symbol &= static_cast<Symbol>(~kSoft);
      if (soft && automaton.child(state, symbol) == kNoState) {
        ++i;
        continue;
      }
    }
    if (symbol == kBreak) return;
    const std::size_t last = i + std::max<std::size_t>(taken, 1) - 1;
    composed_begins_.push_back(run_.begin[i]);
    if (taken != 0) composed_at = composed_begins_.size();
    state = next_state(automaton, state, symbol);
    const std::size_t since = composed_begins_.size() - composed_at;
    if (automaton.cold[state].depth <= since) return;
    if ((automaton.hot[state].base & HotState::kEnds) != 0)
      composed_end(state, since, run_.end[last]);
    i = last + 1;
  }
}

/// The terms that end at `state` and reach back over the last character that was put together.
void ScanBuffers::composed_end(std::uint32_t state, std::size_t since, std::uint32_t end) {
  const auto& cold = terms_->automata[static_cast<std::size_t>(MatchView::kShape)].cold;
  if (cold[state].first_term == cold[state].terms_end) state = cold[state].next_end;
  for (; state != 0 && cold[state].depth > since; state = cold[state].next_end)
    candidate(MatchView::kShape, state,
              composed_begins_[composed_begins_.size() - cold[state].depth], end);
}

}  // namespace zhiyin::text::detail
