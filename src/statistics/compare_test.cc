#include "statistics/compare.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace zhiyin::statistics {
namespace {

constexpr double kFiveDecimals = 5.1e-6;

TEST(CompareFixed, MeansRelativeAsPublished) {
  const auto c = compare_fixed(mean_moments(3407, 1396.87, 52377.9767),
                               mean_moments(3461, 2422.7, 134698.29), EffectKind::kRelative);
  ASSERT_TRUE(c);
  EXPECT_NEAR(c->estimate, 0.70732, kFiveDecimals);
  EXPECT_NEAR(c->se, 0.37879, kFiveDecimals);
  EXPECT_NEAR(c->interval.low, -0.03526, kFiveDecimals);
  EXPECT_NEAR(c->interval.high, 1.44989, kFiveDecimals);
  EXPECT_NEAR(c->p, 0.06191, kFiveDecimals);
  EXPECT_NEAR(c->dof, 5841.742, 5.1e-4);
}

TEST(CompareFixed, ProportionsRelativeAsPublished) {
  const auto c =
      compare_fixed(proportion_moments(28, 14), proportion_moments(30, 16), EffectKind::kRelative);
  ASSERT_TRUE(c);
  EXPECT_NEAR(c->estimate, 0.06667, kFiveDecimals);
  EXPECT_NEAR(c->se, 0.2717, 5.1e-5);
  EXPECT_NEAR(c->interval.low, -0.47767, kFiveDecimals);
  EXPECT_NEAR(c->interval.high, 0.61101, kFiveDecimals);
  EXPECT_NEAR(c->p, 0.80707, kFiveDecimals);
}

TEST(CompareFixed, NegativeBaselineKeepsTheSignOfImprovement) {
  const auto c = compare_fixed({100, -10, 4}, {100, -5, 4}, EffectKind::kRelative);
  ASSERT_TRUE(c);
  EXPECT_DOUBLE_EQ(c->estimate, 0.5);
}

TEST(CompareFixed, RefusesWithTheReason) {
  const Moments good{100, 1, 1};
  const auto refusal = [&](Moments a, Moments b, EffectKind kind) {
    const auto c = compare_fixed(a, b, kind);
    EXPECT_FALSE(c);
    return c ? Refusal::kNotSolvable : c.error();
  };
  EXPECT_EQ(refusal({100, 1, 0}, good, EffectKind::kAbsolute), Refusal::kNoVariance);
  EXPECT_EQ(refusal(good, {100, 1, -1}, EffectKind::kAbsolute), Refusal::kNoVariance);
  EXPECT_EQ(refusal(good, {100, 1, std::nan("")}, EffectKind::kAbsolute), Refusal::kNoVariance);
  EXPECT_EQ(refusal({1, 1, 1}, good, EffectKind::kAbsolute), Refusal::kTooFewUsers);
  EXPECT_EQ(refusal({100, 0, 1}, good, EffectKind::kRelative), Refusal::kZeroBaseline);
  EXPECT_TRUE(compare_fixed({100, 0, 1}, good, EffectKind::kAbsolute));
}

TEST(CompareFixed, OneSidedKeepsOneBoundAndHalvesP) {
  const Moments a{200, 10, 4};
  const Moments b{200, 10.3, 4};
  const auto two = compare_fixed(a, b, EffectKind::kAbsolute);
  const auto greater = compare_fixed(a, b, EffectKind::kAbsolute, 0.05, Sides::kGreater);
  const auto less = compare_fixed(a, b, EffectKind::kAbsolute, 0.05, Sides::kLess);
  ASSERT_TRUE(two && greater && less);
  EXPECT_TRUE(std::isinf(greater->interval.high));
  EXPECT_GT(greater->interval.low, two->interval.low);
  EXPECT_NEAR(greater->p, two->p / 2, 1e-12);
  EXPECT_NEAR(less->p, 1 - two->p / 2, 1e-12);
  EXPECT_TRUE(std::isinf(less->interval.low));
}

TEST(CompareSequential, ProportionsRelativeAsPublished) {
  const auto c = compare_sequential(proportion_moments(3000, 1396), proportion_moments(3461, 2422),
                                    EffectKind::kRelative);
  ASSERT_TRUE(c);
  EXPECT_NEAR(c->estimate, 0.50386, kFiveDecimals);
  EXPECT_NEAR(c->interval.low, 0.40098, kFiveDecimals);
  EXPECT_NEAR(c->interval.high, 0.60675, kFiveDecimals);
}

TEST(CompareSequential, PAgreesWithTheInterval) {
  // At the effect whose interval touches 0, p equals alpha.
  const Moments a{2000, 10, 4};
  const double se = std::sqrt(4.0 / 2000 * 2);
  const double half = se * sequential_width(4000, 0.05, 5000);
  const auto c = compare_sequential(a, {2000, 10 + half, 4}, EffectKind::kAbsolute);
  ASSERT_TRUE(c);
  EXPECT_NEAR(c->interval.low, 0, 1e-12);
  EXPECT_NEAR(c->p, 0.05, 1e-9);
}

TEST(CompareSequential, IsWiderThanOneLook) {
  const Moments a{2000, 10, 4};
  const Moments b{2000, 10.1, 4};
  const auto once = compare_fixed(a, b, EffectKind::kAbsolute);
  const auto always = compare_sequential(a, b, EffectKind::kAbsolute);
  ASSERT_TRUE(once && always);
  EXPECT_LT(always->interval.low, once->interval.low);
  EXPECT_GT(always->p, once->p);
}

TEST(CompareSequential, OneSidedPSaturatesAndAgreesWithItsBound) {
  const Moments a{2000, 10, 4};
  const SequentialSettings greater{0.05, 5000, Sides::kGreater};
  const auto up = compare_sequential(a, {2000, 12, 4}, EffectKind::kAbsolute, greater);
  const auto down = compare_sequential(a, {2000, 8, 4}, EffectKind::kAbsolute, greater);
  ASSERT_TRUE(up && down);
  EXPECT_DOUBLE_EQ(up->p, 1e-5);
  EXPECT_DOUBLE_EQ(down->p, 0.4999);
  EXPECT_TRUE(std::isinf(up->interval.high));
  const double reach = 12 - 10 - up->interval.low;  // width of the bound, same for every effect
  const auto edge = compare_sequential(a, {2000, 10 + reach, 4}, EffectKind::kAbsolute, greater);
  ASSERT_TRUE(edge);
  EXPECT_NEAR(edge->p, 0.05, 1e-5);
}

TEST(CompareBayesian, FlatPriorAsPublished) {
  const auto p = compare_bayesian(proportion_moments(100, 49), proportion_moments(100, 51),
                                  EffectKind::kRelative);
  ASSERT_TRUE(p);
  EXPECT_NEAR(p->mean, 0.04082, kFiveDecimals);
  EXPECT_NEAR(p->sd, 0.14725, kFiveDecimals);
  EXPECT_NEAR(p->interval.low, -0.24779, kFiveDecimals);
  EXPECT_NEAR(p->interval.high, 0.32943, kFiveDecimals);
  EXPECT_NEAR(p->chance_to_win, 0.60918, kFiveDecimals);
  EXPECT_NEAR(p->risk_keep, 0.0814, 5.1e-5);
  EXPECT_NEAR(p->risk_ship, 0.04058, kFiveDecimals);
}

TEST(CompareBayesian, PriorPullsTheEffectTowardsItsMean) {
  const Moments a = proportion_moments(100, 49);
  const Moments b = proportion_moments(100, 60);
  const auto flat = compare_bayesian(a, b, EffectKind::kRelative);
  const auto informed = compare_bayesian(a, b, EffectKind::kRelative, Prior{0, 0.3});
  ASSERT_TRUE(flat && informed);
  const double precision = 1 / (flat->sd * flat->sd) + 1 / 0.09;
  EXPECT_NEAR(informed->mean, flat->mean / (flat->sd * flat->sd) / precision, 1e-12);
  EXPECT_NEAR(informed->sd, 1 / std::sqrt(precision), 1e-12);
}

TEST(CompareBayesian, FarEffectsHaveNoRisk) {
  const auto p = compare_bayesian({1000000, 1, 0.01}, {1000000, 2, 0.01}, EffectKind::kAbsolute);
  ASSERT_TRUE(p);
  EXPECT_DOUBLE_EQ(p->risk_ship, 0);
  EXPECT_DOUBLE_EQ(p->risk_keep, 1);
}

TEST(Moments, RatioByDeltaMethodEqualsMeanOfLinearisedValues) {
  // numerator 1 2 3 4, denominator 2 3 5 6
  Arm arm{"a", MetricKind::kRatio, 4, 10, 30, 16, 74, 47, {}};
  const auto m = moments_of(arm);
  ASSERT_TRUE(m);
  EXPECT_DOUBLE_EQ(m->mean, 10.0 / 16);
  const double ratio = 10.0 / 16;
  double sum = 0;
  double squares = 0;
  const double pairs[4][2] = {{1, 2}, {2, 3}, {3, 5}, {4, 6}};
  for (const auto& [y, x] : pairs) {
    const double v = (y - ratio * x) / 4;  // divided by the mean of the denominator
    sum += v;
    squares += v * v;
  }
  EXPECT_NEAR(m->variance, (squares - sum * sum / 4) / 3, 1e-12);
}

TEST(Moments, RefuseWhatWouldOverflow) {
  Arm far{.name = "a", .kind = MetricKind::kMean, .n = 100, .sum = 1e160, .sum_squares = 1e308};
  EXPECT_EQ(moments_of(far).error(), Refusal::kNotFinite);
  // At the bound every number is one.
  far.sum = 5e75;
  far.sum_squares = 1e150;
  const auto edge = moments_of(far);
  ASSERT_TRUE(edge);
  Arm other = far;
  other.sum = -5e75;
  const auto c = compare_fixed(*evidence_between(*edge, *moments_of(other), EffectKind::kRelative));
  EXPECT_NEAR(c.estimate, -2, 1e-12);
  EXPECT_TRUE(std::isfinite(c.se) && std::isfinite(c.dof) && std::isfinite(c.p)) << c.se;
  // Baselines and denominators that are nearly nothing.
  EXPECT_EQ(effect_between({100, 1e-170, 1}, {100, 1, 1}, EffectKind::kRelative).error(),
            Refusal::kZeroBaseline);
  EXPECT_EQ(moments_of({"a", MetricKind::kRatio, 4, 10, 30, 4e-170, 4e-300, 0, {}}).error(),
            Refusal::kZeroDenominator);
}

TEST(Moments, RefuseSumsThatCannotBe) {
  EXPECT_EQ(moments_of({.name = "a", .kind = {}, .n = 10, .sum = 11}).error(),
            Refusal::kImpossibleSums);
  EXPECT_EQ(moments_of({.name = "a", .kind = {}, .n = 100, .sum = 10, .sum_squares = 0.5}).error(),
            Refusal::kImpossibleSums);
  EXPECT_TRUE(moments_of({.name = "a", .kind = {}, .n = 3, .sum = 0.3, .sum_squares = 0.03}))
      << "rounding is no contradiction";
  EXPECT_EQ(moments_of({.name = "a", .kind = {}, .n = 1, .sum = 1}).error(), Refusal::kTooFewUsers);
  EXPECT_EQ(moments_of({.name = "a", .kind = MetricKind::kMean, .n = 5, .sum = 1}).error(),
            Refusal::kIncompleteArm);
  EXPECT_EQ(moments_of({"a", MetricKind::kRatio, 4, 10, 30, 0, 0, 0, {}}).error(),
            Refusal::kZeroDenominator);
}

}  // namespace
}  // namespace zhiyin::statistics
