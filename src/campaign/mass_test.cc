#include <gtest/gtest.h>

#include "campaign/detail/test_world.h"
#include "delivery/quota_ledger.h"
#include "delivery/send_hold.h"

namespace zhiyin::campaign {
namespace {

using delivery::Rule;
using delivery::TouchState;
using std::chrono::hours;
using testing::at;
using testing::kNoon;
using testing::mass_campaign;
using testing::Outcome;
using testing::OutcomeKind;
using testing::World;

const CampaignId kSpring("spring");

Outcome outcome(OutcomeKind kind, Duration retry_after = {}) {
  return {kind, {}, 1, "trouble", retry_after};
}

void chunks_of(World& w, std::size_t max) {
  EngineSettings s = w.settings;
  s.mass_chunk_max = max;
  w.reconfigure(s);
}

TEST(MassSend, OneTextWithOneTrackedLinkForEverybody) {
  World w(5);
  w.create_and_start(mass_campaign());
  w.run();
  ASSERT_EQ(w.channel.mass_calls.size(), 1U);
  std::set<std::string> texts;
  for (const auto& [openid, got] : w.channel.received) texts.insert(got.begin(), got.end());
  ASSERT_EQ(texts.size(), 1U);
  EXPECT_TRUE(texts.begin()->starts_with("春季新品上架 https://zy.example/l/")) << *texts.begin();
  EXPECT_LE(w.channel.mass_ids.front().size(), 64U);
  const Progress p = w.progress();
  EXPECT_EQ(p.sent, 5);
  EXPECT_EQ(w.touch(0).provider_id, "1000");
  EXPECT_EQ(w.get().state, CampaignState::kDone);
}

TEST(MassSend, ChunksAreNeverBelowTwoNorAboveTheMaximum) {
  for (const int people : {2, 3, 9, 10, 11, 12, 19, 20, 21, 22, 28, 29, 30, 31}) {
    World w(people);
    chunks_of(w, 10);
    w.create_and_start(mass_campaign());
    w.run();
    std::size_t total = 0;
    for (const auto& call : w.channel.mass_calls) {
      EXPECT_GE(call.size(), 2U) << people;
      EXPECT_LE(call.size(), 10U) << people;
      total += call.size();
    }
    EXPECT_EQ(total, static_cast<std::size_t>(people));
    EXPECT_EQ(w.channel.most_per_person(), 1U);
    EXPECT_EQ(std::set(w.channel.mass_ids.begin(), w.channel.mass_ids.end()).size(),
              w.channel.mass_ids.size())
        << "every chunk has an id of its own";
  }
}

TEST(MassSend, ASubscriptionAccountSendsOnceADayToAllAtOnce) {
  World w(25);
  chunks_of(w, 10);  // of calls by openids
  w.senders.account.is_service = false;
  w.senders.account.mass_by_tag = true;
  w.senders.account.mass_openids_min = 1;
  w.senders.account.mass_openids_max = 20;
  w.senders.account.rules.calls_per_day[delivery::ChannelKind::kMass] = 1;
  w.create_and_start(mass_campaign());
  w.run(kNoon + hours(1));
  ASSERT_EQ(w.channel.mass_calls.size(), 1U);
  EXPECT_EQ(w.channel.mass_calls[0].size(), 20U);
  EXPECT_EQ(w.progress().planned, 5);
  w.run();
  ASSERT_EQ(w.channel.mass_calls.size(), 2U) << "the rest on the next day";
  EXPECT_EQ(w.channel.mass_calls[1].size(), 5U);
  EXPECT_EQ(w.channel.most_per_person(), 1U);
  EXPECT_EQ(w.get().state, CampaignState::kDone);
}

TEST(MassSend, ABatchGatheredWhileASlowCallRanIsJudgedAgain) {
  for (const int seconds : {5, 6}) {
    World w(20);
    chunks_of(w, 10);
    w.senders.account.rules.quiet = delivery::QuietHours::nightly();
    ASSERT_TRUE(w.clock.advance_to(at("2026-03-10T21:59:57")));
    w.channel.on_mass = [&w, seconds] {
      if (w.channel.mass_calls.size() > 1) return;
      EXPECT_TRUE(w.clock.advance_to(w.clock.now() + std::chrono::seconds(seconds)));
    };
    w.create_and_start(mass_campaign());
    w.run(at("2026-03-10T23:00:00"));
    EXPECT_EQ(w.channel.mass_calls.size(), seconds == 5 ? 2U : 1U) << seconds;
    w.run();
    EXPECT_EQ(w.progress().sent, 20) << "what was too old goes out in the morning";
    EXPECT_EQ(w.channel.most_per_person(), 1U);
  }
}

TEST(MassSend, AnUnknownOutcomeIsRepeatedUnderTheSameIdAndArrivesOnce) {
  for (const bool reaches : {false, true}) {
    World w(4);
    w.channel.script = {{outcome(OutcomeKind::kUnknown), reaches}};
    w.create_and_start(mass_campaign());
    w.run();
    ASSERT_EQ(w.channel.mass_ids.size(), 2U);
    EXPECT_EQ(w.channel.mass_ids[0], w.channel.mass_ids[1]);
    EXPECT_EQ(w.channel.mass_calls[0], w.channel.mass_calls[1]);
    EXPECT_EQ(w.channel.most_per_person(), 1U);
    EXPECT_EQ(w.progress().sent, 4);
    EXPECT_GE(w.clock.now() - kNoon, std::chrono::seconds(60)) << "not within a minute";
  }
}

TEST(MassSend, ClosedAsUnknownWhenThePlatformNoLongerKnowsTheId) {
  World w(4);
  w.channel.script.assign(2000, {outcome(OutcomeKind::kUnknown), false});
  w.create_and_start(mass_campaign());
  w.run();
  EXPECT_EQ(w.progress().unknown, 4);
  EXPECT_EQ(w.get().state, CampaignState::kDone);
  EXPECT_TRUE(w.channel.received.empty());
  EXPECT_GE(w.clock.now() - kNoon, hours(24));
  EXPECT_LE(w.clock.now() - kNoon, hours(25));
}

TEST(MassSend, AnUnknownOutcomeIsNotRepeatedInQuietHours) {
  World w(4);
  Campaign c = mass_campaign();
  c.at = at("2026-03-10T21:59:30");
  w.channel.script = {{outcome(OutcomeKind::kUnknown), false}};
  w.create_and_start(c);
  w.run();
  EXPECT_EQ(w.clock.now(), at("2026-03-11T08:00:00"));
  EXPECT_EQ(w.progress().sent, 4);
}

TEST(MassSend, ARefusalAfterAnUnknownOutcomeProvesNothing) {
  World w(4);
  w.channel.script = {{outcome(OutcomeKind::kUnknown), true},
                      {outcome(OutcomeKind::kRefused), false}};
  w.create_and_start(mass_campaign());
  w.run();
  EXPECT_EQ(w.channel.most_per_person(), 1U);
  EXPECT_EQ(w.progress().sent, 4);
  EXPECT_EQ(std::set(w.channel.mass_ids.begin(), w.channel.mass_ids.end()).size(), 1U);
}

TEST(MassSend, ARefusedRequestPausesTheCampaignAndLosesNobody) {
  World w(4);
  w.channel.script = {{outcome(OutcomeKind::kRefused), false}};
  w.create_and_start(mass_campaign());
  w.run();
  EXPECT_EQ(w.get().state, CampaignState::kPaused);
  EXPECT_EQ(w.get().note, "trouble");
  EXPECT_EQ(w.progress().planned, 4);
  ASSERT_TRUE(w.engine->resume(kSpring, Overdue::kSend));
  w.run();
  EXPECT_EQ(w.progress().sent, 4);
}

TEST(MassSend, ABanHoldsTheCampaignInsteadOfPausingIt) {
  World w(5);
  Outcome banned = outcome(OutcomeKind::kRefused);
  banned.platform_code = 48004;
  w.channel.script = {{banned, false}};
  w.create_and_start(mass_campaign());
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(w.engine->tick());
    ASSERT_TRUE(w.clock.advance_to(w.clock.now() + std::chrono::minutes(2)));
  }
  EXPECT_EQ(w.channel.calls, 1);
  EXPECT_EQ(w.get().state, CampaignState::kRunning);
  EXPECT_EQ(w.progress().planned, 5);
  w.db.write([&](storage::Session& s) -> Result<void> {
    ZHIYIN_TRY(const bool released,
               delivery::SendHolds::release(s, AccountId("shop"), "check", w.clock.now()));
    EXPECT_TRUE(released);
    return {};
  });
  w.run();
  EXPECT_EQ(w.progress().sent, 5);
  EXPECT_EQ(w.channel.most_per_person(), 1U);
}

TEST(MassSend, ABusyPlatformIsAskedAgainAFewTimesThenTheOperator) {
  World w(4);
  w.channel.script.assign(2, {outcome(OutcomeKind::kFailedRetry, std::chrono::seconds(30)), false});
  w.create_and_start(mass_campaign());
  w.run();
  EXPECT_EQ(w.progress().sent, 4);
  EXPECT_EQ(w.channel.calls, 3);

  World never(4);
  never.channel.script.assign(
      100, {outcome(OutcomeKind::kFailedRetry, std::chrono::seconds(30)), false});
  never.create_and_start(mass_campaign());
  never.run();
  EXPECT_EQ(never.channel.calls, never.settings.attempts_max);
  EXPECT_EQ(never.get().state, CampaignState::kPaused);
  EXPECT_EQ(never.progress().planned, 4);
}

TEST(MassSend, WhoOptsOutWhileABusyPlatformIsAskedAgainGetsNothing) {
  World w(4);
  w.channel.script = {{outcome(OutcomeKind::kFailedRetry, std::chrono::hours(1)), false}};
  w.create_and_start(mass_campaign());
  w.run(kNoon + std::chrono::minutes(1));
  EXPECT_EQ(w.channel.calls, 1);
  w.people.of(2).consent = false;
  w.run();
  EXPECT_EQ(w.progress().sent, 3);
  EXPECT_EQ(w.touch(2).rule, Rule::kNoConsent);
  EXPECT_EQ(w.channel.mass_calls.back().size(), 3U);
}

TEST(MassSend, AnExhaustedQuotaWaitsForTheNextMorning) {
  World w(4);
  w.channel.script = {{outcome(OutcomeKind::kQuota), false}};
  w.create_and_start(mass_campaign());
  w.run(kNoon + hours(1));
  EXPECT_EQ(w.get().state, CampaignState::kRunning);
  EXPECT_EQ(w.get().waiting_until, at("2026-03-11T00:00:00"));
  w.run();
  EXPECT_EQ(w.clock.now(), at("2026-03-11T08:00:00")) << "midnight is quiet";
  EXPECT_EQ(w.progress().sent, 4);
}

TEST(MassSend, OurOwnLedgerKeepsToTheDaysCalls) {
  World w(30);
  chunks_of(w, 10);
  w.senders.account.rules.calls_per_day[ChannelKind::kMass] = 2;
  w.create_and_start(mass_campaign());
  w.run(kNoon + hours(1));
  EXPECT_EQ(w.channel.calls, 2);
  EXPECT_EQ(w.progress().sent, 18);
  w.run();
  EXPECT_EQ(w.progress().sent, 30);
  EXPECT_EQ(w.channel.most_per_person(), 1U);
}

TEST(MassSend, NoBatchIsSmallerThanThePlatformTakes) {
  // people, fewest of a call -> sizes of the calls of at most ten
  const std::vector<std::tuple<int, std::size_t, std::vector<std::size_t>>> cases = {
      {11, 5, {6, 5}}, {10, 5, {10}},    {13, 5, {8, 5}}, {14, 5, {9, 5}},
      {15, 5, {9, 6}}, {11, 1, {10, 1}}, {4, 5, {}},      {11, 2, {9, 2}},
  };
  for (const auto& [people, least, sizes] : cases) {
    World w(people);
    chunks_of(w, 10);
    w.senders.account.mass_openids_min = least;
    w.create(mass_campaign());
    const auto plan = w.engine->dry_run(CampaignId("spring"));
    ASSERT_TRUE(plan);
    ASSERT_TRUE(w.engine->start(CampaignId("spring")));
    w.run();
    std::vector<std::size_t> got;
    for (const auto& call : w.channel.mass_calls) got.push_back(call.size());
    EXPECT_EQ(got, sizes) << people << " people, at least " << least;
    EXPECT_EQ(plan->would_send, w.progress().sent);
    EXPECT_EQ(static_cast<std::size_t>(plan->quota.needed), sizes.size());
  }
}

TEST(MassSend, AMinuteHasNoMoreCallsThanThePlatformTakes) {
  World w(30);
  chunks_of(w, 10);
  w.senders.account.rules.calls_per_minute[ChannelKind::kMass] = 1;
  w.create_and_start(mass_campaign());
  w.run(kNoon);
  EXPECT_EQ(w.channel.calls, 1);
  EXPECT_EQ(w.get().waiting_until, kNoon + std::chrono::minutes(1));
  w.restart();  // counted in state: another process does not begin anew
  w.run(kNoon + std::chrono::minutes(1));
  EXPECT_EQ(w.channel.calls, 2);
  w.run(kNoon + hours(1));
  EXPECT_EQ(w.progress().sent, 30);
  EXPECT_EQ(w.clock.now(), kNoon + std::chrono::minutes(3));
}

TEST(MassSend, StoppingWhileTheOutcomeIsOpenClosesItWithoutAnotherCall) {
  World w(4);
  w.channel.script = {{outcome(OutcomeKind::kUnknown), true}};
  w.create_and_start(mass_campaign());
  while (w.channel.calls == 0) ASSERT_TRUE(w.engine->tick());
  ASSERT_TRUE(w.engine->emergency_stop());
  w.run();
  EXPECT_EQ(w.channel.calls, 1);
  EXPECT_EQ(w.progress().unknown, 4);
  EXPECT_EQ(w.progress().sending, 0);
}

TEST(MassSend, WhoWasErasedBetweenPlanAndSendGetsNothing) {
  World w(4);
  w.create_and_start(mass_campaign());
  while (w.progress().planned < 4) ASSERT_TRUE(w.engine->tick());
  w.people.erased.insert(2);
  w.run();
  EXPECT_EQ(w.touch(2).rule, Rule::kNotFollowing);
  EXPECT_EQ(w.progress().sent, 3);
}

TEST(MassSend, PeopleWhoMergeAfterThePlanAreOnePersonForTheCap) {
  World w(4);
  w.create_and_start(mass_campaign());
  while (w.progress().planned < 4) ASSERT_TRUE(w.engine->tick());
  // Persons 0 and 1 turn out to be the same, and 0 has just had something else.
  delivery::Recipient both = w.people.of(0);
  both.identities = {testing::identity(0), testing::identity(1)};
  w.people.people[both.person] = both;
  w.people.merged[testing::FakePeople::id(1)] = both.person;
  w.db.write([&](storage::Session& s) -> Result<void> {
    delivery::Touch other = delivery::testing::planned(0, kNoon);
    other.campaign = CampaignId("other");
    other.id = delivery::touch_id(other.campaign, other.identity);
    other.idempotency_key = other.id.value;
    other.state = TouchState::kSent;
    other.sent_at = kNoon;
    ZHIYIN_TRY_VOID(delivery::SendLedger::add(s, other));
    return {};
  });
  w.run();
  EXPECT_EQ(w.touch(0).rule, Rule::kFrequencyCap);
  EXPECT_EQ(w.touch(1).rule, Rule::kFrequencyCap);
  EXPECT_EQ(w.progress().sent, 2);
}

TEST(MassSend, TheQuotaIsExactAtTheEnd) {
  World w(30);
  chunks_of(w, 10);
  w.channel.script = {{outcome(OutcomeKind::kFailedRetry, std::chrono::seconds(1)), false},
                      {outcome(OutcomeKind::kUnknown), true}};
  w.create_and_start(mass_campaign());
  w.run();
  EXPECT_EQ(w.progress().sent, 30);
  w.db.write([&](storage::Session& s) -> Result<void> {
    const auto key = delivery::QuotaLedger::today(AccountId("shop"), ChannelKind::kMass, kNoon,
                                                  TimeZone::shanghai());
    const auto batches = *delivery::SendLedger::batches(s, kSpring);
    const auto calls = std::ranges::count(batches, TouchState::kSent, &delivery::SendBatch::state);
    EXPECT_EQ(calls + 1, static_cast<std::int64_t>(batches.size()))
        << "one was not taken, and cost nothing";
    EXPECT_EQ(*delivery::QuotaLedger::left(s, key, 100), 100 - calls);
    EXPECT_FALSE(delivery::QuotaLedger::release(s, key, 1)) << "no reservation is left open";
    return {};
  });
}

}  // namespace
}  // namespace zhiyin::campaign
