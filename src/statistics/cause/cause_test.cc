#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "statistics/accumulator.h"
#include "statistics/cause/attribution.h"
#include "statistics/cause/ope.h"
#include "statistics/cause/panel.h"
#include "statistics/cause/uplift.h"
#include "statistics/draw.h"

namespace zhiyin::statistics {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;

struct People {
  std::vector<double> score;
  std::vector<std::uint8_t> treated;
  std::vector<double> outcome;
  [[nodiscard]] UpliftData data() const { return {score, treated, outcome}; }
};

TEST(Uplift, CoefficientsAsPublished) {
  const People first{{0.1, 0.3}, {1, 0}, {0, 1}};
  EXPECT_DOUBLE_EQ(uplift_coefficients(first.data())->uplift_auc, 0);
  EXPECT_DOUBLE_EQ(uplift_coefficients(first.data())->qini, 1);
  const People second{{0.1, 0.3}, {0, 1}, {1, 0}};
  EXPECT_DOUBLE_EQ(uplift_coefficients(second.data())->uplift_auc, 1);
  EXPECT_DOUBLE_EQ(uplift_coefficients(second.data())->qini, 1);
}

TEST(Uplift, RefusalsNameTheRow) {
  const People nan{{0.1, NAN}, {1, 0}, {0, 1}};
  EXPECT_EQ(check_uplift(nan.data()).error().field, "score[1]");
  const People one_arm{{0.1, 0.2}, {1, 1}, {0, 1}};
  EXPECT_EQ(check_uplift(one_arm.data()).error().field, "treated");
  const People spend{{0.1, 0.2}, {1, 0}, {0, 2}};
  EXPECT_EQ(uplift_coefficients(spend.data()).error().field, "outcome[1]");
  EXPECT_EQ(uplift_at(spend.data(), 1.5).error().field, "share");
  EXPECT_EQ(uplift_at(spend.data(), 1).error().code, ErrorCode::kUnsupported);
}

/// Treatment helps those with x > 0 by 0.2 and nobody else.
People draw_people(int n, bool score_knows, std::uint64_t seed, Matrix* features = nullptr) {
  Random random = random_stream(seed, "people");
  People out;
  if (features != nullptr) *features = Matrix(static_cast<std::size_t>(n), 2);
  for (int i = 0; i < n; ++i) {
    const double x = random.normal();
    const bool w = random.uniform() < 0.5;
    const double p = 0.2 + (w && x > 0 ? 0.2 : 0);
    out.score.push_back(score_knows ? x : random.normal());
    out.treated.push_back(w);
    out.outcome.push_back(random.uniform() < p ? 1 : 0);
    if (features != nullptr) {
      features->at(static_cast<std::size_t>(i), 0) = x;
      features->at(static_cast<std::size_t>(i), 1) = random.normal();
    }
  }
  return out;
}

TEST(Uplift, EvidenceForAGoodScoreNoneForARandomOne) {
  const People good = draw_people(8000, true, 1);
  const auto e = uplift_evidence(good.data());
  ASSERT_TRUE(e) << e.error().text();
  EXPECT_TRUE(e->evidence);
  EXPECT_NEAR(uplift_at(good.data(), 0.3)->uplift, 0.2, 0.06);
  const People random = draw_people(8000, false, 2);
  EXPECT_FALSE(uplift_evidence(random.data())->evidence);
  const People hundred = draw_people(100, true, 11);
  const auto part = uplift_at(hundred.data(), 0.29);  // 0.29 * 100 is a little less than 29
  ASSERT_TRUE(part) << part.error().text();
  EXPECT_DOUBLE_EQ(part->people, 29);
  EXPECT_DOUBLE_EQ(uplift_curve(good.data()).front().people, 0);
  EXPECT_DOUBLE_EQ(uplift_curve(good.data()).back().people, 8000);
}

TEST(Uplift, PolicyValueCountsWhomItTreats) {
  const People people = draw_people(20000, true, 3);
  const auto v = policy_value(people.data(), 0, 0.5);
  ASSERT_TRUE(v);
  EXPECT_NEAR(v->treat_share, 0.5, 0.02);
  EXPECT_NEAR(v->value, 0.3, 0.02);
  EXPECT_NEAR(v->value_none, 0.2, 0.02);
  EXPECT_NEAR(v->value_all, 0.3, 0.02);
  EXPECT_LT(v->interval.low, 0.3);
  EXPECT_GT(v->interval.high, 0.3);
}

TEST(Uplift, LearnersFindWhomItHelps) {
  Matrix x;
  const People people = draw_people(20000, true, 4, &x);
  for (const bool two_model : {true, false}) {
    const auto score =
        two_model
            ? two_model_learner(logistic_learner(), x, people.treated, people.outcome)
            : transformed_outcome_learner(linear_learner(), x, people.treated, people.outcome, 0.5);
    ASSERT_TRUE(score) << score.error().text();
    const double helped[] = {1.5, 0};
    const double not_helped[] = {-1.5, 0};
    EXPECT_GT((*score)(helped) - (*score)(not_helped), 0.1) << two_model;
  }
  EXPECT_FALSE(transformed_outcome_learner(linear_learner(), x, people.treated, people.outcome, 1));
}

/// Two actions; the log takes the first with 0.8; they earn 0.1 and 0.3.
struct Log {
  std::vector<double> reward, propensity, target, predicted, predicted_target, influence;
  double shift = 0;
  [[nodiscard]] OpeLog log() const {
    return {reward, propensity, target, predicted, predicted_target, influence, shift};
  }
};
Log draw_log(int n, std::uint64_t seed) {
  Random random = random_stream(seed, "log");
  Log out;
  std::vector<std::uint32_t> action;
  for (int i = 0; i < n; ++i) {
    const bool second = random.uniform() < 0.2;
    action.push_back(second);
    out.reward.push_back(random.uniform() < (second ? 0.3 : 0.1));
    out.propensity.push_back(second ? 0.2 : 0.8);
    out.target.push_back(second ? 0.9 : 0.1);
  }
  const Matrix model = action_mean_model(action, out.reward, 2);
  for (std::size_t i = 0; i < action.size(); ++i) {
    out.predicted.push_back(model.at(i, action[i]));
    out.predicted_target.push_back(0.1 * model.at(i, 0) + 0.9 * model.at(i, 1));
  }
  return out;
}

TEST(Ope, EveryEstimatorFindsTheValue) {
  const Log log = draw_log(20000, 5);
  for (const OpeEstimator e :
       {OpeEstimator::kIps, OpeEstimator::kSelfNormalised, OpeEstimator::kClipped,
        OpeEstimator::kDirect, OpeEstimator::kDoublyRobust, OpeEstimator::kSwitch}) {
    const auto v = evaluate_policy(log.log(), {.estimator = e});
    ASSERT_TRUE(v) << v.error().text();
    EXPECT_NEAR(v->value, 0.28, 0.02) << static_cast<int>(e);
    EXPECT_NEAR(v->mean_weight, 1, 0.03);
  }
  EXPECT_LT(evaluate_policy(log.log(), {.estimator = OpeEstimator::kDoublyRobust})->se,
            evaluate_policy(log.log(), {.estimator = OpeEstimator::kIps})->se);
}

TEST(Ope, IntervalsOfTheModelAloneAreHonest) {
  Log log = draw_log(2000, 12);
  // Whose error nobody told: no interval.
  const auto unknown = evaluate_policy(log.log(), {.estimator = OpeEstimator::kDirect});
  ASSERT_TRUE(unknown) << unknown.error().text();
  EXPECT_EQ(unknown->method, OpeInterval::kNone);
  EXPECT_TRUE(std::isnan(unknown->se) && std::isnan(unknown->interval.low));
  EXPECT_EQ(evaluate_policy(log.log(), {.estimator = OpeEstimator::kSwitch, .clip = 2})->method,
            OpeInterval::kNone);
  EXPECT_EQ(evaluate_policy(log.log(), {.estimator = OpeEstimator::kSwitch})->method,
            OpeInterval::kNormal);
  // Learnt from the log: nineteen of twenty intervals cover the truth, 0.28.
  int covered = 0;
  int covered_switch = 0;
  constexpr int kLogs = 400;
  for (int k = 0; k < kLogs; ++k) {
    log = draw_log(600, 100 + static_cast<std::uint64_t>(k));
    std::vector<std::uint32_t> action;
    std::vector<double> shares = {0.1, 0.9};
    for (const double p : log.propensity) action.push_back(p == 0.2);
    auto error = action_mean_error(action, log.reward, shares);
    log.influence = error.influence;
    log.shift = error.shift;
    const auto direct = evaluate_policy(log.log(), {.estimator = OpeEstimator::kDirect});
    covered += direct->interval.low <= 0.28 && 0.28 <= direct->interval.high;
    EXPECT_EQ(direct->method, OpeInterval::kNormal);
    EXPECT_LT(direct->se, 0.06);
    // The second action's weight, 4.5, is beyond the clip: the model stands for it.
    for (std::size_t i = 0; i < action.size(); ++i) shares[0] -= action[i] == 0 ? 0.125 / 600 : 0;
    error = action_mean_error(action, log.reward, shares);
    log.influence = error.influence;
    log.shift = error.shift;
    const auto switched =
        evaluate_policy(log.log(), {.estimator = OpeEstimator::kSwitch, .clip = 2});
    covered_switch += switched->interval.low <= 0.28 && 0.28 <= switched->interval.high;
  }
  EXPECT_NEAR(covered / static_cast<double>(kLogs), 0.95, 0.03);
  EXPECT_NEAR(covered_switch / static_cast<double>(kLogs), 0.95, 0.03);
}

TEST(Ope, InfluenceIsTheDerivativeOfTheModel) {
  const std::vector<std::uint32_t> action = {0, 1, 1, 0, 2, 1, 0};
  std::vector<double> reward = {1, 0, 3, 2, 5, 1, 0};
  const std::vector<double> share = {0.2, 0.5, 0.3};
  const auto value = [&](std::span<const double> weight) {
    // Sum over actions of share times the shrunk mean, rows counted `weight` times.
    double total = 0, rows = 0;
    std::vector<double> sums(3, 0), counts(3, 0);
    for (std::size_t i = 0; i < action.size(); ++i) {
      total += weight[i] * reward[i];
      rows += weight[i];
      sums[action[i]] += weight[i] * reward[i];
      counts[action[i]] += weight[i];
    }
    double out = 0;
    for (std::size_t a = 0; a < 3; ++a) {
      out += share[a] * (sums[a] + 10 * total / rows) / (counts[a] + 10);
    }
    return out;
  };
  const auto influence = action_mean_error(action, reward, share).influence;
  for (std::size_t i = 0; i < action.size(); ++i) {
    std::vector<double> up(7, 1), down(7, 1);
    up[i] += 1e-5;
    down[i] -= 1e-5;
    EXPECT_NEAR(influence[i], (value(up) - value(down)) / 2e-5, 1e-9) << i;
  }
}

TEST(Ope, RewardsWithoutSpreadAreRefusedOrBounded) {
  Log log = draw_log(500, 13);
  for (double& r : log.reward) r = 3;
  const auto refused = evaluate_policy(log.log(), {.effective_min = 10});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(refused.error().field, "reward");
  for (double& r : log.reward) r = 1;
  const auto all = evaluate_policy(log.log(), {.effective_min = 10});
  ASSERT_TRUE(all) << all.error().text();
  EXPECT_EQ(all->method, OpeInterval::kWilson);
  EXPECT_DOUBLE_EQ(all->value, 1);
  EXPECT_DOUBLE_EQ(all->interval.high, 1);
  EXPECT_NEAR(all->interval.low, 1 - 3.8415 / (all->effective_size + 3.8415), 1e-4);
  EXPECT_TRUE(std::isnan(all->se));
}

TEST(Ope, TheLogsOwnPolicyEarnsWhatItEarned) {
  Log log = draw_log(5000, 6);
  log.target = log.propensity;
  double mean = 0;
  for (const double r : log.reward) mean += r / 5000;
  const auto v = evaluate_policy(log.log(), {.estimator = OpeEstimator::kIps});
  EXPECT_NEAR(v->value, mean, 1e-12);
  EXPECT_DOUBLE_EQ(v->effective_size, 5000);
}

TEST(Ope, RefusesTooLittleOverlapAndBadRows) {
  Log log = draw_log(500, 7);
  EXPECT_EQ(evaluate_policy(log.log(), {.effective_min = 400}).error().code,
            ErrorCode::kUnsupported);
  log.propensity[3] = 0;
  EXPECT_EQ(evaluate_policy(log.log(), {}).error().field, "propensity[3]");
  const OpeLog no_model{log.reward, log.target, log.target, {}, {}, {}, 0};
  EXPECT_EQ(evaluate_policy(no_model, {.estimator = OpeEstimator::kDirect}).error().field,
            "predicted");
}

TEST(DifferenceInDifferences, OfGroupsAndOfUnits) {
  const auto e = difference_in_differences({100, 10, 4}, {100, 11, 4}, {100, 10, 4}, {100, 13, 4});
  ASSERT_TRUE(e);
  EXPECT_DOUBLE_EQ(e->estimate, 2);
  EXPECT_DOUBLE_EQ(e->se, 0.4);
  Random random(8);
  std::vector<PanelUnit> units;
  for (int i = 0; i < 400; ++i) {
    const double own = 20 * random.normal();
    const bool treated = i % 2 == 0;
    units.push_back({own, own + 1 + (treated ? 0.5 : 0) + 0.3 * random.normal(), treated});
  }
  const auto panel = difference_in_differences(units);
  EXPECT_NEAR(panel->estimate, 0.5, 0.1);
  EXPECT_LT(panel->se, 0.05);  // what differs between units has gone
  EXPECT_EQ(difference_in_differences(std::span(units).first(2)).error(), Refusal::kTooFewUsers);
}

TEST(InterruptedSeries, FindsTheJump) {
  Random random(9);
  std::vector<double> y;
  double noise = 0;
  for (int t = 0; t < 120; ++t) {
    noise = 0.4 * noise + random.normal();
    y.push_back(50 + 0.1 * t + (t >= 70 ? 8 : 0) + noise);
  }
  const auto r = interrupted_series(y, {.start = 70});
  ASSERT_TRUE(r) << r.error().text();
  EXPECT_NEAR(r->level.estimate, 8, 1.5);
  EXPECT_LT(r->level.p, 1e-6);
  EXPECT_LT(r->placebo_p, 0.1);
  EXPECT_EQ(interrupted_series(y, {.start = 2}).error().field, "start");
  EXPECT_EQ(
      interrupted_series(std::vector<double>(kInterruptedMax + 1, 5), {.start = 20}).error().code,
      ErrorCode::kLimitReached);
  EXPECT_EQ(interrupted_series(std::vector<double>(40, 5), {.start = 20}).error().code,
            ErrorCode::kUnsupported);
}

TEST(SyntheticControl, FindsTheWeightsAndTheEffect) {
  Random random(10);
  Matrix donors(60, 5);
  std::vector<double> treated(60);
  for (std::size_t t = 0; t < 60; ++t) {
    for (std::size_t j = 0; j < 5; ++j) {
      donors.at(t, j) =
          10 * static_cast<double>(j + 1) +
          5 * std::sin(static_cast<double>(t) * (0.1 + 0.07 * static_cast<double>(j))) +
          0.05 * random.normal();
    }
    treated[t] =
        0.7 * donors.at(t, 1) + 0.3 * donors.at(t, 3) + 0.05 * random.normal() + (t >= 40 ? 2 : 0);
  }
  const auto r = synthetic_control(treated, donors, 40);
  ASSERT_TRUE(r) << r.error().text();
  EXPECT_NEAR(r->weights[1], 0.7, 0.03);
  EXPECT_NEAR(r->weights[3], 0.3, 0.03);
  EXPECT_NEAR(r->effect, 2, 0.1);
  EXPECT_NEAR(r->placebo_p, 1.0 / 6, 1e-12);
  EXPECT_FALSE(synthetic_control(treated, donors, 60));
  EXPECT_EQ(synthetic_control(treated, Matrix(60, kDonorsMax + 1), 40).error().code,
            ErrorCode::kLimitReached);
}

TEST(Attribution, RulesByHand) {
  const std::vector<TouchPath> paths = {
      {{0, 1, 2}, {0, 7, 14}, 14, 1, 10}, {{2}, {3}, 4, 1, 5}, {{0, 1}, {0, 1}, 9, 0, 20}};
  const auto credit = [&](AttributionRule rule) {
    AttributionSettings s;
    s.rule = rule;
    return attribute(paths, 3, s).value();
  };
  EXPECT_THAT(credit(AttributionRule::kLast), ElementsAre(0, 0, 15));
  EXPECT_THAT(credit(AttributionRule::kFirst), ElementsAre(10, 0, 5));
  EXPECT_THAT(credit(AttributionRule::kLinear),
              ElementsAre(DoubleNear(10.0 / 3, 1e-12), DoubleNear(10.0 / 3, 1e-12),
                          DoubleNear(25.0 / 3, 1e-12)));
  EXPECT_THAT(credit(AttributionRule::kPosition),
              ElementsAre(DoubleNear(4, 1e-12), DoubleNear(2, 1e-12), DoubleNear(9, 1e-12)));
  EXPECT_THAT(credit(AttributionRule::kDecay),
              ElementsAre(DoubleNear(10.0 / 7, 1e-12), DoubleNear(20.0 / 7, 1e-12),
                          DoubleNear(5 + 40.0 / 7, 1e-12)));
  EXPECT_THAT(credit(AttributionRule::kShapley),
              ElementsAre(DoubleNear(10.0 / 3, 1e-12), DoubleNear(10.0 / 3, 1e-12),
                          DoubleNear(5 + 10.0 / 3, 1e-12)));
}

TEST(Attribution, MarkovByRemovalScaledToAMeasuredTotal) {
  // start → 0 → 1 → conversion (half of them lost at 0), start → 1 → conversion.
  const std::vector<TouchPath> paths = {
      {{0, 1}, {}, 0, 1, 10}, {{0}, {}, 0, 0, 10}, {{1}, {}, 0, 1, 20}};
  AttributionSettings s;
  s.rule = AttributionRule::kMarkov;
  s.scale = true;
  s.total = 100;
  const auto credit = attribute(paths, 2, s).value();
  // Without 0: 20 of 40; with all: 30 of 40. Without 1: nothing.
  EXPECT_THAT(credit, ElementsAre(DoubleNear(25, 1e-9), DoubleNear(75, 1e-9)));
  // A loop does not go on for ever.
  const std::vector<TouchPath> loop = {{{0, 0, 0, 1, 0}, {}, 0, 1, 1}, {{1, 1}, {}, 0, 0, 1}};
  EXPECT_TRUE(attribute(loop, 2, s));
}

TEST(Attribution, MarkovIsExactWhereLoopsAreHardlyEverLeft) {
  // From a and b one goes on to the other; a leads to conversion once in a million.
  const std::vector<TouchPath> paths = {
      {{0, 1}, {}, 0, 0, 0}, {{0}, {}, 0, 1, 1}, {{1}, {}, 0, 0, 1}};
  std::vector<TouchPath> long_paths = paths;
  TouchPath loop{{}, {}, 0, 1, 1};
  for (int i = 0; i < 100000; ++i) {
    loop.channels.push_back(0);
    loop.channels.push_back(1);
  }
  long_paths.push_back(loop);
  AttributionSettings s;
  s.rule = AttributionRule::kMarkov;
  s.scale = true;
  s.total = 1;
  const auto credit = attribute(long_paths, 2, s).value();
  // By hand: a leads to b with 1e5 / (1e5 + 1), to conversion otherwise; b to a, conversion or loss
  // with 99999, 1 and 1 of 100001; people begin 2 of 3 times at a.
  const double a_b = 1e5 / 100001, b_a = 99999.0 / 100001, b_won = 1.0 / 100001;
  const double a = (1 / 100001.0 + a_b * b_won) / (1 - a_b * b_a);
  const double b = b_won + b_a * a;
  const double whole = 2 * a / 3 + b / 3;
  const double without_a = b_won / 3;
  const double without_b = 2 / 3.0 / 100001;
  const double effect_a = 1 - without_a / whole, effect_b = 1 - without_b / whole;
  EXPECT_NEAR(credit[0], effect_a / (effect_a + effect_b), 1e-12);
  s.total = 1;
  EXPECT_EQ(attribute(paths, 201, s).error().code, ErrorCode::kLimitReached);
}

TEST(Attribution, RefusalsNameThePath) {
  AttributionSettings s;
  EXPECT_EQ(attribute(std::vector<TouchPath>{{{}, {}, 0, 1, 1}}, 2, s).error().field, "paths[0]");
  EXPECT_EQ(attribute(std::vector<TouchPath>{{{5}, {}, 0, 1, 1}}, 2, s).error().field, "paths[0]");
  s.rule = AttributionRule::kDecay;
  EXPECT_EQ(attribute(std::vector<TouchPath>{{{0, 1}, {5, 3}, 9, 1, 1}}, 2, s).error().field,
            "paths[0]");
  s.rule = AttributionRule::kShapley;
  EXPECT_EQ(attribute(std::vector<TouchPath>{{{0}, {}, 0, 1, 1}}, 30, s).error().code,
            ErrorCode::kLimitReached);
}

}  // namespace
}  // namespace zhiyin::statistics
