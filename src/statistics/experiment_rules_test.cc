#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "statistics/accumulator.h"
#include "statistics/assignment.h"
#include "statistics/bandit.h"
#include "statistics/distributions.h"
#include "statistics/draw.h"
#include "statistics/experiment.h"
#include "statistics/quantile.h"
#include "statistics/strata.h"

namespace zhiyin::statistics {
namespace {

TEST(Moments, RefuseWhatMeansNothing) {
  Arm arm;
  arm.n = 100;
  arm.sum = NAN;
  EXPECT_EQ(moments_of(arm).error(), Refusal::kNotFinite);
  arm.sum = 101;
  EXPECT_EQ(moments_of(arm).error(), Refusal::kImpossibleSums);
  arm.sum = 10.5;  // no number of hits
  EXPECT_EQ(moments_of(arm).error(), Refusal::kImpossibleSums);
  arm.sum = 10;
  arm.kind = MetricKind::kProportion;
  arm.sum_squares = 40;  // of zeros and ones
  EXPECT_EQ(moments_of(arm).error(), Refusal::kImpossibleSums);
  arm.sum_squares = 10;
  EXPECT_TRUE(moments_of(arm));
  arm.kind = {};
  arm.sum_squares = {};
  arm.n = -5;
  EXPECT_EQ(moments_of(arm).error(), Refusal::kNegativeCount);
  // All users have 1e15: what is left of the squares is rounding.
  arm.n = 1000;
  arm.sum = 1e18;
  arm.sum_squares = 1e33 * (1 + 1e-15);
  EXPECT_DOUBLE_EQ(moments_of(arm)->variance, 0);
  Arm ratio;
  ratio.kind = MetricKind::kRatio;
  ratio.n = 10;
  ratio.sum = 10;
  ratio.sum_squares = 20;
  ratio.denominator_sum = 10;
  ratio.denominator_sum_squares = 20;
  ratio.sum_products = 100;  // more than Cauchy and Schwarz allow
  EXPECT_EQ(moments_of(ratio).error(), Refusal::kImpossibleSums);
}

TEST(Cuped, ThetaAsPublished) {
  // post [2,1,5,3], pre [0.3,0.5,0.9,22], the same data in both arms.
  const CovariateArm arm{4, 11, 39, 23.7, 485.15, 71.6};
  EXPECT_NEAR(cuped_theta(arm, arm), 0.01864, 5.1e-6);
}

TEST(Cuped, ProportionsKeepTheirVariance) {
  // A covariate that explains nothing: the adjusted comparison is the unadjusted one.
  const auto arm = [](std::int64_t n, double hits) {
    Arm a;
    a.kind = MetricKind::kProportion;
    a.n = n;
    a.sum = hits;
    // One user in two, among those with a hit and those without.
    const double before = static_cast<double>(n) / 2;
    a.covariate = CovariateSums{.sum = before, .sum_squares = before, .sum_products = hits / 2};
    return a;
  };
  const Arm a = arm(28, 14);
  Arm b = arm(30, 16);
  for (const EffectKind kind : {EffectKind::kAbsolute, EffectKind::kRelative}) {
    const auto plain = effect_between(*moments_of(a), *moments_of(b), kind);
    const auto adjusted = cuped_evidence(a, b, kind);
    ASSERT_TRUE(plain && adjusted);
    EXPECT_NEAR(adjusted->estimate, plain->estimate, 1e-12);
    EXPECT_NEAR(adjusted->se, plain->se, 1e-12);
  }
  // A past that is the metric again leaves nothing to compare.
  Arm same = a;
  same.covariate = CovariateSums{.sum = 14, .sum_squares = 14, .sum_products = 14};
  b.covariate = CovariateSums{.sum = 16, .sum_squares = 16, .sum_products = 16};
  EXPECT_EQ(cuped_evidence(same, b, EffectKind::kAbsolute).error(), Refusal::kNoVariance);
}

TEST(Cuped, RefusesCovariatesThatCannotBe) {
  Arm a{.name = "a", .kind = MetricKind::kMean, .n = 100, .sum = 10, .sum_squares = 50};
  a.covariate = CovariateSums{.sum = 20, .sum_squares = 80, .sum_products = 30};
  EXPECT_TRUE(cuped_evidence(a, a, EffectKind::kAbsolute));
  const auto refusal = [&](CovariateSums sums) {
    Arm b = a;
    b.covariate = sums;
    return cuped_evidence(a, b, EffectKind::kAbsolute).error();
  };
  EXPECT_EQ(refusal({.sum = 200, .sum_squares = 80, .sum_products = 30}), Refusal::kImpossibleSums);
  EXPECT_EQ(refusal({.sum = 20, .sum_squares = 80, .sum_products = 300}), Refusal::kImpossibleSums);
  EXPECT_EQ(refusal({.sum = 20, .sum_squares = 1e300, .sum_products = 3}), Refusal::kNotFinite);
  EXPECT_EQ(refusal({.sum = 20, .sum_squares = 80, .sum_products = 1e300}), Refusal::kNotFinite);
}

/// Users with a past that explains most of what they do.
std::pair<CovariateArm, RatioCovariateArm> draw_users(Random& random, int n, double lift) {
  CovariateArm mean;
  RatioCovariateArm ratio;
  for (int i = 0; i < n; ++i) {
    const double x = 5 + random.normal();
    const double y = 2 * x + lift + 0.5 * random.normal();
    mean.n += 1;
    mean.post_sum += y;
    mean.post_sum_squares += y * y;
    mean.pre_sum += x;
    mean.pre_sum_squares += x * x;
    mean.sum_products += x * y;
    const double values[4] = {y, 1, x, 1};
    ratio.n += 1;
    for (int a = 0; a < 4; ++a) {
      ratio.sums[a] += values[a];
      for (int b = 0; b < 4; ++b) ratio.products[a][b] += values[a] * values[b];
    }
  }
  return {mean, ratio};
}

TEST(Cuped, RatioOfConstantDenominatorIsTheMean) {
  Random random(7);
  const auto [mean_a, ratio_a] = draw_users(random, 800, 0);
  const auto [mean_b, ratio_b] = draw_users(random, 900, 0.3);
  for (const EffectKind kind : {EffectKind::kAbsolute, EffectKind::kRelative}) {
    const auto by_ratio = cuped_ratio_evidence(ratio_a, ratio_b, kind);
    ASSERT_TRUE(by_ratio);
    EXPECT_GT(by_ratio->estimate, 0);
    // Thetas differ a little: one is of the pooled users, the other a sum over arms.
    const auto by_mean = cuped_evidence(mean_a, mean_b, kind);
    EXPECT_NEAR(by_ratio->estimate / by_mean->estimate, 1, 0.02);
    EXPECT_NEAR(by_ratio->se / by_mean->se, 1, 0.02);
    EXPECT_DOUBLE_EQ(by_mean->users, 1700);
  }
}

TEST(Cuped, TakesTheNoiseOut) {
  Random random(8);
  const auto [a, ratio_a] = draw_users(random, 2000, 0);
  const auto [b, ratio_b] = draw_users(random, 2000, 0.2);
  const auto adjusted = cuped_evidence(a, b, EffectKind::kAbsolute);
  const auto plain =
      evidence_between(mean_moments(a.n, a.post_sum, a.post_sum_squares),
                       mean_moments(b.n, b.post_sum, b.post_sum_squares), EffectKind::kAbsolute);
  EXPECT_LT(adjusted->se, plain->se / 3);
  EXPECT_NEAR(adjusted->estimate, 0.2, 0.06);
}

TEST(Quantile, NStarIsTheLargestStrictlyBelow) {
  EXPECT_DOUBLE_EQ(quantile_n_star(50), 100);
  EXPECT_DOUBLE_EQ(quantile_n_star(100), 100);
  EXPECT_DOUBLE_EQ(quantile_n_star(200), 100);
  EXPECT_DOUBLE_EQ(quantile_n_star(201), 200);
  EXPECT_DOUBLE_EQ(quantile_n_star(1e12), 100 * std::ldexp(1, 19));
}

TEST(Quantile, VarianceIsThatOfTheSampleQuantile) {
  Random random(12);
  std::vector<double> values(20000);
  for (double& v : values) v = draw_exponential(random);
  const auto m = quantile_moments(quantile_arm(values, 0.9), 0.9);
  ASSERT_TRUE(m);
  EXPECT_NEAR(m->mean, std::log(10), 0.05);
  // Asymptotically nu(1-nu)/(n f²) with the density f = 0.1 there.
  const double expected = 0.9 * 0.1 / (20000 * 0.01);
  EXPECT_NEAR(m->variance / m->n / expected, 1, 0.3);
}

TEST(Quantile, ClustersWidenIt) {
  Random random(13);
  std::vector<double> values;
  std::vector<std::uint32_t> person;
  for (std::uint32_t p = 0; p < 1000; ++p) {
    const double own = random.normal();
    for (int k = 0; k < 8; ++k) {
      values.push_back(own + 0.2 * random.normal());
      person.push_back(p);
    }
  }
  const auto alone = quantile_moments(quantile_arm(values, 0.5), 0.5);
  const auto clustered = quantile_moments(quantile_arm(values, 0.5, 0.05, person), 0.5);
  EXPECT_GT(clustered->variance / alone->variance, 5);
  EXPECT_LT(clustered->variance / alone->variance, 9);
}

TEST(Quantile, RefusesTooFewAndWalksDownWhereBoundsCoincide) {
  // z² 0.99/0.01 = 380.3
  EXPECT_EQ(quantile_moments({380, 1, {{100, 0, 2}}, {}}, 0.99).error(),
            Refusal::kTooFewForQuantile);
  EXPECT_TRUE(quantile_moments({381, 1, {{100, 0, 2}}, {}}, 0.99));
  const auto m = quantile_moments({1000, 1, {{100, 0.5, 2}, {200, 1, 1}, {800, 1, 1}}, {}}, 0.5);
  ASSERT_TRUE(m);
  EXPECT_NEAR(m->variance, 100.0 / 1000 * 999 * std::pow(1.5 / (2 * normal_quantile(0.975)), 2),
              1e-9);
  EXPECT_EQ(quantile_moments({1000, 1, {{100, 1, 1}}, {}}, 0.5).error(), Refusal::kNoVariance);
  // The floor from a hundred values on.
  EXPECT_DOUBLE_EQ(quantile_moments({1000, 1, {{100, 1, 1 + 1e-9}}, {}}, 0.5)->variance, 1e-5);
}

TEST(Strata, RemoveAnUnevenMix) {
  // Two strata of very different means, by chance unevenly split; no effect within either.
  const std::vector<Stratum> strata = {{"big", {600, 100, 4}, {400, 100, 4}},
                                       {"small", {400, 1, 4}, {600, 1, 4}}};
  const auto e = post_stratified(strata, EffectKind::kAbsolute);
  ASSERT_TRUE(e);
  EXPECT_NEAR(e->estimate, 0, 1e-12);
  EXPECT_LT(e->se, 0.15);
  const auto relative = post_stratified(strata, EffectKind::kRelative);
  EXPECT_NEAR(relative->se, e->se / 50.5, 1e-3);
  EXPECT_EQ(
      post_stratified(std::vector<Stratum>{{"x", {1, 1, 1}, {5, 1, 1}}}, EffectKind::kAbsolute)
          .error(),
      Refusal::kEmptyStratum);
}

TEST(Strata, OneStratumIsThePlainComparison) {
  const Moments a{100, 5, 2};
  const Moments b{120, 6, 3};
  const auto plain = evidence_between(a, b, EffectKind::kRelative);
  const auto stratified =
      post_stratified(std::vector<Stratum>{{"all", a, b}}, EffectKind::kRelative);
  EXPECT_NEAR(stratified->estimate, plain->estimate, 1e-12);
  EXPECT_NEAR(stratified->se, plain->se, 1e-12);
  EXPECT_NEAR(stratified->dof, plain->dof, 1e-9);
}

TEST(Compare, ScaleDoesNotMatterUpToTheBounds) {
  // Squares of squares of 1e-70 vanish; degrees of freedom are of shares of the noise.
  const auto of = [](double unit) {
    const Moments a{40, 3 * unit, 2 * unit * unit};
    const Moments b{50, 4 * unit, 5 * unit * unit};
    return compare_fixed(a, b, EffectKind::kRelative);
  };
  for (const double unit : {1e-70, 1e-60, 1e60, 1e70}) {
    const auto c = of(unit);
    ASSERT_TRUE(c) << unit;
    EXPECT_NEAR(c->dof, of(1)->dof, 1e-9);
    EXPECT_NEAR(c->se, of(1)->se, 1e-12);
    EXPECT_NEAR(c->p, of(1)->p, 1e-12);
  }
  EXPECT_EQ(of(1e-80).error(), Refusal::kTooSmall);
  const Evidence nothing{1, 0.5, 100, 98, 1e-291, EffectKind::kAbsolute};
  EXPECT_FALSE(has_unit_for_prior(nothing, {0, 0.3}));
  EXPECT_EQ(compare_bayesian({10, 1e-291, 1}, {10, 1, 1}, EffectKind::kAbsolute, Prior{}).error(),
            Refusal::kZeroBaseline);
}

TEST(Moments, RoundingIsNoSpread) {
  Accumulator a;
  for (int i = 0; i < 60; ++i) a.add(i % 2 == 0 ? 0.3 : 0.1 + 0.2);
  EXPECT_GT(a.variance(), 0);
  EXPECT_EQ(a.moments().variance, 0);
  Accumulator far;  // digits that count, far from 0
  for (int i = 0; i < 60; ++i) far.add(1e9 + i % 2);
  EXPECT_NEAR(far.moments().variance, 0.25 * 60 / 59, 1e-9);
  // All users spend the same share of what they have.
  Arm arm{.name = {}, .kind = MetricKind::kRatio, .n = 0, .sum = 0, .sum_squares = 0.0};
  arm.denominator_sum = arm.denominator_sum_squares = arm.sum_products = 0;
  std::vector<Cluster> clusters;
  for (int i = 1; i <= 30; ++i) {
    const double d = i * 0.7;
    const double y = 0.3 * d;
    ++arm.n;
    arm.sum += y;
    *arm.sum_squares += y * y;
    *arm.denominator_sum += d;
    *arm.denominator_sum_squares += d * d;
    *arm.sum_products += y * d;
    clusters.push_back({static_cast<double>(i), 0.3 * i});
  }
  EXPECT_EQ(moments_of(arm)->variance, 0);
  EXPECT_EQ(cluster_moments(clusters)->variance, 0);
}

TEST(Clusters, AreTheUnits) {
  // Members of a cluster are alike: the variance is that of cluster means.
  std::vector<Cluster> clusters;
  for (int i = 0; i < 50; ++i) clusters.push_back({20, 20.0 * (i % 2)});
  const auto m = cluster_moments(clusters);
  ASSERT_TRUE(m);
  EXPECT_DOUBLE_EQ(m->n, 50);
  EXPECT_DOUBLE_EQ(m->mean, 0.5);
  EXPECT_NEAR(m->variance, 0.25 * 50 / 49, 1e-12);
  EXPECT_EQ(cluster_moments(std::vector<Cluster>{{0, 0}, {0, 0}}).error(),
            Refusal::kZeroDenominator);
  std::vector<double> values;
  std::vector<std::uint32_t> cluster;
  for (std::uint32_t i = 0; i < 50; ++i) {
    for (int k = 0; k < 20; ++k) {
      values.push_back(i % 2);
      cluster.push_back(i);
    }
  }
  const auto effect = cluster_effect(values, cluster);
  EXPECT_NEAR(effect->icc, 1, 1e-12);
  EXPECT_NEAR(effect->design_effect, 20, 1e-9);
}

TEST(Power, SampleSizeGivesThePowerAskedFor) {
  for (const bool sequential : {false, true}) {
    PowerPlan plan{0.1, 0.09, 0, EffectKind::kRelative, 0.05, sequential, 5000};
    const double users = users_needed(plan, 0.05, 0.8).value();
    plan.users_per_arm = users;
    EXPECT_GE(power_of(plan, 0.05).value(), 0.8);
    plan.users_per_arm = users - 1;
    EXPECT_LT(power_of(plan, 0.05).value(), 0.8);
  }
  EXPECT_EQ(users_needed({0.1, 0.09}, 1e-12, 0.8).error(), Refusal::kNotSolvable);
}

TEST(Power, HalfWayScalesTheStandardError) {
  EXPECT_DOUBLE_EQ(shared_alpha(0.05, 3, 2), 0.0125);
  const Evidence e{0.01, 0.01, 10000, 1e9, 0.1, EffectKind::kRelative};
  const auto p = power_so_far(e, 0.02, 0.05, 0.8);
  ASSERT_TRUE(p);
  const double k = normal_quantile(0.975) + normal_quantile(0.8);
  EXPECT_NEAR(p->minimum_effect, k * 0.01, 1e-9);
  EXPECT_NEAR(p->users_more + 10000, 10000 * k * k / 4, 2);
  EXPECT_DOUBLE_EQ(power_so_far(e, 0.1, 0.05, 0.8)->users_more, 0);
  EXPECT_GT(power_so_far(e, 0.02, 0.05, 0.8, 5000.0)->users_more, p->users_more);
}

TEST(Bandit, FavoursTheBetterArmAndKeepsTheFloor) {
  const BanditArm arms[] = {{proportion_moments(1000, 100), true},
                            {proportion_moments(1000, 140), true},
                            {proportion_moments(1000, 60), true}};
  const auto w = thompson_weights(arms);
  ASSERT_TRUE(w);
  EXPECT_TRUE(w->learning);
  EXPECT_GT(w->best[1], 0.98);
  EXPECT_NEAR(w->weights[0] + w->weights[1] + w->weights[2], 1, 1e-12);
  EXPECT_GE(w->weights[2], 0.01);
  BanditSettings lower;
  lower.lower_is_better = true;
  EXPECT_GT(thompson_weights(arms, lower)->best[2], 0.98);
}

TEST(Bandit, RefusesAMeanWithoutSpread) {
  // All of 200 spent nothing: a posterior without width would never try the arm again.
  const BanditArm arms[] = {{{200, 0, 0}, false}, {{200, 2, 1}, false}};
  EXPECT_EQ(thompson_weights(arms).error(), Refusal::kNoVariance);
  const BanditArm early[] = {{{20, 0, 0}, false}, {{200, 2, 1}, false}};
  EXPECT_FALSE(thompson_weights(early)->learning);
}

TEST(Rules, PrintedSettingsAreTheDefaults) {
  EXPECT_DOUBLE_EQ(kSrmAlarm, 0.001);
  const BanditSettings bandit;
  EXPECT_EQ(bandit.draws, 10000);
  EXPECT_DOUBLE_EQ(bandit.users_min, 100);
  EXPECT_DOUBLE_EQ(bandit.floor, 0.01);
  EXPECT_DOUBLE_EQ(SequentialSettings{}.tuning, 5000);
  EXPECT_DOUBLE_EQ(SequentialSettings{}.alpha, 0.05);
}

TEST(Bandit, WaitsForUsersAndRefusesNonsense) {
  const BanditArm few[] = {{{99, 1, 1}, false}, {{1000, 2, 1}, false}};
  const auto w = thompson_weights(few);
  EXPECT_FALSE(w->learning);
  EXPECT_DOUBLE_EQ(w->weights[0], 0.5);
  EXPECT_EQ(thompson_weights({few, 1}).error(), Refusal::kTooFewUsers);
  const BanditArm wrong[] = {{{200, 1.5, 1}, true}, {{200, 0.5, 1}, true}};
  EXPECT_EQ(thompson_weights(wrong).error(), Refusal::kImpossibleSums);
}

std::string unit(int i) { return "unit-" + std::to_string(i); }

TEST(Holdouts, NobodyIsInTwoLevelsAndSharesAreOfTheRest) {
  const Holdouts h{"acme", "spring", "c1", 0.1, 0.2, 0.25};
  std::map<HoldoutLevel, double> count;
  constexpr int kUnits = 100000;
  for (int i = 0; i < kUnits; ++i) ++count[holdout_level(h, unit(i))];
  EXPECT_NEAR(count[HoldoutLevel::kOrganisation] / kUnits, 0.1, 0.005);
  EXPECT_NEAR(count[HoldoutLevel::kProgramme] / kUnits, 0.9 * 0.2, 0.005);
  EXPECT_NEAR(count[HoldoutLevel::kCampaign] / kUnits, 0.9 * 0.8 * 0.25, 0.005);
}

TEST(Holdouts, GrowingSharesKeepMembersAndCampaignsAreIndependent) {
  Holdouts h{"acme", "spring", "c1", 0.05, 0, 0.1};
  Holdouts wider = h;
  wider.organisation_share = 0.1;
  Holdouts other = h;
  other.campaign = "c2";
  double both = 0;
  double one = 0;
  for (int i = 0; i < 50000; ++i) {
    const HoldoutLevel level = holdout_level(h, unit(i));
    if (level == HoldoutLevel::kOrganisation) {
      EXPECT_EQ(holdout_level(wider, unit(i)), HoldoutLevel::kOrganisation);
      EXPECT_EQ(holdout_level(other, unit(i)), HoldoutLevel::kOrganisation);
      continue;
    }
    // Whom a campaign of another name holds out says nothing about this one.
    if (level != HoldoutLevel::kCampaign) continue;
    ++one;
    both += holdout_level(other, unit(i)) == HoldoutLevel::kCampaign;
    EXPECT_TRUE(is_held_out("c1", unit(i), 0.1));
  }
  EXPECT_NEAR(both / one, 0.1, 0.02);
}

TEST(AssignmentHashes, AreThoseOfTheSingleValues) {
  const std::string_view values[] = {"a", "", "unit-7", "知音", "b", "unit-12345678"};
  double out[6];
  for (const HashVersion version : {HashVersion::kOne, HashVersion::kTwo}) {
    assignment_hashes("seed", values, out, version);
    for (std::size_t i = 0; i < 6; ++i) {
      EXPECT_DOUBLE_EQ(out[i], assignment_hash("seed", values[i], version));
    }
  }
}

TEST(StickyBuckets, KeepTheirVariantWhateverChanges) {
  const double weights[] = {0.5, 0.5};
  const auto ranges = variant_ranges(weights, 1);
  const StickyBucket second{1, 3};
  EXPECT_EQ(sticky_variant(second, 0, ranges, 0.1).variant, 1U);
  EXPECT_EQ(sticky_variant(second, 0, ranges, 0.1).outcome, StickyOutcome::kKept);
  EXPECT_EQ(sticky_variant(second, 4, ranges, 0.1).outcome, StickyOutcome::kBlocked);
  EXPECT_EQ(sticky_variant({}, 4, ranges, 0.1).variant, 0U);
  const auto narrow = variant_ranges(weights, 0.1);
  EXPECT_EQ(sticky_variant({}, 0, narrow, 0.3).outcome, StickyOutcome::kNotCovered);
  EXPECT_EQ(sticky_variant(StickyBucket{7, 3}, 0, ranges, 0.1).outcome, StickyOutcome::kNew);
}

/// How often `inside` holds over repeated experiments, a tenth of the benchmark's number.
template <class Trial>
double share_of(int rounds, std::uint64_t seed, const Trial& trial) {
  Random random = random_stream(seed, "coverage");
  double inside = 0;
  for (int i = 0; i < rounds; ++i) inside += trial(random);
  return inside / rounds;
}

constexpr int kRounds = 2000;
constexpr double kSlack = 0.015;  // three standard errors of 2,000 rounds at 95 %

TEST(Coverage, WelchIntervalsCoverInNineteenOfTwenty) {
  const double share = share_of(kRounds, 1, [](Random& random) {
    Accumulator a, b;
    for (int i = 0; i < 200; ++i) {
      a.add(10 + 2 * random.normal());
      b.add(11 + 4 * random.normal());
    }
    const auto c = compare_fixed(a.moments(), b.moments(), EffectKind::kRelative);
    return c->interval.low <= 0.1 && 0.1 <= c->interval.high;
  });
  EXPECT_NEAR(share, 0.95, kSlack);
}

TEST(Coverage, PeekingDoesNotFoolTheSequence) {
  const double wrong = share_of(400, 2, [](Random& random) {
    Accumulator a, b;
    for (int look = 0; look < 200; ++look) {
      for (int i = 0; i < 20; ++i) {
        a.add(random.normal());
        b.add(random.normal());
      }
      const auto c = compare_sequential(a.moments(), b.moments(), EffectKind::kAbsolute);
      if (a.count() >= 100 && c->p < 0.05) return true;
    }
    return false;
  });
  EXPECT_LT(wrong, 0.05);
}

TEST(Coverage, FalseDiscoveriesStayBelowTheirRate) {
  double false_share = 0;
  constexpr int kFamilies = 500;
  Random random = random_stream(3, "fdr");
  for (int f = 0; f < kFamilies; ++f) {
    std::vector<double> p;
    for (int i = 0; i < 20; ++i) {
      const double z = random.normal() + (i < 5 ? 3 : 0);
      p.push_back(2 * normal_cdf(-std::fabs(z)));
    }
    const auto adjusted = benjamini_hochberg(p);
    double found = 0;
    double wrong = 0;
    for (std::size_t i = 0; i < p.size(); ++i) {
      found += adjusted[i] < 0.05;
      wrong += adjusted[i] < 0.05 && i >= 5;
    }
    false_share += found > 0 ? wrong / found / kFamilies : 0;
  }
  EXPECT_LT(false_share, 0.05);
}

}  // namespace
}  // namespace zhiyin::statistics
