#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace zhiyin::ingest::detail {

/// Keeps values at a fixed address until it is cleared; far cheaper than an allocation each. Not
/// thread-safe.
template <class T>
class Arena {
  static_assert(std::is_trivially_destructible_v<T>);

 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// `n` values to write into, value-initialised only where T has a constructor.
  T* take(std::size_t n) {
    if (n > left_) grow(n);
    T* p = next_;
    next_ += n;
    left_ -= n;
    return p;
  }

  /// Forgets everything; keeps one block to fill again.
  void clear() {
    if (blocks_.size() > 1) {
      std::swap(blocks_.front(), blocks_.back());  // the last is the largest
      blocks_.resize(1);
    }
    next_ = blocks_.empty() ? nullptr : blocks_.front().values.get();
    left_ = blocks_.empty() ? 0 : blocks_.front().size;
  }

 private:
  static constexpr std::size_t kFirst = (16 << 10) / sizeof(T);
  static constexpr std::size_t kLargest = (8 << 20) / sizeof(T);
  struct Block {
    std::unique_ptr<T[]> values;
    std::size_t size = 0;
  };
  void grow(std::size_t n) {
    const std::size_t doubled = blocks_.empty() ? kFirst : blocks_.back().size * 2;
    const std::size_t size = std::max(n, std::min(doubled, kLargest));
    blocks_.push_back({std::make_unique_for_overwrite<T[]>(size), size});
    next_ = blocks_.back().values.get();
    left_ = size;
  }

  std::vector<Block> blocks_;
  T* next_ = nullptr;
  std::size_t left_ = 0;
};

/// The same for texts.
class TextArena : public Arena<char> {
 public:
  /// A copy that lives until `clear`.
  std::string_view keep(std::string_view text) {
    char* p = take(text.size());
    if (!text.empty()) std::memcpy(p, text.data(), text.size());
    return {p, text.size()};
  }
};

}  // namespace zhiyin::ingest::detail
