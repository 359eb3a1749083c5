// Where terms begin, and following a view's tree from there.
#include <algorithm>

#include "text/detail/beginnings.h"
#include "text/detail/scan.h"

namespace zhiyin::text::detail {

void ScanBuffers::scan_view(MatchView view) {
  switch (view) {
    case MatchView::kPlain:
      take_all(view);
      search(view, run_);
      return keep_plain_starts();
    case MatchView::kMixedScript:
      take_all(view);
      return search_beside_plain(view, kOddMixedFlag);
    case MatchView::kNoise:
      strip(view);
      return search_beside_plain(view, kOddNoiseFlag);
    case MatchView::kRepeats:
      return scan_repeats();
    case MatchView::kHomophone:
      strip_homophones();
      return search(view, run_);
    case MatchView::kShape:
      strip(view);
      search_beside_plain(view, kOddShapeFlag);
      return scan_compositions();
  }
}

void ScanBuffers::search(MatchView view, const SymbolRun& run) {
  find_starts(view, run);
  search_from_starts(view, run);
}

void ScanBuffers::search_from_starts(MatchView view, const SymbolRun& run) {
  soft_paths_.assign(run.soft.size(), {});
  walk_starts(view, run);
  follow_soft(view, run);
}

/// For the views that follow the plain one.
void ScanBuffers::keep_plain_starts() {
  make_room(odd_plain_starts_, starts_.count + 1);
  const PrefixFilter filter = terms_->odd_terms;
  const Symbol* const symbols = run_.symbols.data();
  std::size_t count = 0;
  for (std::size_t i = 0; i < starts_.count; ++i) {
    const std::uint32_t at = odd_plain_starts_[count] = starts_.at[i];
    count += filter.may_begin(symbols[at], symbols[at + 1], symbols[at + 2]) ? 1 : 0;
  }
  odd_plain_count_ = count;
  std::swap(starts_, plain_starts_);
}

/// What a view adds to the plain one. Where no character is odd, it sees the same symbols, and a
/// term that looks the same in both was found there already: a hit that ends no later than the
/// plain view's longest from the same place never counts. So it is followed only where an odd
/// character is among a term's first three, where the plain view was followed up to one, where a
/// term may begin that looks otherwise in this view, and where one character is a term here alone.
void ScanBuffers::search_beside_plain(MatchView view, CharacterFlag odd) {
  if (!is_wanted(MatchView::kPlain)) return search(view, run_);
  odd_.clear(count_);
  odd_.set_where(flags(), odd);
  starts_.begin_anew(run_.size + 3 * count_ + 1);
  take_odd_starts(view);
  const PrefixFilter filter = automaton(view).prefixes;
  const Symbol* const symbols = run_.symbols.data();
  const auto take = [&](std::uint32_t character) {
    const std::uint32_t at = run_.symbol_of(character);
    if (at == run_.size || run_.begin[at] != character) return;
    starts_.at[starts_.count] = at;
    starts_.count += filter.may_begin(symbols[at], symbols[at + 1], symbols[at + 2]) ? 1 : 0;
  };
  for (std::size_t i = 0; i < plain_starts_.count; ++i)
    if (odd_.any(plain_starts_.at[i], plain_starts_.reach[i])) take(plain_starts_.at[i]);
  for (std::size_t i = 0; i < odd_plain_count_; ++i) take(odd_plain_starts_[i]);
  search_from_starts(view, run_);
}

/// Places from which an odd character is among the first three, and those of characters that are a
/// term by themselves in the view of mixed scripts and not in the plain one.
void ScanBuffers::take_odd_starts(MatchView view) {
  const PrefixFilter filter = automaton(view).prefixes;
  const Symbol* const symbols = run_.symbols.data();
  std::uint32_t* const starts = starts_.at.data();
  std::size_t count = 0;
  std::uint32_t next = 0;
  odd_.for_each([&](std::uint32_t character) {
    const std::uint32_t symbol = run_.symbol_of(character);
    // From a character that is left out none begins.
    const bool is_there = symbol < run_.size && run_.begin[symbol] == character;
    const std::uint32_t end = symbol + (is_there ? 1 : 0);
    // Written whether it is one or not: no branch to guess.
    for (std::uint32_t at = std::max(next, symbol - std::min<std::uint32_t>(symbol, 2)); at < end;
         ++at) {
      starts[count] = at;
      count += filter.may_begin(symbols[at], symbols[at + 1], symbols[at + 2]) ? 1 : 0;
    }
    next = std::max(next, end);
  });
  if (view == MatchView::kMixedScript) {
    alone_.clear(count_);
    alone_.set_where(flags(), kAloneOddFlag);
    alone_.for_each([&](std::uint32_t character) { starts[count++] = character; });
  }
  starts_.count = count;
}

void ScanBuffers::find_starts(MatchView view, const SymbolRun& run) {
  // In the other views every term has two symbols, or counts only where it is taken apart.
  const std::uint8_t alone = view == MatchView::kPlain         ? kAloneFlag
                             : view == MatchView::kMixedScript ? kAloneMixedFlag
                                                               : 0;
  starts_.begin_anew(run.size + kBeginningsMargin);
  starts_.count = find_beginnings(automaton(view).prefixes, run.symbols.data(), 0, run.size,
                                  {flags_.data(), alone}, starts_.at.data());
}

/// All of them a symbol further at a time: what the next step needs of memory is on its way while
/// the others take theirs.
void ScanBuffers::walk_starts(MatchView view, const SymbolRun& run) {
  const Automaton& tree = automaton(view);
  const HotState* const hot = tree.hot.data();
  const Symbol* const symbols = run.symbols.data();
  const auto fetch = [&](const HotState& state, std::uint32_t at) {
    __builtin_prefetch(hot + (state.base & HotState::kBaseMask) + symbols[at]);
  };
  make_room(walking_, starts_.count);
  std::size_t count = 0;
  for (std::uint32_t i = 0; i < starts_.count; ++i) {
    const std::uint32_t at = starts_.at[i];
    const std::uint32_t one = tree.child(0, symbols[at]);
    starts_.reach[i] = at;
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
      const std::uint32_t from = starts_.at[number], at = from + depth;
      if ((hot[state].base & HotState::kOwn) != 0 && counts)
        candidate(view, state, run.begin[from], run.end_of(at - 1));
      const std::uint32_t next = tree.child(state, symbols[at]);
      if (next == kNoState) {
        starts_.reach[number] = at;
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

/// Follows the tree of repeats from one place and takes down the terms on the way.
void ScanBuffers::walk_once(std::uint32_t from) {
  constexpr MatchView kView = MatchView::kRepeats;
  const Automaton& tree = automaton(kView);
  const Symbol* const symbols = once_run_.symbols.data();
  std::uint32_t at = from, state = 0;
  while ((state = tree.child(state, symbols[at])) != kNoState) {
    if ((tree.hot[state].base & HotState::kOwn) != 0)
      candidate(kView, state, once_run_.begin[from], once_run_.end_of(at));
    ++at;
  }
}

/// The same from a character, unless it is left out.
void ScanBuffers::walk_once_from(std::uint32_t character) {
  const std::uint32_t at = once_run_.symbol_of(character);
  if (at < once_run_.size && once_run_.begin[at] == character) walk_once(at);
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
void ScanBuffers::follow_soft(MatchView view, const SymbolRun& run) {
  soft_begins_.clear();
  for (std::size_t soft = 0; soft < run.soft.size();) soft = follow_from(view, run, soft);
}

/// From a soft symbol on until no path reaches back over one. Returns the first soft symbol behind.
std::size_t ScanBuffers::follow_from(MatchView view, const SymbolRun& run, std::size_t soft) {
  const Automaton& tree = automaton(view);
  const std::uint32_t first = run.soft[soft].at;
  Path path = soft_paths_[soft];
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
  constexpr MatchView kView = MatchView::kRepeats;
  if (!terms_->repeats_follow_noise || !is_wanted(MatchView::kNoise)) {
    strip(kView);
    leave_out_repeats();
    return search(kView, once_run_);
  }
  if (run_.soft.empty() && !has_repeats()) return;
  leave_out_repeats();
  // Where the view of noise was followed up to a repeat, this one goes on; and where a repeat is
  // among the first symbols, its filter saw others. All else is the same in both.
  if (!repeated_.empty()) {
    for (const std::uint32_t repeated : repeated_)
      for (std::uint32_t at = repeated - std::min<std::uint32_t>(repeated, 2); at <= repeated; ++at)
        walk_once(at);
    walk_what_met_a_repeat(starts_, &run_);
    if (is_wanted(MatchView::kPlain)) walk_what_met_a_repeat(plain_starts_, nullptr);
  }
  if (once_run_.soft.empty()) return;
  // Past a digit the view of noise may have found what this one does not, and hidden what it does.
  for (const std::uint32_t character : soft_begins_) walk_once_from(character);
  soft_paths_.clear();
  const Automaton& tree = automaton(kView);
  for (const SymbolRun::Soft& soft : once_run_.soft)
    soft_paths_.push_back(path_to(tree, once_run_, soft.at, tree.depth_max));
  follow_soft(kView, once_run_);
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
