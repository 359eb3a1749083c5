#include <gmock/gmock.h>

#include <atomic>
#include <functional>
#include <thread>

#include "base/file.h"
#include "catalogue/item_statistics.h"
#include "server/recommendations.h"
#include "storage/migrations.h"
#include "storage/open.h"
#include "storage/sqlite_state.h"

namespace zhiyin::server {
namespace {

using testing::ElementsAre;

constexpr Instant kNow{1'780'000'000'000'000};

/// Newer ones have later names.
catalogue::Item course(std::string id) {
  catalogue::Item item;
  item.kind = "course";
  item.id = std::move(id);
  item.title = "课程 " + item.id;
  item.published_at = kNow + Duration(item.id[0]) - kDay;
  item.stock = 3;
  return item;
}

class CatalogueChangesTest : public testing::Test {
 protected:
  void open(std::chrono::nanoseconds quick_build) {
    auto state = storage::open_sqlite_state(folder_.path() / "state.db");
    ASSERT_TRUE(state.has_value()) << state.error().text();
    state_ = std::move(*state);
    auto tables = storage::migrations();
    for (const auto& part : {model::Registry::migrations(), catalogue::Items::migrations(),
                             catalogue::ItemStatistics::migrations(), FreshArms::migrations(),
                             ShownItems::migrations()})
      tables.insert(tables.end(), part.begin(), part.end());
    ASSERT_TRUE(state_->migrate(tables).has_value());
    auto log =
        storage::open_event_log("sqlite:" + (folder_.path() / "log.db").string(), null_logger());
    ASSERT_TRUE(log.has_value()) << log.error().text();
    log_ = std::move(*log);
    registry_ = std::make_unique<model::Registry>(*state_);
    items_ = std::make_unique<catalogue::Items>(*state_);
    Recommendations::Settings settings;
    settings.quick_build = quick_build;
    lists_ = std::make_unique<Recommendations>(*registry_, *items_, *log_, *state_, null_logger(),
                                               settings, nullptr);
    put({course("a"), course("b"), course("c")});
  }
  void put(std::vector<catalogue::Item> items) { ASSERT_TRUE(items_->put(items)); }
  void set_stock(std::string id, std::int64_t stock) {
    catalogue::Item item = course(std::move(id));
    item.stock = stock;
    put({std::move(item)});
  }
  Recommendations::Answer answer() {
    recommend::RecommendRequest request;
    request.now = kNow;
    auto answer = lists_->common(Recommendations::Common::kLatest, {}, request,
                                 {.account = "", .record = false});
    EXPECT_TRUE(answer.has_value()) << answer.error().text();
    return answer ? *answer : Recommendations::Answer();
  }
  std::vector<std::string> newest() {
    std::vector<std::string> out;
    for (const auto& item : answer().response.items) out.push_back(item.item.id);
    return out;
  }
  /// Stores a version and makes it the active one.
  std::string activate() {
    const auto saved = registry_->save({std::string(recommend::RecommendModel::kKind),
                                        {},
                                        {},
                                        {},
                                        recommend::RecommendModel().encode()},
                                       kNow);
    EXPECT_TRUE(saved.has_value()) << saved.error().text();
    lists_->forget_model();
    return saved ? saved->id : "";
  }
  /// What the thread for it does; it leaves pauses.
  void catch_up_until(const std::function<bool()>& done) {
    constexpr int kMany = 1'000'000;
    for (int i = 0; i < kMany && !done(); ++i) ASSERT_TRUE(lists_->catch_up());
    ASSERT_TRUE(done());
  }
  void catch_up_until_listed(std::string_view id) {
    catch_up_until([&] {
      const auto listed = newest();
      return std::ranges::find(listed, id) != listed.end();
    });
  }

  TempFolder folder_;
  std::unique_ptr<storage::State> state_;
  std::unique_ptr<storage::EventLog> log_;
  std::unique_ptr<model::Registry> registry_;
  std::unique_ptr<catalogue::Items> items_;
  std::unique_ptr<Recommendations> lists_;
};

TEST_F(CatalogueChangesTest, ASmallCatalogueIsFollowedByTheNextList) {
  open(std::chrono::hours(1));
  EXPECT_THAT(newest(), ElementsAre("c", "b", "a"));
  put({course("d")});
  EXPECT_THAT(newest(), ElementsAre("d", "c", "b", "a"));
  set_stock("b", 0);
  EXPECT_THAT(newest(), ElementsAre("d", "c", "a"));
  set_stock("b", 1);
  EXPECT_THAT(newest(), ElementsAre("d", "c", "b", "a"));
}

TEST_F(CatalogueChangesTest, WhatMayBeListedNoLongerVanishesAtOnceFromALargeCatalogue) {
  open(std::chrono::nanoseconds(0));
  EXPECT_THAT(newest(), ElementsAre("c", "b", "a"));
  set_stock("b", 0);
  EXPECT_THAT(newest(), ElementsAre("c", "a"));
  ASSERT_TRUE(items_->hide({"course", "c"}, true, kNow));
  EXPECT_THAT(newest(), ElementsAre("a"));
  ASSERT_TRUE(items_->remove({"course", "a"}));
  EXPECT_THAT(newest(), ElementsAre());
  // In stock as when the lists were made: nothing is to be made anew.
  set_stock("b", 7);
  EXPECT_THAT(newest(), ElementsAre("b"));
  // Sold out again, while something new waits.
  set_stock("b", 0);
  put({course("d")});
  EXPECT_THAT(newest(), ElementsAre());
  catch_up_until_listed("d");
  EXPECT_THAT(newest(), ElementsAre("d"));
  set_stock("b", 1);
  EXPECT_THAT(newest(), ElementsAre("d"));
  catch_up_until_listed("b");
  EXPECT_THAT(newest(), ElementsAre("d", "b"));
}

TEST_F(CatalogueChangesTest, WhoLooksIntoListsSeesAllThatChanged) {
  open(std::chrono::nanoseconds(0));
  EXPECT_THAT(newest(), ElementsAre("c", "b", "a"));
  put({course("d")});
  set_stock("a", 0);
  const auto serving = lists_->serving();
  ASSERT_TRUE(serving);
  const recommend::CandidateIndex& candidates = (*serving)->candidates();
  EXPECT_NE(candidates.find({"course", "d"}), recommend::CandidateIndex::kNone);
  EXPECT_FALSE(candidates.may_be_shown(candidates.find({"course", "a"}), kNow));
  EXPECT_THAT(newest(), ElementsAre("d", "c", "b"));
}

TEST_F(CatalogueChangesTest, AVersionServesALargeCatalogueWhenItsListsCanBeMade) {
  open(std::chrono::nanoseconds(0));
  EXPECT_EQ(answer().model_id, "none");
  const std::string first = activate();
  // No list waits for a version to be read.
  EXPECT_EQ(answer().model_id, "none");
  catch_up_until([&] { return answer().model_id == first; });
  // Whoever looks for trouble reads it, and then it must not be forgotten.
  const std::string second = activate();
  ASSERT_TRUE(lists_->troubles());
  EXPECT_EQ(answer().model_id, first);
  catch_up_until([&] { return answer().model_id == second; });
}

TEST_F(CatalogueChangesTest, AVersionServesASmallCatalogueWithTheNextList) {
  open(std::chrono::hours(1));
  EXPECT_EQ(answer().model_id, "none");
  const std::string version = activate();
  EXPECT_EQ(answer().model_id, version);
}

TEST_F(CatalogueChangesTest, WhatIsAskedForFirstOfAllIsJoinedWithWhatThereIs) {
  open(std::chrono::nanoseconds(0));
  const auto joined =
      lists_->joined(std::make_shared<const recommend::RecommendModel>(), "recommend-7");
  ASSERT_TRUE(joined) << joined.error().text();
  EXPECT_EQ((*joined)->model_id(), "recommend-7");
  EXPECT_EQ(newest().size(), 3);
}

TEST_F(CatalogueChangesTest, OfSeveralThatMakeListsReadyNoneUndoesTheOther) {
  open(std::chrono::nanoseconds(0));
  EXPECT_EQ(answer().model_id, "none");
  std::atomic<bool> ends = false;
  const auto repeat = [&](auto what) {
    return std::thread([&ends, what] {
      while (!ends.load()) what();
    });
  };
  std::vector<std::thread> others;
  for (int i = 0; i < 2; ++i) others.push_back(repeat([this] { EXPECT_TRUE(lists_->serving()); }));
  others.push_back(repeat([this] { EXPECT_TRUE(lists_->catch_up()); }));
  for (int round = 0; round < 20; ++round) {
    const std::string version = activate();
    catch_up_until([&] { return answer().model_id == version; });
    const std::string id(1, static_cast<char>('d' + round));  // the newest of all
    put({course(id)});
    catch_up_until_listed(id);
  }
  ends.store(true);
  for (std::thread& other : others) other.join();
}

}  // namespace
}  // namespace zhiyin::server
