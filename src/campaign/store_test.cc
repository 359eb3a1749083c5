#include "campaign/store.h"

#include <gtest/gtest.h>

#include "campaign/detail/test_world.h"

namespace zhiyin::campaign {
namespace {

using testing::kNoon;
using testing::mass_campaign;
using testing::World;

ErrorCode code_of(const auto& result) {
  return result ? ErrorCode::kInternal : result.error().code;
}

TEST(Campaigns, AChangeNeedsTheVersionThatIsThere) {
  World w;
  const auto made = w.campaigns.put(mass_campaign(), std::nullopt, kNoon);
  ASSERT_TRUE(made) << made.error().text();
  EXPECT_EQ(made->version, 1);
  EXPECT_EQ(made->state, CampaignState::kDraft);
  EXPECT_EQ(code_of(w.campaigns.put(mass_campaign(), std::nullopt, kNoon)), ErrorCode::kConflict);
  EXPECT_EQ(code_of(w.campaigns.put(mass_campaign(), 7, kNoon)), ErrorCode::kConflict);
  Campaign changed = mass_campaign();
  changed.name = "新";
  const auto second = w.campaigns.put(changed, 1, kNoon);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->version, 2);
  EXPECT_EQ(second->name, "新");
  EXPECT_EQ(second->created_at, kNoon);
}

TEST(Campaigns, WhatIsReadOnlyCannotBeWritten) {
  World w;
  Campaign c = mass_campaign();
  c.state = CampaignState::kRunning;
  c.version = 99;
  c.exposed_at = kNoon;
  const auto made = w.campaigns.put(c, std::nullopt, kNoon);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->state, CampaignState::kDraft);
  EXPECT_EQ(made->version, 1);
  EXPECT_FALSE(made->exposed_at.has_value());
}

TEST(Campaigns, ApplyingTheSameFileAgainChangesNothing) {
  World w;
  w.create(mass_campaign());
  w.create(mass_campaign());
  EXPECT_EQ(w.get().version, 1);
  ASSERT_TRUE(w.engine->start(CampaignId("spring")));
  w.create(mass_campaign());
  Campaign changed = mass_campaign();
  changed.holdout = 0.5;
  EXPECT_EQ(code_of(w.campaigns.apply(changed, kNoon)), ErrorCode::kConflict) << "it is running";
}

TEST(Campaigns, ReferToAccountsAndSegmentsThatExist) {
  World w;
  Campaign c = mass_campaign();
  EXPECT_TRUE(w.engine->check_references(c));
  c.segment = SegmentId("gone");
  const auto no_segment = w.engine->check_references(c);
  EXPECT_EQ(code_of(no_segment), ErrorCode::kInvalidArgument);
  EXPECT_EQ(no_segment.error().field, "segment");
  c.account = AccountId("nobody");
  EXPECT_EQ(w.engine->check_references(c).error().field, "account");
}

TEST(Campaigns, TheNewestBeginWithThoseThatGoOn) {
  World w;
  const auto start = [&](const char* id) {
    Campaign c = mass_campaign();
    c.id = CampaignId(id);
    w.create(c);
    ASSERT_TRUE(w.engine->start(c.id));
    ASSERT_TRUE(w.clock.advance_to(w.clock.now() + std::chrono::minutes(1)));
  };
  for (const char* id : {"d-running", "c-stopped", "b-stopped", "a-paused"}) start(id);
  ASSERT_TRUE(w.engine->stop(CampaignId("c-stopped")));
  ASSERT_TRUE(w.engine->stop(CampaignId("b-stopped")));
  ASSERT_TRUE(w.engine->pause(CampaignId("a-paused")));
  Campaign draft = mass_campaign();
  draft.id = CampaignId("e-draft");
  w.create(draft);
  const auto ids = [&](std::size_t limit) {
    std::vector<std::string> out;
    const auto newest = w.campaigns.newest(limit);
    for (const Campaign& c : *newest) out.push_back(c.id.value);
    return out;
  };
  EXPECT_EQ(ids(10), (std::vector<std::string>{"a-paused", "d-running", "b-stopped", "c-stopped"}));
  EXPECT_EQ(ids(2), (std::vector<std::string>{"a-paused", "d-running"}));
}

TEST(Campaigns, ListsInPagesAndRemovesDraftsOnly) {
  World w;
  for (const char* id : {"a", "b", "c"}) {
    Campaign c = mass_campaign();
    c.id = CampaignId(id);
    w.create(c);
  }
  const auto page = w.campaigns.list(CampaignId("a"), 1);
  ASSERT_TRUE(page);
  ASSERT_EQ(page->size(), 1U);
  EXPECT_EQ(page->front().id.value, "b");
  ASSERT_TRUE(w.engine->start(CampaignId("b")));
  EXPECT_EQ(code_of(w.campaigns.remove(CampaignId("b"))), ErrorCode::kConflict);
  EXPECT_TRUE(w.campaigns.remove(CampaignId("a")));
  EXPECT_EQ(code_of(w.campaigns.get(CampaignId("a"))), ErrorCode::kNotFound);
}

TEST(Campaigns, AWrongDefinitionIsRefusedWithItsField) {
  World w;
  Campaign c = mass_campaign();
  c.message.text.clear();
  const auto put = w.campaigns.put(c, std::nullopt, kNoon);
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().field, "message.text");
}

}  // namespace
}  // namespace zhiyin::campaign
