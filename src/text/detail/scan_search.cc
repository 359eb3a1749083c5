// Where terms begin, and following a view's tree from there.
#include <algorithm>

#include "text/detail/beginnings.h"
#include "text/detail/scan.h"

namespace zhiyin::text::detail {

/// What a view sees, and where it is followed from.
void ScanBuffers::see(MatchView view) {
  switch (view) {
    case MatchView::kPlain:
      take_all(view);
      return find_starts(view);
    case MatchView::kMixedScript:
      take_all(view);
      return find_starts_beside_plain(view, kOddMixedFlag);
    case MatchView::kNoise:
      strip(view, lane(view).run);
      return find_starts_beside_plain(view, kOddNoiseFlag);
    case MatchView::kRepeats:
      // Noise is left out first; that view is done with by then.
      strip(view, lane(MatchView::kNoise).run);
      leave_out_repeats(lane(MatchView::kNoise).run);
      return find_starts(view);
    case MatchView::kHomophone:
      strip_homophones();
      return find_starts(view);
    case MatchView::kShape:
      strip(view, lane(view).run);
      return find_starts_beside_plain(view, kOddShapeFlag);
  }
}

/// What is left once a view was followed from its starts.
void ScanBuffers::scan_view(MatchView view) {
  if (view == MatchView::kRepeats) return scan_repeats();
  follow_soft(view);
  if (view == MatchView::kShape) scan_compositions();
}

/// For the views that follow the plain one.
void ScanBuffers::keep_plain_starts() {
  const SymbolRun& run = lane(MatchView::kPlain).run;
  const Starts& starts = lane(MatchView::kPlain).starts;
  make_room(odd_plain_starts_, starts.count + 1);
  const PrefixFilter filter = terms_->odd_terms;
  const Symbol* const symbols = run.symbols.data();
  std::size_t count = 0;
  for (std::size_t i = 0; i < starts.count; ++i) {
    const std::uint32_t at = odd_plain_starts_[count] = starts.at[i];
    count += filter.may_begin(symbols[at], symbols[at + 1], symbols[at + 2]) ? 1 : 0;
  }
  odd_plain_count_ = count;
}

/// What a view adds to the plain one. Where no character is odd, it sees the same symbols, and a
/// term that looks the same in both was found there already: a hit that ends no later than the
/// plain view's longest from the same place never counts. So it is followed only where an odd
/// character is among a term's first three, where the plain view was followed up to one, where a
/// term may begin that looks otherwise in this view, and where one character is a term here alone.
void ScanBuffers::find_starts_beside_plain(MatchView view, CharacterFlag odd) {
  if (!is_wanted(MatchView::kPlain)) return find_starts(view);
  const SymbolRun& run = lane(view).run;
  odd_.clear(count_);
  odd_.set_where(flags(), odd);
  mark_near_odd(run);
  const auto take = [&](std::uint32_t character, bool is_one) {
    const std::uint32_t at = run.symbol_of(character);
    near_.set_if(at, is_one & (at != run.size) & (run.begin[at] == character));
  };
  const Starts& plain = lane(MatchView::kPlain).starts;
  for (std::size_t i = 0; i < plain.count; ++i)
    take(plain.at[i], odd_.any(plain.at[i], plain.reach[i]));
  for (std::size_t i = 0; i < odd_plain_count_; ++i) take(odd_plain_starts_[i], true);
  // Characters that are a term by themselves here and not in the plain view.
  const std::uint8_t alone = view == MatchView::kMixedScript ? kAloneOddFlag : 0;
  if (alone != 0) {
    alone_.clear(count_);
    alone_.set_where(flags(), kAloneOddFlag);
    near_.add(alone_);
  }
  Starts& starts = lane(view).starts;
  starts.begin_anew(run.size + kBeginningsMargin);
  starts.count = find_beginnings(automaton(view).prefixes, run.symbols.data(), 0, run.size,
                                 {flags_.data(), alone}, starts.at.data(), near_.words());
}

/// Symbols from which an odd character is among the first three.
void ScanBuffers::mark_near_odd(const SymbolRun& run) {
  if (run.is_one_to_one) {
    near_ = odd_;
    return near_.add_two_before();
  }
  near_.clear(run.size);
  const std::uint32_t* const begin = run.begin.data();
  odd_.for_each([&](std::uint32_t character) {
    const std::uint32_t symbol = run.symbol_of(character);
    // From a character that is left out none begins.
    const bool is_there = (symbol != run.size) & (begin[symbol] == character);
    const std::uint64_t bits = std::uint64_t{3} | std::uint64_t{is_there} << 2;
    if (symbol < 2) return near_.set_all(0, bits >> (2 - symbol));
    near_.set_all(symbol - 2, bits);
  });
}

void ScanBuffers::find_starts(MatchView view) {
  // In the other views every term has two symbols, or counts only where it is taken apart.
  const std::uint8_t alone = view == MatchView::kPlain         ? kAloneFlag
                             : view == MatchView::kMixedScript ? kAloneMixedFlag
                                                               : 0;
  const SymbolRun& run = lane(view).run;
  Starts& starts = lane(view).starts;
  starts.begin_anew(run.size + kBeginningsMargin);
  starts.count = find_beginnings(automaton(view).prefixes, run.symbols.data(), 0, run.size,
                                 {flags_.data(), alone}, starts.at.data());
}

/// All starts of all these views a symbol further at a time.
void ScanBuffers::walk(std::span<const MatchView> views) {
  bool goes_on = false;
  for (const MatchView view : views) goes_on |= begin_walk(view);
  for (std::uint32_t depth = 1; goes_on; ++depth) {
    goes_on = false;
    for (const MatchView view : views) goes_on |= walk_on(view, depth);
  }
}

/// The first symbol of each start; false: none goes on.
bool ScanBuffers::begin_walk(MatchView view) {
  Lane& of = lane(view);
  const Automaton& tree = automaton(view);
  const HotState* const hot = tree.hot.data();
  const Symbol* const symbols = of.run.symbols.data();
  of.soft_paths.assign(of.run.soft.size(), {});
  make_room(of.walking, of.starts.count);
  std::size_t count = 0;
  for (std::uint32_t i = 0; i < of.starts.count; ++i) {
    const std::uint32_t at = of.starts.at[i];
    const std::uint32_t one = tree.child(0, symbols[at]);
    of.starts.reach[i] = at;
    if (one == kNoState) continue;
    __builtin_prefetch(hot + (hot[one].base & HotState::kBaseMask) + symbols[at + 1]);
    of.walking[count++] = {i, one};
  }
  of.walking_count = count;
  return count != 0;
}

/// One symbol further than `depth`; false: none goes on.
bool ScanBuffers::walk_on(MatchView view, std::uint32_t depth) {
  Lane& of = lane(view);
  const Automaton& tree = automaton(view);
  const HotState* const hot = tree.hot.data();
  const SymbolRun& run = of.run;
  const Symbol* const symbols = run.symbols.data();
  // One character that only looks like a term is none.
  const bool counts = view != MatchView::kShape || depth > 1;
  std::size_t count = 0;
  for (std::size_t i = 0; i < of.walking_count; ++i) {
    const auto [number, state] = of.walking[i];
    const std::uint32_t from = of.starts.at[number], at = from + depth;
    if ((hot[state].base & HotState::kOwn) != 0 && counts)
      candidate(view, state, run.begin[from], run.end_of(at - 1));
    const std::uint32_t next = tree.child(state, symbols[at]);
    if (next == kNoState) {
      of.starts.reach[number] = at;
      if (symbols[at] == kBreak && !run.soft.empty()) meet_soft(view, from, at, state);
      continue;
    }
    __builtin_prefetch(hot + (hot[next].base & HotState::kBaseMask) + symbols[at + 1]);
    of.walking[count++] = {number, next};
  }
  of.walking_count = count;
  return count != 0;
}

/// Where a soft symbol stands at `at`: the longest path that leads to it is remembered.
void ScanBuffers::meet_soft(MatchView view, std::uint32_t from, std::uint32_t at,
                            std::uint32_t state) {
  const SymbolRun& run = lane(view).run;
  const auto soft = std::ranges::lower_bound(run.soft, at, {}, &SymbolRun::Soft::at);
  if (soft == run.soft.end() || soft->at != at) return;
  Path& path = lane(view).soft_paths[static_cast<std::size_t>(soft - run.soft.begin())];
  if (path.state == 0 || from < path.begin) path = {from, state};
}

/// Follows the tree of repeats from one place and takes down the terms on the way.
void ScanBuffers::walk_once(std::uint32_t from) {
  constexpr MatchView kView = MatchView::kRepeats;
  const Automaton& tree = automaton(kView);
  const SymbolRun& run = lane(kView).run;
  const Symbol* const symbols = run.symbols.data();
  std::uint32_t at = from, state = 0;
  while ((state = tree.child(state, symbols[at])) != kNoState) {
    if ((tree.hot[state].base & HotState::kOwn) != 0)
      candidate(kView, state, run.begin[from], run.end_of(at));
    ++at;
  }
}

/// The same from a character, unless it is left out.
void ScanBuffers::walk_once_from(std::uint32_t character) {
  const SymbolRun& run = lane(MatchView::kRepeats).run;
  const std::uint32_t at = run.symbol_of(character);
  if (at < run.size && run.begin[at] == character) walk_once(at);
}

/// The longest path of the tree, of at most `most` symbols, that ends before `at`: the state in
/// which an automaton would stand there that had seen no digit in between.
ScanBuffers::Path ScanBuffers::path_to(const Automaton& tree, const SymbolRun& run,
                                       std::uint32_t at, std::size_t most) {
  const Symbol* const symbols = run.symbols.data();
  std::uint32_t first = at;
  while (first > 0 && at - first < most && symbols[first - 1] != kBreak) --first;
  const auto from = [&](std::uint32_t place) {
    std::uint32_t state = 0;
    for (std::uint32_t i = place; i < at && state != kNoState; ++i)
      state = tree.child(state, symbols[i]);
    return Path{place, state};
  };
  // The filter tells nothing of paths of two symbols.
  const std::uint32_t last_two = std::max(first, at - std::min<std::uint32_t>(at, 2));
  make_room(beginnings_, last_two - first + kBeginningsMargin);
  const std::size_t count =
      find_beginnings(tree.prefixes, symbols, first, last_two, {}, beginnings_.data());
  for (std::size_t i = 0; i < count; ++i)
    if (const Path path = from(beginnings_[i]); path.state != kNoState) return path;
  for (std::uint32_t place = last_two; place < at; ++place)
    if (const Path path = from(place); path.state != kNoState) return path;
  return {at, 0};
}

/// Hits with a soft symbol between their first and last, or as one of them.
void ScanBuffers::follow_soft(MatchView view) {
  soft_begins_.clear();
  for (std::size_t soft = 0; soft < lane(view).run.soft.size();) soft = follow_from(view, soft);
}

/// From a soft symbol on until no path reaches back over one. Returns the first soft symbol behind.
std::size_t ScanBuffers::follow_from(MatchView view, std::size_t soft) {
  const Automaton& tree = automaton(view);
  const SymbolRun& run = lane(view).run;
  const std::uint32_t first = run.soft[soft].at;
  Path path = lane(view).soft_paths[soft];
  // The filter names no place from which fewer than three symbols lead here.
  if (path.state == 0 || first - path.begin < 2) path = path_to(tree, run, first, 2);
  kept_begins_.assign(run.begin.begin() + path.begin, run.begin.begin() + first);
  std::uint32_t state = path.state;
  std::size_t since = 0;  // symbols kept behind the last soft one
  const std::size_t least = view == MatchView::kShape ? 2 : 1;
  for (std::size_t at = first; at < run.size; ++at) {
    Symbol symbol = run.symbols[at];
    if (soft < run.soft.size() && run.soft[soft].at == at) {
      symbol = run.soft[soft++].symbol;
      since = 0;
      const std::uint32_t child = tree.child(state, symbol);
      if (child == kNoState) {
        if (state == 0) break;
        continue;
      }
      state = child;
    } else if (symbol == kBreak) {
      break;
    } else {
      state = next_state(tree, state, symbol);
      if (tree.cold[state].depth <= ++since) break;
    }
    kept_begins_.push_back(run.begin[at]);
    if ((tree.hot[state].base & HotState::kEnds) != 0)
      ends_at(view, state, kept_begins_, std::max(since + 1, least), run.end_of(at));
  }
  return soft;
}

/// Every term of at least `depth_min` symbols that ends at `state`; `begins` are those of the
/// symbols up to there.
void ScanBuffers::ends_at(MatchView view, std::uint32_t state,
                          const std::vector<std::uint32_t>& begins, std::size_t depth_min,
                          std::uint32_t end) {
  const auto& cold = automaton(view).cold;
  if (cold[state].first_term == cold[state].terms_end) state = cold[state].next_end;
  for (; state != 0 && cold[state].depth >= depth_min; state = cold[state].next_end) {
    const std::uint32_t begin = begins[begins.size() - cold[state].depth];
    soft_begins_.push_back(begin);
    candidate(view, state, begin, end);
  }
}

/// The view of repeats: what the view of noise sees, apart from places where one was left out, and
/// from digits, with which a term may go on here and not there.
void ScanBuffers::scan_repeats() {
  static constexpr MatchView kView = MatchView::kRepeats;
  if (!terms_->repeats_follow_noise || !is_wanted(MatchView::kNoise)) {
    see(kView);
    walk({&kView, 1});
    return follow_soft(kView);
  }
  const SymbolRun& noise = lane(MatchView::kNoise).run;
  const SymbolRun& run = lane(kView).run;
  if (noise.soft.empty() && !has_repeats()) return;
  leave_out_repeats(noise);
  // Where the view of noise was followed up to a repeat, this one goes on; and where a repeat is
  // among the first symbols, its filter saw others. All else is the same in both.
  if (!repeated_.empty()) {
    for (const std::uint32_t repeated : repeated_)
      for (std::uint32_t at = repeated - std::min<std::uint32_t>(repeated, 2); at <= repeated; ++at)
        walk_once(at);
    walk_what_met_a_repeat(lane(MatchView::kNoise).starts, &noise);
    if (is_wanted(MatchView::kPlain))
      walk_what_met_a_repeat(lane(MatchView::kPlain).starts, nullptr);
  }
  if (run.soft.empty()) return;
  // Past a digit the view of noise may have found what this one does not, and hidden what it does.
  for (const std::uint32_t character : soft_begins_) walk_once_from(character);
  lane(kView).soft_paths.clear();
  const Automaton& tree = automaton(kView);
  for (const SymbolRun::Soft& soft : run.soft)
    lane(kView).soft_paths.push_back(path_to(tree, run, soft.at, tree.depth_max));
  follow_soft(kView);
}

/// From the places from which another view was followed up to a repeat, or beyond. `run`: its
/// symbols; null: they are the characters.
void ScanBuffers::walk_what_met_a_repeat(const Starts& starts, const SymbolRun* run) {
  const auto character = [&](std::uint32_t symbol) {
    if (run == nullptr) return symbol;
    return symbol < run->size ? run->begin[symbol] : static_cast<std::uint32_t>(count_);
  };
  for (std::size_t i = 0; i < starts.count; ++i) {
    const std::uint32_t begin = character(starts.at[i]);
    if (left_out_.any(begin, character(starts.reach[i]))) walk_once_from(begin);
  }
}

}  // namespace zhiyin::text::detail
