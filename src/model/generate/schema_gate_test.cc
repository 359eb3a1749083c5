// What is promised of answers with a schema, over a thousand schemas and prompts.
#include <gmock/gmock.h>

#include "base/strict_json.h"
#include "model/generate/detail/random_schema.h"
#include "model/generate/json_schema.h"
#include "model/generate/schema_grammar.h"
#include "model/generate/scripted_generator.h"

namespace zhiyin::model {
namespace {

TEST(SchemaGate, AThousandSchemasAndPromptsGiveValidJson) {
  ScriptedGenerator generator({});
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    Random random(seed);
    GenerateRequest request;
    request.messages.push_back({ChatRole::kUser, fmt::format("提示 {}", seed), {}, {}});
    request.seed = static_cast<std::int64_t>(seed);
    request.format = {OutputFormat::Kind::kJsonSchema, "x", random_schema(random)};
    const auto generation = generator.generate(request);
    ASSERT_TRUE(generation) << generation.error().text() << request.format.schema.dump();
    const auto json = parse_strict_json(generation->text);
    ASSERT_TRUE(json) << generation->text;
    EXPECT_TRUE(JsonSchema::parse(request.format.schema)->validate(*json)) << generation->text;
    EXPECT_EQ(generator.generate(request)->text, generation->text);  // the same seed
  }
}

TEST(SchemaGate, AnyObjectIsJsonToo) {
  const auto grammar = grammar_of(JsonSchema::any_object());
  ASSERT_TRUE(grammar) << grammar.error().text();
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Random random(seed);
    const std::string text = grammar->sample(random);
    const auto json = parse_json(text);
    ASSERT_TRUE(json) << text;
    EXPECT_NE(json->if_object(), nullptr);
  }
}

TEST(SchemaGate, WhatAGrammarCannotHoldToIsSaid) {
  const auto refused = [](std::string_view text) {
    return grammar_of(*JsonSchema::parse(*parse_json(text))).error().code;
  };
  EXPECT_EQ(refused(R"({"type":"string","maxLength":5000})"), ErrorCode::kUnsupported);
  EXPECT_EQ(refused(R"({"type":"number","minimum":0.2,"maximum":0.8})"), ErrorCode::kUnsupported);
}

TEST(Grammar, IsWrittenAsLlamaReadsIt) {
  const auto schema = JsonSchema::parse(*parse_json(
      R"({"type":"object","properties":{"a":{"enum":["x\"y"]},"b":{"type":"boolean"}},"required":["a"]})"));
  const std::string text = grammar_of(*schema)->to_gbnf();
  EXPECT_THAT(text, testing::HasSubstr("root ::= r"));
  EXPECT_THAT(text, testing::HasSubstr(R"("\"x\\\"y\"")"));
  EXPECT_THAT(text, testing::HasSubstr(R"("true" | "false")"));
}

}  // namespace
}  // namespace zhiyin::model
