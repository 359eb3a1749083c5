#pragma once

#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace zhiyin::ingest::detail {

/// Keeps texts at a fixed address until it is cleared; far cheaper than a string each. Not thread-safe.
class TextArena {
 public:
  /// A copy that lives until `clear`.
  std::string_view keep(std::string_view text) {
    char* p = take(text.size());
    if (!text.empty()) std::memcpy(p, text.data(), text.size());
    return {p, text.size()};
  }

  /// `n` bytes to write into.
  char* take(std::size_t n) {
    if (n > left_) grow(n);
    char* p = next_;
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
    next_ = blocks_.empty() ? nullptr : blocks_.front().bytes.get();
    left_ = blocks_.empty() ? 0 : blocks_.front().size;
  }

 private:
  struct Block {
    std::unique_ptr<char[]> bytes;
    std::size_t size = 0;
  };
  void grow(std::size_t n) {
    const std::size_t doubled = blocks_.empty() ? 16 << 10 : blocks_.back().size * 2;
    const std::size_t size = std::max<std::size_t>(n, std::min<std::size_t>(doubled, 8 << 20));
    blocks_.push_back({std::make_unique_for_overwrite<char[]>(size), size});
    next_ = blocks_.back().bytes.get();
    left_ = size;
  }

  std::vector<Block> blocks_;
  char* next_ = nullptr;
  std::size_t left_ = 0;
};

}  // namespace zhiyin::ingest::detail
