#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace zhiyin::ingest::detail {

/// Counts how often each row came, by 64-bit hashes of the rows, in bounded memory: 12 bytes a
/// slot, at most 2^24 slots (192 MiB), of which three quarters are used. Among twelve million rows
/// two different ones are taken for equal with a probability of four in a million. Not thread-safe.
class RowCounter {
 public:
  static constexpr std::size_t kRowsMax = (std::size_t{1} << 24) / 4 * 3;

  /// `rows_max` up to kRowsMax.
  explicit RowCounter(std::size_t rows_max = kRowsMax) : rows_max_(rows_max) { resize(1 << 10); }

  /// 1 for the first row with this hash, 2 for the second, …; 0 when it is new and no further row
  /// can be kept.
  std::uint32_t next(std::uint64_t hash) {
    if (hash == kEmpty) hash = 1;
    std::size_t at = place_of(hash);
    if (hashes_[at] == kEmpty) {
      if (size_ >= rows_max_) return 0;
      if ((size_ + 1) * 4 > hashes_.size() * 3) {
        grow();
        at = place_of(hash);
      }
      hashes_[at] = hash;
      ++size_;
    }
    return ++counts_[at];
  }
  [[nodiscard]] bool full() const { return size_ >= rows_max_; }

 private:
  static constexpr std::uint64_t kEmpty = 0;

  [[nodiscard]] std::size_t place_of(std::uint64_t hash) const {
    std::size_t i = hash & (hashes_.size() - 1);
    while (hashes_[i] != kEmpty && hashes_[i] != hash) i = (i + 1) & (hashes_.size() - 1);
    return i;
  }
  void resize(std::size_t slots) {
    hashes_.assign(slots, kEmpty);
    counts_.assign(slots, 0);
  }
  void grow() {
    const std::vector<std::uint64_t> hashes = std::move(hashes_);
    const std::vector<std::uint32_t> counts = std::move(counts_);
    resize(hashes.size() * 2);
    for (std::size_t i = 0; i < hashes.size(); ++i) {
      if (hashes[i] == kEmpty) continue;
      const std::size_t at = place_of(hashes[i]);
      hashes_[at] = hashes[i];
      counts_[at] = counts[i];
    }
  }

  const std::size_t rows_max_;
  std::vector<std::uint64_t> hashes_;
  std::vector<std::uint32_t> counts_;
  std::size_t size_ = 0;
};

}  // namespace zhiyin::ingest::detail
