// Files of words. The checksum is put right, or nothing would ever get past it; what opens can cut
// any text.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/crypto.h"
#include "text/segment.h"

using namespace zhiyin;
using namespace zhiyin::text;

namespace {
// docs/formats/dictionary.md: the checksum lies here and covers what follows it.
constexpr std::size_t kChecksumAt = 16;
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::uint64_t> aligned(size / 8 + 1);
  char* const bytes = reinterpret_cast<char*>(aligned.data());
  std::memcpy(bytes, data, size);
  static_cast<void>(Dictionary::from_bytes({bytes, size}));
  if (size < kChecksumAt + 8) return 0;
  const std::uint64_t sum =
      crypto::xxh64(std::string_view(bytes, size).substr(kChecksumAt + sizeof(std::uint64_t)));
  std::memcpy(bytes + kChecksumAt, &sum, sizeof(sum));
  const auto dictionary = Dictionary::from_bytes({bytes, size});
  if (!dictionary) return 0;
  Segmenter segmenter({*dictionary, nullptr});
  constexpr std::string_view kText = "我爱北京天安门，张小明T恤iPhone15很好3.14𠮷野家";
  for (const auto mode : {SegmentMode::kMix, SegmentMode::kSearch, SegmentMode::kFull}) {
    const auto found = segmenter.cut(kText, mode);
    ZHIYIN_CHECK(found.has_value());
    for (const ByteRange word : *found) {
      ZHIYIN_CHECK(word.begin < word.end && word.end <= kText.size());
      static_cast<void>(tag_of(segmenter.words(), kText.substr(word.begin, word.end - word.begin)));
    }
  }
  return 0;
}
