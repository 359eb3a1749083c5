#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>

#include "base/thread_pool.h"
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

/// The memory of one thread: room for `tokens` packed rows. Sizes never change.
struct Arena {
  Arena(const EncoderShape& shape, std::size_t tokens);

  std::size_t tokens;
  std::size_t stride;      ///< of x and context: padded(width)
  std::size_t qkv_stride;  ///< padded(3 width)
  std::size_t bytes = 0;
  Block<float> x;             ///< [tokens][stride]: what the layers work on
  Block<float> context;       ///< [tokens][stride]
  Block<float> qkv;           ///< [tokens][qkv_stride]
  Block<float> inner;         ///< [kBlockRows][padded(inner)]
  Block<float> scratch;       ///< of attention
  Block<std::uint8_t> small;  ///< bytes of a block of rows
  Block<RowScale> scales;
};

/// Those that work on one batch: the first arena holds its rows, each helper uses what else there
/// is in its own. One arena and no pool: the calling thread alone.
struct Crew {
  std::span<Arena* const> arenas;
  ThreadPool* pool = nullptr;
};

/// Runs the layers over packed segments: afterwards row r of the first arena's `x` is the vector of
/// token r, the same bits with any crew. Requires that all segments together have at most as many
/// tokens as that arena has room for and that ids, types and lengths are within the shape.
void forward(const EncoderShape& shape, const LayerTable& table, const Kernels& kernels,
             std::span<const Segment> segments, const Crew& crew);

}  // namespace zhiyin::model::detail
