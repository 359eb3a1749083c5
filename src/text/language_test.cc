#include "text/language.h"

#include <gtest/gtest.h>

#include "text/hostile_texts.h"

namespace zhiyin::text {
namespace {

TEST(Language, IsToldFromScriptAndWords) {
  constexpr std::pair<Language, std::string_view> kCases[] = {
      {Language::kNone, ""},
      {Language::kNone, "123 !!! 😂"},
      {Language::kSimplified, "今天的天气很好，我们去公园吧"},
      {Language::kSimplified, "这款iPhone 15 Pro Max手机真不错"},
      {Language::kSimplified, "好"},
      {Language::kTraditional, "今天天氣很好，我們去公園吧"},
      {Language::kTraditional, "這個產品的質量非常好，點讚！"},
      {Language::kEnglish, "How do I return this product? It does not work."},
      {Language::kEnglish, "hello"},
      {Language::kJapanese, "今日はとても天気がいいですね"},
      {Language::kJapanese, "東京都の天気予報"},
      {Language::kKorean, "오늘 날씨가 정말 좋네요"},
      {Language::kOther, "Je voudrais acheter ce produit pour ma femme"},
      {Language::kOther, "Das ist nicht gut und ich will es nicht"},
      {Language::kOther, "Сегодня хорошая погода"},
      {Language::kOther, "สวัสดีครับ"},
      {Language::kMixed,
       "我想买这个商品谢谢你们 please tell me how much does it cost and when will you ship"},
  };
  for (const auto& [language, text] : kCases) {
    EXPECT_EQ(language_name(guess_language(text).language), language_name(language)) << text;
  }
}

TEST(Language, ConfidenceGrowsWithEvidence) {
  EXPECT_LT(guess_language("好").confidence,
            guess_language("今天的天气很好，我们去公园吧").confidence);
  for (const std::string& text : hostile_texts(50'000)) {
    const LanguageGuess guess = guess_language(text);
    EXPECT_TRUE(guess.confidence >= 0 && guess.confidence <= 1);
  }
}

}  // namespace
}  // namespace zhiyin::text
