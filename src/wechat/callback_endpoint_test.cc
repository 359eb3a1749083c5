#include "wechat/callback_endpoint.h"

#include <gtest/gtest.h>

#include <vector>

#include "wechat/crypto.h"
#include "wechat/test_store.h"
#include "wechat/xml.h"

namespace zhiyin::wechat {
namespace {

constexpr std::int64_t kStartSeconds = 1'767'225'600;
const Instant kStart{kStartSeconds * 1'000'000};

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

  TestStore& store_ = TestStore::emptied();
  SteppedClock clock_{kStart};
  MetricsRegistry metrics_;
  Accounts accounts_{store_.state(), store_.vault(), clock_};
  CallbackStore seen_{store_.state()};
  std::vector<std::string> processed_;  // dedup keys
  std::vector<ReplyReason> reasons_;
  bool log_is_down_ = false;
  CallbackEndpoint endpoint_{
      accounts_,
      seen_,
      clock_,
      metrics_,
      null_logger(),
      [this](const Account&, const Callback& c, const ReplyDecision& d) -> Result<void> {
        if (log_is_down_) return fail(ErrorCode::kUnavailable, "log: disk full");
        processed_.push_back(c.dedup_key);
        reasons_.push_back(d.reason);
        return {};
      }};
};

TEST_F(CallbackEndpointTest, UrlCheckEchoesAndIsSeen) {
  EXPECT_FALSE(endpoint_.last_seen(AccountId("shop")));
  http::Request r = follow();
  r.method = "GET";
  r.query["echostr"] = "42";
  const auto response = endpoint_.handle(r);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "42");
  EXPECT_EQ(endpoint_.last_seen(AccountId("shop")), kStart);
  r.query["signature"] = "0";
  EXPECT_EQ(endpoint_.handle(r).status, 401);
}

TEST_F(CallbackEndpointTest, WhenACallbackLastCameIsKnownAfterARestart) {
  EXPECT_EQ(endpoint_.handle(follow()).status, 200);
  const auto restarted = [&] {
    return CallbackEndpoint(accounts_, seen_, clock_, metrics_, null_logger(),
                            [](const auto&, const auto&, const auto&) { return Result<void>(); })
        .last_seen(AccountId("shop"));
  };
  EXPECT_EQ(restarted(), kStart);
  ASSERT_TRUE(clock_.advance_to(kStart + std::chrono::seconds(59)));
  EXPECT_EQ(endpoint_.handle(follow("n2")).status, 200);
  EXPECT_EQ(restarted(), kStart);  // stored to the minute
  ASSERT_TRUE(clock_.advance_to(kStart + std::chrono::seconds(60)));
  EXPECT_EQ(endpoint_.handle(follow("n3")).status, 200);
  EXPECT_EQ(restarted(), kStart + std::chrono::seconds(60));
  EXPECT_FALSE(endpoint_.last_seen(AccountId("other")));
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

TEST_F(CallbackEndpointTest, NothingPersonalLiesInTheTable) {
  endpoint_.handle(follow());
  endpoint_.handle(request(
      "<MsgType>text</MsgType><Content>my phone is 13800000000</Content><MsgId>1</MsgId>", "n2"));
  const auto found = store_.state().query("SELECT key, answer FROM callback_seen");
  for (const storage::Row& row : found->rows) {
    for (const storage::Value& cell : row) {
      EXPECT_EQ(storage::as_text(cell).find("oAlice"), std::string_view::npos);
      EXPECT_EQ(storage::as_text(cell).find("13800000000"), std::string_view::npos);
    }
  }
}

}  // namespace
}  // namespace zhiyin::wechat
