// What serving remembers of exploration and of what was shown: over restarts, and over processes.
#include "server/fresh_arms.h"

#include <gmock/gmock.h>

#include "base/file.h"
#include "catalogue/item_statistics.h"
#include "server/shown_items.h"
#include "storage/testing.h"

namespace zhiyin::server {
namespace {

using recommend::ItemRef;

constexpr Instant kNow{1'700'000'000'000'000};
const ItemRef kTea{"article", "tea"};
const ItemRef kCoffee{"article", "coffee"};

struct Bench {
  TempFolder folder;
  std::unique_ptr<storage::State> state;
  std::unique_ptr<catalogue::Items> items;
  Bench() {
    state = storage::open_test_state(folder.path() / "state.db");
    std::vector<storage::Migration> migrations;
    for (const auto list : {catalogue::Items::migrations(), catalogue::ItemStatistics::migrations(),
                            FreshArms::migrations(), ShownItems::migrations()}) {
      migrations.insert(migrations.end(), list.begin(), list.end());
    }
    EXPECT_TRUE(state->migrate(migrations));
    items = std::make_unique<catalogue::Items>(*state);
  }
};

TEST(FreshArms, CountsOfProcessesAddUpAndOutliveThem) {
  Bench bench;
  FreshArms one(*bench.state, *bench.items);
  FreshArms other(*bench.state, *bench.items);
  EXPECT_EQ(one.of(kTea).shows, 0);
  for (int i = 0; i < 3; ++i) one.shown(kTea);
  other.shown(kTea);
  other.shown(kCoffee);
  EXPECT_EQ(one.of(kTea).shows, 3);  // before it is written
  ASSERT_TRUE(one.flush());
  ASSERT_TRUE(other.flush());
  EXPECT_EQ(other.of(kTea).shows, 4);
  EXPECT_EQ(one.of(kTea).shows, 3);
  ASSERT_TRUE(one.flush());
  EXPECT_EQ(one.of(kTea).shows, 4);
  EXPECT_EQ(one.of(kCoffee).shows, 1);
  ASSERT_TRUE(one.flush());  // nothing twice
  FreshArms later(*bench.state, *bench.items);
  ASSERT_TRUE(later.flush());
  EXPECT_EQ(later.of(kTea).shows, 4);
  later.shown(kTea);
  EXPECT_EQ(later.of(kTea).shows, 5);
  EXPECT_EQ(later.of(kTea).clicks, 0);
}

TEST(ShownItems, AreTiredAfterSoManyShowsWithinTheWindow) {
  Bench bench;
  const FatigueRule rule{.shows = 3, .window = kDay, .leaves_out = false};
  const PersonId ann("p_ann");
  ShownItems one(*bench.state, rule);
  ShownItems other(*bench.state, rule);
  one.shown(ann, {kTea, kCoffee}, kNow);
  one.shown(ann, {kTea}, kNow + std::chrono::hours(1));
  EXPECT_THAT(*one.tired(ann, kNow + std::chrono::hours(2)), testing::IsEmpty());
  ASSERT_TRUE(one.flush());
  // The third one by another process.
  other.shown(ann, {kTea}, kNow + std::chrono::hours(3));
  EXPECT_THAT(*other.tired(ann, kNow + std::chrono::hours(4)), testing::ElementsAre(kTea));
  EXPECT_THAT(*one.tired(ann, kNow + std::chrono::hours(4)), testing::IsEmpty());
  ASSERT_TRUE(other.flush());
  EXPECT_THAT(*one.tired(ann, kNow + std::chrono::hours(4)), testing::ElementsAre(kTea));
  EXPECT_THAT(*one.tired(PersonId("p_bo"), kNow + kDay), testing::IsEmpty());
  // A day after the first show only two are left.
  EXPECT_THAT(*one.tired(ann, kNow + kDay), testing::IsEmpty());
  // What nobody needs any more goes.
  ASSERT_TRUE(one.tidy(kNow + kDay));
  EXPECT_EQ(bench.state->query("SELECT person FROM recommend_shown")->rows.size(), 1U);
  ASSERT_TRUE(one.tidy(kNow + 3 * kDay));
  EXPECT_EQ(bench.state->query("SELECT person FROM recommend_shown")->rows.size(), 0U);
}

TEST(ShownItems, KeepTheNewestAndOddNames) {
  Bench bench;
  ShownItems shown(*bench.state, {.shows = 2, .window = kDay});
  const PersonId ann("p_ann");
  const ItemRef odd{"product", "茶 壶\t%"};
  const ItemRef broken{"product", "a\nb"};
  for (int i = 0; i < 2; ++i) shown.shown(ann, {odd, broken}, kNow);
  ASSERT_TRUE(shown.flush());
  EXPECT_THAT(*shown.tired(ann, kNow), testing::ElementsAre(odd));
  for (std::size_t i = 0; i < ShownItems::kPerPerson; ++i)
    shown.shown(ann, {{"article", std::to_string(i)}}, kNow);
  EXPECT_THAT(*shown.tired(ann, kNow), testing::ElementsAre(odd));
  ASSERT_TRUE(shown.flush());
  EXPECT_THAT(*shown.tired(ann, kNow), testing::IsEmpty());
}

TEST(ShownItems, DoNothingWithoutARule) {
  Bench bench;
  ShownItems shown(*bench.state, {});
  for (int i = 0; i < 9; ++i) shown.shown(PersonId("p_ann"), {kTea}, kNow);
  ASSERT_TRUE(shown.flush());
  EXPECT_THAT(*shown.tired(PersonId("p_ann"), kNow), testing::IsEmpty());
  EXPECT_EQ(bench.state->query("SELECT person FROM recommend_shown")->rows.size(), 0U);
}

TEST(ShownItems, AnErasedPersonsAreForgotten) {
  Bench bench;
  const FatigueRule rule{.shows = 1};
  ShownItems items(*bench.state, rule);
  const PersonId one("p_one");
  const PersonId other("p_other");
  items.shown(one, {kTea}, kNow);
  items.shown(other, {kTea}, kNow);
  ASSERT_TRUE(items.flush());
  items.shown(one, {kCoffee}, kNow);  // not written yet
  ASSERT_TRUE(items.forget(one));
  ASSERT_TRUE(items.flush());
  EXPECT_THAT(*items.tired(one, kNow), ::testing::IsEmpty());
  EXPECT_THAT(*items.tired(other, kNow), ::testing::ElementsAre(kTea));
}

}  // namespace
}  // namespace zhiyin::server
