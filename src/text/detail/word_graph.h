#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "text/words.h"

namespace zhiyin::text::detail {

/// Some characters of a text, with their codes in the dictionary and in the user words. Places are
/// indices below `count`; behind them the vectors hold what was there before.
struct Stretch {
  std::size_t count = 0;
  std::vector<char32_t> points;
  std::vector<std::uint16_t> codes;
  std::vector<std::uint16_t> user_codes;  // set where there are user words
  std::vector<std::uint32_t> begins;      // bytes; one more than characters

  [[nodiscard]] std::size_t size() const { return count; }
  void grow();
};

/// Which words of the dictionary and of the user stand at a place. A word of the user's takes the
/// place of the dictionary's. Immutable; the words must outlive it.
class WordGraph {
 public:
  explicit WordGraph(const Words& words);

  /// Reads the characters of `text` from byte `at` to the next separator; returns where that is.
  std::size_t read(std::string_view text, std::size_t at, Stretch& out) const;

  /// Calls use(length, weight) for each word at `place`, shortest first. The single character comes
  /// first in any case, with null where it is no word.
  template <class Use>
  void words_at(const Stretch& stretch, std::size_t place, Use use) const {
    if (user_ != nullptr && has_user_words_at(stretch, place)) {
      return both_at(stretch, place, use);
    }
    const Walk end = walk_first(lexicon_, stretch.codes[place]);
    use(std::size_t{1}, end.weight);
    if (end.base == 0) return;
    const std::size_t last = std::min(stretch.size(), place + Lexicon::kWordLengthMax);
    std::uint32_t base = end.base;
    for (std::size_t i = place + 1; i < last; ++i) {
      const std::uint32_t cell = lexicon_.trie.child(base, stretch.codes[i]);
      if (cell == WordTrie::kNone) return;
      const TrieCell& reached = lexicon_.trie.cells[cell];
      if (reached.value != 0) use(i + 1 - place, &lexicon_.weights[reached.value]);
      base = reached.base;
    }
  }

  /// True when the `length` characters at `place` are a word.
  [[nodiscard]] bool is_word(const Stretch& stretch, std::size_t place, std::size_t length) const;
  /// True when the character at `place` is a word of the user's.
  [[nodiscard]] bool is_user_character(const Stretch& stretch, std::size_t place) const;

  /// The likeliest way to cut the stretch into words and characters: in lengths[i] the length of
  /// the piece that begins at i, where one does. Both vectors grow only.
  void likeliest(const Stretch& stretch, std::vector<double>& best,
                 std::vector<std::uint8_t>& lengths) const;

 private:
  /// A word's weight at a cell, if any, and where the walk goes on; base 0: nowhere.
  struct Walk {
    const double* weight;
    std::uint32_t base;
  };
  static Walk walk(const Lexicon& lexicon, std::uint32_t base, std::uint16_t code) {
    const std::uint32_t cell = base == 0 ? WordTrie::kNone : lexicon.trie.child(base, code);
    if (cell == WordTrie::kNone) return {nullptr, 0};
    const TrieCell& reached = lexicon.trie.cells[cell];
    return {reached.value != 0 ? &lexicon.weights[reached.value] : nullptr, reached.base};
  }
  static Walk walk_first(const Lexicon& lexicon, std::uint16_t code) {
    return walk(lexicon, WordTrie::kRootBase, code);
  }
  [[nodiscard]] bool has_user_words_at(const Stretch& stretch, std::size_t place) const {
    return user_->trie.child(WordTrie::kRootBase, stretch.user_codes[place]) != WordTrie::kNone;
  }

  template <class Use>
  void both_at(const Stretch& stretch, std::size_t place, Use use) const {
    Walk own = walk_first(lexicon_, stretch.codes[place]);
    Walk user = walk_first(*user_, stretch.user_codes[place]);
    use(std::size_t{1}, user.weight != nullptr ? user.weight : own.weight);
    const std::size_t last = std::min(stretch.size(), place + Lexicon::kWordLengthMax);
    for (std::size_t i = place + 1; i < last && (own.base != 0 || user.base != 0); ++i) {
      own = walk(lexicon_, own.base, stretch.codes[i]);
      user = walk(*user_, user.base, stretch.user_codes[i]);
      const double* weight = user.weight != nullptr ? user.weight : own.weight;
      if (weight != nullptr) use(i + 1 - place, weight);
    }
  }

  const Lexicon& lexicon_;
  const Lexicon* user_;
  double weight_min_;
};

}  // namespace zhiyin::text::detail
