#include "model/generate/counted_generator.h"

#include <gmock/gmock.h>

#include "model/generate/scripted_generator.h"

namespace zhiyin::model {
namespace {

Script script(std::string match, std::string answer) {
  Script out;
  out.match = std::move(match);
  out.answer = std::move(answer);
  return out;
}

GenerateRequest asking(std::string prompt) {
  GenerateRequest request;
  request.messages.push_back({ChatRole::kUser, std::move(prompt), {}, {}});
  return request;
}

struct Bench {
  SteppedClock clock{Instant{1'000'000}};
  ScriptedGenerator scripted;
  CountedGenerator counted{scripted, clock};
  explicit Bench(std::vector<Script> scripts) : scripted(std::move(scripts)) {}
};

TEST(CountedGenerator, BeginsWithNothing) {
  const Bench bench({});
  const Json report = bench.counted.report();
  EXPECT_EQ(report["texts"].int_or(-1), 0);
  EXPECT_TRUE(report["last_text_at"].is_null());
  EXPECT_TRUE(report["last_failure"].is_null());
  EXPECT_EQ(bench.counted.name(), "scripted");
}

TEST(CountedGenerator, CountsTextsWithTheirTokens) {
  Bench bench({script("天气", "晴天")});
  ASSERT_TRUE(bench.counted.generate(asking("天气如何")));
  ASSERT_TRUE(bench.counted.generate(asking("明天天气")));
  const Json report = bench.counted.report();
  EXPECT_EQ(report["texts"].int_or(-1), 2);
  EXPECT_EQ(report["failed"].int_or(-1), 0);
  EXPECT_EQ(report["answer_tokens"].int_or(-1), 4);
  EXPECT_TRUE(report["estimated"].bool_or(false));
  EXPECT_EQ(report["last_text_at"].string_or(""), "1970-01-01T08:00:01+08:00");
}

TEST(CountedGenerator, KeepsTheLastFailureWithItsTime) {
  Script broken = script("", "");
  broken.error = Error{ErrorCode::kUnavailable, "endpoint: is away", {}};
  Bench bench({broken});
  EXPECT_FALSE(bench.counted.generate(asking("x")));
  const Json report = bench.counted.report();
  EXPECT_EQ(report["texts"].int_or(-1), 0);
  EXPECT_EQ(report["failed"].int_or(-1), 1);
  EXPECT_EQ(report["last_failure"]["code"].string_or(""), "unavailable");
  EXPECT_EQ(report["last_failure"]["message"].string_or(""), "endpoint: is away");
  EXPECT_EQ(report["last_failure"]["at"].string_or(""), "1970-01-01T08:00:01+08:00");
}

TEST(CountedGenerator, WrongRequestsSayNothingAboutIt) {
  Bench bench({script("", "晴天")});
  EXPECT_FALSE(bench.counted.generate(GenerateRequest{}));
  EXPECT_EQ(bench.counted.report()["failed"].int_or(-1), 0);
}

TEST(CountedGenerator, TextsThatTheCallerEndsAreCountedApart) {
  Script pieces = script("", "晴天转阴");
  pieces.pieces = {3};
  Bench bench({pieces});
  const auto ended = bench.counted.generate(asking("x"), [](std::string_view) { return false; });
  ASSERT_TRUE(ended);
  ASSERT_EQ(ended->finish, FinishReason::kCancelled);
  EXPECT_EQ(bench.counted.report()["cancelled"].int_or(-1), 1);
  EXPECT_EQ(bench.counted.report()["texts"].int_or(-1), 0);
}

}  // namespace
}  // namespace zhiyin::model
