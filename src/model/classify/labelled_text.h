#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace zhiyin::model {

/// Texts with the class of each: what a classifier learns from or is measured on. A pure value.
struct LabelledTexts {
  std::vector<std::string> classes;   ///< distinct, ascending by bytes
  std::vector<std::uint32_t> labels;  ///< place in `classes`, one per text
  std::vector<std::string> texts;     ///< valid UTF-8
  bool header = false;                ///< the first line was a header and has been left out

  [[nodiscard]] std::size_t rows() const { return texts.size(); }
  /// The rows with these numbers, in that order, with the same classes.
  [[nodiscard]] LabelledTexts subset(std::span<const std::uint32_t> which) const;
};

inline constexpr std::size_t kLabelBytesMax = 256;
inline constexpr std::size_t kClassesMax = 10'000;
inline constexpr std::size_t kLabelledRowsMax = 20'000'000;

/// Lines `label TAB text`. The first tab ends the label; further ones belong to the text. Lines end
/// in LF or CRLF; a byte-order mark is skipped, and so is a first line whose label is exactly
/// `label`. Empty lines at the end are passed over.
/// Nothing else is corrected: kInvalidArgument names the first line that is empty, has no
/// tab, no label, no text or is not UTF-8, and how many such lines there are.
Result<LabelledTexts> parse_labelled_texts(std::string_view bytes);
/// The same from a file, plain, .gz or .zst.
Result<LabelledTexts> read_labelled_texts(const std::filesystem::path& path);

/// Texts with any number of labels each. A pure value.
struct MultiLabelledTexts {
  std::vector<std::string> classes;                ///< distinct, ascending by bytes
  std::vector<std::vector<std::uint32_t>> labels;  ///< places in `classes`, ascending, per text
  std::vector<std::string> texts;                  ///< valid UTF-8
  bool header = false;                             ///< the first line was one, and is left out

  [[nodiscard]] std::size_t rows() const { return texts.size(); }
};

/// Lines as above whose label is several with `|` between them, or nothing for a text that has
/// none. A label that is empty beside others or stands twice is refused, too.
Result<MultiLabelledTexts> parse_multi_labelled_texts(std::string_view bytes);
Result<MultiLabelledTexts> read_multi_labelled_texts(const std::filesystem::path& path);

}  // namespace zhiyin::model
