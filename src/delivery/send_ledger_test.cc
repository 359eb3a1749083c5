#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "delivery/holdout.h"
#include "delivery/quota_ledger.h"
#include "delivery/test_state.h"
#include "delivery/touch.h"
#include "delivery/touch_line.h"

namespace zhiyin::delivery {
namespace {

using storage::Session;
using testing::at;
using testing::identity;
using testing::planned;
using testing::TestState;

const Instant kNow = at("2026-03-10T12:00:00");
const AccountId kShop("shop");

TEST(QuotaLedger, NeverGivesOutMoreThanTheLimit) {
  TestState db;
  const QuotaKey key = QuotaLedger::today(kShop, ChannelKind::kMass, kNow, TimeZone::shanghai());
  db.write([&](Session& s) -> Result<void> {
    for (int i = 0; i < 3; ++i) ZHIYIN_TRY_VOID(QuotaLedger::reserve(s, key, 1, 3));
    const auto fourth = QuotaLedger::reserve(s, key, 1, 3);
    EXPECT_FALSE(fourth);
    EXPECT_EQ(fourth.error().code, ErrorCode::kLimitReached);
    ZHIYIN_TRY_VOID(QuotaLedger::commit(s, key, 1));
    EXPECT_EQ(*QuotaLedger::left(s, key, 3), 0);
    ZHIYIN_TRY_VOID(QuotaLedger::release(s, key, 1));
    EXPECT_EQ(*QuotaLedger::left(s, key, 3), 1);
    ZHIYIN_TRY_VOID(QuotaLedger::give_back(s, key, 1));
    EXPECT_EQ(*QuotaLedger::left(s, key, 3), 2);
    EXPECT_FALSE(QuotaLedger::give_back(s, key, 1)) << "nothing counted as used is left";
    return {};
  });
}

TEST(QuotaLedger, ALimitOfZeroAndAReservationAboveTheLimitAreRefused) {
  TestState db;
  const QuotaKey key =
      QuotaLedger::today(kShop, ChannelKind::kTemplate, kNow, TimeZone::shanghai());
  db.write([&](Session& s) -> Result<void> {
    EXPECT_FALSE(QuotaLedger::reserve(s, key, 1, 0));
    EXPECT_FALSE(QuotaLedger::reserve(s, key, 4, 3));
    EXPECT_EQ(*QuotaLedger::left(s, key, 3), 3);
    return {};
  });
}

TEST(QuotaLedger, RollsAtMidnightInShanghai) {
  const Instant midnight = at("2026-03-11T00:00:00");
  EXPECT_EQ(QuotaLedger::day_end(kNow, TimeZone::shanghai()), midnight);
  const auto before =
      QuotaLedger::today(kShop, ChannelKind::kMass, midnight - Duration(1), TimeZone::shanghai());
  const auto after = QuotaLedger::today(kShop, ChannelKind::kMass, midnight, TimeZone::shanghai());
  EXPECT_EQ(after.period, before.period + 1);
}

TEST(QuotaLedger, RollsAtMidnightOfTheZoneThatTheAccountIsCountedIn) {
  const TimeZone utc = *TimeZone::create("Z");
  const Instant midnight = at("2026-03-11T08:00:00");
  EXPECT_EQ(QuotaLedger::day_end(kNow, utc), midnight);
  const auto before = QuotaLedger::today(kShop, ChannelKind::kMass, midnight - Duration(1), utc);
  const auto after = QuotaLedger::today(kShop, ChannelKind::kMass, midnight, utc);
  EXPECT_EQ(after.period, before.period + 1);
}

TEST(QuotaLedger, ExhaustedLeavesNothingButKeepsReservations) {
  TestState db;
  const QuotaKey key = QuotaLedger::today(kShop, ChannelKind::kMass, kNow, TimeZone::shanghai());
  db.write([&](Session& s) -> Result<void> {
    ZHIYIN_TRY_VOID(QuotaLedger::reserve(s, key, 2, 10));
    ZHIYIN_TRY_VOID(QuotaLedger::exhaust(s, key, 10));
    EXPECT_EQ(*QuotaLedger::left(s, key, 10), 0);
    ZHIYIN_TRY_VOID(QuotaLedger::release(s, key, 2));
    EXPECT_EQ(*QuotaLedger::left(s, key, 10), 2);
    return {};
  });
}

TEST(SendLedger, AMassSendBeginsAndEndsForAllOfItsPeopleAtOnce) {
  constexpr int kPeople = 300;  // more than one statement takes
  TestState db;
  std::vector<TouchId> ids;
  SendBatch batch;
  batch.id = "zy1";
  batch.campaign = CampaignId("spring");
  batch.account = kShop;
  batch.created_at = kNow;
  batch.quota_period = 7;
  db.write([&](Session& s) -> Result<void> {
    ids.clear();
    for (int i = 0; i < kPeople; ++i) {
      const Touch touch = planned(i, kNow);
      ids.push_back(touch.id);
      ZHIYIN_TRY_VOID(SendLedger::add(s, touch));
    }
    return SendLedger::start_batch(s, ids, batch);
  });
  db.write([&](Session& s) -> Result<void> {
    ZHIYIN_TRY(const std::vector<Touch> touches, SendLedger::of_batch(s, batch.id));
    EXPECT_EQ(touches.size(), static_cast<std::size_t>(kPeople));
    for (const Touch& touch : touches) {
      EXPECT_EQ(touch.state, TouchState::kSending);
      EXPECT_EQ(touch.sent_at, kNow);
      EXPECT_EQ(touch.attempt, 1);
      EXPECT_EQ(touch.quota_period, 7);
    }
    const auto again = SendLedger::start_batch(s, std::span(ids).first(1), batch);
    EXPECT_FALSE(again);
    EXPECT_EQ(again.error().code, ErrorCode::kConflict);
    Touch stopped = touches.front();
    stopped.state = TouchState::kCancelled;
    ZHIYIN_TRY_VOID(SendLedger::update(s, stopped, kNow));
    batch.state = TouchState::kSent;
    batch.provider_id = "msg";
    return SendLedger::end_batch(s, batch, touches, kNow);
  });
  const auto told = db.outbox();
  EXPECT_EQ(told.size(), static_cast<std::size_t>(kPeople - 1)) << "one was no longer of it";
  EXPECT_EQ(told.front().kind, "touch.sent");
  const auto sent = db.state->query(
      "SELECT count(*) FROM touch WHERE state = 5 AND provider_id = 'msg' AND is_uncertain = 0");
  EXPECT_EQ(storage::as_int(sent->rows[0][0]), kPeople - 1);
}

TEST(SendLedger, ManyAreAddedAndRefusedAtOnceAndEachTellsItsEvent) {
  constexpr int kPeople = 70;  // more than one statement takes
  TestState db;
  db.write([&](Session& s) -> Result<void> {
    std::vector<Touch> touches;
    for (int i = 0; i < kPeople; ++i) {
      touches.push_back(planned(i, kNow));
      if (i % 10 == 0) touches.back().state = TouchState::kRefused;
      if (i % 10 == 0) touches.back().rule = Rule::kNotFollowing;
    }
    EXPECT_TRUE(*SendLedger::add(s, touches[5]));
    EXPECT_TRUE(*SendLedger::add(s, touches[10]));
    ZHIYIN_TRY_VOID(SendLedger::add_all(s, touches));
    ZHIYIN_TRY_VOID(SendLedger::add_all(s, touches));
    std::vector<Touch> refused;
    for (int i = 0; i < kPeople; ++i) {
      Touch& touch = touches[static_cast<std::size_t>(i)];
      if (touch.state != TouchState::kPlanned) continue;
      touch.rule = i % 2 == 0 ? Rule::kFrequencyCap : Rule::kMissingVariable;
      touch.error = i % 2 == 0 ? "" : "name";
      touch.state = TouchState::kRefused;
      refused.push_back(touch);
    }
    ZHIYIN_TRY_VOID(SendLedger::refuse_all(s, refused, kNow));
    const auto again = SendLedger::refuse_all(s, std::span(refused).first(1), kNow);
    EXPECT_FALSE(again);
    EXPECT_EQ(again.error().code, ErrorCode::kConflict);
    const Touch one = **SendLedger::find(s, touches[3].id);
    EXPECT_EQ(one.state, TouchState::kRefused);
    EXPECT_EQ(one.rule, Rule::kMissingVariable);
    EXPECT_EQ(one.error, "name");
    const TouchCounts counts = *SendLedger::count(s, CampaignId("spring"));
    EXPECT_EQ(counts.refused.at(Rule::kNotFollowing), kPeople / 10);
    EXPECT_EQ(counts.refused.at(Rule::kMissingVariable), kPeople / 2);
    EXPECT_EQ(counts.total(), kPeople);
    return {};
  });
  std::set<std::string> told;
  for (const ingest::Event& event : db.outbox()) {
    EXPECT_EQ(event.kind, "touch.refused");
    EXPECT_TRUE(told.insert(event.event_id).second) << event.event_id << " was told twice";
  }
  EXPECT_EQ(told.size(), static_cast<std::size_t>(kPeople));
}

TEST(SendLedger, AMassSendThatDidNotGoOutIsPlannedAgain) {
  TestState db;
  db.write([&](Session& s) -> Result<void> {
    std::vector<TouchId> ids;
    for (int i = 0; i < 3; ++i) {
      Touch touch = planned(i, kNow);
      touch.due_at = i == 0 ? kNow + kDay : kNow;
      ids.push_back(touch.id);
      ZHIYIN_TRY_VOID(SendLedger::add(s, touch));
    }
    SendBatch batch;
    batch.id = "zy1";
    batch.created_at = kNow;
    batch.quota_period = 7;
    batch.error = "busy";
    ZHIYIN_TRY_VOID(SendLedger::start_batch(s, ids, batch));
    ZHIYIN_TRY_VOID(SendLedger::plan_batch_again(s, batch, kNow + std::chrono::seconds(5)));
    EXPECT_TRUE(SendLedger::of_batch(s, "zy1")->empty());
    const Touch late = **SendLedger::find(s, ids[0]);
    EXPECT_EQ(late.due_at, kNow + kDay) << "what was due later stays so";
    const Touch touch = **SendLedger::find(s, ids[1]);
    EXPECT_EQ(touch.state, TouchState::kPlanned);
    EXPECT_EQ(touch.due_at, kNow + std::chrono::seconds(5));
    EXPECT_FALSE(touch.sent_at);
    EXPECT_EQ(touch.quota_period, 0);
    EXPECT_EQ(touch.attempt, 1) << "the attempt counts";
    EXPECT_EQ(touch.error, "busy");
    return {};
  });
  EXPECT_TRUE(db.outbox().empty()) << "nothing is settled";
}

TEST(SendLedger, AddingTheSameTouchAgainChangesNothing) {
  TestState db;
  db.write([&](Session& s) -> Result<void> {
    Touch touch = planned(1, kNow);
    EXPECT_TRUE(*SendLedger::add(s, touch));
    touch.state = TouchState::kRefused;
    EXPECT_FALSE(*SendLedger::add(s, touch));
    EXPECT_EQ((*SendLedger::find(s, touch.id))->state, TouchState::kPlanned);
    return {};
  });
  EXPECT_TRUE(db.outbox().empty());
}

TEST(SendLedger, TellsEveryOutcomeInTheTransactionThatWritesIt) {
  TestState db;
  Touch touch = planned(1, kNow);
  const auto failed = db.state->write([&](Session& s) -> Result<void> {
    Touch refused = touch;
    refused.state = TouchState::kRefused;
    ZHIYIN_TRY_VOID(SendLedger::add(s, refused));
    return fail(ErrorCode::kInternal, "rolled back");
  });
  EXPECT_FALSE(failed);
  EXPECT_TRUE(db.outbox().empty());

  touch.state = TouchState::kRefused;
  touch.rule = Rule::kFrequencyCap;
  db.write([&](Session& s) -> Result<void> {
    ZHIYIN_TRY_VOID(SendLedger::add(s, touch));
    return {};
  });
  const auto events = db.outbox();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].kind, "touch.refused");
  EXPECT_EQ(events[0].event_id, touch.id.value + ".refused");
  EXPECT_EQ(events[0].identities.front(), touch.identity);
  EXPECT_EQ(events[0].item, (ingest::ItemRef{"campaign", "spring"}));
  const Json properties = *parse_json(events[0].properties);
  EXPECT_EQ(properties["campaign"].string_or(""), "spring");
  EXPECT_EQ(properties["channel"].string_or(""), "mass");
  EXPECT_EQ(properties["rule"].string_or(""), "frequency_cap");
}

TEST(SendLedger, HistoryCountsWhatMayHaveReachedThePersonOnAnyIdentity) {
  TestState db;
  db.write([&](Session& s) -> Result<void> {
    int n = 0;
    for (const auto state : {TouchState::kSent, TouchState::kUnknown, TouchState::kSending,
                             TouchState::kFailed, TouchState::kPlanned, TouchState::kRefused}) {
      Touch touch = planned(7, kNow, n == 0 ? ChannelKind::kMass : ChannelKind::kCustomerService);
      touch.id = TouchId("t_" + std::to_string(n));
      touch.idempotency_key = touch.id.value;
      touch.identity = identity(n % 2);
      touch.state = state;
      touch.sent_at = kNow - std::chrono::hours(++n);
      ZHIYIN_TRY_VOID(SendLedger::add(s, touch));
    }
    const IdentityHash both[] = {identity(0), identity(1)};
    const TouchHistory history = *SendLedger::history(s, both, kShop, kNow);
    EXPECT_EQ(history.all.size(), 3U);
    EXPECT_TRUE(std::is_sorted(history.all.begin(), history.all.end()));
    EXPECT_EQ(history.mass.size(), 1U);
    EXPECT_EQ(history.cs.size(), 2U);
    EXPECT_EQ(SendLedger::history(s, std::span(both).first(1), kShop, kNow)->all.size(), 2U);
    EXPECT_TRUE(SendLedger::history(s, both, AccountId("other"), kNow)->mass.empty());
    const std::span<const IdentityHash> people[] = {std::span(both).first(1), {}, both};
    const auto each = *SendLedger::histories(s, people, kShop, kNow);
    EXPECT_EQ(each[0].all.size(), 2U);
    EXPECT_TRUE(each[1].all.empty());
    EXPECT_EQ(each[2].all, history.all) << "an identity may stand for two of them";
    return {};
  });
}

TEST(SendLedger, CancelsOnlyWhatIsPlanned) {
  TestState db;
  db.write([&](Session& s) -> Result<void> {
    for (int i = 0; i < 5; ++i) ZHIYIN_TRY_VOID(SendLedger::add(s, planned(i, kNow)));
    Touch sent = planned(9, kNow);
    sent.state = TouchState::kSent;
    ZHIYIN_TRY_VOID(SendLedger::add(s, sent));
    EXPECT_EQ(*SendLedger::cancel_planned(s, sent.campaign, "stopped", 3), 3);
    EXPECT_EQ(*SendLedger::cancel_planned(s, sent.campaign, "stopped", 3), 2);
    EXPECT_EQ(*SendLedger::cancel_planned(s, sent.campaign, "stopped", 3), 0);
    const TouchCounts counts = *SendLedger::count(s, sent.campaign);
    EXPECT_EQ(counts.of(TouchState::kCancelled), 5);
    EXPECT_EQ(counts.of(TouchState::kSent), 1);
    return {};
  });
}

/// A batch of three with its touches, sent under `provider_id`.
SendBatch add_batch(Session& s, std::string provider_id) {
  const QuotaKey key = QuotaLedger::today(kShop, ChannelKind::kMass, kNow, TimeZone::shanghai());
  EXPECT_TRUE(QuotaLedger::reserve(s, key, 1, 100));
  EXPECT_TRUE(QuotaLedger::commit(s, key, 1));
  SendBatch batch;
  batch.id = "zy1";
  batch.campaign = CampaignId("spring");
  batch.account = kShop;
  batch.size = 3;
  batch.state = TouchState::kSent;
  batch.content.text = "你好";
  batch.created_at = batch.due_at = kNow;
  batch.provider_id = std::move(provider_id);
  batch.quota_period = key.period;
  EXPECT_TRUE(SendLedger::put_batch(s, batch));
  for (int i = 0; i < 3; ++i) {
    Touch touch = planned(i, kNow);
    touch.state = TouchState::kSent;
    touch.sent_at = kNow;
    touch.batch = batch.id;
    EXPECT_TRUE(*SendLedger::add(s, touch));
  }
  return batch;
}

TEST(MassResult, TotalsAreSummedAndPerPersonNothingIsClaimed) {
  TestState db;
  db.write([&](Session& s) -> Result<void> {
    add_batch(s, "1000");
    EXPECT_FALSE(SendLedger::mass_totals(s, CampaignId("spring"))->has_value());
    for (int repeat = 0; repeat < 2; ++repeat) {
      ZHIYIN_TRY_VOID(
          SendLedger::record_mass_result(s, kShop, "1000", {"send success", 3, 3, 2, 1}, kNow));
    }
    const auto totals = *SendLedger::mass_totals(s, CampaignId("spring"));
    EXPECT_TRUE(totals.has_value());
    EXPECT_EQ(totals->sent, 2);
    EXPECT_EQ(SendLedger::count(s, CampaignId("spring"))->of(TouchState::kSent), 3);
    return {};
  });
}

TEST(MassResult, AJobThatFailedAsAWholeReachedNobodyAndGivesTheQuotaBack) {
  TestState db;
  db.write([&](Session& s) -> Result<void> {
    const SendBatch batch = add_batch(s, "1000");
    const QuotaKey key{kShop, ChannelKind::kMass, batch.quota_period};
    EXPECT_EQ(*QuotaLedger::left(s, key, 100), 99);
    for (int repeat = 0; repeat < 2; ++repeat) {
      ZHIYIN_TRY_VOID(
          SendLedger::record_mass_result(s, kShop, "1000", {"err(10001)", 3, 3, 0, 3}, kNow));
    }
    EXPECT_EQ(*QuotaLedger::left(s, key, 100), 100);
    EXPECT_EQ(SendLedger::count(s, CampaignId("spring"))->of(TouchState::kFailed), 3);
    EXPECT_EQ((*SendLedger::find_batch(s, "zy1"))->error, "err(10001)");
    return {};
  });
}

TEST(MassResult, MayComeBeforeTheAnswerOfTheCall) {
  TestState db;
  db.write([&](Session& s) -> Result<void> {
    ZHIYIN_TRY_VOID(
        SendLedger::record_mass_result(s, kShop, "1000", {"err(20001)", 3, 3, 0, 3}, kNow));
    const SendBatch batch = add_batch(s, "1000");
    EXPECT_EQ(SendLedger::count(s, batch.campaign)->of(TouchState::kSent), 3);
    ZHIYIN_TRY_VOID(SendLedger::settle_mass_result(s, batch, kNow));
    EXPECT_EQ(SendLedger::count(s, batch.campaign)->of(TouchState::kFailed), 3);
    return {};
  });
}

TEST(TouchLine, SaysWhyNothingWasSentOrWhatBecameOfIt) {
  Touch touch = planned(1, kNow);
  touch.state = TouchState::kRefused;
  touch.rule = Rule::kMissingVariable;
  touch.error = "name";
  const TouchLine refused = line_of(touch);
  EXPECT_EQ(refused.rule, "missing_variable");
  EXPECT_TRUE(refused.explanation.ends_with("：name")) << refused.explanation;
  EXPECT_EQ(refused.at, kNow);
  touch.rule = Rule::kNone;
  touch.state = TouchState::kUnknown;
  touch.error.clear();
  touch.sent_at = kNow + kDay;
  EXPECT_NE(line_of(touch).explanation_en.find("never repeated"), std::string::npos);
  EXPECT_EQ(line_of(touch).at, kNow + kDay);
}

TEST(Holdout, AnAssignmentIsStoredAndNotRecomputed) {
  TestState db;
  const CampaignId spring("spring");
  std::vector<Candidate> people;
  for (int i = 0; i < 1000; ++i)
    people.push_back({PersonId("p_" + std::to_string(i)), identity(i)});
  db.write([&](Session& s) -> Result<void> {
    const std::span<const Candidate> most(people.data(), 970);
    ZHIYIN_TRY(const std::vector<bool> first, Holdout::assign(s, spring, most, 0.3, kNow));
    for (std::size_t i = 0; i < most.size(); ++i)
      EXPECT_EQ(first[i], Holdout::would_hold_out(spring, people[i].person, 0.3));
    const auto held = std::ranges::count(first, true);
    EXPECT_GT(held, 250);
    EXPECT_LT(held, 350);
    // Another share would decide differently for many; the stored word stands, also beside new
    // ones.
    ZHIYIN_TRY(const std::vector<bool> again, Holdout::assign(s, spring, people, 0.9, kNow));
    EXPECT_EQ(again.size(), people.size());
    for (std::size_t i = 0; i < people.size(); ++i) {
      EXPECT_EQ(again[i],
                i < most.size() ? first[i] : Holdout::would_hold_out(spring, people[i].person, 0.9))
          << i;
    }
    EXPECT_EQ(Holdout::list(s, spring, {}, 2000)->size(), 1000U);
    return {};
  });
}

TEST(Holdout, CampaignsHoldOutDifferentPeople) {
  int both = 0;
  int one = 0;
  for (int i = 0; i < 2000; ++i) {
    const PersonId person("p_" + std::to_string(i));
    const bool a = Holdout::would_hold_out(CampaignId("a"), person, 0.5);
    const bool b = Holdout::would_hold_out(CampaignId("b"), person, 0.5);
    both += a && b ? 1 : 0;
    one += a ? 1 : 0;
  }
  EXPECT_NEAR(both, one / 2, 80);
}

}  // namespace
}  // namespace zhiyin::delivery
