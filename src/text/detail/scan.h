#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "text/detail/compiled_terms.h"
#include "text/term_matcher.h"

namespace zhiyin::text::detail {

/// Characters taken at a time, and those read beyond them so that every hit that begins in the
/// piece, and every stricter hit that could be in its way, is seen as a whole.
constexpr std::size_t kPieceCharacters = 16'384;
constexpr std::size_t kLookAhead = (kMatchViews + 1) * kHitCharactersMax;

/// A view's text: what is left of it, as symbols with the characters that they stand for.
struct SymbolRun {
  std::vector<Symbol> symbols;
  std::vector<std::uint32_t> begin, end;  ///< characters of the piece
  std::size_t size = 0;                   ///< of what is in use

  /// Empties it; room for `most` symbols. The memory only grows, and is not written over.
  void begin_anew(std::size_t most);
  void add(Symbol symbol, std::size_t from, std::size_t to) {
    symbols[size] = symbol;
    begin[size] = static_cast<std::uint32_t>(from);
    end[size++] = static_cast<std::uint32_t>(to);
  }
};

/// One search through one text, piece by piece. Keeps its buffers from text to text.
class ScanBuffers {
 public:
  void find(const CompiledTerms& terms, std::string_view text, const FindOptions& options,
            std::vector<TermHit>& hits);

 private:
  /// The longest hit that begins at a place; end 0: none.
  struct Best {
    std::uint32_t end;
    std::uint32_t state;
  };

  void decode_piece();
  void scan_piece();
  void scan_view(MatchView view);
  void scan_as_written(MatchView view);
  void scan_run(MatchView view);
  void find_allowed();
  void ends_at(MatchView view, std::uint32_t state, const std::uint32_t* begins, std::size_t last,
               std::uint32_t end);
  void candidate(MatchView view, std::uint32_t state, std::uint32_t begin, std::uint32_t end);
  void settle_view(MatchView view);
  void emit(MatchView view, std::uint32_t term, std::uint32_t begin, std::uint32_t end);
  void drop_repeats(std::size_t from);

  void strip(MatchView view);
  void strip_homophones();
  void flush_letters();
  void scan_shapes();
  void scan_composed(std::size_t from);
  void composed_end(std::uint32_t state, std::size_t since, std::uint32_t end);
  [[nodiscard]] std::size_t compose_at(std::size_t at, Symbol& whole) const;

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
  std::vector<char32_t> characters_;
  std::vector<std::uint32_t> offsets_;  ///< bytes from byte_base_; one more than characters
  std::vector<Best> best_;              ///< all 0 between views
  std::vector<std::uint8_t> taken_;     ///< 1 + the view whose hit lies there
  std::vector<std::uint8_t> carried_;   ///< the same of hits that reach in from the piece before
  std::vector<std::uint8_t> carries_;   ///< and into the next one
  /// For each character the furthest end, in characters of the piece, of an allowed word that
  /// begins there or before; empty where the matcher has none.
  std::vector<std::uint32_t> allowed_end_;
  std::size_t allowed_carried_ = 0;  ///< the same from the pieces before, in characters of the text
  SymbolRun run_;
  std::vector<Symbol> parts_;
  /// For each symbol of the run: the place behind it, and how many symbols were kept by then.
  struct Behind {
    Position at;
    std::uint32_t kept;
  };
  std::vector<Behind> behind_;
  std::string letters_;
  std::vector<std::uint32_t> letter_places_;
  std::vector<std::uint32_t> kept_begins_, composed_begins_;
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
