#include "catalogue/item_readings.h"

#include <gmock/gmock.h>

#include <memory>

#include "base/file.h"
#include "catalogue/item_statistics.h"
#include "catalogue/items.h"
#include "storage/open.h"
#include "storage/testing.h"

namespace zhiyin::catalogue {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr Instant kNow{1'780'000'000'000'000};

Item article(std::string id, std::string title, std::string text = "") {
  Item item;
  item.kind = "article";
  item.id = std::move(id);
  item.title = std::move(title);
  item.text = std::move(text);
  return item;
}

class ItemReadingsTest : public testing::Test {
 protected:
  ItemReadingsTest() {
    state_ = storage::open_test_state(folder_.path() / "state.db");
    std::vector<storage::Migration> all;
    for (const auto& part : {Items::migrations(), ItemStatistics::migrations()})
      all.insert(all.end(), part.begin(), part.end());
    EXPECT_TRUE(state_->migrate(all));
    items_ = std::make_unique<Items>(*state_);
    readings_ = std::make_unique<ItemReadings>(*state_);
  }
  std::vector<std::string> unread(std::string_view reader) {
    std::vector<std::string> out;
    const auto found = readings_->unread(reader, 100);
    EXPECT_TRUE(found) << found.error().text();
    for (const UnreadItem& item : *found) out.push_back(item.item.id);
    return out;
  }
  /// Reads all there is; the vector is the text's length.
  void read_all(std::string_view reader) {
    const auto items = *readings_->unread(reader, 100);
    std::vector<ItemReading> readings;
    for (const UnreadItem& item : items)
      readings.push_back({item.item,
                          std::string(1, static_cast<char>(item.text.size())),
                          {"词", "键"},
                          "科技",
                          "",
                          ""});
    ASSERT_TRUE(readings_->put(reader, items, readings));
  }
  std::string group_of(const std::string& id) {
    const auto found = readings_->get({"article", id});
    EXPECT_TRUE(found) << id;
    return found ? found->group : "?";
  }
  TempFolder folder_;
  std::unique_ptr<storage::State> state_;
  std::unique_ptr<Items> items_;
  std::unique_ptr<ItemReadings> readings_;
};

TEST_F(ItemReadingsTest, EveryTextIsReadOnceByEveryReader) {
  ASSERT_TRUE(items_->put({{article("a", "甲", "正文"), article("b", "乙")}}));
  EXPECT_THAT(unread("r1"), ElementsAre("a", "b"));
  EXPECT_EQ((*readings_->unread("r1", 1))[0].text, "甲\n正文");
  read_all("r1");
  EXPECT_THAT(unread("r1"), IsEmpty());
  EXPECT_THAT(unread("r2"), ElementsAre("a", "b"));  // another version of the models

  // A price is no text.
  Item dearer = article("b", "乙");
  dearer.price = Fen{5};
  ASSERT_TRUE(items_->put({{dearer}}));
  EXPECT_THAT(unread("r1"), IsEmpty());
  ASSERT_TRUE(items_->put({{article("a", "甲", "别的")}}));
  EXPECT_THAT(unread("r1"), ElementsAre("a"));
}

TEST_F(ItemReadingsTest, WhatWasReadServesAfterTheAnnouncement) {
  ASSERT_TRUE(items_->put({{article("a", "甲"), article("b", "乙")}}));
  const auto before = *items_->index();
  read_all("e|1");
  ASSERT_EQ(*readings_->announced(), 0);
  ASSERT_TRUE(readings_->announce());
  EXPECT_EQ(*readings_->announced(), 1);
  items_->refresh();
  const auto index = *items_->index();
  EXPECT_THAT(index->find({"article", "a"})->keywords, ElementsAre("词", "键"));
  EXPECT_EQ(index->find({"article", "b"})->topic, "科技");
  EXPECT_THAT(before->find({"article", "a"})->keywords, IsEmpty());
  const auto found = readings_->vectors("e");
  ASSERT_TRUE(found) << found.error().text();
  const auto& vectors = *found;
  ASSERT_EQ(vectors.size(), 2U);
  EXPECT_EQ(vectors[0].item.id, "a");
  EXPECT_EQ(vectors[0].values, std::string(1, 3));
  EXPECT_THAT(*readings_->vectors("f"), IsEmpty());
}

TEST_F(ItemReadingsTest, RemovedItemsTakeTheirReadingWithThem) {
  ASSERT_TRUE(items_->put({{article("a", "甲"), article("b", "乙")}}));
  const auto items = *readings_->unread("r", 10);
  ASSERT_TRUE(items_->remove({"article", "b"}));
  std::vector<ItemReading> readings(items.size());
  ASSERT_TRUE(readings_->put("r", items, readings));
  EXPECT_TRUE(readings_->get({"article", "a"}));
  EXPECT_EQ(readings_->get({"article", "b"}).error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(items_->remove({"article", "a"}));
  EXPECT_EQ(readings_->get({"article", "a"}).error().code, ErrorCode::kNotFound);
}

TEST_F(ItemReadingsTest, NearlyTheSameTextsAreOneGroupUnderTheFirst) {
  const std::string text =
      "秋天来了，城里的公园里银杏叶开始变黄，周末适合带着家人去散步，记得多带一件外套，早晚温差比较"
      "大。";
  Item first = article("z", "秋游指南", text);
  first.published_at = kNow - kDay;
  Item copy = article("a", "秋游指南", text + "！");
  copy.published_at = kNow;
  Item again = article("c", "【秋游指南】", text);
  // Lessons differ by their numbers alone.
  ASSERT_TRUE(items_->put({{first, copy, again, article("l1", "英语口语入门课程第1课", text),
                            article("l2", "英语口语入门课程第2课", text), article("x", "别的")}}));
  read_all("r");
  EXPECT_EQ(*readings_->group_duplicates(), 3U);
  for (const auto* id : {"z", "a", "c"}) EXPECT_EQ(group_of(id), "z") << id;
  for (const auto* id : {"l1", "l2", "x"}) EXPECT_EQ(group_of(id), "") << id;
  EXPECT_EQ(*readings_->group_duplicates(), 0U);

  // Reading again leaves the groups; what is rewritten leaves its own.
  ASSERT_TRUE(items_->put(
      {{article("z", "全新的标题", "没有一句与以前相同的话，内容说的是冬天滑雪的装备。")}}));
  read_all("r");
  EXPECT_EQ(group_of("z"), "z");
  EXPECT_EQ(*readings_->group_duplicates(), 3U);
  EXPECT_EQ(group_of("z"), "");
  EXPECT_EQ(group_of("a"), "a");
  EXPECT_EQ(group_of("c"), "a");
}

TEST_F(ItemReadingsTest, LongTextsAreCutBetweenCharacters) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "长";
  ASSERT_TRUE(items_->put({{article("a", "甲", text)}}));
  const auto found = *readings_->unread("r", 1);
  EXPECT_LE(found[0].text.size(), kReadBytesMax);
  EXPECT_TRUE(found[0].text.ends_with("长"));
}

}  // namespace
}  // namespace zhiyin::catalogue
