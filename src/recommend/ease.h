#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "base/error.h"
#include "recommend/co_occurrence.h"
#include "recommend/interactions.h"
#include "recommend/item_neighbours.h"
#include "recommend/symmetric_matrix.h"

namespace zhiyin::recommend {

struct EaseParams {
  double lambda = 300;  ///< ridge, above 0: larger pulls all weights towards 0
  int threads = 1;
  std::function<bool(double)> progress = {};  ///< share done; false cancels
};

/// Above this many items the dense model would take more than 1.6 GB; see train_local_ease.
inline constexpr std::size_t kDenseItemsMax = 20'000;

/// The linear item-item model with zero diagonal that predicts a history best from itself, in
/// closed form (Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019):
/// B = I - P / diag(P), P = (X'X + lambda I)^-1. Immutable; thread-safe.
class Ease {
 public:
  /// n³ operations whatever the number of people, 4 n² bytes. The same bytes on any number of
  /// threads. kInvalidArgument for a lambda that is not above 0, kLimitReached above
  /// kDenseItemsMax items, kDeadline when cancelled.
  static Result<Ease> train(const CoOccurrence& counts, const EaseParams& params);

  [[nodiscard]] std::size_t items() const { return weights_.size(); }
  /// What having `liked` says for every item, by number; itself 0.
  [[nodiscard]] std::span<const float> row(std::uint32_t liked) const {
    return {weights_.row(liked), weights_.size()};
  }
  /// The `k` weights of largest magnitude that each liked item has (ties: the lower number), for
  /// serving.
  [[nodiscard]] ItemNeighbours strongest(std::size_t k) const { return strongest(k, 1, 0); }
  /// The same, and more of a row until what is left out of it is at most the share `left_out_max`
  /// of the sum of its sizes, as far as all rows together stay within `bytes_max`: where they would
  /// not, the longest are cut to one length, not below k.
  [[nodiscard]] ItemNeighbours strongest(std::size_t k, double left_out_max,
                                         std::size_t bytes_max) const;

 private:
  SquareMatrix weights_;
};

/// For catalogues beyond the dense model: each item is predicted from the `neighbours` items that
/// stand with it most often (by cosine) alone, by the same ridge regression,
/// (X'X_SS + lambda I) b = X'x_S. Cost: items × (neighbours³ / 3) operations; memory in proportion
/// to the pairs kept. With all items as neighbours it is Ease.
Result<ItemNeighbours> train_local_ease(const Interactions& matrix, std::size_t neighbours,
                                        const EaseParams& params);

}  // namespace zhiyin::recommend
