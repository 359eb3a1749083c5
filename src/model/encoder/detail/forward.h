#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>

#include "model/encoder/detail/crew.h"
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

/// At the beginning of a line of the cache: registers then never lie across two.
inline constexpr std::align_val_t kAlignment{64};
struct AlignedDelete {
  void operator()(void* block) const { ::operator delete[](block, kAlignment); }
};
template <class T>
using Block = std::unique_ptr<T[], AlignedDelete>;

/// The memory of one thread: room for `tokens` packed rows, or of one that only helps with those of
/// another arena. Sizes never change.
struct Arena {
  enum class Rows : bool { kOwn, kNone };
  Arena(const EncoderShape& shape, std::size_t tokens, Rows rows = Rows::kOwn);

  std::size_t tokens;
  std::size_t stride;      ///< of x and context: padded(width)
  std::size_t qkv_stride;  ///< padded(3 width)
  std::size_t bytes = 0;
  Block<float> x;             ///< [tokens][stride]: what the layers work on; null for a helper
  Block<float> context;       ///< [tokens][stride]; likewise
  Block<float> qkv;           ///< [tokens][qkv_stride]; likewise
  Block<float> inner;         ///< [kBlockRows][padded(inner)]
  Block<float> scratch;       ///< of attention
  Block<std::uint8_t> small;  ///< bytes of a block of rows
  Block<RowScale> scales;
};

/// Runs the layers over packed segments: afterwards row r of the owner's `x` is the vector of token
/// r, the same bits with any crew. Requires that all segments together have at most as many tokens
/// as the owner's arena has room for and that ids, types and lengths are within the shape.
void forward(const EncoderShape& shape, const LayerTable& table, const Kernels& kernels,
             std::span<const Segment> segments, Crew& crew);

}  // namespace zhiyin::model::detail
