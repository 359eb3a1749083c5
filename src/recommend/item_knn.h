#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/error.h"
#include "recommend/interactions.h"

namespace zhiyin::recommend {

struct ItemKnnParams {
  std::size_t k = 200;  ///< neighbours kept per candidate item
  double shrink = 5;    ///< pulls similarities of rare items towards 0
  int threads = 1;
};

struct Neighbour {
  std::uint32_t item = 0;
  float similarity = 0;
};

/// Item-item similarities dot/(|a||b| + shrink + 1e-6), the k largest kept for each candidate
/// (ties: the lower number), stored by the item somebody liked. A pure value; scoring is
/// thread-safe.
class ItemKnn {
 public:
  ItemKnn() = default;
  /// `progress` gets the share done; false cancels (kDeadline). The result does not depend on
  /// threads.
  static Result<ItemKnn> train(const Interactions& matrix, ItemKnnParams params,
                               const std::function<bool(double)>& progress = {});
  /// Rows as `rows()` gave them; kInvalidArgument when a number is out of range.
  static Result<ItemKnn> from_rows(std::vector<std::uint64_t> starts,
                                   std::vector<Neighbour> neighbours);

  [[nodiscard]] std::size_t items() const { return starts_.empty() ? 0 : starts_.size() - 1; }
  /// Candidates that a liked item speaks for, by number.
  [[nodiscard]] std::span<const Neighbour> row(std::uint32_t item) const {
    return std::span(neighbours_).subspan(starts_[item], starts_[item + 1] - starts_[item]);
  }
  /// scores[j] += weight × similarity for each liked item. Requires scores.size() == items().
  void add_scores(std::uint32_t liked, double weight, std::span<double> scores) const;

  [[nodiscard]] std::span<const std::uint64_t> starts() const { return starts_; }
  [[nodiscard]] std::span<const Neighbour> neighbours() const { return neighbours_; }

 private:
  std::vector<std::uint64_t> starts_;
  std::vector<Neighbour> neighbours_;
};

}  // namespace zhiyin::recommend
