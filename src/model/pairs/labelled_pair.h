#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace zhiyin::model {

/// Pairs of texts, and whether they mean the same: what a model of pairs learns from or is measured
/// on. A pure value.
struct LabelledPairs {
  std::vector<std::string> texts;     ///< distinct, in order of appearance, valid UTF-8
  std::vector<std::uint32_t> first;   ///< place in `texts`, one per pair
  std::vector<std::uint32_t> second;  ///< likewise
  std::vector<int> same;              ///< 1: they mean the same, 0: they do not
  bool header = false;                ///< the first line was a header and has been left out

  [[nodiscard]] std::size_t rows() const { return same.size(); }
};
inline constexpr std::size_t kLabelledPairsMax = 1'000'000;

/// Lines `label TAB text TAB text`; a label is `1` or `same`, `0` or `different`. Lines end in LF
/// or CRLF; a byte-order mark is skipped, and so is a first line whose label is exactly `label`.
/// Empty lines at the end are passed over. Nothing else is corrected: kInvalidArgument names the
/// first line that is wrong, and says how many are; kLimitReached beyond kLabelledPairsMax.
Result<LabelledPairs> parse_labelled_pairs(std::string_view bytes);
/// The same from a file, plain, .gz or .zst.
Result<LabelledPairs> read_labelled_pairs(const std::filesystem::path& path);

/// Looks at the caller's memory.
struct TextPair {
  std::string_view first;
  std::string_view second;
};
/// A line `text TAB text`. kInvalidArgument, without naming the line, when it is not UTF-8, has not
/// exactly one tab, or a side is blank.
Result<TextPair> parse_pair(std::string_view line);

}  // namespace zhiyin::model
