// What serving remembers of exploration and of what was shown: over restarts, and over processes.
#include "server/fresh_arms.h"

#include <gmock/gmock.h>

#include <atomic>
#include <random>
#include <thread>

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

/// Whatever happens in whatever order, with memory the answers are those without.
class RandomShows : public testing::TestWithParam<unsigned> {};

TEST_P(RandomShows, AnswersAreThoseOfState) {
  Bench with;
  Bench without;
  const FatigueRule rule{.shows = 2, .window = kDay};
  // Room for about five of eight people.
  ShownItems kept(*with.state, rule, 3000);
  ShownItems plain(*without.state, rule);
  std::mt19937 random(GetParam());
  const auto below = [&](std::size_t n) { return random() % n; };
  Instant now = kNow;
  std::size_t known = 0;
  std::size_t tired = 0;
  for (int step = 0; step < 600; ++step) {
    SCOPED_TRACE(fmt::format("seed {} step {}", GetParam(), step));
    const PersonId person(fmt::format("p_{}", below(8)));
    const auto deed = below(20);
    if (deed < 8) {
      std::vector<ItemRef> items;
      for (std::size_t i = 0; i < 1 + below(30); ++i)
        items.push_back({below(4) == 0 ? "video" : "article", fmt::format("i{}", below(90))});
      if (below(9) == 0) items.push_back({"article", "a\nb"});
      kept.shown(person, items, now);
      plain.shown(person, items, now);
    } else if (deed < 11) {
      ASSERT_TRUE(kept.flush());
      ASSERT_TRUE(plain.flush());
    } else if (deed == 11) {
      ASSERT_TRUE(kept.forget(person));
      ASSERT_TRUE(plain.forget(person));
    } else if (deed == 12) {
      ASSERT_TRUE(kept.tidy(now));
      ASSERT_TRUE(plain.tidy(now));
    } else if (deed < 15) {
      now = now + Duration(static_cast<std::int64_t>(below(12LL * 3'600'000'000)));
    } else {
      const auto expected = plain.tired(person, now);
      ASSERT_TRUE(expected);
      tired += expected->size();
      if (const auto there = kept.known_tired(person, now)) {
        ++known;
        EXPECT_EQ(*there, *expected);
      }
      EXPECT_EQ(*kept.tired(person, now), *expected);
      EXPECT_FALSE(plain.known_tired(person, now));
    }
    EXPECT_LE(kept.counts().bytes, 3000U);
  }
  EXPECT_GT(known, 20U);
  EXPECT_GT(tired, 100U);
}
INSTANTIATE_TEST_SUITE_P(Seeds, RandomShows, testing::Range(1U, 3U));

TEST(ShownItems, AFailedFlushLosesNothing) {
  Bench bench;
  const PersonId ann("p_ann");
  ShownItems shown(*bench.state, {.shows = 2, .window = kDay}, 100'000);
  EXPECT_THAT(*shown.tired(ann, kNow), testing::IsEmpty());
  shown.shown(ann, {kTea, kCoffee}, kNow);
  const auto rename = [&](const char* from, const char* to) {
    EXPECT_TRUE(bench.state->write([&](storage::Session& db) -> Result<void> {
      ZHIYIN_TRY_VOID(db.execute(fmt::format("ALTER TABLE {} RENAME TO {}", from, to)));
      return {};
    }));
  };
  rename("recommend_shown", "elsewhere");
  EXPECT_FALSE(shown.flush());
  shown.shown(ann, {kTea}, kNow);
  EXPECT_THAT(*shown.known_tired(ann, kNow), testing::ElementsAre(kTea));
  rename("elsewhere", "recommend_shown");
  ASSERT_TRUE(shown.flush());
  EXPECT_THAT(*shown.known_tired(ann, kNow), testing::ElementsAre(kTea));
  ShownItems later(*bench.state, {.shows = 2, .window = kDay});
  EXPECT_THAT(*later.tired(ann, kNow), testing::ElementsAre(kTea));
}

/// While rows are written each show counts once: neither twice nor not at all.
TEST(ShownItems, EachShowCountsOnceWhateverIsUnderWay) {
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{100'000}}) {
    Bench bench;
    const PersonId ann("p_ann");
    ShownItems shown(*bench.state, {.shows = 2, .window = kDay}, bytes);
    std::atomic<int> twice{0};  // items shown twice so far
    std::atomic<bool> stop{false};
    std::vector<std::thread> readers;
    for (int r = 0; r < 2; ++r) {
      readers.emplace_back([&] {
        while (!stop.load()) {
          const int before = twice.load();
          const auto tired = shown.tired(ann, kNow);
          ASSERT_TRUE(tired);
          const int after = twice.load() + 1;  // one may be shown at this moment
          EXPECT_GE(static_cast<int>(tired->size()), before);
          EXPECT_LE(static_cast<int>(tired->size()), after);
        }
      });
    }
    for (int i = 0; i < 45; ++i) {
      const ItemRef item{"article", std::to_string(i)};
      shown.shown(ann, {item}, kNow);
      EXPECT_TRUE(shown.flush());
      shown.shown(ann, {item}, kNow);
      twice.store(i + 1);
    }
    stop.store(true);
    for (std::thread& reader : readers) reader.join();
  }
}

}  // namespace
}  // namespace zhiyin::server
