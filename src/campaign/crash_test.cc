#include <gtest/gtest.h>

#include "campaign/detail/test_world.h"
#include "delivery/quota_ledger.h"

namespace zhiyin::campaign {
namespace {

using delivery::TouchState;
using testing::cs_campaign;
using testing::kNoon;
using testing::mass_campaign;
using testing::Outcome;
using testing::OutcomeKind;
using testing::template_campaign;
using testing::World;

constexpr int kPeople = 7;
constexpr int kPointsMax = 500;

/// Runs `campaign` in a process that dies at its `point`-th step (a commit not made, a commit made,
/// a call not made, a call made but not answered), then in one that lives. False: it never came to
/// that.
bool die_and_go_on(World& w, Campaign campaign, int point) {
  for (int i = 0; i < kPeople; ++i) w.message_from(i, kNoon);
  EngineSettings s = w.settings;
  s.plan_slice = 3;
  s.mass_chunk_max = 5;
  w.reconfigure(s);
  campaign.holdout = 0.1;
  w.create_and_start(std::move(campaign));
  w.death.countdown = point;
  w.run();
  const bool died = w.death.is_dead;
  w.restart();
  w.run();
  return died;
}

/// What everybody got in the end, and how often.
std::string story(World& w) {
  std::string out;
  for (int i = 0; i < kPeople; ++i) {
    const auto got = w.channel.received.find("o" + std::to_string(i));
    out += fmt::format("{}:{}:{} ", i, enum_name(w.touch(i).state),
                       got == w.channel.received.end() ? 0 : got->second.size());
  }
  return out;
}

/// Every reservation was settled, and the ledger counts no less than what the platform got.
void expect_exact_quota(World& w, ChannelKind channel, std::int64_t calls_min) {
  w.db.write([&](storage::Session& s) -> Result<void> {
    const auto key =
        delivery::QuotaLedger::today(AccountId("shop"), channel, kNoon, TimeZone::shanghai());
    EXPECT_FALSE(delivery::QuotaLedger::release(s, key, 1)) << "a reservation was left open";
    EXPECT_GE(100 - *delivery::QuotaLedger::left(s, key, 100), calls_min);
    return {};
  });
}

TEST(Crash, AMassSendEndsInTheSameStateWhereverTheProcessDies) {
  World calm(kPeople);
  ASSERT_FALSE(die_and_go_on(calm, mass_campaign(), kPointsMax));
  const std::string expected = story(calm);
  ASSERT_EQ(calm.get().state, CampaignState::kDone);
  ASSERT_GE(calm.channel.mass_calls.size(), 2U);
  int point = 0;
  for (; point < kPointsMax; ++point) {
    World w(kPeople);
    const bool died = die_and_go_on(w, mass_campaign(), point);
    EXPECT_EQ(story(w), expected) << "died at step " << point;
    EXPECT_EQ(w.get().state, CampaignState::kDone) << "died at step " << point;
    EXPECT_EQ(w.channel.most_per_person(), 1U) << "died at step " << point;
    expect_exact_quota(w, ChannelKind::kMass, 2);
    if (!died) break;
  }
  EXPECT_GT(point, 15) << "the run has many steps";
  EXPECT_LT(point, kPointsMax);
}

TEST(Crash, ATemplateSendEndsInTheSameStateWhereverTheProcessDies) {
  World calm(kPeople);
  ASSERT_FALSE(die_and_go_on(calm, template_campaign(), kPointsMax));
  const std::string expected = story(calm);
  int point = 0;
  for (; point < kPointsMax; ++point) {
    World w(kPeople);
    const bool died = die_and_go_on(w, template_campaign(), point);
    EXPECT_EQ(story(w), expected) << "died at step " << point;
    EXPECT_EQ(w.channel.most_per_person(), 1U) << "died at step " << point;
    expect_exact_quota(w, ChannelKind::kTemplate, 6);
    if (!died) break;
  }
  EXPECT_GT(point, 30);
}

/// A process that takes calls in chunks of four, as where others send, too.
void take_chunks(World& w) {
  w.quota.process = "one";
  w.quota.chunk = 4;
  w.restart();
}

TEST(Crash, ACustomerServiceMessageIsNeverSentTwiceAndAtMostOneIsLeftUnknown) {
  World calm(kPeople);
  ASSERT_FALSE(die_and_go_on(calm, cs_campaign(), kPointsMax));
  const std::int64_t sent = calm.progress().sent;
  int point = 0;
  int unknown_seen = 0;
  for (; point < kPointsMax; ++point) {
    World w(kPeople);
    if (point % 2 == 1) take_chunks(w);
    const bool died = die_and_go_on(w, cs_campaign(), point);
    const Progress p = w.progress();
    EXPECT_EQ(p.sent + p.unknown, sent) << "died at step " << point;
    EXPECT_LE(p.unknown, 1) << "died at step " << point;
    EXPECT_EQ(w.channel.most_per_person(), 1U) << "died at step " << point;
    EXPECT_LE(static_cast<std::int64_t>(w.channel.received.size()), sent);
    EXPECT_EQ(w.get().state, CampaignState::kDone);
    expect_exact_quota(w, ChannelKind::kCustomerService, sent);
    unknown_seen += static_cast<int>(p.unknown);
    if (!died) break;
  }
  EXPECT_GT(point, 30);
  EXPECT_GT(unknown_seen, 5) << "some deaths fall between call and record";
}

TEST(Crash, RandomTroubleAndRepeatedDeathsNeverSendTwice) {
  constexpr int kRounds = 60;
  const OutcomeKind kinds[] = {OutcomeKind::kSent,        OutcomeKind::kUnknown,
                               OutcomeKind::kFailedRetry, OutcomeKind::kFailedRecipient,
                               OutcomeKind::kQuota,       OutcomeKind::kRefused};
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE(fmt::format("seed {}", round));
    Random random(static_cast<std::uint64_t>(round));
    World w(kPeople);
    EngineSettings s = w.settings;
    s.plan_slice = 1 + random.below(4);
    s.mass_chunk_max = 4 + random.below(3);
    w.reconfigure(s);
    if (round % 2 == 1) take_chunks(w);
    for (int i = 0; i < kPeople; ++i) w.message_from(i, kNoon);
    const std::uint64_t kind = random.below(3);
    Campaign c = kind == 0 ? mass_campaign() : kind == 1 ? cs_campaign() : template_campaign();
    w.create_and_start(c);
    for (int life = 0; life < 6; ++life) {
      w.channel.script.clear();
      for (int i = 0; i < 5; ++i) {
        w.channel.script.push_back(
            {Outcome{kinds[random.below(6)], {}, 1, "x", std::chrono::seconds(5)},
             random.below(2) == 0});
        // Only a silent platform may have delivered what it did not confirm.
        auto& last = w.channel.script.back();
        last.reaches = last.reaches && last.outcome.kind == OutcomeKind::kUnknown;
      }
      w.death.countdown = static_cast<int>(random.below(12));
      w.run();
      w.restart();
      if (w.get().state == CampaignState::kPaused) {
        ASSERT_TRUE(w.engine->resume(c.id, Overdue::kSend));
      }
    }
    w.channel.script.clear();
    w.run();
    EXPECT_EQ(w.get().state, CampaignState::kDone);
    EXPECT_LE(w.channel.most_per_person(), 1U);
    const Progress p = w.progress();
    EXPECT_EQ(p.sending + p.planned, 0);
    for (int i = 0; i < kPeople; ++i) {
      const bool reached = w.channel.received.contains("o" + std::to_string(i));
      const TouchState state = w.touch(i).state;
      const bool is_settled_no = state == TouchState::kFailed || state == TouchState::kRefused;
      EXPECT_TRUE(state != TouchState::kSent || reached) << i;
      EXPECT_TRUE(!is_settled_no || !reached) << i;
    }
  }
}

TEST(Crash, TheLedgerIsOnDiskBeforeThePlatformIsCalled) {
  World w(3);
  w.create_and_start(mass_campaign());
  w.death.countdown = -1;
  while (w.channel.calls == 0 && w.progress().sending == 0) {
    if (w.progress().planned == 3) w.death.countdown = 2;  // commit of the intent, then the call
    ASSERT_TRUE(w.engine->tick());
    if (w.death.is_dead) break;
  }
  ASSERT_TRUE(w.death.is_dead);
  EXPECT_EQ(w.progress().sending, 3) << "intent written, call not made";
  EXPECT_TRUE(w.channel.received.empty());
  w.restart();
  w.run();
  EXPECT_EQ(w.progress().sent, 3);
  EXPECT_EQ(w.channel.received.size(), 3U);
}

}  // namespace
}  // namespace zhiyin::campaign
