#include "delivery/direct_send.h"

#include <atomic>
#include <thread>

#include "base/mutex.h"
#include "delivery/delivery_projection.h"
#include "delivery/grants.h"
#include "delivery/quota_ledger.h"
#include "delivery/quota_view.h"
#include "delivery/test_state.h"
#include "delivery/wechat_senders.h"
#include "http/await.h"

namespace zhiyin::delivery {
namespace {

using storage::Session;
using testing::at;
using testing::identity;
using testing::TestState;

const AccountId kShop("shop");
const Instant kNoon = at("2026-03-10T12:00:00");

/// Knows one follower, `oA`, who is identity 1.
class OneFollower final : public Recipients {
 public:
  bool following = true;
  bool consent = true;
  Result<std::vector<Recipient>> find(std::span<const PersonId> people,
                                      const RecipientQuery&) const override {
    std::vector<Recipient> out;
    for (const PersonId& person : people) {
      Recipient r;
      r.person = person;
      r.identity = identity(1);
      r.identities = {identity(1)};
      r.has_openid = true;
      r.following = following;
      r.consent = consent;
      out.push_back(std::move(r));
    }
    return out;
  }
  Result<Recipient> by_openid(std::string_view openid, const RecipientQuery& query) const override {
    const PersonId known("p_1");
    if (openid == "oA") return find(std::span(&known, 1), query)->front();
    Recipient nobody;
    nobody.identity = identity(2);
    nobody.identities = {identity(2)};
    nobody.has_openid = true;
    return nobody;
  }
  Result<Secret> openid(const IdentityHash&) const override { return Secret("oA"); }
};

/// Answers what it is told and remembers what it was asked.
class FakePlatformApi final : public wechat::PlatformApi {
 public:
  std::vector<wechat::ApiCall> calls;
  std::optional<wechat::SendError> error;
  std::function<void()> meanwhile;  ///< happens while the call is out
  http::Task<wechat::Outcome<wechat::ApiAnswer>> perform(wechat::ApiAccount account,
                                                         Result<wechat::ApiCall> call) override {
    co_return perform_and_wait(account, std::move(call));
  }
  wechat::Outcome<wechat::ApiAnswer> perform_and_wait(const wechat::ApiAccount&,
                                                      Result<wechat::ApiCall> call) override {
    if (meanwhile) meanwhile();
    const MutexLock lock(mutex_);
    calls.push_back(call.value());
    if (error) return std::unexpected(*error);
    return wechat::ApiAnswer();
  }

 private:
  Mutex mutex_;
};

struct Shop : TestState {
  Shop()
      : TestState({wechat::Accounts::migrations()}),
        vault(*storage::Vault::create(*state, Secret(std::string(32, 'k')))),
        accounts(*state, *vault, clock),
        sends({*state, accounts, recipients, platform, clock}) {
    input.id = kShop;
    input.verified = true;
    input.app_id = "wx0123456789abcdef";
    input.app_secret = "0123456789abcdef0123456789abcdef";
    input.mode = wechat::CallbackMode::kPlain;
    EXPECT_TRUE(accounts.create(input));
  }
  /// What the platform told about the follower.
  void happened(std::string kind, Json properties = {}) {
    ingest::LoggedEvent e;
    e.event.event_id = kind + std::to_string(++events);
    e.event.account = "shop";
    e.event.identities = {identity(1)};
    e.event.kind = std::move(kind);
    if (!properties.is_null()) e.event.properties = properties.dump();
    e.event.occurred_at = e.event.received_at = clock.now();
    e.event.source = "wechat";
    write([&](Session& s) { return DeliveryProjection().apply(s, std::span(&e, 1)); });
  }
  void granted(std::string_view status) {
    Json list = Json::array();
    list.push(Json().set("template", "TPL").set("status", status));
    happened("wechat.subscribe_msg_popup_event", Json().set("templates", std::move(list)));
  }
  /// What the platform told of a subscribe message.
  void reported(std::string_view status, std::string_view msg_id) {
    Json list = Json::array();
    list.push(Json().set("template", "TPL").set("status", status).set("msg_id", msg_id));
    happened("wechat.subscribe_msg_sent_event", Json().set("templates", std::move(list)));
  }
  TouchState state_of(const TouchId& id) {
    TouchState out = TouchState::kPlanned;
    write([&](Session& s) -> Result<void> {
      ZHIYIN_TRY(const auto touch, SendLedger::find(s, id));
      out = touch.value().state;
      return {};
    });
    return out;
  }
  Result<DirectResult> text(std::string words, std::string openid = "oA",
                            std::optional<Occasion> answers = {}) {
    wechat::CustomSendAsk ask;
    ask.msgtype = "text";
    ask.text = wechat::TextContent{std::move(words)};
    return sends.send(kShop, openid, ask, answers);
  }
  Result<DirectResult> notice() {
    wechat::SubscribeBizAsk ask;
    ask.template_id = "TPL";
    ask.data["thing1"].value = "订单";
    return sends.send(kShop, "oA", ask);
  }
  std::int64_t grants() {
    std::int64_t n = 0;
    write([&](Session& s) -> Result<void> {
      ZHIYIN_TRY(const auto list, Grants::list(s, {identity(1), kShop}));
      n = 0;  // the transaction may be repeated
      for (const Grant& g : list) n += g.remaining;
      return {};
    });
    return n;
  }
  ChannelQuota quota(ChannelKind channel) {
    ChannelQuota out;
    write([&](Session& s) -> Result<void> {
      ZHIYIN_TRY(const auto account, accounts.get(kShop));
      ZHIYIN_TRY(const auto sender, sender_of(account));
      ZHIYIN_TRY(const auto all, account_quota(s, sender, clock.now()));
      for (const ChannelQuota& q : all.channels) {
        if (q.channel == channel) out = q;
      }
      return {};
    });
    return out;
  }

  SteppedClock clock{kNoon};
  std::unique_ptr<storage::Vault> vault;
  wechat::Accounts accounts;
  wechat::AccountInput input;
  OneFollower recipients;
  FakePlatformApi platform;
  DirectSends sends;
  int events = 0;
};

wechat::SendError refusal(std::int64_t errcode) {
  const wechat::PlatformError& known = wechat::platform_error(errcode);
  wechat::SendError e;
  e.errcode = errcode;
  e.code = known.code;
  e.error_class = known.error_class;
  return e;
}

wechat::SendError silence() {
  wechat::SendError e;
  e.progress = http::SendProgress::kOutcomeUnknown;
  return e;
}

TEST(DirectSend, AMessageOpensAWindowOfFiveAnswers) {
  Shop shop;
  EXPECT_EQ(shop.text("hi")->rule, Rule::kCsWindow);
  EXPECT_TRUE(shop.platform.calls.empty());
  shop.happened("message");
  for (int left = 5; left > 0; --left) {
    EXPECT_EQ(shop.sends.window(kShop, "oA")->left, left);
    const auto sent = shop.text("hi");
    ASSERT_TRUE(sent) << sent.error().text();
    EXPECT_EQ(sent->state, TouchState::kSent);
  }
  EXPECT_EQ(shop.text("hi")->rule, Rule::kCsWindow);
  EXPECT_EQ(shop.platform.calls.size(), 5U);
  EXPECT_EQ(shop.platform.calls[0].body,
            R"({"touser":"oA","msgtype":"text","text":{"content":"hi"}})");
  EXPECT_EQ(shop.quota(ChannelKind::kCustomerService).used, 5);
  EXPECT_EQ(shop.quota(ChannelKind::kCustomerService).reserved, 0);
}

TEST(DirectSend, ManyAtOnceNeverPassTheWindowOrThePermissions) {
  Shop shop;
  shop.happened("message");
  shop.granted("accept");
  shop.granted("accept");
  std::atomic<int> answers = 0;
  std::atomic<int> notices = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        for (int n = 0; n < 3; ++n) {
          if (const auto sent = shop.text("hi"); sent && sent->state == TouchState::kSent)
            ++answers;
          if (const auto sent = shop.notice(); sent && sent->state == TouchState::kSent) ++notices;
        }
      });
    }
  }
  EXPECT_EQ(answers, 5);
  EXPECT_EQ(notices, 2);
  EXPECT_EQ(shop.platform.calls.size(), 7U);
  EXPECT_EQ(shop.grants(), 0);
  EXPECT_EQ(shop.quota(ChannelKind::kCustomerService).used, 5);
  EXPECT_EQ(shop.quota(ChannelKind::kSubscribe).used, 2);
  EXPECT_EQ(shop.quota(ChannelKind::kSubscribe).reserved, 0);
}

TEST(DirectSend, TheWindowSaysHowLongItLasts) {
  Shop shop;
  shop.happened("message");
  ASSERT_TRUE(shop.clock.advance_to(kNoon + std::chrono::hours(1)));
  shop.happened("menu_click");
  const auto window = shop.sends.window(kShop, "oA");
  ASSERT_TRUE(window);
  EXPECT_EQ(window->openings.size(), 2U);
  EXPECT_EQ(window->left, 5);
  EXPECT_EQ(window->until, kNoon + std::chrono::hours(48));
  ASSERT_TRUE(shop.clock.advance_to(kNoon + std::chrono::hours(48)));
  EXPECT_EQ(shop.sends.window(kShop, "oA")->left, 0);
  EXPECT_EQ(shop.sends.window(kShop, "oB").error().code, ErrorCode::kNotFound);
}

TEST(DirectSend, OpeningAMiniProgramsConversationAllowsTwoWithinAMinute) {
  Shop shop;
  shop.input.kind = wechat::AccountKind::kMiniProgram;
  shop.input.policy.customer_service_windows.erase("enter");  // stored before it was known
  ASSERT_TRUE(shop.accounts.put(shop.input, 1));
  shop.happened("wechat.user_enter_tempsession");
  EXPECT_EQ(shop.text("hi")->state, TouchState::kSent);
  EXPECT_EQ(shop.text("hi")->state, TouchState::kSent);
  EXPECT_EQ(shop.text("hi")->rule, Rule::kCsWindow);
  ASSERT_TRUE(shop.clock.advance_to(kNoon + std::chrono::seconds(30)));
  shop.happened("wechat.user_enter_tempsession");
  ASSERT_TRUE(shop.clock.advance_to(kNoon + std::chrono::seconds(90)));
  EXPECT_EQ(shop.text("hi")->rule, Rule::kCsWindow);
  shop.input.policy.customer_service_windows["enter"] = {5, std::chrono::hours(1)};
  ASSERT_TRUE(shop.accounts.put(shop.input, 2));
  EXPECT_EQ(shop.text("hi")->state, TouchState::kSent);
}

TEST(DirectSend, WhatCertainlyDidNotGoOutIsGivenBack) {
  Shop shop;
  shop.happened("message");
  shop.platform.error = refusal(45015);
  const auto refused = shop.text("hi");
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->state, TouchState::kFailed);
  EXPECT_EQ(shop.sends.window(kShop, "oA")->left, 5);
  EXPECT_EQ(shop.quota(ChannelKind::kCustomerService).used, 0);
  EXPECT_EQ(shop.quota(ChannelKind::kCustomerService).failed, 1);
}

TEST(DirectSend, AnUnknownOutcomeCounts) {
  Shop shop;
  shop.happened("message");
  shop.platform.error = silence();
  EXPECT_EQ(shop.text("hi")->state, TouchState::kUnknown);
  EXPECT_EQ(shop.sends.window(kShop, "oA")->left, 4);
  EXPECT_EQ(shop.quota(ChannelKind::kCustomerService).used, 1);
  EXPECT_EQ(shop.quota(ChannelKind::kCustomerService).unknown, 1);
}

TEST(DirectSend, TheAccountsDayIsABudgetToo) {
  Shop shop;
  shop.input.policy.customer_service_per_day = 1;
  ASSERT_TRUE(shop.accounts.put(shop.input, 1));
  shop.happened("message");
  EXPECT_EQ(shop.text("a")->state, TouchState::kSent);
  EXPECT_EQ(shop.text("b")->rule, Rule::kPlatformQuota);
  EXPECT_EQ(shop.quota(ChannelKind::kCustomerService).left, 0);
  ASSERT_TRUE(shop.clock.advance_to(kNoon + std::chrono::hours(12)));  // midnight in Shanghai
  EXPECT_EQ(shop.text("b")->state, TouchState::kSent);
}

TEST(DirectSend, EveryAcceptedPopupIsOneSubscribeMessage) {
  Shop shop;
  EXPECT_EQ(shop.notice()->rule, Rule::kNoGrant);
  shop.granted("accept");
  shop.granted("accept");
  EXPECT_EQ(shop.grants(), 2);
  EXPECT_EQ(shop.notice()->state, TouchState::kSent);
  EXPECT_EQ(shop.grants(), 1);
  shop.platform.error = refusal(47003);
  EXPECT_EQ(shop.notice()->state, TouchState::kFailed);
  EXPECT_EQ(shop.grants(), 1);  // given back
  shop.platform.error = silence();
  EXPECT_EQ(shop.notice()->state, TouchState::kUnknown);
  EXPECT_EQ(shop.grants(), 0);  // perhaps used, so counted
  EXPECT_EQ(shop.notice()->rule, Rule::kNoGrant);
}

TEST(DirectSend, ARefusalTakesAllPermissionsBack) {
  Shop shop;
  shop.granted("accept");
  shop.granted("accept");
  ASSERT_TRUE(shop.clock.advance_to(kNoon + std::chrono::seconds(1)));
  shop.granted("reject");
  EXPECT_EQ(shop.grants(), 0);
  shop.granted("accept");
  shop.granted("accept");
  shop.platform.error = refusal(43101);  // the platform knows better
  EXPECT_EQ(shop.notice()->state, TouchState::kFailed);
  EXPECT_EQ(shop.grants(), 0);
}

TEST(DirectSend, ThePlatformsReportSettlesASubscribeMessage) {
  Shop shop;
  for (int i = 0; i < 3; ++i) shop.granted("accept");
  const TouchId arrived = shop.notice()->touch;
  const TouchId blocked = shop.notice()->touch;
  shop.platform.error = silence();
  const TouchId unheard = shop.notice()->touch;
  EXPECT_EQ(shop.grants(), 0);
  shop.reported("sent", "7");
  shop.reported("failed", "8");
  EXPECT_EQ(shop.state_of(arrived), TouchState::kSent);
  EXPECT_EQ(shop.state_of(blocked), TouchState::kFailed);
  EXPECT_EQ(shop.state_of(unheard), TouchState::kUnknown) << "its call was not answered";
  EXPECT_EQ(shop.grants(), 1) << "a permission is used up by what arrived";
  shop.reported("failed", "8");
  EXPECT_EQ(shop.grants(), 1) << "told again";
  shop.reported("sent", "9");
  EXPECT_EQ(shop.state_of(unheard), TouchState::kSent);
  EXPECT_EQ(shop.grants(), 1);
  EXPECT_EQ(shop.quota(ChannelKind::kSubscribe).used, 3);
}

TEST(DirectSend, AReportMayComeBeforeTheCallsOwnAnswer) {
  Shop shop;
  shop.granted("accept");
  shop.platform.meanwhile = [&] { shop.reported("sent", "7"); };
  shop.platform.error = silence();
  const auto sent = shop.notice();
  EXPECT_EQ(shop.state_of(sent->touch), TouchState::kSent);
  EXPECT_EQ(shop.quota(ChannelKind::kSubscribe).used, 1);
  EXPECT_EQ(shop.quota(ChannelKind::kSubscribe).reserved, 0);
}

TEST(DirectSend, WhatAnotherSystemSendsUsesPermissionsUpToo) {
  Shop shop;
  shop.granted("accept");
  shop.granted("accept");
  shop.reported("failed", "1");
  EXPECT_EQ(shop.grants(), 2);
  shop.reported("sent", "2");
  EXPECT_EQ(shop.grants(), 1);
  shop.input.policy.long_term_templates = {"TPL"};
  ASSERT_TRUE(shop.accounts.put(shop.input, 1));
  shop.reported("sent", "3");
  EXPECT_EQ(shop.grants(), 1) << "it holds until it is taken back";
}

TEST(DirectSend, AMinuteOfThePolicyIsKeptToOverAllProcesses) {
  Shop shop;
  shop.input.policy.calls_per_minute["custom_send"] = 2;
  ASSERT_TRUE(shop.accounts.put(shop.input, 1));
  shop.happened("message");
  EXPECT_EQ(shop.text("hi")->state, TouchState::kSent);
  DirectSends other({*shop.state, shop.accounts, shop.recipients, shop.platform, shop.clock});
  wechat::CustomSendAsk ask;
  ask.msgtype = "text";
  ask.text = wechat::TextContent{"hi"};
  EXPECT_EQ(other.send(kShop, "oA", ask)->state, TouchState::kSent);
  EXPECT_EQ(shop.text("hi")->rule, Rule::kPlatformQuota);
  ASSERT_TRUE(shop.clock.advance_to(kNoon + std::chrono::minutes(1)));
  EXPECT_EQ(shop.text("hi")->state, TouchState::kSent);
}

TEST(DirectSend, WhatIsRefusedUsesNeitherTheMinuteNorThePermission) {
  Shop shop;
  shop.input.policy.calls_per_minute["subscribe_bizsend"] = 2;
  ASSERT_TRUE(shop.accounts.put(shop.input, 1));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(shop.notice()->rule, Rule::kNoGrant);
  for (int i = 0; i < 3; ++i) shop.granted("accept");
  EXPECT_EQ(shop.notice()->state, TouchState::kSent);
  EXPECT_EQ(shop.notice()->state, TouchState::kSent);
  EXPECT_EQ(shop.notice()->rule, Rule::kPlatformQuota);
  EXPECT_EQ(shop.grants(), 1);
}

TEST(DirectSend, AMiniProgramsMinuteGoesByItsOwnMethod) {
  Shop shop;
  shop.input.kind = wechat::AccountKind::kMiniProgram;
  shop.input.policy.calls_per_minute["subscribe_send"] = 1;
  ASSERT_TRUE(shop.accounts.put(shop.input, 1));
  shop.granted("accept");
  shop.granted("accept");
  EXPECT_EQ(shop.notice()->state, TouchState::kSent);
  EXPECT_EQ(shop.notice()->rule, Rule::kPlatformQuota);
}

TEST(DirectSend, TwoProcessesWithChunksUseTheDayUpToTheLastCall) {
  Shop shop;
  shop.input.policy.customer_service_per_day = 3;
  ASSERT_TRUE(shop.accounts.put(shop.input, 1));
  shop.happened("message");
  storage::GroupedWrites writes(*shop.state);
  std::vector<DirectSends> processes;
  for (const char* name : {"p1", "p2"}) {
    processes.emplace_back(DirectSends::Parts{*shop.state,
                                              shop.accounts,
                                              shop.recipients,
                                              shop.platform,
                                              shop.clock,
                                              {name, 10, std::chrono::minutes(10), {}},
                                              &writes});
  }
  wechat::CustomSendAsk ask;
  ask.msgtype = "text";
  ask.text = wechat::TextContent{"hi"};
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_EQ(processes[i % 2].send(kShop, "oA", ask)->state, TouchState::kSent);
  EXPECT_EQ(processes[0].send(kShop, "oA", ask)->rule, Rule::kPlatformQuota);
  EXPECT_EQ(processes[1].send(kShop, "oA", ask)->rule, Rule::kPlatformQuota);
  const ChannelQuota quota = shop.quota(ChannelKind::kCustomerService);
  EXPECT_EQ(quota.used, 3);
  EXPECT_EQ(quota.reserved, 0);
  EXPECT_EQ(quota.left, 0);
}

TEST(DirectSend, ALongTermPermissionIsNotUsedUp) {
  Shop shop;
  shop.input.policy.long_term_templates = {"TPL"};
  ASSERT_TRUE(shop.accounts.put(shop.input, 1));
  shop.granted("accept");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(shop.notice()->state, TouchState::kSent);
  EXPECT_EQ(shop.grants(), 1);
}

TEST(DirectSend, WhoDoesNotFollowOrIsUnknownIsRefusedAndBadInputNamesItsField) {
  Shop shop;
  shop.happened("message");
  shop.recipients.following = false;
  EXPECT_EQ(shop.text("hi")->rule, Rule::kNotFollowing);
  EXPECT_EQ(shop.text(std::string(2'049, 'x')).error().field, "text.content");
  wechat::CustomSendAsk ask;
  ask.msgtype = "text";
  ask.text = wechat::TextContent{"x"};
  EXPECT_EQ(shop.sends.send(kShop, "oB", ask)->rule, Rule::kNotFollowing);
  EXPECT_EQ(shop.sends.send(AccountId("no"), "oA", ask).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(shop.platform.calls.empty());
}

TEST(DirectSend, ABanStopsAllSendsOfTheAccountUntilItIsReleased) {
  Shop shop;
  shop.happened("message");
  shop.granted("accept");
  shop.platform.error = refusal(48004);
  EXPECT_EQ(shop.text("hi")->state, TouchState::kFailed);
  shop.platform.error.reset();
  const auto held = shop.text("hi");
  ASSERT_TRUE(held) << held.error().text();
  EXPECT_EQ(held->state, TouchState::kRefused);
  EXPECT_EQ(held->rule, Rule::kAccountHeld);
  EXPECT_EQ(shop.notice()->rule, Rule::kAccountHeld);
  EXPECT_EQ(shop.text("hi", "oA", Occasion{CsTrigger::kMessage, kNoon})->rule, Rule::kAccountHeld);
  EXPECT_EQ(shop.platform.calls.size(), 1U) << "the platform is not asked again";
  EXPECT_EQ(shop.grants(), 1);
  shop.write([&](Session& s) -> Result<void> {
    ZHIYIN_TRY(const SenderAccount sender, sender_of(*shop.accounts.get(kShop)));
    ZHIYIN_TRY(const AccountQuota quota, account_quota(s, sender, shop.clock.now()));
    EXPECT_TRUE(quota.held);
    ZHIYIN_TRY(const bool released, SendHolds::release(s, kShop, "user:anna", shop.clock.now()));
    EXPECT_TRUE(released);
    return {};
  });
  EXPECT_EQ(shop.text("hi")->state, TouchState::kSent);
  EXPECT_EQ(shop.notice()->state, TouchState::kSent);
}

TEST(DirectSend, AnAnswerNeedsNoEventThatHasBeenCounted) {
  Shop shop;
  shop.recipients.following = false;
  const Occasion wrote{CsTrigger::kMessage, kNoon};
  const auto sent = shop.text("hi", "oB", wrote);  // nobody has heard of them yet
  ASSERT_TRUE(sent) << sent.error().text();
  EXPECT_EQ(sent->state, TouchState::kSent);
  shop.write([&](Session& s) -> Result<void> {
    ZHIYIN_TRY(const auto touch, SendLedger::find(s, sent->touch));
    EXPECT_EQ(touch->identity, identity(2));
    EXPECT_FALSE(touch->person.empty());
    return {};
  });
  for (int i = 0; i < 4; ++i) EXPECT_EQ(shop.text("hi", "oB", wrote)->state, TouchState::kSent);
  EXPECT_EQ(shop.text("hi", "oB", wrote)->rule, Rule::kCsWindow) << "five, counted or not";
  EXPECT_EQ(
      shop.text("hi", "oA", Occasion{CsTrigger::kMessage, kNoon + std::chrono::seconds(2)})->state,
      TouchState::kSent)
      << "the platform's clock is ahead of ours";
  EXPECT_EQ(
      shop.text("hi", "oA", Occasion{CsTrigger::kMenu, kNoon - std::chrono::minutes(1)})->rule,
      Rule::kCsWindow);
}

TEST(DirectSend, AnAnswerReachesWhoHasOptedOutAndNothingElseDoes) {
  Shop shop;
  shop.recipients.consent = false;
  shop.happened("message");
  EXPECT_EQ(shop.text("hi")->rule, Rule::kNoConsent);
  EXPECT_EQ(shop.text("hi", "oA", Occasion{CsTrigger::kMessage, kNoon})->state, TouchState::kSent);
}

TEST(DirectSend, AMiniProgramHasNoFollowers) {
  Shop shop;
  shop.recipients.following = false;
  shop.input.kind = wechat::AccountKind::kMiniProgram;
  ASSERT_TRUE(shop.accounts.put(shop.input, 1));
  EXPECT_EQ(shop.text("hi")->rule, Rule::kCsWindow);
  EXPECT_EQ(shop.text("hi", "oB")->rule, Rule::kCsWindow);
  shop.happened("message");
  EXPECT_EQ(shop.text("hi")->state, TouchState::kSent);
}

TEST(DirectSend, APermissionHoldsWithoutFollowing) {
  Shop shop;
  shop.recipients.following = false;
  EXPECT_EQ(shop.notice()->rule, Rule::kNoGrant);
  shop.granted("accept");
  EXPECT_EQ(shop.notice()->state, TouchState::kSent);
}

TEST(DirectSend, WhatADeadProcessLeftOpenHoldsItsReservation) {
  Shop shop;
  shop.happened("message");
  ASSERT_EQ(shop.text("hi")->state, TouchState::kSent);
  shop.write([&](Session& s) -> Result<void> {
    ZHIYIN_TRY(const auto open, SendLedger::open_tests(s, 10));
    EXPECT_TRUE(open.empty());
    return {};
  });
  // The intent is written in the transaction that reserves: as if the process died in the call.
  shop.write([&](Session& s) -> Result<void> {
    const QuotaKey key = QuotaLedger::today(kShop, ChannelKind::kCustomerService, shop.clock.now(),
                                            TimeZone::shanghai());
    ZHIYIN_TRY_VOID(QuotaLedger::reserve(s, key, 1, 10));
    Touch touch = testing::planned(1, shop.clock.now(), ChannelKind::kCustomerService);
    touch.state = TouchState::kSending;
    touch.is_test = true;
    touch.sent_at = shop.clock.now();
    ZHIYIN_TRY_VOID(SendLedger::add(s, touch));
    ZHIYIN_TRY(const auto open, SendLedger::open_tests(s, 10));
    EXPECT_EQ(open.size(), 1U);
    return {};
  });
  EXPECT_EQ(shop.sends.window(kShop, "oA")->left, 3);
  EXPECT_EQ(shop.quota(ChannelKind::kCustomerService).reserved, 1);
}

TEST(DirectSends, AOneTimeMessageUsesUpTheConfirmationOfItsTemplateAndScene) {
  Shop w;
  const auto confirmed = [&](std::int64_t scene) {
    w.happened(std::string(kOnceConfirmed), Json().set("template_id", "TPL").set("scene", scene));
  };
  const auto send = [&](std::int64_t scene) {
    wechat::TemplateOnceAsk ask;
    ask.template_id = "TPL";
    ask.scene = scene;
    ask.title = "到货";
    ask.data.content.value = "您关注的书到了";
    return w.sends.send(kShop, "oA", ask);
  };
  EXPECT_EQ(send(7)->rule, Rule::kNoGrant);
  confirmed(7);
  w.recipients.following = false;  // a confirmation holds without
  EXPECT_EQ(send(8)->rule, Rule::kNoGrant) << "another scene";
  const auto sent = send(7);
  ASSERT_TRUE(sent) << sent.error().text();
  EXPECT_EQ(sent->state, TouchState::kSent);
  EXPECT_EQ(send(7)->rule, Rule::kNoGrant) << "one message for one confirmation";
  EXPECT_EQ(w.platform.calls.size(), 1U);
  EXPECT_EQ(w.platform.calls[0].endpoint->name, "template_once");
  EXPECT_EQ(w.quota(ChannelKind::kTemplateOnce).used, 1);
  confirmed(7);
  w.platform.error = refusal(45009);
  EXPECT_EQ(send(7)->state, TouchState::kFailed);
  EXPECT_EQ(w.grants(), 1) << "certainly not sent: given back";
  w.platform.error = refusal(43101);
  EXPECT_EQ(send(7)->state, TouchState::kFailed);
  EXPECT_EQ(w.grants(), 0) << "the platform knows of none";
}

}  // namespace
}  // namespace zhiyin::delivery
