#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace zhiyin::model {

/// Byte strings to numbers, found by walking a text: a double array (Aoe 1989). Immutable and
/// thread-safe once built.
class PieceTrie {
 public:
  struct Entry {
    std::string_view text;   ///< not empty
    std::int32_t value = 0;  ///< 0 or more
  };
  PieceTrie() = default;
  /// Of two equal texts the later one wins. Linear in the bytes, up to the search for free places.
  explicit PieceTrie(std::vector<Entry> entries);

  /// Calls visit(length, value) for every entry that the text begins with, the shortest first.
  template <class Visit>
  void for_each_prefix(std::string_view text, Visit visit) const {
    std::uint32_t node = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const std::uint32_t next = nodes_[node].base + static_cast<unsigned char>(text[i]);
      if (next >= nodes_.size() || nodes_[next].check != node) return;
      node = next;
      if (nodes_[node].value >= 0) visit(i + 1, nodes_[node].value);
    }
  }
  /// The value of exactly this text, or -1.
  [[nodiscard]] std::int32_t find(std::string_view text) const;

 private:
  struct Node {
    std::uint32_t base = 0;
    std::uint32_t check = UINT32_MAX;  // the parent; UINT32_MAX: free
    std::int32_t value = -1;
  };
  std::vector<Node> nodes_ = std::vector<Node>(1);
};

}  // namespace zhiyin::model
