#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/error.h"
#include "recommend/symmetric_matrix.h"

namespace zhiyin::recommend {

/// How often two items stand in one history, as whole numbers: the Gram matrix X'X of 0/1
/// histories. Because the cells are integers, what was added can be taken away exactly (an erased
/// person, withdrawn feedback, a window that moves on), and collectors merge by addition in any
/// order. Memory: 2 n² bytes (one triangle of 4-byte cells). Not thread-safe while it changes.
class CoOccurrence {
 public:
  CoOccurrence() = default;
  explicit CoOccurrence(std::size_t items) { grow(items); }

  [[nodiscard]] std::size_t items() const { return items_; }
  /// New items have counts of zero. Never shrinks.
  void grow(std::size_t items);

  /// One whole history of different items (any order); grows for numbers not seen yet.
  void add(std::span<const std::uint32_t> history);
  /// kInvalidArgument, and nothing changed, when it takes more than was added.
  Result<void> remove(std::span<const std::uint32_t> history);
  /// One more item of somebody who has `history` (without it): the cells of that item only, so the
  /// counts follow events as they come.
  void add(std::uint32_t item, std::span<const std::uint32_t> history);
  /// The reverse: `history` is what stays.
  Result<void> remove(std::uint32_t item, std::span<const std::uint32_t> history);
  /// Cell by cell; `other` may have more or fewer items.
  void merge(const CoOccurrence& other);

  /// Histories that hold both; with i == j, those that hold the item.
  [[nodiscard]] std::uint32_t count(std::uint32_t i, std::uint32_t j) const {
    return i < j ? cells_[start(j) + i] : cells_[start(i) + j];
  }
  /// The lower triangle with `ridge` added on the diagonal.
  [[nodiscard]] Result<SquareMatrix> with_ridge(double ridge) const;

  bool operator==(const CoOccurrence&) const = default;

  /// What is counted, to be stored: the rows of the lower triangle, cells_of(items()) of them.
  [[nodiscard]] std::span<const std::uint32_t> cells() const { return cells_; }
  static std::size_t cells_of(std::size_t items) { return start(items); }
  /// Requires cells_of(items) cells.
  static CoOccurrence from_cells(std::size_t items, std::vector<std::uint32_t> cells) {
    CoOccurrence out;
    out.items_ = items;
    out.cells_ = std::move(cells);
    return out;
  }

 private:
  static std::size_t start(std::size_t row) { return row * (row + 1) / 2; }
  [[nodiscard]] std::uint32_t& cell(std::uint32_t i, std::uint32_t j) {
    return i < j ? cells_[start(j) + i] : cells_[start(i) + j];
  }

  std::size_t items_ = 0;
  /// Rows of the lower triangle, one after the other: growing appends.
  std::vector<std::uint32_t> cells_;
};

}  // namespace zhiyin::recommend
