#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"

namespace zhiyin::text::detail {

/// A character as a view sees it, numbered from 1 among those that occur in terms.
using Symbol = std::uint16_t;
constexpr Symbol kBreak = 0;         ///< occurs in no term: nothing goes across it
constexpr Symbol kSkipped = 0xffff;  ///< is not there in this view
/// A digit where digits are noise, and yet in some term: followed where a term goes on with it,
/// else passed over.
constexpr Symbol kSoft = 0x8000;
constexpr std::size_t kSymbolsMax = 0x7ffe;

/// A state as the search touches it: eight bytes, eight to a cache line.
struct HotState {
  std::uint32_t base;   ///< children lie at base + symbol; kEnds and kFallsShallow above
  std::uint32_t check;  ///< the parent, or kNoState where the place is free
  static constexpr std::uint32_t kEnds = 1U << 31;  ///< a term ends here or on its fail chain
  static constexpr std::uint32_t kFallsShallow = 1U << 30;  ///< its fail link is one deep at most
  static constexpr std::uint32_t kBaseMask = kFallsShallow - 1;
};
constexpr std::uint32_t kNoState = 0xffffffff;

/// The rest, touched where a term ends or a longer match breaks off.
struct ColdState {
  std::uint32_t fail;
  std::uint32_t next_end;  ///< the next state on the fail chain at which a term ends; 0: none
  std::uint32_t first_term, terms_end;  ///< its terms in the list of ends; equal: none end here
  std::uint16_t depth;                  ///< symbols from the root
  std::uint16_t flags;                  ///< what its own terms ask for, joined (compiled_terms.h)
};

/// A term's symbols in a view. Several terms may have the same.
struct TermKey {
  std::vector<Symbol> symbols;  ///< not empty; none is kBreak or kSkipped
  std::uint32_t term;
};

/// Pairs of symbols with which terms begin, as bits by their hash: most of a text begins no term,
/// and is passed over without touching a state.
struct PairFilter {
  const std::uint64_t* words = nullptr;
  unsigned shift = 0;  ///< 32 less the logarithm of the number of bits

  [[nodiscard]] bool may_begin(Symbol first, Symbol second) const {
    const std::uint32_t bit = hash(first, second) >> shift;
    return (words[bit >> 6] >> (bit & 63) & 1) != 0;
  }
  static std::uint32_t hash(Symbol first, Symbol second) {
    return (std::uint32_t{first} << 15 | second) * 0x9e3779b1U;
  }
};
constexpr unsigned kFilterBitsMin = 6, kFilterBitsMax = 21;  ///< logarithms

/// An Aho-Corasick automaton as a double array. A view over tables that others own.
struct Automaton {
  std::span<const HotState> hot;  ///< state 0 is the root
  std::span<const ColdState> cold;
  std::span<const std::uint32_t> ends;  ///< term numbers, those of a state together

  PairFilter pairs;

  [[nodiscard]] bool empty() const { return ends.empty(); }
  /// The child of `state` by `symbol`, or kNoState.
  [[nodiscard]] std::uint32_t child(std::uint32_t state, Symbol symbol) const {
    const std::uint32_t at = (hot[state].base & HotState::kBaseMask) + symbol;
    return hot[at].check == state ? at : kNoState;
  }
};

/// Follows `symbol` from `state`: to its child, or along the fail links to one that has it.
inline std::uint32_t next_state(const Automaton& automaton, std::uint32_t state, Symbol symbol) {
  for (;;) {
    const std::uint32_t child = automaton.child(state, symbol);
    if (child != kNoState) return child;
    if (state == 0) return 0;
    state = automaton.cold[state].fail;
  }
}

/// A place in an automaton while text goes by. A symbol with which no term goes on is
/// only remembered: it becomes a state when another follows that makes the beginning of a term.
struct Position {
  std::uint32_t state = 0;  ///< two symbols deep or more; 0: `last` says where
  Symbol last = kBreak;     ///< the last symbol; kBreak: none

  /// The state where one symbol is all there is.
  static std::uint32_t of_one(const Automaton& automaton, Symbol symbol) {
    const std::uint32_t at = automaton.child(0, symbol);
    return at == kNoState ? 0 : at;
  }
  [[nodiscard]] std::uint32_t real_state(const Automaton& automaton) const {
    return state != 0 || last == kBreak ? state : of_one(automaton, last);
  }
  /// Requires a symbol that occurs in terms.
  void follow(const Automaton& automaton, Symbol symbol) {
    while (state != 0) {
      const std::uint32_t child = automaton.child(state, symbol);
      if (child != kNoState) {
        state = child;
        last = symbol;
        return;
      }
      const bool shallow = (automaton.hot[state].base & HotState::kFallsShallow) != 0;
      state = shallow ? 0 : automaton.cold[state].fail;
    }
    const Symbol before = last;
    last = symbol;
    if (before == kBreak || !automaton.pairs.may_begin(before, symbol)) return;
    const std::uint32_t one = of_one(automaton, before);
    const std::uint32_t two = one == 0 ? kNoState : automaton.child(one, symbol);
    if (two != kNoState) state = two;
  }
};

/// The same, owning its tables.
struct BuiltAutomaton {
  std::vector<HotState> hot;
  std::vector<ColdState> cold;
  std::vector<std::uint32_t> ends;
  std::vector<std::uint64_t> pairs;
};

/// `symbols` is one more than the highest symbol. Terms with the same key end in the order of their
/// numbers.
BuiltAutomaton build_automaton(std::vector<TermKey> keys, std::size_t symbols);

/// That tables from outside keep to what the search relies on: every index within, every chain
/// going up towards the root. Fails with kDataLoss.
Result<void> check_automaton(const Automaton& automaton, std::size_t symbols, std::size_t terms);

}  // namespace zhiyin::text::detail
