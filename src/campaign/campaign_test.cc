#include "campaign/campaign.h"

#include <gtest/gtest.h>

#include "campaign/detail/test_world.h"

namespace zhiyin::campaign {
namespace {

using testing::cs_campaign;
using testing::mass_campaign;
using testing::template_campaign;

std::string field_of(const Campaign& c) {
  const auto done = validate(c);
  return done ? "" : done.error().field;
}

TEST(CampaignJson, ReadsTheFormOfTheDocumentAndWritesItBack) {
  const Json json = *parse_json(
      R"({"id": "spring", "name": "春季上新", "account": "shop", "segment": "readers", "holdout": 0.1,
 "channel": "mass", "message": {"type": "text", "text": "春季新品上架 {{link}}", "link": "https://example.com/p/1"},
 "at": "2026-03-01T10:00:00+08:00", "goal": {"event": "purchase", "window": "7d"},
 "version": 3, "state": "draft", "purpose": "marketing"})");
  const auto campaign = from_json<Campaign>(json);
  ASSERT_TRUE(campaign) << campaign.error().text();
  EXPECT_TRUE(validate(*campaign));
  EXPECT_EQ(campaign->holdout, 0.1);
  EXPECT_EQ(campaign->goal->window, std::chrono::hours(168));
  const auto again = from_json<Campaign>(to_json(*campaign));
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(to_json(*again), to_json(*campaign));
}

TEST(CampaignJson, AnUnknownMemberIsRefusedWithTheNearestName) {
  const auto wrong = from_json<Campaign>(*parse_json(
      R"({"id":"a","account":"shop","segment":"s","channel":"mass","message":{"text":"x"},"holdot":0.1})"));
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().text().find("holdout"), std::string::npos) << wrong.error().text();
}

TEST(ValidateCampaign, TheExamplesAreGood) {
  EXPECT_EQ(field_of(mass_campaign()), "");
  EXPECT_EQ(field_of(cs_campaign()), "");
  EXPECT_EQ(field_of(template_campaign()), "");
}

TEST(ValidateCampaign, MassSendsAreOneTextForAll) {
  Campaign c = mass_campaign();
  c.message.text = "{{name|朋友}} {{link}}";
  EXPECT_EQ(field_of(c), "message.text");
  c = mass_campaign();
  c.message.type = ContentType::kNews;
  c.message.text.clear();
  c.message.title = "x";
  EXPECT_EQ(field_of(c), "message.type");
}

TEST(ValidateCampaign, TemplatesAreNotificationsOnly) {
  Campaign c = template_campaign();
  c.purpose = Purpose::kMarketing;
  EXPECT_EQ(field_of(c), "purpose");
  c = template_campaign();
  c.message.data.clear();
  EXPECT_EQ(field_of(c), "message.data");
  c = cs_campaign();
  c.message = template_campaign().message;
  EXPECT_EQ(field_of(c), "message.type");
}

TEST(ValidateCampaign, LinksAndTextsBelongTogether) {
  Campaign c = mass_campaign();
  c.message.link.clear();
  EXPECT_EQ(field_of(c), "message.link");
  c = mass_campaign();
  c.message.text = "没有链接";
  EXPECT_EQ(field_of(c), "message.text");
  c = mass_campaign();
  c.message.link = "javascript:alert(1)";
  EXPECT_EQ(field_of(c), "message.link");
}

TEST(ValidateCampaign, BoundsAndNames) {
  Campaign c = mass_campaign();
  c.message.text = "{{link}}" + std::string(2048, 'x');
  EXPECT_EQ(field_of(c), "message.text");
  c = mass_campaign();
  c.id = CampaignId("Spring Sale");
  EXPECT_EQ(field_of(c), "id");
  c = mass_campaign();
  c.goal->window = std::chrono::hours(24 * 400);
  EXPECT_EQ(field_of(c), "goal.window");
  c = mass_campaign();
  c.goal->event = "Purchase!";
  EXPECT_EQ(field_of(c), "goal.event");
  c = mass_campaign();
  c.message.title = "of another kind";
  EXPECT_EQ(field_of(c), "message.title");
}

TEST(ValidateCampaign, TheAccountMustBeAllowedToSendSo) {
  delivery::SenderAccount account{AccountId("shop"), true, true, {}};
  EXPECT_TRUE(validate_for(mass_campaign(), account));
  account.is_service = false;
  EXPECT_FALSE(validate_for(mass_campaign(), account));
  EXPECT_FALSE(validate_for(template_campaign(), account));
  EXPECT_TRUE(validate_for(cs_campaign(), account));
  account.is_verified = false;
  EXPECT_FALSE(validate_for(cs_campaign(), account));
  account.is_verified = true;
  account.mass_by_tag = true;
  EXPECT_TRUE(validate_for(mass_campaign(), account)) << "a subscription account, through a tag";
  EXPECT_FALSE(validate_for(template_campaign(), account));
  account.is_verified = false;
  EXPECT_FALSE(validate_for(mass_campaign(), account));
}

}  // namespace
}  // namespace zhiyin::campaign
