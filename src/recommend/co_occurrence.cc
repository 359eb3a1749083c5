#include "recommend/co_occurrence.h"

#include <algorithm>

namespace zhiyin::recommend {

void CoOccurrence::grow(std::size_t items) {
  if (items <= items_) return;
  items_ = items;
  cells_.resize(start(items), 0);
}

void CoOccurrence::add(std::span<const std::uint32_t> history) {
  if (history.empty()) return;
  grow(std::size_t{std::ranges::max(history)} + 1);
  // Ascending numbers walk each row of the triangle from left to right.
  std::vector<std::uint32_t> sorted(history.begin(), history.end());
  std::ranges::sort(sorted);
  for (std::size_t a = 0; a < sorted.size(); ++a) {
    std::uint32_t* const row = cells_.data() + start(sorted[a]);
    for (std::size_t b = 0; b <= a; ++b) ++row[sorted[b]];
  }
}

Result<void> CoOccurrence::remove(std::span<const std::uint32_t> history) {
  for (std::size_t a = 0; a < history.size(); ++a) {
    for (std::size_t b = 0; b <= a; ++b) {
      if (history[a] >= items_ || history[b] >= items_ || count(history[a], history[b]) == 0) {
        return fail(ErrorCode::kInvalidArgument,
                    "co-occurrence: items {} and {} were not added together so often", history[a],
                    history[b]);
      }
    }
  }
  for (std::size_t a = 0; a < history.size(); ++a) {
    for (std::size_t b = 0; b <= a; ++b) --cell(history[a], history[b]);
  }
  return {};
}

void CoOccurrence::add(std::uint32_t item, std::span<const std::uint32_t> history) {
  std::uint32_t largest = item;
  for (const std::uint32_t other : history) largest = std::max(largest, other);
  grow(std::size_t{largest} + 1);
  ++cell(item, item);
  for (const std::uint32_t other : history) ++cell(item, other);
}

Result<void> CoOccurrence::remove(std::uint32_t item, std::span<const std::uint32_t> history) {
  const auto absent = [&](std::uint32_t other) {
    return item >= items_ || other >= items_ || count(item, other) == 0;
  };
  if (absent(item) || std::ranges::any_of(history, absent)) {
    return fail(ErrorCode::kInvalidArgument,
                "co-occurrence: item {} was not added with this history", item);
  }
  --cell(item, item);
  for (const std::uint32_t other : history) --cell(item, other);
  return {};
}

void CoOccurrence::merge(const CoOccurrence& other) {
  grow(other.items_);
  for (std::size_t i = 0; i < other.cells_.size(); ++i) cells_[i] += other.cells_[i];
}

Result<SquareMatrix> CoOccurrence::with_ridge(double ridge) const {
  ZHIYIN_TRY(SquareMatrix out, SquareMatrix::create(items_));
  for (std::size_t i = 0; i < items_; ++i) {
    const std::uint32_t* const in = cells_.data() + start(i);
    float* const row = out.row(i);
    for (std::size_t j = 0; j <= i; ++j) row[j] = static_cast<float>(in[j]);
    row[i] = static_cast<float>(in[i] + ridge);
  }
  return out;
}

}  // namespace zhiyin::recommend
