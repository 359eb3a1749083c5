#pragma once

#include <cstddef>
#include <cstdint>

#include "base/error.h"

namespace zhiyin::model {

/// The sizes of a BERT-like encoder: post-norm blocks, exact GELU, learnt positions. A pure value.
struct EncoderShape {
  std::size_t width = 0;  ///< numbers per token
  std::size_t layers = 0;
  std::size_t heads = 0;       ///< divides `width`
  std::size_t inner = 0;       ///< numbers per token inside the feed-forward part
  std::size_t vocabulary = 0;  ///< rows of the word table
  std::size_t positions = 0;   ///< rows of the position table
  std::size_t token_types = 0;
  /// Row of the first token: 0 for BERT, 2 for XLM-R checkpoints (their padding id plus one).
  std::size_t position_offset = 0;
  float epsilon = 1e-12F;  ///< of LayerNorm

  /// Tokens that one text may have.
  [[nodiscard]] std::size_t tokens_max() const { return positions - position_offset; }
  [[nodiscard]] std::size_t head_width() const { return width / heads; }

  bool operator==(const EncoderShape&) const = default;
};

/// Fails with kInvalidArgument, naming the field, unless all sizes are positive and within what the
/// engine computes exactly (width and inner up to 8,192, heads of up to 256 numbers, up to 96
/// layers, 4,194,304 words, 65,536 positions, 16 token types).
Result<void> check_shape(const EncoderShape& shape);

}  // namespace zhiyin::model
