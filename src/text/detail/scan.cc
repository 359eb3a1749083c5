#include "text/detail/scan.h"

#include <algorithm>
#include <cstring>
#include <tuple>

#include "text/code_point.h"
#include "text/detail/view_keys.h"

namespace zhiyin::text::detail {
namespace {

/// The character at `at` where it is one of U+4000 to U+9FFF, as nearly all of Chinese text; else
/// 0.
inline char32_t common_han_at(std::string_view text, std::size_t at) {
  if (text.size() - at < 3) return 0;
  const auto byte = [&](std::size_t i) -> std::uint32_t {
    return static_cast<unsigned char>(text[at + i]);
  };
  const bool is_han =
      byte(0) - 0xe4 <= 0xe9 - 0xe4 && (byte(1) & 0xc0) == 0x80 && (byte(2) & 0xc0) == 0x80;
  return is_han ? (byte(0) & 0x0f) << 12 | (byte(1) & 0x3f) << 6 | (byte(2) & 0x3f) : 0;
}

/// The state in which a term ends at this position, or 0. `alone`: of the automaton's symbols.
inline std::uint32_t ending_state(const Automaton& automaton, const std::uint8_t* alone,
                                  const Position& at) {
  if (at.state != 0) return (automaton.hot[at.state].base & HotState::kEnds) != 0 ? at.state : 0;
  return alone[at.last] != 0 ? Position::of_one(automaton, at.last) : 0;
}

}  // namespace

void SymbolRun::begin_anew(std::size_t most) {
  size = 0;
  if (symbols.size() >= most) return;
  symbols.resize(most);
  begin.resize(most);
  end.resize(most);
}

void ScanBuffers::find(const CompiledTerms& terms, std::string_view text,
                       const FindOptions& options, std::vector<TermHit>& hits) {
  terms_ = &terms;
  text_ = text;
  options_ = options;
  hits_ = &hits;
  byte_base_ = char_base_ = 0;
  carried_.clear();
  allowed_carried_ = 0;
  const std::size_t first_hit = hits.size();
  while (byte_base_ < text.size()) {
    decode_piece();
    scan_piece();
    byte_base_ += offsets_[settled_];
    char_base_ += settled_;
  }
  const auto begin = hits.begin() + static_cast<std::ptrdiff_t>(first_hit);
  std::sort(begin, hits.end(), [](const TermHit& a, const TermHit& b) {
    return std::tuple(a.byte_begin, b.byte_end, a.term, a.view) <
           std::tuple(b.byte_begin, a.byte_end, b.term, b.view);
  });
  if (options.overlapping) drop_repeats(first_hit);
}

/// The same term at the same place counts once, in its strictest view.
void ScanBuffers::drop_repeats(std::size_t from) {
  const auto begin = hits_->begin() + static_cast<std::ptrdiff_t>(from);
  const auto same = [](const TermHit& a, const TermHit& b) {
    return a.term == b.term && a.byte_begin == b.byte_begin && a.byte_end == b.byte_end;
  };
  hits_->erase(std::unique(begin, hits_->end(), same), hits_->end());
}

void ScanBuffers::decode_piece() {
  constexpr std::size_t kWanted = kPieceCharacters + kLookAhead;
  const std::size_t most = std::min(kWanted, text_.size() - byte_base_);
  characters_.resize(most);
  offsets_.resize(most + 1);
  std::size_t at = byte_base_, n = 0;
  for (; n < most && at < text_.size(); ++n) {
    offsets_[n] = static_cast<std::uint32_t>(at - byte_base_);
    if (const char32_t han = common_han_at(text_, at)) {
      characters_[n] = han;
      at += 3;
      continue;
    }
    const CodePoint c = code_point_at(text_, at);
    characters_[n] = c.value;
    at += c.bytes;
  }
  characters_.resize(n);
  offsets_.resize(n + 1);
  offsets_[n] = static_cast<std::uint32_t>(at - byte_base_);
  is_last_ = at == text_.size();
  settled_ = n;
  if (is_last_) return;
  // Not inside a word or a row of repeats, where the views would see something else from there.
  settled_ = kPieceCharacters;
  for (std::size_t back = 0; back < kHitCharactersMax; ++back) {
    const std::size_t cut = kPieceCharacters - back;
    if (is_han(characters_[cut - 1]) && characters_[cut] != characters_[cut - 1]) {
      settled_ = cut;
      break;
    }
  }
}

void ScanBuffers::scan_piece() {
  const std::size_t n = characters_.size();
  best_.resize(std::max(best_.size(), n));
  taken_.assign(n, 0);
  std::copy_n(carried_.begin(), std::min(carried_.size(), n), taken_.begin());
  carries_.assign(kHitCharactersMax, 0);
  find_allowed();
  for (std::size_t v = 0; v < kMatchViews; ++v) {
    const auto view = static_cast<MatchView>(v);
    const bool wanted = (options_.views & view_bit(view)) != 0 && !terms_->automata[v].empty();
    if (!wanted) continue;
    scan_view(view);
    if (!options_.overlapping) settle_view(view);
  }
  carried_.swap(carries_);
}

void ScanBuffers::scan_view(MatchView view) {
  switch (view) {
    case MatchView::kPlain:
    case MatchView::kMixedScript:
      return scan_as_written(view);
    case MatchView::kNoise:
    case MatchView::kRepeats:
      strip(view);
      return scan_run(view);
    case MatchView::kHomophone:
      strip_homophones();
      return scan_run(view);
    case MatchView::kShape:
      return scan_shapes();
  }
}

// Following the automata.

void ScanBuffers::scan_as_written(MatchView view) {
  const auto v = static_cast<std::size_t>(view);
  const SymbolTable table = terms_->symbols[v];
  const Automaton automaton = terms_->automata[v];
  const std::uint8_t* const alone = terms_->alone[v].data();
  Position at;
  for (std::size_t i = 0, n = characters_.size(); i < n; ++i) {
    const Symbol symbol = table[characters_[i]];
    if (symbol == kBreak) {
      at = {};
      continue;
    }
    at.follow(automaton, symbol);
    if (const std::uint32_t state = ending_state(automaton, alone, at))
      ends_at(view, state, nullptr, i, static_cast<std::uint32_t>(i + 1));
  }
}

void ScanBuffers::scan_run(MatchView view) {
  const auto v = static_cast<std::size_t>(view);
  const Automaton automaton = terms_->automata[v];
  const bool remember = view == MatchView::kShape && !terms_->compositions.empty();
  const std::size_t n = run_.size;
  if (kept_begins_.size() < n) kept_begins_.resize(n);
  if (remember && behind_.size() < n) behind_.resize(n);
  const std::uint8_t* const alone = terms_->alone[v].data();
  Position at;
  std::uint32_t kept = 0;
  for (std::size_t i = 0; i < n; ++i) {
    Symbol symbol = run_.symbols[i];
    bool passed_over = false;
    if (symbol == kBreak) {
      at = {};
      passed_over = true;
    } else if ((symbol & kSoft) != 0) {
      symbol &= static_cast<Symbol>(~kSoft);
      passed_over = automaton.child(at.real_state(automaton), symbol) == kNoState;
    }
    if (!passed_over) {
      kept_begins_[kept++] = run_.begin[i];
      at.follow(automaton, symbol);
      if (const std::uint32_t state = ending_state(automaton, alone, at))
        ends_at(view, state, kept_begins_.data(), kept - 1, run_.end[i]);
    }
    if (remember) behind_[i] = {at, kept};
  }
}

/// Where allowed words lie, before any hit is settled.
void ScanBuffers::find_allowed() {
  const Automaton automaton = terms_->automata[kAllowedAutomaton];
  if (automaton.empty()) return allowed_end_.clear();
  const SymbolTable table = terms_->symbols[static_cast<std::size_t>(MatchView::kMixedScript)];
  const std::u32string_view characters(characters_.data(), characters_.size());
  allowed_end_.assign(characters_.size(), 0);
  std::uint32_t state = 0;
  for (std::size_t i = 0; i < characters.size(); ++i) {
    const Symbol symbol = table[characters[i]];
    state = symbol == kBreak ? 0 : next_state(automaton, state, symbol);
    if ((automaton.hot[state].base & HotState::kEnds) == 0) continue;
    for (std::uint32_t s = state; s != 0; s = automaton.cold[s].next_end) {
      const ColdState& cold = automaton.cold[s];
      const auto end = static_cast<std::uint32_t>(i + 1);
      const HitText hit{characters, end - cold.depth, end};
      for (std::uint32_t t = cold.first_term; t < cold.terms_end; ++t)
        if (holds(*terms_, MatchView::kMixedScript, terms_->terms[automaton.ends[t]], hit))
          allowed_end_[hit.begin] = end;
    }
  }
  std::uint32_t furthest =
      allowed_carried_ > char_base_ ? static_cast<std::uint32_t>(allowed_carried_ - char_base_) : 0;
  for (std::uint32_t& end : allowed_end_) end = furthest = std::max(furthest, end);
  if (settled_ > 0) allowed_carried_ = char_base_ + allowed_end_[settled_ - 1];
}

/// Every term that ends at `state`, whose last symbol is number `last` (of `begins`, or of the
/// characters themselves).
void ScanBuffers::ends_at(MatchView view, std::uint32_t state, const std::uint32_t* begins,
                          std::size_t last, std::uint32_t end) {
  const auto& cold = terms_->automata[static_cast<std::size_t>(view)].cold;
  if (cold[state].first_term == cold[state].terms_end) state = cold[state].next_end;
  // One character that only looks like a term is none.
  const unsigned least = view == MatchView::kShape ? 2 : 1;
  for (; state != 0 && cold[state].depth >= least; state = cold[state].next_end) {
    const std::size_t first = last + 1 - cold[state].depth;
    candidate(view, state, begins == nullptr ? static_cast<std::uint32_t>(first) : begins[first],
              end);
  }
}

void ScanBuffers::candidate(MatchView view, std::uint32_t state, std::uint32_t begin,
                            std::uint32_t end) {
  const Automaton& automaton = terms_->automata[static_cast<std::size_t>(view)];
  const ColdState& cold = automaton.cold[state];
  if (end - begin > kHitCharactersMax) return;
  const HitText hit{{characters_.data(), characters_.size()}, begin, end};
  if (options_.overlapping) {
    if (begin >= settled_) return;
    for (std::uint32_t i = cold.first_term; i < cold.terms_end; ++i) {
      const TermRow& row = terms_->terms[automaton.ends[i]];
      if (holds(*terms_, view, row, hit)) emit(view, automaton.ends[i], begin, end);
    }
    return;
  }
  Best& best = best_[begin];
  if (best.end >= end) return;
  if ((cold.flags & kCheckedFlag) != 0 && choose_term(*terms_, view, cold, hit) == kNoTerm) return;
  best = {end, state};
}

// From what could be a hit to what is one.

void ScanBuffers::settle_view(MatchView view) {
  const auto& cold = terms_->automata[static_cast<std::size_t>(view)].cold;
  const std::u32string_view characters(characters_.data(), characters_.size());
  for (std::uint32_t at = 0; at < characters_.size(); ++at) {
    const Best best = best_[at];
    if (best.end == 0) continue;
    best_[at] = {};
    if (!is_free(view, at, best.end) || is_allowed(at, best.end)) continue;
    std::uint32_t end = best.end;
    if (view == MatchView::kRepeats) {
      end = std::min<std::uint32_t>(repeats_end(end), at + kHitCharactersMax);
      while (end > best.end && !is_free(view, at, end)) --end;
    }
    std::fill(taken_.begin() + at, taken_.begin() + end,
              static_cast<std::uint8_t>(1 + static_cast<unsigned>(view)));
    if (at >= settled_) continue;
    if (end > settled_)
      std::copy(taken_.begin() + static_cast<std::ptrdiff_t>(settled_), taken_.begin() + end,
                carries_.begin());
    emit(view, choose_term(*terms_, view, cold[best.state], {characters, at, best.end}), at, end);
  }
}

bool ScanBuffers::is_free(MatchView view, std::uint32_t begin, std::uint32_t end) const {
  const unsigned rank = 1 + static_cast<unsigned>(view);
  return std::all_of(taken_.begin() + begin, taken_.begin() + end,
                     [&](std::uint8_t by) { return by == 0 || by > rank; });
}

bool ScanBuffers::is_allowed(std::uint32_t begin, std::uint32_t end) const {
  return !allowed_end_.empty() && allowed_end_[begin] >= end;
}

/// Behind the repeats of the character that ends at `end`.
std::uint32_t ScanBuffers::repeats_end(std::uint32_t end) const {
  const char32_t last = script_fold(characters_[end - 1]);
  while (end < characters_.size() && script_fold(characters_[end]) == last) ++end;
  return end;
}

void ScanBuffers::emit(MatchView view, std::uint32_t term, std::uint32_t begin, std::uint32_t end) {
  if (term == kNoTerm || (options_.overlapping && is_allowed(begin, end))) return;
  TermHit hit;
  hit.term = term;
  hit.view = view;
  hit.byte_begin = byte_base_ + offsets_[begin];
  hit.byte_end = byte_base_ + offsets_[end];
  hit.char_begin = char_base_ + begin;
  hit.char_end = char_base_ + end;
  hits_->push_back(hit);
}

}  // namespace zhiyin::text::detail
