#include "recommend/boosted_trees.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "base/random.h"

namespace zhiyin::recommend {
namespace {

constexpr float kUnknown = std::numeric_limits<float>::quiet_NaN();

/// target = 1 where x0 > 0.5 and x1 is unknown or below 0.3, noise beside; x2 says nothing.
TreeExamples steps(std::size_t rows, double noise, std::uint64_t seed = 1) {
  TreeExamples out;
  out.width = 3;
  Random random(seed);
  for (std::size_t i = 0; i < rows; ++i) {
    const auto x0 = static_cast<float>(random.uniform());
    const float x1 = random.below(5) == 0 ? kUnknown : static_cast<float>(random.uniform());
    const auto x2 = static_cast<float>(random.uniform());
    const bool high = x0 > 0.5F && !(x1 >= 0.3F);
    const float row[] = {x0, x1, x2};
    out.add(row, static_cast<float>((high ? 1 : 0) + noise * random.normal()));
  }
  return out;
}

double error(const BoostedTrees& trees, const TreeExamples& examples) {
  double sum = 0;
  for (std::size_t i = 0; i < examples.size(); ++i) {
    const double miss = examples.targets[i] - trees.predict(examples.row(i));
    sum += miss * miss;
  }
  return sum / static_cast<double>(examples.size());
}

BoostedTrees trained(const TreeExamples& examples, const TreeParams& params = {}) {
  auto out = BoostedTrees::train(examples, params);
  EXPECT_TRUE(out) << out.error().text();
  return std::move(*out);
}

TEST(BoostedTrees, LearnAStepThatTakesTwoInputs) {
  const auto trees = trained(steps(4000, 0.1));
  EXPECT_GT(trees.trees(), 10U);
  EXPECT_LT(error(trees, steps(2000, 0, 2)), 0.01);
}

TEST(BoostedTrees, NoiseAloneIsNotLearnt) {
  TreeExamples noise = steps(3000, 0);
  Random random(9);
  for (float& target : noise.targets) target = static_cast<float>(random.normal());
  const auto trees = trained(noise);
  EXPECT_LT(trees.trees(), 10U);
}

TEST(BoostedTrees, PartsAddUpToThePrediction) {
  const TreeExamples examples = steps(2000, 0.1);
  const auto trees = trained(examples);
  std::vector<double> parts(3);
  double said = 0;
  for (std::size_t i = 0; i < 200; ++i) {
    const double mean = trees.contributions(examples.row(i), parts);
    EXPECT_NEAR(mean + std::accumulate(parts.begin(), parts.end(), 0.0),
                trees.predict(examples.row(i)), 1e-6);
    said += std::abs(parts[2]);
  }
  EXPECT_LT(said / 200, 0.05);  // what says nothing is not given as the reason
}

TEST(BoostedTrees, TheSameExamplesGiveTheSameBytesAndComeBack) {
  const TreeExamples examples = steps(1500, 0.2);
  const std::string bytes = trained(examples).encode();
  EXPECT_EQ(trained(examples).encode(), bytes);
  const auto back = BoostedTrees::decode(bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->encode(), bytes);
  EXPECT_EQ(back->predict(examples.row(0)), trained(examples).predict(examples.row(0)));
  for (std::size_t cut = 0; cut < bytes.size(); cut += 7)
    EXPECT_FALSE(BoostedTrees::decode(std::string_view(bytes).substr(0, cut))) << cut;
  EXPECT_FALSE(BoostedTrees::decode(bytes + "x"));
  // A way that leads back would never end.
  std::string loop = bytes;
  constexpr std::size_t kLeft = 12;
  const std::size_t first = 12 + 4 * back->trees() + kLeft;
  loop.replace(first + 16, 4, std::string("\1\0\0\0", 4));
  EXPECT_FALSE(BoostedTrees::decode(loop));
}

TEST(BoostedTrees, FewAndAlikeExamplesAreNoProblem) {
  TreeExamples none;
  none.width = 2;
  EXPECT_EQ(trained(none).trees(), 0U);
  const float row[] = {1, kUnknown};
  EXPECT_EQ(trained(none).predict(row), 0);
  TreeExamples alike;
  alike.width = 2;
  for (int i = 0; i < 100; ++i) alike.add(row, 1);
  const auto trees = trained(alike);
  EXPECT_GT(trees.predict(row), 0.9);
  EXPECT_LE(trees.predict(row), 1);
}

TEST(BoostedTrees, WhatCannotBeIsRefused) {
  TreeExamples examples = steps(10, 0);
  EXPECT_EQ(BoostedTrees::train(examples, {.rounds = 0}).error().field, "rounds");
  EXPECT_EQ(BoostedTrees::train(examples, {.depth = 9}).error().field, "depth");
  EXPECT_EQ(BoostedTrees::train(examples, {.bins = 1}).error().field, "bins");
  EXPECT_EQ(BoostedTrees::train(examples, {.rate = 0}).error().field, "rate");
  EXPECT_EQ(BoostedTrees::train(examples, {}, [](double) { return false; }).error().code,
            ErrorCode::kDeadline);
  examples.targets[3] = kUnknown;
  EXPECT_EQ(BoostedTrees::train(examples, {}).error().field, "targets");
  examples.targets.pop_back();
  EXPECT_EQ(BoostedTrees::train(examples, {}).error().field, "inputs");
}

}  // namespace
}  // namespace zhiyin::recommend
