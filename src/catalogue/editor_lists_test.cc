#include "catalogue/editor_lists.h"

#include <gmock/gmock.h>

#include "base/file.h"
#include "catalogue/item_statistics.h"
#include "catalogue/items.h"
#include "storage/testing.h"

namespace zhiyin::catalogue {
namespace {

using testing::HasSubstr;

constexpr Instant kNow{1'780'000'000'000'000};

EditorList spring() {
  EditorList list;
  list.id = "spring";
  list.name = "春茶上新";
  list.items = {{"article", "tea-1"}, {"product", "tea-1"}, {"article", "not/known"}};
  list.account = "shop";
  list.valid_from = kNow;
  list.valid_until = kNow + kDay;
  list.share = 0.25;
  return list;
}

std::string field_of(const Result<void>& outcome) { return outcome ? "" : outcome.error().field; }

class EditorListsTest : public testing::Test {
 protected:
  EditorListsTest() {
    state_ = storage::open_test_state(folder_.path() / "state.db");
    std::vector<storage::Migration> all;
    for (const auto& part : {Items::migrations(), ItemStatistics::migrations()})
      all.insert(all.end(), part.begin(), part.end());
    EXPECT_TRUE(state_->migrate(all));
    lists_.emplace(*state_);
  }
  TempFolder folder_;
  std::unique_ptr<storage::State> state_;
  std::optional<EditorLists> lists_;
};

TEST_F(EditorListsTest, WhatWasStoredComesBackWholeWithWhoAndWhen) {
  const auto stored = lists_->put(spring(), std::nullopt, "user:anna", kNow);
  ASSERT_TRUE(stored) << stored.error().text();
  const auto read = lists_->get("spring");
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(read->list, spring());
  EXPECT_EQ(read->version, 1);
  EXPECT_EQ(read->updated_at, kNow);
  EXPECT_EQ(read->updated_by, "user:anna");
  EditorList plain;
  plain.id = "a";
  plain.name = "编辑精选";
  plain.items = {{"article", "1"}};
  ASSERT_TRUE(lists_->put(plain, std::nullopt, "command line", kNow));
  const auto all = lists_->list();
  ASSERT_EQ(all->size(), 2U);
  EXPECT_EQ(all->at(0).list, plain);
  EXPECT_EQ(all->at(1).list.id, "spring");
}

TEST_F(EditorListsTest, VersionsKeepEditorsFromOverwritingEachOther) {
  ASSERT_TRUE(lists_->put(spring(), std::nullopt, "user:anna", kNow));
  EXPECT_EQ(lists_->put(spring(), std::nullopt, "user:ben", kNow).error().code,
            ErrorCode::kConflict);
  EditorList changed = spring();
  changed.name = "夏茶";
  EXPECT_EQ(lists_->put(changed, 1, "user:ben", kNow + kDay)->version, 2);
  const auto late = lists_->put(spring(), 1, "user:anna", kNow);
  EXPECT_EQ(late.error().code, ErrorCode::kConflict);
  EXPECT_THAT(late.error().message, HasSubstr("is at version 2 now"));
  EXPECT_EQ(lists_->get("spring")->list.name, "夏茶");
  EXPECT_EQ(lists_->get("spring")->updated_by, "user:ben");
  changed.id = "other";
  EXPECT_EQ(lists_->put(changed, 1, "user:ben", kNow).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(lists_->remove("spring", 1).error().code, ErrorCode::kConflict);
  ASSERT_TRUE(lists_->remove("spring", 2));
  EXPECT_EQ(lists_->remove("spring", std::nullopt).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(lists_->get("spring").error().code, ErrorCode::kNotFound);
}

TEST_F(EditorListsTest, WhatIsWrongIsRefusedWithItsField) {
  const auto refused = [](auto change) {
    EditorList list = spring();
    change(list);
    return field_of(validate(list));
  };
  EXPECT_EQ(field_of(validate(spring())), "");
  for (const std::string id : {"", "Spring", "-a", "春", "a b", std::string(65, 'a').c_str()})
    EXPECT_EQ(refused([&](EditorList& l) { l.id = id; }), "id") << id;
  EXPECT_EQ(refused([](EditorList& l) { l.name = "  "; }), "name");
  EXPECT_EQ(refused([](EditorList& l) { l.name = "a\nb"; }), "name");
  EXPECT_EQ(refused([](EditorList& l) { l.name = "\xff"; }), "name");
  EXPECT_EQ(refused([](EditorList& l) {
              l.name.clear();
              for (int i = 0; i < 64; ++i) l.name += "茶";
            }),
            "");
  EXPECT_EQ(refused([](EditorList& l) {
              l.name.clear();
              for (int i = 0; i < 65; ++i) l.name += "茶";
            }),
            "name");
  EXPECT_EQ(refused([](EditorList& l) { l.items.clear(); }), "items");
  EXPECT_EQ(refused([](EditorList& l) {
              for (int i = 0; i < 498; ++i) l.items.push_back({"article", std::to_string(i)});
            }),
            "items");
  EXPECT_EQ(refused([](EditorList& l) { l.items[1] = l.items[0]; }), "items[1]");
  EXPECT_EQ(refused([](EditorList& l) { l.items[1].kind = "Article"; }), "items[1].kind");
  EXPECT_EQ(refused([](EditorList& l) { l.items[2].id = ""; }), "items[2].id");
  EXPECT_EQ(refused([](EditorList& l) { l.items[2].id = "a\tb"; }), "items[2].id");
  EXPECT_EQ(refused([](EditorList& l) { l.valid_until = l.valid_from; }), "valid_until");
  for (const double share : {-0.1, 0.51, std::numeric_limits<double>::quiet_NaN()})
    EXPECT_EQ(refused([&](EditorList& l) { l.share = share; }), "share") << share;
  EXPECT_EQ(lists_->put(EditorList(), std::nullopt, "x", kNow).error().code,
            ErrorCode::kInvalidArgument);
}

TEST_F(EditorListsTest, ThereAreAtMostAHundred) {
  EditorList list = spring();
  for (std::size_t i = 0; i < EditorLists::kListsMax; ++i) {
    list.id = fmt::format("list-{}", i);
    ASSERT_TRUE(lists_->put(list, std::nullopt, "x", kNow));
  }
  list.id = "one-more";
  EXPECT_EQ(lists_->put(list, std::nullopt, "x", kNow).error().code, ErrorCode::kLimitReached);
  list.id = "list-7";
  EXPECT_TRUE(lists_->put(list, 1, "x", kNow));
  ASSERT_TRUE(lists_->remove("list-8", std::nullopt));
  list.id = "one-more";
  EXPECT_TRUE(lists_->put(list, std::nullopt, "x", kNow));
}

TEST_F(EditorListsTest, AListIsActiveFromItsFirstMomentUntilItsEnd) {
  EditorList list = spring();
  EXPECT_EQ(state_of(list, kNow - std::chrono::seconds(1)), EditorListState::kUpcoming);
  EXPECT_EQ(state_of(list, kNow), EditorListState::kActive);
  EXPECT_EQ(state_of(list, kNow + kDay), EditorListState::kExpired);
  list.enabled = false;
  EXPECT_EQ(state_of(list, kNow), EditorListState::kDisabled);
  list = {};
  EXPECT_EQ(state_of(list, kNow), EditorListState::kActive);
}

TEST_F(EditorListsTest, TheSnapshotFollowsEachChangeAndIsTheSameBetween) {
  const auto empty = *lists_->snapshot();
  EXPECT_TRUE(empty->lists.empty());
  EXPECT_EQ(*lists_->snapshot(), empty);
  const std::int64_t before = lists_->version();
  ASSERT_TRUE(lists_->put(spring(), std::nullopt, "x", kNow));
  EXPECT_NE(lists_->version(), before);
  const auto one = *lists_->snapshot();
  ASSERT_EQ(one->lists.size(), 1U);
  EXPECT_EQ(one->lists[0], spring());
  EXPECT_TRUE(one->has_accounts);
  EXPECT_TRUE(empty->lists.empty());  // whoever serves from it still may
  ASSERT_TRUE(lists_->remove("spring", std::nullopt));
  EXPECT_TRUE((*lists_->snapshot())->lists.empty());
}

TEST_F(EditorListsTest, WhatAnotherProcessChangesIsNoticedByLooking) {
  EditorLists other(*state_);
  ASSERT_TRUE((*other.snapshot())->lists.empty());
  ASSERT_TRUE(lists_->put(spring(), std::nullopt, "x", kNow));
  EXPECT_TRUE((*other.snapshot())->lists.empty());
  ASSERT_TRUE(other.look());
  EXPECT_EQ((*other.snapshot())->lists.size(), 1U);
  const std::int64_t version = other.version();
  ASSERT_TRUE(other.look());
  EXPECT_EQ(other.version(), version);
  ASSERT_TRUE(lists_->remove("spring", 1));
  ASSERT_TRUE(other.look());
  EXPECT_TRUE((*other.snapshot())->lists.empty());
}

TEST_F(EditorListsTest, AListThatCannotBeReadIsNamedAndTheOthersServeOn) {
  ASSERT_TRUE(lists_->put(spring(), std::nullopt, "x", kNow));
  EditorList broken = spring();
  broken.id = "broken";
  ASSERT_TRUE(lists_->put(broken, std::nullopt, "x", kNow));
  ASSERT_TRUE(state_->write([](storage::Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(
        session.execute("UPDATE editor_list SET definition = '{\"id\"' WHERE id = 'broken'", {}));
    return {};
  }));
  EditorLists later(*state_);
  EXPECT_EQ((*later.snapshot())->lists.size(), 1U);
  EXPECT_EQ(later.list().error().code, ErrorCode::kDataLoss);
  EXPECT_THAT(later.get("broken").error().message, HasSubstr("editors' list broken"));
  ASSERT_TRUE(later.remove("broken", std::nullopt));
  EXPECT_EQ(later.list()->size(), 1U);
}

}  // namespace
}  // namespace zhiyin::catalogue
