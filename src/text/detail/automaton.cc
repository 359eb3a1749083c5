#include "text/detail/automaton.h"

#include <algorithm>
#include <tuple>

namespace zhiyin::text::detail {
namespace {

/// Free places tried for the children of one state before they go behind everything: keeps the
/// time of a build linear for a few per cent of space.
constexpr int kPlacesTried = 256;

struct Node {
  std::size_t begin, end;  ///< keys that go through it
  std::uint32_t depth;
  std::uint32_t state;
};

class Builder {
 public:
  Builder(std::vector<TermKey> keys, std::size_t symbols)
      : keys_(std::move(keys)), symbols_(symbols) {
    std::ranges::sort(keys_, [](const TermKey& a, const TermKey& b) {
      return std::tie(a.symbols, a.term) < std::tie(b.symbols, b.term);
    });
  }

  BuiltAutomaton run() {
    grow(symbols_ + 1);
    take(0);
    out_.hot[0].check = kNoState;
    std::vector<Node> level = {{0, keys_.size(), 0, 0}};
    // Breadth first: shallow states, which are touched most, lie together.
    while (!level.empty()) {
      std::vector<Node> below;
      for (const Node& node : level) place_children(node, below);
      for (const Node& node : below) link(node);
      level = std::move(below);
    }
    grow(highest_ + symbols_ + 1);
    out_.hot.resize(highest_ + symbols_ + 1);
    out_.cold.resize(out_.hot.size());
    return std::move(out_);
  }

 private:
  void grow(std::size_t size) {
    if (size <= out_.hot.size()) return;
    const std::size_t old = out_.hot.size();
    size = std::max(size, old + old / 2);
    out_.hot.resize(size, HotState{0, kNoState});
    out_.cold.resize(size, ColdState{});
    used_.resize(size, false);
    free_.reserve(size);
    for (std::size_t at = old; at < size; ++at) free_.push_back(static_cast<std::uint32_t>(at));
  }

  void take(std::size_t at) {
    used_[at] = true;
    highest_ = std::max(highest_, at);
  }

  [[nodiscard]] bool fits(std::size_t base, const std::vector<Symbol>& children) {
    grow(base + children.back() + 1);
    return std::ranges::none_of(children, [&](Symbol c) { return used_[base + c]; });
  }

  /// A base at which all children find a free place.
  std::size_t find_base(const std::vector<Symbol>& children) {
    // Places at the front that were taken meanwhile are passed once and for all.
    while (first_free_ < free_.size() && used_[free_[first_free_]]) ++first_free_;
    int tried = 0;
    for (std::size_t i = first_free_; i < free_.size() && tried < kPlacesTried; ++i) {
      const std::uint32_t at = free_[i];
      if (used_[at] || at <= children.front()) continue;
      ++tried;
      if (fits(at - children.front(), children)) return at - children.front();
    }
    // What does not fit in there is mostly full: later searches begin behind it.
    if (tried == kPlacesTried) first_free_ = std::min(first_free_ + kPlacesTried / 8, free_.size());
    return highest_ + 1;
  }

  void place_children(const Node& node, std::vector<Node>& below) {
    ColdState& cold = out_.cold[node.state];
    cold.depth = static_cast<std::uint16_t>(node.depth);
    std::size_t at = node.begin;
    cold.first_term = static_cast<std::uint32_t>(out_.ends.size());
    for (; at < node.end && keys_[at].symbols.size() == node.depth; ++at)
      if (out_.ends.size() == cold.first_term || out_.ends.back() != keys_[at].term)
        out_.ends.push_back(keys_[at].term);
    cold.terms_end = static_cast<std::uint32_t>(out_.ends.size());
    children_.clear();
    const std::size_t first_child = below.size();
    for (std::size_t i = at; i < node.end; ++i) {
      const Symbol symbol = keys_[i].symbols[node.depth];
      if (!children_.empty() && children_.back() == symbol) continue;
      if (!children_.empty()) below.back().end = i;
      children_.push_back(symbol);
      below.push_back({i, node.end, node.depth + 1, 0});
    }
    if (children_.empty()) return;
    const std::size_t base = find_base(children_);
    grow(base + children_.back() + 1);
    out_.hot[node.state].base |= static_cast<std::uint32_t>(base);
    for (std::size_t i = 0; i < children_.size(); ++i) {
      const std::size_t state = base + children_[i];
      take(state);
      out_.hot[state] = {0, node.state};
      below[first_child + i].state = static_cast<std::uint32_t>(state);
    }
  }

  /// Fail link and chain of ends of a state whose shallower ones are all done; its own terms are
  /// those of keys_[node.begin] where that key ends with it.
  void link(const Node& node) {
    const Symbol symbol = keys_[node.begin].symbols[node.depth - 1];
    const Automaton view{out_.hot, out_.cold, out_.ends};
    const std::uint32_t parent = out_.hot[node.state].check;
    std::uint32_t fail = 0;
    for (std::uint32_t from = parent; from != 0;) {
      from = out_.cold[from].fail;
      const std::uint32_t child = view.child(from, symbol);
      if (child == kNoState || child == node.state) continue;
      fail = child;
      break;
    }
    out_.cold[node.state].fail = fail;
    const bool fail_ends = keys_end_at_[fail];
    out_.cold[node.state].next_end = fail_ends ? fail : out_.cold[fail].next_end;
    const bool ends = keys_[node.begin].symbols.size() == node.depth;
    if (keys_end_at_.size() <= node.state) keys_end_at_.resize(out_.hot.size(), false);
    keys_end_at_[node.state] = ends;
    HotState& hot = out_.hot[node.state];
    if (fail == 0) hot.base |= HotState::kFallsToRoot;
    if (ends || out_.cold[node.state].next_end != 0) hot.base |= HotState::kEnds;
  }

  std::vector<TermKey> keys_;
  std::size_t symbols_;
  BuiltAutomaton out_;
  std::vector<bool> used_, keys_end_at_ = {false};
  std::vector<std::uint32_t> free_;
  std::size_t first_free_ = 0, highest_ = 0;
  std::vector<Symbol> children_;
};

std::unexpected<Error> damaged(std::string_view what) {
  return fail(ErrorCode::kDataLoss, "compiled terms: {}", what);
}

Result<void> check_state(const Automaton& a, std::uint32_t at, std::size_t symbols,
                         std::size_t terms) {
  const HotState& hot = a.hot[at];
  const ColdState& cold = a.cold[at];
  if ((hot.base & HotState::kBaseMask) + symbols > a.hot.size())
    return damaged("a state's children lie outside");
  if (cold.first_term > cold.terms_end || cold.terms_end > a.ends.size())
    return damaged("a state's terms lie outside");
  if (cold.fail >= a.cold.size() || cold.next_end >= a.cold.size())
    return damaged("a link leads outside");
  if (at == 0 || hot.check == kNoState) {
    if (cold.depth != 0 || cold.fail != 0 || cold.next_end != 0 ||
        cold.first_term != cold.terms_end)
      return damaged("the root or a free state has links");
    return {};
  }
  if (hot.check >= a.cold.size() || a.cold[hot.check].depth + 1 != cold.depth)
    return damaged("a state is not one deeper than its parent");
  if (a.cold[cold.fail].depth >= cold.depth) return damaged("a fail link does not lead up");
  if (cold.next_end != 0 && a.cold[cold.next_end].depth >= cold.depth)
    return damaged("a chain of ends does not lead up");
  for (std::uint32_t i = cold.first_term; i < cold.terms_end; ++i)
    if (a.ends[i] >= terms) return damaged("a term's number is too large");
  return {};
}

}  // namespace

BuiltAutomaton build_automaton(std::vector<TermKey> keys, std::size_t symbols) {
  return Builder(std::move(keys), symbols).run();
}

Result<void> check_automaton(const Automaton& automaton, std::size_t symbols, std::size_t terms) {
  if (automaton.hot.empty() || automaton.hot.size() != automaton.cold.size())
    return damaged("an automaton without states");
  if (automaton.hot[0].check != kNoState || (automaton.hot[0].base & HotState::kEnds) != 0)
    return damaged("its first state is no root");
  for (std::uint32_t at = 0; at < automaton.hot.size(); ++at)
    ZHIYIN_TRY_VOID(check_state(automaton, at, symbols, terms));
  return {};
}

}  // namespace zhiyin::text::detail
