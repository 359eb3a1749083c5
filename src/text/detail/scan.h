#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/detail/compiled_terms.h"
#include "text/term_matcher.h"

namespace zhiyin::text::detail {

/// Characters taken at a time, and those read beyond them so that every hit that begins in the
/// piece, and every stricter hit that could be in its way, is seen as a whole.
constexpr std::size_t kPieceCharacters = 16'384;
constexpr std::size_t kLookAhead = (kMatchViews + 1) * kHitCharactersMax;

/// Stands between texts that are searched together: no character, and a break in every view.
constexpr char32_t kBetweenTexts = 0x110000;

/// What a view sees of a piece: symbols, with the characters that they stand for. The memory only
/// grows, and is not written over.
struct SymbolRun {
  /// Behind the last, kBreak kPadding times. A digit that is followed only where a term goes on
  /// with it is kBreak here and stands in `soft`.
  std::vector<Symbol> symbols;
  std::vector<std::uint32_t> begin;  ///< characters of the piece
  std::vector<std::uint32_t> end;    ///< used where `has_spans`: else each is one character
  /// Of each character the symbol that it is, or where it is left out the one behind it.
  std::vector<std::uint32_t> symbol_at;
  std::size_t size = 0;  ///< of what is in use
  bool has_spans = false;
  bool is_one_to_one = false;  ///< symbols are characters, and symbol_at is not used
  struct Soft {
    std::uint32_t at;
    Symbol symbol;
  };
  std::vector<Soft> soft;  ///< ascending
  static constexpr std::size_t kPadding = 2;

  void begin_anew(std::size_t most, std::size_t characters, bool spans);
  void add(Symbol symbol, std::uint32_t from) {
    symbols[size] = symbol;
    if (has_spans) end[size] = from + 1;
    begin[size++] = from;
  }
  void add(Symbol symbol, std::uint32_t from, std::uint32_t to) {
    end[size] = to;
    symbols[size] = symbol;
    begin[size++] = from;
  }
  /// kBreak in its place, until it is known whether a term goes on with it.
  void add_soft(Symbol symbol, std::uint32_t from) {
    soft.push_back({static_cast<std::uint32_t>(size), static_cast<Symbol>(symbol & ~kSoft)});
    add(kBreak, from);
  }
  void finish();
  [[nodiscard]] std::uint32_t end_of(std::size_t i) const {
    return has_spans ? end[i] : begin[i] + 1;
  }
  [[nodiscard]] std::uint32_t symbol_of(std::uint32_t character) const {
    return is_one_to_one ? character : symbol_at[character];
  }
};

constexpr bool is_soft(Symbol symbol) { return symbol != kSkipped && (symbol & kSoft) != 0; }

/// Grows a buffer; what is in it need not stay.
template <class T>
void make_room(std::vector<T>& buffer, std::size_t size) {
  if (buffer.size() < size) buffer.resize(std::max(size, buffer.size() + buffer.size() / 2));
}

/// Places of a piece, a bit each.
class PlaceBits {
 public:
  /// None of `places`, and at least a word behind them.
  void clear(std::size_t places) { words_.assign(places / 64 + 2, 0); }
  /// The places whose flags have `flag`. Requires flags up to the end of the last word of 64, those
  /// behind the last place 0.
  void set_where(std::span<const std::uint8_t> flags, CharacterFlag flag);
  /// Keeps those that stand right before one of `next`, which has as many places.
  void keep_before(const PlaceBits& next);
  void set(std::size_t at) { set_if(at, true); }
  void set_if(std::size_t at, bool is_one) {
    words_[at / 64] |= std::uint64_t{is_one} << (at % 64);
  }
  /// Those in `bits`, the lowest of which is of `at`; as many as have room.
  void set_all(std::size_t at, std::uint64_t bits) {
    words_[at / 64] |= bits << (at % 64);
    words_[at / 64 + 1] |= bits >> 1 >> (63 - at % 64);
  }
  /// Also those of `other`, which has as many places.
  void add(const PlaceBits& other) {
    for (std::size_t i = 0; i < words_.size(); ++i) words_[i] |= other.words_[i];
  }
  /// Also the two before each; none of `this` may stand behind the last place.
  void add_two_before();
  [[nodiscard]] const std::uint64_t* words() const { return words_.data(); }

  /// Whether one lies in [first, last].
  [[nodiscard]] bool any(std::size_t first, std::size_t last) const {
    const std::size_t low = first / 64, high = last / 64;
    const std::uint64_t from = ~std::uint64_t{0} << (first % 64);
    const std::uint64_t to = ~std::uint64_t{0} >> (63 - last % 64);
    if (low == high) return (words_[low] & from & to) != 0;
    if ((words_[low] & from) != 0 || (words_[high] & to) != 0) return true;
    for (std::size_t i = low + 1; i < high; ++i)
      if (words_[i] != 0) return true;
    return false;
  }
  /// In ascending order.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (std::size_t i = 0; i < words_.size(); ++i)
      for (std::uint64_t bits = words_[i]; bits != 0; bits &= bits - 1)
        visit(static_cast<std::uint32_t>(i * 64 + static_cast<unsigned>(std::countr_zero(bits))));
  }

 private:
  std::vector<std::uint64_t> words_;
};

/// Symbols from which the tree is followed, and for each where it ends: the first symbol that could
/// not be followed.
struct Starts {
  std::vector<std::uint32_t> at, reach;
  std::size_t count = 0;

  void begin_anew(std::size_t most) {
    count = 0;
    make_room(at, most);
    make_room(reach, most);
  }
};

/// One search through one text, piece by piece. Keeps its buffers from text to text.
///
/// In each view the filter of beginnings names the places where a term may begin, all of the piece
/// first; from each of them the automaton's tree is followed for as long as symbols go on in it.
/// The views are followed side by side, a symbol further each in turn: what a step needs of memory
/// is on its way while the others take theirs, and one text alone has few places in each.
/// Only where a digit may or may not be noise, or a character is put together of parts, is it
/// followed as an automaton, along its fail links.
class ScanBuffers {
 public:
  void find(const CompiledTerms& terms, std::string_view text, const FindOptions& options,
            std::vector<TermHit>& hits);
  /// The first of several texts, as many as make up a piece (one at least), each for itself: what a
  /// view looks things up in is fetched once for all. Appends the number of hits up to the end of
  /// each to `ends`; returns how many texts that were. Requires one.
  std::size_t find_together(const CompiledTerms& terms, std::span<const std::string_view> texts,
                            const FindOptions& options, std::vector<TermHit>& hits,
                            std::vector<std::size_t>& ends);

  /// Symbols read by the searches from characters put together, so far: what tests look at.
  [[nodiscard]] std::size_t composed_steps() const { return composed_steps_; }

 private:
  /// The longest hit that begins at a place; end 0: none.
  struct Best {
    std::uint32_t end;
    std::uint32_t state;
  };
  /// A state and the place of the symbol with which its path begins.
  struct Path {
    std::uint32_t begin;
    std::uint32_t state;
  };
  /// A start on its way: its number and the state that it has come to.
  struct Walking {
    std::uint32_t start;
    std::uint32_t state;
  };
  /// A view's search: views are followed side by side, each with its own.
  struct Lane {
    SymbolRun run;
    Starts starts;
    std::vector<Walking> walking;
    std::size_t walking_count = 0;
    std::vector<Path> soft_paths;  ///< for each soft symbol the longest path that leads to it
    std::vector<Best> best;        ///< all 0 once settled
    PlaceBits touched;             ///< the places that have one; none once settled
  };
  /// A state in which a search from a character put together stood behind the symbol `at`, its path
  /// beginning with the character `begin`; `earlier`: the number of another one behind the same
  /// symbol.
  struct Passed {
    std::uint32_t at, begin, state, earlier;
  };
  /// A hit that counts, by the place where it begins.
  struct Settled {
    std::uint32_t term;
    std::uint16_t characters;
    MatchView view;
  };

  // Pieces (scan.cc).
  void begin(const CompiledTerms& terms, const FindOptions& options, std::vector<TermHit>& hits);
  void sort_occurrences(std::size_t first_hit);
  void make_place(std::size_t characters);
  std::size_t read_characters(std::string_view text, std::size_t offset, std::size_t most);
  void finish_characters(std::size_t offset);
  void decode_piece();
  std::size_t decode_together(std::span<const std::string_view> texts);
  void scan_piece();
  void find_allowed();

  // What a view sees (scan_views.cc).
  void see(MatchView view);
  void take_all(MatchView view);
  void strip(MatchView view, SymbolRun& run);
  void leave_out_repeats(const SymbolRun& noise);
  void strip_homophones();
  std::size_t read_letters(std::size_t from);
  [[nodiscard]] bool has_repeats() const;

  // Following the trees (scan_search.cc).
  void scan_view(MatchView view);
  void keep_plain_starts();
  void find_starts(MatchView view);
  void find_starts_beside_plain(MatchView view, CharacterFlag odd);
  void mark_near_odd(const SymbolRun& run);
  void walk(std::span<const MatchView> views);
  bool begin_walk(MatchView view);
  bool walk_on(MatchView view, std::uint32_t depth);
  void walk_once(std::uint32_t from);
  void walk_once_from(std::uint32_t character);
  Path path_to(const Automaton& tree, const SymbolRun& run, std::uint32_t at, std::size_t most);
  void follow_soft(MatchView view);
  void meet_soft(MatchView view, std::uint32_t from, std::uint32_t at, std::uint32_t state);
  std::size_t follow_from(MatchView view, std::size_t soft);
  void ends_at(MatchView view, std::uint32_t state, const std::vector<std::uint32_t>& begins,
               std::size_t depth_min, std::uint32_t end);
  void scan_repeats();
  void walk_what_met_a_repeat(const Starts& starts, const SymbolRun* run);

  // Characters put together of their parts (scan_shapes.cc).
  void scan_compositions();
  [[nodiscard]] Symbol part(std::size_t at) const;
  std::uint32_t state_before(std::uint32_t at);
  void go_on_near(std::uint32_t at);
  void follow_up_to(std::uint32_t at);
  void scan_composed(std::size_t from);
  bool pass(std::uint32_t at, std::uint32_t begin, std::uint32_t state);
  [[nodiscard]] std::size_t compose_at(std::size_t at, Symbol& whole) const;

  // From what could be a hit to what is one (scan.cc).
  void candidate(MatchView view, std::uint32_t state, std::uint32_t begin, std::uint32_t end);
  void settle_view(MatchView view);
  void settle(MatchView view, std::uint32_t at);
  void emit(MatchView view, std::uint32_t term, std::uint32_t begin, std::uint32_t end);
  void emit_settled();

  [[nodiscard]] const Automaton& automaton(MatchView view) const {
    return terms_->automata[static_cast<std::size_t>(view)];
  }
  [[nodiscard]] Lane& lane(MatchView view) { return lanes_[static_cast<std::size_t>(view)]; }
  [[nodiscard]] const Lane& lane(MatchView view) const {
    return lanes_[static_cast<std::size_t>(view)];
  }
  [[nodiscard]] const SymbolRun& shape_run() const { return lane(MatchView::kShape).run; }
  [[nodiscard]] std::span<const std::uint8_t> flags() const {
    return {flags_.data(), (count_ + 63) / 64 * 64};
  }
  [[nodiscard]] std::u32string_view characters() const { return {characters_.data(), count_}; }
  [[nodiscard]] bool is_wanted(MatchView view) const {
    return (options_.views & view_bit(view)) != 0 && !automaton(view).empty();
  }
  [[nodiscard]] bool is_free(MatchView view, std::uint32_t begin, std::uint32_t end) const;
  [[nodiscard]] bool is_allowed(std::uint32_t begin, std::uint32_t end) const;
  [[nodiscard]] std::uint32_t repeats_end(std::uint32_t end) const;

  const CompiledTerms* terms_ = nullptr;
  std::string_view text_;
  FindOptions options_;
  std::vector<TermHit>* hits_ = nullptr;

  std::size_t byte_base_ = 0, char_base_ = 0;  ///< where the piece begins
  std::size_t settled_ = 0;                    ///< characters of the piece whose hits are given out
  bool is_last_ = false;
  std::size_t count_ = 0;  ///< characters of the piece; the buffers may be longer
  std::vector<char32_t> characters_;
  std::vector<CharacterRow> rows_;      ///< the characters' rows, side by side for all views
  std::vector<std::uint8_t> flags_;     ///< and their flags; 0 up to the end of a word of 64
  std::vector<std::uint32_t> offsets_;  ///< bytes from byte_base_; one more than characters
  std::vector<Settled> settled_hits_;   ///< by place, where hits_begin_ has it
  PlaceBits hits_begin_;
  std::vector<std::uint8_t> taken_;    ///< 1 + the view whose hit lies there
  std::vector<std::uint8_t> carried_;  ///< the same of hits that reach in from the piece before
  std::vector<std::uint8_t> carries_;  ///< and into the next one
  /// For each character the furthest end, in characters of the piece, of an allowed word that
  /// begins there or before; empty where the matcher has none.
  std::vector<std::uint32_t> allowed_end_;
  std::size_t allowed_carried_ = 0;  ///< the same from the pieces before, in characters of the text

  std::array<Lane, kMatchViews> lanes_;
  std::vector<std::uint32_t>
      repeated_;        ///< symbols of the view of repeats of which a repeat was left out
  PlaceBits left_out_;  ///< the characters of those repeats
  PlaceBits odd_, near_, alone_, parts_, parts_behind_;
  std::vector<std::uint32_t> odd_plain_starts_;  ///< those from which other views find more
  std::size_t odd_plain_count_ = 0;
  std::vector<std::uint32_t> beginnings_;
  /// Where each text begins of those that are searched together.
  struct TextBegin {
    std::size_t bytes, characters;
  };
  std::vector<TextBegin> together_;
  std::vector<std::uint32_t> kept_begins_;
  /// Characters with which candidates of the last view begin that were found along fail links.
  std::vector<std::uint32_t> soft_begins_;
  std::string letters_;

  // Of the view of shapes where digits may or may not be noise: how far it was followed, and there.
  std::uint32_t followed_to_ = 0, followed_state_ = 0;
  std::vector<std::uint32_t> followed_begins_;
  std::vector<std::uint32_t> composed_begins_;
  std::vector<Passed> passed_;            ///< in this piece
  std::vector<std::uint32_t> passed_at_;  ///< by symbol the last of passed_, where that says so
  std::size_t composed_steps_ = 0;
};

/// The term, of those that end at `state`, that a hit stands for: the one most like the text, then
/// the most severe, then the first; kNoTerm where none holds when looked at closely (a letter that
/// only looks like a digit on both sides, a word cut across, a repeat too few).
constexpr std::uint32_t kNoTerm = 0xffffffff;
struct HitText {
  std::u32string_view characters;  ///< of the piece
  std::uint32_t begin, end;
};
std::uint32_t choose_term(const CompiledTerms& terms, MatchView view, const ColdState& state,
                          const HitText& hit);
/// Whether this term holds there.
bool holds(const CompiledTerms& terms, MatchView view, const TermRow& row, const HitText& hit);

}  // namespace zhiyin::text::detail
