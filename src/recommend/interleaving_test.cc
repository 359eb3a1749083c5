#include "recommend/interleaving.h"

#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/random.h"

namespace zhiyin::recommend {
namespace {

std::vector<RecommendedItem> list_of(const std::vector<int>& ids) {
  std::vector<RecommendedItem> out;
  for (const int id : ids) {
    RecommendedItem item;
    item.item = {"article", std::to_string(id)};
    out.push_back(item);
  }
  return out;
}

std::vector<std::string> ids(const std::vector<RecommendedItem>& items) {
  std::vector<std::string> out;
  for (const RecommendedItem& item : items) out.push_back(item.item.id);
  return out;
}

TEST(Interleaving, BothTeamsGetTheSameNumberOfPlaces) {
  const auto a = list_of({1, 2, 3, 4, 5, 6});
  const auto b = list_of({4, 9, 1, 8, 2, 7});
  int first_of_a = 0;
  constexpr int kSeeds = 400;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const auto list = interleave(a, b, 6, seed);
    ASSERT_EQ(list.size(), 6U);
    EXPECT_EQ(ids(list), ids(interleave(a, b, 6, seed)));
    EXPECT_EQ(std::ranges::count(list, 1, &RecommendedItem::team), 3);
    const auto listed = ids(list);
    EXPECT_EQ(std::set<std::string>(listed.begin(), listed.end()).size(), 6U);
    first_of_a += list[0].team == 1 ? 1 : 0;
    EXPECT_EQ(list[0].propensity, 0.5);
    EXPECT_EQ(list[1].propensity, 1);
  }
  EXPECT_NEAR(first_of_a, kSeeds / 2, 50);
}

TEST(Interleaving, WhereBothAgreeNothingIsLeftToChance) {
  const auto same = list_of({1, 2, 3});
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const auto list = interleave(same, same, 3, seed);
    EXPECT_EQ(ids(list), ids(same));
    for (const RecommendedItem& item : list) EXPECT_EQ(item.propensity, 1);
  }
  EXPECT_EQ(ids(interleave(same, {}, 5, 1)), ids(same));
  EXPECT_TRUE(interleave({}, {}, 5, 1).empty());
  EXPECT_EQ(interleave(same, list_of({3, 4}), 10, 1).size(), 4U);
}

TEST(Interleaving, PropensitiesAreHowOftenAnItemFollowsThoseBeforeIt) {
  // Both begin with 1, so that the coin of that round shows in its second place.
  const auto a = list_of({1, 2, 3, 4, 5});
  const auto b = list_of({1, 6, 2, 4, 7});
  std::map<std::vector<std::string>, int> lists_with;
  std::map<std::vector<std::string>, double> stated;
  constexpr int kSeeds = 4000;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const auto list = interleave(a, b, 5, seed);
    std::vector<std::string> prefix;
    ++lists_with[prefix];
    for (const RecommendedItem& item : list) {
      prefix.push_back(item.item.id);
      ++lists_with[prefix];
      const auto [known, is_new] = stated.emplace(prefix, item.propensity);
      EXPECT_EQ(known->second, item.propensity);
    }
  }
  for (const auto& [prefix, propensity] : stated) {
    const auto before = std::vector(prefix.begin(), prefix.end() - 1);
    EXPECT_NEAR(static_cast<double>(lists_with[prefix]) / lists_with[before], propensity, 0.06)
        << fmt::format("{}", fmt::join(prefix, " "));
  }
  EXPECT_EQ(stated.at({"1"}), 1);
  EXPECT_EQ(stated.at({"1", "2"}), 0.5);
  EXPECT_EQ(stated.at({"1", "6"}), 0.5);
}

TEST(Interleaving, RulesOfAWholeListHold) {
  const auto a = list_of({1, 2, 3, 4, 5, 6});
  const auto b = list_of({12, 11, 14, 13, 16, 15});
  // No two that end with the same digit.
  const Fits fits = [](const RecommendedItem& item, std::span<const RecommendedItem> listed) {
    const auto number = [](const RecommendedItem& one) { return std::stoi(one.item.id); };
    const auto is_copy = [&](const RecommendedItem& one) {
      return number(one) % 10 == number(item) % 10;
    };
    return std::ranges::none_of(listed, is_copy);
  };
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const auto list = interleave(a, b, 6, seed, fits);
    EXPECT_EQ(list.size(), 6U);
    std::set<int> digits;
    for (const RecommendedItem& item : list) digits.insert(std::stoi(item.item.id) % 10);
    EXPECT_EQ(digits.size(), list.size());
  }
}

TEST(Interleaving, TellsTheBetterTeamAndRefusesWhatSaysNothing) {
  Random random(4);
  std::vector<TeamCredit> people;
  for (int i = 0; i < 300; ++i)
    people.push_back({random.uniform() < 0.2 ? 1.0 : 0, random.uniform() < 0.4 ? 1.0 : 0});
  const auto better = compare_teams(people);
  ASSERT_TRUE(better) << better.error().text();
  EXPECT_GT(better->interval.low, 0);
  EXPECT_LT(better->p, 0.01);
  EXPECT_NEAR(better->difference, 0.2, 0.08);
  EXPECT_GT(better->for_rival, better->for_in_use);
  for (TeamCredit& one : people) std::swap(one.in_use, one.rival);
  EXPECT_NEAR(compare_teams(people)->difference, -better->difference, 1e-12);
  for (const auto& none : {std::vector<TeamCredit>(), std::vector<TeamCredit>(1),
                           std::vector<TeamCredit>(50, {1, 1})}) {
    const auto refused = compare_teams(none);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kUnsupported);
  }
}

}  // namespace
}  // namespace zhiyin::recommend
