#include "server/recommend_wire.h"

#include <gtest/gtest.h>

namespace zhiyin::server {
namespace {

recommend::RecommendedItem item(const std::string& id) {
  recommend::RecommendedItem out;
  out.item = {"article", id};
  out.title = "题 \"" + id + "\"\n";
  out.score = 1.0 / 3;
  out.source = "itemknn";
  out.reason = "因为你读过《X》";
  out.reason_en = "because you read \"X\"";
  return out;
}

void expect_same(const Recommendations::Answer& answer, const std::optional<PersonId>& person) {
  std::string out = "before";
  append_answer(out, answer, person);
  const Json tree =
      to_json_answer(answer, Json().set("person", person ? Json(person->value) : Json()));
  EXPECT_EQ(out, "before" + tree.dump());
}

TEST(RecommendWire, AnswersAppendedAreTheBytesOfTheTree) {
  Recommendations::Answer answer;
  answer.model_id = "none";
  expect_same(answer, std::nullopt);
  expect_same(answer, PersonId("p_x"));
  answer.response.fallback = true;
  answer.ranker_id = "ranker-2";
  answer.impression_id = "01890000-0000-7000-8000-000000000000";
  answer.response.items = {item("a"), item("b,\t"), item("c")};
  answer.response.items[1].value = -2.5e-9;
  answer.response.items[1].team = 2;
  answer.response.items[2].propensity = 0.125;
  answer.response.items[2].score = 3;
  expect_same(answer, PersonId("p_x"));
  answer.response.items[0].responses[0] = 0.25;
  answer.response.items[2].terms.push_back({{"article", "t"}, "题", 0.5});
  expect_same(answer, PersonId("p_x"));
  answer.group = recommend::AbGroup::kB;
  expect_same(answer, PersonId("p_x"));
  answer.group = recommend::AbGroup::kA;
  expect_same(answer, std::nullopt);
  answer.response.tired = {{"article", "z"}};
  expect_same(answer, std::nullopt);
}

TEST(RecommendWire, AQueryIsReadAnewWhereItDiffers) {
  http::Request request;
  const auto ask = [&](const std::string& query) {
    request.target = "/v1/recommend/p_x" + query;
    request.query.clear();
    for (std::string_view rest = query; !rest.empty();) {
      rest.remove_prefix(1);
      const std::size_t end = std::min(rest.find('&'), rest.size());
      const std::string_view pair = rest.substr(0, end);
      request.query.emplace(pair.substr(0, pair.find('=')), pair.substr(pair.find('=') + 1));
      rest.remove_prefix(end);
    }
    return list_body_of(request);
  };
  EXPECT_EQ(ask("?n=3&kind=article")->n, 3);
  EXPECT_EQ(ask("?n=3&kind=article")->kinds, std::vector<std::string>{"article"});
  EXPECT_EQ(ask("?n=4&kind=article")->n, 4);
  EXPECT_EQ(ask("?m=4").error().field, "m");
  EXPECT_EQ(ask("?m=4").error().field, "m");
  EXPECT_EQ(ask("?n=4")->kinds.size(), 0U);
  EXPECT_EQ(ask("")->n, 10);
  EXPECT_EQ(ask("?n=0").error().field, "n");
}

}  // namespace
}  // namespace zhiyin::server
