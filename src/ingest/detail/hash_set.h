#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace zhiyin::ingest::detail {

using Hash128 = std::array<std::uint64_t, 2>;

/// A set of 128-bit hashes with linear probing, at most half full. Not thread-safe.
class HashSet {
 public:
  explicit HashSet(std::size_t expected = 0) { reserve(expected); }

  void reserve(std::size_t n) {
    std::size_t slots = 16;
    while (slots < n * 2) slots *= 2;
    if (slots > slots_.size()) rebuild(slots);
  }
  /// False when it was there already.
  bool insert(const Hash128& hash) {
    if (size_ * 2 >= slots_.size()) rebuild(slots_.size() * 2);
    Hash128& slot = slots_[place_of(hash)];
    if (slot != kEmpty) return false;
    slot = normal(hash);
    ++size_;
    return true;
  }
  [[nodiscard]] bool contains(const Hash128& hash) const {
    return slots_[place_of(hash)] != kEmpty;
  }
  [[nodiscard]] std::size_t size() const { return size_; }
  void clear() {
    slots_.assign(slots_.size(), kEmpty);
    size_ = 0;
  }

 private:
  static constexpr Hash128 kEmpty{0, 0};
  // The hash that means "empty" is moved aside.
  static Hash128 normal(const Hash128& h) { return h == kEmpty ? Hash128{1, 0} : h; }

  [[nodiscard]] std::size_t place_of(const Hash128& hash) const {
    const Hash128 h = normal(hash);
    std::size_t i = (h[0] ^ h[1]) & (slots_.size() - 1);  // one of them may be a number
    while (slots_[i] != kEmpty && slots_[i] != h) i = (i + 1) & (slots_.size() - 1);
    return i;
  }
  void rebuild(std::size_t slots) {
    std::vector<Hash128> old(slots, kEmpty);
    old.swap(slots_);
    for (const Hash128& h : old) {
      if (h != kEmpty) slots_[place_of(h)] = h;
    }
  }

  std::vector<Hash128> slots_;
  std::size_t size_ = 0;
};

}  // namespace zhiyin::ingest::detail
