#include "model/encoder/heads.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

namespace zhiyin::model {
namespace {

const Head kTwo{.width = 2, .weights = {1, 0, 0, 2}, .bias = {0.5F, -1}};
const std::vector<float> kVector{1, 2};

TEST(Heads, LabelsAreSoftmaxOrSigmoidsOfTheScores) {
  EXPECT_EQ(scores(kTwo, kVector), (std::vector<float>{1.5F, 3}));
  EXPECT_EQ(regression(kTwo, kVector), scores(kTwo, kVector));
  const auto one = single_label(kTwo, kVector);
  EXPECT_NEAR(one[1] / one[0], std::exp(1.5), 1e-5);
  EXPECT_NEAR(one[0] + one[1], 1, 1e-6);
  EXPECT_NEAR(multi_label(kTwo, kVector)[0], 1 / (1 + std::exp(-1.5)), 1e-6);
}

TEST(Heads, HugeScoresStayProbabilities) {
  const Head huge{.width = 1, .weights = {1e30F, -1e30F}, .bias = {0, 0}};
  const std::vector<float> one{1};
  EXPECT_EQ(single_label(huge, one), (std::vector<float>{1, 0}));
  EXPECT_EQ(multi_label(huge, one), (std::vector<float>{1, 0}));
}

TEST(Heads, GradesAreOneScoreAgainstThresholds) {
  const OrdinalHead head{.weights = {1, 1}, .thresholds = {-1, 2, 4}};
  const auto grades = ordinal(head, kVector);
  ASSERT_EQ(grades.size(), 4U);
  EXPECT_NEAR(std::accumulate(grades.begin(), grades.end(), 0.0), 1, 1e-6);
  EXPECT_NEAR(grades[0], 1 - 1 / (1 + std::exp(-4.0)), 1e-6);
  EXPECT_NEAR(grades[3], 1 / (1 + std::exp(1.0)), 1e-6);
}

TEST(Heads, TagsFollowTheBestPath) {
  TagHead head{.head = {.width = 1, .weights = {1, -1}, .bias = {0, 0}}};
  const std::vector<float> tokens{1, -0.1F, 1};
  EXPECT_EQ(token_tags(head, tokens), (std::vector<std::size_t>{0, 1, 0}));
  head.transitions = {0, -1, -1, 0};  // changing costs more than the middle token is worth
  EXPECT_EQ(token_tags(head, tokens), (std::vector<std::size_t>{0, 0, 0}));
  head.transitions = {-std::numeric_limits<float>::infinity(), 0, 0, 0};  // 0 never follows 0
  EXPECT_EQ(token_tags(head, tokens), (std::vector<std::size_t>{0, 1, 0}));
  EXPECT_TRUE(token_tags(head, {}).empty());
}

TEST(Heads, PairsAreAlikeByWhatTheyShareAndDifferIn) {
  const PairHead head{
      .width = 2, .difference = {-4, -4}, .product = {0, 0}, .cosine = 1, .bias = 0};
  const std::vector<float> other{1, 0};
  EXPECT_GT(pair_score(head, kVector, kVector), pair_score(head, kVector, other));
  EXPECT_FLOAT_EQ(pair_score(head, kVector, other), pair_score(head, other, kVector));
  EXPECT_NEAR(cosine(kVector, kVector), 1, 1e-6);
  EXPECT_EQ(cosine(kVector, std::vector<float>{0, 0}), 0);
}

TEST(Heads, SizesThatDoNotFitAreRefused) {
  EXPECT_TRUE(check_head(kTwo));
  EXPECT_EQ(check_head(Head{.width = 2, .weights = {1}, .bias = {1}}).error().field, "weights");
  EXPECT_FALSE(check_head(Head{.width = 1, .weights = {NAN}, .bias = {1}}));
  EXPECT_EQ(check_head(OrdinalHead{{1}, {2, 1}}).error().field, "thresholds");
  EXPECT_EQ(check_head(TagHead{kTwo, {1, 2, 3}}).error().field, "transitions");
  EXPECT_FALSE(check_head(PairHead{.width = 2, .difference = {1}, .product = {1, 2}}));
}

}  // namespace
}  // namespace zhiyin::model
