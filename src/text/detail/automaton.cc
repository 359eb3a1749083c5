#include "text/detail/automaton.h"

#include <algorithm>
#include <bit>
#include <tuple>

namespace zhiyin::text::detail {
namespace {

/// Bases tried for the children of one state before they go behind everything, 64 at a time: keeps
/// the time of a build linear for a few per cent of space.
constexpr std::size_t kBlocksTried = 64;

/// Which places are taken.
class Places {
 public:
  [[nodiscard]] bool is_taken(std::size_t at) const {
    return at / 64 < words_.size() && (words_[at / 64] >> (at % 64) & 1) != 0;
  }
  void take(std::size_t at) {
    if (at / 64 >= words_.size()) words_.resize(at / 64 + 1 + words_.size() / 2);
    words_[at / 64] |= std::uint64_t{1} << (at % 64);
  }
  /// The places from `at` on, the lowest bit first.
  [[nodiscard]] std::uint64_t word(std::size_t at) const {
    const std::size_t i = at / 64, shift = at % 64;
    const std::uint64_t low = i < words_.size() ? words_[i] >> shift : 0;
    if (shift == 0 || i + 1 >= words_.size()) return low;
    return low | words_[i + 1] << (64 - shift);
  }

 private:
  std::vector<std::uint64_t> words_;
};

struct Node {
  std::size_t begin, end;  ///< keys that go through it
  std::uint32_t depth;
  std::uint32_t state;
};

class Builder {
 public:
  /// `keys` in their order.
  Builder(std::vector<TermKey> keys, std::size_t symbols)
      : keys_(std::move(keys)), symbols_(symbols) {}

  Result<BuiltAutomaton> run() {
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
    if (out_.hot.size() > HotState::kBaseMask)
      return fail(ErrorCode::kLimitReached, "terms: too long and too different together");
    out_.hot.resize(highest_ + symbols_ + 1);
    out_.cold.resize(out_.hot.size());
    return std::move(out_);
  }

 private:
  void grow(std::size_t size) {
    if (size <= out_.hot.size()) return;
    size = std::max(size, out_.hot.size() + out_.hot.size() / 2);
    out_.hot.resize(size, HotState{0, kNoState});
    out_.cold.resize(size, ColdState{});
  }

  void take(std::size_t at) {
    places_.take(at);
    highest_ = std::max(highest_, at);
  }

  /// The first base from `from` on at which a single child finds a free place.
  [[nodiscard]] std::size_t base_of_one(Symbol child) {
    while (places_.is_taken(first_free_)) ++first_free_;
    std::size_t at = std::max<std::size_t>(first_free_, child);
    while (places_.is_taken(at)) ++at;
    return at - child;
  }

  /// A base at which all children find a free place. Several look on from where the last such found
  /// theirs, since what lies before is nearly full.
  std::size_t find_base(const std::vector<Symbol>& children) {
    if (children.size() == 1) return base_of_one(children.front());
    std::size_t base = rover_;
    for (std::size_t block = 0; block < kBlocksTried && base <= highest_; ++block, base += 64) {
      std::uint64_t taken = 0;
      for (std::size_t i = 0; i < children.size() && ~taken != 0; ++i)
        taken |= places_.word(base + children[i]);
      if (~taken != 0) return base + static_cast<std::size_t>(std::countr_one(taken));
    }
    // Those passed over may do for fewer children: the rover goes only part of the way.
    rover_ += (base - rover_) / 4;
    return highest_ + 1 - std::min<std::size_t>(highest_ + 1, children.front());
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
    grow(base + symbols_ + 1);  // up to where any symbol is looked up
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
    const Automaton view{out_.hot, out_.cold, {}, {}, 0};
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
    if (ends) hot.base |= HotState::kOwn;
    if (ends || out_.cold[node.state].next_end != 0) hot.base |= HotState::kEnds;
  }

  std::vector<TermKey> keys_;
  std::size_t symbols_;
  BuiltAutomaton out_;
  Places places_;
  std::vector<bool> keys_end_at_ = {false};
  std::size_t first_free_ = 0, rover_ = 0, highest_ = 0;
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
    if (a.ends[i].term >= terms) return damaged("a term's number is too large");
  return {};
}

}  // namespace

std::vector<std::uint64_t> build_filter(std::span<const std::vector<Symbol>> beginnings) {
  // Six: of the filters of all views at once as much as can stays in the second-level cache.
  constexpr std::size_t kBeginningsToAWord = 6;
  const auto first_three = [&](std::size_t i) {
    return std::span(beginnings[i]).first(std::min<std::size_t>(beginnings[i].size(), 3));
  };
  std::size_t count = 0;
  for (std::size_t i = 0; i < beginnings.size(); ++i)
    count += i == 0 || !std::ranges::equal(first_three(i - 1), first_three(i)) ? 1 : 0;
  const auto log = static_cast<unsigned>(std::bit_width(count / kBeginningsToAWord));
  const unsigned used = std::clamp(log, kFilterWordsMin, kFilterWordsMax);
  std::vector<std::uint64_t> words(std::size_t{1} << used);
  const PrefixFilter filter{words.data(), 32 - used};
  for (std::size_t i = 0; i < beginnings.size(); ++i) {
    const std::span<const Symbol> key = first_three(i);
    if (key.size() < 2) continue;
    const auto [at, bits] = filter.pair(key[0], key[1]);
    words[at] |= PrefixFilter::mask(key.size() == 2 ? bits : PrefixFilter::bits_with(bits, key[2]));
  }
  return words;
}

Result<PrefixFilter> filter_of(std::span<const std::uint64_t> words) {
  const auto log = static_cast<unsigned>(std::bit_width(words.size())) - 1;
  if (!std::has_single_bit(words.size()) || log < kFilterWordsMin || log > kFilterWordsMax)
    return damaged("a filter of beginnings has the wrong size");
  return PrefixFilter{words.data(), 32 - log};
}

Result<BuiltAutomaton> build_automaton(std::vector<TermKey> keys, std::size_t symbols,
                                       std::vector<std::vector<Symbol>> also) {
  std::ranges::sort(keys, [](const TermKey& a, const TermKey& b) {
    return std::tie(a.symbols, a.term) < std::tie(b.symbols, b.term);
  });
  std::vector<std::vector<Symbol>> beginnings = std::move(also);
  for (const TermKey& key : keys)
    beginnings.emplace_back(
        key.symbols.begin(),
        key.symbols.begin() + std::min<std::ptrdiff_t>(std::ssize(key.symbols), 3));
  ZHIYIN_TRY(BuiltAutomaton built, Builder(std::move(keys), symbols).run());
  built.prefixes = build_filter(beginnings);
  return built;
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
