#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace zhiyin::model {

/// Bytes [begin, end) of an original.
struct ByteSpan {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  bool operator==(const ByteSpan&) const = default;
};

/// A text while it is normalised, with the character of the original that each byte came from. A
/// pure value.
struct AlignedText {
  std::string text;            ///< valid UTF-8
  std::vector<ByteSpan> from;  ///< one per byte of `text`

  /// Starts again with bytes [begin, end) of the original; what is not UTF-8 becomes U+FFFD.
  void assign(std::string_view original, std::size_t begin, std::size_t end);
  void clear();
  void append(char32_t c, ByteSpan source);
  /// Whole bytes of another aligned text.
  void append(const AlignedText& other, std::size_t begin, std::size_t end);
  /// The original's bytes that [begin, end) came from. Requires begin < end.
  [[nodiscard]] ByteSpan source(std::size_t begin, std::size_t end) const {
    return {from[begin].begin, from[end - 1].end};
  }
};

/// A character of a new text and how it relates to the characters of the old one: 0 takes the next
/// old one's place, n > 0 stands beside the one before, -n takes the next place and skips n more.
using Change = std::pair<char32_t, int>;
/// The new text, aligned as Hugging Face's NormalizedString::transform does; changes that would
/// reach beyond the old text stay at its end.
void transform(AlignedText& text, const std::vector<Change>& changes);

}  // namespace zhiyin::model
