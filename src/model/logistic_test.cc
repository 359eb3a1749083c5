#include "model/logistic.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"
#include "model/calibration.h"

namespace zhiyin::model {
namespace {

struct Sample {
  std::vector<double> values;
  std::vector<int> labels;
  std::size_t columns = 0;
  [[nodiscard]] Design design() const { return {values, columns, labels}; }
};

Sample draw(std::size_t rows, const std::vector<double>& weights, double intercept,
            std::uint64_t seed) {
  Random random(seed);
  Sample s;
  s.columns = weights.size();
  for (std::size_t r = 0; r < rows; ++r) {
    double z = intercept;
    for (const double w : weights) {
      s.values.push_back(random.normal());
      z += w * s.values.back();
    }
    s.labels.push_back(random.uniform() < sigmoid(z) ? 1 : 0);
  }
  return s;
}

TEST(Logistic, GradientAgreesWithFiniteDifferences) {
  const Sample s = draw(60, {1, -2, 0.5}, 0.3, 5);
  const Logistic at{{0.4, -0.7, 1.2}, -0.2};
  const double l2 = 0.05;
  const Objective there = logistic_objective(s.design(), at, l2);
  constexpr double kStep = 1e-6;
  for (std::size_t i = 0; i < 4; ++i) {
    Logistic up = at;
    Logistic down = at;
    (i < 3 ? up.weights[i] : up.intercept) += kStep;
    (i < 3 ? down.weights[i] : down.intercept) -= kStep;
    const double slope = (logistic_objective(s.design(), up, l2).value -
                          logistic_objective(s.design(), down, l2).value) /
                         (2 * kStep);
    EXPECT_NEAR(there.gradient[i], slope, 1e-8) << i;
  }
}

TEST(Logistic, ConvergesToAPointWithoutGradient) {
  const Sample s = draw(500, {1, -2, 0.5}, 0.3, 5);
  const auto fit = fit_logistic(s.design(), {.l2 = 1e-3});
  ASSERT_TRUE(fit);
  EXPECT_TRUE(fit->converged);
  EXPECT_LT(fit->iterations, 15);
  for (const double g : logistic_objective(s.design(), fit->model, 1e-3).gradient) {
    EXPECT_NEAR(g, 0, 1e-8);
  }
}

TEST(Logistic, FindsTheWeightsThatMadeTheData) {
  const Sample s = draw(20000, {1, -2, 0}, 0.5, 9);
  const auto fit = fit_logistic(s.design(), {.l2 = 1e-6});
  ASSERT_TRUE(fit);
  EXPECT_NEAR(fit->model.weights[0], 1, 0.1);
  EXPECT_NEAR(fit->model.weights[1], -2, 0.12);
  EXPECT_NEAR(fit->model.weights[2], 0, 0.06);
  EXPECT_NEAR(fit->model.intercept, 0.5, 0.08);
}

TEST(Logistic, LearnsATinySetByHeart) {
  const std::vector<double> x = {0, 0, 1, 0, 0, 1, 5, 5};
  const std::vector<int> y = {0, 1, 1, 1};
  const auto fit = fit_logistic({x, 2, y}, {.l2 = 1e-9});
  ASSERT_TRUE(fit);
  for (std::size_t r = 0; r < 4; ++r) {
    EXPECT_NEAR(fit->model.probability(std::span(x).subspan(2 * r, 2)), y[r], 0.01);
  }
}

TEST(Logistic, CopesWithSeparableAndRedundantColumns) {
  // The second column repeats the first: without regularisation the Hessian would be singular.
  std::vector<double> x;
  std::vector<int> y;
  for (int i = -10; i < 10; ++i) {
    x.insert(x.end(), {i + 0.5, i + 0.5});
    y.push_back(i >= 0);
  }
  const auto fit = fit_logistic({x, 2, y}, {.l2 = 1e-4});
  ASSERT_TRUE(fit);
  EXPECT_TRUE(fit->converged);
  EXPECT_NEAR(fit->model.weights[0], fit->model.weights[1], 1e-6);
}

TEST(Logistic, StrongerRegularisationShrinksWeights) {
  const Sample s = draw(300, {2, -2}, 0, 3);
  const auto weak = fit_logistic(s.design(), {.l2 = 1e-4});
  const auto strong = fit_logistic(s.design(), {.l2 = 1});
  ASSERT_TRUE(weak && strong);
  EXPECT_LT(std::fabs(strong->model.weights[0]), std::fabs(weak->model.weights[0]) / 2);
}

TEST(Logistic, RefusesOneClassAndTooManyColumns) {
  const std::vector<double> x = {1, 2};
  const std::vector<int> ones = {1, 1};
  EXPECT_EQ(fit_logistic({x, 1, ones}, {}).error().code, ErrorCode::kInvalidArgument);
  const std::vector<int> y = {0, 1};
  const std::vector<double> wide(2 * (kLogisticColumnsMax + 1), 0);
  EXPECT_FALSE(fit_logistic({wide, kLogisticColumnsMax + 1, y}, {}));
}

TEST(Calibration, RepairsOverconfidentScores) {
  Random random(8);
  std::vector<double> scores;
  std::vector<int> labels;
  for (int i = 0; i < 20000; ++i) {
    const double z = random.normal();
    labels.push_back(random.uniform() < sigmoid(z - 0.5) ? 1 : 0);
    scores.push_back(3 * z);  // three times too sure, and shifted
  }
  const Calibration c = fit_calibration(scores, labels);
  EXPECT_NEAR(c.slope, 1.0 / 3, 0.03);
  EXPECT_NEAR(c.shift, -0.5, 0.05);
}

TEST(Calibration, FewRowsGiveNoCertainty) {
  const double scores[] = {-9, 9};
  const int labels[] = {0, 1};
  const Calibration c = fit_calibration(scores, labels);
  EXPECT_NEAR(c.probability(9), 2.0 / 3, 0.01);
  EXPECT_NEAR(c.probability(-9), 1.0 / 3, 0.01);
}

TEST(Calibration, StaysTheIdentityWhenItWouldTurnTheOrder) {
  const double scores[] = {-1, 1, -2, 2};
  const int reversed[] = {1, 0, 1, 0};
  EXPECT_EQ(fit_calibration(scores, reversed).slope, 1);
  const int one_class[] = {1, 1, 1, 1};
  EXPECT_EQ(fit_calibration(scores, one_class).shift, 0);
}

}  // namespace
}  // namespace zhiyin::model
