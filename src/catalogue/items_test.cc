#include "catalogue/items.h"

#include <gmock/gmock.h>

#include <functional>
#include <map>
#include <random>
#include <set>

#include "base/file.h"
#include "catalogue/item_readings.h"
#include "catalogue/item_statistics.h"
#include "storage/open.h"
#include "storage/testing.h"

namespace zhiyin::catalogue {
namespace {

using ingest::ItemRef;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr Instant kNow{1'780'000'000'000'000};

Item product(std::string id, std::vector<std::string> tags = {}) {
  Item item;
  item.kind = "product";
  item.id = std::move(id);
  item.title = "商品 " + item.id;
  item.tags = std::move(tags);
  item.price = Fen{1990};
  return item;
}

class ItemsTest : public testing::Test {
 protected:
  ItemsTest() {
    state_ = storage::open_test_state(folder_.path() / "state.db");
    std::vector<storage::Migration> all;
    for (const auto& part : {Items::migrations(), ItemStatistics::migrations()})
      all.insert(all.end(), part.begin(), part.end());
    EXPECT_TRUE(state_->migrate(all));
    items_ = std::make_unique<Items>(*state_);
  }
  TempFolder folder_;
  std::unique_ptr<storage::State> state_;
  std::unique_ptr<Items> items_;
};

TEST_F(ItemsTest, WhatWasPutComesBackWhole) {
  Item item = product("p1", {"手机", "数码"});
  item.text = "全文";
  item.category = "数码";
  item.author = "小店";
  item.stock = 3;
  item.valid_from = kNow;
  item.valid_until = kNow + kDay;
  item.published_at = kNow - kDay;
  item.url = "https://example.com/p1";
  item.cover = "https://example.com/p1.jpg";
  item.account = "shop";
  ASSERT_TRUE(items_->put({{item}}));
  EXPECT_EQ(*items_->get({"product", "p1"}), item);
  EXPECT_EQ(items_->get({"product", "p2"}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(items_->get({"article", "p1"}).error().code, ErrorCode::kNotFound);
}

TEST_F(ItemsTest, JsonOfAnItemReadsBack) {
  const Item item = product("p1", {"数码"});
  EXPECT_EQ(*from_json<Item>(to_json(item)), item);
  const auto wrong = from_json<Item>(*parse_json(R"({"kind":"product","id":"1","titel":"x"})"));
  EXPECT_THAT(wrong.error().text(), HasSubstr("did you mean 'title'"));
}

TEST_F(ItemsTest, OneWrongItemRefusesAllAndIsNamed) {
  Item wrong = product("p2");
  wrong.price = Fen{-1};
  const auto put = items_->put({{product("p1"), wrong}});
  EXPECT_EQ(put.error().field, "items[1].price");
  EXPECT_EQ(*items_->count(), 0);
}

TEST_F(ItemsTest, RulesAreChecked) {
  const auto field_of = [](const Item& item) { return validate(item).error().field; };
  Item item = product("p");
  item.kind = "movie";
  EXPECT_EQ(field_of(item), "kind");
  item = product("");
  EXPECT_EQ(field_of(item), "id");
  item = product("p\n1");
  EXPECT_EQ(field_of(item), "id");
  item = product("p");
  item.kind = "Bad Kind\x01";
  EXPECT_EQ(field_of(item), "kind");
  EXPECT_THAT(validate(item).error().message, HasSubstr("does not match"));
  for (const char* nothing : {"", "  "}) {
    item = product("p");
    item.title = nothing;
    EXPECT_EQ(field_of(item), "title");
  }
  item = product("p", {"a", "b", "a"});
  EXPECT_EQ(field_of(item), "tags[2]");
  item = product("p");
  item.url = "javascript:alert(1)";
  EXPECT_EQ(field_of(item), "url");
  item = product("p");
  item.valid_from = item.valid_until = kNow;
  EXPECT_EQ(field_of(item), "valid_until");
  item = product("p");
  item.title = "\xff";
  EXPECT_EQ(field_of(item), "title");
}

TEST_F(ItemsTest, PagesCoverEverythingOnceAndFiltersNarrow) {
  std::vector<Item> all;
  for (int i = 0; i < 25; ++i)
    all.push_back(product(fmt::format("p{:02}", i), {i % 2 == 0 ? "even" : "odd"}));
  ASSERT_TRUE(items_->put(all));
  std::vector<std::string> seen;
  std::string after;
  for (int page = 0; page < 10; ++page) {
    const auto got = items_->list({}, after, 10);
    ASSERT_TRUE(got);
    for (const Item& item : got->items) seen.push_back(item.id);
    if (!got->next) break;
    after = *got->next;
  }
  EXPECT_EQ(seen.size(), 25U);
  EXPECT_TRUE(std::ranges::is_sorted(seen));
  EXPECT_EQ(items_->list({.tag = "odd"}, "", 1000)->items.size(), 12U);
  EXPECT_EQ(items_->list({.kind = "article"}, "", 10)->items.size(), 0U);
  EXPECT_EQ(items_->list({.text = "品 p07"}, "", 10)->items.size(), 1U);
  EXPECT_EQ(items_->list({.text = "%"}, "", 10)->items.size(), 0U);
  EXPECT_FALSE(items_->list({}, "nonsense", 10));
  EXPECT_FALSE(items_->list({}, "", 0));
}

TEST_F(ItemsTest, IndexIsTheSameUntilSomethingChanges) {
  ASSERT_TRUE(items_->put({{product("p1", {"b", "a"})}}));
  const auto before = *items_->index();
  EXPECT_EQ(*items_->index(), before);
  ASSERT_TRUE(items_->put({{product("p1", {"c"})}}));
  const auto after = *items_->index();
  EXPECT_NE(after, before);
  EXPECT_THAT(before->tags({"product", "p1"}), ElementsAre(ItemTag{"a", 1000}, ItemTag{"b", 1000}));
  EXPECT_THAT(after->tags({"product", "p1"}), ElementsAre(ItemTag{"c", 1000}));
  EXPECT_TRUE(after->tags({"product", "none"}).empty());
  EXPECT_EQ(after->title({"product", "p1"}), "商品 p1");
  ASSERT_TRUE(items_->remove({"product", "p1"}));
  EXPECT_EQ((*items_->index())->find({"product", "p1"}), nullptr);
  EXPECT_EQ(items_->remove({"product", "p1"}).error().code, ErrorCode::kNotFound);
}

TEST_F(ItemsTest, TheIndexIsAtLeastAsNewAsTheChangeThatIsAskedFor) {
  ASSERT_TRUE(items_->put({{product("p1", {})}}));
  EXPECT_EQ((*items_->index())->items().size(), 1U);
  Items of_another_process(*state_);
  ASSERT_TRUE(of_another_process.put({{product("p2", {})}}));
  const auto newest = items_->newest_change();
  ASSERT_TRUE(newest);
  EXPECT_EQ((*items_->index(*newest))->items().size(), 2U);
  EXPECT_EQ(*items_->index(*newest), *items_->index(*newest));
}

TEST_F(ItemsTest, AnIndexThatFollowsChangesIsWhatReadingAllWouldBe) {
  std::mt19937_64 random(1);
  const auto below = [&](std::uint64_t n) { return random() % n; };
  ItemReadings readings(*state_);
  std::size_t shared = 0;
  for (int round = 0; round < 300; ++round) {
    const auto before = *items_->index();
    for (std::uint64_t step = below(4); step > 0; --step) {
      const std::string id = fmt::format("p{}", below(40));
      const ItemRef ref{"product", id};
      switch (below(6)) {
        case 0:
          // Unknown ones are refused.
          static_cast<void>(items_->remove(ref));
          break;
        case 1:
          static_cast<void>(items_->hide(ref, below(2) == 0, kNow));
          break;
        case 2: {
          auto unread = *readings.unread("reader", 3);
          std::vector<ItemReading> read;
          for (const UnreadItem& one : unread)
            read.push_back({one.item, "", {fmt::format("word{}", below(9))}, "topic", "", ""});
          ASSERT_TRUE(readings.put("reader", unread, read));
          ASSERT_TRUE(readings.announce());
          items_->refresh();
          break;
        }
        default: {
          Item item = product(id, {fmt::format("tag{}", below(5))});
          item.stock = static_cast<std::int64_t>(below(3));
          ASSERT_TRUE(items_->put({{std::move(item)}}));
        }
      }
    }
    const auto followed = *items_->index();
    const auto whole = *Items(*state_).index();
    ASSERT_EQ(followed->items().size(), whole->items().size());
    for (std::size_t i = 0; i < whole->items().size(); ++i) {
      const auto& entry = followed->items()[i];
      ASSERT_EQ(*entry, *whole->items()[i]) << round;
      ASSERT_EQ(followed->find(entry->ref), entry.get());
      shared += before->find(entry->ref) == entry.get() ? 1 : 0;
    }
  }
  // Most of them stayed what they were.
  EXPECT_GT(shared, 3000U);
}

/// Does something else before a batch arrives.
class Slow final : public storage::NoWarehouse {
 public:
  std::function<void()> before = [] {};
  std::map<std::string, std::string> titles;
  std::set<std::string> batches;
  Result<void> insert(const storage::Table& table, std::span<const storage::Row> rows,
                      std::string_view id) override {
    if (table.name != "items") return {};
    std::exchange(before, [] {})();
    if (!batches.emplace(id).second) return {};
    for (const storage::Row& row : rows)
      titles[std::string(storage::as_text(row[1]))] = storage::as_text(row[2]);
    return {};
  }
};

TEST_F(ItemsTest, OfTwoThatCopyIntoTheWarehouseTheNewerRowsStay) {
  Slow warehouse;
  Item item = product("p1", {});
  item.title = "old";
  ASSERT_TRUE(items_->put({{item}}));
  warehouse.before = [&] {  // after the old row was read, before it arrives
    item.title = "new";
    Items other(*state_);
    ASSERT_TRUE(other.put({{item}}));
    ASSERT_TRUE(other.sync_to_warehouse(warehouse));
    EXPECT_EQ(warehouse.titles["p1"], "new");
  };
  ASSERT_TRUE(items_->sync_to_warehouse(warehouse));
  EXPECT_EQ(warehouse.titles["p1"], "new");
  const std::size_t batches = warehouse.batches.size();
  ASSERT_TRUE(items_->sync_to_warehouse(warehouse));
  EXPECT_EQ(warehouse.batches.size(), batches);
}

TEST_F(ItemsTest, AvailabilityFollowsValidityAndStock) {
  Item item = product("p1");
  item.valid_from = kNow;
  item.valid_until = kNow + kDay;
  item.stock = 1;
  Item sold_out = product("p2");
  sold_out.stock = 0;
  ASSERT_TRUE(items_->put({{item, sold_out}}));
  const auto index = *items_->index();
  EXPECT_FALSE(index->available({"product", "p1"}, kNow - Duration(1)));
  EXPECT_TRUE(index->available({"product", "p1"}, kNow));
  EXPECT_FALSE(index->available({"product", "p1"}, kNow + kDay));
  EXPECT_FALSE(index->available({"product", "p2"}, kNow));
  EXPECT_FALSE(index->available({"product", "p3"}, kNow));
}

TEST_F(ItemsTest, HiddenItemsStayHiddenUntilTheyAreLetBack) {
  ASSERT_TRUE(items_->put({{product("a"), product("b")}}));
  const auto before = items_->newest_change();
  ASSERT_TRUE(items_->hide({"product", "a"}, true, kNow));
  ASSERT_TRUE(items_->hide({"product", "a"}, true, kNow));  // twice is once
  EXPECT_GT(*items_->newest_change(), *before);             // other processes hear of it
  EXPECT_FALSE((*items_->index())->available({"product", "a"}, kNow));
  EXPECT_TRUE((*items_->index())->available({"product", "b"}, kNow));
  ASSERT_TRUE(items_->put({{product("a", {"again"})}}));  // an import brings it again
  EXPECT_TRUE((*items_->index())->find({"product", "a"})->hidden);
  ASSERT_TRUE(items_->hide({"product", "a"}, false, kNow));
  EXPECT_TRUE((*items_->index())->available({"product", "a"}, kNow));
  // What is removed, and comes back later, is another item.
  ASSERT_TRUE(items_->hide({"product", "a"}, true, kNow));
  ASSERT_TRUE(items_->remove({"product", "a"}));
  ASSERT_TRUE(items_->put({{product("a")}}));
  EXPECT_FALSE((*items_->index())->find({"product", "a"})->hidden);
  EXPECT_EQ(items_->hide({"product", "c"}, true, kNow).error().code, ErrorCode::kNotFound);
}

TEST_F(ItemsTest, WarehouseHearsOfChangesAndOfTagsTakenAway) {
  auto warehouse = storage::open_warehouse("duckdb:" + (folder_.path() / "w.duckdb").string(), 100,
                                           null_logger());
  ASSERT_TRUE(warehouse) << warehouse.error().text();
  ASSERT_TRUE(items_->put({{product("p1", {"a", "b"}), product("p2", {"a"})}}));
  EXPECT_EQ(*items_->sync_to_warehouse(**warehouse), 2U);
  EXPECT_EQ(*items_->sync_to_warehouse(**warehouse), 0U);
  ASSERT_TRUE(items_->put({{product("p1", {"b"})}}));
  ASSERT_TRUE(items_->remove({"product", "p2"}));
  EXPECT_EQ(*items_->sync_to_warehouse(**warehouse), 1U);
  const auto rows =
      (*warehouse)
          ->query("SELECT item_id, tag FROM item_tags WHERE weight > 0 ORDER BY item_id, tag");
  ASSERT_TRUE(rows) << rows.error().text();
  ASSERT_EQ(rows->rows.size(), 1U);
  EXPECT_EQ(storage::as_text(rows->rows[0][0]), "p1");
  EXPECT_EQ(storage::as_text(rows->rows[0][1]), "b");
  EXPECT_EQ(storage::as_int((*warehouse)->query("SELECT COUNT(*) FROM items")->rows[0][0]), 2);
}

ingest::LoggedEvent touch(std::string kind, std::string item, std::int64_t value, Instant at) {
  ingest::LoggedEvent logged;
  logged.event.identities.resize(1);
  logged.event.kind = std::move(kind);
  logged.event.item = ingest::ItemRef{"article", std::move(item)};
  logged.event.value = value;
  logged.event.occurred_at = at;
  return logged;
}

TEST_F(ItemsTest, StatisticsAddUpOverBatchesInAnyOrder) {
  ItemStatistics statistics;
  const auto apply = [&](const std::vector<ingest::LoggedEvent>& batch) {
    ASSERT_TRUE(
        state_->write([&](storage::Session& session) { return statistics.apply(session, batch); }));
  };
  apply({touch("read", "a", 30, kNow), touch("read", "a", 12, kNow - kDay),
         touch("like", "a", 1, kNow)});
  apply({touch("read", "a", 8, kNow - kDay * 2), touch("read", "b", 5, kNow)});
  ASSERT_TRUE(state_->read([&](storage::Session& session) -> Result<void> {
    const auto of_a = statistics_of(session, {"article", "a"});
    EXPECT_EQ(of_a->size(), 2U);
    EXPECT_EQ((*of_a)[1].count, 3);
    EXPECT_EQ((*of_a)[1].sum, 50);
    EXPECT_EQ((*of_a)[1].first_at, kNow - kDay * 2);
    EXPECT_EQ((*of_a)[1].last_at, kNow);
    const auto popular = most_popular(session, "read", "article", 10);
    EXPECT_EQ(popular->size(), 2U);
    EXPECT_EQ((*popular)[0].item.id, "a");
    EXPECT_TRUE(most_popular(session, "read", "product", 10)->empty());
    return {};
  }));
}

}  // namespace
}  // namespace zhiyin::catalogue
