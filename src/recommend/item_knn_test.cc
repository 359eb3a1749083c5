#include "recommend/item_knn.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/random.h"

namespace zhiyin::recommend {
namespace {

Interactions random_matrix(std::size_t users, std::size_t items, std::uint64_t seed) {
  Random random(seed);
  std::vector<Interaction> entries;
  for (std::uint32_t u = 0; u < users; ++u) {
    for (std::uint32_t i = 0; i < items; ++i) {
      if (random.below(6) == 0) entries.push_back({u, i, static_cast<float>(1 + random.below(3))});
    }
  }
  return Interactions::build(std::move(entries), users, items);
}

double cell(const Interactions& m, std::size_t user, std::uint32_t item) {
  const auto columns = m.columns(user);
  const auto found = std::ranges::lower_bound(columns, item);
  if (found == columns.end() || *found != item) return 0;
  return m.weights(user)[static_cast<std::size_t>(found - columns.begin())];
}

double similarity_by_definition(const Interactions& m, std::uint32_t a, std::uint32_t b,
                                double shrink) {
  double dot = 0;
  double aa = 0;
  double bb = 0;
  for (std::size_t u = 0; u < m.users(); ++u) {
    dot += cell(m, u, a) * cell(m, u, b);
    aa += cell(m, u, a) * cell(m, u, a);
    bb += cell(m, u, b) * cell(m, u, b);
  }
  return dot / (std::sqrt(aa) * std::sqrt(bb) + shrink + 1e-6);
}

TEST(NameIndex, NumbersInOrderOfAppearance) {
  NameIndex names;
  EXPECT_EQ(names.add("b"), 0U);
  EXPECT_EQ(names.add("a"), 1U);
  EXPECT_EQ(names.add("b"), 0U);
  EXPECT_EQ(names.find("c"), NameIndex::kAbsent);
  EXPECT_EQ(names.name(1), "a");
}

TEST(Interactions, KeepsTheStrongestOfRepeatedCells) {
  const Interactions m = Interactions::build({{1, 2, 1}, {0, 1, 1}, {1, 2, 3}, {1, 0, 2}}, 3, 4);
  EXPECT_EQ(m.size(), 3U);
  EXPECT_TRUE(m.columns(2).empty());
  EXPECT_EQ(cell(m, 1, 2), 3);
  EXPECT_TRUE(m.contains(1, 0));
  EXPECT_FALSE(m.contains(0, 0));
}

TEST(Interactions, TransposedTwiceIsTheSame) {
  const Interactions m = random_matrix(20, 15, 1);
  const Interactions t = m.transposed();
  EXPECT_EQ(t.users(), 15U);
  for (std::uint32_t u = 0; u < 20; ++u) {
    for (std::uint32_t i = 0; i < 15; ++i) EXPECT_EQ(cell(m, u, i), cell(t, i, u));
  }
}

TEST(ItemKnn, SimilaritiesAreThoseOfTheDefinition) {
  const Interactions m = random_matrix(40, 25, 2);
  const auto knn = train_item_knn(m, {.k = 25, .shrink = 5});
  ASSERT_TRUE(knn);
  for (std::uint32_t a = 0; a < 25; ++a) {
    std::vector<double> row(25, 0);
    knn->add_scores(a, 1, row);
    for (std::uint32_t b = 0; b < 25; ++b) {
      const double expected = a == b ? 0 : similarity_by_definition(m, a, b, 5);
      EXPECT_NEAR(row[b], expected, 1e-6) << a << ' ' << b;
    }
  }
}

TEST(ItemKnn, KeepsTheBestOfEachCandidate) {
  const Interactions m = random_matrix(60, 30, 3);
  const auto knn = train_item_knn(m, {.k = 4, .shrink = 1});
  ASSERT_TRUE(knn);
  std::vector<std::vector<std::uint32_t>> liked_of(30);
  for (std::uint32_t liked = 0; liked < 30; ++liked) {
    for (const Neighbour& n : knn->row(liked)) liked_of[n.item].push_back(liked);
  }
  for (std::uint32_t candidate = 0; candidate < 30; ++candidate) {
    std::vector<std::pair<double, std::uint32_t>> all;
    for (std::uint32_t other = 0; other < 30; ++other) {
      if (other != candidate) {
        all.emplace_back(-static_cast<float>(similarity_by_definition(m, candidate, other, 1)),
                         other);
      }
    }
    std::ranges::sort(all);
    std::vector<std::uint32_t> expected;
    for (int i = 0; i < 4; ++i) expected.push_back(all[static_cast<std::size_t>(i)].second);
    std::ranges::sort(expected);
    EXPECT_EQ(liked_of[candidate], expected) << candidate;
  }
}

TEST(ItemKnn, ThreadsDoNotChangeTheResult) {
  const Interactions m = random_matrix(200, 300, 4);
  const auto one = train_item_knn(m, {.k = 20, .shrink = 5, .threads = 1});
  const auto three = train_item_knn(m, {.k = 20, .shrink = 5, .threads = 3});
  ASSERT_TRUE(one && three);
  ASSERT_EQ(one->neighbours().size(), three->neighbours().size());
  for (std::size_t i = 0; i < one->neighbours().size(); ++i) {
    EXPECT_EQ(one->neighbours()[i].item, three->neighbours()[i].item);
    EXPECT_EQ(one->neighbours()[i].similarity, three->neighbours()[i].similarity);
  }
}

TEST(ItemKnn, RefusesBadParametersAndCanBeCancelled) {
  const Interactions m = random_matrix(10, 10, 5);
  EXPECT_EQ(train_item_knn(m, {.k = 0}).error().field, "k");
  EXPECT_EQ(train_item_knn(m, {.k = 1, .shrink = -1}).error().field, "shrink");
  EXPECT_EQ(train_item_knn(m, {}, [](double) { return false; }).error().code, ErrorCode::kDeadline);
  EXPECT_EQ(train_item_knn(Interactions(), {})->items(), 0U);
}

TEST(ItemNeighbours, RowsThatDoNotAddUpAreRefused) {
  EXPECT_TRUE(ItemNeighbours::from_rows({0, 1, 1}, {{1, 0.5F}}));
  EXPECT_FALSE(ItemNeighbours::from_rows({}, {}));
  EXPECT_FALSE(ItemNeighbours::from_rows({0, 2}, {{0, 0.5F}}));
  EXPECT_FALSE(ItemNeighbours::from_rows({0, 1}, {{1, 0.5F}}));
  EXPECT_FALSE(ItemNeighbours::from_rows({0, 2, 1}, {{1, 0.5F}}));
  EXPECT_FALSE(ItemNeighbours::from_rows({0, 1}, {{0, NAN}}));
}

}  // namespace
}  // namespace zhiyin::recommend
