#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace zhiyin::model {

/// A text as the characters that n-grams are made of.
struct FoldedText {
  std::vector<char32_t> points;       ///< never 0
  std::vector<std::uint32_t> begins;  ///< byte in the original where the character starts …
  std::vector<std::uint32_t> ends;    ///< … and ends; both empty unless asked for
};

/// Characters beyond this many do not count (the first so many decide).
inline constexpr std::size_t kFoldedPointsMax = 65'536;

/// Lower case, full-width forms as ASCII, runs of white space as one space, invisible characters
/// dropped, what is not UTF-8 as U+FFFD. Replaces what `out` held; keeps its memory. Pure.
void fold_text(std::string_view text, FoldedText& out, bool with_offsets = false);

}  // namespace zhiyin::model
