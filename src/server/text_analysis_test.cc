// Analyses with classifiers that are provided for the test: no installation, no encoder.
#include "server/text_analysis.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "model/classify/occlusion.h"
#include "model/classify/train_text.h"
#include "server/text_duplicates.h"
#include "storage/migrations.h"
#include "storage/sqlite_state.h"

namespace zhiyin::server {
namespace {

model::LabelledTexts reviews() {
  model::LabelledTexts out;
  out.classes = {"negative", "positive"};
  for (int i = 0; i < 100; ++i) {
    out.texts.push_back(fmt::format("{}太差了{}", i % 7, i % 3));
    out.labels.push_back(0);
    out.texts.push_back(fmt::format("{}很好用{}", i % 7, i % 3));
    out.labels.push_back(1);
  }
  return out;
}

const Json& nth(const Json& list, std::size_t i) { return list.if_array()->at(i); }

class AnalysisTest : public testing::Test {
 protected:
  void SetUp() override {
    auto state = storage::open_sqlite_state(folder_.path() / "state.db");
    ASSERT_TRUE(state.has_value()) << state.error().text();
    state_ = std::move(*state);
    auto tables = storage::migrations();
    for (const auto& table : model::Registry::migrations()) tables.push_back(table);
    ASSERT_TRUE(state_->migrate(tables).has_value());
    registry_ = std::make_unique<model::Registry>(*state_);
    language_ =
        std::make_unique<Language>(Language::Settings{}, *registry_, metrics_, null_logger());
  }

  void provide(const std::string& name, const model::TrainTextSettings& settings) {
    auto trained = model::train_text(reviews(), settings);
    ASSERT_TRUE(trained.has_value()) << trained.error().text();
    language_->provide(name, {name + "-1", std::move(*trained)});
  }
  Json analyzed(AnalyzeRequest request) {
    const auto found = analyze(*language_, request, "test");
    EXPECT_TRUE(found.has_value()) << found.error().text();
    return found.value_or(Json());
  }

  TempFolder folder_;
  MetricsRegistry metrics_;
  std::unique_ptr<storage::State> state_;
  std::unique_ptr<model::Registry> registry_;
  std::unique_ptr<Language> language_;
};

TEST_F(AnalysisTest, EvidenceIsTheStretchThatSpeaksForTheLabel) {
  provide("mood", {});
  AnalyzeRequest request;
  request.texts = {"2很好用1"};
  request.tasks = {{"mood"}};
  request.explain = 3;
  const Json answer = nth(analyzed(request)["items"], 0)["mood"];
  EXPECT_EQ(answer["label"].string_or(""), "positive");
  EXPECT_FALSE(answer["out_of_scope"].bool_or(true));
  EXPECT_TRUE(answer["floor"].is_null());
  const Json::Array* evidence = answer["why"]["evidence"].if_array();
  ASSERT_TRUE(evidence != nullptr && !evidence->empty());
  EXPECT_NE(evidence->front()["text"].string_or("").find("很好用"), std::string::npos);
}

TEST_F(AnalysisTest, WithoutItsEncoderAJoinedModelSaysSo) {
  const auto data = reviews();
  std::vector<float> dense;
  for (const std::uint32_t label : data.labels) dense.push_back(label == 1 ? 1.0F : -1.0F);
  provide("mood", {.dense = dense, .dense_columns = 1, .encoder = "abc"});
  AnalyzeRequest request;
  request.texts = {"2太差了1"};
  request.tasks = {{"mood"}};
  const Json answer = nth(analyzed(request)["items"], 0)["mood"];
  EXPECT_EQ(answer["label"].string_or(""), "negative");
  EXPECT_TRUE(answer["floor"].bool_or(false));
  EXPECT_NE(answer["note"].string_or("").find("n-grams alone"), std::string::npos);
}

/// Answers stay in proportion to their texts, which one character or name over and over would not.
TEST_F(AnalysisTest, PlacesBeyondTheFirstAreOnlyCounted) {
  provide("mood", {});
  std::string text, names, phones;
  for (int i = 0; i < 5000; ++i) text += "好用";
  for (int i = 0; i < 1000; ++i) names += "北京，";
  for (int i = 0; i < 600; ++i) phones += "13800138000，";
  AnalyzeRequest request;
  request.texts = {text, names, phones + "北京"};
  request.tasks = {{"keywords", "entities", "mood"}};
  request.explain = 100;
  const Json items = analyzed(request)["items"];
  for (const Json& term : *nth(items, 0)["mood"]["why"]["terms"].if_array()) {
    const auto count = static_cast<std::size_t>(term["count"].number_or(0));
    EXPECT_EQ(term["spans"].if_array()->size(), std::min(count, model::kTermSpansShown));
  }
  EXPECT_GE(nth(nth(items, 0)["mood"]["why"]["terms"], 0)["count"].number_or(0), 4999);
  if (!language_->words()) GTEST_SKIP() << "no dictionary is here";
  const Json& word = nth(nth(items, 1)["keywords"], 0);
  EXPECT_EQ(word["word"].string_or(""), "北京");
  EXPECT_EQ(word["count"].number_or(0), 1000);
  EXPECT_EQ(word["spans"].if_array()->size(), kKeywordSpansMax);
  EXPECT_EQ(nth(items, 1)["entities"].if_array()->size(), kEntitiesMax);
  EXPECT_EQ(nth(items, 1)["entities_count"].number_or(0), 1000);
  EXPECT_TRUE(nth(items, 0)["entities_count"].is_null());
  // Personal data comes first.
  EXPECT_EQ(nth(nth(items, 2)["entities"], kEntitiesMax - 1)["kind"].string_or(""), "phone");
  EXPECT_EQ(nth(items, 2)["entities_count"].number_or(0), 601);
  // What was measured of a kind, and null where nothing was.
  EXPECT_NEAR(nth(nth(items, 2)["entities"], 0)["confidence"].number_or(0), 0.95, 0.005);
  for (const Json& item : *items.if_array()) EXPECT_LT(item.dump().size(), 70'000U);
}

TEST_F(AnalysisTest, PersonalDataIsNoKeyword) {
  if (!language_->words()) GTEST_SKIP() << "no dictionary is here";
  AnalyzeRequest request;
  request.texts = {"退款请打13800138000，退款到账慢，电话13800138000"};
  request.tasks = {{"keywords"}};
  request.keywords = 2;
  const Json words = nth(analyzed(request)["items"], 0)["keywords"];
  ASSERT_EQ(words.if_array()->size(), 2U);  // what comes behind moves up
  EXPECT_EQ(nth(words, 0)["word"].string_or(""), "退款");
  for (const Json& word : *words.if_array())
    EXPECT_EQ(word["word"].string_or("").find("138"), std::string::npos);
}

TEST(Duplicates, HangTogetherByWayOfOthers) {
  DuplicatesRequest request;
  request.texts = {"今天的外卖送得很快，味道也很不错，下次还会再来这家店",
                   "手机屏幕非常清晰，电池耐用，拍照也好看，值得购买",
                   "今天的外卖送得很快，味道也很不错，下次还会再来这家店！",
                   "今天的外卖送得很快，味道也很不错，下次还会再来这家店哦"};
  const Json found = find_duplicates(request);
  EXPECT_TRUE(nth(found["items"], 0)["near"].if_array()->empty());
  EXPECT_TRUE(nth(found["items"], 1)["near"].if_array()->empty());
  EXPECT_EQ(nth(found["items"], 2)["near"].dump(), R"([{"text":0,"similarity":1}])");
  EXPECT_EQ(found["groups"].dump(), "[[0,2,3]]");
}

}  // namespace
}  // namespace zhiyin::server
