#include "server/item_overview.h"

#include <gtest/gtest.h>

namespace zhiyin::server {
namespace {

constexpr Instant kNow{1'700'000'000'000'000};

catalogue::IndexedItem item(const char* kind, const char* id, const char* title) {
  catalogue::IndexedItem out;
  out.ref = {kind, id};
  out.title = title;
  return out;
}

catalogue::ItemIndex library() {
  std::vector<catalogue::IndexedItem> items = {
      item("article", "a1", "春日露营"), item("article", "a2", "Camping Guide"),
      item("article", "a3", "手冲咖啡"), item("product", "p1", "露营椅"),
      item("product", "p2", "咖啡壶")};
  items[0].tags = {{"户外", 1000}};
  items[0].category = "生活";
  items[1].valid_until = kNow;
  items[2].valid_from = kNow + kDay;
  items[3].price_fen = 9900;
  items[3].stock = 0;
  items[3].valid_until = kNow - kDay;
  return catalogue::ItemIndex(std::move(items));
}

std::vector<std::string> ids(const ItemSelectionPage& page) {
  std::vector<std::string> out;
  for (const auto* one : page.items) out.push_back(one->ref.id);
  return out;
}

TEST(ItemOverview, StatusSaysWhyAnItemIsNotListed) {
  const auto index = library();
  const auto status = [&](const char* kind, const char* id) {
    return name_of(status_of(*index.find({kind, id}), kNow));
  };
  EXPECT_EQ(status("article", "a1"), "available");
  EXPECT_EQ(status("article", "a2"), "expired");
  EXPECT_EQ(status("article", "a3"), "upcoming");
  EXPECT_EQ(status("product", "p1"), "out_of_stock");
  for (const char* name : {"available", "upcoming", "expired", "out_of_stock", "hidden"})
    EXPECT_EQ(name_of(*item_status_of(name)), name);
  EXPECT_EQ(item_status_of("lost").error().field, "status");
  auto hidden = item("article", "a4", "下架");
  hidden.hidden = true;
  hidden.stock = 0;
  EXPECT_EQ(name_of(status_of(hidden, kNow)), "hidden");
  // It agrees with what serving asks.
  for (const auto& one : index.items()) {
    EXPECT_EQ(status_of(*one, kNow) == ItemStatus::kAvailable, index.available(one->ref, kNow));
  }
}

TEST(ItemOverview, SelectsByWhatIsAskedAndCountsTheRest) {
  const auto index = library();
  const auto select = [&](ItemSelection s) { return *select_items(index, s, "", 10, kNow); };
  EXPECT_EQ(ids(select({})).size(), 5U);
  EXPECT_EQ(ids(select({.kind = "product"})), (std::vector<std::string>{"p1", "p2"}));
  EXPECT_EQ(ids(select({.text = "露营"})), (std::vector<std::string>{"a1", "p1"}));
  EXPECT_EQ(ids(select({.text = "camping"})), (std::vector<std::string>{"a2"}));
  EXPECT_EQ(ids(select({.text = "P2"})), (std::vector<std::string>{"p2"}));
  EXPECT_EQ(ids(select({.tag = "户外"})), (std::vector<std::string>{"a1"}));
  EXPECT_EQ(ids(select({.category = "生活"})), (std::vector<std::string>{"a1"}));
  const auto upcoming = select({.kind = "article", .status = ItemStatus::kUpcoming});
  EXPECT_EQ(ids(upcoming), (std::vector<std::string>{"a3"}));
  EXPECT_EQ(upcoming.total, 1U);
  // The choices beside the chosen ones.
  EXPECT_EQ(upcoming.by_status.at("available"), 1U);
  EXPECT_EQ(upcoming.by_status.at("out_of_stock"), 0U);
  EXPECT_EQ(upcoming.by_kind, (std::map<std::string, std::size_t>{{"article", 1}}));
}

TEST(ItemOverview, PagesFollowEachOther) {
  const auto index = library();
  std::vector<std::string> all;
  std::string after;
  for (int pages = 0; pages < 3; ++pages) {
    const auto page = *select_items(index, {}, after, 2, kNow);
    for (const auto& id : ids(page)) all.push_back(id);
    EXPECT_EQ(page.total, 5U);
    EXPECT_EQ(page.next.has_value(), pages < 2);
    after = page.next.value_or("");
  }
  EXPECT_EQ(all, (std::vector<std::string>{"a1", "a2", "a3", "p1", "p2"}));
  for (const char* bad : {"a1", "/a1", "article/"})
    EXPECT_EQ(select_items(index, {}, bad, 2, kNow).error().field, "after");
}

TEST(ItemOverview, ConversionIsOfThoseWhoDealtWithIt) {
  const auto index = library();
  const auto& chair = *index.find({"product", "p1"});
  const std::vector<catalogue::ItemStat> statistics = {
      {chair.ref, "purchase", 3, 29'700, kNow - 2 * kDay, kNow - kDay},
      {chair.ref, "show", 50, 50, kNow - 3 * kDay, kNow},
      {chair.ref, "touch.sent", 7, 7, kNow, kNow + kDay}};
  const Json sold =
      overview_json(chair, statistics, {.dealt = 40, .reacted = 8, .bought = 2}, kNow);
  EXPECT_EQ(sold["status"].string_or(""), "out_of_stock");
  EXPECT_EQ(sold["shown"].int_or(0), 50);
  EXPECT_EQ(sold["last_at"], to_json(kNow - kDay));
  EXPECT_EQ(sold["sums"]["purchase"].int_or(0), 29'700);
  EXPECT_FALSE(sold["events"].find("show"));
  EXPECT_EQ(sold["conversion"]["of"].string_or(""), "bought");
  EXPECT_DOUBLE_EQ(sold["conversion"]["share"].number_or(0), 0.05);
  EXPECT_LT(sold["conversion"]["low"].number_or(1), 0.05);
  EXPECT_GT(sold["conversion"]["high"].number_or(0), 0.05);
  const auto& article = *index.find({"article", "a1"});
  const Json read = overview_json(article, {}, {.dealt = 40, .reacted = 8}, kNow);
  EXPECT_EQ(read["conversion"]["of"].string_or(""), "reacted");
  EXPECT_TRUE(read["last_at"].is_null());
  EXPECT_TRUE(overview_json(article, {}, {}, kNow)["conversion"].is_null());
}

}  // namespace
}  // namespace zhiyin::server
