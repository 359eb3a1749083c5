#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "text/normalise.h"

namespace zhiyin::model {

/// A text as the characters that n-grams are made of.
struct FoldedText {
  std::vector<char32_t> points;  ///< never 0
  std::vector<std::uint32_t>
      begins;                       ///< byte in the original where the character's source starts …
  std::vector<std::uint32_t> ends;  ///< … and ends; both empty unless asked for
  text::Normalised normalised;      ///< working memory
};

/// What lies beyond so many bytes does not count: the beginning of a text decides.
inline constexpr std::size_t kFoldedBytesMax = 256 << 10;

/// The text normalised (text/normalise.h: NFKC, case, traditional to simplified, invisible
/// characters dropped) with runs of white space as one space; what is not UTF-8 is U+FFFD. Replaces
/// what `out` held; keeps its memory. Thread-safe.
void fold_text(std::string_view text, FoldedText& out, bool with_offsets = false);

}  // namespace zhiyin::model
