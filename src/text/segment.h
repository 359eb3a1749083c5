#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "text/source_map.h"
#include "text/words.h"

namespace zhiyin::text {

/// How a text is cut into words. Each gives what cppjieba gives with the same files.
enum class SegmentMode : std::uint8_t {
  kMix,         ///< the likeliest words of the dictionary, unknown ones by the model (Cut)
  kDictionary,  ///< words of the dictionary alone (Cut without HMM)
  kSearch,      ///< as kMix, and before a long word the words of 2 and 3 inside it (CutForSearch)
  kFull,        ///< every word of the dictionary there is, overlapping (CutAll)
};

/// Cuts texts into words. Holds memory that it uses again: one a thread, cheap to make. It keeps
/// the snapshot of words it was made with.
///
/// Works with the text as it is: normalise first where width, case or script should not matter.
class Segmenter {
 public:
  static constexpr std::size_t kTextBytesMax = std::size_t{64} << 20;

  explicit Segmenter(Words words);
  ~Segmenter();
  Segmenter(Segmenter&&) noexcept;
  Segmenter& operator=(Segmenter&&) noexcept;

  /// The words of `text` in `out`, as ranges of bytes in order; in all modes but kSearch and kFull
  /// they cover the text without gaps. Any bytes are taken; one that is not UTF-8 counts as a
  /// character that no word has. Fails with kLimitReached above kTextBytesMax.
  Result<void> cut(std::string_view text, SegmentMode mode, std::vector<ByteRange>& out);
  Result<std::vector<ByteRange>> cut(std::string_view text, SegmentMode mode = SegmentMode::kMix);

  [[nodiscard]] const Words& words() const;

 private:
  class Work;
  std::unique_ptr<Work> work_;
};

/// The word's part of speech, as cppjieba's PosTagger gives it: the tag of its entry, else `m` for
/// digits, `eng` for other ASCII and `x`. The view lives as long as `words`.
std::string_view tag_of(const Words& words, std::string_view word);

}  // namespace zhiyin::text
