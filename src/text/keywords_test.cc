#include "text/keywords.h"

#include <gtest/gtest.h>

#include "text/hostile_texts.h"
#include "text/summary.h"
#include "text/test_words.h"

namespace zhiyin::text {
namespace {

TEST(Keywords, RareWordsThatComeOftenWithTheirPlaces) {
  KeywordExtractor keywords(test_words());
  const auto found = *keywords.by_rarity("今天北京天气，天气好，天安门", 2);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].word, "天气");
  EXPECT_DOUBLE_EQ(found[0].weight, 2 * 6.5);
  EXPECT_EQ(found[0].places, (std::vector<ByteRange>{{12, 18}, {21, 27}}));
  EXPECT_EQ(found[1].word, "天安门");  // has none: the average rarity, (4.5 + 6.5 + 3 + 9) / 4
  EXPECT_DOUBLE_EQ(found[1].weight, 5.75);
}

TEST(Keywords, StopWordsAndSingleCharactersAreNone) {
  KeywordExtractor keywords(test_words());
  EXPECT_TRUE(keywords.by_rarity("今天的我。", 5)->empty());
  EXPECT_TRUE(keywords.by_rank("今天的我。", 5)->empty());
  EXPECT_TRUE(keywords.by_rarity("", 5)->empty());
}

TEST(Keywords, RankFavoursWhatStandsInTheMiddle) {
  KeywordExtractor keywords(test_words());
  const auto found = *keywords.by_rank("北京天气，中国天气，北京天安门天气", 3);
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].word, "天气");
  EXPECT_DOUBLE_EQ(found[0].weight, 1);
  // A word alone has nothing beside it.
  EXPECT_DOUBLE_EQ(keywords.by_rank("天气", 1)->front().weight, 0);
}

TEST(Keywords, HostileTextsGiveGoodPlaces) {
  KeywordExtractor keywords(test_words());
  for (const std::string& text : hostile_texts(5'000)) {
    for (const auto& found : {keywords.by_rarity(text, 10), keywords.by_rank(text, 10)}) {
      ASSERT_TRUE(found);
      for (const Keyword& keyword : *found) {
        for (const ByteRange place : keyword.places) {
          ASSERT_EQ(text.substr(place.begin, place.end - place.begin), keyword.word);
        }
      }
    }
  }
}

TEST(Summary, TakesWholeSentencesInOrderWithoutRepeating) {
  Summariser summariser(test_words());
  const std::string text = "北京天气很好。北京天气很好！今天是今天。中国天安门。";
  const auto found = *summariser.run(text, {.sentences_max = 2});
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(text.substr(found[0].place.begin, found[0].place.end - found[0].place.begin),
            "北京天气很好。");
  EXPECT_EQ(text.substr(found[1].place.begin, found[1].place.end - found[1].place.begin),
            "中国天安门。");
  EXPECT_DOUBLE_EQ(found[0].weight, 1);
}

TEST(Summary, KeepsToItsLength) {
  Summariser summariser(test_words());
  EXPECT_EQ(summariser.run("北京天气很好。中国天安门。", {.characters_max = 8})->size(), 1u);
  EXPECT_TRUE(summariser.run("")->empty());
  EXPECT_EQ(summariser.run("好", {.novelty = 2}).error().field, "novelty");
  EXPECT_EQ(summariser.run("好", {.sentences_max = 0}).error().field, "sentences_max");
  for (const std::string& text : hostile_texts(5'000)) ASSERT_TRUE(summariser.run(text));
}

}  // namespace
}  // namespace zhiyin::text
