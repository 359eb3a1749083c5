#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "statistics/accumulator.h"
#include "statistics/distributions.h"
#include "statistics/draw.h"
#include "statistics/hypergeometric.h"
#include "statistics/linear.h"
#include "statistics/minimise.h"
#include "statistics/sketch.h"

namespace zhiyin::statistics {
namespace {

TEST(Distributions, TailsKeepTheirDigits) {
  EXPECT_NEAR(normal_log_cdf(-10.5) - normal_log_cdf(-9.5),
              std::log(normal_cdf(-10.5)) - std::log(normal_cdf(-9.5)), 1e-12);
  EXPECT_NEAR(normal_log_cdf(-50), -1254.831361, 1e-6);  // ln Phi(-50)
  EXPECT_DOUBLE_EQ(poisson_upper_tail(0, 3), 1);
  EXPECT_NEAR(poisson_cdf(2, 3) + poisson_upper_tail(3, 3), 1, 1e-14);
  EXPECT_NEAR(binomial_upper_tail(10, 10, 0.5), std::pow(0.5, 10), 1e-18);
  EXPECT_DOUBLE_EQ(binomial_upper_tail(11, 10, 0.5), 0);
  // A geometric count: size 1, so P(X >= k) = (mean/(1+mean))^k.
  EXPECT_NEAR(negative_binomial_upper_tail(5, 2, 1), std::pow(2.0 / 3, 5), 1e-14);
  EXPECT_NEAR(negative_binomial_cdf(4, 2, 1), 1 - std::pow(2.0 / 3, 5), 1e-14);
  EXPECT_NEAR(t_upper_quantile(0.025, 10), t_quantile(0.975, 10), 1e-10);
}

TEST(Hypergeometric, KnownClosedForms) {
  for (const double z : {0.1, 0.5, 0.89, 0.95, 0.999, 0.999999}) {
    // 2F1(1,1;2;z) = -ln(1-z)/z: c - a - b is 0, the awkward case near 1.
    EXPECT_NEAR(hypergeometric_2f1(1, 1, 2, z).value() / (-std::log1p(-z) / z), 1, 1e-9) << z;
    // 2F1(a,b;b;z) = (1-z)^-a.
    EXPECT_NEAR(hypergeometric_2f1(0.7, 2.3, 2.3, z).value() * std::pow(1 - z, 0.7), 1, 1e-11) << z;
    // 2F1(1/2,1;3/2;z²) = atanh(z)/z.
    EXPECT_NEAR(hypergeometric_2f1(0.5, 1, 1.5, z * z).value() / (std::atanh(z) / z), 1, 1e-9) << z;
  }
  EXPECT_DOUBLE_EQ(hypergeometric_2f1(3, 4, 5, 0).value(), 1);
}

TEST(Hypergeometric, RefusesWhatIsNotDefined) {
  EXPECT_FALSE(hypergeometric_2f1(1, 1, -2, 0.5));
  EXPECT_FALSE(hypergeometric_2f1(1, 1, 2, 1));
  EXPECT_FALSE(hypergeometric_2f1(1, NAN, 2, 0.5));
}

TEST(Accumulators, MergingEqualsAddingAll) {
  Random random(3);
  PairAccumulator all;
  PairAccumulator parts[3];
  for (int i = 0; i < 3000; ++i) {
    const double x = 1e9 + random.normal();
    const double y = 2 * x + random.normal();
    all.add(x, y);
    parts[random.below(3)].add(x, y);
  }
  parts[0].merge(parts[1]);
  parts[0].merge(parts[2]);
  EXPECT_EQ(parts[0].count(), all.count());
  EXPECT_NEAR(parts[0].covariance() / all.covariance(), 1, 1e-6);
  EXPECT_NEAR(parts[0].x().variance() / all.x().variance(), 1, 1e-6);
  EXPECT_NEAR(all.x().variance(), 1, 0.1);  // 1e9 away from 0 sums of squares would say anything
}

TEST(Accumulators, WhatIsNotFiniteIsCountedNotAdded) {
  Accumulator a;
  a.add(1);
  a.add(NAN);
  a.add(INFINITY);
  EXPECT_EQ(a.count(), 1);
  EXPECT_EQ(a.rejected(), 2);
  EXPECT_DOUBLE_EQ(a.mean(), 1);
}

TEST(Accumulators, CompensatedSumKeepsSmallTerms) {
  CompensatedSum sum;
  sum.add(1e16);
  for (int i = 0; i < 1000; ++i) sum.add(1);
  sum.add(-1e16);
  EXPECT_DOUBLE_EQ(sum.value(), 1000);
}

TEST(QuantileSketch, RanksAreCloseAlsoAfterMerging) {
  Random random(11);
  std::vector<double> values;
  QuantileSketch parts[8];
  for (int i = 0; i < 200000; ++i) {
    const double v = std::exp(2 * random.normal());
    values.push_back(v);
    parts[random.below(8)].add(v);
  }
  for (int i = 1; i < 8; ++i) parts[0].merge(parts[i]);
  std::ranges::sort(values);
  EXPECT_DOUBLE_EQ(parts[0].count(), 200000);
  EXPECT_LT(parts[0].centroids().size(), 250U);
  for (const double q : {0.001, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999}) {
    const double found = parts[0].quantile(q).value();
    const auto rank =
        static_cast<double>(std::ranges::lower_bound(values, found) - values.begin()) / 200000;
    EXPECT_NEAR(rank, q, 0.02 * std::sqrt(q * (1 - q)) + 1e-5) << q;
    EXPECT_NEAR(parts[0].share_below(found), q, 1e-9);
  }
  EXPECT_DOUBLE_EQ(parts[0].quantile(0).value(), values.front());
  EXPECT_DOUBLE_EQ(parts[0].quantile(1).value(), values.back());
}

TEST(QuantileSketch, RefusesNothingAndBadShares) {
  QuantileSketch sketch;
  EXPECT_FALSE(sketch.quantile(0.5));
  sketch.add(NAN);
  EXPECT_EQ(sketch.rejected(), 1);
  sketch.add(4);
  EXPECT_DOUBLE_EQ(sketch.quantile(0.5).value(), 4);
  EXPECT_FALSE(sketch.quantile(1.5));
  const QuantileSketch::Centroid falling[] = {{2, 1}, {1, 1}};
  EXPECT_FALSE(QuantileSketch::from_centroids(falling, 1, 2));
  const QuantileSketch::Centroid one[] = {{1, 1}};
  EXPECT_TRUE(QuantileSketch::from_centroids(one, 1, 1));
  EXPECT_FALSE(QuantileSketch::from_centroids(one, NAN, 1));
  EXPECT_FALSE(QuantileSketch::from_centroids(one, 1, INFINITY));
  const QuantileSketch::Centroid heavy[] = {{1, 1e308}, {1, 1e308}};
  EXPECT_FALSE(QuantileSketch::from_centroids(heavy, 1, 1));
}

TEST(DistinctSketch, CountsWithinItsErrorAndMerges) {
  DistinctSketch a;
  DistinctSketch b;
  EXPECT_DOUBLE_EQ(a.estimate(), 0);
  for (int i = 0; i < 100000; ++i) a.add("user" + std::to_string(i));
  for (int i = 50000; i < 150000; ++i) b.add("user" + std::to_string(i));
  EXPECT_NEAR(a.estimate(), 100000, 3 * 810);
  a.merge(b);
  EXPECT_NEAR(a.estimate(), 150000, 3 * 1215);
  DistinctSketch few;
  for (int i = 0; i < 10; ++i) few.add("u" + std::to_string(i % 5));
  EXPECT_NEAR(few.estimate(), 5, 0.01);
  EXPECT_TRUE(DistinctSketch::from_registers(a.registers()));
  EXPECT_FALSE(DistinctSketch::from_registers(a.registers().first(10)));
}

TEST(Draws, HaveTheirMoments) {
  Random random = random_stream(5, "draws");
  Accumulator gamma;
  Accumulator beta;
  Accumulator small;
  Accumulator large;
  for (int i = 0; i < 20000; ++i) {
    gamma.add(draw_gamma(random, 0.4));
    beta.add(draw_beta(random, 2, 6));
    small.add(draw_poisson(random, 3));
    large.add(draw_poisson(random, 5000));
  }
  EXPECT_NEAR(gamma.mean(), 0.4, 0.02);
  EXPECT_NEAR(gamma.variance(), 0.4, 0.04);
  EXPECT_NEAR(beta.mean(), 0.25, 0.005);
  EXPECT_NEAR(small.mean(), 3, 0.05);
  EXPECT_NEAR(small.variance(), 3, 0.12);
  EXPECT_NEAR(large.mean(), 5000, 2);
  EXPECT_NEAR(large.variance(), 5000, 200);
}

TEST(Draws, StreamsOfOneSeedDiffer) {
  EXPECT_NE(random_stream(1, "a").next(), random_stream(1, "b").next());
  EXPECT_NE(random_stream(1, "a").next(), random_stream(2, "a").next());
  EXPECT_EQ(random_stream(1, "a").next(), random_stream(1, "a").next());
}

TEST(Linear, LeastSquaresAndInverse) {
  Matrix x(4, 2);
  for (std::size_t i = 0; i < 4; ++i) {
    x.at(i, 0) = 1;
    x.at(i, 1) = static_cast<double>(i);
  }
  const double y[] = {1, 3, 5, 8};
  const auto fit = least_squares(x, y);
  ASSERT_TRUE(fit);
  EXPECT_NEAR(fit->coefficients[1], 2.3, 1e-12);
  EXPECT_NEAR(fit->unscaled_covariance.at(1, 1), 0.2, 1e-12);
  Matrix twice(4, 2);
  for (std::size_t i = 0; i < 4; ++i) twice.at(i, 0) = twice.at(i, 1) = static_cast<double>(i + 1);
  EXPECT_FALSE(least_squares(twice, y));
}

TEST(Minimise, FindsTheBottomOfRosenbrocksValley) {
  const SmoothFunction f = [](std::span<const double> x, std::span<double> g) {
    const double a = 1 - x[0];
    const double b = x[1] - x[0] * x[0];
    g[0] = -2 * a - 400 * x[0] * b;
    g[1] = 200 * b;
    return a * a + 100 * b * b;
  };
  const Minimum found = minimise(f, {-1.2, 1});
  EXPECT_TRUE(found.converged);
  EXPECT_NEAR(found.x[0], 1, 1e-8);
  EXPECT_NEAR(found.x[1], 1, 1e-8);
}

}  // namespace
}  // namespace zhiyin::statistics
