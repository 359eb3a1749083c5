#include "model/feature_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "model/standardiser.h"

namespace zhiyin::model {
namespace {

FeatureTable numbered(std::size_t rows, std::size_t every) {
  FeatureTable t;
  t.names = {"x"};
  for (std::size_t r = 0; r < rows; ++r) {
    const double x[] = {static_cast<double>(r)};
    t.add("row" + std::to_string(r), x, r % every == 0 ? 1 : 0);
  }
  return t;
}

std::set<std::string> ids(const FeatureTable& t, const std::vector<std::uint32_t>& rows) {
  std::set<std::string> out;
  for (const auto r : rows) out.insert(t.row_ids[r]);
  return out;
}

TEST(Split, PartsAreDisjointCompleteAndStratified) {
  const FeatureTable t = numbered(1000, 10);
  const Split s = split_rows(t, 7);
  EXPECT_EQ(s.train.size(), 600U);
  EXPECT_EQ(s.validation.size(), 200U);
  EXPECT_EQ(s.test.size(), 200U);
  std::set<std::uint32_t> all;
  for (const auto* part : {&s.train, &s.validation, &s.test}) {
    all.insert(part->begin(), part->end());
    const auto positives = std::ranges::count_if(*part, [&](auto r) { return t.labels[r] == 1; });
    EXPECT_EQ(static_cast<std::size_t>(positives) * 10, part->size());
  }
  EXPECT_EQ(all.size(), 1000U);
}

TEST(Split, DependsOnIdsAndSeedNotOnTheOrderOfRows) {
  const FeatureTable t = numbered(500, 3);
  std::vector<std::uint32_t> backwards(500);
  for (std::uint32_t i = 0; i < 500; ++i) backwards[i] = 499 - i;
  const FeatureTable turned = t.subset(backwards);
  EXPECT_EQ(ids(t, split_rows(t, 1).test), ids(turned, split_rows(turned, 1).test));
  EXPECT_NE(ids(t, split_rows(t, 1).test), ids(t, split_rows(t, 2).test));
}

TEST(FeatureTableCheck, RefusesWhatDoesNotFit) {
  FeatureTable t = numbered(3, 2);
  EXPECT_TRUE(t.check());
  t.labels[1] = 2;
  EXPECT_FALSE(t.check());
  t = numbered(3, 2);
  t.values[1] = INFINITY;
  EXPECT_FALSE(t.check());
  t = numbered(3, 2);
  t.values.pop_back();
  EXPECT_FALSE(t.check());
}

TEST(Standardiser, MeanZeroDeviationOneOnTheTrainingPart) {
  FeatureTable t;
  t.names = {"a", "constant", "gaps"};
  const double nan = std::nan("");
  const double rows[4][3] = {{1, 5, nan}, {2, 5, 4}, {3, 5, 8}, {4, 5, nan}};
  for (int r = 0; r < 4; ++r) t.add(std::to_string(r), rows[r], r % 2);
  const Standardiser s = Standardiser::fit(t);
  EXPECT_EQ(s.output_names(), (std::vector<std::string>{"a", "constant", "gaps", "gaps missing"}));
  const auto x = s.apply(t);
  EXPECT_NEAR(x[0] + x[4] + x[8] + x[12], 0, 1e-12);
  EXPECT_NEAR((x[0] * x[0] + x[4] * x[4] + x[8] * x[8] + x[12] * x[12]) / 4, 1, 1e-12);
  EXPECT_EQ(x[1], 0);
  EXPECT_EQ(x[2], 0);  // missing becomes the mean
  EXPECT_EQ(x[3], 1);  // and is marked
  EXPECT_EQ(x[7], 0);
}

TEST(Standardiser, MissingWithoutGapsInTrainingIsTheMean) {
  const Standardiser s = Standardiser::fit(numbered(10, 2));
  const double raw[] = {std::nan("")};
  double out[] = {7};
  s.apply(raw, out);
  EXPECT_EQ(out[0], 0);
  EXPECT_EQ(s.outputs(), 1U);
}

TEST(Standardiser, SkewedCountsGoThroughTheLogarithm) {
  FeatureTable t;
  t.names = {"purchases"};
  for (int r = 0; r < 100; ++r) {
    const double x[] = {r == 0 ? 1000.0 : r % 3};
    t.add(std::to_string(r), x, r % 2);
  }
  const Standardiser s = Standardiser::fit(t);
  EXPECT_TRUE(s.columns()[0].logarithmic);
  double out[1];
  const double negative[] = {-5};
  s.apply(negative, out);
  EXPECT_TRUE(std::isfinite(out[0]));
}

TEST(Standardiser, RefusesImpossibleColumns) {
  EXPECT_FALSE(Standardiser::from_columns({{.name = "a", .mean = 0, .deviation = -1}}));
  EXPECT_FALSE(Standardiser::from_columns({{.name = "a", .mean = INFINITY}}));
}

}  // namespace
}  // namespace zhiyin::model
