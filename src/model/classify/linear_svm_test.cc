#include "model/classify/linear_svm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "base/random.h"

namespace zhiyin::model {
namespace {

/// Random rows with both parts, and classes that a plane separates up to noise.
struct Problem {
  std::vector<std::uint64_t> starts = {0};
  std::vector<std::uint32_t> columns;
  std::vector<float> values;
  std::vector<float> dense;
  std::vector<bool> positive;
  std::vector<std::uint32_t> which;

  explicit Problem(std::size_t n, std::uint64_t seed = 1) : which(n) {
    std::iota(which.begin(), which.end(), 0U);
    Random random(seed);
    for (std::size_t r = 0; r < n; ++r) {
      double score = 0.3 * random.normal();
      for (std::uint32_t c = 0; c < 20; ++c) {
        if (random.below(3) != 0) continue;
        columns.push_back(c);
        values.push_back(static_cast<float>(random.uniform()));
        score += (c % 2 == 0 ? 1 : -1) * values.back();
      }
      for (int k = 0; k < 3; ++k) dense.push_back(static_cast<float>(random.normal()));
      score += dense.back();
      starts.push_back(columns.size());
      positive.push_back(score > 0);
    }
  }
  [[nodiscard]] SvmRows rows() const { return {starts, columns, values, 20, dense, 3}; }

  /// |w|²/2 + intercept²/2 + c Σ max(0, 1 - y d)².
  [[nodiscard]] double objective(const SvmFit& fit, double c) const {
    double out = fit.intercept * fit.intercept / 2;
    for (const float w : fit.weights) out += static_cast<double>(w) * w / 2;
    for (std::size_t r = 0; r < which.size(); ++r) {
      const double y = positive[r] ? 1 : -1;
      out += c * std::pow(std::max(0.0, 1 - y * svm_decision(rows(), r, fit)), 2);
    }
    return out;
  }
};

TEST(LinearSvm, NoNeighbourIsBetter) {
  const Problem problem(300);
  const SvmSettings settings{.c = 0.7, .tolerance = 1e-5};
  const SvmFit fit = fit_svm(problem.rows(), problem.which, problem.positive, settings);
  EXPECT_TRUE(fit.converged);
  const double best = problem.objective(fit, 0.7);
  for (std::size_t i = 0; i <= fit.weights.size(); ++i) {
    for (const double step : {-0.01, 0.01}) {
      SvmFit moved = fit;
      if (i < fit.weights.size()) {
        moved.weights[i] += static_cast<float>(step);
      } else {
        moved.intercept += step;
      }
      EXPECT_GT(problem.objective(moved, 0.7), best) << i;
    }
  }
}

TEST(LinearSvm, SameSeedSameBytesOtherSeedSamePlane) {
  const Problem problem(200);
  const auto once = fit_svm(problem.rows(), problem.which, problem.positive, {.tolerance = 1e-4});
  const auto twice = fit_svm(problem.rows(), problem.which, problem.positive, {.tolerance = 1e-4});
  EXPECT_EQ(once.weights, twice.weights);
  const auto other =
      fit_svm(problem.rows(), problem.which, problem.positive, {.tolerance = 1e-4, .seed = 9});
  for (std::size_t i = 0; i < once.weights.size(); ++i)
    EXPECT_NEAR(once.weights[i], other.weights[i], 1e-2);
}

TEST(LinearSvm, LearnsOnlyFromTheRowsItIsGiven) {
  Problem problem(200);
  problem.which.resize(100);
  const std::vector<bool> half(problem.positive.begin(), problem.positive.begin() + 100);
  const auto before = fit_svm(problem.rows(), problem.which, half, {});
  for (std::size_t i = problem.starts[100]; i < problem.values.size(); ++i) problem.values[i] = 99;
  EXPECT_EQ(fit_svm(problem.rows(), problem.which, half, {}).weights, before.weights);
}

TEST(LinearSvm, OneClassAloneConverges) {
  const Problem problem(50);
  const std::vector<bool> none(50, false);
  const auto fit = fit_svm(problem.rows(), problem.which, none, {});
  EXPECT_TRUE(fit.converged);
  EXPECT_LT(svm_decision(problem.rows(), 0, fit), 0);
}

}  // namespace
}  // namespace zhiyin::model
