#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/tokeniser/piece_trie.h"
#include "model/tokeniser/unigram.h"

namespace zhiyin::model {

/// BERT's WordPiece: from the left the longest piece that the word begins with, later ones with a
/// prefix; where none fits the whole word is unknown. Immutable and thread-safe.
class WordPiece {
 public:
  struct Settings {
    std::int32_t unknown = 0;
    std::string continuing_prefix = "##";
    std::size_t word_characters_max = 100;  ///< longer words are unknown
  };
  /// `pieces` in the order of their ids; empty ones are holes. The texts are not kept.
  static Result<WordPiece> create(const std::vector<std::string_view>& pieces,
                                  const Settings& settings);

  /// Appends the pieces of one word (valid UTF-8, not empty).
  void cut(std::string_view word, std::vector<CutPiece>& out) const;

 private:
  WordPiece() = default;
  PieceTrie first_;  // all pieces: a word may begin with the prefix itself
  PieceTrie later_;  // those with the prefix, without it
  Settings settings_;
};

}  // namespace zhiyin::model
