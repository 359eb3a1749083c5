#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "text/detail/code_map.h"
#include "text/detail/word_trie.h"

namespace zhiyin::text {

/// Words with what is known of each, found by walking the code points of a text. A view into a
/// mapped dictionary or into user words, which must outlive it; any thread.
struct Lexicon {
  /// What is known of the word that ends at a cell. Bits of `facts`.
  static constexpr std::uint32_t kTagMask = 0xff;    // place in `tags`, 0: none
  static constexpr std::uint32_t kStopWord = 0x100;  // no keyword
  static constexpr int kRarityShift = 16;            // place in `rarities`, 0: none
  static constexpr std::size_t kTagBytes = 8;
  /// Longer words are refused: the work for a text is bounded by this times its length.
  static constexpr std::size_t kWordLengthMax = 64;

  using Tag = std::array<char, kTagBytes>;  // padded with zeros

  detail::CodeMap codes;
  std::uint32_t code_count = 1;  // codes lie in [0, code_count)
  detail::WordTrie trie;
  std::span<const double> weights;       // by a cell's value: log of the word's share; [0] unused
  std::span<const std::uint32_t> facts;  // by cell
  std::span<const Tag> tags;
  std::span<const double> rarities;  // inverse document frequencies

  /// The cell of the word, or kNone where no word (nor the beginning of one) is spelled so.
  [[nodiscard]] std::uint32_t find(std::string_view word) const;
  /// True when a word with a weight ends at the cell.
  [[nodiscard]] bool is_word(std::uint32_t cell) const {
    return cell != detail::WordTrie::kNone && trie.cells[cell].value != 0;
  }
  /// The tag of the word at the cell; empty if it has none.
  [[nodiscard]] std::string_view tag(std::uint32_t cell) const;
  /// Fails to be true where walking or reading could leave the tables.
  [[nodiscard]] bool is_closed() const;
};

}  // namespace zhiyin::text
