#pragma once

#include <algorithm>
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
  std::size_t size = 0;              ///< of what is in use
  bool has_spans = false;
  struct Soft {
    std::uint32_t at;
    Symbol symbol;
  };
  std::vector<Soft> soft;               ///< ascending
  std::vector<std::uint32_t> repeated;  ///< symbols of which a repeat was left out, ascending
  std::vector<std::uint32_t> left_out;  ///< the characters of those repeats, ascending
  /// Characters that the view sees otherwise than the plain one (CharacterRow::odd), and the
  /// symbols that they are or that come behind them; ascending.
  struct Odd {
    std::uint32_t character, symbol;
  };
  std::vector<Odd> odd;
  static constexpr std::size_t kPadding = 2;

  void begin_anew(std::size_t most, bool spans);
  void add(Symbol symbol, std::uint32_t from) {
    symbols[size] = symbol;
    begin[size++] = from;
  }
  void add(Symbol symbol, std::uint32_t from, std::uint32_t to) {
    end[size] = to;
    add(symbol, from);
  }
  /// kBreak in its place, until it is known whether a term goes on with it.
  void add_soft(Symbol symbol, std::uint32_t from) {
    soft.push_back({static_cast<std::uint32_t>(size), static_cast<Symbol>(symbol & ~kSoft)});
    if (has_spans) end[size] = from + 1;
    add(kBreak, from);
  }
  void finish();
  [[nodiscard]] std::uint32_t end_of(std::size_t i) const {
    return has_spans ? end[i] : begin[i] + 1;
  }
};

/// Grows a buffer; what is in it need not stay.
template <class T>
void make_room(std::vector<T>& buffer, std::size_t size) {
  if (buffer.size() < size) buffer.resize(std::max(size, buffer.size() + buffer.size() / 2));
}

/// One search through one text, piece by piece. Keeps its buffers from text to text.
///
/// In each view the filter of beginnings names the places where a term may begin, all of the piece
/// first; from each of them the automaton's tree is followed for as long as symbols go on in it.
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

 private:
  /// The longest hit that begins at a place; end 0: none.
  struct Best {
    std::uint32_t end;
    std::uint32_t state;
  };
  /// A place where a term may begin, and where the tree ends that was followed from there.
  struct Start {
    std::uint32_t at;
    std::uint32_t reach;  ///< the first symbol that could not be followed
    bool may_be_odd;      ///< in the plain view: CompiledTerms::odd_terms lets it pass
  };
  /// A state and the place of the symbol with which its path begins.
  struct Path {
    std::uint32_t begin;
    std::uint32_t state;
  };

  /// One of them on its way: its number and the state that it has come to.
  struct Walking {
    std::uint32_t start;
    std::uint32_t state;
  };

  void begin(const CompiledTerms& terms, const FindOptions& options, std::vector<TermHit>& hits);
  void put_in_order(std::size_t first_hit);
  void decode_piece();
  std::size_t decode_together(std::span<const std::string_view> texts);
  void scan_piece();
  void scan_view(MatchView view);
  void find_allowed();

  void take_all(MatchView view, SymbolRun& run) const;
  void strip(MatchView view, SymbolRun& run) const;
  void strip_once(SymbolRun& run) const;
  void strip_homophones();
  void flush_letters();

  void search(MatchView view, const SymbolRun& run);
  void search_beside_plain(MatchView view, const SymbolRun& run);
  void look_for_odd_terms();
  void find_starts(MatchView view, const SymbolRun& run);
  void walk_starts(MatchView view, const SymbolRun& run);
  void walk_once(std::uint32_t from);
  void meet_soft(const SymbolRun& run, std::uint32_t from, std::uint32_t at, std::uint32_t state);
  [[nodiscard]] Path path_to(const Automaton& automaton, const SymbolRun& run,
                             std::uint32_t at) const;
  void follow_soft(MatchView view, const SymbolRun& run);
  std::size_t follow_from(MatchView view, const SymbolRun& run, std::size_t soft);
  void scan_repeats();
  void walk_what_met_a_repeat(std::span<const Start> starts, const SymbolRun* run);

  void scan_shapes();
  void remember_states();
  std::uint32_t state_before(std::size_t at);
  void scan_composed(std::size_t from);
  [[nodiscard]] std::size_t compose_at(std::size_t at, Symbol& whole) const;

  void ends_at(MatchView view, std::uint32_t state, const std::vector<std::uint32_t>& begins,
               std::size_t depth_min, std::uint32_t end);
  void candidate(MatchView view, std::uint32_t state, std::uint32_t begin, std::uint32_t end);
  void settle_view(MatchView view);
  void settle(MatchView view, std::uint32_t at);
  void emit(MatchView view, std::uint32_t term, std::uint32_t begin, std::uint32_t end);
  void drop_repeats(std::size_t from);

  [[nodiscard]] std::u32string_view characters() const { return {characters_.data(), count_}; }
  [[nodiscard]] bool is_wanted(MatchView view) const;
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
  std::vector<std::uint32_t> numbers_;  ///< the characters' rows
  std::vector<std::uint32_t> offsets_;  ///< bytes from byte_base_; one more than characters
  std::vector<Best> best_;              ///< all 0 between views
  std::vector<std::uint64_t> touched_;  ///< bits of the places that have one; all 0 between views
  std::vector<std::uint8_t> taken_;     ///< 1 + the view whose hit lies there
  std::vector<std::uint8_t> carried_;   ///< the same of hits that reach in from the piece before
  std::vector<std::uint8_t> carries_;   ///< and into the next one
  /// For each character the furthest end, in characters of the piece, of an allowed word that
  /// begins there or before; empty where the matcher has none.
  std::vector<std::uint32_t> allowed_end_;
  std::size_t allowed_carried_ = 0;  ///< the same from the pieces before, in characters of the text

  SymbolRun run_, once_run_;
  std::vector<Start> starts_, plain_starts_;
  std::size_t start_count_ = 0, plain_start_count_ = 0;
  std::vector<Walking> walking_;
  /// Where each text begins of those that are searched together.
  struct TextBegin {
    std::size_t bytes, characters;
  };
  std::vector<TextBegin> together_;
  std::vector<Path> soft_paths_;  ///< for each soft symbol the longest path that leads to it
  std::vector<std::uint32_t> kept_begins_;
  std::string letters_;
  std::vector<std::uint32_t> letter_places_;

  std::vector<Symbol> parts_;
  /// For each symbol of the run the state behind it, and how many symbols were kept by then; empty
  /// where no symbol is soft.
  struct Behind {
    std::uint32_t state;
    std::uint32_t kept;
  };
  std::vector<Behind> behind_;
  std::vector<std::uint32_t> composed_begins_;
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
