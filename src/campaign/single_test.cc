#include <gtest/gtest.h>

#include "campaign/detail/test_world.h"
#include "delivery/quota_ledger.h"
#include "delivery/send_hold.h"

namespace zhiyin::campaign {
namespace {

using delivery::Rule;
using delivery::TouchState;
using std::chrono::hours;
using std::chrono::minutes;
using testing::at;
using testing::cs_campaign;
using testing::kNoon;
using testing::Outcome;
using testing::OutcomeKind;
using testing::template_campaign;
using testing::World;

const CampaignId kSpring("spring");

Outcome outcome(OutcomeKind kind, Duration retry_after = {}) {
  return {kind, {}, 1, "trouble", retry_after};
}

/// Customer-service calls of kNoon's day that are left of ten.
std::int64_t left_of_ten(World& w) {
  std::int64_t left = -1;
  w.db.write([&](storage::Session& s) -> Result<void> {
    const auto key = delivery::QuotaLedger::today(AccountId("shop"), ChannelKind::kCustomerService,
                                                  kNoon, TimeZone::shanghai());
    ZHIYIN_TRY(left, delivery::QuotaLedger::left(s, key, 10));
    return {};
  });
  return left;
}

void open_windows(World& w, int people) {
  for (int i = 0; i < people; ++i) w.message_from(i, kNoon);
}

TEST(CustomerService, EveryoneGetsTheirOwnTextAndLink) {
  World w(3);
  open_windows(w, 3);
  w.people.of(1).variables["name"] = "小红";
  w.create_and_start(cs_campaign());
  w.run();
  std::set<std::string> links;
  for (const auto& [openid, texts] : w.channel.received) {
    ASSERT_EQ(texts.size(), 1U);
    EXPECT_TRUE(texts[0].starts_with(openid == "o1" ? "小红，" : "朋友，")) << texts[0];
    links.insert(texts[0].substr(texts[0].find("/l/")));
  }
  EXPECT_EQ(links.size(), 3U) << "a link each";
}

TEST(CustomerService, OnlyWithinTheWindow) {
  World w(3);
  w.message_from(0, kNoon - hours(48));
  w.message_from(1, kNoon - hours(48) + minutes(1));
  w.create_and_start(cs_campaign());
  w.run();
  EXPECT_EQ(w.touch(0).rule, Rule::kCsWindow);
  EXPECT_EQ(w.touch(1).state, TouchState::kSent);
  EXPECT_EQ(w.touch(2).rule, Rule::kCsWindow);
}

TEST(CustomerService, AVariableWithoutValueAndFallbackStopsTheMessage) {
  World w(2);
  open_windows(w, 2);
  w.people.of(1).variables["name"] = "小红";
  Campaign c = cs_campaign();
  c.message.text = "{{name}}你好 {{link}}";
  w.create_and_start(c);
  w.run();
  EXPECT_EQ(w.touch(0).rule, Rule::kMissingVariable);
  EXPECT_EQ(w.touch(0).error, "name");
  EXPECT_EQ(w.touch(1).state, TouchState::kSent);
}

TEST(CustomerService, AnUnknownOutcomeIsClosedCountedAndNeverRepeated) {
  World w(3);
  open_windows(w, 3);
  w.channel.script = {{outcome(OutcomeKind::kUnknown), true}};
  w.create_and_start(cs_campaign());
  w.run();
  EXPECT_EQ(w.channel.calls, 3);
  EXPECT_EQ(w.progress().unknown, 1);
  EXPECT_EQ(w.progress().sent, 2);
  EXPECT_EQ(left_of_ten(w), 7);
}

TEST(CustomerService, ARecipientThatThePlatformRefusesFailsAlone) {
  World w(3);
  open_windows(w, 3);
  w.channel.script = {{outcome(OutcomeKind::kFailedRecipient), false}};
  w.create_and_start(cs_campaign());
  w.run();
  EXPECT_EQ(w.progress().failed, 1);
  EXPECT_EQ(w.progress().sent, 2);
  EXPECT_EQ(w.get().state, CampaignState::kDone);
  EXPECT_EQ(left_of_ten(w), 8) << "what certainly did not go out comes back";
}

TEST(CustomerService, ARefusedRequestPausesBeforeEveryoneFails) {
  World w(5);
  open_windows(w, 5);
  w.channel.script = {{outcome(OutcomeKind::kRefused), false}};
  w.create_and_start(cs_campaign());
  w.run();
  EXPECT_EQ(w.channel.calls, 1);
  EXPECT_EQ(w.get().state, CampaignState::kPaused);
  EXPECT_EQ(w.progress().planned, 5);
  ASSERT_TRUE(w.engine->resume(kSpring, Overdue::kSend));
  w.run();
  EXPECT_EQ(w.progress().sent, 5);
  EXPECT_EQ(w.channel.most_per_person(), 1U);
}

TEST(CustomerService, ABanHoldsEveryCampaignOfTheAccountUntilItIsReleased) {
  World w(3);
  open_windows(w, 3);
  Outcome banned = outcome(OutcomeKind::kRefused);
  banned.platform_code = 48004;
  w.channel.script = {{banned, false}};
  w.create_and_start(cs_campaign());
  Campaign second = cs_campaign();
  second.id = CampaignId("autumn");
  w.create_and_start(second);
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(w.engine->tick());
    ASSERT_TRUE(w.clock.advance_to(w.clock.now() + minutes(1)));
  }
  EXPECT_EQ(w.channel.calls, 1) << "neither campaign asks again";
  EXPECT_EQ(w.get().state, CampaignState::kRunning);
  EXPECT_TRUE(w.get().waiting_until);
  EXPECT_EQ(w.progress().planned, 3);
  const std::string openid = "o1";
  const auto test = w.engine->test_send(kSpring, std::span(&openid, 1));
  ASSERT_TRUE(test) << test.error().text();
  EXPECT_EQ(test->front().outcome, "refused");
  EXPECT_EQ(w.channel.calls, 1);
  w.db.write([&](storage::Session& s) -> Result<void> {
    ZHIYIN_TRY(const bool released,
               delivery::SendHolds::release(s, AccountId("shop"), "check", w.clock.now()));
    EXPECT_TRUE(released);
    return {};
  });
  w.run();
  EXPECT_EQ(w.progress("autumn").sent + w.progress().sent, 3) << "one a day for each of them";
  EXPECT_EQ(w.get().state, CampaignState::kDone);
  EXPECT_EQ(w.channel.most_per_person(), 1U);
}

TEST(CustomerService, ABusyPlatformDelaysOnlyTheOneConcerned) {
  World w(3);
  open_windows(w, 3);
  w.channel.script = {{outcome(OutcomeKind::kFailedRetry, std::chrono::seconds(30)), false}};
  w.create_and_start(cs_campaign());
  w.run();
  EXPECT_EQ(w.progress().sent, 3);
  EXPECT_EQ(w.channel.calls, 4);
  EXPECT_EQ(w.clock.now(), kNoon + std::chrono::seconds(30));
}

TEST(CustomerService, GivesUpAfterItsAttempts) {
  World w(1);
  open_windows(w, 1);
  w.channel.script.assign(100,
                          {outcome(OutcomeKind::kFailedRetry, std::chrono::seconds(30)), false});
  w.create_and_start(cs_campaign());
  w.run();
  EXPECT_EQ(w.channel.calls, w.settings.attempts_max);
  EXPECT_EQ(w.progress().failed, 1);
  EXPECT_EQ(left_of_ten(w), 10);
}

TEST(CustomerService, StopsAtTheBorderOfQuietHours) {
  World w(3);
  Campaign c = cs_campaign();
  c.at = at("2026-03-10T21:59:59");
  for (int i = 0; i < 3; ++i) w.message_from(i, at("2026-03-10T21:00:00"));
  EngineSettings s = w.settings;
  s.sends_per_tick = 1;
  w.reconfigure(s);
  w.create_and_start(c);
  while (w.channel.calls == 0) {
    const auto tick = w.engine->tick();
    ASSERT_TRUE(tick);
    const bool moved = tick->more || w.clock.advance_to(*tick->next_due).has_value();
    ASSERT_TRUE(moved);
  }
  ASSERT_TRUE(w.clock.advance_to(at("2026-03-10T22:00:00")));
  w.run(at("2026-03-11T07:00:00"));
  EXPECT_EQ(w.channel.calls, 1);
  EXPECT_EQ(w.get().waiting_until, at("2026-03-11T08:00:00"));
  w.run();
  EXPECT_EQ(w.channel.calls, 3);
  EXPECT_EQ(w.get().state, CampaignState::kDone);
}

TEST(TemplateMessage, AnUnknownOutcomeIsRepeatedUnderItsIdAndArrivesOnce) {
  for (const bool reaches : {false, true}) {
    World w(3);
    w.channel.script = {{outcome(OutcomeKind::kUnknown), reaches}};
    w.create_and_start(template_campaign());
    w.run();
    EXPECT_EQ(w.channel.calls, 4);
    EXPECT_EQ(w.channel.most_per_person(), 1U);
    EXPECT_EQ(w.progress().sent, 3);
  }
}

TEST(TemplateMessage, ClosedAsUnknownAfterTenMinutes) {
  World w(1);
  w.channel.script.assign(1000, {outcome(OutcomeKind::kUnknown), true});
  w.create_and_start(template_campaign());
  w.run();
  EXPECT_EQ(w.progress().unknown, 1);
  EXPECT_EQ(w.channel.most_per_person(), 1U);
  EXPECT_LE(w.clock.now() - kNoon, minutes(11));
  EXPECT_EQ(w.get().state, CampaignState::kDone);
}

TEST(TemplateMessage, TheResultOfTheJobSettlesWhatIsStillOpen) {
  World w(1);
  w.channel.script.assign(1000, {outcome(OutcomeKind::kUnknown), true});
  w.create_and_start(template_campaign());
  while (w.channel.calls == 0) ASSERT_TRUE(w.engine->tick());
  EXPECT_EQ(w.touch(0).state, TouchState::kSending);
  w.db.write([&](storage::Session& s) -> Result<void> {
    ingest::LoggedEvent e;
    e.event.kind = "template_result";
    e.event.source = "wechat";
    e.event.account = "shop";
    e.event.identities = {testing::identity(0)};
    e.event.properties = R"({"msg_id":"1000","status":"success"})";
    e.event.occurred_at = e.event.received_at = kNoon;
    delivery::DeliveryProjection projection;
    return projection.apply(s, std::span(&e, 1));
  });
  w.run();
  EXPECT_EQ(w.channel.calls, 1);
  EXPECT_EQ(w.progress().sent, 1);
  EXPECT_EQ(w.get().state, CampaignState::kDone);
}

TEST(TemplateMessage, AValueThatIsTooLongOnceFilledInIsRefused) {
  World w(2);
  for (int i = 0; i < 30; ++i) w.people.of(0).variables["name"] += "长";
  w.create_and_start(template_campaign());
  w.run();
  EXPECT_EQ(w.touch(0).rule, Rule::kContentTooLong);
  EXPECT_EQ(w.touch(1).state, TouchState::kSent);
}

}  // namespace
}  // namespace zhiyin::campaign
