#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "model/tokeniser/piece_trie.h"

namespace zhiyin::model {

/// Pieces and how a text is cut into them.
struct UnigramPieces {
  struct Piece {
    std::string_view text;
    double score = 0;      ///< log-probability
    bool searched = true;  ///< false: a special token, which no typed text may become
  };
  std::vector<Piece> pieces;  ///< in the order of their ids
  std::int32_t unknown = 0;   ///< id of what no piece covers; below pieces.size()
  /// The smallest score of the whole vocabulary: an unknown character costs that minus 10. To be
  /// given where a vocabulary was trimmed; absent: the smallest of `pieces`.
  std::optional<double> score_min;
  bool fuse_unknown = true;    ///< unknown characters side by side are one token
  bool byte_fallback = false;  ///< they become the pieces <0x00> … <0xFF> where all are there
};

/// One token of a text: bytes [begin, end) of what was cut.
struct CutPiece {
  std::int32_t id = 0;
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
};

/// SentencePiece's unigram model: the cut whose pieces have the highest sum of scores; of equal
/// ones the one that comes first in the order of starts, then lengths, unknown last. Sums are in
/// double precision, as in Hugging Face's tokenizers. Immutable and thread-safe.
class Unigram {
 public:
  /// Working memory of one thread.
  struct Scratch {
    struct Best {
      double score = 0;
      std::uint32_t begin = 0;
      std::int32_t id = -1;  ///< -1: not reached
    };
    std::vector<Best> best;
  };

  /// kInvalidArgument when `unknown` is no piece, or a score is not finite. The texts are not kept.
  static Result<Unigram> create(const UnigramPieces& pieces);

  /// Appends the pieces of valid UTF-8, in order.
  void cut(std::string_view text, Scratch& scratch, std::vector<CutPiece>& out) const;

 private:
  Unigram() = default;
  void append_unknown(std::string_view text, CutPiece piece, std::vector<CutPiece>& out) const;

  PieceTrie trie_;
  std::vector<double> scores_;
  std::vector<std::int32_t> bytes_;  // ids of <0x00> … <0xFF>; empty without fallback
  std::int32_t unknown_ = 0;
  double unknown_score_ = 0;
  bool fuse_unknown_ = true;
};

}  // namespace zhiyin::model
