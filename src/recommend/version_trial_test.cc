// What a new version is measured on before it serves.
#include "recommend/version_trial.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/random.h"

namespace zhiyin::recommend {
namespace {

constexpr Instant kBegin{1'000'000'000'000'000};
constexpr int kGroups = 5;
constexpr int kItemsOfGroup = 12;
constexpr int kActs = 9;

struct Row {
  std::string person;
  std::string item;
  Instant at;
};

/// People of a group read its items, one after the other in an order of their own; all of them over
/// the same hundred days.
std::vector<Row> readers(int people, int acts = kActs) {
  std::vector<Row> out;
  Random random(7);
  for (int p = 0; p < people; ++p) {
    std::vector<int> items(kItemsOfGroup);
    for (int i = 0; i < kItemsOfGroup; ++i) items[static_cast<std::size_t>(i)] = i;
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[random.below(i)]);
    for (int a = 0; a < acts; ++a) {
      out.push_back({fmt::format("p{}", p),
                     fmt::format("g{}-{}", p % kGroups, items[static_cast<std::size_t>(a)]),
                     kBegin + kDay * (100 * a / acts) + std::chrono::minutes(p)});
    }
  }
  return out;
}

RowSource source_of(std::vector<Row> rows) {
  return [rows = std::move(rows)](
             const std::function<void(const InteractionRow&)>& take) -> Result<void> {
    for (const Row& row : rows) take({row.person, {"article", row.item}, "read", 0, row.at});
    return {};
  };
}

TrainParams good() {
  TrainParams out;
  out.algorithm = "ease";
  out.lambda = 10;
  out.as_of = kBegin + 101 * kDay;
  return out;
}

/// Knows each item's one nearest neighbour, if any.
TrainParams poor() {
  TrainParams out = good();
  out.algorithm = "rp3beta";
  out.knn.k = 1;
  out.beta = 10;
  out.people_min = 1'000'000;
  return out;
}

VersionInUse in_use(const RowSource& rows, TrainParams params, Instant until) {
  params.as_of = until;
  auto model = train_recommend(rows, params);
  EXPECT_TRUE(model) << model.error().text();
  return {"recommend-1", std::make_shared<const RecommendModel>(std::move(*model)), params, until};
}

VersionTrial tried(const RowSource& rows, const TrainParams& params,
                   const std::optional<VersionInUse>& rival, const TrialParams& trial = {}) {
  const auto out = try_version(rows, params, rival, {}, trial);
  EXPECT_TRUE(out) << out.error().text();
  return *out;
}

TEST(VersionTrial, TheFirstVersionIsMeasuredAlone) {
  const auto rows = source_of(readers(200));
  const VersionTrial trial = tried(rows, good(), std::nullopt);
  EXPECT_TRUE(trial.not_worse);
  EXPECT_TRUE(trial.in_use.empty());
  EXPECT_EQ(trial.likings, 180U + 0U);
  EXPECT_GE(trial.people, 100U);
  // Of the four items left of twelve all ten places hold those.
  EXPECT_GT(trial.recall.mean, 0.9);
  EXPECT_LT(trial.ndcg.interval.low, trial.ndcg.mean);
}

TEST(VersionTrial, AWorseVersionIsKeptBackAndABetterOneIsNot) {
  const auto rows = source_of(readers(300));
  const Instant older = kBegin + 60 * kDay;
  const VersionTrial worse = tried(rows, poor(), in_use(rows, good(), older));
  EXPECT_FALSE(worse.not_worse);
  EXPECT_LT(worse.gain.interval.high, 0);
  EXPECT_FALSE(worse.in_use_retrained);
  const VersionTrial better = tried(rows, good(), in_use(rows, poor(), older));
  EXPECT_TRUE(better.not_worse);
  EXPECT_GT(better.gain.interval.low, 0);
  EXPECT_NEAR(better.gain.mean, better.ndcg.mean - better.in_use_ndcg.mean, 1e-12);
  EXPECT_EQ(better.in_use, "recommend-1");
}

TEST(VersionTrial, NobodyIsAskedAboutWhatTheVersionInUseHasSeen) {
  const auto rows = source_of(readers(300));
  // It has learnt from the newest tenth but not from the newest half of that.
  const VersionInUse seen = in_use(rows, good(), kBegin + 85 * kDay);
  const VersionTrial later = tried(rows, good(), seen);
  EXPECT_FALSE(later.in_use_retrained);
  EXPECT_GT(later.from, seen.learnt_until);
  // It has learnt from nearly everything: its settings learn from the older part.
  const VersionInUse all = in_use(rows, good(), kBegin + 100 * kDay);
  const VersionTrial again = tried(rows, good(), all);
  EXPECT_TRUE(again.in_use_retrained);
  EXPECT_LT(again.from, all.learnt_until);
  EXPECT_EQ(again.gain.mean, 0);
  EXPECT_TRUE(again.not_worse);
}

TEST(VersionTrial, WithTooFewPeopleThereIsNoVerdict) {
  const auto rows = source_of(readers(30));
  const VersionTrial trial = tried(rows, good(), in_use(rows, poor(), kBegin + 50 * kDay));
  EXPECT_LT(trial.people, 50U);
  EXPECT_FALSE(trial.not_worse);
  // A version that knows nothing is no rival.
  const VersionTrial first = tried(rows, good(), in_use(rows, good(), kBegin - kDay));
  EXPECT_TRUE(first.not_worse);
  EXPECT_TRUE(first.in_use.empty());
}

TEST(VersionTrial, GrowsTheHeldOutPartUntilThereArePeopleEnough) {
  // Few people: a tenth of the likings are of less than fifty of them.
  const auto rows = source_of(readers(60));
  const VersionTrial trial = tried(rows, good(), std::nullopt);
  EXPECT_GE(trial.people, 50U);
  EXPECT_LE(trial.likings, 60U * kActs / 2);
}

TEST(VersionTrial, AtOneMomentNothingIsNewer) {
  std::vector<Row> rows = readers(100);
  for (Row& row : rows) row.at = kBegin;
  const VersionTrial trial = tried(source_of(rows), good(), std::nullopt);
  EXPECT_EQ(trial.people, 0U);
  EXPECT_TRUE(trial.not_worse);
  EXPECT_EQ(tried(source_of({}), good(), std::nullopt).likings, 0U);
}

TEST(VersionTrial, TheOrderOfRowsChangesNothing) {
  std::vector<Row> rows = readers(200);
  const Instant older = kBegin + 60 * kDay;
  const VersionTrial one =
      tried(source_of(rows), good(), in_use(source_of(rows), poor(), older), {.people_max = 60});
  std::ranges::reverse(rows);
  const VersionTrial other =
      tried(source_of(rows), good(), in_use(source_of(rows), poor(), older), {.people_max = 60});
  EXPECT_EQ(one.people, 60U);
  EXPECT_EQ(one.ndcg.mean, other.ndcg.mean);
  EXPECT_EQ(one.gain.interval, other.gain.interval);
}

TEST(VersionTrial, TellsWhatPeopleLiked) {
  TrainParams params = good();
  const auto history = liked_history(source_of(readers(40)), params);
  ASSERT_TRUE(history);
  EXPECT_EQ(history->likings, 40U * kActs);
  EXPECT_EQ(history->people, 40U);
  params.as_of = kBegin - kDay;
  EXPECT_EQ(liked_history(source_of(readers(40)), params)->likings, 0U);
}

}  // namespace
}  // namespace zhiyin::recommend
