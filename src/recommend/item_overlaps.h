#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "recommend/interactions.h"
#include "recommend/item_neighbours.h"

namespace zhiyin::recommend {

/// People × items both ways round, for sums over the people whom two items share. Immutable,
/// thread-safe; refers to the matrix it was made from.
class ItemOverlaps {
 public:
  explicit ItemOverlaps(const Interactions& matrix)
      : by_user_(matrix), by_item_(matrix.transposed()) {}

  [[nodiscard]] std::size_t items() const { return by_user_.items(); }
  [[nodiscard]] std::span<const std::uint32_t> people(std::uint32_t item) const {
    return by_item_.columns(item);
  }
  [[nodiscard]] std::span<const std::uint32_t> items_of(std::uint32_t person) const {
    return by_user_.columns(person);
  }

 private:
  const Interactions& by_user_;
  const Interactions by_item_;
};

/// How many people an item shares with every other. Owned by one thread.
class OverlapCounter {
 public:
  explicit OverlapCounter(const ItemOverlaps& overlaps)
      : overlaps_(overlaps), counts_(overlaps.items(), 0) {}

  /// Others with at least one person in common, in no order; `similarity` is the count.
  std::vector<Neighbour> of(std::uint32_t item) {
    for (const std::uint32_t person : overlaps_.people(item)) {
      for (const std::uint32_t other : overlaps_.items_of(person)) {
        if (counts_[other]++ == 0) touched_.push_back(other);
      }
    }
    std::vector<Neighbour> out;
    out.reserve(touched_.size());
    for (const std::uint32_t other : touched_) {
      if (other != item) out.push_back({other, static_cast<float>(counts_[other])});
      counts_[other] = 0;
    }
    touched_.clear();
    return out;
  }

 private:
  const ItemOverlaps& overlaps_;
  /// All zero between calls.
  std::vector<std::uint32_t> counts_;
  std::vector<std::uint32_t> touched_;
};

}  // namespace zhiyin::recommend
