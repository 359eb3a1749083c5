// Characters that were taken apart: around each place where some, put together, are one, the view
// of shapes is followed once more.
#include <algorithm>

#include "text/detail/scan.h"

namespace zhiyin::text::detail {

void ScanBuffers::scan_compositions() {
  if (terms_->compositions.empty()) return;
  followed_to_ = followed_state_ = 0;
  followed_begins_.clear();
  passed_.clear();
  make_room(passed_at_, shape_run().size);
  parts_.clear(count_);
  parts_.set_where(flags(), kFirstPartFlag);
  // Behind a first part stands a second one, or what may be left out.
  parts_behind_.clear(count_);
  parts_behind_.set_where(flags(), kNextPartFlag);
  parts_behind_.set_where(flags(), kOddShapeFlag);
  parts_.keep_before(parts_behind_);
  parts_.for_each([&](std::uint32_t character) {
    const std::uint32_t at = shape_run().symbol_of(character);
    if (at + 1 >= shape_run().size || shape_run().begin[at] != character) return;
    if ((flags_[shape_run().begin[at + 1]] & kNextPartFlag) == 0) return;
    Symbol whole = kBreak;
    if (compose_at(at, whole) != 0) scan_composed(at);
  });
}

/// Its number among the parts of split characters; kBreak: none.
Symbol ScanBuffers::part(std::size_t at) const {
  return at < shape_run().size ? rows_[shape_run().begin[at]].part : kBreak;
}

/// How many parts from `at` on make up a character (0: none), and its symbol.
std::size_t ScanBuffers::compose_at(std::size_t at, Symbol& whole) const {
  const Symbol first = part(at), second = part(at + 1);
  if (first == kBreak || second == kBreak || !terms_->may_compose(first, second)) return 0;
  const Symbol third = part(at + 2);
  if (third != kBreak) {
    whole = terms_->composed(first, second, third);
    if (whole != kBreak) return 3;
  }
  whole = terms_->composed(first, second, kBreak);
  return whole != kBreak ? 2 : 0;
}

/// The state in which the search stands before `at`; the characters of its symbols become
/// composed_begins_. Requires an `at` no less than at the call before.
std::uint32_t ScanBuffers::state_before(std::uint32_t at) {
  const Automaton& tree = automaton(MatchView::kShape);
  // A digit further back than the longest term has no part in it.
  const auto soft = std::ranges::lower_bound(shape_run().soft, at, {}, &SymbolRun::Soft::at);
  if (soft == shape_run().soft.begin() || at - std::prev(soft)->at > tree.depth_max) {
    const Path path = path_to(tree, shape_run(), at, tree.depth_max);
    composed_begins_.assign(shape_run().begin.begin() + path.begin, shape_run().begin.begin() + at);
    return path.state;
  }
  go_on_near(at);
  follow_up_to(at);
  composed_begins_.assign(followed_begins_.end() - tree.cold[followed_state_].depth,
                          followed_begins_.end());
  return followed_state_;
}

/// What stands before a break, or before a digit that has none in reach before it, is passed over.
void ScanBuffers::go_on_near(std::uint32_t at) {
  const Automaton& tree = automaton(MatchView::kShape);
  auto soft = std::ranges::lower_bound(shape_run().soft, at, {}, &SymbolRun::Soft::at);
  std::uint32_t first_soft = at;
  for (std::uint32_t i = at; i-- > followed_to_;) {
    if (first_soft != at && first_soft - i > tree.depth_max) {
      const Path path = path_to(tree, shape_run(), first_soft, tree.depth_max);
      followed_begins_.assign(shape_run().begin.begin() + path.begin,
                              shape_run().begin.begin() + first_soft);
      followed_state_ = path.state;
      followed_to_ = first_soft;
      return;
    }
    if (soft != shape_run().soft.begin() && std::prev(soft)->at == i) {
      first_soft = i;
      --soft;
    } else if (shape_run().symbols[i] == kBreak) {
      followed_begins_.clear();
      followed_state_ = 0;
      followed_to_ = i;
      return;
    }
  }
}

/// Goes on with the search from where it was left, seeing each symbol once.
void ScanBuffers::follow_up_to(std::uint32_t at) {
  const Automaton& tree = automaton(MatchView::kShape);
  auto soft = std::ranges::lower_bound(shape_run().soft, followed_to_, {}, &SymbolRun::Soft::at);
  for (; followed_to_ < at; ++followed_to_) {
    Symbol symbol = shape_run().symbols[followed_to_];
    if (soft != shape_run().soft.end() && soft->at == followed_to_) {
      symbol = (soft++)->symbol;
      if (tree.child(followed_state_, symbol) == kNoState) continue;
    } else if (symbol == kBreak) {
      followed_state_ = 0;
      followed_begins_.clear();
      continue;
    }
    followed_state_ = next_state(tree, followed_state_, symbol);
    followed_begins_.push_back(shape_run().begin[followed_to_]);
  }
}

/// Notes a state behind a symbol; false: it was noted before.
bool ScanBuffers::pass(std::uint32_t at, std::uint32_t begin, std::uint32_t state) {
  constexpr std::uint32_t kNone = 0xffffffff;
  std::uint32_t& last = passed_at_[at];
  const bool is_of_this_piece = last < passed_.size() && passed_[last].at == at;
  const std::uint32_t newest = is_of_this_piece ? last : kNone;
  for (std::uint32_t i = newest; i != kNone; i = passed_[i].earlier)
    if (passed_[i].state == state && passed_[i].begin == begin) return false;
  last = static_cast<std::uint32_t>(passed_.size());
  passed_.push_back({at, begin, state, newest});
  return true;
}

/// From where the first search stood before `from` on, with what is put together there, for as long
/// as a character that was taken apart can still be in a hit.
///
/// Or up to where an earlier such search stood with the same path. If the path begins no further
/// back than `from`, both have put together the same from there on and followed the same digits:
/// they would go on alike and find the same. So in a text of nothing but parts a search is over
/// about a longest term's length behind its beginning.
void ScanBuffers::scan_composed(std::size_t from) {
  const Automaton& tree = automaton(MatchView::kShape);
  std::uint32_t state = state_before(static_cast<std::uint32_t>(from));
  std::size_t composed_at = 0;  // kept symbols up to the last that was put together
  auto soft = std::ranges::lower_bound(shape_run().soft, from, {}, &SymbolRun::Soft::at);
  for (std::size_t i = from; i < shape_run().size;) {
    Symbol symbol = kBreak;
    const std::size_t taken = compose_at(i, symbol);
    if (taken == 0) symbol = shape_run().symbols[i];
    ++composed_steps_;
    while (soft != shape_run().soft.end() && soft->at < i) ++soft;
    if (taken == 0 && soft != shape_run().soft.end() && soft->at == i) {
      symbol = soft->symbol;
      if (tree.child(state, symbol) == kNoState) {
        ++i;
        continue;
      }
    }
    if (symbol == kBreak) return;
    const std::size_t last = i + std::max<std::size_t>(taken, 1) - 1;
    composed_begins_.push_back(shape_run().begin[i]);
    if (taken != 0) composed_at = composed_begins_.size();
    state = next_state(tree, state, symbol);
    const std::size_t since = composed_begins_.size() - composed_at;
    const std::size_t depth = tree.cold[state].depth;
    if (depth <= since) return;
    const std::uint32_t begin = composed_begins_[composed_begins_.size() - depth];
    if (begin >= shape_run().begin[from] && !pass(static_cast<std::uint32_t>(last), begin, state))
      return;
    if ((tree.hot[state].base & HotState::kEnds) != 0)
      ends_at(MatchView::kShape, state, composed_begins_, since + 1, shape_run().begin[last] + 1);
    i = last + 1;
  }
}

}  // namespace zhiyin::text::detail
