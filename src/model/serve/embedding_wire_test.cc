#include "model/serve/embedding_wire.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>

#include "base/crypto.h"

namespace zhiyin::model::embedding_wire {
namespace {

Result<Asked> parsed(std::string_view body) { return parse(*parse_json(body), 4); }
std::string field_of(std::string_view body) {
  const auto asked = parsed(body);
  return asked ? "" : asked.error().field;
}

TEST(EmbeddingWire, TakesATextTextsTokensAndListsOfTokens) {
  EXPECT_EQ(parsed(R"({"input":"a","model":"m","user":"u"})")->texts,
            std::vector<std::string>{"a"});
  EXPECT_EQ(parsed(R"({"input":["a","b"]})")->texts.size(), 2U);
  EXPECT_EQ(parsed(R"({"input":[1,2]})")->rows, (std::vector<std::vector<std::int32_t>>{{1, 2}}));
  EXPECT_EQ(parsed(R"({"input":[[1],[2,3]]})")->rows.size(), 2U);
  EXPECT_EQ(parsed(R"({"input":"a","prefix":"query"})")->prefix, "query: ");
  EXPECT_FALSE(parsed(R"({"input":"a","truncate":false})")->truncate);
}

TEST(EmbeddingWire, NamesWhatIsWrong) {
  EXPECT_EQ(field_of(R"({"model":"m"})"), "input");
  EXPECT_EQ(field_of(R"({"input":[]})"), "input");
  EXPECT_EQ(field_of(R"({"input":["a",""]})"), "input[1]");
  EXPECT_EQ(field_of(R"({"input":["a",1]})"), "input[1]");
  EXPECT_EQ(field_of(R"({"input":[1,-2]})"), "input[1]");
  EXPECT_EQ(field_of(R"({"input":[[1],[1.5]]})"), "input[1][0]");
  EXPECT_EQ(field_of(R"({"input":{}})"), "input");
  EXPECT_EQ(field_of(R"({"input":"a","dimensions":5})"), "dimensions");
  EXPECT_EQ(field_of(R"({"input":"a","encoding_format":"hex"})"), "encoding_format");
  EXPECT_EQ(field_of(R"({"input":[1],"prefix":"query"})"), "prefix");
  EXPECT_EQ(field_of(R"({"input":"a","inputs":"b"})"), "inputs");
  std::string many = R"({"input":["a")";
  for (std::size_t i = 0; i < kInputsMax; ++i) many += R"(,"a")";
  EXPECT_EQ(field_of(many + "]}"), "input");
}

TEST(EmbeddingWire, FewerDimensionsHaveLengthOneAgain) {
  const auto asked = parsed(R"({"input":["a","b"],"dimensions":2})");
  const std::array<float, 8> vectors = {0.3F, 0.4F, 0.5F, 0.7F, 0, 1, 0, 0};
  const Json json = answer(*asked, vectors, 4, 7, "e5");
  const auto& data = *json["data"].if_array();
  ASSERT_EQ(data.size(), 2U);
  const auto& first = *data[0]["embedding"].if_array();
  ASSERT_EQ(first.size(), 2U);
  EXPECT_NEAR(first[0].number_or(0), 0.6, 1e-6);
  EXPECT_NEAR(first[1].number_or(0), 0.8, 1e-6);
  EXPECT_EQ(data[1]["index"].int_or(0), 1);
  EXPECT_EQ(json["usage"]["total_tokens"].int_or(0), 7);
}

TEST(EmbeddingWire, Base64IsTheFloatsBytes) {
  const auto asked = parsed(R"({"input":"a","encoding_format":"base64"})");
  const std::array<float, 4> vector = {0.25F, -1, 3.5F, 1e-8F};
  const Json json = answer(*asked, vector, 4, 1, "e5");
  const auto bytes = crypto::unbase64((*json["data"].if_array())[0]["embedding"].string_or(""));
  ASSERT_TRUE(bytes);
  std::array<float, 4> back{};
  ASSERT_EQ(bytes->size(), sizeof back);
  std::memcpy(back.data(), bytes->data(), sizeof back);
  EXPECT_EQ(back, vector);
}

}  // namespace
}  // namespace zhiyin::model::embedding_wire
