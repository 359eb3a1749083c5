// What a view sees of a piece.
#include <algorithm>

#include "text/detail/automaton.h"
#include "text/detail/evasion_tables.h"
#include "text/detail/scan.h"
#include "text/detail/view_keys.h"

namespace zhiyin::text::detail {
namespace {

constexpr bool is_soft(Symbol symbol) { return symbol != kSkipped && (symbol & kSoft) != 0; }

}  // namespace

void SymbolRun::begin_anew(std::size_t most, bool spans) {
  size = 0;
  has_spans = spans;
  soft.clear();
  repeated.clear();
  left_out.clear();
  odd.clear();
  if (symbols.size() < most + kPadding) {
    symbols.resize(most + kPadding);
    begin.resize(most + kPadding);
  }
  if (spans && end.size() < most + kPadding) end.resize(most + kPadding);
}

void SymbolRun::finish() {
  for (std::size_t i = 0; i < kPadding; ++i) symbols[size + i] = kBreak;
}

void ScanBuffers::take_all(MatchView view, SymbolRun& run) const {
  const auto v = static_cast<std::size_t>(view);
  const CharacterRow* const rows = terms_->characters.rows.data();
  run.begin_anew(count_, false);
  for (std::size_t i = 0; i < count_; ++i) {
    const CharacterRow& row = rows[numbers_[i]];
    const auto at = static_cast<std::uint32_t>(i);
    run.symbols[i] = row.symbols[v];
    run.begin[i] = at;
    if ((row.odd & view_bit(view)) != 0) run.odd.push_back({at, at});
  }
  run.size = count_;
  run.finish();
}

void ScanBuffers::strip(MatchView view, SymbolRun& run) const {
  const auto v = static_cast<std::size_t>(view);
  const CharacterRow* const rows = terms_->characters.rows.data();
  run.begin_anew(2 * count_, false);
  std::size_t noise = 0;
  for (std::size_t i = 0; i < count_; ++i) {
    const CharacterRow& row = rows[numbers_[i]];
    const Symbol symbol = row.symbols[v];
    const auto at = static_cast<std::uint32_t>(i);
    if ((row.odd & view_bit(view)) != 0)
      run.odd.push_back({at, static_cast<std::uint32_t>(run.size)});
    if (is_soft(symbol)) {
      noise = 0;
      run.add_soft(symbol, at);
      continue;
    }
    // Written whether it stays or not: no branch to guess.
    const bool skipped = symbol == kSkipped;
    noise = skipped ? noise + 1 : 0;
    run.symbols[run.size] = symbol;
    run.begin[run.size] = at;
    run.size += skipped ? 0 : 1;
    if (noise == kNoiseRunMax + 1) run.add(kBreak, at);
  }
  run.finish();
}

/// As the view of repeats sees it: a repeat is left out.
void ScanBuffers::strip_once(SymbolRun& run) const {
  constexpr auto kView = static_cast<std::size_t>(MatchView::kRepeats);
  const CharacterRow* const rows = terms_->characters.rows.data();
  run.begin_anew(2 * count_, false);
  std::size_t noise = 0, repeats = 0;
  Symbol last = kBreak;
  for (std::size_t i = 0; i < count_; ++i) {
    const Symbol symbol = rows[numbers_[i]].symbols[kView];
    const auto at = static_cast<std::uint32_t>(i);
    if (symbol == kSkipped) {
      if (++noise == kNoiseRunMax + 1) run.add(last = kBreak, at);
      continue;
    }
    noise = 0;
    if (symbol == last && symbol != kBreak) {
      if (repeats == 0) run.repeated.push_back(static_cast<std::uint32_t>(run.size - 1));
      run.left_out.push_back(at);
      if (++repeats == kNoiseRunMax + 1) run.add(kBreak, at);
      continue;
    }
    repeats = 0;
    last = symbol;
    if (is_soft(symbol)) {
      run.add_soft(symbol, at);
    } else {
      run.add(symbol, at);
    }
  }
  run.finish();
}

void ScanBuffers::flush_letters() {
  if (letters_.empty()) return;
  const PinyinCut cut = pinyin_syllables(letters_);
  std::size_t at = 0;
  for (std::size_t i = 0; i < cut.count; ++i) {
    const auto [number, letters] = cut.syllables[i];
    run_.add(terms_->syllables[number - 1U], letter_places_[at],
             letter_places_[at + letters - 1U] + 1);
    at += letters;
  }
  if (cut.count == 0) {
    constexpr auto kView = static_cast<std::size_t>(MatchView::kHomophone);
    for (std::size_t i = 0; i < letters_.size(); ++i) {
      const auto letter = static_cast<unsigned char>(letters_[i]);
      run_.add(terms_->characters[letter].symbols[kView], letter_places_[i], letter_places_[i] + 1);
    }
  }
  letters_.clear();
  letter_places_.clear();
}

void ScanBuffers::strip_homophones() {
  constexpr auto kView = static_cast<std::size_t>(MatchView::kHomophone);
  const CharacterRow* const rows = terms_->characters.rows.data();
  run_.begin_anew(2 * count_, true);
  letters_.clear();
  letter_places_.clear();
  std::size_t noise = 0;
  for (std::size_t i = 0; i < count_; ++i) {
    const CharacterRow& row = rows[numbers_[i]];
    const Symbol symbol = row.symbols[kView];
    const auto at = static_cast<std::uint32_t>(i);
    if (symbol == kSkipped) {
      flush_letters();
      if (++noise == kNoiseRunMax + 1) run_.add(kBreak, at, at);
      continue;
    }
    noise = 0;
    if (row.letter != 0) {
      letters_ += static_cast<char>(row.letter);
      letter_places_.push_back(at);
      continue;
    }
    flush_letters();
    if (is_soft(symbol)) {
      run_.add_soft(symbol, at);
    } else {
      run_.add(symbol, at, at + 1);
    }
  }
  flush_letters();
  run_.finish();
}

// Shapes: first character by character, then around each place where some, put together, are one
// that was taken apart.

void ScanBuffers::scan_shapes() {
  strip(MatchView::kShape, run_);
  search_beside_plain(MatchView::kShape, run_);
  if (terms_->compositions.empty()) return;
  const std::size_t n = run_.size;
  make_room(parts_, n + SymbolRun::kPadding);
  for (std::size_t i = 0; i < n; ++i)
    parts_[i] = terms_->characters.rows[numbers_[run_.begin[i]]].part;
  for (std::size_t i = 0; i < SymbolRun::kPadding; ++i) parts_[n + i] = kBreak;
  behind_.clear();
  for (std::size_t i = 0; i + 1 < n; ++i) {
    Symbol whole = kBreak;
    if (compose_at(i, whole) == 0) continue;
    if (!run_.soft.empty() && behind_.empty()) remember_states();
    scan_composed(i);
  }
}

/// Where digits may or may not be noise the whole run is followed once.
void ScanBuffers::remember_states() {
  const Automaton& automaton = terms_->automata[static_cast<std::size_t>(MatchView::kShape)];
  behind_.resize(run_.size);
  kept_begins_.clear();
  std::uint32_t state = 0;
  std::size_t soft = 0;
  for (std::size_t i = 0; i < run_.size; ++i) {
    Symbol symbol = run_.symbols[i];
    bool kept = symbol != kBreak;
    if (soft < run_.soft.size() && run_.soft[soft].at == i) {
      symbol = run_.soft[soft++].symbol;
      kept = automaton.child(state, symbol) != kNoState;
    } else if (!kept) {
      state = 0;
    }
    if (kept) {
      state = next_state(automaton, state, symbol);
      kept_begins_.push_back(run_.begin[i]);
    }
    behind_[i] = {state, static_cast<std::uint32_t>(kept_begins_.size())};
  }
}

/// The state in which the search stands before `at`; the characters of its symbols become
/// composed_begins_.
std::uint32_t ScanBuffers::state_before(std::size_t at) {
  composed_begins_.clear();
  if (at == 0) return 0;
  const Automaton& automaton = terms_->automata[static_cast<std::size_t>(MatchView::kShape)];
  if (!behind_.empty()) {
    const auto [state, kept] = behind_[at - 1];
    const auto end = kept_begins_.begin() + kept;
    composed_begins_.assign(end - automaton.cold[state].depth, end);
    return state;
  }
  const auto end = static_cast<std::uint32_t>(at);
  Path path = path_to(automaton, run_, end);
  // The furthest place from which the tree can be followed up to here.
  const Symbol* const symbols = run_.symbols.data();
  const std::size_t depth_max = std::min(terms_->shape_depth_max, at);
  for (std::size_t i = at - depth_max; i + 2 < at; ++i) {
    if (!automaton.prefixes.may_begin(symbols[i], symbols[i + 1], symbols[i + 2])) continue;
    std::uint32_t state = 0;
    for (std::size_t k = i; k < at && state != kNoState; ++k)
      state = automaton.child(state, symbols[k]);
    if (state == kNoState) continue;
    path = {static_cast<std::uint32_t>(i), state};
    break;
  }
  composed_begins_.assign(run_.begin.begin() + path.begin, run_.begin.begin() + end);
  return path.state;
}

/// How many parts from `at` on make up a character (0: none), and its symbol.
std::size_t ScanBuffers::compose_at(std::size_t at, Symbol& whole) const {
  const Symbol first = parts_[at], second = parts_[at + 1];
  if (first == kBreak || second == kBreak || !terms_->may_compose(first, second)) return 0;
  const Symbol third = parts_[at + 2];
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
  std::uint32_t state = state_before(from);
  std::size_t composed_at = 0;  // kept symbols up to the last that was put together
  auto soft = std::ranges::lower_bound(run_.soft, from, {}, &SymbolRun::Soft::at);
  for (std::size_t i = from; i < run_.size;) {
    Symbol symbol = kBreak;
    const std::size_t taken = compose_at(i, symbol);
    if (taken == 0) symbol = run_.symbols[i];
    while (soft != run_.soft.end() && soft->at < i) ++soft;
    if (taken == 0 && soft != run_.soft.end() && soft->at == i) {
      symbol = soft->symbol;
      if (automaton.child(state, symbol) == kNoState) {
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
      ends_at(MatchView::kShape, state, composed_begins_, since + 1, run_.begin[last] + 1);
    i = last + 1;
  }
}

}  // namespace zhiyin::text::detail
