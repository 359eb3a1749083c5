#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/error.h"

namespace zhiyin::recommend {

/// Approximate neighbours by cosine among rows of int8, by a graph that one walks along (HNSW:
/// Malkov and Yashunin, IEEE TPAMI 2020; hnswlib): for so many rows that comparing each takes too
/// long. About 150 bytes a row beside the rows, which are not copied. Immutable once built;
/// thread-safe.
class TextIndex {
 public:
  /// `values`: rows of `step` numbers; `norms`: 1 / length of each, 0 for one of zeros, which is
  /// never found. Both must outlive the index. On one thread the same rows give the same index; on
  /// several the order in which they come differs, and so may what is found beyond the nearest.
  static Result<std::unique_ptr<const TextIndex>> build(std::size_t step,
                                                        std::span<const std::int8_t> values,
                                                        std::span<const float> norms, int threads);
  ~TextIndex();

  /// At most `count` rows, the nearest to the query's direction first; equal ones by number.
  /// Requires `step` numbers.
  [[nodiscard]] std::vector<std::uint32_t> nearest(std::span<const std::int8_t> query,
                                                   std::size_t count) const;

  TextIndex(const TextIndex&) = delete;
  TextIndex& operator=(const TextIndex&) = delete;

 private:
  struct Graph;
  explicit TextIndex(std::unique_ptr<Graph> graph);
  std::unique_ptr<Graph> graph_;
};

}  // namespace zhiyin::recommend
