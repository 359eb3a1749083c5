#include "wechat/reply_rules.h"

#include <gtest/gtest.h>

#include "wechat/callback.h"

namespace zhiyin::wechat {
namespace {

Reply text_reply(std::string text) {
  Reply r;
  r.type = ReplyType::kText;
  r.text = std::move(text);
  return r;
}

Callback text(std::string content) {
  Callback c;
  c.kind = CallbackKind::kText;
  c.content = std::move(content);
  return c;
}

ReplyRules rules() {
  ReplyRules r;
  r.welcome = text_reply("欢迎");
  r.keywords = {{{"价格", "多少钱"}, KeywordMatch::kContains, text_reply("价目表")},
                {{"Hello"}, KeywordMatch::kExact, text_reply("hi")}};
  return r;
}

TEST(NormalisedKeyword, FoldsWidthAndCaseAndTrimsEdges) {
  EXPECT_EQ(normalised_keyword(" ＴＤ。\n"), "td");
  EXPECT_EQ(normalised_keyword("“退订”！"), "退订");
  EXPECT_EQ(normalised_keyword("a b"), "a b");
  EXPECT_EQ(normalised_keyword("。 ！…"), "");
  EXPECT_EQ(normalised_keyword("😀"), "😀");
  EXPECT_EQ(normalised_keyword(""), "");
}

TEST(DecideReply, OptOutWordsInEverySpelling) {
  for (const char* word : {"TD", "td", "ＴＤ", " td. ", "T", "退订", "退订！", "取消订阅"}) {
    EXPECT_EQ(decide_reply(rules(), text(word)).reason, ReplyReason::kOptOut) << word;
  }
}

TEST(DecideReply, WordsThatOnlyContainOptOutAreNotOne) {
  for (const char* word : {"退订金怎么退", "TDK", "this", "订阅号"}) {
    const auto reason = decide_reply(rules(), text(word)).reason;
    EXPECT_NE(reason, ReplyReason::kOptOut) << word;
    EXPECT_NE(reason, ReplyReason::kOptIn) << word;
  }
}

TEST(DecideReply, OptOutWinsOverKeywords) {
  ReplyRules r = rules();
  r.keywords.insert(r.keywords.begin(), {{"退订"}, KeywordMatch::kContains, text_reply("别走")});
  const auto decision = decide_reply(r, text("退订"));
  EXPECT_EQ(decision.reason, ReplyReason::kOptOut);
  EXPECT_EQ(decision.reply.text, r.opt_out_text);
}

TEST(DecideReply, KeywordsExactAndContained) {
  EXPECT_EQ(decide_reply(rules(), text("请问多少钱？")).reply.text, "价目表");
  EXPECT_EQ(decide_reply(rules(), text("HELLO!")).reply.text, "hi");
  const auto none = decide_reply(rules(), text("hello there"));
  EXPECT_EQ(none.reason, ReplyReason::kNothing);
  EXPECT_EQ(none.reply.type, ReplyType::kNone);
  EXPECT_EQ(decide_reply(rules(), text("价格")).rule, 0U);
}

TEST(DecideReply, WelcomesFollowersOnlyIfThereIsAWelcome) {
  Callback follow;
  follow.kind = CallbackKind::kFollow;
  EXPECT_EQ(decide_reply(rules(), follow).reason, ReplyReason::kWelcome);
  EXPECT_EQ(decide_reply({}, follow).reason, ReplyReason::kNothing);
}

TEST(DecideReply, OtherCallbacksAreAcknowledged) {
  Callback c = text("TD");
  c.kind = CallbackKind::kMenuClick;
  EXPECT_EQ(decide_reply(rules(), c).reason, ReplyReason::kNothing);
}

TEST(ReplyRules, JsonRoundTripAndFieldPaths) {
  const auto again = from_json<ReplyRules>(to_json(rules()));
  ASSERT_TRUE(again);
  EXPECT_EQ(to_json(*again), to_json(rules()));
  ReplyRules bad = rules();
  bad.keywords[1].reply.text.clear();
  EXPECT_EQ(validate(bad).error().field, "keywords[1].reply.text");
  bad = rules();
  bad.keywords[0].words[1] = "。";
  EXPECT_EQ(validate(bad).error().field, "keywords[0].words[1]");
  bad = rules();
  bad.welcome = {
      .type = ReplyType::kNews, .text = {}, .media_id = {}, .articles = {{"t", "", "ftp://x", ""}}};
  EXPECT_EQ(validate(bad).error().field, "welcome.articles[0].url");
  EXPECT_TRUE(validate(rules()));
}

}  // namespace
}  // namespace zhiyin::wechat
