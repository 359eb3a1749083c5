#include "statistics/assignment.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

namespace zhiyin::statistics {
namespace {

TEST(Fnv, KnownVectors) {
  EXPECT_EQ(fnv1a32(""), 0x811c9dc5U);
  EXPECT_EQ(fnv1a32("a"), 0xe40c292cU);
  EXPECT_EQ(fnv1a32("foobar"), 0xbf9cf968U);
}

TEST(AssignmentHash, AsPublished) {
  EXPECT_DOUBLE_EQ(assignment_hash("", "a", HashVersion::kOne), 0.22);
  EXPECT_DOUBLE_EQ(assignment_hash("seed", "a", HashVersion::kTwo), 0.0505);
}

TEST(AssignmentHash, WorksOnUtf8Bytes) {
  EXPECT_EQ(fnv1a32("知音"), fnv1a32("\xe7\x9f\xa5\xe9\x9f\xb3"));
  EXPECT_NE(assignment_hash("春", "a"), assignment_hash("夏", "a"));
}

TEST(AssignmentHash, ManyAtOnceAreThoseOfTheDefinition) {
  std::vector<std::string> names;
  for (int i = 0; i < 30000; ++i) {
    names.push_back(std::string(static_cast<std::size_t>(i % 17), 'x') + std::to_string(i));
  }
  const std::vector<std::string_view> units(names.begin(), names.end());
  std::vector<double> one(units.size());
  std::vector<double> two(units.size());
  assignment_hashes("spring", units, one, HashVersion::kOne);
  assignment_hashes("spring", units, two, HashVersion::kTwo);
  int short_texts = 0;  // below a million: fewer than seven digits
  for (std::size_t i = 0; i < names.size(); ++i) {
    ASSERT_EQ(one[i], fnv1a32(names[i] + "spring") % 1000 / 1000.0) << names[i];
    const std::string inner = std::to_string(fnv1a32("spring" + names[i]));
    short_texts += inner.size() < 7;
    ASSERT_EQ(two[i], fnv1a32(inner) % 10000 / 10000.0) << names[i];
    ASSERT_EQ(assignment_hash("spring", names[i]), two[i]);
  }
  EXPECT_GT(short_texts, 0);
}

TEST(VariantRanges, CoverageKeepsTheFirstShareOfEachArm) {
  const double weights[] = {0.5, 0.3, 0.2};
  const auto r = variant_ranges(weights, 0.5);
  ASSERT_EQ(r.size(), 3U);
  EXPECT_DOUBLE_EQ(r[0].begin, 0);
  EXPECT_DOUBLE_EQ(r[0].end, 0.25);
  EXPECT_DOUBLE_EQ(r[1].begin, 0.5);
  EXPECT_DOUBLE_EQ(r[1].end, 0.65);
  EXPECT_DOUBLE_EQ(r[2].begin, 0.8);
  EXPECT_DOUBLE_EQ(r[2].end, 0.9);
  EXPECT_EQ(choose_variant(r, 0.3), std::nullopt);
}

TEST(VariantRanges, AreHalfOpen) {
  const double weights[] = {0.5, 0.5};
  const auto r = variant_ranges(weights);
  EXPECT_EQ(choose_variant(r, 0), 0U);
  EXPECT_EQ(choose_variant(r, 0.5), 1U);
  EXPECT_EQ(choose_variant(r, 0.9999), 1U);
}

TEST(VariantRanges, UnusableWeightsBecomeEqual) {
  for (const auto& weights : {std::vector{0.5, 0.6}, std::vector{0.2, 0.3}, std::vector{-0.5, 1.5},
                              std::vector{std::nan(""), 1.0}}) {
    const auto r = variant_ranges(weights);
    EXPECT_DOUBLE_EQ(r[0].end, 0.5);
    EXPECT_DOUBLE_EQ(r[1].end, 1);
  }
  const double close_enough[] = {0.333, 0.333, 0.333};
  EXPECT_DOUBLE_EQ(variant_ranges(close_enough)[0].end, 0.333);
}

TEST(Namespaces, UseVersionOneWithUnderscores) {
  const double hash = fnv1a32("user__shop") % 1000 / 1000.0;
  EXPECT_TRUE(in_namespace("user", "shop", {hash, hash + 0.001}));
  EXPECT_FALSE(in_namespace("user", "shop", {0, hash}));
}

TEST(Holdout, HoldsOutItsShareAndDiffersBetweenCampaigns) {
  int held = 0;
  int both = 0;
  constexpr int kPeople = 20000;
  for (int i = 0; i < kPeople; ++i) {
    const std::string person = "p_" + std::to_string(i);
    const bool spring = is_held_out("spring", person, 0.1);
    held += spring;
    both += spring && is_held_out("summer", person, 0.1);
  }
  EXPECT_NEAR(held, 2000, 5 * std::sqrt(kPeople * 0.09));
  EXPECT_NEAR(both, 200, 5 * std::sqrt(kPeople * 0.01));  // independent
  EXPECT_FALSE(is_held_out("spring", "p_1", 0));
  EXPECT_TRUE(is_held_out("spring", "p_1", 1));
}

}  // namespace
}  // namespace zhiyin::statistics
