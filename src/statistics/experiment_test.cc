#include "statistics/experiment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "statistics/distributions.h"

namespace zhiyin::statistics {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;

TEST(Multiplicity, HolmAndBenjaminiHochbergAsPublished) {
  const double p[] = {0.025, 0.03};
  EXPECT_THAT(holm(p), ElementsAre(DoubleNear(0.05, 1e-12), DoubleNear(0.05, 1e-12)));
  EXPECT_THAT(benjamini_hochberg(p), ElementsAre(DoubleNear(0.03, 1e-12), DoubleNear(0.03, 1e-12)));
}

TEST(Multiplicity, KeepsOrderAndNeverExceedsOne) {
  const double p[] = {0.9, 0.001, 0.6, 0.02};
  EXPECT_THAT(holm(p), ElementsAre(1, DoubleNear(0.004, 1e-12), 1, DoubleNear(0.06, 1e-12)));
  EXPECT_THAT(benjamini_hochberg(p), ElementsAre(DoubleNear(0.9, 1e-12), DoubleNear(0.004, 1e-12),
                                                 DoubleNear(0.8, 1e-12), DoubleNear(0.04, 1e-12)));
  EXPECT_TRUE(holm({}).empty());
}

TEST(Multiplicity, AdjustedIntervalOnlyWidens) {
  const Interval plain{0.1, 0.3};
  const Interval wide = adjusted_interval(0.2, 0.04, plain);
  EXPECT_LT(wide.low, plain.low);
  EXPECT_GT(wide.low, 0);  // p below 0.05 excludes 0
  EXPECT_EQ(adjusted_interval(0.2, 1e-30, plain), plain);
  EXPECT_TRUE(std::isinf(adjusted_interval(0.2, 1, plain).high));
}

TEST(SampleRatio, AlarmsOnlyWhenSharesAreOff) {
  const double even[] = {1, 1};
  const double fair[] = {5010, 4990};
  const double off[] = {5300, 4700};
  EXPECT_GT(srm_p(fair, even), 0.5);
  EXPECT_LT(srm_p(off, even), kSrmAlarm);
  // chi2 = (300^2 / 5000) * 2 = 36 at one degree of freedom: P = erfc(sqrt(36 / 2)).
  EXPECT_NEAR(srm_p(off, even), std::erfc(std::sqrt(18.0)), 1e-15);
}

TEST(Weights, AreSharesThatAddUpOrARatio) {
  const auto of = [](std::vector<double> w) { return planned_shares(w); };
  EXPECT_THAT(of({1, 1, 2}).value(), ElementsAre(0.25, 0.25, 0.5));
  EXPECT_THAT(of({0, 3}).value(), ElementsAre(0, 1));
  EXPECT_THAT(of({0.25, 0.75}).value(), ElementsAre(0.25, 0.75));
  EXPECT_THAT(of({0.333, 0.333, 0.333}).value(), ElementsAre(0.333, 0.333, 0.333));
  EXPECT_THAT(of({0.1, 0.2, 0.7}).value(), ElementsAre(0.1, 0.2, 0.7));
  for (const auto& wrong :
       {std::vector<double>{0.5, 0.6}, {0.5, 0.49}, {0.2, 0.3}, {2.5, 2.5}, {}, {0, 0}}) {
    EXPECT_EQ(of(wrong).error().field, "weights");
  }
  EXPECT_EQ(of({1, -1}).error().field, "weights[1]");
  EXPECT_EQ(of({NAN, 1}).error().field, "weights[0]");
  EXPECT_EQ(of({1, INFINITY}).error().field, "weights[1]");
}

TEST(SampleRatio, LeavesOutArmsWithoutWeight) {
  const double users[] = {500, 500, 3};
  const double weights[] = {1, 1, 0};
  EXPECT_DOUBLE_EQ(srm_p(users, weights), 1);
  const double one[] = {10};
  EXPECT_DOUBLE_EQ(srm_p(one, one), 1);
}

TEST(Power, AsPublished) {
  const PowerPlan plan{10, 3909.99977, 400000.0 / 3, EffectKind::kRelative, 0.05, false, 5000};
  EXPECT_NEAR(power_of(plan, 0.05).value(), 0.52144, 5.1e-6);
  EXPECT_NEAR(minimum_detectable_effect(plan, 0.8).value(), 0.07027, 5.1e-6);
}

TEST(Power, MinimumEffectHasThePowerAskedFor) {
  for (const double mean : {10.0, -10.0}) {
    for (const bool sequential : {false, true}) {
      const PowerPlan plan{mean, 400, 50000, EffectKind::kRelative, 0.05, sequential, 5000};
      const double effect = minimum_detectable_effect(plan, 0.8).value();
      EXPECT_GT(effect, 0);
      EXPECT_NEAR(power_of(plan, effect).value(), 0.8, 1e-4) << mean << sequential;
    }
  }
  const PowerPlan absolute{0, 400, 5000, EffectKind::kAbsolute, 0.05, false, 5000};
  EXPECT_NEAR(power_of(absolute, minimum_detectable_effect(absolute, 0.9).value()).value(), 0.9,
              1e-6);
}

TEST(Power, RefusesPlansWithoutAnAnswer) {
  EXPECT_EQ(power_of({10, 0, 100}, 0.1).error(), Refusal::kNoVariance);
  EXPECT_EQ(power_of({0, 1, 100}, 0.1).error(), Refusal::kZeroBaseline);
  EXPECT_EQ(minimum_detectable_effect({1, 1000, 10}).error(), Refusal::kNotSolvable);
}

CovariateArm arm_of(std::span<const double> post, std::span<const double> pre) {
  CovariateArm a;
  a.n = static_cast<double>(post.size());
  for (std::size_t i = 0; i < post.size(); ++i) {
    a.post_sum += post[i];
    a.post_sum_squares += post[i] * post[i];
    a.pre_sum += pre[i];
    a.pre_sum_squares += pre[i] * pre[i];
    a.sum_products += post[i] * pre[i];
  }
  return a;
}

TEST(Cuped, ThetaAsPublished) {
  const double post[] = {2, 1, 5, 3};
  const double pre[] = {0.3, 0.5, 0.9, 22};
  const CovariateArm arm = arm_of(post, pre);
  EXPECT_NEAR(cuped_theta(arm, arm), 0.01864, 5.1e-6);
}

TEST(Cuped, RemovesTheNoiseThatTheCovariateExplains) {
  const double pre_a[] = {1, 2, 3, 4, 5, 6};
  const double post_a[] = {10.1, 19.9, 30.1, 39.9, 50.1, 59.9};
  const double pre_b[] = {2, 3, 4, 5, 6, 7};  // a better sample by luck
  const double post_b[] = {21.1, 30.9, 41.1, 50.9, 61.1, 70.9};
  const CovariateArm a = arm_of(post_a, pre_a);
  const CovariateArm b = arm_of(post_b, pre_b);
  const auto effect = cuped_effect(a, b, EffectKind::kAbsolute);
  ASSERT_TRUE(effect);
  // Luck of the draw is worth 10; about 1 remains. theta is pooled, so it sees part of the effect.
  EXPECT_NEAR(effect->estimate, 1, 0.35);
  const auto plain =
      effect_between(mean_moments(6, a.post_sum, a.post_sum_squares),
                     mean_moments(6, b.post_sum, b.post_sum_squares), EffectKind::kAbsolute);
  ASSERT_TRUE(plain);
  EXPECT_LT(effect->se, plain->se / 20);
}

TEST(Cuped, WithoutVarianceBeforeItIsTheUnadjustedEffect) {
  const double flat[] = {1, 1, 1, 1};
  const double a[] = {1, 2, 3, 4};
  const double b[] = {2, 3, 4, 6};
  const CovariateArm arm_a = arm_of(a, flat);
  const CovariateArm arm_b = arm_of(b, flat);
  EXPECT_DOUBLE_EQ(cuped_theta(arm_a, arm_b), 0);
  for (const EffectKind kind : {EffectKind::kAbsolute, EffectKind::kRelative}) {
    const auto adjusted = cuped_effect(arm_a, arm_b, kind);
    const auto plain =
        effect_between(mean_moments(4, arm_a.post_sum, arm_a.post_sum_squares),
                       mean_moments(4, arm_b.post_sum, arm_b.post_sum_squares), kind);
    ASSERT_TRUE(adjusted && plain);
    EXPECT_NEAR(adjusted->estimate, plain->estimate, 1e-12);
    EXPECT_NEAR(adjusted->se, plain->se, 1e-12);
  }
}

TEST(Distributions, AgreeWithTables) {
  EXPECT_NEAR(normal_quantile(0.975), 1.959963984540054, 1e-12);
  EXPECT_NEAR(t_quantile(0.975, 10), 2.228138851986274, 1e-9);
  EXPECT_NEAR(t_two_sided_p(2.228138851986274, 10), 0.05, 1e-9);
  EXPECT_NEAR(chi2_upper_tail(3.841458820694124, 1), 0.05, 1e-12);
  EXPECT_NEAR(normal_cdf(normal_quantile(0.2)), 0.2, 1e-15);
  EXPECT_DOUBLE_EQ(t_cdf(1.5, INFINITY), normal_cdf(1.5));
}

}  // namespace
}  // namespace zhiyin::statistics
