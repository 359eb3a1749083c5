#include "recommend/candidate_scores.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "base/random.h"

namespace zhiyin::recommend {
namespace {

std::vector<CandidateItem> catalogue(std::uint32_t count) {
  std::vector<CandidateItem> out;
  // So that the order of the references is not that of the numbers.
  for (std::uint32_t i = 0; i < count; ++i)
    out.push_back({{"article", "i" + std::to_string(i * 7919 % count)}, {}, {}, {}});
  return out;
}

std::vector<Scored> in_order(const CandidateIndex& candidates, std::vector<Scored> scored) {
  std::ranges::sort(scored, [&](const Scored& a, const Scored& b) {
    if (a.score != b.score) return a.score > b.score;
    return candidates.item(a.candidate).ref < candidates.item(b.candidate).ref;
  });
  return scored;
}

std::vector<std::uint32_t> numbers_of(std::span<const Scored> scored) {
  std::vector<std::uint32_t> out;
  for (const Scored& s : scored) out.push_back(s.candidate);
  return out;
}

TEST(BestFirst, GivesEverythingInOrderHoweverManyWereWanted) {
  constexpr std::uint32_t kItems = 5000;
  const CandidateIndex candidates(RecommendModel(), catalogue(kItems));
  Random random(1);
  std::vector<Scored> scored;
  // Few different scores: many are equal.
  for (std::uint32_t c = 0; c < kItems; ++c)
    scored.push_back({1 + static_cast<double>(random.below(300)), c, 0});
  const auto expected = numbers_of(in_order(candidates, scored));
  for (const std::size_t wanted : {1U, 10U, 1000U, 4000U, 10000U}) {
    BestFirst order(candidates, scored, wanted);
    std::vector<std::uint32_t> found;
    while (const Scored* one = order.next()) found.push_back(one->candidate);
    EXPECT_EQ(found, expected) << wanted;
    EXPECT_EQ(order.next(), nullptr);
  }
}

TEST(BestFirst, TheRestComesWhenTheFirstAreUsedUp) {
  const CandidateIndex candidates(RecommendModel(), catalogue(10));
  int asked = 0;
  BestFirst order(candidates, {{5, 0, 0}, {7, 1, 0}}, 2, [&] {
    ++asked;
    return std::vector<Scored>{{1, 2, 0}, {3, 3, 0}};
  });
  EXPECT_EQ(order.next()->candidate, 1U);
  EXPECT_EQ(order.next()->candidate, 0U);
  EXPECT_EQ(asked, 0);
  EXPECT_EQ(order.next()->candidate, 3U);
  EXPECT_EQ(order.next()->candidate, 2U);
  EXPECT_EQ(order.next(), nullptr);
  EXPECT_EQ(asked, 1);
}

TEST(BestFirst, ChunksAreTheBestOfWhatIsLeft) {
  constexpr std::uint32_t kItems = 3000;
  const CandidateIndex candidates(RecommendModel(), catalogue(kItems));
  std::vector<Scored> scored;
  for (std::uint32_t c = 0; c < kItems; ++c) scored.push_back({1.0 + c * 37 % kItems, c, 0});
  BestFirst order(candidates, scored, 0);
  std::size_t given = 0;
  double last = kItems + 1;
  for (std::size_t wanted = 20; given < kItems; wanted *= 2) {
    const auto chunk = order.next_chunk(wanted);
    ASSERT_FALSE(chunk.empty());
    double least = last;
    for (const Scored& s : chunk) {
      EXPECT_LT(s.score, last);
      least = std::min(least, s.score);
    }
    last = least;
    given += chunk.size();
  }
  EXPECT_EQ(given, kItems);
  EXPECT_TRUE(order.next_chunk(5).empty());
}

TEST(Places, FromABarOnAndBelowIt) {
  Random random(5);
  for (const std::size_t size : {0U, 1U, 31U, 32U, 33U, 500U}) {
    std::vector<float> scores(size);
    for (float& score : scores) score = static_cast<float>(random.normal());
    if (size > 40) {
      scores[40] = std::numeric_limits<float>::quiet_NaN();
      scores[41] = scores[7];
    }
    constexpr double kAll = -std::numeric_limits<double>::infinity();
    std::vector<double> bars = {kAll, 0.5, 1.5, 9, -kAll};
    if (size > 40) bars.insert(bars.end(), {scores[7], scores[7] + 1e-12, scores[7] - 1e-12});
    for (const double bar : bars) {
      std::vector<std::uint32_t> from;
      std::vector<std::uint32_t> below;
      for (std::uint32_t i = 0; i < size; ++i) (scores[i] >= bar ? from : below).push_back(i);
      EXPECT_EQ(places_from(scores, bar), from) << size << ' ' << bar;
      EXPECT_EQ(places_below(scores, bar), below) << size << ' ' << bar;
    }
  }
}

TEST(ScoreSums, TheMemoryOfTheLastOneIsEmptyForTheNext) {
  // Smaller, larger, at the same time; the first is given up halfway.
  for (const std::uint32_t size : {50U, 10U, 2000U, 50U}) {
    ScoreSums one(size);
    ScoreSums other(size);
    for (std::uint32_t c = 0; c < size; ++c) {
      one.add(c, 1.0 + c, 3);
      if (c % 2 == 0) other.add(c, 2, 4);
    }
    const auto found = other.taken();
    EXPECT_EQ(found.size(), (size + 1) / 2);
    for (const Scored& s : found) {
      EXPECT_EQ(s.score, 2);
      EXPECT_EQ(s.why, 4U);
    }
    EXPECT_TRUE(other.taken().empty());
  }
}

TEST(ScoreSums, KeepTheLargestTermAndStartAnewAfterEach) {
  ScoreSums sums(4);
  sums.add(2, 1, 10);
  sums.add(2, 3, 11);
  sums.add(2, -0.5, 12);
  sums.add(1, -2, 10);
  sums.add(3, std::numeric_limits<double>::quiet_NaN(), 10);
  auto taken = sums.taken();
  ASSERT_EQ(taken.size(), 1U);  // what is not above 0 is no candidate
  EXPECT_EQ(taken[0].candidate, 2U);
  EXPECT_EQ(taken[0].score, 3.5);
  EXPECT_EQ(taken[0].why, 11U);
  sums.add(1, 1, 5);
  taken = sums.taken();
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0].score, 1);
  EXPECT_TRUE(sums.taken().empty());
}

TEST(CandidateIndex, FindsEveryItemByItsReference) {
  constexpr std::uint32_t kItems = 20'000;
  auto items = catalogue(kItems);
  items.push_back({{"article", "i7"}, "again", {}, {}});  // the first of a name stays
  const CandidateIndex candidates(RecommendModel(), items);
  ASSERT_EQ(candidates.size(), kItems);
  for (std::uint32_t c = 0; c < kItems; ++c) EXPECT_EQ(candidates.find(items[c].ref), c);
  EXPECT_EQ(candidates.find({"article", "i20000"}), CandidateIndex::kNone);
  EXPECT_EQ(candidates.find({"video", "i7"}), CandidateIndex::kNone);
  EXPECT_EQ(CandidateIndex(RecommendModel(), {}).find(items[0].ref), CandidateIndex::kNone);
}

}  // namespace
}  // namespace zhiyin::recommend
