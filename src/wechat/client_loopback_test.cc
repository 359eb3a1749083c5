#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <thread>

#include "http/await.h"
#include "http/server.h"
#include "wechat/client.h"

namespace zhiyin::wechat {
namespace {

/// A small platform on a real socket, called through the real HTTP client.
class LoopbackTest : public testing::Test {
 protected:
  LoopbackTest() {
    http::Router router;
    router.add("POST", "/cgi-bin/stable_token",
               [this](http::Request&) -> http::Task<http::Response> {
                 const int n = ++tokens_issued_;
                 Json body = Json::object();
                 body.set("access_token", fmt::format("T/+{}", n)).set("expires_in", 7200);
                 co_return http::Response::json(body);
               });
    router.add("POST", "/cgi-bin/message/custom/send",
               [this](http::Request& request) -> http::Task<http::Response> {
                 ++messages_;
                 const bool is_current = request.query_or("access_token", "") ==
                                         fmt::format("T/+{}", valid_token_.load());
                 Json body = Json::object();
                 body.set("errcode", is_current ? 0 : 40001).set("errmsg", "x");
                 co_return http::Response::json(body);
               });
    server_ = http::Server::start({}, std::move(router), {}, metrics_, null_logger()).value();
    http_ = http::Client::create({});
    const std::string base = fmt::format("http://127.0.0.1:{}", server_->port());
    tokens_ = std::make_unique<TokenKeeper>(*http_, clock_, metrics_, null_logger(), base);
    OfficialAccountClient::Settings settings;
    settings.base_url = base;
    client_ = std::make_unique<OfficialAccountClient>(*http_, *tokens_, metrics_, null_logger(),
                                                      settings);
    account_.id = AccountId("shop");
    account_.app_id = "wx0123456789abcdef";
    account_.app_secret = Secret("s");
  }

  std::atomic<int> tokens_issued_{0};
  std::atomic<int> valid_token_{1};
  std::atomic<int> messages_{0};
  MetricsRegistry metrics_;
  SteppedClock clock_{Instant{1'767'225'600'000'000}};
  ApiAccount account_;
  std::unique_ptr<http::Client> http_;
  std::unique_ptr<TokenKeeper> tokens_;
  std::unique_ptr<OfficialAccountClient> client_;
  std::unique_ptr<http::Server> server_;
};

TEST_F(LoopbackTest, BlockingThreadsShareOneTokenAndRecoverFromARefusedOne) {
  std::atomic<int> good{0};
  const auto send_from_four_threads = [&] {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 5; ++i)
          good +=
              client_->send_customer_service_and_wait(account_, {"oA", std::string("x"), false, ""})
                  ? 1
                  : 0;
      });
    }
  };
  send_from_four_threads();
  EXPECT_EQ(good, 20);
  EXPECT_EQ(tokens_issued_, 1);
  valid_token_ = 2;  // the platform drops the first token
  send_from_four_threads();
  EXPECT_EQ(good, 40);
  EXPECT_EQ(tokens_issued_, 2);
}

TEST_F(LoopbackTest, CoroutinesOnAnotherExecutorShareOneToken) {
  boost::asio::io_context context;
  int good = 0;
  const auto send = [&]() -> http::Task<void> {
    CustomerServiceMessage message{"oA", std::string("x"), false, ""};
    Outcome<void> outcome = co_await client_->send_customer_service(account_, std::move(message));
    good += outcome ? 1 : 0;
  };
  for (int i = 0; i < 10; ++i) boost::asio::co_spawn(context, send(), boost::asio::detached);
  context.run();
  EXPECT_EQ(good, 10);
  EXPECT_EQ(tokens_issued_, 1);
  EXPECT_EQ(messages_, 10);
}

TEST_F(LoopbackTest, AServerThatIsGoneMeansNothingWasSent) {
  OfficialAccountClient::Settings settings;
  settings.base_url = "http://127.0.0.1:1";  // reserved, nobody listens
  settings.attempts_max = 2;
  settings.sleep = [](std::chrono::milliseconds) {};
  TokenKeeper keeper(*http_, clock_, metrics_, null_logger(), settings.base_url);
  OfficialAccountClient client(*http_, keeper, metrics_, null_logger(), settings);
  const auto outcome =
      client.send_customer_service_and_wait(account_, {"oA", std::string("x"), false, ""});
  ASSERT_FALSE(outcome);
  EXPECT_FALSE(outcome.error().outcome_unknown());
  EXPECT_EQ(outcome.error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace zhiyin::wechat
