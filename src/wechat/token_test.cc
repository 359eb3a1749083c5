#include "wechat/token.h"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <thread>

#include "http/await.h"
#include "wechat/fake_platform.h"

namespace zhiyin::wechat {
namespace {

const Instant kStart{1'767'225'600'000'000};

class TokenKeeperTest : public testing::Test {
 protected:
  void pass(Duration d) { ASSERT_TRUE(clock_.advance_to(clock_.now() + d)); }
  std::string get() {
    const auto token = keeper_.get_and_wait(account_);
    return token ? token->reveal() : "error";
  }

  FakePlatform platform_;
  SteppedClock clock_{kStart};
  MetricsRegistry metrics_;
  TokenKeeper keeper_{platform_, clock_, metrics_, null_logger(), "http://platform.test/"};
  ApiAccount account_ = test_account();
};

TEST_F(TokenKeeperTest, StableTokenIsAskedForAsJsonAndKept) {
  EXPECT_EQ(get(), "AT");
  EXPECT_EQ(get(), "AT");
  const auto sent = platform_.sent("token");
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].url, "http://platform.test/cgi-bin/stable_token");
  EXPECT_EQ(sent[0].method, "POST");
  const Json body = parse_json(sent[0].body).value();
  EXPECT_EQ(body["grant_type"].string_or(""), "client_credential");
  EXPECT_EQ(body["appid"].string_or(""), account_.app_id);
  EXPECT_EQ(body["secret"].string_or(""), "the-secret");
  EXPECT_EQ(body.find("force_refresh"), nullptr);
}

TEST_F(TokenKeeperTest, ClassicTokenIsAGet) {
  account_.token_kind = TokenKind::kClassic;
  EXPECT_EQ(get(), "AT");
  EXPECT_EQ(platform_.sent("token")[0].url,
            "http://platform.test/cgi-bin/"
            "token?grant_type=client_credential&appid=wx0123456789abcdef&secret=the-secret");
  EXPECT_EQ(platform_.sent("token")[0].method, "GET");
}

TEST_F(TokenKeeperTest, RenewsFiveMinutesBeforeTheEndByTheDomainClock) {
  EXPECT_EQ(get(), "AT");
  platform_.token = [](const auto&) { return answer_token("AT2"); };
  pass(std::chrono::seconds(7200 - 301));
  EXPECT_EQ(get(), "AT");
  pass(std::chrono::seconds(1));
  EXPECT_EQ(get(), "AT2");
}

TEST_F(TokenKeeperTest, ShortRemainingLifeDoesNotFetchForEveryCall) {
  platform_.token = [](const auto&) { return answer_token("AT", 300); };
  for (int i = 0; i < 10; ++i) EXPECT_EQ(get(), "AT");
  EXPECT_EQ(platform_.count("token"), 1U);
  pass(std::chrono::seconds(150));
  EXPECT_EQ(get(), "AT");
  EXPECT_EQ(platform_.count("token"), 2U);
}

TEST_F(TokenKeeperTest, OldTokenServesWhileRenewingFails) {
  EXPECT_EQ(get(), "AT");
  platform_.token = [](const auto&) { return answer_silence(http::SendProgress::kNothingSent); };
  pass(std::chrono::seconds(7000));
  EXPECT_EQ(get(), "AT");
  EXPECT_EQ(get(), "AT");
  EXPECT_EQ(platform_.count("token"), 2U);  // tries again only after half a minute
  pass(std::chrono::seconds(201));
  EXPECT_EQ(get(), "error");
}

TEST_F(TokenKeeperTest, ARefusalPausesTheFetchesAlsoWhileTheOldTokenServes) {
  EXPECT_EQ(get(), "AT");
  platform_.token = [](const auto&) {
    return answer_json(R"({"errcode":89503,"errmsg":"wait for the administrator"})");
  };
  pass(std::chrono::minutes(116));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(get(), "AT");
    pass(std::chrono::minutes(1));
  }
  EXPECT_EQ(platform_.count("token"), 2U);
  pass(std::chrono::minutes(1));
  EXPECT_EQ(get(), "error");
}

TEST_F(TokenKeeperTest, WrongSecretIsRememberedAndForgottenOnRequestOrInTime) {
  platform_.token = [](const auto&) {
    return answer_json(R"({"errcode":40125,"errmsg":"invalid appsecret rid: 1-2-3"})");
  };
  const auto first = keeper_.get_and_wait(account_);
  ASSERT_FALSE(first);
  EXPECT_EQ(first.error().errcode, 40125);
  EXPECT_EQ(first.error().error_class, ErrorClass::kNever);
  EXPECT_EQ(first.error().progress, http::SendProgress::kNothingSent);
  EXPECT_EQ(first.error().message.find("the-secret"), std::string::npos);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(get(), "error");
  EXPECT_EQ(platform_.count("token"), 1U);
  keeper_.forget(account_.id);
  EXPECT_EQ(get(), "error");
  EXPECT_EQ(platform_.count("token"), 2U);
  pass(std::chrono::seconds(31));
  EXPECT_EQ(get(), "error");
  EXPECT_EQ(platform_.count("token"), 3U);
}

TEST_F(TokenKeeperTest, CorrectedSecretIsTriedAtOnce) {
  platform_.token = [](const http::ClientRequest& r) {
    return r.body.find("good") != std::string::npos ? answer_token("AT")
                                                    : answer_json(R"({"errcode":40001})");
  };
  EXPECT_EQ(get(), "error");
  account_.app_secret = Secret("good");
  EXPECT_EQ(get(), "AT");
}

TEST_F(TokenKeeperTest, MissingSecretAsksNobody) {
  account_.app_secret = {};
  EXPECT_EQ(keeper_.get_and_wait(account_).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(platform_.count("token"), 0U);
}

TEST_F(TokenKeeperTest, AnswersWithoutTokenAreErrors) {
  for (const char* body : {"{}", "[]", "oops", R"({"access_token":"x"})",
                           R"({"access_token":"","expires_in":7200})"}) {
    platform_.token = [body](const auto&) { return answer_json(body); };
    EXPECT_EQ(get(), "error") << body;
  }
  platform_.token = [](const auto&) {
    return answer_json(R"({"access_token":"AT","expires_in":"7200"})");
  };
  EXPECT_EQ(get(), "AT");
}

TEST_F(TokenKeeperTest, ARefusalThatRepeatsTheRequestIsToldWithoutItsSecrets) {
  account_.app_secret = Secret("VERY-SECRET-SECRET");
  platform_.token = [](const auto&) {
    return answer_json(R"({"errcode":40125,"errmsg":"appid=wx&secret=VERY-SECRET-SECRET is bad"})");
  };
  const auto token = keeper_.get_and_wait(account_);
  ASSERT_FALSE(token);
  EXPECT_NE(token.error().message.find("is bad"), std::string::npos);
  EXPECT_EQ(token.error().message.find("VERY-SECRET"), std::string::npos);
}

TEST_F(TokenKeeperTest, ReplaceTakesWhatAnotherHasRenewedWithoutAFetch) {
  EXPECT_EQ(get(), "AT");
  EXPECT_EQ(keeper_.replace_and_wait(account_, Secret("older")).value().reveal(), "AT");
  EXPECT_EQ(platform_.count("token"), 1U);
}

TEST_F(TokenKeeperTest, ReplaceForcesOnlyWhenThePlatformInsistsOnTheRejectedToken) {
  EXPECT_EQ(get(), "AT");
  platform_.token = [](const http::ClientRequest& r) {
    return answer_token(r.body.find("force_refresh") == std::string::npos ? "AT" : "FORCED");
  };
  EXPECT_EQ(keeper_.replace_and_wait(account_, Secret("AT")).value().reveal(), "FORCED");
  EXPECT_EQ(platform_.count("token"), 3U);
  // Within half a minute force is not asked for again: the platform would ignore it and count it.
  EXPECT_FALSE(keeper_.replace_and_wait(account_, Secret("FORCED")).has_value() &&
               keeper_.replace_and_wait(account_, Secret("FORCED"))->reveal() == "FORCED");
  std::size_t forced = 0;
  for (const auto& r : platform_.sent("token"))
    forced += r.body.find("force_refresh") != std::string::npos ? 1 : 0;
  EXPECT_EQ(forced, 1U);
}

TEST_F(TokenKeeperTest, ManyThreadsCauseOneFetch) {
  std::atomic<int> good{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] { good += get() == "AT" ? 1 : 0; });
    }
  }
  EXPECT_EQ(good, 8);
  EXPECT_EQ(platform_.count("token"), 1U);
}

TEST_F(TokenKeeperTest, ManyCoroutinesJoinTheFetchUnderWay) {
  platform_.hold = true;
  boost::asio::io_context context;
  int good = 0;
  const auto ask = [&]() -> http::Task<void> {
    Outcome<Secret> token = co_await keeper_.get(account_);
    if (token && token->reveal() == "AT") ++good;
  };
  for (int i = 0; i < 20; ++i) boost::asio::co_spawn(context, ask(), boost::asio::detached);
  context.poll();
  EXPECT_EQ(platform_.held(), 1U);
  EXPECT_EQ(good, 0);
  platform_.release();
  context.run();
  EXPECT_EQ(good, 20);
  EXPECT_EQ(platform_.count("token"), 1U);
}

TEST_F(TokenKeeperTest, FetchersOfDifferentAccountsDoNotWaitForEachOther) {
  platform_.hold = true;
  boost::asio::io_context context;
  ApiAccount other = test_account();
  other.id = AccountId("other");
  const auto ask = [&](ApiAccount a) -> http::Task<void> { co_await keeper_.get(std::move(a)); };
  boost::asio::co_spawn(context, ask(account_), boost::asio::detached);
  boost::asio::co_spawn(context, ask(other), boost::asio::detached);
  context.poll();
  EXPECT_EQ(platform_.held(), 2U);
  platform_.release();
  context.run();
}

TEST_F(TokenKeeperTest, WhoeverJoinedAFetchThatIsDroppedGetsAnErrorAndTheNextOneFetches) {
  platform_.hold = true;
  boost::asio::io_context leader_context;
  boost::asio::io_context joiner_context;
  std::optional<Outcome<Secret>> joined;
  const auto lead = [&]() -> http::Task<void> { co_await keeper_.get(account_); };
  const auto join = [&]() -> http::Task<void> { joined = co_await keeper_.get(account_); };
  boost::asio::co_spawn(leader_context, lead(), boost::asio::detached);
  leader_context.poll();
  boost::asio::co_spawn(joiner_context, join(), boost::asio::detached);
  joiner_context.poll();
  ASSERT_FALSE(joined);
  platform_.drop();
  leader_context.poll();
  joiner_context.run();
  ASSERT_TRUE(joined);
  EXPECT_FALSE(joined->has_value());
  platform_.hold = false;
  EXPECT_EQ(get(), "AT");
}

}  // namespace
}  // namespace zhiyin::wechat
