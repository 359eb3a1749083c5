#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/error.h"

namespace zhiyin::recommend {

struct Neighbour {
  std::uint32_t item = 0;
  float similarity = 0;
};

/// Larger similarity first; equal ones by number, so that the result does not depend on the
/// machine.
inline bool is_nearer(const Neighbour& a, const Neighbour& b) {
  if (a.similarity != b.similarity) return a.similarity > b.similarity;
  return a.item < b.item;
}
/// Leaves the `k` nearest, in no order.
void keep_nearest(std::vector<Neighbour>& found, std::size_t k);

/// Sparse item-item weights, stored by the item somebody liked, candidates ascending within a row:
/// what ItemKNN, RP3beta and EASE's strongest weights have in common. The weights may be negative.
/// A pure value; reading is thread-safe.
class ItemNeighbours {
 public:
  ItemNeighbours() = default;
  /// columns[j]: who speaks for candidate j, each liked item at most once.
  static ItemNeighbours from_columns(const std::vector<std::vector<Neighbour>>& columns);
  /// Rows as `starts()` and `neighbours()` gave them; kInvalidArgument when a number is out of
  /// range or a weight not finite.
  static Result<ItemNeighbours> from_rows(std::vector<std::uint64_t> starts,
                                          std::vector<Neighbour> neighbours);

  [[nodiscard]] std::size_t items() const { return starts_.empty() ? 0 : starts_.size() - 1; }
  /// Candidates that a liked item speaks for, by number.
  [[nodiscard]] std::span<const Neighbour> row(std::uint32_t item) const {
    return std::span(neighbours_).subspan(starts_[item], starts_[item + 1] - starts_[item]);
  }
  /// scores[j] += weight × similarity for each candidate of a liked item.
  /// Requires scores.size() == items().
  void add_scores(std::uint32_t liked, double weight, std::span<double> scores) const;

  [[nodiscard]] std::span<const std::uint64_t> starts() const { return starts_; }
  [[nodiscard]] std::span<const Neighbour> neighbours() const { return neighbours_; }

 private:
  std::vector<std::uint64_t> starts_;
  std::vector<Neighbour> neighbours_;
};

/// The neighbours of each of `items` candidates in turn, found by workers on `threads` threads;
/// `make_worker` gives each thread a function of its own from item to neighbours. The result does
/// not depend on the threads. kDeadline when `progress` (share done) says false.
using NeighbourFinder = std::function<std::vector<Neighbour>(std::uint32_t)>;
Result<std::vector<std::vector<Neighbour>>> find_neighbours(
    std::size_t items, int threads, const std::function<NeighbourFinder()>& make_worker,
    const std::function<bool(double)>& progress);

}  // namespace zhiyin::recommend
