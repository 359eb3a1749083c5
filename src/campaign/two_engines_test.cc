#include <gtest/gtest.h>

#include <functional>

#include "campaign/detail/test_world.h"
#include "storage/fenced_state.h"

/// Two engines on one state: a leader that was suspended and the one that took over.
namespace zhiyin::campaign {
namespace {

using namespace testing;

/// Lets something happen while a call is under way.
class Interrupted final : public delivery::MessageChannel {
 public:
  explicit Interrupted(delivery::MessageChannel& inner) : inner_(inner) {}
  std::function<void()> before = [] {};

  delivery::Outcome send_mass(const AccountId& account, std::span<const std::string> openids,
                              const Content& content, std::string_view id) override {
    interrupt();
    return inner_.send_mass(account, openids, content, id);
  }
  delivery::Outcome send_customer_service(const AccountId& account, std::string_view openid,
                                          const Content& content) override {
    interrupt();
    return inner_.send_customer_service(account, openid, content);
  }
  delivery::Outcome send_template(const AccountId& account, std::string_view openid,
                                  const Content& content, std::string_view id) override {
    interrupt();
    return inner_.send_template(account, openid, content, id);
  }
  delivery::Outcome preview_mass(const AccountId& account, std::string_view openid,
                                 const Content& content) override {
    return inner_.preview_mass(account, openid, content);
  }

 private:
  void interrupt() {
    std::exchange(before, [] {})();
  }
  delivery::MessageChannel& inner_;
};

class TwoEngines : public ::testing::TestWithParam<ChannelKind> {
 protected:
  TwoEngines() {
    for (int i = 0; i < 20; ++i) w.message_from(i, kNoon - std::chrono::hours(1));
    Campaign c = GetParam() == ChannelKind::kMass       ? mass_campaign()
                 : GetParam() == ChannelKind::kTemplate ? template_campaign()
                                                        : cs_campaign();
    c.holdout = 0;
    w.create_and_start(std::move(c));
  }
  EngineParts parts(storage::State& state) {
    return {state, w.people, w.people, w.senders, channel, w.clock, null_logger()};
  }
  void expect_ledger_exact() {
    const auto progress = w.progress();
    EXPECT_EQ(w.channel.most_per_person(), 1U);
    EXPECT_EQ(progress.planned + progress.sending, 0);
    // Of the day: clock minutes count each call, also the repeated ones.
    const auto used =
        w.db.state->query("SELECT SUM(used), SUM(reserved) FROM quota_use WHERE period < 1000000");
    EXPECT_EQ(storage::as_int(used->rows[0][1]), 0);
    const std::int64_t calls = GetParam() == ChannelKind::kMass
                                   ? static_cast<std::int64_t>(w.channel.mass_calls.size())
                                   : progress.sent + progress.unknown;
    EXPECT_LE(storage::as_int(used->rows[0][0]), calls);
  }

  World w{20};
  Interrupted channel{w.channel};
};

TEST_P(TwoEngines, WhoWasSuspendedInACallSendsNothingThatTheOtherHasSent) {
  CampaignEngine suspended(parts(*w.db.state), w.settings);
  CampaignEngine other(parts(*w.db.state), w.settings);
  channel.before = [&] {
    for (int i = 0; i < 50; ++i) {
      const auto tick = other.tick();
      ASSERT_TRUE(tick) << tick.error().text();
      if (!tick->more) break;
    }
  };
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(suspended.tick());
  w.run();
  expect_ledger_exact();
}

TEST_P(TwoEngines, WhoNoLongerLeadsWritesNothing) {
  bool leads = true;
  storage::FencedState fenced(*w.db.state, [&](storage::Session&) -> Result<void> {
    if (leads) return {};
    return fail(ErrorCode::kConflict, "another process has taken the lead");
  });
  CampaignEngine old(parts(fenced), w.settings);
  channel.before = [&] { leads = false; };
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(old.tick());
  EXPECT_EQ(w.progress().sent, 0) << "it could not even tell what became of its call";
  const std::size_t calls = static_cast<std::size_t>(w.channel.calls);
  EXPECT_EQ(calls, 1U);
  w.run();  // the new leader
  expect_ledger_exact();
}

INSTANTIATE_TEST_SUITE_P(Channels, TwoEngines,
                         ::testing::Values(ChannelKind::kMass, ChannelKind::kTemplate,
                                           ChannelKind::kCustomerService),
                         [](const auto& p) { return std::string(enum_name(p.param)); });

}  // namespace
}  // namespace zhiyin::campaign
