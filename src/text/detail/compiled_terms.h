#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/mapped_file.h"
#include "text/detail/automaton.h"
#include "text/term_matcher.h"

namespace zhiyin::text::detail {

/// What a term asks for beyond being found, in its row and, joined, in the states where it ends.
enum TermFlag : std::uint16_t {
  kAllowedFlag = 1,   ///< it is an allowed word
  kCheckedFlag = 2,   ///< letters, digits or repeats in it: a hit is looked at closely
  kRepeatedFlag = 4,  ///< a character twice in a row
  kLongFlag = 8,      ///< TermEnd::first does not say all of it
};

struct TermRow {
  std::uint32_t text_at, text_bytes;  ///< in the pool
  std::uint32_t category_at, category_bytes;
  std::uint16_t flags;
  std::uint16_t severity;
};

/// Parts of a split character (third part 0: two) and what the whole is in the shape view. All 0: a
/// free place.
struct Composition {
  std::array<Symbol, 3> parts;
  Symbol whole;
};

/// What a character is in each view, side by side: one look into memory for all of them.
struct alignas(16) CharacterRow {
  std::array<Symbol, kMatchViews> symbols;
  Symbol part;          ///< its number among the parts of split characters
  std::uint8_t letter;  ///< the lower-case Latin letter that it is or looks like, or 0
  std::uint8_t flags;   ///< CharacterFlag
};
/// A character is odd in a view where it is something else than in the plain one, or a digit that
/// may be left out. Where no character is odd, these views see what the plain one does.
enum CharacterFlag : std::uint8_t {
  kAloneFlag = 1,        ///< a term of the plain view by itself
  kOddMixedFlag = 2,     ///< odd in the view of mixed scripts
  kOddNoiseFlag = 4,     ///< in that of noise
  kOddShapeFlag = 8,     ///< in that of shapes
  kAloneMixedFlag = 16,  ///< a term of the view of mixed scripts by itself
  kFirstPartFlag = 32,   ///< the first of the parts of a split character
  kNextPartFlag = 64,    ///< the second of such parts
  kAloneOddFlag = 128,   ///< kAloneMixedFlag, where the plain view does not find the same
};
constexpr std::size_t kPageCharacters = 256;

/// Rows of all code points, kPageCharacters to a page; the last page is of no character and all 0.
struct CharacterTable {
  std::span<const std::uint16_t> page_of;  ///< by code point / kPageCharacters
  std::span<const CharacterRow> rows;

  [[nodiscard]] std::uint32_t number(char32_t c) const {
    return static_cast<std::uint32_t>(page_of[c >> 8]) << 8 | (c & 0xff);
  }
  const CharacterRow& operator[](char32_t c) const { return rows[number(c)]; }
  /// The row of what is in no term, whatever the view.
  [[nodiscard]] std::uint32_t between_texts() const {
    return static_cast<std::uint32_t>(rows.size() - 1);
  }
};
constexpr std::size_t kPages = 0x1100;
/// One automaton for each view, and one of the allowed words on the symbols of mixed scripts.
constexpr std::size_t kAutomata = kMatchViews + 1;
constexpr std::size_t kAllowedAutomaton = kMatchViews;
/// The compiled form (docs/formats/compiled-terms.md), checked once and then trusted.
class CompiledTerms {
 public:
  /// Takes over bytes aligned to 8 at least: a mapped file or memory of its own.
  static Result<std::shared_ptr<const CompiledTerms>> open(MappedFile file);
  static Result<std::shared_ptr<const CompiledTerms>> open(std::vector<std::uint64_t> memory,
                                                           std::size_t bytes);

  std::string_view bytes;
  MatcherOptions options;
  std::span<const TermRow> terms;
  std::string_view pool;
  CharacterTable characters;
  std::array<Automaton, kAutomata> automata;
  std::span<const Composition> compositions;   ///< open addressing; a power of two, or none
  std::span<const std::uint64_t> pair_filter;  ///< bits of the pairs that begin a composition
  std::span<const Symbol> syllables;           ///< symbol of syllable n + 1 in the homophone view
  /// Where no character is repeated, the view of repeats sees what the view of noise does: the same
  /// terms are looked for in both, and the same digits occur in them.
  bool repeats_follow_noise = false;
  /// Where no character is odd, every term begins in the views of mixed scripts, noise and shapes
  /// as it does in the plain one, or as this says (in the plain view's symbols), or is one symbol.
  PrefixFilter odd_terms;

  [[nodiscard]] std::string_view text(const TermRow& row) const {
    return pool.substr(row.text_at, row.text_bytes);
  }

  /// The shape symbol of these parts, or 0. `third` 0: two parts.
  [[nodiscard]] Symbol composed(Symbol first, Symbol second, Symbol third) const;
  /// False: no composition begins with this pair.
  [[nodiscard]] bool may_compose(Symbol first, Symbol second) const;

 private:
  Result<void> read();

  MappedFile file_;
  std::vector<std::uint64_t> memory_;
};

/// The sections of the file, in their order; automata take several each.
enum Section : std::uint32_t {
  kTermSection,
  kPoolSection,
  kCompositionSection,
  kFilterSection,
  kSyllableSection,
  kPageSection,
  kCharacterSection,
  kOddSection,
  kFirstAutomatonSection,
  kSectionCount = kFirstAutomatonSection + 4 * kAutomata,
};

struct CompiledHeader {
  std::array<char, 8> magic;
  std::uint32_t version;
  std::uint32_t options;   ///< bit 0: case sensitive; bit 1: whole words; 2: repeats follow noise
  std::uint64_t tables;    ///< hash of the character tables of the program that compiled it
  std::uint64_t checksum;  ///< xxh64 of all bytes behind the header
  std::uint64_t bytes;     ///< of the whole file
  std::array<std::uint32_t, kMatchViews> symbol_counts;  ///< highest symbol + 1
  struct Place {
    std::uint64_t at, bytes;
  };
  std::array<Place, kSectionCount> sections;
};
constexpr std::size_t kSectionAlign = 16;
constexpr std::array<char, 8> kCompiledMagic = {'Z', 'Y', 'T', 'E', 'R', 'M', 'S', '\n'};
constexpr std::uint32_t kCompiledVersion = 3;
constexpr std::size_t kCompiledBytesMax = std::size_t{4} << 30;

std::uint64_t character_tables_hash();
std::uint64_t composition_hash(Symbol first, Symbol second, Symbol third);

/// Compiles; fails as TermMatcher::build.
Result<std::shared_ptr<const CompiledTerms>> compile_terms(std::span<const Term> terms,
                                                           const MatcherOptions& options);

}  // namespace zhiyin::text::detail
