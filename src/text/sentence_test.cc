#include "text/sentence.h"

#include <gtest/gtest.h>

#include "base/utf8.h"
#include "text/code_point.h"
#include "text/hostile_texts.h"

namespace zhiyin::text {
namespace {

using Texts = std::vector<std::string>;

Texts split(std::string_view text) {
  Texts out;
  const auto found = *split_sentences(text);
  for (const ByteRange s : found) out.emplace_back(text.substr(s.begin, s.end - s.begin));
  return out;
}

TEST(Sentence, ChineseSigns) {
  EXPECT_EQ(split("今天很好。明天呢？太好了！！走吧"),
            (Texts{"今天很好。", "明天呢？", "太好了！！", "走吧"}));
  EXPECT_EQ(split("等等……他来了……，好。"), (Texts{"等等……", "他来了……，好。"}));
  EXPECT_EQ(split("  第一行\n\n第二行　"), (Texts{"第一行", "第二行"}));
  EXPECT_EQ(split(" \n\t"), Texts{});
}

TEST(Sentence, QuotationsStayWhole) {
  EXPECT_EQ(split("他说：“我来了。你呢？”我没回答。"),
            (Texts{"他说：“我来了。你呢？”", "我没回答。"}));
  EXPECT_EQ(split("“好。”，他说。再见。"), (Texts{"“好。”，他说。", "再见。"}));
  EXPECT_EQ(split("（见下文。）完了。"), (Texts{"（见下文。）", "完了。"}));
  EXPECT_EQ(split("“没有结束。下一句。"), (Texts{"“没有结束。", "下一句。"}));
}

TEST(Sentence, EnglishPoints) {
  EXPECT_EQ(split("Dr. Li paid 3.14 dollars. Fine! OK? Yes."),
            (Texts{"Dr. Li paid 3.14 dollars.", "Fine!", "OK?", "Yes."}));
  EXPECT_EQ(split("J. R. Smith left. He said \"go.\" Then e.g. this."),
            (Texts{"J. R. Smith left.", "He said \"go.\"", "Then e.g. this."}));
  EXPECT_EQ(split("See No. 5 at 9 a.m. today. Wait... what?"),
            (Texts{"See No. 5 at 9 a.m. today.", "Wait...", "what?"}));
}

TEST(Sentence, AddressesAndNumbersStayWhole) {
  EXPECT_EQ(split("看https://a.cn/x?y=1.2!好。发到a.b@c.com吧。价格19.9元。"),
            (Texts{"看https://a.cn/x?y=1.2!", "好。", "发到a.b@c.com吧。", "价格19.9元。"}));
  EXPECT_EQ(split("www.zhiyin.com.cn. Next"), (Texts{"www.zhiyin.com.cn.", "Next"}));
  EXPECT_EQ(split("很好.下次再来."), (Texts{"很好.", "下次再来."}));
}

TEST(Sentence, HostileTextsGiveGoodRanges) {
  for (const std::string& text : hostile_texts(50'000)) {
    std::uint32_t before = 0;
    const auto found = *split_sentences(text);
    for (const ByteRange s : found) {
      ASSERT_LE(before, s.begin);
      ASSERT_LT(s.begin, s.end);
      ASSERT_LE(s.end, text.size());
      if (utf8::is_valid(text)) {
        ASSERT_FALSE(is_continuation_byte(text[s.begin]));
        ASSERT_TRUE(s.end == text.size() || !is_continuation_byte(text[s.end]));
      }
      before = s.end;
    }
  }
  EXPECT_EQ(split(repeated("“", 50'000)).size(), 1u);
}

}  // namespace
}  // namespace zhiyin::text
