// Bodies that are sent and read while they are made.
#include <gmock/gmock.h>

#include <atomic>
#include <latch>
#include <thread>

#include "http/body_stream.h"
#include "http/client.h"
#include "http/server.h"

namespace zhiyin::http {
namespace {

using namespace std::chrono_literals;

class StreamTest : public testing::Test {
 protected:
  void SetUp() override {
    Router router;
    router.add_blocking("GET", "/count", pool_, [this](Request&) {
      auto stream = std::make_shared<BodyStream>();
      makers_.emplace_back([stream] {
        for (int i = 0; i < 5; ++i) stream->write(std::to_string(i) + "\n");
        stream->end();
      });
      Response response = Response::text("begin\n");
      response.stream = stream;
      return response;
    });
    router.add_blocking("GET", "/cut", pool_, [](Request&) {
      Response response;
      response.stream = std::make_shared<BodyStream>();
      response.stream->write("half");
      response.stream->cut();
      return response;
    });
    router.add_blocking("GET", "/stall", pool_, [this](Request&) {
      Response response;
      response.stream = std::make_shared<BodyStream>();
      response.stream->write("first");
      stalled_ = response.stream;
      return response;
    });
    router.add_blocking("GET", "/endless", pool_, [this](Request&) {
      auto stream = std::make_shared<BodyStream>(1000);
      makers_.emplace_back([this, stream] {
        while (stream->write(std::string(100, 'x'))) ++written_;
        gone_.count_down();
      });
      Response response;
      response.stream = stream;
      return response;
    });
    router.add_blocking("GET", "/refused", pool_, [](Request&) {
      return Response::problem({ErrorCode::kLimitReached, "too many", {}});
    });
    auto started = Server::start({}, std::move(router), {}, metrics_, null_logger());
    ASSERT_TRUE(started) << started.error().text();
    server_ = std::move(*started);
  }

  void TearDown() override {
    client_.reset();
    server_.reset();
    for (std::thread& maker : makers_) maker.join();
  }

  ClientRequest get(std::string_view path) {
    ClientRequest request;
    request.url = fmt::format("http://127.0.0.1:{}{}", server_->port(), path);
    request.on_piece = [this](const ClientResponse& head, std::string_view piece) {
      status_ = head.status;
      got_ += piece;
      return true;
    };
    return request;
  }

  MetricsRegistry metrics_;
  ThreadPool pool_{2, 10};
  std::vector<std::thread> makers_;
  std::shared_ptr<BodyStream> stalled_;
  std::atomic<int> written_ = 0;
  std::latch gone_{1};
  std::unique_ptr<Server> server_;
  std::unique_ptr<Client> client_ = Client::create({});
  int status_ = 0;
  std::string got_;
};

TEST_F(StreamTest, PiecesArriveInOrderAndTheConnectionStays) {
  for (int i = 0; i < 3; ++i) {
    got_.clear();
    const auto response = client_->send_and_wait(get("/count"));
    ASSERT_TRUE(response) << response.error().error.text();
    EXPECT_EQ(response->status, 200);
    EXPECT_EQ(response->body, "");
    EXPECT_EQ(got_, "begin\n0\n1\n2\n3\n4\n");
  }
  ClientRequest whole = get("/count");
  whole.on_piece = {};
  EXPECT_EQ(client_->send_and_wait(whole)->body, "begin\n0\n1\n2\n3\n4\n");
}

TEST_F(StreamTest, ACutBodyIsAnError) {
  const auto response = client_->send_and_wait(get("/cut"));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().error.code, ErrorCode::kUnavailable);
  EXPECT_EQ(response.error().progress, SendProgress::kOutcomeUnknown);
}

TEST_F(StreamTest, AnswersThatAreNoSuccessComeWhole) {
  const auto response = client_->send_and_wait(get("/refused"));
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 429);
  EXPECT_THAT(response->body, testing::HasSubstr("too many"));
  EXPECT_EQ(got_, "");
}

TEST_F(StreamTest, APauseLongerThanAllowedEndsTheExchange) {
  ClientRequest request = get("/stall");
  request.piece_timeout = 50ms;
  const auto response = client_->send_and_wait(request);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().error.code, ErrorCode::kDeadline);
  EXPECT_EQ(got_, "first");
}

TEST_F(StreamTest, MoreThanTheLimitIsRefused) {
  ClientRequest request = get("/endless");
  request.response_bytes_max = 10'000;
  const auto response = client_->send_and_wait(request);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().error.code, ErrorCode::kLimitReached);
  EXPECT_LE(got_.size(), 10'000);
}

TEST_F(StreamTest, StoppingInsideAndOutsideEndsTheExchangeAndTellsTheMaker) {
  ClientRequest request = get("/endless");
  request.on_piece = [](const ClientResponse&, std::string_view) { return false; };
  EXPECT_EQ(client_->send_and_wait(request).error().error.code, ErrorCode::kUnavailable);
  gone_.wait();  // the maker's write has failed

  std::stop_source stop;
  ClientRequest stalled = get("/stall");
  stalled.stop = stop.get_token();
  stalled.on_piece = [&](const ClientResponse&, std::string_view) {
    std::thread([&stop] { stop.request_stop(); }).detach();
    return true;
  };
  const auto response = client_->send_and_wait(stalled);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().error.code, ErrorCode::kUnavailable);
}

TEST(BodyStream, AWriterWaitsForRoomAndGoesOnWhenThePeerIsGone) {
  BodyStream stream(10);
  EXPECT_TRUE(stream.write("0123456789abcdef"));  // one piece always fits
  std::atomic<bool> written = false;
  std::thread writer([&] { written = !stream.write("more"); });
  stream.close();
  writer.join();
  EXPECT_TRUE(written);
  EXPECT_TRUE(stream.gone().stop_requested());
}

}  // namespace
}  // namespace zhiyin::http
