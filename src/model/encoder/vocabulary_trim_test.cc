#include "model/encoder/vocabulary_trim.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "model/encoder/encoder_source.h"

namespace zhiyin::model {
namespace {

std::vector<std::string_view> kept_of(const std::vector<std::string_view>& pieces) {
  UnigramTable table{.pieces = pieces, .scores = std::vector<float>(pieces.size(), -5)};
  std::vector<std::string_view> out;
  for (const std::uint32_t id : chinese_pieces(table, {"▁hello", "ing"})) out.push_back(pieces[id]);
  return out;
}

TEST(VocabularyTrim, KeepsHanPunctuationDigitsAndEmoji) {
  const std::vector<std::string_view> all{"知",  "知音", "▁知", "，", "▁。", "2026", "%。", "🙂",
                                          "▁🙂", "①",    "℃",   "々", "𠮷",  "▁",    "",    "❤️"};
  EXPECT_EQ(kept_of(all), all);
}

TEST(VocabularyTrim, KeepsLettersAloneAndWordsThatAreNamed) {
  const std::vector<std::string_view> all{"a",  "▁B", "▁hello", "ing", "é",
                                          "▁Ö", "я",  "の",     "ア",  "α"};
  EXPECT_EQ(kept_of(all), all);
}

TEST(VocabularyTrim, DropsOtherWordsAndScripts) {
  EXPECT_TRUE(kept_of({"▁nostro", "▁ab", "usb", "20260101", "był", "был", "café", "です", "の方",
                       "한", "ขอ", "ا", "को"})
                  .empty());
}

TEST(VocabularyTrim, TheDefaultEncoderKeepsAboutATenth) {
  const auto source = open_package_source(ZHIYIN_SOURCE_DIR "/build/deps/encoder/e5-small-q4.bin");
  if (!source) GTEST_SKIP() << "no default encoder: " << source.error().text();
  const UnigramTable& table = *(*source)->unigram();
  const auto kept = chinese_pieces(table, english_pieces());
  EXPECT_GT(kept.size(), 24'000U);
  EXPECT_LT(kept.size(), 29'500U);
  for (const std::uint32_t special : {0U, 1U, 2U, 3U, 250001U})
    EXPECT_TRUE(std::ranges::binary_search(kept, special));
  std::size_t han = 0;
  for (const std::uint32_t id : kept) han += table.pieces[id] == "的" || table.pieces[id] == "音";
  EXPECT_EQ(han, 2U);
}

}  // namespace
}  // namespace zhiyin::model
