#include "campaign/engine.h"

#include <gtest/gtest.h>

#include "campaign/detail/test_world.h"

namespace zhiyin::campaign {
namespace {

using delivery::Rule;
using delivery::TouchState;
using std::chrono::hours;
using testing::at;
using testing::cs_campaign;
using testing::FakePeople;
using testing::kNoon;
using testing::mass_campaign;
using testing::World;

const CampaignId kSpring("spring");

ErrorCode code_of(const auto& result) {
  return result ? ErrorCode::kInternal : result.error().code;
}

TEST(Engine, StartsOnlyWhatCanBeSent) {
  World w(3);
  Campaign c = mass_campaign();
  c.segment = SegmentId("gone");
  w.create(c);
  EXPECT_EQ(w.engine->start(kSpring).error().field, "segment");
  c = mass_campaign();
  c.id = CampaignId("other");
  c.account = AccountId("nobody");
  w.create(c);
  EXPECT_EQ(w.engine->start(c.id).error().field, "account");
  EXPECT_EQ(code_of(w.engine->start(CampaignId("missing"))), ErrorCode::kNotFound);
  w.senders.account.is_service = false;
  c = mass_campaign();
  c.id = CampaignId("third");
  w.create(c);
  EXPECT_EQ(w.engine->start(c.id).error().field, "account");
}

TEST(Engine, TransitionsThatDoNotExistAreConflicts) {
  World w(3);
  w.create(mass_campaign());
  EXPECT_EQ(code_of(w.engine->pause(kSpring)), ErrorCode::kConflict);
  EXPECT_EQ(code_of(w.engine->resume(kSpring, std::nullopt)), ErrorCode::kConflict);
  EXPECT_EQ(code_of(w.engine->stop(kSpring)), ErrorCode::kConflict);
  ASSERT_TRUE(w.engine->start(kSpring));
  EXPECT_EQ(code_of(w.engine->start(kSpring)), ErrorCode::kConflict);
  w.run();
  EXPECT_EQ(w.get().state, CampaignState::kDone);
  EXPECT_EQ(code_of(w.engine->stop(kSpring)), ErrorCode::kConflict);
}

TEST(Engine, WaitsForItsTime) {
  World w(3);
  Campaign c = mass_campaign();
  c.at = kNoon + hours(3);
  w.create_and_start(c);
  const auto tick = w.engine->tick();
  ASSERT_TRUE(tick);
  EXPECT_FALSE(tick->more);
  EXPECT_EQ(tick->next_due, kNoon + hours(3));
  EXPECT_EQ(w.channel.calls, 0);
  w.run();
  EXPECT_EQ(w.get().exposed_at, kNoon + hours(3));
  EXPECT_EQ(w.progress().sent, 3);
}

TEST(Engine, ATimeInQuietHoursMovesToTheMorning) {
  World w(3);
  Campaign c = mass_campaign();
  c.at = at("2026-03-10T22:00:00");
  w.create_and_start(c);
  w.run();
  EXPECT_EQ(w.get().exposed_at, at("2026-03-11T08:00:00"));
  EXPECT_EQ(w.progress().sent, 3);
  EXPECT_EQ(w.get().state, CampaignState::kDone);
}

TEST(Engine, EveryoneGetsADecisionWithItsReason) {
  World w(6);
  w.people.of(0).following = false;
  w.people.of(1).consent = false;
  w.people.of(2).has_openid = false;
  w.create_and_start(mass_campaign());
  w.run();
  EXPECT_EQ(w.touch(0).rule, Rule::kNotFollowing);
  EXPECT_EQ(w.touch(1).rule, Rule::kNoConsent);
  EXPECT_EQ(w.touch(2).rule, Rule::kNotFollowing);
  const Progress p = w.progress();
  EXPECT_EQ(p.audience, 6);
  EXPECT_EQ(p.refused, 3);
  EXPECT_EQ(p.sent, 3);
  EXPECT_EQ(w.channel.received.size(), 3U);
}

TEST(Engine, ConsentIsAskedAgainWhenTheMessageGoesOut) {
  World w(4);
  w.create_and_start(mass_campaign());
  while (w.progress().planned < 4) ASSERT_TRUE(w.engine->tick());
  w.people.of(2).consent = false;  // says TD after the audience was fixed
  w.run();
  EXPECT_EQ(w.touch(2).state, TouchState::kRefused);
  EXPECT_EQ(w.touch(2).rule, Rule::kNoConsent);
  EXPECT_FALSE(w.channel.received.contains("o2"));
  EXPECT_EQ(w.progress().sent, 3);
}

TEST(Engine, TheHoldoutIsNeverSentToAndIsTheSameWhenSlicedDifferently) {
  std::set<std::string> reached[2];
  for (int round = 0; round < 2; ++round) {
    World w(200);
    EngineSettings s = w.settings;
    s.plan_slice = round == 0 ? 7 : 1000;
    w.reconfigure(s);
    Campaign c = mass_campaign();
    c.holdout = 0.25;
    w.create_and_start(c);
    w.run();
    const Progress p = w.progress();
    EXPECT_EQ(p.held_out + p.sent, 200);
    EXPECT_NEAR(static_cast<double>(p.held_out), 50, 20);
    for (const auto& [openid, texts] : w.channel.received) reached[round].insert(openid);
  }
  EXPECT_EQ(reached[0], reached[1]);
}

TEST(Engine, OnePersonWithTwoCampaignsADayGetsOnlyTheFirst) {
  World w(3);
  w.create_and_start(mass_campaign());
  w.run(kNoon);
  Campaign second = mass_campaign();
  second.id = CampaignId("summer");
  w.create_and_start(second);
  w.run(kNoon);
  EXPECT_EQ(w.progress("summer").refused, 3);
  EXPECT_EQ(w.touch(0, "summer").rule, Rule::kFrequencyCap);
  EXPECT_EQ(w.channel.most_per_person(), 1U);
  Campaign third = mass_campaign();
  third.id = CampaignId("autumn");
  third.at = kNoon + hours(24);
  w.create_and_start(third);
  w.run();
  EXPECT_EQ(w.progress("autumn").sent, 3);
}

TEST(Engine, PauseTakesEffectBeforeTheNextCallAndResumeAsksAboutWhatIsOverdue) {
  World w(10);
  for (int i = 0; i < 10; ++i) w.message_from(i, kNoon);
  EngineSettings s = w.settings;
  s.sends_per_tick = 4;
  w.reconfigure(s);
  w.create_and_start(cs_campaign());
  while (w.channel.calls < 4) ASSERT_TRUE(w.engine->tick());
  ASSERT_TRUE(w.engine->pause(kSpring));
  w.run(kNoon + hours(1));
  EXPECT_EQ(w.channel.calls, 4);
  const auto asked = w.engine->resume(kSpring, std::nullopt);
  ASSERT_EQ(code_of(asked), ErrorCode::kConflict);
  EXPECT_NE(asked.error().message.find("6 overdue"), std::string::npos) << asked.error().message;
  EXPECT_EQ(*w.engine->overdue(kSpring), 6);
  ASSERT_TRUE(w.engine->resume(kSpring, Overdue::kSend));
  w.run();
  EXPECT_EQ(w.channel.received.size(), 10U);
  EXPECT_EQ(w.channel.most_per_person(), 1U);
  EXPECT_EQ(w.get().state, CampaignState::kDone);
}

TEST(Engine, ResumeMaySkipWhatIsOverdue) {
  World w(10);
  for (int i = 0; i < 10; ++i) w.message_from(i, kNoon);
  EngineSettings s = w.settings;
  s.sends_per_tick = 4;
  w.reconfigure(s);
  w.create_and_start(cs_campaign());
  while (w.channel.calls < 4) ASSERT_TRUE(w.engine->tick());
  ASSERT_TRUE(w.engine->pause(kSpring));
  ASSERT_TRUE(w.engine->resume(kSpring, Overdue::kSkip));
  w.run();
  EXPECT_EQ(w.channel.calls, 4);
  EXPECT_EQ(w.progress().cancelled, 6);
  EXPECT_EQ(w.get().state, CampaignState::kDone);
}

TEST(Engine, WhatIsLateAfterAHoldWaitsForAWord) {
  World w(6);
  Campaign later = mass_campaign();
  later.id = CampaignId("later");
  later.at = kNoon + hours(30);
  w.create_and_start(later);
  Campaign elsewhere = mass_campaign();
  elsewhere.id = CampaignId("elsewhere");
  w.create_and_start(elsewhere);
  w.create_and_start(mass_campaign());
  ASSERT_TRUE(w.clock.advance_to(kNoon + hours(2)));
  EXPECT_TRUE(w.engine->pause_overdue(AccountId("other"), "held")->empty());
  EXPECT_EQ(*w.engine->pause_overdue(AccountId("shop"), "held"),
            (std::vector{CampaignId("elsewhere"), kSpring}))
      << "not one whose time is still to come";
  EXPECT_EQ(w.get().state, CampaignState::kPaused);
  EXPECT_EQ(w.get().note, "held");
  EXPECT_EQ(w.get("later").state, CampaignState::kRunning);
  EXPECT_TRUE(w.engine->pause_overdue(AccountId("shop"), "held")->empty());
  EXPECT_EQ(code_of(w.engine->resume(kSpring, std::nullopt)), ErrorCode::kConflict);
}

TEST(Engine, ACampaignPausedBeforeItsTimeAsksToo) {
  World w(5);
  Campaign c = mass_campaign();
  c.at = kNoon + hours(1);
  w.create_and_start(c);
  ASSERT_TRUE(w.engine->pause(kSpring));
  ASSERT_TRUE(w.engine->resume(kSpring, std::nullopt)) << "nothing is overdue yet";
  ASSERT_TRUE(w.engine->pause(kSpring));
  ASSERT_TRUE(w.clock.advance_to(kNoon + hours(2)));
  EXPECT_EQ(code_of(w.engine->resume(kSpring, std::nullopt)), ErrorCode::kConflict);
  ASSERT_TRUE(w.engine->resume(kSpring, Overdue::kSkip));
  w.run();
  EXPECT_EQ(w.get().state, CampaignState::kStopped);
  EXPECT_EQ(w.channel.calls, 0);
}

TEST(Engine, StopCancelsForGood) {
  World w(10);
  for (int i = 0; i < 10; ++i) w.message_from(i, kNoon);
  EngineSettings s = w.settings;
  s.sends_per_tick = 4;
  w.reconfigure(s);
  w.create_and_start(cs_campaign());
  while (w.channel.calls < 4) ASSERT_TRUE(w.engine->tick());
  ASSERT_TRUE(w.engine->stop(kSpring));
  w.run();
  EXPECT_EQ(w.channel.calls, 4);
  EXPECT_EQ(w.progress().cancelled, 6);
  EXPECT_EQ(w.get().state, CampaignState::kStopped);
  EXPECT_EQ(code_of(w.engine->resume(kSpring, Overdue::kSend)), ErrorCode::kConflict);
}

TEST(Engine, TheEmergencyStopStopsEveryCampaignAtOnce) {
  World w(4);
  for (const char* id : {"a", "b", "c"}) {
    Campaign c = mass_campaign();
    c.id = CampaignId(id);
    c.at = kNoon + hours(1);
    w.create_and_start(c);
  }
  ASSERT_TRUE(w.engine->pause(CampaignId("b")));
  const auto stopped = w.engine->emergency_stop();
  ASSERT_TRUE(stopped);
  EXPECT_EQ(stopped->size(), 3U);
  w.run();
  EXPECT_EQ(w.channel.calls, 0);
  EXPECT_EQ(w.get("b").state, CampaignState::kStopped);
  EXPECT_EQ(w.get("a").note, "emergency stop");
}

TEST(Engine, ASegmentThatVanishesPausesTheCampaignWithTheReason) {
  World w(3);
  Campaign c = mass_campaign();
  c.at = kNoon + hours(1);
  w.create_and_start(c);
  c.segment = SegmentId("gone");
  w.db.write([&](storage::Session& s) -> Result<void> {
    ZHIYIN_TRY_VOID(s.execute("UPDATE campaign SET definition = ?1", {to_json(c).dump()}));
    return {};
  });
  w.run();
  EXPECT_EQ(w.get().state, CampaignState::kPaused);
  EXPECT_NE(w.get().note.find("gone"), std::string::npos);
}

TEST(DryRun, SaysWhatStartThenDoes) {
  World w(60);
  w.people.of(3).following = false;
  w.people.of(4).consent = false;
  for (int i = 5; i < 9; ++i) w.message_from(i, kNoon - hours(49));   // window closed
  for (int i = 9; i < 60; ++i) w.message_from(i, kNoon - hours(47));  // open
  w.people.of(20).variables["name"] = "小红";
  for (int i = 30; i < 40; ++i) w.people.of(i).variables["name"] = "";
  Campaign c = cs_campaign();
  c.holdout = 0.2;
  w.create(c);
  const auto plan = w.engine->dry_run(kSpring);
  ASSERT_TRUE(plan) << plan.error().text();
  EXPECT_EQ(plan->audience, 60);
  EXPECT_GT(plan->would_send, 20);
  EXPECT_GT(plan->holdout, 2);
  EXPECT_EQ(plan->people.size(), 60U);
  EXPECT_EQ(plan->quota.left, 500'000);
  EXPECT_EQ(plan->quota.needed, plan->would_send);
  ASSERT_EQ(plan->previews.size(), 5U);
  EXPECT_NE(plan->previews[0].text.find("朋友，您要的资料：https://zy.example/l/"),
            std::string::npos)
      << plan->previews[0].text;
  EXPECT_EQ(w.channel.calls, 0);
  EXPECT_EQ(w.progress().audience, 0) << "a dry run writes nothing";

  ASSERT_TRUE(w.engine->start(kSpring));
  w.run();
  const Progress p = w.progress();
  EXPECT_EQ(p.sent, plan->would_send);
  EXPECT_EQ(p.held_out, plan->holdout);
  std::int64_t refused = 0;
  for (const RefusedCount& r : plan->refused) refused += r.count;
  EXPECT_EQ(p.refused, refused);
  for (std::size_t i = 0; i < plan->people.size(); ++i) {
    const delivery::Touch touch = w.touch(static_cast<int>(i));
    const std::string state(touch.state == TouchState::kSent ? "send" : enum_name(touch.state));
    EXPECT_EQ(plan->people[i].decision, state) << i;
    const std::string rule(touch.rule == Rule::kNone ? "" : enum_name(touch.rule));
    EXPECT_EQ(plan->people[i].rule, rule) << i;
  }
}

TEST(DryRun, CountsMassCallsAndMovesOutOfQuietHours) {
  World w(25);
  EngineSettings s = w.settings;
  s.mass_chunk_max = 10;
  w.reconfigure(s);
  Campaign c = mass_campaign();
  c.at = at("2026-03-10T23:00:00");
  w.create(c);
  const auto plan = w.engine->dry_run(kSpring);
  ASSERT_TRUE(plan) << plan.error().text();
  EXPECT_EQ(plan->send_at, at("2026-03-11T08:00:00"));
  EXPECT_EQ(plan->would_send, 25);
  EXPECT_EQ(plan->quota.left, 100);
  ASSERT_TRUE(w.engine->start(kSpring));
  w.run();
  EXPECT_EQ(static_cast<std::size_t>(plan->quota.needed), w.channel.mass_calls.size());
}

TEST(DryRun, AMassSendToOneIsRefusedAsStartingItWould) {
  World w(1);
  w.create(mass_campaign());
  const auto plan = w.engine->dry_run(kSpring);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->would_send, 0);
  EXPECT_EQ(plan->people.front().rule, "batch_too_small");
  ASSERT_TRUE(w.engine->start(kSpring));
  w.run();
  EXPECT_EQ(w.touch(0).rule, Rule::kBatchTooSmall);
  EXPECT_EQ(w.channel.calls, 0);
}

TEST(TestSend, GoesOnlyToThoseNamedAndLeavesTheCampaignUntouched) {
  World w(5);
  w.create(mass_campaign());
  w.people.of(1).following = false;
  const std::vector<std::string> openids{"o0", "o1", "o99"};
  const auto sent = w.engine->test_send(kSpring, openids);
  ASSERT_TRUE(sent) << sent.error().text();
  ASSERT_EQ(sent->size(), 3U);
  EXPECT_EQ((*sent)[0].outcome, "sent");
  EXPECT_EQ((*sent)[1].outcome, "refused");
  EXPECT_EQ((*sent)[2].outcome, "refused");
  EXPECT_EQ(w.channel.previews, 1);
  EXPECT_EQ(w.progress().audience, 0);
  EXPECT_EQ(w.get().state, CampaignState::kDraft);
  ASSERT_TRUE(w.engine->start(kSpring));
  w.run();
  EXPECT_EQ(w.progress().sent, 4) << "a test does not count against the cap";
  EXPECT_TRUE(w.channel.received.contains("o0"));
}

/// Used and reserved of a budget of the day.
delivery::QuotaLedger::Sum budget(World& w, ChannelKind channel) {
  delivery::QuotaLedger::Sum sum;
  w.db.write([&](storage::Session& s) -> Result<void> {
    ZHIYIN_TRY(sum, delivery::QuotaLedger::sum(
                        s, delivery::QuotaLedger::today(AccountId("shop"), channel, w.clock.now(),
                                                        w.senders.account.rules.platform_zone)));
    return {};
  });
  return sum;
}

TEST(TestSend, APreviewUsesUpTheDaysPreviewsAndNoMassSend) {
  World w(3);
  w.senders.account.rules.calls_per_day[ChannelKind::kMassPreview] = 2;
  w.create(mass_campaign());
  const std::vector<std::string> openids{"o0", "o1", "o2"};
  const auto sent = w.engine->test_send(kSpring, openids);
  ASSERT_TRUE(sent) << sent.error().text();
  ASSERT_EQ(sent->size(), 3U);
  EXPECT_EQ((*sent)[1].outcome, "sent");
  EXPECT_EQ((*sent)[2].outcome, "refused");
  EXPECT_NE((*sent)[2].detail.find("配额"), std::string::npos) << (*sent)[2].detail;
  EXPECT_EQ(w.channel.previews, 2);
  EXPECT_EQ(budget(w, ChannelKind::kMassPreview).used, 2);
  EXPECT_EQ(budget(w, ChannelKind::kMassPreview).reserved, 0);
  EXPECT_EQ(budget(w, ChannelKind::kMass).used, 0);
  ASSERT_TRUE(w.clock.advance_to(w.clock.now() + std::chrono::hours(24)));
  EXPECT_EQ(w.engine->test_send(kSpring, openids)->front().outcome, "sent") << "a new day";
}

TEST(TestSend, APreviewThatADeadProcessLeftCountsInItsOwnBudget) {
  World w(2);
  w.create(mass_campaign());
  w.death.countdown = 2;  // the intent is written, its outcome is not
  const std::vector<std::string> openids{"o0"};
  EXPECT_FALSE(w.engine->test_send(kSpring, openids));
  ASSERT_TRUE(w.death.is_dead);
  EXPECT_EQ(budget(w, ChannelKind::kMassPreview).reserved, 1);
  w.restart();
  EXPECT_EQ(budget(w, ChannelKind::kMassPreview).reserved, 0);
  EXPECT_EQ(budget(w, ChannelKind::kMassPreview).used, 1);
  EXPECT_EQ(budget(w, ChannelKind::kMass).used, 0);
}

TEST(TestSend, RespectsTheCustomerServiceWindow) {
  World w(2);
  w.message_from(0, kNoon);
  w.create(cs_campaign());
  const std::vector<std::string> openids{"o0", "o1"};
  const auto sent = w.engine->test_send(kSpring, openids);
  ASSERT_TRUE(sent) << sent.error().text();
  EXPECT_EQ((*sent)[0].outcome, "sent");
  EXPECT_EQ((*sent)[1].outcome, "refused");
  EXPECT_FALSE(w.engine->test_send(kSpring, {}));
}

TEST(TestSend, KeepsToTheMinute) {
  World w(2);
  w.senders.account.rules.calls_per_minute[ChannelKind::kCustomerService] = 1;
  for (int i = 0; i < 2; ++i) w.message_from(i, kNoon);
  w.create(cs_campaign());
  const std::vector<std::string> openids{"o0", "o1"};
  const auto sent = w.engine->test_send(kSpring, openids);
  ASSERT_TRUE(sent) << sent.error().text();
  EXPECT_EQ((*sent)[0].outcome, "sent");
  EXPECT_EQ((*sent)[1].outcome, "refused");
  EXPECT_EQ(w.channel.calls, 1);
}

}  // namespace
}  // namespace zhiyin::campaign
