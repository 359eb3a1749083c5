#include "text/detail/scan.h"

#include <algorithm>
#include <bit>
#include <tuple>

#include "text/code_point.h"
#include "text/detail/fast_code_point.h"
#include "text/detail/view_keys.h"

namespace zhiyin::text::detail {
void ScanBuffers::begin(const CompiledTerms& terms, const FindOptions& options,
                        std::vector<TermHit>& hits) {
  terms_ = &terms;
  options_ = options;
  hits_ = &hits;
  byte_base_ = char_base_ = 0;
  carried_.clear();
  allowed_carried_ = 0;
}

void ScanBuffers::find(const CompiledTerms& terms, std::string_view text,
                       const FindOptions& options, std::vector<TermHit>& hits) {
  begin(terms, options, hits);
  text_ = text;
  const std::size_t first_hit = hits.size();
  while (byte_base_ < text.size()) {
    decode_piece();
    scan_piece();
    byte_base_ += offsets_[settled_];
    char_base_ += settled_;
  }
  put_in_order(first_hit);
}

std::size_t ScanBuffers::find_together(const CompiledTerms& terms,
                                       std::span<const std::string_view> texts,
                                       const FindOptions& options, std::vector<TermHit>& hits,
                                       std::vector<std::size_t>& ends) {
  begin(terms, options, hits);
  const std::size_t first_hit = hits.size();
  const std::size_t taken = decode_together(texts);
  if (taken == 0) {
    find(terms, texts[0], options, hits);
    ends.push_back(hits.size());
    return 1;
  }
  scan_piece();
  put_in_order(first_hit);
  // Back to places in each text.
  std::size_t hit = first_hit;
  for (std::size_t i = 0; i < taken; ++i) {
    const auto [bytes, characters] = together_[i];
    const std::size_t end = i + 1 < taken ? together_[i + 1].characters : count_;
    for (; hit < hits.size() && hits[hit].char_begin < end; ++hit) {
      hits[hit].byte_begin -= bytes;
      hits[hit].byte_end -= bytes;
      hits[hit].char_begin -= characters;
      hits[hit].char_end -= characters;
    }
    ends.push_back(hit);
  }
  return taken;
}

void ScanBuffers::put_in_order(std::size_t first_hit) {
  const auto begin = hits_->begin() + static_cast<std::ptrdiff_t>(first_hit);
  if (!options_.overlapping) {
    std::ranges::sort(begin, hits_->end(), {}, &TermHit::byte_begin);
    return;
  }
  std::sort(begin, hits_->end(), [](const TermHit& a, const TermHit& b) {
    return std::tuple(a.byte_begin, b.byte_end, a.term, a.view) <
           std::tuple(b.byte_begin, a.byte_end, b.term, b.view);
  });
  drop_repeats(first_hit);
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
  make_room(characters_, most);
  make_room(numbers_, most);
  make_room(offsets_, most + 1);
  const CharacterTable table = terms_->characters;
  std::size_t at = byte_base_, n = 0;
  for (; n < most && at < text_.size(); ++n) {
    offsets_[n] = static_cast<std::uint32_t>(at - byte_base_);
    const auto first = static_cast<unsigned char>(text_[at]);
    const CodePoint c = first < 0x80 ? CodePoint{first, 1, true} : fast_code_point_at(text_, at);
    characters_[n] = c.value;
    numbers_[n] = table.number(c.value);
    at += c.bytes;
  }
  count_ = n;
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

/// Reads as many of the texts as make up a piece, kBetweenTexts behind each; how many they are. 0:
/// the first is too long for one.
std::size_t ScanBuffers::decode_together(std::span<const std::string_view> texts) {
  together_.clear();
  std::size_t bytes = 0;
  for (const std::string_view text : texts) {
    if (bytes + text.size() + together_.size() + 1 > kPieceCharacters) break;
    together_.push_back({bytes, 0});
    bytes += text.size();
  }
  make_room(characters_, bytes + together_.size());
  make_room(numbers_, bytes + together_.size());
  make_room(offsets_, bytes + together_.size() + 1);
  const CharacterTable table = terms_->characters;
  std::size_t n = 0;
  for (std::size_t i = 0; i < together_.size(); ++i) {
    together_[i].characters = n;
    const std::string_view text = texts[i];
    for (std::size_t at = 0; at < text.size(); ++n) {
      offsets_[n] = static_cast<std::uint32_t>(together_[i].bytes + at);
      const auto first = static_cast<unsigned char>(text[at]);
      const CodePoint c = first < 0x80 ? CodePoint{first, 1, true} : fast_code_point_at(text, at);
      characters_[n] = c.value;
      numbers_[n] = table.number(c.value);
      at += c.bytes;
    }
    offsets_[n] = static_cast<std::uint32_t>(together_[i].bytes + text.size());
    characters_[n] = kBetweenTexts;
    numbers_[n++] = table.between_texts();
  }
  offsets_[n] = static_cast<std::uint32_t>(bytes);
  count_ = settled_ = n;
  is_last_ = true;
  return together_.size();
}

bool ScanBuffers::is_wanted(MatchView view) const {
  return (options_.views & view_bit(view)) != 0 &&
         !terms_->automata[static_cast<std::size_t>(view)].empty();
}

void ScanBuffers::scan_piece() {
  make_room(best_, count_);
  make_room(touched_, count_ / 64 + 1);
  taken_.assign(count_, 0);
  std::copy_n(carried_.begin(), std::min(carried_.size(), count_), taken_.begin());
  carries_.assign(is_last_ ? 0 : kHitCharactersMax, 0);
  find_allowed();
  for (std::size_t v = 0; v < kMatchViews; ++v) {
    const auto view = static_cast<MatchView>(v);
    if (!is_wanted(view)) continue;
    scan_view(view);
    if (!options_.overlapping) settle_view(view);
  }
  carried_.swap(carries_);
}

void ScanBuffers::scan_view(MatchView view) {
  switch (view) {
    case MatchView::kPlain:
      take_all(view, run_);
      search(view, run_);
      return look_for_odd_terms();
    case MatchView::kMixedScript:
      take_all(view, run_);
      return search_beside_plain(view, run_);
    case MatchView::kNoise:
      strip(view, run_);
      return search_beside_plain(view, run_);
    case MatchView::kRepeats:
      return scan_repeats();
    case MatchView::kHomophone:
      strip_homophones();
      return search(view, run_);
    case MatchView::kShape:
      return scan_shapes();
  }
}

// Following the automata.

void ScanBuffers::search(MatchView view, const SymbolRun& run) {
  soft_paths_.assign(run.soft.size(), {});
  find_starts(view, run);
  walk_starts(view, run);
  if (!run.soft.empty()) follow_soft(view, run);
}

/// Keeps the plain view's starts for the views that follow it.
void ScanBuffers::look_for_odd_terms() {
  for (Start& start : std::span(starts_).first(start_count_))
    start.may_be_odd = terms_->odd_terms.may_begin(
        run_.symbols[start.at], run_.symbols[start.at + 1], run_.symbols[start.at + 2]);
  starts_.swap(plain_starts_);
  plain_start_count_ = start_count_;
}

/// What a view adds to the plain one. Where no character is odd, it sees the same symbols, and a
/// term that looks the same in both was found there already: a hit that ends no later than the
/// plain view's longest from the same place never counts. So it is followed only where an odd
/// character is among a term's first three, where the plain view was followed up to one, and where
/// a term may begin that looks otherwise in this view.
void ScanBuffers::search_beside_plain(MatchView view, const SymbolRun& run) {
  if (!is_wanted(MatchView::kPlain) || (terms_->follow_plain & view_bit(view)) == 0)
    return search(view, run);
  const auto v = static_cast<std::size_t>(view);
  const Automaton& automaton = terms_->automata[v];
  const std::uint8_t* const alone =
      view == MatchView::kShape || terms_->alone[v].empty() ? nullptr : terms_->alone[v].data();
  soft_paths_.assign(run.soft.size(), {});
  make_room(starts_, 3 * run.odd.size() + plain_start_count_);
  std::size_t count = 0;
  const auto take = [&](std::uint32_t at) {
    const Symbol* const next = run.symbols.data() + at;
    starts_[count].at = at;
    const bool may_begin = automaton.prefixes.may_begin(next[0], next[1], next[2]);
    const bool is_alone = alone != nullptr && alone[next[0]] != 0;
    count += static_cast<std::size_t>(may_begin) | static_cast<std::size_t>(is_alone);
  };
  std::uint32_t near = 0;
  for (const SymbolRun::Odd& odd : run.odd) {
    near = std::max(near, odd.symbol - std::min<std::uint32_t>(odd.symbol, 2));
    for (; near <= odd.symbol && near < run.size; ++near) take(near);
  }
  std::size_t odd = 0;
  std::uint32_t at = 0;
  for (const Start& start : std::span(plain_starts_).first(plain_start_count_)) {
    while (odd < run.odd.size() && run.odd[odd].character < start.at) ++odd;
    const bool meets_odd = odd < run.odd.size() && run.odd[odd].character <= start.reach;
    if (!meets_odd && !start.may_be_odd) continue;
    while (at < run.size && run.begin[at] < start.at) ++at;
    if (at < run.size && run.begin[at] == start.at) take(at);
  }
  start_count_ = count;
  walk_starts(view, run);
  if (!run.soft.empty()) follow_soft(view, run);
}

void ScanBuffers::find_starts(MatchView view, const SymbolRun& run) {
  const auto v = static_cast<std::size_t>(view);
  const PrefixFilter filter = terms_->automata[v].prefixes;
  // One character that only looks like a term is none.
  const bool has_alone = view != MatchView::kShape && !terms_->alone[v].empty();
  const std::uint8_t* const alone = has_alone ? terms_->alone[v].data() : nullptr;
  make_room(starts_, run.size);
  Start* const starts = starts_.data();
  const Symbol* const symbols = run.symbols.data();
  std::size_t count = 0;
  // Written whether it is one or not: no branch to guess.
  for (std::size_t i = 0; i < run.size; ++i) {
    starts[count].at = static_cast<std::uint32_t>(i);
    const bool may_begin = filter.may_begin(symbols[i], symbols[i + 1], symbols[i + 2]);
    const bool is_alone = alone != nullptr && alone[symbols[i]] != 0;
    count += static_cast<std::size_t>(may_begin) | static_cast<std::size_t>(is_alone);
  }
  start_count_ = count;
}

/// All of them a symbol further at a time: what the next step needs of memory is on its way while
/// the others take theirs.
void ScanBuffers::walk_starts(MatchView view, const SymbolRun& run) {
  const Automaton& automaton = terms_->automata[static_cast<std::size_t>(view)];
  const HotState* const hot = automaton.hot.data();
  const Symbol* const symbols = run.symbols.data();
  const std::span<Start> starts = std::span(starts_).first(start_count_);
  const auto fetch = [&](const HotState& state, std::uint32_t at) {
    __builtin_prefetch(hot + (state.base & HotState::kBaseMask) + symbols[at]);
  };
  make_room(walking_, starts.size());
  std::size_t count = 0;
  for (std::uint32_t i = 0; i < starts.size(); ++i) {
    const std::uint32_t at = starts[i].at;
    const std::uint32_t one = automaton.child(0, symbols[at]);
    starts[i].reach = at;
    if (one == kNoState) continue;
    fetch(hot[one], at + 1);
    walking_[count++] = {i, one};
  }
  // One character that only looks like a term is none.
  bool counts = view != MatchView::kShape;
  for (std::uint32_t depth = 1; count > 0; ++depth, counts = true) {
    const std::size_t before = count;
    count = 0;
    for (std::size_t i = 0; i < before; ++i) {
      const auto [number, state] = walking_[i];
      const std::uint32_t from = starts[number].at, at = from + depth;
      if ((hot[state].base & HotState::kOwn) != 0 && counts)
        candidate(view, state, run.begin[from], run.end_of(at - 1));
      const std::uint32_t next = automaton.child(state, symbols[at]);
      if (next == kNoState) {
        starts[number].reach = at;
        if (symbols[at] == kBreak && !run.soft.empty()) meet_soft(run, from, at, state);
        continue;
      }
      fetch(hot[next], at + 1);
      walking_[count++] = {number, next};
    }
  }
}

/// Where a soft symbol stands at `at`: the longest path that leads to it is remembered.
void ScanBuffers::meet_soft(const SymbolRun& run, std::uint32_t from, std::uint32_t at,
                            std::uint32_t state) {
  const auto soft = std::ranges::lower_bound(run.soft, at, {}, &SymbolRun::Soft::at);
  if (soft == run.soft.end() || soft->at != at) return;
  Path& path = soft_paths_[static_cast<std::size_t>(soft - run.soft.begin())];
  if (path.state == 0 || from < path.begin) path = {from, state};
}

/// Follows the tree of repeats from one place and takes down the terms on the way. There are no
/// soft symbols.
void ScanBuffers::walk_once(std::uint32_t from) {
  constexpr MatchView kView = MatchView::kRepeats;
  const Automaton& automaton = terms_->automata[static_cast<std::size_t>(kView)];
  const Symbol* const symbols = once_run_.symbols.data();
  std::uint32_t at = from, state = 0;
  while ((state = automaton.child(state, symbols[at])) != kNoState) {
    if ((automaton.hot[state].base & HotState::kOwn) != 0)
      candidate(kView, state, once_run_.begin[from], once_run_.end_of(at));
    ++at;
  }
}

/// The longest path of the tree that ends before `at`, where none of three symbols does.
ScanBuffers::Path ScanBuffers::path_to(const Automaton& automaton, const SymbolRun& run,
                                       std::uint32_t at) const {
  const auto after = [&](std::uint32_t state, std::uint32_t place) {
    return state == kNoState ? kNoState : automaton.child(state, run.symbols[place]);
  };
  if (at >= 2) {
    const std::uint32_t two = after(after(0, at - 2), at - 1);
    if (two != kNoState) return {at - 2, two};
  }
  if (at >= 1) {
    const std::uint32_t one = after(0, at - 1);
    if (one != kNoState) return {at - 1, one};
  }
  return {at, 0};
}

/// Hits with a soft symbol between their first and last, or as one of them.
void ScanBuffers::follow_soft(MatchView view, const SymbolRun& run) {
  for (std::size_t soft = 0; soft < run.soft.size();) soft = follow_from(view, run, soft);
}

/// From a soft symbol on until no path reaches back over one. Returns the first soft symbol behind.
std::size_t ScanBuffers::follow_from(MatchView view, const SymbolRun& run, std::size_t soft) {
  const Automaton& automaton = terms_->automata[static_cast<std::size_t>(view)];
  const std::uint32_t first = run.soft[soft].at;
  Path path = soft_paths_[soft];
  // The filter names no place from which fewer than three symbols lead here.
  if (path.state == 0 || first - path.begin < 2) path = path_to(automaton, run, first);
  kept_begins_.assign(run.begin.begin() + path.begin, run.begin.begin() + first);
  std::uint32_t state = path.state;
  std::size_t since = 0;  // symbols kept behind the last soft one
  const std::size_t least = view == MatchView::kShape ? 2 : 1;
  for (std::size_t at = first; at < run.size; ++at) {
    Symbol symbol = run.symbols[at];
    if (soft < run.soft.size() && run.soft[soft].at == at) {
      symbol = run.soft[soft++].symbol;
      since = 0;
      const std::uint32_t child = automaton.child(state, symbol);
      if (child == kNoState) {
        if (state == 0) break;
        continue;
      }
      state = child;
    } else if (symbol == kBreak) {
      break;
    } else {
      state = next_state(automaton, state, symbol);
      if (automaton.cold[state].depth <= ++since) break;
    }
    kept_begins_.push_back(run.begin[at]);
    if ((automaton.hot[state].base & HotState::kEnds) != 0)
      ends_at(view, state, kept_begins_, std::max(since + 1, least), run.end_of(at));
  }
  return soft;
}

/// The view of repeats: what the view of noise sees, apart from places where one was left out.
void ScanBuffers::scan_repeats() {
  constexpr MatchView kView = MatchView::kRepeats;
  strip_once(once_run_);
  const bool follows = terms_->repeats_follow_noise && is_wanted(MatchView::kNoise) &&
                       run_.soft.empty() && once_run_.soft.empty();
  if (!follows) return search(kView, once_run_);
  if (once_run_.left_out.empty()) return;
  // Where the view of noise was followed up to a repeat, this one goes on; and where a repeat is
  // among the first symbols, its filter saw others. All else is the same in both.
  for (const std::uint32_t repeated : once_run_.repeated)
    for (std::uint32_t at = repeated - std::min<std::uint32_t>(repeated, 2); at <= repeated; ++at)
      walk_once(at);
  walk_what_met_a_repeat(std::span(starts_).first(start_count_), &run_);
  const bool beside_plain =
      is_wanted(MatchView::kPlain) && (terms_->follow_plain & view_bit(MatchView::kNoise)) != 0;
  if (beside_plain)
    walk_what_met_a_repeat(std::span(plain_starts_).first(plain_start_count_), nullptr);
}

/// From the places from which another view was followed up to a repeat, or beyond. `run`: its
/// symbols; null: they are the characters.
void ScanBuffers::walk_what_met_a_repeat(std::span<const Start> starts, const SymbolRun* run) {
  const auto begins = std::span(once_run_.begin).first(once_run_.size);
  const auto character = [&](std::uint32_t symbol) -> std::size_t {
    if (run == nullptr) return symbol;
    return symbol < run->size ? run->begin[symbol] : count_;
  };
  for (const Start& start : starts) {
    const std::size_t begin = character(start.at);
    const auto left_out = std::ranges::upper_bound(once_run_.left_out, begin);
    if (left_out == once_run_.left_out.end() || *left_out > character(start.reach)) continue;
    const auto at = std::ranges::lower_bound(begins, begin);
    if (at != begins.end() && *at == begin)
      walk_once(static_cast<std::uint32_t>(at - begins.begin()));
  }
}

/// Where allowed words lie, before any hit is settled.
void ScanBuffers::find_allowed() {
  const Automaton automaton = terms_->automata[kAllowedAutomaton];
  if (automaton.empty()) return allowed_end_.clear();
  constexpr auto kView = static_cast<std::size_t>(MatchView::kMixedScript);
  allowed_end_.assign(count_, 0);
  std::uint32_t state = 0;
  for (std::size_t i = 0; i < count_; ++i) {
    const Symbol symbol = terms_->characters.rows[numbers_[i]].symbols[kView];
    state = symbol == kBreak ? 0 : next_state(automaton, state, symbol);
    if ((automaton.hot[state].base & HotState::kEnds) == 0) continue;
    for (std::uint32_t s = state; s != 0; s = automaton.cold[s].next_end) {
      const ColdState& cold = automaton.cold[s];
      const auto end = static_cast<std::uint32_t>(i + 1);
      const HitText hit{characters(), end - cold.depth, end};
      for (std::uint32_t t = cold.first_term; t < cold.terms_end; ++t)
        if (holds(*terms_, MatchView::kMixedScript, terms_->terms[automaton.ends[t].term], hit))
          allowed_end_[hit.begin] = end;
    }
  }
  std::uint32_t furthest =
      allowed_carried_ > char_base_ ? static_cast<std::uint32_t>(allowed_carried_ - char_base_) : 0;
  for (std::uint32_t& end : allowed_end_) end = furthest = std::max(furthest, end);
  if (settled_ > 0) allowed_carried_ = char_base_ + allowed_end_[settled_ - 1];
}

/// Every term of at least `depth_min` symbols that ends at `state`; `begins` are those of the
/// symbols up to there.
void ScanBuffers::ends_at(MatchView view, std::uint32_t state,
                          const std::vector<std::uint32_t>& begins, std::size_t depth_min,
                          std::uint32_t end) {
  const auto& cold = terms_->automata[static_cast<std::size_t>(view)].cold;
  if (cold[state].first_term == cold[state].terms_end) state = cold[state].next_end;
  for (; state != 0 && cold[state].depth >= depth_min; state = cold[state].next_end)
    candidate(view, state, begins[begins.size() - cold[state].depth], end);
}

void ScanBuffers::candidate(MatchView view, std::uint32_t state, std::uint32_t begin,
                            std::uint32_t end) {
  const Automaton& automaton = terms_->automata[static_cast<std::size_t>(view)];
  if (end - begin > kHitCharactersMax) return;
  const HitText hit{characters(), begin, end};
  if (options_.overlapping) {
    if (begin >= settled_) return;
    const ColdState& cold = automaton.cold[state];
    for (std::uint32_t i = cold.first_term; i < cold.terms_end; ++i) {
      const std::uint32_t term = automaton.ends[i].term;
      if (holds(*terms_, view, terms_->terms[term], hit)) emit(view, term, begin, end);
    }
    return;
  }
  Best& best = best_[begin];
  if (best.end >= end) return;
  if ((automaton.hot[state].base & HotState::kChecked) != 0 &&
      choose_term(*terms_, view, automaton.cold[state], hit) == kNoTerm)
    return;
  best = {end, state};
  __builtin_prefetch(&automaton.cold[state]);
  touched_[begin / 64] |= std::uint64_t{1} << (begin % 64);
}

// From what could be a hit to what is one.

void ScanBuffers::settle_view(MatchView view) {
  const Automaton& automaton = terms_->automata[static_cast<std::size_t>(view)];
  const auto for_each = [&](auto&& visit) {
    for (std::size_t word = 0; word <= count_ / 64; ++word)
      for (std::uint64_t bits = touched_[word]; bits != 0; bits &= bits - 1)
        visit(static_cast<std::uint32_t>(word * 64) +
              static_cast<std::uint32_t>(std::countr_zero(bits)));
  };
  for_each([&](std::uint32_t at) {
    __builtin_prefetch(automaton.ends.data() + automaton.cold[best_[at].state].first_term);
  });
  for_each([&](std::uint32_t at) { settle(view, at); });
  std::fill_n(touched_.begin(), count_ / 64 + 1, std::uint64_t{0});
}

void ScanBuffers::settle(MatchView view, std::uint32_t at) {
  const Best best = best_[at];
  best_[at] = {};
  if (!is_free(view, at, best.end) || is_allowed(at, best.end)) return;
  std::uint32_t end = best.end;
  if (view == MatchView::kRepeats) {
    end = std::min<std::uint32_t>(repeats_end(end), at + kHitCharactersMax);
    while (end > best.end && !is_free(view, at, end)) --end;
  }
  std::fill(taken_.begin() + at, taken_.begin() + end,
            static_cast<std::uint8_t>(1 + static_cast<unsigned>(view)));
  if (at >= settled_) return;
  if (end > settled_)
    std::copy(taken_.begin() + static_cast<std::ptrdiff_t>(settled_), taken_.begin() + end,
              carries_.begin());
  const ColdState& cold = terms_->automata[static_cast<std::size_t>(view)].cold[best.state];
  emit(view, choose_term(*terms_, view, cold, {characters(), at, best.end}), at, end);
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
  while (end < count_ && characters_[end] != kBetweenTexts && script_fold(characters_[end]) == last)
    ++end;
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
