#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <vector>

#include "base/random.h"
#include "statistics/classification.h"
#include "statistics/interval.h"
#include "statistics/model_comparison.h"
#include "statistics/ranking.h"

namespace zhiyin::statistics {
namespace {

TEST(Confusion, ScoresPerClass) {
  const int actual[] = {0, 0, 0, 1, 1, 1, 1};
  const int predicted[] = {0, 1, 0, 1, 1, 0, 1};
  const Confusion c = confusion(actual, predicted, 2);
  EXPECT_EQ(c.counts, (std::vector<std::vector<std::int64_t>>{{2, 1}, {1, 3}}));
  EXPECT_DOUBLE_EQ(c.accuracy(), 5.0 / 7);
  const ClassScore positive = class_score(c, 1);
  EXPECT_DOUBLE_EQ(positive.precision, 0.75);
  EXPECT_DOUBLE_EQ(positive.recall, 0.75);
  EXPECT_EQ(positive.support, 4);
  EXPECT_DOUBLE_EQ(macro_f1(c), (0.75 + 2.0 / 3) / 2);
}

TEST(Confusion, EmptyQuotientsCountAsZero) {
  const int actual[] = {0, 0};
  const Confusion c = confusion(actual, actual, 2);
  EXPECT_DOUBLE_EQ(class_score(c, 1).f1, 0);
  EXPECT_DOUBLE_EQ(confusion({}, {}, 2).accuracy(), 0);
}

double auc_by_pairs(const std::vector<double>& scores, const std::vector<int>& labels) {
  double won = 0;
  double pairs = 0;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    for (std::size_t j = 0; j < scores.size(); ++j) {
      if (labels[i] != 1 || labels[j] != 0) continue;
      ++pairs;
      won += scores[i] > scores[j] ? 1 : scores[i] == scores[j] ? 0.5 : 0;
    }
  }
  return won / pairs;
}

TEST(Auc, EqualsTheShareOfWonPairsWithTies) {
  Random random(7);
  std::vector<double> scores;
  std::vector<int> labels;
  for (int i = 0; i < 200; ++i) {
    labels.push_back(static_cast<int>(random.below(2)));
    scores.push_back(static_cast<double>(random.below(10)) + labels.back());
  }
  EXPECT_NEAR(auc(scores, labels), auc_by_pairs(scores, labels), 1e-12);
}

TEST(Auc, NeedsBothClasses) {
  const double scores[] = {1, 2};
  const int labels[] = {1, 1};
  EXPECT_TRUE(std::isnan(auc(scores, labels)));
}

TEST(Probabilities, LossesOfKnownPredictions) {
  const double p[] = {0.8, 0.4, 0.0};
  const int labels[] = {1, 0, 0};
  EXPECT_NEAR(log_loss(p, labels), -(std::log(0.8) + std::log(0.6)) / 3, 1e-12);
  EXPECT_NEAR(brier(p, labels), (0.04 + 0.16) / 3, 1e-12);
  const double certain_and_wrong[] = {0.0};
  const int one[] = {1};
  EXPECT_NEAR(log_loss(certain_and_wrong, one), -std::log(1e-15), 1e-9);
}

TEST(Calibration, BinsAndError) {
  const double p[] = {0.05, 0.05, 0.95, 0.95, 1.0};
  const int labels[] = {0, 1, 1, 1, 0};
  const auto bins = calibration_bins(p, labels, 10);
  ASSERT_EQ(bins.size(), 2U);
  EXPECT_EQ(bins[1].count, 3);
  EXPECT_DOUBLE_EQ(bins[0].observed, 0.5);
  const double expected = (2 * 0.45 + 3 * std::fabs((0.95 + 0.95 + 1) / 3 - 2.0 / 3)) / 5;
  EXPECT_NEAR(calibration_error(bins), expected, 1e-12);
}

TEST(Ranking, SingleRelevantItem) {
  EXPECT_DOUBLE_EQ(ndcg_single(1, 10), 1);
  EXPECT_DOUBLE_EQ(ndcg_single(3, 10), 0.5);
  EXPECT_DOUBLE_EQ(ndcg_single(11, 10), 0);
  EXPECT_DOUBLE_EQ(recall_single(10, 10), 1);
  EXPECT_DOUBLE_EQ(recall_single(11, 10), 0);
  EXPECT_DOUBLE_EQ(recall_single(0, 10), 0);
}

TEST(Ranking, SeveralRelevantItems) {
  const bool at[] = {true, false, true, false};
  const double gained = 1 + 0.5;
  const double ideal = 1 + 1 / std::log2(3.0) + 0.5;
  EXPECT_NEAR(ndcg(at, 3, 4), gained / ideal, 1e-12);
  EXPECT_NEAR(ndcg(at, 3, 1), 1, 1e-12);
  EXPECT_DOUBLE_EQ(recall(at, 3, 4), 2.0 / 3);
  EXPECT_DOUBLE_EQ(ndcg(at, 0, 4), 0);
}

TEST(Intervals, WilsonKnownValueAndEdges) {
  const Interval i = wilson_interval(8, 10);
  EXPECT_NEAR(i.low, 0.490162, 1e-6);
  EXPECT_NEAR(i.high, 0.943318, 1e-6);
  EXPECT_EQ(wilson_interval(0, 0), (Interval{0, 1}));
  for (const double n : {3.0, 20.0, 300.0, 400.0}) {
    EXPECT_EQ(wilson_interval(0, n).low, 0);
    EXPECT_EQ(wilson_interval(n, n).high, 1);
  }
}

TEST(Intervals, BootstrapOfAMeanAgreesWithTheNormalOne) {
  Random random(3);
  std::vector<double> values(400);
  for (double& v : values) v = random.normal();
  const auto mean = [&](std::span<const std::uint32_t> rows) {
    double sum = 0;
    for (const std::uint32_t r : rows) sum += values[r];
    return sum / static_cast<double>(rows.size());
  };
  const BootstrapSettings settings{1000, 0.05, 11};
  const Interval boot = bootstrap_interval(values.size(), mean, settings);
  const MeanInterval normal = mean_interval(values);
  EXPECT_NEAR(boot.low, normal.interval.low, 0.02);
  EXPECT_NEAR(boot.high, normal.interval.high, 0.02);
  EXPECT_EQ(boot, bootstrap_interval(values.size(), mean, settings));
}

TEST(Intervals, BootstrapLeavesOutWhatIsNotFinite) {
  const auto never = [](std::span<const std::uint32_t>) { return std::nan(""); };
  EXPECT_TRUE(std::isnan(bootstrap_interval(3, never, {10, 0.05, 1}).low));
}

TEST(DeLong, PerfectScoresHaveAnAreaOfExactlyOne) {
  std::vector<double> scores;
  std::vector<int> labels;
  for (int i = 0; i < 106; ++i) {
    scores.push_back(i);
    labels.push_back(i < 53 ? 0 : 1);
  }
  const auto found = delong_auc(scores, labels);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->auc, 1);
  EXPECT_EQ(found->interval.low, 1);
  EXPECT_EQ(found->interval.high, 1);
}

}  // namespace
}  // namespace zhiyin::statistics
