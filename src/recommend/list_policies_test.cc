// What makes a list out of ranked candidates: re-ranking, exploration, and judging policies.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/random.h"
#include "recommend/exploration.h"
#include "recommend/off_policy.h"
#include "recommend/rerank.h"

namespace zhiyin::recommend {
namespace {

/// Candidates on a line: alike when near.
PairSimilarity near_on(const std::vector<double>& places) {
  return [&places](std::size_t a, std::size_t b) {
    return std::exp(-std::abs(places[a] - places[b]));
  };
}

using Rerank = std::vector<std::size_t> (*)(std::span<const double>, const PairSimilarity&,
                                            const RerankSettings&);
class Reranking : public ::testing::TestWithParam<Rerank> {};

TEST_P(Reranking, WithoutDiversityTheOrderIsThatOfQuality) {
  const std::vector<double> quality = {3, 9, 1, 9, 5};
  const std::vector<double> places = {0, 0, 0, 0, 0};
  EXPECT_EQ(GetParam()(quality, near_on(places), {.slots = 4, .diversity = 0}),
            (std::vector<std::size_t>{1, 3, 4, 0}));
}

TEST_P(Reranking, MoreDiversityGivesListsThatDifferMore) {
  Random random(3);
  std::vector<double> quality;
  std::vector<double> places;
  for (int i = 0; i < 60; ++i) {
    places.push_back(10 * random.uniform());
    // The best lie together.
    quality.push_back(std::exp(-places.back()) + 0.1 * random.uniform());
  }
  double last = -1;
  for (const double diversity : {0.0, 0.3, 0.9}) {
    const auto list = GetParam()(quality, near_on(places), {.slots = 8, .diversity = diversity});
    ASSERT_EQ(list.size(), 8U);
    EXPECT_EQ(std::set<std::size_t>(list.begin(), list.end()).size(), 8U);
    const double found = list_diversity(list, near_on(places));
    EXPECT_GT(found, last);
    last = found;
  }
}

TEST_P(Reranking, CapsHoldForEveryLabel) {
  const std::vector<double> quality = {9, 8, 7, 6, 5, 4};
  const std::vector<double> places = {0, 1, 2, 3, 4, 5};
  const std::vector<std::string_view> author = {"a", "a", "a", "b", "", ""};
  const ListCap caps[] = {{1, author}};
  const auto list =
      GetParam()(quality, near_on(places), {.slots = 6, .diversity = 0.1, .caps = caps});
  EXPECT_EQ(std::set<std::size_t>(list.begin(), list.end()), (std::set<std::size_t>{0, 3, 4, 5}));
  const ListCap none[] = {{0, author}};
  EXPECT_EQ(GetParam()(quality, near_on(places), {.slots = 6, .caps = none}).size(), 2U);
}

TEST_P(Reranking, TakesNothingAndItemsThatAreAllAlike) {
  const std::vector<double> same = {1, 1, 1};
  const std::vector<double> places = {2, 2, 2};
  EXPECT_TRUE(GetParam()({}, near_on(places), {}).empty());
  EXPECT_EQ(GetParam()(same, near_on(places), {.slots = 9, .diversity = 0.5}),
            (std::vector<std::size_t>{0, 1, 2}));
  EXPECT_EQ(GetParam()(same, near_on(places), {.slots = 2, .diversity = 1}).size(), 2U);
}

INSTANTIATE_TEST_SUITE_P(Both, Reranking, ::testing::Values(&rerank_mmr, &rerank_dpp));

TEST(Dpp, ChoosesTheLargestDeterminant) {
  // All pairs of five by their determinant, against the greedy second step from the best first.
  const std::vector<double> quality = {1.0, 0.95, 0.6, 0.5, 0.2};
  const std::vector<double> places = {0, 0.1, 1.5, 4, 9};
  const auto s = near_on(places);
  const double exponent = (1 - 0.5) / (2 * 0.5);
  std::vector<double> g;
  for (const double q : quality) g.push_back(std::exp(exponent * (q - 0.2) / 0.8));
  std::size_t best = 1;
  const auto volume = [&](std::size_t j) {
    return g[0] * g[0] * g[j] * g[j] * (1 - s(0, j) * s(0, j));
  };
  for (std::size_t j = 2; j < 5; ++j) best = volume(j) > volume(best) ? j : best;
  const auto list = rerank_dpp(quality, s, {.slots = 2, .diversity = 0.5});
  EXPECT_EQ(list[0], 0U);
  EXPECT_EQ(list[1], best);
}

TEST(Exploration, PropensitiesAreTheShareOfSeedsThatChooseAnArm) {
  const std::vector<Arm> arms = {{100, 10}, {20, 3}, {0, 0}, {400, 20}};
  std::vector<double> chosen(arms.size(), 0);
  std::vector<double> stated(arms.size(), 0);
  constexpr int kRounds = 3000;
  for (int i = 0; i < kRounds; ++i) {
    const auto one = explore(arms, 1, {}, 400, static_cast<std::uint64_t>(i));
    ASSERT_EQ(one.size(), 1U);
    chosen[one[0].arm] += 1.0 / kRounds;
    stated[one[0].arm] += one[0].propensity;
  }
  for (std::size_t a = 0; a < arms.size(); ++a) {
    const double mean = stated[a] / (chosen[a] * kRounds);
    EXPECT_NEAR(mean, chosen[a], 0.03) << a;
  }
}

/// Rounds of one place: how often each arm was chosen, and the propensities stated for it.
struct Rounds {
  std::vector<double> chosen;
  std::vector<double> stated;
  double weights = 0;  ///< mean weight of what was chosen for a policy that chooses evenly
};

Rounds explore_often(const std::vector<Arm>& arms, int rounds, std::size_t draws) {
  Rounds out{std::vector<double>(arms.size(), 0), std::vector<double>(arms.size(), 0)};
  for (int i = 0; i < rounds; ++i) {
    const auto one = explore(arms, 1, {}, draws, static_cast<std::uint64_t>(i));
    out.chosen[one[0].arm] += 1;
    out.stated[one[0].arm] += one[0].propensity;
    out.weights += 1 / (one[0].propensity * static_cast<double>(arms.size()) * rounds);
  }
  return out;
}

TEST(Exploration, InverseWeightsSumToWhatTheyShould) {
  EXPECT_NEAR(explore_often(std::vector<Arm>(30), 400, 30).weights, 1, 0.05);
}

TEST(Exploration, PropensitiesOfItemsThatHardlyEverWinAreSmall) {
  std::vector<Arm> arms;
  for (int a = 0; a < 20; ++a) arms.push_back({2.0 * a, a % 3 == 0 ? a / 5.0 : 0});
  constexpr int kRounds = 1000;
  const Rounds rounds = explore_often(arms, kRounds, 30);
  EXPECT_NEAR(rounds.weights, 1, 0.35);
  for (std::size_t a = 0; a < arms.size(); ++a) {
    if (rounds.chosen[a] == 0) continue;
    const double share = rounds.chosen[a] / kRounds;
    // Not further off than chance makes of a count.
    EXPECT_NEAR(rounds.stated[a] / rounds.chosen[a], share, 4 * std::sqrt(share / kRounds)) << a;
  }
}

/// A group's draw at once is as likely to win as its arms drawn one by one: shows that differ by
/// next to nothing make a group of each.
TEST(Exploration, ArmsThatAreAlikeAreAsLikelyTogetherAsOneByOne) {
  const std::vector<Arm> known = {{100, 10}, {40, 3}};
  std::vector<Arm> together = known;
  std::vector<Arm> one_by_one = known;
  for (int i = 0; i < 12; ++i) {
    together.push_back({5, 0});
    one_by_one.push_back({5 + 1e-9 * i, 0});
  }
  for (int i = 0; i < 3; ++i) {
    together.push_back({60, 4});
    one_by_one.push_back({60 + 1e-9 * i, 4});
  }
  constexpr int kRounds = 4000;
  std::vector<double> of_together(together.size(), 0);
  std::vector<double> of_each(together.size(), 0);
  double second = 0;
  for (int i = 0; i < kRounds; ++i) {
    const auto seed = static_cast<std::uint64_t>(i);
    const auto two = explore(together, 2, {}, 1, seed);
    of_together[two[0].arm] += 1.0 / kRounds;
    second += two[1].arm < known.size() ? 1.0 / kRounds : 0;
    const auto other = explore(one_by_one, 2, {}, 1, seed);
    of_each[other[0].arm] += 1.0 / kRounds;
    second -= other[1].arm < known.size() ? 1.0 / kRounds : 0;
  }
  constexpr double kFourDeviations = 4 * 0.5 * 1.42 / 63;  // of a difference of shares
  for (std::size_t a = 0; a < together.size(); ++a)
    EXPECT_NEAR(of_together[a], of_each[a], kFourDeviations) << a;
  EXPECT_NEAR(second, 0, kFourDeviations);
  // What is stated is what happens.
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const auto first = explore(together, 1, {}, 4000, seed);
    EXPECT_NEAR(first[0].propensity, of_each[first[0].arm], 0.04) << first[0].arm;
  }
}

TEST(Exploration, TheSameSeedChoosesTheSameAndNoArmTwice) {
  const std::vector<Arm> arms(5, Arm{});
  const auto one = explore(arms, 9, {}, 50, 7);
  const auto again = explore(arms, 9, {}, 50, 7);
  ASSERT_EQ(one.size(), 5U);
  std::set<std::size_t> distinct;
  for (std::size_t i = 0; i < one.size(); ++i) {
    EXPECT_EQ(one[i].arm, again[i].arm);
    EXPECT_EQ(one[i].propensity, again[i].propensity);
    EXPECT_GT(one[i].propensity, 0);
    EXPECT_LE(one[i].propensity, 1);
    distinct.insert(one[i].arm);
  }
  EXPECT_EQ(distinct.size(), 5U);
  EXPECT_EQ(one[4].propensity, 1);  // the last one left
  EXPECT_TRUE(explore({}, 3, {}, 10, 1).empty());
}

/// Ten arms with known rates, chosen by a log policy that likes the first; the judged policy is
/// uniform.
std::vector<LoggedChoice> logged(std::size_t rows, double greed, double& truth, bool with_model) {
  Random random(11);
  std::vector<double> rate;
  std::vector<double> p;
  truth = 0;
  double sum = 0;
  for (int a = 0; a < 10; ++a) {
    rate.push_back(0.02 + 0.01 * a);
    p.push_back(std::exp(-greed * a));
    sum += p.back();
    truth += rate.back() / 10;
  }
  for (double& x : p) x /= sum;
  std::vector<LoggedChoice> out;
  for (std::size_t i = 0; i < rows; ++i) {
    double u = random.uniform();
    std::size_t a = 0;
    while (a < 9 && u >= p[a]) u -= p[a++];
    LoggedChoice one;
    one.reward = random.uniform() < rate[a] ? 1 : 0;
    one.logged = p[a];
    one.judged = 0.1;
    if (with_model) {
      one.model = rate[a];
      one.policy = truth;
    }
    out.push_back(one);
  }
  return out;
}

TEST(OffPolicy, IntervalsHoldTheTruthAndAModelMakesThemNarrower) {
  double truth = 0;
  const auto plain = judge_policy(logged(20'000, 0.2, truth, false), {});
  const auto with_model = judge_policy(logged(20'000, 0.2, truth, true), {});
  ASSERT_TRUE(plain && with_model);
  for (const OffPolicyEstimate* e :
       {&plain->ips, &plain->self_normalised, &with_model->doubly_robust}) {
    EXPECT_LT(e->interval.low, truth);
    EXPECT_GT(e->interval.high, truth);
  }
  const auto width = [](const OffPolicyEstimate& e) { return e.interval.high - e.interval.low; };
  EXPECT_LT(width(with_model->doubly_robust), width(plain->ips));
  EXPECT_LT(plain->effective, 20'000);
}

TEST(OffPolicy, RefusesWhenTheEffectiveSampleIsTooSmall) {
  double truth = 0;
  const auto out = judge_policy(logged(2'000, 1.5, truth, false), {.clip = 1e9});
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(out.error().message.find("count as"), std::string::npos);
  EXPECT_FALSE(judge_policy({}, {}));
}

TEST(OffPolicy, NothingCanBeSaidOfNothing) {
  const OffPolicySettings anything{.effective_min = 0};
  EXPECT_EQ(judge_policy({}, anything).error().code, ErrorCode::kUnsupported);
  const LoggedChoice never{.reward = 1, .logged = 0.5, .judged = 0};
  EXPECT_EQ(judge_policy({&never, 1}, anything).error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(judge_policy({&never, 1}, {.effective_min = -1}).error().field, "effective_min");
}

TEST(OffPolicy, NamesTheRowThatIsImpossible) {
  std::vector<LoggedChoice> log(200, LoggedChoice{0, 0.5, 0.5});
  log[3].logged = 0;
  EXPECT_EQ(judge_policy(log, {}).error().field, "log[3].logged");
  log[3].logged = 0.5;
  log[4].reward = NAN;
  EXPECT_EQ(judge_policy(log, {}).error().field, "log[4].reward");
  EXPECT_EQ(judge_policy(log, {.clip = 0}).error().field, "clip");
}

}  // namespace
}  // namespace zhiyin::recommend
