#include "delivery/wecom_sends.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "audience/people_projection.h"
#include "delivery/audience_recipients.h"
#include "delivery/quota_ledger.h"
#include "delivery/quota_view.h"
#include "delivery/test_state.h"
#include "delivery/wechat_senders.h"
#include "http/await.h"

namespace zhiyin::delivery {
namespace {

using testing::at;
using ::testing::ElementsAre;
using testing::TestState;

const Instant kNoon = at("2026-03-10T12:00:00");

class Platform final : public wechat::PlatformApi {
 public:
  std::vector<Json> bodies;
  std::optional<wechat::SendError> error;
  Json answer = Json().set("msgid", "m1");
  http::Task<wechat::Outcome<wechat::ApiAnswer>> perform(wechat::ApiAccount account,
                                                         Result<wechat::ApiCall> call) override {
    co_return perform_and_wait(account, std::move(call));
  }
  wechat::Outcome<wechat::ApiAnswer> perform_and_wait(const wechat::ApiAccount&,
                                                      Result<wechat::ApiCall> call) override {
    bodies.push_back(*parse_json(call->body));
    if (error) return std::unexpected(*error);
    return wechat::ApiAnswer{answer, {}, {}, {}};
  }
};

struct Corp : TestState {
  Corp()
      : TestState({audience::migrations()}),
        vault(*storage::Vault::create(*state, Secret(std::string(32, 'k')))),
        people(*state, *vault),
        recipients(people, clock),
        sends({*state, people, recipients, platform, clock}) {
    account.id = AccountId("corp");
    account.kind = wechat::AccountKind::kWecom;
    account.token_kind = wechat::TokenKind::kWecom;
    account.policy.touches_per_day = 100;
    account.policy.touches_per_month = 100;
  }
  static storage::Identity customer(const std::string& id) {
    return {"corp", "external_userid", id};
  }
  void withdraws(const std::string& id) {
    const storage::Identity who = customer(id);
    ingest::LoggedEvent logged;
    logged.offset = ++offset;
    logged.event.event_id = "e" + std::to_string(offset);
    logged.event.account = "corp";
    logged.event.identities = *vault->ensure(std::span(&who, 1), kNoon);
    logged.event.kind = "consent.withdraw";
    logged.event.occurred_at = logged.event.received_at = kNoon - std::chrono::hours(1);
    logged.event.source = "api";
    write([&](storage::Session& s) {
      return audience::PeopleProjection().apply(s, std::span(&logged, 1));
    });
  }
  static Json task(std::vector<std::string> customers) {
    Json list = Json::array();
    for (std::string& customer : customers) list.push(std::move(customer));
    return Json()
        .set("chat_type", "single")
        .set("external_userid", std::move(list))
        .set("text", Json().set("content", "上新了"));
  }
  Result<Json> send(std::vector<std::string> customers) {
    return sends.send(account, "task", task(std::move(customers)));
  }
  std::vector<std::string> asked(std::size_t call) {
    std::vector<std::string> out;
    for (const Json& one : *platform.bodies.at(call)["external_userid"].if_array())
      out.emplace_back(one.string_or(""));
    return out;
  }
  std::map<TouchState, int> states(const std::string& id) {
    const IdentityHash who = vault->hash(customer(id));
    std::map<TouchState, int> out;
    write([&](storage::Session& session) -> Result<void> {
      out.clear();
      ZHIYIN_TRY(const auto touches, SendLedger::of_identities(session, std::span(&who, 1), 100));
      for (const Touch& touch : touches) ++out[touch.state];
      return {};
    });
    return out;
  }
  std::int64_t used(ChannelKind channel) {
    std::int64_t out = 0;
    write([&](storage::Session& session) -> Result<void> {
      ZHIYIN_TRY(const auto sum,
                 QuotaLedger::sum(session, QuotaLedger::today(account.id, channel, clock.now(),
                                                              TimeZone::shanghai())));
      out = sum.used;
      return {};
    });
    return out;
  }

  std::unique_ptr<storage::Vault> vault;
  SteppedClock clock{kNoon};
  audience::People people;
  AudienceRecipients recipients;
  Platform platform;
  WecomSends sends;
  wechat::Account account;
  std::int64_t offset = 0;
};

TEST(WecomSends, AHeldAccountHandsOutNoTasks) {
  Corp w;
  wechat::SendError e;
  e.errcode = 48004;
  e.error_class = wechat::ErrorClass::kNever;
  w.platform.error = e;
  EXPECT_FALSE(w.send({"wmA"}));
  w.platform.error.reset();
  EXPECT_EQ(w.send({"wmB"}).error().code, ErrorCode::kConflict);
  EXPECT_EQ(w.platform.bodies.size(), 1U);
}

TEST(WecomSends, ACustomerIsAskedForFourTimesAMonthAndThenLeftOut) {
  Corp w;
  for (int i = 0; i < 4; ++i) {
    const auto sent = w.send({"wmA"});
    ASSERT_TRUE(sent) << sent.error().text();
    EXPECT_EQ((*sent)["msgid"].string_or(""), "m1");
    ASSERT_TRUE(w.clock.advance_to(w.clock.now() + std::chrono::hours(24)));
  }
  const auto fifth = w.send({"wmA", "wmB", "wmB"});
  ASSERT_TRUE(fifth) << fifth.error().text();
  EXPECT_THAT(w.asked(4), ElementsAre("wmB"));
  EXPECT_EQ((*fifth)["left_out"].dump(), R"([{"external_userid":"wmA","rule":"platform_quota"}])");
  const auto nobody = w.send({"wmA"});
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().code, ErrorCode::kLimitReached);
  EXPECT_EQ(w.platform.bodies.size(), 5U);
  ASSERT_TRUE(w.clock.advance_to(at("2026-04-01T00:00:00")));
  EXPECT_TRUE(w.send({"wmA"})) << "the month is over";
}

TEST(WecomSends, ConsentAndTheOwnersCapsAreKept) {
  Corp w;
  w.account.policy.touches_per_day = 1;
  w.withdraws("wmA");
  ASSERT_TRUE(w.send({"wmA", "wmB"}));
  EXPECT_THAT(w.asked(0), ElementsAre("wmB"));
  const auto again = w.send({"wmB", "wmC"});
  ASSERT_TRUE(again);
  EXPECT_EQ((*again)["left_out"].dump(), R"([{"external_userid":"wmB","rule":"frequency_cap"}])");
}

TEST(WecomSends, WhatCertainlyDidNotGoOutDoesNotCount) {
  Corp w;
  w.platform.answer = *parse_json(R"({"msgid":"m2","fail_list":["wmB"]})");
  ASSERT_TRUE(w.send({"wmA", "wmB"}));
  EXPECT_EQ(w.states("wmA")[TouchState::kSent], 1);
  EXPECT_EQ(w.states("wmB")[TouchState::kFailed], 1);
  EXPECT_EQ(w.used(ChannelKind::kWecomTask), 1);
  w.platform.error.emplace();
  w.platform.error->errcode = 84074;
  EXPECT_FALSE(w.send({"wmC"}));
  EXPECT_EQ(w.states("wmC")[TouchState::kFailed], 1);
  EXPECT_EQ(w.used(ChannelKind::kWecomTask), 1) << "given back";
  w.platform.error->progress = http::SendProgress::kOutcomeUnknown;
  EXPECT_FALSE(w.send({"wmD"}));
  EXPECT_EQ(w.states("wmD")[TouchState::kUnknown], 1);
  EXPECT_EQ(w.used(ChannelKind::kWecomTask), 2);
}

TEST(WecomSends, DaysWithANumberEndAndOthersAreOnlyCounted) {
  Corp w;
  w.account.policy.calls_per_day["wecom_mass_add"] = 1;
  ASSERT_TRUE(w.send({"wmA"}));
  EXPECT_EQ(w.send({"wmB"}).error().code, ErrorCode::kLimitReached);
  EXPECT_TRUE(w.states("wmB").empty());
  const Json message = *parse_json(
      R"({"touser":"lili","msgtype":"text","agentid":1000002,"text":{"content":"有新客户"}})");
  const auto sent = w.sends.send(w.account, "message", message);
  ASSERT_TRUE(sent) << sent.error().text();
  EXPECT_EQ(w.used(ChannelKind::kWecomMessage), 1);
  EXPECT_EQ(w.sends.send(w.account, "letter", message).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(w.sends.send(w.account, "task", Json::object()).error().code,
            ErrorCode::kInvalidArgument);
  const auto sender = sender_of(w.account);
  ASSERT_TRUE(sender);
  w.write([&](storage::Session& session) -> Result<void> {
    ZHIYIN_TRY(const AccountQuota quota, account_quota(session, *sender, w.clock.now()));
    std::map<ChannelKind, ChannelQuota> by;
    for (const ChannelQuota& one : quota.channels) by[one.channel] = one;
    EXPECT_EQ(by.size(), 2U) << "moments: no number and nothing used";
    EXPECT_EQ(by[ChannelKind::kWecomTask].limit, 1);
    EXPECT_EQ(by[ChannelKind::kWecomTask].left, 0);
    EXPECT_EQ(by[ChannelKind::kWecomMessage].used, 1);
    EXPECT_EQ(by[ChannelKind::kWecomMessage].limit, 0) << "no number is known";
    return {};
  });
}

TEST(WecomSends, WhatADeadProcessLeftIsClosedAndCounts) {
  Corp w;
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(w.send({"wmA"}));
  w.write([&](storage::Session& session) -> Result<void> {  // as if no answer had been written
    ZHIYIN_TRY_VOID(session.execute("UPDATE touch SET state = 4"));
    return {};
  });
  EXPECT_FALSE(w.send({"wmA"})) << "may have gone out";
  ASSERT_TRUE(WecomSends::close_left(*w.state, w.clock.now()));
  EXPECT_EQ(w.states("wmA")[TouchState::kSending], 4) << "the call may be under way";
  ASSERT_TRUE(WecomSends::close_left(*w.state, w.clock.now() + std::chrono::hours(1)));
  EXPECT_EQ(w.states("wmA")[TouchState::kUnknown], 4);
  EXPECT_FALSE(w.send({"wmA"}));
}

}  // namespace
}  // namespace zhiyin::delivery
