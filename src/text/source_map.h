#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace zhiyin::text {

/// Bytes [begin, end) of a text.
struct ByteRange {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  bool operator==(const ByteRange&) const = default;
};

/// Which bytes of an original a changed text came from. Grows from front to back with the text. A
/// pure value; reading is a binary search over the changes.
class SourceMap {
 public:
  /// The next `bytes` bytes of the text are those of the original at `source`, one by one (or
  /// characters of the same lengths in their place). Extends what went before where it can.
  void copied(std::uint32_t at, std::uint32_t source, std::uint32_t bytes);
  /// The next bytes of the text stand as a whole for `source`.
  void replaced(std::uint32_t at, ByteRange source);
  /// Forgets what lies behind byte `size` of the text. Requires that no replacement begins before
  /// `size` and ends behind it.
  void truncate(std::uint32_t size);
  void clear();

  /// The bytes of the original that bytes [begin, end) of the text came from: the fewest whole
  /// characters and replacements that cover them, and what was dropped in between. An empty range
  /// gives an empty range. Requires begin <= end <= the size of the text.
  [[nodiscard]] ByteRange source(std::uint32_t begin, std::uint32_t end) const;

 private:
  struct Piece {
    std::uint32_t at = 0;          // place in the text; the next piece begins where this one ends
    std::uint32_t source = 0;      // place in the original
    std::uint32_t bytes : 31 = 0;  // of the original
    std::uint32_t whole : 1 = 0;
  };
  [[nodiscard]] const Piece& piece_at(std::uint32_t at) const;

  std::vector<Piece> pieces_;
};

}  // namespace zhiyin::text
