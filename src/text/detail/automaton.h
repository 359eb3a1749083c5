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
  std::uint32_t base;   ///< children lie at base + symbol; the flags above
  std::uint32_t check;  ///< the parent, or kNoState where the place is free
  static constexpr std::uint32_t kEnds = 1U << 31;     ///< a term ends here or on its fail chain
  static constexpr std::uint32_t kOwn = 1U << 30;      ///< a term ends here
  static constexpr std::uint32_t kChecked = 1U << 29;  ///< and is looked at closely (TermFlag)
  static constexpr std::uint32_t kBaseMask = kChecked - 1;
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

/// A term that ends at a state, with what telling apart those that end together asks for, so that
/// neither their rows nor their texts are touched.
struct TermEnd {
  /// The term's first four characters, 16 bits each, the first lowest; kNoCharacter where it has
  /// none.
  std::uint64_t first;
  std::uint32_t term;
  std::uint16_t flags;  ///< TermFlag (compiled_terms.h)
  std::uint16_t severity;
  static constexpr std::size_t kCharacters = 4;
  static constexpr std::uint64_t kNoCharacter = 0xffff;
};

/// How terms begin, by hash: whether the next two symbols are a term or the next three begin one.
/// Most places of a text begin none, and are passed over without touching a state. All about a pair
/// of symbols lies in one word, so a place costs one look into memory; each beginning has two bits
/// in it.
struct PrefixFilter {
  const std::uint64_t* words = nullptr;
  unsigned shift = 0;  ///< 32 less the logarithm of the number of words
  static constexpr std::uint32_t kPairFactor = 0x9e3779b1, kThirdFactor = 0x85ebca77;

  /// Where a pair of symbols is looked up.
  struct Pair {
    std::uint32_t word;
    std::uint32_t bits;  ///< those of the pair as a term: two numbers of six bits
  };
  [[nodiscard]] Pair pair(Symbol first, Symbol second) const {
    // The two neighbours in one word of memory, as they lie there.
    const std::uint64_t hash =
        std::uint64_t{std::uint32_t{second} << 16 | first} * std::uint64_t{kPairFactor};
    return {static_cast<std::uint32_t>(hash) >> shift,
            static_cast<std::uint32_t>(hash >> 32) & 0xfff};
  }
  /// The bits of a pair that goes on with `third`.
  static std::uint32_t bits_with(std::uint32_t bits, Symbol third) {
    return bits ^ (third * kThirdFactor) >> 20;
  }
  static std::uint64_t mask(std::uint32_t bits) {
    return std::uint64_t{1} << (bits & 63) | std::uint64_t{1} << (bits >> 6);
  }
  /// False: no term of two symbols or more begins with these. What is behind the end is kBreak.
  [[nodiscard]] bool may_begin(Symbol first, Symbol second, Symbol third) const {
    const auto [at, bits] = pair(first, second);
    const std::uint64_t word = words[at];
    const std::uint32_t with = bits_with(bits, third);
    return (((word >> (bits & 63) & word >> (bits >> 6)) |
             (word >> (with & 63) & word >> (with >> 6))) &
            1) != 0;
  }
};
constexpr unsigned kFilterWordsMin = 1, kFilterWordsMax = 15;  ///< logarithms

/// An Aho-Corasick automaton as a double array. A view over tables that others own.
struct Automaton {
  std::span<const HotState> hot;  ///< state 0 is the root
  std::span<const ColdState> cold;
  std::span<const TermEnd> ends;  ///< those of a state together

  PrefixFilter prefixes;
  std::size_t depth_max = 0;  ///< symbols of the longest term

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

/// The same, owning its tables.
struct BuiltAutomaton {
  std::vector<HotState> hot;
  std::vector<ColdState> cold;
  std::vector<std::uint32_t> ends;  ///< numbers of terms
  std::vector<std::uint64_t> prefixes;
};

/// A filter of how these begin: about ten bits for each beginning.
std::vector<std::uint64_t> build_filter(std::span<const std::vector<Symbol>> beginnings);
/// Over words that build_filter made; fails with kDataLoss where there cannot be so many.
Result<PrefixFilter> filter_of(std::span<const std::uint64_t> words);

/// `symbols` is one more than the highest symbol. `also`: further beginnings that the filter lets
/// pass. Terms with the same key end in the order of their
/// numbers. Fails with kLimitReached where there are more states than HotState can number.
Result<BuiltAutomaton> build_automaton(std::vector<TermKey> keys, std::size_t symbols,
                                       std::vector<std::vector<Symbol>> also = {});

/// That tables from outside keep to what the search relies on: every index within, every chain
/// going up towards the root. Fails with kDataLoss.
Result<void> check_automaton(const Automaton& automaton, std::size_t symbols, std::size_t terms);

}  // namespace zhiyin::text::detail
