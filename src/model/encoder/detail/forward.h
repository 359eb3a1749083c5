#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "model/encoder/detail/encoder_weights.h"
#include "model/encoder/detail/kernels.h"

namespace zhiyin::model::detail {

/// A stretch of tokens that attend to each other, among packed rows.
struct Segment {
  std::span<const std::int32_t> ids;
  std::span<const std::uint8_t> types;  ///< empty: all 0
  std::int32_t first = -1;              ///< put before `ids` where it is >= 0
  std::int32_t last = -1;               ///< put behind `ids` where it is >= 0

  [[nodiscard]] std::size_t tokens() const {
    return ids.size() + (first >= 0 ? 1 : 0) + (last >= 0 ? 1 : 0);
  }
};

/// Rows of the widest product that are computed before they are used and forgotten.
inline constexpr std::size_t kBlockRows = 48;

/// The memory of one thread: room for `tokens` packed rows. Sizes never change.
struct Arena {
  Arena(const EncoderShape& shape, std::size_t tokens);

  std::size_t tokens;
  std::size_t stride;      ///< of x and context: padded(width)
  std::size_t qkv_stride;  ///< padded(3 width)
  std::size_t bytes = 0;
  std::unique_ptr<float[]> x;             ///< [tokens][stride]: what the layers work on
  std::unique_ptr<float[]> context;       ///< [tokens][stride]
  std::unique_ptr<float[]> qkv;           ///< [tokens][qkv_stride]
  std::unique_ptr<float[]> inner;         ///< [kBlockRows][padded(inner)]
  std::unique_ptr<float[]> scratch;       ///< of attention
  std::unique_ptr<std::uint8_t[]> small;  ///< bytes of a block of rows
  std::unique_ptr<RowScale[]> scales;
};

/// Runs the layers over packed segments: afterwards row r of `arena.x` is the vector of token r.
/// Requires that all segments together have at most `arena.tokens` tokens and that ids, types and
/// lengths are within the shape.
void forward(const EncoderShape& shape, const LayerTable& table, const Kernels& kernels,
             std::span<const Segment> segments, Arena& arena);

}  // namespace zhiyin::model::detail
