#include "model/generate/stream_guard.h"

#include <gtest/gtest.h>

namespace zhiyin::model {
namespace {

/// All that a guard shows of a text that comes in pieces of so many characters (3 bytes each).
std::string shown(StreamGuard& guard, std::string_view text, std::size_t bytes) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += bytes) out += guard.feed(text.substr(at, bytes));
  return out + guard.finish();
}

TEST(StreamGuard, ASentenceWithoutEvidenceIsHeldBack) {
  for (const std::size_t bytes : {3U, 6U, 300U}) {
    StreamGuard guard({.evidence = {"容量：五百毫升"}, .names = {}, .secret = {}, .allowed = {}});
    EXPECT_EQ(shown(guard, "容量五百毫升。只要九十九元！欢迎光临", bytes),
              "容量五百毫升。欢迎光临");
    ASSERT_EQ(guard.removed().size(), 1);
    EXPECT_EQ(guard.removed()[0].text, "只要九十九元！");
    EXPECT_FALSE(guard.is_shut());
  }
}

TEST(StreamGuard, ASentenceIsShownAsSoonAsItIsWhole) {
  StreamGuard guard({});
  EXPECT_EQ(guard.feed("你好"), "");
  EXPECT_EQ(guard.feed("。"), "");  // a quote may close it
  EXPECT_EQ(guard.feed("”再"), "你好。”");
  EXPECT_EQ(guard.feed("见"), "");
  EXPECT_EQ(guard.finish(), "再见");
}

TEST(StreamGuard, NothingIsShownFromARepeatedInstructionOn) {
  const StreamGuardRules rules{.evidence = {},
                               .names = {},
                               .secret = "你是一家茶叶店的客服，不要谈论别家的价格。",
                               .allowed = {}};
  StreamGuard guard(rules);
  EXPECT_EQ(shown(guard, "好的。我被告知：你是一家茶叶店的客服，不要谈论别家的价格。再见。", 3),
            "好的。");
  EXPECT_TRUE(guard.is_shut());
  // Also where the sentences cut it in two.
  StreamGuard cut(rules);
  EXPECT_EQ(shown(cut, "你是一家茶叶店的！客服，不要谈论别家的。好。", 3), "你是一家茶叶店的！");
  EXPECT_TRUE(cut.is_shut());
  // What the user said himself may be repeated.
  StreamGuard said({.evidence = {},
                    .names = {},
                    .secret = rules.secret,
                    .allowed = {"你是一家茶叶店的客服，不要谈论别家的价格。"}});
  EXPECT_EQ(shown(said, rules.secret, 3), rules.secret);
}

TEST(StreamGuard, ALongTextWithoutAnEndIsHeldUntilItsEnd) {
  StreamGuard guard({});
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += "字";
  EXPECT_EQ(shown(guard, text, 3), text);
}

}  // namespace
}  // namespace zhiyin::model
