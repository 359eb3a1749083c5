// The parts that every back end shares, and the scripted one.
#include <gmock/gmock.h>

#include <set>

#include "base/utf8.h"
#include "model/generate/json_schema.h"
#include "model/generate/schema_grammar.h"
#include "model/generate/scripted_generator.h"
#include "model/generate/text_sink.h"

namespace zhiyin::model {
namespace {

using namespace std::chrono_literals;

GenerateRequest asking(std::string prompt) {
  GenerateRequest request;
  request.messages.push_back({ChatRole::kUser, std::move(prompt), {}, {}});
  return request;
}

Json json(std::string_view text) { return parse_json(text).value(); }

TEST(Utf8Assembler, GivesWholeCharactersWhateverThePieces) {
  const std::string text = "知a音€𠀀é";
  for (std::size_t size = 1; size <= 5; ++size) {
    Utf8Assembler assembler;
    std::string out;
    for (std::size_t at = 0; at < text.size(); at += size) {
      out += assembler.feed(std::string_view(text).substr(at, size));
    }
    EXPECT_EQ(out, text);
    EXPECT_FALSE(assembler.finish());
    EXPECT_EQ(assembler.bad_bytes(), 0);
  }
}

TEST(Utf8Assembler, CountsWhatIsNoCharacterAndDropsACutOne) {
  Utf8Assembler assembler;
  EXPECT_EQ(assembler.feed("a\xff\xc0\x80z"), "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz");
  EXPECT_EQ(assembler.bad_bytes(), 3);
  EXPECT_EQ(assembler.feed("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");  // a surrogate
  EXPECT_EQ(assembler.feed("\xe7\x9f"), "");
  EXPECT_TRUE(assembler.finish());
}

TEST(StopTexts, EndsBeforeTheFirstAlsoAcrossPieces) {
  StopTexts stop({"END", "##"});
  EXPECT_EQ(stop.feed("abE"), "ab");
  EXPECT_EQ(stop.feed("Nx#"), "ENx");
  EXPECT_EQ(stop.feed("y E"), "#y ");
  EXPECT_EQ(stop.feed("ND more"), "");
  EXPECT_TRUE(stop.stopped());
  EXPECT_EQ(stop.feed("more"), "");
  StopTexts open({"END"});
  EXPECT_EQ(open.feed("EN"), "");
  EXPECT_EQ(open.finish(), "EN");
}

TEST(GenerateRequest, RefusalsNameTheField) {
  GenerateRequest request;
  EXPECT_EQ(check(request).error().field, "messages");
  request = asking("x");
  EXPECT_TRUE(check(request));
  request.temperature = 2.1;
  EXPECT_EQ(check(request).error().field, "temperature");
  request = asking("\xff");
  EXPECT_EQ(check(request).error().field, "messages[0].content");
  request = asking("x");
  request.stop = {""};
  EXPECT_EQ(check(request).error().field, "stop");
  request = asking("x");
  request.tokens_max = 0;
  EXPECT_EQ(check(request).error().field, "max_tokens");
  request = asking("x");
  request.format = {OutputFormat::Kind::kJsonSchema, "a",
                    json(R"({"type":"object","properties":{"x":{"type":"strong"}}})")};
  EXPECT_EQ(check(request).error().field, "response_format.schema.properties.x.type");
}

TEST(JsonSchema, RefusesWhatItDoesNotKnowByName) {
  EXPECT_EQ(JsonSchema::parse(json(R"({"type":"string","pattern":"a+"})")).error().field,
            "pattern");
  EXPECT_EQ(JsonSchema::parse(json(R"({"type":"array","items":{"format":"date"}})")).error().field,
            "items.format");
  EXPECT_EQ(JsonSchema::parse(json(R"({"required":["a"],"properties":{}})")).error().field,
            "required");
  EXPECT_FALSE(JsonSchema::parse(
      json(R"({"$ref":"#/$defs/a","$defs":{"a":{"type":"array","items":{"$ref":"#/$defs/a"}}}})")));
  std::string deep;
  for (int i = 0; i < 30; ++i) deep += R"({"type":"array","items":)";
  EXPECT_FALSE(JsonSchema::parse(json(deep + "{}" + std::string(30, '}'))));
}

TEST(JsonSchema, ValidatesWithThePathOfWhatIsWrong) {
  const auto schema = JsonSchema::parse(json(R"({
    "type":"object","additionalProperties":false,"required":["title","points"],
    "properties":{"title":{"type":"string","minLength":2,"maxLength":4},
      "points":{"type":"array","items":{"$ref":"#/$defs/point"},"maxItems":2},
      "tone":{"enum":["热情","专业"]},"score":{"type":["number","null"],"minimum":0,"maximum":1}},
    "$defs":{"point":{"type":"integer","minimum":1}}})"));
  ASSERT_TRUE(schema) << schema.error().text();
  EXPECT_TRUE(schema->validate(json(R"({"title":"知音","points":[1,2],"score":null})")));
  const auto field = [&](std::string_view text) {
    const auto good = schema->validate(json(text));
    return good ? "" : good.error().field;
  };
  EXPECT_EQ(field(R"({"title":"知","points":[]})"), "title");
  EXPECT_EQ(field(R"({"title":"知音","points":[1,0]})"), "points[1]");
  EXPECT_EQ(field(R"({"title":"知音","points":[1,2,3]})"), "points");
  EXPECT_EQ(field(R"({"title":"知音","points":[],"tone":"冷"})"), "tone");
  EXPECT_EQ(field(R"({"title":"知音","points":[],"score":1.5})"), "score");
  EXPECT_EQ(field(R"({"title":"知音","points":[],"more":1})"), "more");
  EXPECT_EQ(field(R"({"points":[]})"), "title");
}

TEST(SchemaGrammar, EveryTextOfAnIntegerRangeLiesInIt) {
  for (const auto& [low, high] : std::vector<std::pair<int, int>>{
           {0, 0}, {0, 9}, {5, 5}, {7, 123}, {-3, 4}, {-120, -7}, {99, 1001}, {-1, 0}, {10, 10}}) {
    const auto schema =
        JsonSchema::parse(Json().set("type", "integer").set("minimum", low).set("maximum", high));
    const auto grammar = grammar_of(*schema);
    ASSERT_TRUE(grammar);
    std::set<std::int64_t> seen;
    for (std::uint64_t seed = 0; seed < 400; ++seed) {
      Random random(seed);
      const std::string text = grammar->sample(random);
      const auto value = parse_json(text);
      ASSERT_TRUE(value && value->if_int()) << text;
      EXPECT_TRUE(schema->validate(*value)) << text << " not in " << low << ".." << high;
      seen.insert(*value->if_int());
    }
    if (high - low <= 9) {
      EXPECT_EQ(seen.size(), static_cast<std::size_t>(high - low + 1));
    }
  }
}

TEST(ScriptedGenerator, PlaysItsScriptInOddPieces) {
  ScriptedGenerator generator({{.match = "天气", .answer = "晴，二十度。", .pieces = {1, 2}}});
  std::string shown;
  const auto generation = generator.generate(asking("天气如何？"), [&](std::string_view piece) {
    EXPECT_TRUE(utf8::is_valid(piece));
    shown += piece;
    return true;
  });
  ASSERT_TRUE(generation) << generation.error().text();
  EXPECT_EQ(generation->text, "晴，二十度。");
  EXPECT_EQ(shown, generation->text);
  EXPECT_EQ(generation->finish, FinishReason::kStop);
  EXPECT_EQ(generator.generate(asking("别的")).error().code, ErrorCode::kNotFound);
}

TEST(ScriptedGenerator, KeepsToLimitsStopsAndCancels) {
  ScriptedGenerator generator({{.answer = "一二三四五六七八", .pieces = {3}}});
  GenerateRequest request = asking("x");
  request.tokens_max = 3;
  auto generation = generator.generate(request);
  EXPECT_EQ(generation->text, "一二三");
  EXPECT_EQ(generation->finish, FinishReason::kLength);
  request.tokens_max = 100;
  request.stop = {"五六"};
  EXPECT_EQ(generator.generate(request)->text, "一二三四");
  generation = generator.generate(request, [](std::string_view) { return false; });
  EXPECT_EQ(generation->finish, FinishReason::kCancelled);
  EXPECT_EQ(generation->text, "一");
}

TEST(ScriptedGenerator, StallsAndGarbageAreErrorsOrCounted) {
  ScriptedGenerator generator({{.match = "stall", .answer = "a", .stalls = true},
                               {.match = "garbage", .answer = "ok\xff\xfe知\xe7\x9f"}});
  GenerateRequest request = asking("stall");
  request.deadline = 30ms;
  EXPECT_EQ(generator.generate(request).error().code, ErrorCode::kDeadline);
  const auto generation = generator.generate(asking("garbage"));
  EXPECT_EQ(generation->text, "ok\xef\xbf\xbd\xef\xbf\xbd知");
  EXPECT_EQ(generation->bad_bytes, 2);
}

TEST(ScriptedGenerator, AnAnswerThatIsNotOfTheSchemaIsAnError) {
  ScriptedGenerator generator({{.match = "a", .answer = R"({"n":1)"},
                               {.match = "b", .answer = R"({"n":"1"})"},
                               {.match = "c", .answer = R"({"n":1})"}});
  GenerateRequest request = asking("a");
  request.format = {OutputFormat::Kind::kJsonSchema, "n",
                    json(R"({"type":"object","properties":{"n":{"type":"integer"}}})")};
  EXPECT_EQ(generator.generate(request).error().code, ErrorCode::kDataLoss);
  request.messages[0].content = "b";
  EXPECT_EQ(generator.generate(request).error().code, ErrorCode::kDataLoss);
  request.messages[0].content = "c";
  EXPECT_TRUE(generator.generate(request));
}

}  // namespace
}  // namespace zhiyin::model
