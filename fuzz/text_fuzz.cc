// Texts, and user words in front of them (up to the first zero byte): words cover the text without
// gaps, sentences and keywords lie in it, in order.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "text/language.h"
#include "text/segment.h"
#include "text/sentence.h"
#include "text/summary.h"
#include "text/test_words.h"

using namespace zhiyin;
using namespace zhiyin::text;

namespace {

void check_words(const Words& words, std::string_view text) {
  Segmenter segmenter(words);
  for (const auto mode : {SegmentMode::kMix, SegmentMode::kDictionary}) {
    std::uint32_t at = 0;
    const auto found = segmenter.cut(text, mode);
    for (const ByteRange word : *found) {
      ZHIYIN_CHECK(word.begin == at && word.begin < word.end);
      static_cast<void>(tag_of(words, text.substr(word.begin, word.end - word.begin)));
      at = word.end;
    }
    ZHIYIN_CHECK(at == text.size());
  }
  for (const auto mode : {SegmentMode::kSearch, SegmentMode::kFull}) {
    const auto found = segmenter.cut(text, mode);
    for (const ByteRange word : *found)
      ZHIYIN_CHECK(word.begin < word.end && word.end <= text.size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Words kWords = test_words();
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t cut = std::min(input.find('\0'), input.size());
  const std::string_view text = input.substr(std::min(cut + 1, input.size()));
  Words words = kWords;
  if (const auto user = UserWords::parse(input.substr(0, cut), *words.dictionary))
    words.user = *user;
  check_words(words, text);
  const auto sentences = split_sentences(text);
  std::uint32_t before = 0;
  for (const ByteRange sentence : *sentences) {
    ZHIYIN_CHECK(before <= sentence.begin && sentence.begin < sentence.end);
    before = sentence.end;
  }
  ZHIYIN_CHECK(before <= text.size());
  KeywordExtractor keywords(words);
  const auto ranked = keywords.by_rank(text, 5);
  for (const Keyword& keyword : *ranked) ZHIYIN_CHECK(keyword.weight <= 1);
  ZHIYIN_CHECK(Summariser(words).run(text).has_value());
  const double confidence = guess_language(text).confidence;
  ZHIYIN_CHECK(confidence >= 0 && confidence <= 1);
  return 0;
}
