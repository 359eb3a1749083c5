// The back end for endpoints, against a peer that misbehaves in every way we know.
#include "model/generate/openai_generator.h"

#include <gmock/gmock.h>

#include "base/utf8.h"
#include "model/generate/chat_wire.h"
#include "model/generate/detail/fake_endpoint.h"
#include "model/generate/endpoint_exchange.h"
#include "model/generate/sse_parser.h"

namespace zhiyin::model {
namespace {

using namespace std::chrono_literals;
using Exchange = FakeEndpoint::Exchange;

class OpenAiTest : public testing::Test {
 protected:
  static GenerateRequest asking(std::string prompt) {
    GenerateRequest request;
    request.messages.push_back({ChatRole::kUser, std::move(prompt), {}, {}});
    request.deadline = 5s;
    return request;
  }
  OpenAiSettings settings(const FakeEndpoint& peer) {
    OpenAiSettings out;
    out.first.url = peer.url();
    out.first.key = Secret("sk-test");
    out.first.model = "m";
    out.first.prompt_fen_per_million = 200;
    out.first.answer_fen_per_million = 800;
    out.backoff = 1ms;
    out.breaker.failures = 100;
    return out;
  }
  std::unique_ptr<OpenAiGenerator> make(OpenAiSettings settings) {
    return OpenAiGenerator::create(std::move(settings), *client_, budget_, clock_).value();
  }
  Result<Generation> ask(OpenAiGenerator& generator, const GenerateRequest& request) {
    shown_.clear();
    return generator.generate(request, [this](std::string_view piece) {
      EXPECT_TRUE(utf8::is_valid(piece));
      shown_ += piece;
      return true;
    });
  }

  SteppedClock clock_{Instant{1'780'000'000'000'000}};
  SpendBudget budget_{{{"small", {100, 0}}, {"poor", {0, 1}}}, {}};
  std::unique_ptr<http::Client> client_ = http::Client::create({});
  std::string shown_;
};

TEST_F(OpenAiTest, StreamsAnAnswerAndCountsIt) {
  FakeEndpoint peer([](Exchange& e, int) {
    const auto body = parse_json(e.body());
    EXPECT_TRUE(body && (*body)["stream"].bool_or(false));
    EXPECT_EQ((*body)["messages"].dump(), R"([{"role":"user","content":"你好"}])");
    e.begin_stream();
    e.send(": comment\n\n");
    e.say("知");
    e.say("音");
    e.end_stream();
  });
  auto generator = make(settings(peer));
  const auto generation = ask(*generator, asking("你好"));
  ASSERT_TRUE(generation) << generation.error().text();
  EXPECT_EQ(generation->text, "知音");
  EXPECT_EQ(shown_, "知音");
  EXPECT_EQ(generation->model, "fake-1");
  EXPECT_EQ(generation->usage.prompt_tokens, 7);
  EXPECT_EQ(generation->cost_ufen, 7 * 200 + 5 * 800);
  EXPECT_EQ(budget_.used("default", clock_.now()).tokens, 12);
}

TEST_F(OpenAiTest, CharactersThatComeInHalvesAreMadeWhole) {
  FakeEndpoint peer([](Exchange& e, int) {
    e.begin_stream();
    for (const std::string half : {"\xe7", "\x9f\xa5", "\xf0\x9f", "\x98\x80"}) {
      e.send("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" + half + "\"}}]}\n\n");
    }
    e.send(
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\xe9\x9f\"},"
        "\"finish_reason\":\"length\"}]}\n\ndata: [DONE]\n\n");
  });
  auto generator = make(settings(peer));
  const auto generation = ask(*generator, asking("x"));
  ASSERT_TRUE(generation) << generation.error().text();
  EXPECT_EQ(generation->text, "知😀");  // the last one was cut at the limit
  EXPECT_EQ(generation->finish, FinishReason::kLength);
  EXPECT_EQ(generation->bad_bytes, 0);
}

TEST_F(OpenAiTest, RepeatsWhatMayPassAndKeepsToRetryAfter) {
  FakeEndpoint peer([](Exchange& e, int number) {
    if (number == 0) {
      e.answer(429, "application/json", R"({"error":{"message":"slow down"}})",
               "Retry-After: 1\r\n");
    } else if (number == 1) {
      e.answer(500, "text/html", "<html>oops</html>");
    } else {
      e.begin_stream();
      e.say("好");
      e.end_stream();
    }
  });
  auto generator = make(settings(peer));
  const auto began = std::chrono::steady_clock::now();
  const auto generation = ask(*generator, asking("x"));
  ASSERT_TRUE(generation) << generation.error().text();
  EXPECT_EQ(generation->attempts, 3);
  EXPECT_GE(std::chrono::steady_clock::now() - began, 1s);
  EXPECT_EQ(peer.requests(), 3);
}

TEST_F(OpenAiTest, DoesNotWaitBeyondTheDeadline) {
  FakeEndpoint peer([](Exchange& e, int) {
    e.answer(429, "application/json", R"({"error":{"message":"slow down"}})",
             "Retry-After: 3600\r\n");
  });
  auto generator = make(settings(peer));
  const auto generation = ask(*generator, asking("x"));
  ASSERT_FALSE(generation);
  EXPECT_EQ(generation.error().code, ErrorCode::kLimitReached);
  EXPECT_THAT(generation.error().message, testing::HasSubstr("slow down"));
  EXPECT_EQ(peer.requests(), 1);
}

TEST_F(OpenAiTest, WhatIsWrongInTheRequestIsNotRepeated) {
  for (const auto& [status, code] :
       {std::pair(400, ErrorCode::kInvalidArgument), std::pair(401, ErrorCode::kPermissionDenied),
        std::pair(404, ErrorCode::kNotFound)}) {
    FakeEndpoint peer([status = status](Exchange& e, int) {
      e.answer(status, "application/json", R"({"error":{"message":"no","type":"x"}})");
    });
    auto generator = make(settings(peer));
    EXPECT_EQ(ask(*generator, asking("x")).error().code, code);
    EXPECT_EQ(peer.requests(), 1);
  }
}

TEST_F(OpenAiTest, GarbageHugeAndBrokenAnswersAreErrors) {
  using Behaviour = std::function<void(Exchange&)>;
  const std::vector<std::pair<Behaviour, ErrorCode>> cases = {
      {[](Exchange& e) { e.answer(200, "text/event-stream", "data: \x01\x02 {{{\n\n"); },
       ErrorCode::kDataLoss},
      {[](Exchange& e) { e.answer(200, "text/html", "<html>portal</html>"); },
       ErrorCode::kDataLoss},
      {[](Exchange& e) { e.answer(200, "application/json", R"({"hello":1})"); },
       ErrorCode::kDataLoss},
      {[](Exchange& e) { e.answer(200, "text/event-stream", ""); }, ErrorCode::kUnavailable},
      {[](Exchange& e) {
         e.begin_stream();
         e.say("半句");
       },
       ErrorCode::kUnavailable},
      {[](Exchange& e) {
         e.begin_stream();
         e.send(R"(data: {"error":{"message":"worker died"}})"
                "\n\n");
       },
       ErrorCode::kUnavailable},
      {[](Exchange& e) {
         e.answer(200, "text/event-stream", "data: " + std::string(200'000, 'x'));
       },
       ErrorCode::kDataLoss},
      {[](Exchange& e) { e.send("not http at all\r\n\r\n"); }, ErrorCode::kUnavailable},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    FakeEndpoint peer([&, i](Exchange& e, int) { cases[i].first(e); });
    OpenAiSettings with = settings(peer);
    with.attempts_max = 1;
    with.answer_bytes_max = 100'000;
    auto generator = make(with);
    const auto generation = generator->generate(asking("x"));
    ASSERT_FALSE(generation) << i;
    EXPECT_EQ(generation.error().code, cases[i].second) << i << generation.error().text();
  }
}

TEST_F(OpenAiTest, AStreamThatBreaksIsRepeatedOnlyWhileNothingWasShown) {
  FakeEndpoint peer([](Exchange& e, int number) {
    e.begin_stream();
    e.say("半");
    if (number % 2 == 0) return;
    e.end_stream();
  });
  auto generator = make(settings(peer));
  EXPECT_FALSE(ask(*generator, asking("x")));  // "半" was shown
  EXPECT_EQ(peer.requests(), 1);
  ASSERT_TRUE(ask(*generator, asking("x")));            // number 1: whole
  const auto quiet = generator->generate(asking("x"));  // numbers 2 and 3, nothing shown
  ASSERT_TRUE(quiet) << quiet.error().text();
  EXPECT_EQ(quiet->text, "半");
  EXPECT_EQ(quiet->attempts, 2);
}

TEST_F(OpenAiTest, AStallEndsAtTheLongestSilenceOrTheDeadline) {
  FakeEndpoint peer([](Exchange& e, int) {
    e.begin_stream();
    e.stall();
  });
  OpenAiSettings with = settings(peer);
  with.attempts_max = 1;
  with.piece_timeout = 50ms;
  EXPECT_EQ(ask(*make(with), asking("x")).error().code, ErrorCode::kDeadline);
  with.piece_timeout = 30s;
  GenerateRequest request = asking("x");
  request.deadline = 60ms;
  EXPECT_EQ(ask(*make(with), request).error().code, ErrorCode::kDeadline);
}

TEST_F(OpenAiTest, CancellingEndsAStall) {
  FakeEndpoint peer([](Exchange& e, int) {
    e.begin_stream();
    e.say("一");
    e.stall();
  });
  auto generator = make(settings(peer));
  std::stop_source stop;
  GenerateRequest request = asking("x");
  request.cancel = stop.get_token();
  const auto generation = generator->generate(request, [&](std::string_view) {
    stop.request_stop();
    return true;
  });
  ASSERT_TRUE(generation);
  EXPECT_EQ(generation->finish, FinishReason::kCancelled);
  EXPECT_EQ(generation->text, "一");
}

TEST_F(OpenAiTest, ALateFirstEndpointIsOvertakenByTheSecond) {
  FakeEndpoint slow([](Exchange& e, int) { e.stall(); });
  FakeEndpoint quick([](Exchange& e, int) {
    e.begin_stream();
    e.say("二");
    e.end_stream();
  });
  OpenAiSettings with = settings(slow);
  with.second = settings(quick).first;
  with.hedge_after = 20ms;
  const auto generation = ask(*make(with), asking("x"));
  ASSERT_TRUE(generation) << generation.error().text();
  EXPECT_EQ(generation->text, "二");
  EXPECT_EQ(generation->attempts, 1);
}

TEST_F(OpenAiTest, AFirstEndpointThatFailsIsReplacedAndThenLeftAlone) {
  FakeEndpoint broken([](Exchange& e, int) { e.answer(503, "text/plain", "down"); });
  FakeEndpoint whole([](Exchange& e, int) {
    e.begin_stream();
    e.say("好");
    e.end_stream();
  });
  OpenAiSettings with = settings(broken);
  with.second = settings(whole).first;
  with.breaker.failures = 2;
  auto generator = make(with);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(ask(*generator, asking("x")));
  EXPECT_EQ(broken.requests(), 2);  // then its circuit is open
  EXPECT_EQ(whole.requests(), 5);
}

TEST_F(OpenAiTest, AnAnswerOutsideTheSchemaIsAskedForAgain) {
  FakeEndpoint peer([](Exchange& e, int number) {
    e.begin_stream();
    e.say(number == 0 ? R"({"n":"one"})" : R"({"n":1})");
    e.end_stream();
  });
  auto generator = make(settings(peer));
  GenerateRequest request = asking("x");
  request.format = {OutputFormat::Kind::kJsonSchema, "n",
                    *parse_json(R"({"type":"object","properties":{"n":{"type":"integer"}}})")};
  const auto generation = generator->generate(request);
  ASSERT_TRUE(generation) << generation.error().text();
  EXPECT_EQ(generation->text, R"({"n":1})");
  EXPECT_EQ(generation->attempts, 2);
}

TEST_F(OpenAiTest, ToolCallsAreAssembledFromPieces) {
  FakeEndpoint peer([](Exchange& e, int) {
    const auto body = parse_json(e.body());
    EXPECT_EQ((*body)["tools"].if_array()->front()["function"]["name"].string_or(""), "price");
    e.begin_stream();
    const auto piece = [&](std::string_view calls) {
      e.send(fmt::format(
          "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"tool_calls\":{}}}}}]}}\n\n", calls));
    };
    piece(R"([{"index":0,"id":"c1","function":{"name":"price","arguments":"{\"ite"}}])");
    piece(R"([{"index":0,"function":{"arguments":"m\":3}"}}])");
    e.end_stream("tool_calls");
  });
  auto generator = make(settings(peer));
  GenerateRequest request = asking("x");
  request.tools.push_back({"price", "of an item", *parse_json(R"({"type":"object"})")});
  const auto generation = ask(*generator, request);
  ASSERT_TRUE(generation) << generation.error().text();
  EXPECT_EQ(generation->finish, FinishReason::kToolCalls);
  EXPECT_EQ(generation->tool_calls, (std::vector<ToolCall>{{"c1", "price", R"({"item":3})"}}));
}

TEST_F(OpenAiTest, ARefusalIsPassedOnAndIsNoAnswerOutsideTheSchema) {
  FakeEndpoint peer([](Exchange& e, int times) {
    if (times > 0) {
      e.answer(
          200, "application/json",
          R"({"choices":[{"message":{"content":null,"refusal":"不能"},"finish_reason":"stop"}]})");
      return;
    }
    e.begin_stream();
    // Half a character at the end of a piece, as some endpoints send them.
    e.send("data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"refusal\":\"抱\xe6\"}}]}\n\n");
    e.send("data: {\"choices\":[{\"delta\":{\"refusal\":\"\xad\x89。\"}}]}\n\n");
    e.end_stream("stop");
  });
  auto generator = make(settings(peer));
  GenerateRequest request = asking("x");
  request.format.kind = OutputFormat::Kind::kJsonSchema;
  request.format.schema = *parse_json(R"({"type":"object"})");
  for (const std::string_view said : {"抱歉。", "不能"}) {
    const auto generation = ask(*generator, request);
    ASSERT_TRUE(generation) << generation.error().text();
    EXPECT_EQ(generation->refusal, said);
    EXPECT_EQ(generation->text, "");
    EXPECT_EQ(generation->attempts, 1);
    EXPECT_EQ(generation->finish, FinishReason::kStop);
    EXPECT_EQ(shown_, "");
  }
}

TEST_F(OpenAiTest, AnEndpointWithoutStreamsIsUnderstood) {
  FakeEndpoint peer([](Exchange& e, int) {
    e.answer(200, "application/json",
             R"({"model":"whole","choices":[{"message":{"content":"整"},"finish_reason":"stop"}],)"
             R"("usage":{"prompt_tokens":1,"completion_tokens":1}})");
  });
  const auto generation = ask(*make(settings(peer)), asking("x"));
  ASSERT_TRUE(generation) << generation.error().text();
  EXPECT_EQ(generation->text, "整");
}

TEST_F(OpenAiTest, AnEmptyBudgetAsksNobody) {
  FakeEndpoint peer([](Exchange& e, int) { e.stall(); });
  auto generator = make(settings(peer));
  GenerateRequest request = asking("x");
  request.purpose = "small";
  EXPECT_EQ(ask(*generator, request).error().code, ErrorCode::kLimitReached);
  request.purpose = "poor";  // 32,768 answer tokens at 8 yuan a million are 26 fen
  request.tokens_max = GenerateRequest::kTokensMax;
  EXPECT_EQ(ask(*generator, request).error().code, ErrorCode::kLimitReached);
  EXPECT_EQ(peer.requests(), 0);
}

TEST(SpendBudget, ReportsWhatEachPurposeSpentToday) {
  SpendBudget budget({{"service", {100, 5}}}, {1000, 0});
  const Instant now{1'700'000'000'000'000};
  EXPECT_EQ(budget.report(now).if_array()->front()["purpose"].string_or(""), "service");
  ASSERT_TRUE(budget.reserve("content", {50, 2'500'000}, now));
  budget.settle("content", {50, 2'500'000}, {40, 1'500'000}, now);
  const Json report = budget.report(now);
  ASSERT_EQ(report.if_array()->size(), 2);
  EXPECT_EQ(report.if_array()->front().dump(), R"({"purpose":"content","tokens":40,"cost_fen":1.5,)"
                                               R"("tokens_a_day":1000,"fen_a_day":0})");
  EXPECT_EQ(report.if_array()->back()["fen_a_day"].int_or(0), 5);
  // On the next day nothing is spent yet.
  const Instant later{now.us + 24LL * 3600 * 1'000'000};
  EXPECT_EQ(budget.report(later).if_array()->size(), 1);
}

TEST(SpendBudget, RollsAtMidnightAndComesBackAfterARestart) {
  const Instant day{1'780'000'000'000'000};
  SpendBudget budget({{"a", {100, 0}}}, {});
  ASSERT_TRUE(budget.reserve("a", {60, 0}, day));
  EXPECT_FALSE(budget.reserve("a", {60, 0}, day));  // the reservation counts
  budget.settle("a", {60, 0}, {30, 0}, day);
  EXPECT_TRUE(budget.reserve("a", {60, 0}, day));
  budget.settle("a", {60, 0}, {60, 0}, day);
  SpendBudget after({{"a", {100, 0}}}, {});
  ASSERT_TRUE(after.restore(budget.to_json(), day));
  EXPECT_EQ(after.used("a", day).tokens, 90);
  EXPECT_TRUE(after.reserve("a", {100, 0}, day + kDay));
}

TEST(CircuitBreaker, LetsOneTryAfterThePauseAndDoublesIt) {
  CircuitBreaker breaker({2, 100ms, 1000ms});
  const CircuitBreaker::Time t{};
  EXPECT_TRUE(breaker.admit(t));
  breaker.failed(t);
  EXPECT_TRUE(breaker.admit(t));
  breaker.failed(t);
  EXPECT_FALSE(breaker.admit(t + 99ms));
  EXPECT_TRUE(breaker.admit(t + 100ms));
  EXPECT_FALSE(breaker.admit(t + 100ms));  // one at a time
  breaker.failed(t + 100ms);
  EXPECT_FALSE(breaker.admit(t + 299ms));
  EXPECT_TRUE(breaker.admit(t + 300ms));
  breaker.succeeded();
  EXPECT_TRUE(breaker.admit(t + 300ms));
}

TEST(SseParser, ReadsEventsInAnyPiecesAndWithAnyLineEnds) {
  const std::string stream =
      "\xef\xbb\xbf"
      "event: a\r\ndata: 1\rdata:2\n\n: note\nid: 7\ndata\n\ndata: 3\r\n\r\n";
  for (std::size_t size = 1; size < 12; ++size) {
    SseParser parser;
    std::string seen;
    for (std::size_t at = 0; at < stream.size(); at += size) {
      ASSERT_TRUE(parser.feed(std::string_view(stream).substr(at, size),
                              [&](std::string_view event, std::string_view data) {
                                seen += fmt::format("[{}|{}]", event, data);
                                return true;
                              }));
    }
    EXPECT_EQ(seen, "[a|1\n2][|][|3]") << size;
    EXPECT_TRUE(parser.complete());
  }
}

TEST(RetryAfter, IsSecondsOrADate) {
  const Instant now{1'780'000'000'000'000};  // 2026-05-28T20:26:40Z
  EXPECT_EQ(parse_retry_after("5", now), 5s);
  EXPECT_EQ(parse_retry_after("Thu, 28 May 2026 20:26:50 GMT", now), 10s);
  EXPECT_EQ(parse_retry_after("Thu, 28 May 2020 20:26:50 GMT", now), 0s);
  EXPECT_EQ(parse_retry_after("soon", now), std::nullopt);
  EXPECT_EQ(parse_retry_after("-1", now), std::nullopt);
  EXPECT_EQ(parse_retry_after("99999999", now), 24h);
}

}  // namespace
}  // namespace zhiyin::model
