#include "server/draft_check.h"

#include <gmock/gmock.h>

namespace zhiyin::server {
namespace {

DraftCheckRequest draft(std::string text, std::vector<std::string> evidence = {}) {
  return {
      .text = std::move(text), .evidence = std::move(evidence), .names = {}, .instructions = {}};
}

TEST(DraftCheck, SentencesWithoutEvidenceWouldGo) {
  const Json found = check_draft(draft("保温杯只要99元。容量500毫升。", {"容量：500毫升"}));
  ASSERT_EQ(found["removed"].if_array()->size(), 1U);
  EXPECT_EQ((*found["removed"].if_array())[0]["text"].string_or(""), "保温杯只要99元。");
  EXPECT_EQ(found["text"].string_or(""), "容量500毫升。");
  ASSERT_EQ(found["supported"].if_array()->size(), 1U);
  EXPECT_EQ((*found["supported"].if_array())[0]["evidence"].int_or(-1), 0);
  EXPECT_TRUE(found["leak"].is_null());
}

TEST(DraftCheck, PersonalDataIsNamedWithItsPlace) {
  const Json found = check_draft(draft("请拨打13800138000。", {"13800138000"}));
  ASSERT_EQ(found["personal"].if_array()->size(), 1U);
  const Json& phone = (*found["personal"].if_array())[0];
  EXPECT_EQ(phone["kind"].string_or(""), "phone");
  EXPECT_EQ(phone["text"].string_or(""), "13800138000");
  EXPECT_EQ(phone["span"].dump(), "[9,20]");
}

TEST(DraftCheck, RepeatedInstructionsAreShown) {
  DraftCheckRequest request = draft("好的：你是一家茶叶店的客服，不要谈论别家的价格");
  request.instructions = "你是一家茶叶店的客服，不要谈论别家的价格。";
  EXPECT_FALSE(check_draft(request)["leak"].is_null());
}

TEST(DraftCheck, NothingToComplainAbout) {
  const Json found = check_draft(draft("欢迎光临，今天也要开心。"));
  EXPECT_TRUE(found["removed"].if_array()->empty());
  EXPECT_TRUE(found["personal"].if_array()->empty());
  EXPECT_EQ(found["text"].string_or(""), "欢迎光临，今天也要开心。");
}

}  // namespace
}  // namespace zhiyin::server
