#include "catalogue/index_changes.h"

#include <gmock/gmock.h>

#include <functional>

namespace zhiyin::catalogue {
namespace {

using ingest::ItemRef;
using testing::ElementsAre;

constexpr Instant kNow{1'780'000'000'000'000};

IndexedItem item(std::string id) {
  IndexedItem out;
  out.ref = {"product", std::move(id)};
  out.title = "商品";
  out.stock = 5;
  return out;
}

ItemIndex two() { return ItemIndex({item("a"), item("b")}); }

/// b changed; the other is shared.
IndexChanges after(const std::function<void(IndexedItem&)>& change, ItemIndex before = two()) {
  IndexedItem b = *before.find({"product", "b"});
  change(b);
  return changes_between(before, before.with({b}, {}));
}

TEST(IndexChanges, WhatListsDoNotLookAtIsNone) {
  EXPECT_TRUE(changes_between(two(), two()).empty());
  EXPECT_TRUE(after([](IndexedItem&) {}).empty());
  EXPECT_TRUE(after([](IndexedItem& b) { b.stock = 4; }).empty());
  EXPECT_TRUE(after([](IndexedItem& b) { b.stock = {}; }).empty());
  EXPECT_TRUE(after([](IndexedItem& b) { b.url = "https://example.com/b"; }).empty());
}

TEST(IndexChanges, WhatMayBeListedNoLongerIsNamed) {
  const auto is_withdrawn = [](const IndexChanges& changes) {
    return changes.withdrawn == std::vector{ItemRef{"product", "b"}};
  };
  const auto sold_out = after([](IndexedItem& b) { b.stock = 0; });
  EXPECT_TRUE(is_withdrawn(sold_out));
  EXPECT_FALSE(sold_out.more);
  EXPECT_TRUE(is_withdrawn(after([](IndexedItem& b) { b.hidden = true; })));
  EXPECT_TRUE(is_withdrawn(after([](IndexedItem& b) { b.account = "other"; })));
  EXPECT_TRUE(is_withdrawn(after([](IndexedItem& b) { b.valid_from = kNow; })));
  EXPECT_TRUE(is_withdrawn(after([](IndexedItem& b) { b.valid_until = kNow; })));
  const ItemIndex before = two();
  const auto removed = changes_between(before, before.with({}, {{{"product", "b"}}}));
  EXPECT_TRUE(is_withdrawn(removed));
  EXPECT_FALSE(removed.more);
}

TEST(IndexChanges, WhatListsLackIsTold) {
  EXPECT_TRUE(after([](IndexedItem& b) { b.title = "别的"; }).more);
  EXPECT_TRUE(after([](IndexedItem& b) { b.price_fen = 100; }).more);
  EXPECT_TRUE(after([](IndexedItem& b) { b.tags = {{"tag"}}; }).more);
  const ItemIndex before = two();
  const auto joined = changes_between(before, before.with({item("c")}, {}));
  EXPECT_TRUE(joined.more);
  EXPECT_TRUE(joined.withdrawn.empty());
  // In stock again, which the older lists do not know.
  auto sold_out = item("b");
  sold_out.stock = 0;
  const auto back = after([](IndexedItem& b) { b.stock = 1; }, ItemIndex({item("a"), sold_out}));
  EXPECT_TRUE(back.more);
  // As it was when they were made.
  const ItemIndex without = before.with({sold_out}, {});
  EXPECT_TRUE(changes_between(before, without.with({item("b")}, {})).empty());
}

TEST(IndexChanges, LongerValidityWithdrawsNothing) {
  auto limited = item("b");
  limited.valid_from = kNow;
  limited.valid_until = kNow + kDay;
  const ItemIndex before({item("a"), limited});
  const auto longer = after([](IndexedItem& b) { b.valid_until = kNow + 2 * kDay; }, before);
  EXPECT_TRUE(longer.withdrawn.empty());
  EXPECT_TRUE(longer.more);
  EXPECT_THAT(after([](IndexedItem& b) { b.valid_until = kNow + kDay / 2; }, before).withdrawn,
              ElementsAre(ItemRef{"product", "b"}));
}

}  // namespace
}  // namespace zhiyin::catalogue
