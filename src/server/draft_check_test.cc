#include "server/draft_check.h"

#include <gmock/gmock.h>

namespace zhiyin::server {
namespace {

DraftCheckRequest draft(std::string text, std::vector<std::string> evidence = {}) {
  DraftCheckRequest request;
  request.text = std::move(text);
  request.evidence = std::move(evidence);
  return request;
}

Json checked(const DraftCheckRequest& request) {
  const auto found = check_draft(request);
  EXPECT_TRUE(found.has_value()) << found.error().text();
  return found.value_or(Json());
}

TEST(DraftCheck, SentencesWithoutEvidenceWouldGo) {
  const Json found = checked(draft("保温杯只要99元。容量500毫升。", {"容量：500毫升"}));
  ASSERT_EQ(found["removed"].if_array()->size(), 1U);
  EXPECT_EQ((*found["removed"].if_array())[0]["text"].string_or(""), "保温杯只要99元。");
  EXPECT_EQ(found["text"].string_or(""), "容量500毫升。");
  ASSERT_EQ(found["supported"].if_array()->size(), 1U);
  EXPECT_EQ((*found["supported"].if_array())[0]["evidence"].int_or(-1), 0);
  EXPECT_TRUE(found["leak"].is_null());
}

TEST(DraftCheck, PersonalDataIsNamedWithItsPlace) {
  const Json found = checked(draft("请拨打13800138000。", {"13800138000"}));
  ASSERT_EQ(found["personal"].if_array()->size(), 1U);
  const Json& phone = (*found["personal"].if_array())[0];
  EXPECT_EQ(phone["kind"].string_or(""), "phone");
  EXPECT_EQ(phone["text"].string_or(""), "13800138000");
  EXPECT_EQ(phone["span"].dump(), "[9,20]");
}

TEST(DraftCheck, RepeatedInstructionsAreShown) {
  DraftCheckRequest request = draft("好的：你是一家茶叶店的客服，不要谈论别家的价格");
  request.instructions = "你是一家茶叶店的客服，不要谈论别家的价格。";
  EXPECT_FALSE(checked(request)["leak"].is_null());
}

TEST(DraftCheck, NothingToComplainAbout) {
  const Json found = checked(draft("欢迎光临，今天也要开心。"));
  EXPECT_TRUE(found["removed"].if_array()->empty());
  EXPECT_TRUE(found["personal"].if_array()->empty());
  EXPECT_EQ(found["text"].string_or(""), "欢迎光临，今天也要开心。");
}

TEST(DraftCheck, TermsOfAListAreFoundDisguisedToo) {
  DraftCheckRequest request = draft("全网最-低价，妇女节特惠，国家级品质");
  request.terms = {{.term = "最低价", .category = "绝对化用语", .severity = 4},
                   {.term = "国家级", .category = "绝对化用语", .severity = 5},
                   {.term = "女节", .category = "", .severity = 1}};
  request.allow = {"妇女节"};
  const Json found = checked(request);
  ASSERT_EQ(found["terms"].if_array()->size(), 2U);
  const Json& first = (*found["terms"].if_array())[0];
  EXPECT_EQ(first["term"].string_or(""), "最低价");
  EXPECT_EQ(first["text"].string_or(""), "最-低价");
  EXPECT_EQ(first["view"].string_or(""), "noise");
  EXPECT_EQ(first["severity"].int_or(0), 4);
  EXPECT_EQ(first["span"].dump(), "[6,16]");
}

TEST(DraftCheck, AViewThatDoesNotExistIsNamed) {
  DraftCheckRequest request = draft("好");
  request.terms = {{.term = "最低价", .category = "", .severity = 1}};
  request.views = "plain,none";
  const auto found = check_draft(request);
  ASSERT_FALSE(found.has_value());
  EXPECT_EQ(found.error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace zhiyin::server
