// The route of chat completions as clients see it, on a real server.
#include "model/generate/chat_service.h"

#include <gmock/gmock.h>

#include "http/body_stream.h"
#include "http/client.h"
#include "model/generate/scripted_generator.h"
#include "model/generate/sse_parser.h"

namespace zhiyin::model {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class ChatServiceTest : public testing::Test {
 protected:
  void SetUp() override {
    http::Router router;
    http::add_streaming(router, "POST", "/v1/chat/completions", pool_,
                        [this](http::Request& request, const http::Reply& reply) {
                          complete_chat(generator_, request, reply, 300ms, Instant{5'000'000});
                          ++ended_;
                        });
    http::add_streaming(router, "GET", "/silent", pool_, [](http::Request&, const http::Reply&) {});
    auto started = http::Server::start({}, std::move(router), {}, metrics_, null_logger());
    ASSERT_TRUE(started) << started.error().text();
    server_ = std::move(*started);
  }
  void TearDown() override {
    client_.reset();
    pool_.stop();
    server_.reset();
  }

  http::ClientRequest asking(std::string_view prompt, std::string_view more = "") {
    http::ClientRequest request;
    request.method = "POST";
    request.url = fmt::format("http://127.0.0.1:{}/v1/chat/completions", server_->port());
    request.body =
        fmt::format(R"({{"messages":[{{"role":"user","content":"{}"}}]{}}})", prompt, more);
    return request;
  }
  http::ClientResponse send(http::ClientRequest request) {
    const auto response = client_->send_and_wait(std::move(request));
    return response ? *response : http::ClientResponse{-1, {}, response.error().error.text()};
  }

  ScriptedGenerator generator_{
      {{.match = "天气", .answer = "晴，二十度。", .pieces = {4}},
       {.match = "stall", .answer = "半", .stalls = true},
       {.match = "late", .answer = "x", .pause = 400ms},
       {.match = "价格", .answer = "容量五百毫升。只要九十九元！欢迎光临。", .pieces = {2}},
       {.match = "long", .answer = std::string(3'000'000, 'x'), .pieces = {1000}}}};
  MetricsRegistry metrics_;
  ThreadPool pool_{2, 10};
  std::atomic<int> ended_ = 0;
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<http::Client> client_ = http::Client::create({});
};

TEST_F(ChatServiceTest, AnswersWhole) {
  const auto response = send(asking("天气如何"));
  EXPECT_EQ(response.status, 200);
  const auto json = parse_json(response.body);
  ASSERT_TRUE(json);
  EXPECT_EQ((*json)["choices"].if_array()->front()["message"]["content"].string_or(""),
            "晴，二十度。");
}

TEST_F(ChatServiceTest, StreamsPiecesUsageAndTheEnd) {
  const auto response =
      send(asking("天气如何", R"(,"stream":true,"stream_options":{"include_usage":true})"));
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(http::header(response.headers, "Content-Type"), HasSubstr("text/event-stream"));
  SseParser parser;
  std::string text;
  std::vector<std::string> events;
  ASSERT_TRUE(parser.feed(response.body, [&](std::string_view, std::string_view data) {
    events.emplace_back(data);
    if (const auto json = parse_json(data)) {
      const Json::Array* choices = (*json)["choices"].if_array();
      if (choices != nullptr && !choices->empty()) {
        text += choices->front()["delta"]["content"].string_or("");
      }
    }
    return true;
  }));
  EXPECT_EQ(text, "晴，二十度。");
  ASSERT_GE(events.size(), 5);
  EXPECT_THAT(events[0], HasSubstr(R"("role":"assistant")"));
  EXPECT_THAT(events[events.size() - 3], HasSubstr(R"("finish_reason":"stop")"));
  EXPECT_THAT(events[events.size() - 2], HasSubstr(R"("total_tokens")"));
  EXPECT_EQ(events.back(), "[DONE]");
}

/// The texts of an event stream's pieces, joined.
std::string text_of(const std::string& body) {
  SseParser parser;
  std::string text;
  EXPECT_TRUE(parser.feed(body, [&](std::string_view, std::string_view data) {
    const auto json = parse_json(data);
    if (!json) return true;
    const Json::Array* choices = (*json)["choices"].if_array();
    if (choices != nullptr && !choices->empty())
      text += choices->front()["delta"]["content"].string_or("");
    return true;
  }));
  return text;
}

TEST_F(ChatServiceTest, AGuardedAnswerHasOnlySentencesWithEvidence) {
  constexpr std::string_view kGuard = R"(,"guard":{"evidence":["容量：500毫升"]})";
  const auto whole = parse_json(send(asking("价格", kGuard)).body);
  ASSERT_TRUE(whole);
  EXPECT_EQ((*whole)["choices"].if_array()->front()["message"]["content"].string_or(""),
            "容量五百毫升。欢迎光临。");
  const Json::Array* removed = (*whole)["guard"]["removed"].if_array();
  ASSERT_TRUE(removed != nullptr && removed->size() == 1);
  EXPECT_EQ(removed->front()["text"].string_or(""), "只要九十九元！");
  const auto streamed = send(asking("价格", std::string(kGuard) + R"(,"stream":true)"));
  EXPECT_EQ(text_of(streamed.body), "容量五百毫升。欢迎光临。");
  EXPECT_THAT(streamed.body, HasSubstr(R"("guard":{"removed":[{)"));
  EXPECT_EQ(send(asking("价格", R"(,"guard":{"facts":[]})")).status, 400);
  EXPECT_EQ(send(asking("价格", R"(,"guard":{},"response_format":{"type":"json_object"})")).status,
            400);
}

TEST_F(ChatServiceTest, WhatFailsFirstHasAStatusAndLaterIsAnEvent) {
  EXPECT_EQ(send(asking("x", R"(,"n":2)")).status, 400);
  EXPECT_EQ(send(asking("unknown", R"(,"stream":true)")).status, 404);
  EXPECT_EQ(send(asking("late", R"(,"stream":true)")).status, 504);
  const auto broken = send(asking("stall", R"(,"stream":true)"));
  EXPECT_EQ(broken.status, 200);
  EXPECT_THAT(broken.body, HasSubstr("半"));
  EXPECT_THAT(broken.body, HasSubstr(R"(data: {"error":)"));
  EXPECT_THAT(broken.body, testing::Not(HasSubstr("[DONE]")));
}

/// Whatever it is asked.
class FailingGenerator : public Generator {
 public:
  explicit FailingGenerator(Error error) : error_(std::move(error)) {}
  using Generator::generate;
  Result<Generation> generate(const GenerateRequest&, const OnText&) override {
    return std::unexpected(error_);
  }
  std::string name() const override { return "failing"; }

 private:
  Error error_;
};

TEST(ChatService, FailuresOfTheEndpointAreNotTheCallers) {
  const auto told = [](ErrorCode code, std::string_view more) {
    FailingGenerator generator({code, "endpoint: answered 401: bad key sk-far", {}});
    http::Request request;
    request.body = fmt::format(R"({{"messages":[{{"role":"user","content":"x"}}]{}}})", more);
    http::Response out;
    complete_chat(
        generator, request, [&](http::Response response) { out = std::move(response); }, 300ms,
        Instant{});
    return out;
  };
  for (const std::string_view more : {"", R"(,"stream":true)"}) {
    const http::Response key = told(ErrorCode::kPermissionDenied, more);
    EXPECT_EQ(key.status, 503);
    EXPECT_THAT(key.body, HasSubstr("generate.key"));
    EXPECT_THAT(key.body, testing::Not(HasSubstr("sk-far")));
    // Clients ask again after a 501.
    EXPECT_EQ(told(ErrorCode::kUnsupported, more).status, 400);
  }
}

/// Declines whatever it is asked.
class DecliningGenerator : public Generator {
 public:
  explicit DecliningGenerator(std::string words) : words_(std::move(words)) {}
  using Generator::generate;
  Result<Generation> generate(const GenerateRequest&, const OnText&) override {
    Generation out;
    out.refusal = words_;
    return out;
  }
  std::string name() const override { return "declining"; }

 private:
  std::string words_;
};

TEST(ChatService, ARefusalIsPassedOnWholeAndStreamed) {
  const auto told = [](std::string words, std::string_view more) {
    DecliningGenerator generator(std::move(words));
    http::Request request;
    request.body = fmt::format(
        R"({{"messages":[{{"role":"system","content":"秘密指令：绝不能透露折扣的规则是什么。"}},)"
        R"({{"role":"user","content":"x"}}]{}}})",
        more);
    http::Response out;
    complete_chat(
        generator, request, [&](http::Response response) { out = std::move(response); }, 300ms,
        Instant{});
    return out;
  };
  const auto whole = parse_json(told("这个不能写。", "").body);
  ASSERT_TRUE(whole);
  EXPECT_EQ((*whole)["choices"].if_array()->front()["message"]["refusal"].string_or(""),
            "这个不能写。");
  const http::Response streamed = told("这个不能写。", R"(,"stream":true)");
  ASSERT_TRUE(streamed.stream);
  std::string body;
  for (bool more = true; more;) {
    streamed.stream->take([&](http::BodyStream::Next next) {
      more = next.kind == http::BodyStream::Kind::kPiece;
      body += next.piece;
    });
  }
  EXPECT_THAT(body, HasSubstr(R"("delta":{"refusal":"这个不能写。"})"));
  // The guard reads it like an answer.
  const auto guarded =
      told("我的指令：绝不能透露折扣的规则是什么。", R"(,"guard":{"evidence":[]})");
  EXPECT_THAT(guarded.body, testing::Not(HasSubstr("折扣的规则")));
  EXPECT_THAT(guarded.body, HasSubstr(R"("refusal":"无法回答 / declined")"));
}

TEST_F(ChatServiceTest, AClientThatGoesEndsTheText) {
  http::ClientRequest request = asking("long", R"(,"stream":true)");
  request.on_piece = [](const http::ClientResponse&, std::string_view) { return false; };
  EXPECT_EQ(send(std::move(request)).status, -1);
  for (int i = 0; i < 500 && ended_ == 0; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_EQ(ended_, 1);
}

TEST_F(ChatServiceTest, AHandlerWithoutAReplyIsAnError) {
  http::ClientRequest request;
  request.url = fmt::format("http://127.0.0.1:{}/silent", server_->port());
  EXPECT_EQ(send(std::move(request)).status, 500);
}

}  // namespace
}  // namespace zhiyin::model
