#include "server/item_reader.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "catalogue/item_statistics.h"
#include "model/classify/train_text.h"
#include "storage/migrations.h"
#include "storage/open.h"
#include "storage/sqlite_state.h"

namespace zhiyin::server {
namespace {

catalogue::Item article(std::string id, std::string title, std::string text = "") {
  catalogue::Item item;
  item.kind = "article";
  item.id = std::move(id);
  item.title = std::move(title);
  item.text = std::move(text);
  return item;
}

/// Two topics by their words.
model::TextClassifier topics() {
  model::LabelledTexts data;
  data.classes = {"food", "sport"};
  for (int i = 0; i < 100; ++i) {
    data.texts.push_back(fmt::format("红烧肉的做法{}", i % 7));
    data.labels.push_back(0);
    data.texts.push_back(fmt::format("足球比赛{}", i % 7));
    data.labels.push_back(1);
  }
  auto trained = model::train_text(data, {});
  EXPECT_TRUE(trained.has_value()) << trained.error().text();
  return std::move(*trained);
}

class ItemReaderTest : public testing::Test {
 protected:
  void open(std::filesystem::path encoder) {
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
    Language::Settings settings;
    settings.encoder = encoder;
    language_ = std::make_unique<Language>(settings, *registry_, metrics_, null_logger());
    language_->provide("topic", {"topic-1", topics()});
    items_ = std::make_unique<catalogue::Items>(*state_);
    recommendations_ = std::make_unique<Recommendations>(
        *registry_, *items_, *log_, *state_, null_logger(), Recommendations::Settings(), nullptr);
    reader_ = std::make_unique<ItemReader>(
        ItemReader::Parts{*items_, *state_, *language_, *recommendations_, null_logger(), encoder});
  }
  void read_all() {
    for (int i = 0; i < 100; ++i) {
      const auto more = reader_->read_some();
      ASSERT_TRUE(more.has_value()) << more.error().text();
      if (!*more) break;
      ASSERT_LT(i, 99);
    }
    ASSERT_TRUE(reader_->follow().has_value());
  }
  std::vector<std::string> similar_to(const std::string& id, std::string& source) {
    const auto found = recommendations_->common(Recommendations::Common::kSimilar, {"article", id},
                                                {.n = 3, .now = Instant{1}}, {});
    EXPECT_TRUE(found.has_value()) << found.error().text();
    std::vector<std::string> out;
    for (const auto& item : found->response.items) {
      out.push_back(item.item.id);
      source = item.source;
    }
    return out;
  }

  TempFolder folder_;
  MetricsRegistry metrics_;
  std::unique_ptr<storage::State> state_;
  std::unique_ptr<storage::EventLog> log_;
  std::unique_ptr<model::Registry> registry_;
  std::unique_ptr<Language> language_;
  std::unique_ptr<catalogue::Items> items_;
  std::unique_ptr<Recommendations> recommendations_;
  std::unique_ptr<ItemReader> reader_;
};

TEST_F(ItemReaderTest, WhatNobodyNeedsIsLetGoOnceAndComesBack) {
  open({});
  EXPECT_EQ(language_->version("topic").value_or(""), "topic-1");
  EXPECT_EQ(language_->version("no-such-model").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(language_->borrow("no-such-model").error().code, ErrorCode::kNotFound);
  const auto topic = language_->borrow("topic");
  ASSERT_TRUE(topic.has_value());
  EXPECT_EQ(*topic, *language_->classifier("topic"));
  const auto now = std::chrono::steady_clock::now();
  EXPECT_FALSE(language_->let_go_if_idle(now));
  EXPECT_TRUE(language_->let_go_if_idle(now + Language::kIdle + std::chrono::minutes(1)));
  EXPECT_FALSE(language_->let_go_if_idle(now + 2 * Language::kIdle + std::chrono::minutes(1)));
  EXPECT_TRUE(language_->classifier("topic").has_value());
}

TEST_F(ItemReaderTest, ReadsWhatChangedWithWhatThereIs) {
  open({});
  EXPECT_FALSE(*reader_->read_some());  // nothing there
  std::vector<catalogue::Item> many;
  for (std::size_t i = 0; i < ItemReader::kItemsAtOnce + 5; ++i)
    many.push_back(article(fmt::format("m{}", i), fmt::format("第{}篇", i)));
  many.push_back(article("food", "红烧肉的做法", "五花肉切块"));
  many.push_back(article("copy", "红烧肉的做法", "五花肉切块！"));
  ASSERT_TRUE(items_->put(many).has_value());
  read_all();
  EXPECT_FALSE(*reader_->read_some());
  catalogue::ItemReadings readings(*state_);
  const auto food = readings.get({"article", "food"});
  ASSERT_TRUE(food.has_value());
  EXPECT_EQ(food->topic, "food");
  EXPECT_EQ(food->vector, "");
  EXPECT_EQ(food->group, "copy");
  EXPECT_EQ((*items_->index())->find({"article", "copy"})->topic, "food");

  ASSERT_TRUE(items_->put({{article("food", "足球比赛", "直播")}}).has_value());
  read_all();
  EXPECT_EQ(readings.get({"article", "food"})->topic, "sport");
  EXPECT_EQ(readings.get({"article", "food"})->group, "");
}

TEST_F(ItemReaderTest, AnEncoderThatCannotBeOpenedIsDoneWithout) {
  const auto file = folder_.path() / "broken.zyen";
  ASSERT_TRUE(write_file(file, "no encoder").has_value());
  open(file);
  ASSERT_TRUE(items_->put({{article("food", "红烧肉的做法")}}).has_value());
  read_all();
  catalogue::ItemReadings readings(*state_);
  EXPECT_EQ(readings.get({"article", "food"})->topic, "food");
}

TEST_F(ItemReaderTest, WithAnEncoderTextsFindTheirLike) {
  const auto encoder = Language::default_encoder();
  if (!std::filesystem::exists(encoder)) GTEST_SKIP() << "no encoder: ./dev setup fetches it";
  open(encoder);
  ASSERT_TRUE(
      items_
          ->put({{article("pork", "红烧肉怎么做才软烂"), article("beef", "土豆炖牛肉的家常做法"),
                  article("ball", "国足主场战胜对手，小组出线"),
                  article("final", "世界杯决赛加时赛绝杀"), article("rate", "央行宣布下调存款利率"),
                  article("fund", "公募基金一季度规模增长")}})
          .has_value());
  read_all();
  std::string source;
  EXPECT_EQ(similar_to("pork", source), (std::vector<std::string>{"beef"}));
  EXPECT_EQ(source, "text");
  EXPECT_EQ(similar_to("ball", source), (std::vector<std::string>{"final"}));
  // Another process, or the next start, serves from the same vectors without reading again.
  ItemReader other({*items_, *state_, *language_, *recommendations_, null_logger(), encoder});
  recommendations_->set_texts(nullptr);
  EXPECT_TRUE(similar_to("pork", source).empty());
  ASSERT_TRUE(other.follow().has_value());
  EXPECT_EQ(similar_to("pork", source), (std::vector<std::string>{"beef"}));
  // What was removed goes with its vector.
  ASSERT_TRUE(items_->remove({"article", "beef"}).has_value());
  EXPECT_TRUE(similar_to("pork", source).empty());
}

}  // namespace
}  // namespace zhiyin::server
