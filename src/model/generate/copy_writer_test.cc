#include "model/generate/copy_writer.h"

#include <gmock/gmock.h>

#include "base/utf8.h"
#include "model/generate/copy_patterns.h"

namespace zhiyin::model {
namespace {

CopyOrder shirt() {
  CopyOrder order;
  order.facts = {{"类型", "衬衫"}, {"颜色", "酒红色"},  {"材质", "亚麻"},
                 {"领型", "立领"}, {"到手价", "199元"}, {"产地", "苏州"}};
  return order;
}

TEST(CopyWriter, StatesEveryFactAndSaysWhere) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    CopyOrder order = shirt();
    order.seed = seed;
    const auto copy = write_copy(order);
    ASSERT_TRUE(copy) << copy.error().text();
    ASSERT_EQ(copy->spans.size(), order.facts.size()) << copy->text;
    for (const FactSpan& span : copy->spans) {
      EXPECT_EQ(copy->text.substr(span.begin, span.end - span.begin), order.facts[span.fact].value);
    }
    EXPECT_NEAR(static_cast<double>(utf8::length(copy->text)), 80, 12) << copy->text;
    EXPECT_TRUE(copy->text.ends_with("。"));
  }
}

TEST(CopyWriter, TheSameSeedGivesTheSameTextAndOthersDiffer) {
  CopyOrder order = shirt();
  const auto first = write_copy(order);
  EXPECT_EQ(write_copy(order)->text, first->text);
  order.seed = 1;
  EXPECT_NE(write_copy(order)->text, first->text);
}

TEST(CopyWriter, AnEndOfLengthLeavesOutTheLastFacts) {
  CopyOrder order = shirt();
  order.length = 20;
  order.length_max = 24;
  for (order.seed = 0; order.seed < 50; ++order.seed) {
    const auto copy = write_copy(order);
    ASSERT_TRUE(copy);
    EXPECT_LE(utf8::length(copy->text), 24);
    EXPECT_EQ(copy->spans.size() + copy->left_out.size(), order.facts.size());
  }
}

TEST(CopyWriter, PatternsClaimNothing) {
  // Words of fabric, colour, cut and promise have no place outside a value.
  constexpr std::string_view kClaims[] = {
      "棉",   "麻",   "丝",   "绒",   "皮",   "牛仔", "蕾丝", "红",   "蓝",   "绿",   "黑",
      "灰",   "显瘦", "修身", "宽松", "舒适", "柔软", "透气", "保暖", "百搭", "时尚", "优质",
      "高端", "第一", "最好", "新款", "热卖", "限量", "免费", "包邮", "折",   "赠",   "裙",
      "裤",   "防",   "耐",   "环保", "健康", "正品", "进口", "手工", "线条", "创意", "口袋"};
  const auto check = [&](std::span<const std::string_view> texts) {
    for (const std::string_view text : texts) {
      for (const std::string_view claim : kClaims) {
        EXPECT_EQ(text.find(claim), std::string_view::npos) << text << " says " << claim;
      }
      EXPECT_EQ(text.find_first_of("0123456789"), std::string_view::npos) << text;
    }
  };
  check(openings());
  check(remarks());
  check(closings());
  for (int kind = 0; kind <= static_cast<int>(FactKind::kOther); ++kind) {
    const auto texts = clauses(static_cast<FactKind>(kind));
    check(texts);
    check(musings(static_cast<FactKind>(kind)));
    for (const std::string_view text : texts) {
      EXPECT_NE(text.find("{v}"), std::string_view::npos) << text;
      EXPECT_EQ(text.find("{v}"), text.rfind("{v}")) << text;
    }
  }
}

TEST(CopyWriter, RefusalsNameTheField) {
  EXPECT_EQ(write_copy({}).error().field, "facts");
  CopyOrder order = shirt();
  order.facts[1].value = "a\nb";
  EXPECT_EQ(write_copy(order).error().field, "facts[1].value");
  order = shirt();
  order.length = 5;
  EXPECT_EQ(write_copy(order).error().field, "length");
}

TEST(CopyWriter, ReadsFactsAsPeoplePasteThem) {
  const auto facts =
      parse_facts("请写一段文案\n类型：衬衫\n- 颜色: 白色、蓝色\n图案#条纹*风格#简约\n：空\n");
  ASSERT_EQ(facts.size(), 5);
  EXPECT_EQ(facts[1].value, "白色");
  EXPECT_EQ(facts[2].value, "蓝色");
  EXPECT_EQ(facts[3].name, "图案");
  EXPECT_EQ(fact_kind("裙领型"), FactKind::kCollar);
  EXPECT_EQ(fact_kind("袖长"), FactKind::kLength);
  EXPECT_EQ(fact_kind("心情"), FactKind::kOther);
}

TEST(CopyGenerator, WritesFromTheLastMessage) {
  CopyGenerator generator;
  GenerateRequest request;
  request.messages.push_back({ChatRole::kUser, "字数：40\n品名：保温杯\n容量：500毫升", {}, {}});
  const auto generation = generator.generate(request);
  ASSERT_TRUE(generation) << generation.error().text();
  EXPECT_THAT(generation->text, testing::HasSubstr("500毫升"));
  request.messages[0].content = "你好";
  EXPECT_EQ(generator.generate(request).error().field, "messages");
  request.format.kind = OutputFormat::Kind::kJsonObject;
  EXPECT_EQ(generator.generate(request).error().code, ErrorCode::kUnsupported);
}

TEST(CopyGenerator, EndsAtTheLimitOfTokensAndNeverWithinAValue) {
  CopyGenerator generator;
  GenerateRequest request;
  request.messages.push_back({ChatRole::kUser,
                              "类型：衬衫\n颜色：酒红色\n到手价：1990元\n面料：亚麻混纺\n字数：60",
                              {},
                              {}});
  request.seed = 3;
  const auto whole = generator.generate(request);
  ASSERT_TRUE(whole) << whole.error().text();
  EXPECT_EQ(whole->finish, FinishReason::kStop);
  for (int tokens = 1; tokens < whole->usage.answer_tokens; ++tokens) {
    request.tokens_max = tokens;
    const auto cut = generator.generate(request);
    ASSERT_TRUE(cut) << cut.error().text();
    EXPECT_LE(cut->usage.answer_tokens, tokens) << cut->text;
    EXPECT_LE(estimated_tokens(cut->text), tokens);
    EXPECT_TRUE(utf8::is_valid(cut->text));
    if (cut->finish == FinishReason::kStop) continue;
    EXPECT_EQ(cut->finish, FinishReason::kLength);
    for (const std::string_view half : {"199", "1", "19", "酒", "酒红", "亚", "亚麻", "亚麻混"})
      EXPECT_FALSE(cut->text.ends_with(half)) << cut->text;
  }
  request.tokens_max = 3;
  EXPECT_EQ(generator.generate(request)->finish, FinishReason::kLength);
}

}  // namespace
}  // namespace zhiyin::model
