#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace zhiyin::text::detail {

/// A cell of a double array trie over codes from 1. The child of the cell `parent` by `code` is
/// cells[parent.base + code] if that cell's `code` is `code`; no two cells share a base, so nothing
/// else needs checking. Base 0 has no children.
struct TrieCell {
  std::uint32_t base = 0;
  std::uint16_t code = 0;   // 0: free
  std::uint16_t value = 0;  // the owner's meaning; 0: no word ends here
};

/// The trie as it lies in memory or a file. A view.
struct WordTrie {
  static constexpr std::uint32_t kRootBase = 1;
  /// No cell: where a walk ends.
  static constexpr std::uint32_t kNone = 0;

  std::span<const TrieCell> cells;

  /// The cell reached from a cell with `base` by `code`; kNone if there is none or code is 0.
  /// Requires base + code < cells.size(), which every base of a checked trie keeps.
  [[nodiscard]] std::uint32_t child(std::uint32_t base, std::uint16_t code) const {
    const std::uint32_t at = base + code;
    return code != 0 && cells[at].code == code ? at : kNone;
  }
  /// The cell at the end of `codes`, or kNone.
  [[nodiscard]] std::uint32_t find(std::u16string_view codes) const;
  /// True when no walk can leave the cells: every base leaves room for `codes` codes behind it.
  [[nodiscard]] bool is_closed(std::uint32_t codes) const;
};

/// Builds the cells for `words` (ascending, none twice, none empty, all codes from 1), with `value`
/// at the end of each.
std::vector<TrieCell> build_trie(const std::vector<std::pair<std::u16string, std::uint16_t>>& words,
                                 std::uint32_t codes);

}  // namespace zhiyin::text::detail
