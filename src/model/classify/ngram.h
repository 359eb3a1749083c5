#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model/classify/fold.h"

namespace zhiyin::model {

/// One to three characters in 63 bits: 21 bits each, the first lowest; absent ones are 0.
/// Never 0 itself.
using NgramKey = std::uint64_t;
inline constexpr std::size_t kNgramCharactersMax = 3;

/// The n-gram of `size` characters from `at`. Requires 1 <= size <= 3 and at + size <= points.
NgramKey ngram_key(std::span<const char32_t> points, std::size_t at, std::size_t size);
/// Its characters as UTF-8.
std::string ngram_text(NgramKey key);
std::size_t ngram_size(NgramKey key);

/// Calls visit(key, place) for every n-gram of sizes 1 to `size_max`, by place, then by size.
template <class Visit>
void for_each_ngram(std::span<const char32_t> points, std::size_t size_max, Visit visit) {
  for (std::size_t at = 0; at < points.size(); ++at) {
    NgramKey key = 0;
    for (std::size_t size = 1; size <= size_max && at + size <= points.size(); ++size) {
      key |= static_cast<NgramKey>(points[at + size - 1]) << (21 * (size - 1));
      visit(key, at);
    }
  }
}

/// Keys to numbers, by open addressing. Not thread-safe while it is filled.
class NgramTable {
 public:
  static constexpr std::uint32_t kAbsent = UINT32_MAX;

  explicit NgramTable(std::size_t expected = 0);
  /// The number of the key; a new one gets the next number.
  std::uint32_t add(NgramKey key);
  [[nodiscard]] std::uint32_t find(NgramKey key) const {
    for (std::size_t slot = slot_of(key);; slot = (slot + 1) & mask_) {
      if (slots_[slot].key == key) return slots_[slot].number;
      if (slots_[slot].key == 0) return kAbsent;
    }
  }
  /// Brings the place of the key towards the cache.
  void prefetch(NgramKey key) const { __builtin_prefetch(&slots_[slot_of(key)]); }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  struct Slot {
    NgramKey key = 0;
    std::uint32_t number = 0;
  };
  [[nodiscard]] std::size_t slot_of(NgramKey key) const {
    key ^= key >> 31;
    return static_cast<std::size_t>((key * 0x9E3779B97F4A7C15ULL) >> shift_);
  }
  void grow(int bits);

  std::vector<Slot> slots_;
  std::size_t mask_ = 0;
  int shift_ = 0;
  std::size_t size_ = 0;
};

}  // namespace zhiyin::model
