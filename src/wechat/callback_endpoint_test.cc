#include "wechat/callback_endpoint.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <set>
#include <vector>

#include "wechat/callback_samples.h"
#include "wechat/connection_check.h"
#include "wechat/crypto.h"
#include "wechat/test_store.h"
#include "wechat/xml.h"

namespace zhiyin::wechat {
namespace {

constexpr std::int64_t kStartSeconds = 1'767'225'600;
const Instant kStart{kStartSeconds * 1'000'000};

/// Keeps who waits until the test answers.
class FakeLateAnswers final : public LateAnswers {
 public:
  bool is_open(const Callback& callback) const override {
    const MutexLock lock(mutex_);
    return std::ranges::find(keys_, callback.dedup_key) != keys_.end();
  }
  void join(std::shared_ptr<const Account>, const Callback& callback, const ReplyDecision&,
            Done done) override {
    const MutexLock lock(mutex_);
    keys_.push_back(callback.dedup_key);
    waiting_.push_back(std::move(done));
    came_.notify_all();
  }
  /// Once `n` wait: all of them.
  std::vector<Done> take(std::size_t n) {
    const MutexLock lock(mutex_);
    while (waiting_.size() < n) came_.wait(mutex_);
    return std::exchange(waiting_, {});
  }

 private:
  mutable Mutex mutex_;
  CondVar came_;
  std::vector<std::string> keys_;
  std::vector<Done> waiting_;
};

class CallbackEndpointTest : public testing::Test {
 protected:
  CallbackEndpointTest() {
    AccountInput a;
    a.id = AccountId("shop");
    a.verified = true;
    a.app_id = "wx0123456789abcdef";
    a.original_id = "gh_shop";
    a.token = "thetoken";
    a.mode = CallbackMode::kPlain;
    a.reply_rules.welcome.type = ReplyType::kText;
    a.reply_rules.welcome.text = "欢迎";
    EXPECT_TRUE(accounts_.create(a));
  }

  http::Request request(std::string_view inner, std::string nonce = "n1") {
    http::Request r;
    r.method = "POST";
    r.path_parameters["account"] = "shop";
    const std::string timestamp = std::to_string(clock_.now().us / 1'000'000);
    r.query = {{"timestamp", timestamp},
               {"nonce", nonce},
               {"signature", sorted_signature({"thetoken", timestamp, nonce})}};
    r.body = fmt::format(
        "<xml><ToUserName>gh_shop</ToUserName><FromUserName>oAlice</FromUserName><CreateTime>{}</"
        "CreateTime>{}</xml>",
        kStartSeconds, inner);
    return r;
  }
  http::Request follow(std::string nonce = "n1") {
    return request("<MsgType>event</MsgType><Event>subscribe</Event>", std::move(nonce));
  }

  http::Request question(std::string_view text, std::string_view id, std::string nonce) {
    return request(
        fmt::format("<MsgType>text</MsgType><Content>{}</Content><MsgId>{}</MsgId>", text, id),
        std::move(nonce));
  }
  /// From now on questions are answered late.
  void with_service() {
    AccountInput a;
    a.id = AccountId("shop");
    a.app_id = "wx0123456789abcdef";
    a.original_id = "gh_shop";
    a.mode = CallbackMode::kPlain;
    a.reply_rules.service.url = "http://127.0.0.1/answer";
    ASSERT_TRUE(accounts_.put(a, 1));
  }

  TestStore& store_ = TestStore::emptied();
  SteppedClock clock_{kStart};
  MetricsRegistry metrics_;
  Accounts accounts_{store_.state(), store_.vault(), clock_};
  CallbackStore seen_{store_.state(), store_.vault()};
  Mutex mutex_;
  std::vector<std::string> processed_;  // dedup keys
  std::vector<ReplyReason> reasons_;
  bool log_is_down_ = false;
  FakeLateAnswers late_;
  CallbackEndpoint endpoint_{
      {accounts_, seen_, clock_, metrics_, null_logger(), &late_},
      [this](std::span<const CallbackEndpoint::Taken> taken) { return process(taken); }};

  std::vector<Result<void>> process(std::span<const CallbackEndpoint::Taken> taken) {
    std::vector<Result<void>> out(taken.size());
    if (log_is_down_) {
      out.assign(taken.size(), Result<void>(fail(ErrorCode::kUnavailable, "log: disk full")));
      return out;
    }
    const MutexLock lock(mutex_);
    for (const auto& one : taken) {
      processed_.push_back(one.callback.dedup_key);
      reasons_.push_back(one.decision.reason);
    }
    return out;
  }
};

TEST_F(CallbackEndpointTest, UrlCheckEchoesAndIsSeen) {
  EXPECT_FALSE(endpoint_.health(AccountId("shop")).last_at);
  http::Request r = follow();
  r.method = "GET";
  r.query["echostr"] = "42";
  const auto response = endpoint_.handle(r);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "42");
  EXPECT_EQ(endpoint_.health(AccountId("shop")).last_at, kStart);
  r.query["signature"] = "0";
  EXPECT_EQ(endpoint_.handle(r).status, 401);
}

TEST_F(CallbackEndpointTest, OurOwnQuestionIsNoRequestOfThePlatform) {
  http::Request r = follow(std::string(kProbeNonce));
  r.method = "GET";
  r.query["echostr"] = "42";
  EXPECT_EQ(endpoint_.handle(r).body, "42");
  EXPECT_FALSE(endpoint_.health(AccountId("shop")).last_at);
}

TEST_F(CallbackEndpointTest, WhenACallbackLastCameIsKnownAfterARestart) {
  EXPECT_EQ(endpoint_.handle(follow()).status, 200);
  const auto restarted = [&] {
    return CallbackEndpoint({accounts_, seen_, clock_, metrics_, null_logger()},
                            [](auto taken) { return std::vector<Result<void>>(taken.size()); })
        .health(AccountId("shop"))
        .last_at;
  };
  EXPECT_EQ(restarted(), kStart);
  ASSERT_TRUE(clock_.advance_to(kStart + std::chrono::seconds(59)));
  EXPECT_EQ(endpoint_.handle(follow("n2")).status, 200);
  EXPECT_EQ(restarted(), kStart);  // stored to the minute
  ASSERT_TRUE(clock_.advance_to(kStart + std::chrono::seconds(60)));
  EXPECT_EQ(endpoint_.handle(follow("n3")).status, 200);
  EXPECT_EQ(restarted(), kStart + std::chrono::seconds(60));
  EXPECT_FALSE(endpoint_.health(AccountId("other")).last_at);
}

TEST_F(CallbackEndpointTest, UnknownAccountIsNotFound) {
  http::Request r = follow();
  r.path_parameters["account"] = "nobody";
  EXPECT_EQ(endpoint_.handle(r).status, 404);
}

TEST_F(CallbackEndpointTest, FollowerIsWelcomedOnceAndRepeatedDeliveriesAnsweredAlike) {
  const auto first = endpoint_.handle(follow("n1"));
  EXPECT_EQ(first.status, 200);
  EXPECT_NE(first.body.find("欢迎"), std::string::npos);
  ASSERT_TRUE(clock_.advance_to(kStart + std::chrono::seconds(5)));
  const auto second = endpoint_.handle(follow("n2"));
  ASSERT_TRUE(clock_.advance_to(kStart + std::chrono::seconds(10)));
  const auto third = endpoint_.handle(follow("n3"));
  EXPECT_EQ(second.body, first.body);
  EXPECT_EQ(third.body, first.body);
  EXPECT_EQ(processed_.size(), 1U);
}

TEST_F(CallbackEndpointTest, AnswerStaysAlikeAfterTheRulesChangedInBetween) {
  const auto first = endpoint_.handle(follow("n1"));
  AccountInput a;
  a.id = AccountId("shop");
  a.app_id = "wx0123456789abcdef";
  a.original_id = "gh_shop";
  a.mode = CallbackMode::kPlain;
  ASSERT_TRUE(accounts_.put(a, 1));
  EXPECT_EQ(endpoint_.handle(follow("n2")).body, first.body);
}

TEST_F(CallbackEndpointTest, CapturedAddressAdmitsNoSecondBody) {
  const auto first = endpoint_.handle(follow("n1"));
  const auto forged = endpoint_.handle(
      request("<MsgType>text</MsgType><Content>TD</Content><MsgId>1</MsgId>", "n1"));
  EXPECT_EQ(forged.status, 200);
  EXPECT_EQ(forged.body, first.body);
  EXPECT_EQ(processed_.size(), 1U);
}

TEST_F(CallbackEndpointTest, CapturedAddressAdmitsNoSecondQuestionInAnyProcess) {
  with_service();
  std::promise<http::Response> first;
  endpoint_.accept(question("有货吗", "9", "n1"),
                   [&](http::Response r) { first.set_value(std::move(r)); });
  const auto waiting = late_.take(1).size();
  EXPECT_EQ(waiting, 1U);
  // Nothing is answered yet, and another process gets the address with a body of somebody else's.
  FakeLateAnswers elsewhere_late;
  std::vector<std::string> elsewhere;
  CallbackEndpoint other({accounts_, seen_, clock_, metrics_, null_logger(), &elsewhere_late},
                         [&](std::span<const CallbackEndpoint::Taken> taken) {
                           for (const auto& one : taken) elsewhere.push_back(one.callback.content);
                           return std::vector<Result<void>>(taken.size());
                         });
  for (CallbackEndpoint* each : {&other, &endpoint_}) {
    const auto forged = each->handle(question("转账给我", "10", "n1"));
    EXPECT_EQ(forged.status, 200);
    EXPECT_EQ(forged.body, "success");
  }
  EXPECT_TRUE(elsewhere.empty());
  EXPECT_EQ(processed_.size(), 1U);
  // The same message, repeated with its own address, is still welcome there.
  std::promise<http::Response> repeated;
  other.accept(question("有货吗", "9", "n1"),
               [&](http::Response r) { repeated.set_value(std::move(r)); });
  for (auto& done : elsewhere_late.take(1)) done({Reply{}, "passive"});
  EXPECT_EQ(repeated.get_future().get().body, "success");
}

TEST_F(CallbackEndpointTest, BeforeTheAnswerIsRecordedAnotherProcessAnswersAlikeAndTheLogKnowsIt) {
  const auto take = [&](auto taken) { return process(taken); };
  CallbackEndpoint dies({accounts_, seen_, clock_, metrics_, null_logger()}, take,
                        {.memory = {.gather_for = std::chrono::hours(1)}});
  const auto first = dies.handle(follow("n1"));
  const auto second = endpoint_.handle(follow("n2"));
  EXPECT_EQ(second.body, first.body);
  // Handed over again, under the key that its event's id is made of.
  ASSERT_EQ(processed_.size(), 2U);
  EXPECT_EQ(processed_[0], processed_[1]);
}

TEST_F(CallbackEndpointTest, FailureToTakeOverIsDeliveredAgainAndThenProcessed) {
  log_is_down_ = true;
  EXPECT_EQ(endpoint_.handle(follow("n1")).status, 503);
  EXPECT_TRUE(processed_.empty());
  log_is_down_ = false;
  EXPECT_EQ(endpoint_.handle(follow("n1")).status, 200);
  EXPECT_EQ(processed_.size(), 1U);
}

TEST_F(CallbackEndpointTest, OptOutIsHandedOverWithItsReason) {
  const auto response =
      endpoint_.handle(request("<MsgType>text</MsgType><Content>退订</Content><MsgId>1</MsgId>"));
  EXPECT_NE(response.body.find("退订"), std::string::npos);
  EXPECT_EQ(reasons_.at(0), ReplyReason::kOptOut);
}

TEST_F(CallbackEndpointTest, UnknownEventsAreAcknowledgedAndHandedOver) {
  const auto response =
      endpoint_.handle(request("<MsgType>event</MsgType><Event>poi_check_notify</Event>"));
  EXPECT_EQ(response.body, "success");
  EXPECT_EQ(processed_.size(), 1U);
}

TEST_F(CallbackEndpointTest, OldRequestsAreRefusedEvenIfTheyWereOnceGood) {
  const http::Request r = follow("n1");
  ASSERT_TRUE(clock_.advance_to(kStart + std::chrono::hours(1)));
  EXPECT_EQ(endpoint_.handle(r).status, 403);
  EXPECT_NE(metrics_.text().find("reason=\"timestamp\""), std::string::npos);
}

TEST_F(CallbackEndpointTest, RacingDeliveriesKeepTheFirstRecordedAnswer) {
  const auto rules = callback_rules(*accounts_.get(AccountId("shop"))).value();
  const http::Request r = follow("n1");
  const auto callback = open_callback(rules, callback_query(r.query), r.body, clock_.now()).value();
  Reply first;
  first.type = ReplyType::kText;
  first.text = "first";
  Reply second = first;
  second.text = "second";
  ASSERT_TRUE(seen_.record(callback, first, kStart));
  const auto given = seen_.record(callback, second, kStart + std::chrono::seconds(1));
  ASSERT_TRUE(given);
  EXPECT_EQ(given->reply.text, "first");
  EXPECT_EQ(given->at, kStart);
}

TEST_F(CallbackEndpointTest, SeenIsForgottenAfterADayAndAboveTheBound) {
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(clock_.advance_to(kStart + std::chrono::seconds(i)));
    endpoint_.handle(
        request(fmt::format("<MsgType>text</MsgType><Content>x</Content><MsgId>{}</MsgId>", i),
                fmt::format("n{}", i)));
  }
  endpoint_.settle();
  const auto rows = [&] {
    return storage::as_int(store_.state().query("SELECT count(*) FROM callback_seen")->rows[0][0]);
  };
  EXPECT_EQ(rows(), 10);
  EXPECT_EQ(seen_.trim(clock_.now(), 4).value(), 6);
  EXPECT_EQ(rows(), 4);
  EXPECT_EQ(seen_.trim(clock_.now() + std::chrono::hours(23)).value(), 0);
  EXPECT_EQ(seen_.trim(clock_.now() + std::chrono::hours(25)).value(), 4);
  EXPECT_EQ(rows(), 0);
}

TEST_F(CallbackEndpointTest, ManyAtOnceAreWorkedOnTogetherAndEachOnce) {
  constexpr int kMessages = 300;
  constexpr int kDeliveries = 3;
  std::vector<std::promise<http::Response>> responses(kMessages * kDeliveries);
  for (std::size_t i = 0; i < responses.size(); ++i) {
    endpoint_.accept(
        request(fmt::format("<MsgType>text</MsgType><Content>TD</Content><MsgId>{}</MsgId>",
                            i % kMessages),
                fmt::format("n{}", i)),
        [&, i](http::Response r) { responses[i].set_value(std::move(r)); });
  }
  for (auto& response : responses) {
    const http::Response got = response.get_future().get();
    EXPECT_EQ(got.status, 200);
    EXPECT_NE(got.body.find("退订"), std::string::npos);
  }
  EXPECT_EQ(processed_.size(), static_cast<std::size_t>(kMessages));
  EXPECT_EQ(std::set<std::string>(processed_.begin(), processed_.end()).size(), processed_.size());
}

TEST_F(CallbackEndpointTest, NoDamagedCallbackIsMoreThanRefusedNorHarmsThoseBesideIt) {
  const auto damaged = damaged_callbacks(kStartSeconds);
  constexpr std::size_t kGoodEvery = 20;
  std::vector<std::promise<http::Response>> responses(damaged.size());
  std::vector<std::promise<http::Response>> good(damaged.size() / kGoodEvery);
  CallbackEndpoint endpoint({accounts_, seen_, clock_, metrics_, null_logger()},
                            [](auto taken) { return std::vector<Result<void>>(taken.size()); });
  for (std::size_t i = 0; i < damaged.size(); ++i) {
    http::Request r = follow(fmt::format("bad{}", i));
    r.body = damaged[i].body;
    endpoint.accept(std::move(r),
                    [&, i](http::Response given) { responses[i].set_value(std::move(given)); });
    if (i % kGoodEvery != 0 || i / kGoodEvery >= good.size()) continue;
    endpoint.accept(
        request(fmt::format("<MsgType>text</MsgType><Content>TD</Content><MsgId>{}</MsgId>", i),
                fmt::format("good{}", i)),
        [&, n = i / kGoodEvery](http::Response given) { good[n].set_value(std::move(given)); });
  }
  int accepted = 0;
  for (std::size_t i = 0; i < damaged.size(); ++i) {
    const int status = responses[i].get_future().get().status;
    EXPECT_TRUE(status == 200 || status == 400 || status == 403) << status << damaged[i].body;
    accepted += status == 200 ? 1 : 0;
  }
  for (auto& response : good) EXPECT_EQ(response.get_future().get().status, 200);
  // What is accepted is remembered, and shows in the list that people look at.
  EXPECT_GT(accepted, 1'000);
  endpoint.settle();
  EXPECT_EQ(seen_.recent(AccountId("shop"), 200).value().size(), 200U);
}

TEST_F(CallbackEndpointTest, WhatStateRefusesOfOneCallbackSpoilsNoOther) {
  std::promise<void> entered;
  std::promise<void> leave;
  CallbackEndpoint endpoint({accounts_, seen_, clock_, metrics_, null_logger(), &late_},
                            [&](std::span<const CallbackEndpoint::Taken> taken) {
                              if (taken.front().callback.msg_id == "2") {
                                entered.set_value();
                                leave.get_future().wait();
                              }
                              return std::vector<Result<void>>(taken.size());
                            },
                            {.threads = 1});
  std::map<int, std::promise<http::Response>> responses;
  const auto accept = [&](int id, std::string_view content) {
    endpoint.accept(request(fmt::format("<MsgType>text</MsgType><Content>{}</Content><MsgId>{}"
                                        "</MsgId>",
                                        content, id),
                            fmt::format("n{}", id)),
                    [&, id](http::Response r) { responses[id].set_value(std::move(r)); });
  };
  for (const int id : {1, 2, 3, 4}) responses[id];
  with_service();
  accept(1, "有货吗");
  auto late = late_.take(1);
  accept(2, "TD");
  entered.get_future().wait();
  // All of these wait for the one thread, and are worked on together.
  accept(3, "TD");
  Reply unwritable;
  unwritable.type = ReplyType::kText;
  unwritable.text = "\xff";
  late.front()({unwritable, "passive"});
  accept(4, "TD");
  leave.set_value();
  EXPECT_EQ(responses[1].get_future().get().status, 503);
  for (const int id : {2, 3, 4}) EXPECT_EQ(responses[id].get_future().get().status, 200) << id;
}

TEST_F(CallbackEndpointTest, WhatCannotBeAnsweredAtOnceWaitsAndIsRecordedBeforeItIsGiven) {
  with_service();
  std::promise<http::Response> first;
  endpoint_.accept(question("有货吗", "9", "n1"),
                   [&](http::Response r) { first.set_value(std::move(r)); });
  for (auto& done : late_.take(1)) done({std::nullopt, "none"});
  EXPECT_EQ(first.get_future().get().status, 503);  // the platform comes again
  std::promise<http::Response> second;
  endpoint_.accept(question("有货吗", "9", "n2"),
                   [&](http::Response r) { second.set_value(std::move(r)); });
  Reply reply;
  reply.type = ReplyType::kText;
  reply.text = "有货";
  for (auto& done : late_.take(1)) done({reply, "passive"});
  const http::Response given = second.get_future().get();
  EXPECT_NE(given.body.find("有货"), std::string::npos);
  EXPECT_EQ(processed_.size(), 1U);
  EXPECT_EQ(endpoint_.handle(question("有货吗", "9", "n3")).body, given.body);
  endpoint_.settle();
  EXPECT_EQ(seen_.recent(AccountId("shop"), 10).value().at(0).decision, "ask:passive");
}

TEST_F(CallbackEndpointTest, RecentCallbacksShowNobodysWholeName) {
  endpoint_.handle(follow("n1"));
  endpoint_.handle(
      request("<MsgType>event</MsgType><Event>LOCATION</Event><Latitude>1</Latitude>", "n2"));
  endpoint_.settle();
  const auto recent = seen_.recent(AccountId("shop"), 10).value();
  ASSERT_EQ(recent.size(), 2U);
  std::set<std::string> kinds;
  for (const auto& one : recent) {
    kinds.insert(one.kind + " " + one.event + " " + one.answer + " " + one.decision);
    EXPECT_EQ(one.sender, shortened("oAlice"));
  }
  EXPECT_EQ(kinds,
            (std::set<std::string>{"follow subscribe text welcome", "other LOCATION none none"}));
}

TEST_F(CallbackEndpointTest, ListsGoOnAfterAPlaceAndMissNothing) {
  for (int i = 0; i < 5; ++i) {  // two in each of the first seconds
    ASSERT_TRUE(clock_.advance_to(kStart + std::chrono::seconds(i / 2)));
    endpoint_.handle(question("在吗", std::to_string(i), fmt::format("n{}", i)));
  }
  endpoint_.settle();
  std::vector<std::string> keys;
  ListPlace place;
  for (const std::size_t expected : {2U, 2U, 1U, 0U}) {
    const auto page = seen_.recent(AccountId("shop"), 2, place).value();
    ASSERT_EQ(page.size(), expected);
    for (const auto& one : page) keys.push_back(one.key);
    if (!page.empty()) place = {page.back().at, page.back().key};
  }
  EXPECT_EQ(std::set<std::string>(keys.begin(), keys.end()).size(), 5U);
}

TEST_F(CallbackEndpointTest, NoticesToTheOwnerAreKeptWithTheirFieldsAndSealed) {
  endpoint_.handle(request(
      "<MsgType>event</MsgType><Event>PUBLISHJOBFINISH</Event><PublishEventInfo><publish_id>"
      "2247503051</publish_id><publish_status>0</publish_status></PublishEventInfo>"));
  const auto notices = seen_.notices(AccountId("shop"), 10).value();
  ASSERT_EQ(notices.size(), 1U);
  EXPECT_EQ(notices[0].event, "PUBLISHJOBFINISH");
  EXPECT_EQ(notices[0].occurred_at, kStart);
  EXPECT_EQ(notices[0].fields["PublishEventInfo"]["publish_id"].string_or(""), "2247503051");
  const auto rows = store_.state().query("SELECT fields FROM callback_notice");
  EXPECT_EQ(storage::as_text(rows->rows[0][0]).find("2247503051"), std::string_view::npos);
}

TEST_F(CallbackEndpointTest, WhatWasRefusedLastIsShownWithTheReason) {
  const http::Request r = follow("n1");
  ASSERT_TRUE(clock_.advance_to(kStart + std::chrono::minutes(11)));
  EXPECT_EQ(endpoint_.handle(r).status, 403);
  const CallbackHealth health = endpoint_.health(AccountId("shop"));
  EXPECT_EQ(health.refusal, "timestamp");
  EXPECT_EQ(health.refused_at, clock_.now());
  EXPECT_NE(health.detail.find("is 660 s behind our clock, allowed are 600 s"), std::string::npos)
      << health.detail;
  EXPECT_NE(health.detail.find("clock is wrong"), std::string::npos);
}

TEST_F(CallbackEndpointTest, WhatStrangersSendHidesNothingOnceSomethingGoodCame) {
  http::Request unsigned_one = follow("n1");
  unsigned_one.query["signature"] = "0";
  EXPECT_EQ(endpoint_.handle(unsigned_one).status, 401);
  EXPECT_EQ(endpoint_.health(AccountId("shop")).refusal, "signature");  // a wrong Token, perhaps
  EXPECT_EQ(endpoint_.handle(follow("n2")).status, 200);
  const http::Request old = follow("n3");
  ASSERT_TRUE(clock_.advance_to(kStart + std::chrono::minutes(11)));
  EXPECT_EQ(endpoint_.handle(old).status, 403);
  EXPECT_EQ(endpoint_.handle(unsigned_one).status, 401);
  EXPECT_EQ(endpoint_.health(AccountId("shop")).refusal, "timestamp");
}

TEST_F(CallbackEndpointTest, NothingPersonalLiesInTheTable) {
  endpoint_.handle(follow());
  endpoint_.handle(request(
      "<MsgType>text</MsgType><Content>my phone is 13800000000</Content><MsgId>1</MsgId>", "n2"));
  endpoint_.settle();
  const auto found =
      store_.state().query("SELECT key, answer, note FROM callback_seen WHERE note IS NOT NULL");
  for (const storage::Row& row : found->rows) {
    for (const storage::Value& cell : row) {
      EXPECT_EQ(storage::as_text(cell).find("oAlice"), std::string_view::npos);
      EXPECT_EQ(storage::as_text(cell).find("13800000000"), std::string_view::npos);
    }
  }
}

}  // namespace
}  // namespace zhiyin::wechat
