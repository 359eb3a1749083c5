#include "model/classify/ngram.h"

#include <gmock/gmock.h>

#include <cmath>

#include "model/classify/ngram_counts.h"

namespace zhiyin::model {
namespace {

using ::testing::ElementsAre;

std::string folded(std::string_view text) {
  FoldedText out;
  fold_text(text, out);
  std::string back;
  for (const char32_t c : out.points) back += ngram_text(c);
  return back;
}

TEST(Fold, CaseWidthScriptAndWhiteSpace) {
  EXPECT_EQ(folded("ＡBc　\t\n D！"), "abc d!");
  EXPECT_EQ(folded("ÄΩЖ"), "äωж");
  EXPECT_EQ(folded("體驗①"), "体验1");
  EXPECT_EQ(folded("中\u200b文\ufeff"), "中文");
  EXPECT_EQ(folded(""), "");
}

TEST(Fold, WhatIsNotUtf8BecomesTheReplacementAndNothingIsReadBeyondTheEnd) {
  EXPECT_EQ(folded("a\xed\xa0\x80"), "a\ufffd\ufffd\ufffd");
  EXPECT_EQ(folded("\xc0\xaf"), "\ufffd\ufffd");
  EXPECT_EQ(folded(std::string_view("\xe4\xb8\xad", 2)), "\ufffd\ufffd");
}

TEST(Fold, OffsetsArePlacesInTheOriginal) {
  FoldedText out;
  const std::string text = "中 　ＡB\u200b!";
  fold_text(text, out, true);
  ASSERT_EQ(out.points.size(), 5U);
  ASSERT_EQ(out.begins.size(), 5U);
  EXPECT_EQ(text.substr(out.begins[2], out.ends[2] - out.begins[2]), "Ａ");
  EXPECT_EQ(text.substr(out.begins[4], out.ends[4] - out.begins[4]), "!");
}

TEST(Fold, LongTextsAreCut) {
  FoldedText out;
  fold_text(std::string(2 * kFoldedBytesMax, 'x'), out);
  EXPECT_EQ(out.points.size(), kFoldedBytesMax);
}

TEST(Ngram, KeysAreTheirTexts) {
  const std::u32string text = U"中\U0001F600b";
  std::vector<std::string> seen;
  for_each_ngram(std::span(text), 3, [&](NgramKey key, std::size_t at) {
    seen.push_back(ngram_text(key));
    EXPECT_EQ(key, ngram_key(std::span(text), at, ngram_size(key)));
  });
  EXPECT_THAT(seen,
              ElementsAre("中", "中\U0001F600", "中\U0001F600b", "\U0001F600", "\U0001F600b", "b"));
}

TEST(Ngram, TableFindsWhatWasAddedWhileItGrows) {
  NgramTable table;
  for (NgramKey key = 1; key <= 10'000; ++key) EXPECT_EQ(table.add(key * 7919), key - 1);
  for (NgramKey key = 1; key <= 10'000; ++key) EXPECT_EQ(table.find(key * 7919), key - 1);
  EXPECT_EQ(table.add(7919), 0U);
  EXPECT_EQ(table.find(5), NgramTable::kAbsent);
  EXPECT_EQ(table.size(), 10'000U);
}

TEST(NgramCounts, RareOnesAreLeftOutAndRowsHaveLengthOne) {
  const std::vector<std::string> texts = {"aab", "ab", "c"};
  const auto counts = count_ngrams(texts, 2, 2);
  ASSERT_TRUE(counts);
  ASSERT_EQ(counts->keys.size(), 3U);  // a, b, ab; aa and c are in one text only
  EXPECT_EQ(ngram_text(counts->keys[0]), "a");
  EXPECT_FLOAT_EQ(counts->weights[0], 1 + std::log(2.0F));
  const std::vector<std::uint32_t> all = {0, 1, 2};
  const auto idf = inverse_frequencies(document_counts(*counts, all), 3, 2);
  EXPECT_FLOAT_EQ(idf[0], std::log(4.0F / 3) + 1);
  const auto values = tf_idf(*counts, idf);
  EXPECT_NEAR(values[0] * values[0] + values[1] * values[1] + values[2] * values[2], 1, 1e-6);
  const std::vector<std::uint32_t> last = {2};
  EXPECT_THAT(keep_columns(*counts, last).columns, ElementsAre(0, 0));
}

}  // namespace
}  // namespace zhiyin::model
