// The in-process back end, on a tiny model of random weights that the test makes itself.
#include "model/generate/gguf_generator.h"

#include <gmock/gmock.h>

#include <thread>

#include "base/file.h"
#include "base/strict_json.h"
#include "base/utf8.h"
#include "model/generate/detail/random_schema.h"
#include "model/generate/detail/tiny_gguf.h"
#include "model/generate/json_schema.h"

namespace zhiyin::model {
namespace {

using namespace std::chrono_literals;

class GgufTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(std::filesystem::path(ZHIYIN_LLAMA) / "libllama.v0.5.0.so")) {
      GTEST_SKIP() << "llama.cpp's libraries are not in " << ZHIYIN_LLAMA << " (./dev setup)";
    }
    settings_.model_file = folder_.path() / "tiny.gguf";
    settings_.library_folder = ZHIYIN_LLAMA;
    ASSERT_TRUE(write_file(settings_.model_file, TinyGguf::make()));
  }
  std::unique_ptr<GgufGenerator> make() {
    auto made = GgufGenerator::create(settings_, null_logger());
    EXPECT_TRUE(made) << made.error().text();
    return made ? std::move(*made) : nullptr;
  }
  static GenerateRequest asking(std::string prompt, int tokens = 20) {
    GenerateRequest request;
    request.messages.push_back({ChatRole::kUser, std::move(prompt), {}, {}});
    request.tokens_max = tokens;
    request.seed = 7;
    return request;
  }

  TempFolder folder_;
  GgufSettings settings_;
};

TEST_F(GgufTest, WritesWholeCharactersAndTheSameForTheSameSeed) {
  const auto generator = make();
  ASSERT_TRUE(generator);
  std::string shown;
  const auto first = generator->generate(asking("你好"), [&](std::string_view piece) {
    EXPECT_TRUE(utf8::is_valid(piece));
    shown += piece;
    return true;
  });
  ASSERT_TRUE(first) << first.error().text();
  EXPECT_EQ(first->text, shown);
  EXPECT_TRUE(utf8::is_valid(first->text));
  EXPECT_EQ(first->model, "tiny");
  EXPECT_GT(first->usage.prompt_tokens, 2);
  EXPECT_EQ(generator->generate(asking("你好"))->text, first->text);
  GenerateRequest greedy = asking("你好");
  greedy.temperature = 0;
  EXPECT_EQ(generator->generate(greedy)->text, generator->generate(greedy)->text);
}

// A thousand, as promised, with ZHIYIN_SCHEMAS=1000: seconds on a quiet machine.
TEST_F(GgufTest, SchemasAndPromptsGiveValidJson) {
  const auto generator = make();
  ASSERT_TRUE(generator);
  const char* wanted = std::getenv("ZHIYIN_SCHEMAS");
  const std::uint64_t schemas = wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : 60;
  int cut = 0;
  for (std::uint64_t seed = 0; seed < schemas; ++seed) {
    Random random(seed);
    GenerateRequest request = asking(fmt::format("提示 {}", seed), 400);
    request.seed = static_cast<std::int64_t>(seed);
    request.temperature = seed % 3 == 0 ? 0 : 1;
    request.format = {OutputFormat::Kind::kJsonSchema, "x", random_schema(random, 2)};
    const auto generation = generator->generate(request);
    if (!generation) {  // at the limit of tokens it is an error, never half a JSON
      EXPECT_THAT(generation.error().message, testing::HasSubstr("limit of tokens"))
          << request.format.schema.dump();
      ++cut;
      continue;
    }
    const auto json = parse_strict_json(generation->text);
    ASSERT_TRUE(json) << generation->text;
    EXPECT_TRUE(JsonSchema::parse(request.format.schema)->validate(*json)) << generation->text;
  }
  EXPECT_EQ(cut, 0);
}

TEST_F(GgufTest, SeveralRequestsRunAtOnceAndEachIsItsOwn) {
  settings_.requests = 2;
  const auto generator = make();
  ASSERT_TRUE(generator);
  std::vector<std::string> alone;
  for (int i = 0; i < 4; ++i) alone.push_back(generator->generate(asking(std::to_string(i)))->text);
  std::vector<std::string> together(4);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      together[static_cast<std::size_t>(i)] = generator->generate(asking(std::to_string(i)))->text;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(together, alone);
}

TEST_F(GgufTest, LongPromptsAreSplitAndTooLongOnesRefused) {
  settings_.batch_tokens = 16;
  const auto generator = make();
  ASSERT_TRUE(generator);
  const std::string text(300, 'x');  // far beyond one batch: llama.cpp itself would abort
  EXPECT_TRUE(generator->generate(asking(text)));
  const auto refused = generator->generate(asking(std::string(2000, 'x')));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnsupported);
  const auto full = generator->generate(asking(std::string(490, 'x'), 400));  // context: 512
  ASSERT_TRUE(full) << full.error().text();
  EXPECT_EQ(full->finish, FinishReason::kLength);
}

TEST_F(GgufTest, DeadlinesAndCancellingLeaveItUsable) {
  const auto generator = make();
  ASSERT_TRUE(generator);
  GenerateRequest request = asking(std::string(400, 'x'), 100);
  request.deadline = 1ms;
  EXPECT_EQ(generator->generate(request).error().code, ErrorCode::kDeadline);
  const auto cancelled = generator->generate(asking("x"), [](std::string_view) { return false; });
  ASSERT_TRUE(cancelled);
  EXPECT_EQ(cancelled->finish, FinishReason::kCancelled);
  EXPECT_TRUE(generator->generate(asking("x")));
}

TEST_F(GgufTest, AnAnswerCutByItsBudgetIsNoJson) {
  const auto generator = make();
  ASSERT_TRUE(generator);
  GenerateRequest request = asking("x", 3);
  request.format = {OutputFormat::Kind::kJsonSchema, "x",
                    *parse_json(R"({"type":"string","minLength":20,"maxLength":20})")};
  const auto generation = generator->generate(request);
  ASSERT_FALSE(generation);
  EXPECT_EQ(generation.error().code, ErrorCode::kDataLoss);
}

TEST_F(GgufTest, ControlTokensInMessagesAreText) {
  const auto generator = make();
  ASSERT_TRUE(generator);
  const auto plain = generator->generate(asking("<s></s>"));
  ASSERT_TRUE(plain);
  EXPECT_GT(plain->usage.prompt_tokens, generator->generate(asking("s"))->usage.prompt_tokens + 4);
}

TEST_F(GgufTest, FilesThatAreNoModelAreRefused) {
  const std::string good = TinyGguf::make();
  for (const std::string& bytes : {std::string("GGUF"), std::string("junk that is no model at all"),
                                   good.substr(0, 1000), good.substr(0, good.size() / 2)}) {
    ASSERT_TRUE(write_file(settings_.model_file, bytes));
    const auto made = GgufGenerator::create(settings_, null_logger());
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, ErrorCode::kDataLoss);
  }
  settings_.model_file = folder_.path() / "absent.gguf";
  EXPECT_EQ(GgufGenerator::create(settings_, null_logger()).error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace zhiyin::model
