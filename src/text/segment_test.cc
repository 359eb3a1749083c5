#include "text/segment.h"

#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "base/utf8.h"
#include "text/hostile_texts.h"
#include "text/test_words.h"

namespace zhiyin::text {
namespace {

std::string cut(const Words& words, std::string_view text, SegmentMode mode = SegmentMode::kMix) {
  Segmenter segmenter(words);
  std::string out;
  const auto found = *segmenter.cut(text, mode);
  for (const ByteRange word : found) {
    if (!out.empty()) out += '/';
    out += text.substr(word.begin, word.end - word.begin);
  }
  return out;
}

Words with_user_words(Words words, std::string_view lines) {
  words.user = *UserWords::parse(lines, *words.dictionary);
  return words;
}

TEST(Segment, TheLikeliestWords) {
  const Words words = test_words();
  EXPECT_EQ(cut(words, "我爱北京天安门"), "我/爱/北京天安门");
  EXPECT_EQ(cut(words, "今天天气很好，是的。"), "今天/天气/很/好/，/是/的/。");
  EXPECT_EQ(cut(words, ""), "");
}

TEST(Segment, UnknownWordsByTheModel) {
  EXPECT_EQ(cut(test_words(), "张小明"), "张小明");
  EXPECT_EQ(cut(test_words(), "张小明", SegmentMode::kDictionary), "张/小/明");
  EXPECT_EQ(cut(test_words(), "龘囍"), "龘/囍");  // which the model does not know either
}

TEST(Segment, LettersNumbersAndSigns) {
  const Words words = test_words();
  EXPECT_EQ(cut(words, "T恤iPhone15卖3.14元!!"), "T恤/iPhone15/卖/3.14/元/!/!");
  EXPECT_EQ(cut(words, "a b\n\tc"), "a/ /b/\n/\t/c");
}

TEST(Segment, WordsInsideForSearchAndAllWords) {
  const Words words = test_words();
  EXPECT_EQ(cut(words, "北京天安门", SegmentMode::kSearch), "北京/天安/天安门/北京天安门");
  EXPECT_EQ(cut(words, "北京天安门", SegmentMode::kFull), "北京/北京天安门/天安/天安门");
}

TEST(Segment, UserWordsComeOnTop) {
  const Words words = test_words();
  EXPECT_EQ(cut(with_user_words(words, "小明\n爱 v\n"), "我爱张小明"), "我/爱/张/小明");
  EXPECT_EQ(tag_of(with_user_words(words, "北京 x\n"), "北京"), "x");
  // A user's word with a low count does not win just because it is there.
  EXPECT_EQ(cut(with_user_words(words, "京天 1 x\n"), "北京天气"), "北京/天气");
}

TEST(Segment, TagsOfWordsAndOfOthers) {
  const Words words = test_words();
  EXPECT_EQ(tag_of(words, "天气"), "n");
  EXPECT_EQ(tag_of(words, "小明"), "x");
  EXPECT_EQ(tag_of(words, "2024"), "m");
  EXPECT_EQ(tag_of(words, "iPhone15"), "eng");
  EXPECT_EQ(tag_of(words, ""), "x");
}

TEST(Segment, HostileTextsAreCoveredWithoutGaps) {
  const Words words = with_user_words(test_words(), "中中中\n电脑\n");
  Segmenter segmenter(words);
  for (const std::string& text : hostile_texts(20'000)) {
    for (const SegmentMode mode : {SegmentMode::kMix, SegmentMode::kDictionary}) {
      std::uint32_t at = 0;
      const auto found = *segmenter.cut(text, mode);
      for (const ByteRange word : found) {
        ASSERT_EQ(word.begin, at);
        ASSERT_LT(word.begin, word.end);
        at = word.end;
      }
      ASSERT_EQ(at, text.size());
    }
    for (const SegmentMode mode : {SegmentMode::kSearch, SegmentMode::kFull}) {
      const auto found = *segmenter.cut(text, mode);
      for (const ByteRange word : found)
        ASSERT_TRUE(word.begin < word.end && word.end <= text.size());
    }
  }
}

TEST(Segment, TooMuchIsRefused) {
  Segmenter segmenter(test_words());
  EXPECT_EQ(segmenter.cut(std::string(Segmenter::kTextBytesMax + 1, 'a')).error().code,
            ErrorCode::kLimitReached);
}

TEST(LiveWords, SwappedWhileOthersSegment) {
  LiveWords live(test_words());
  const auto user = *UserWords::parse("小明\n", *live.now().dictionary);
  std::jthread other([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const std::string found = cut(live.now(), "张小明");
      ASSERT_TRUE(found == "张/小明" || found == "张小明") << found;
    }
  });
  for (int i = 0; i < 200; ++i) live.set_user_words(i % 2 == 0 ? user : nullptr);
  other.request_stop();
  other.join();
  EXPECT_EQ(cut(live.now(), "张小明"), "张小明");
}

}  // namespace
}  // namespace zhiyin::text
