// Pairs with models that the test stores: no installation, no encoder.
#include "server/text_similarity.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "model/artefact.h"
#include "model/classify/occlusion.h"
#include "model/classify/train_text.h"
#include "model/pairs/train_pair.h"
#include "storage/migrations.h"
#include "storage/sqlite_state.h"

namespace zhiyin::server {
namespace {

model::LabelledPairs questions() {
  std::string lines;
  for (int i = 0; i < 60; ++i) {
    const char* const subject = i % 2 == 0 ? "退款" : "发票";
    lines += fmt::format("1\t怎么查{}{}\t请问{}{}呢\n", i, subject, i + 100, subject);
    lines += fmt::format("0\t如何看{}{}\t我问{}{}啊\n", i, subject, i + 100,
                         i % 2 == 0 ? "密码" : "地址");
  }
  return *model::parse_labelled_pairs(lines);
}

const Json& nth(const Json& list, std::size_t i) { return list.if_array()->at(i); }

class SimilarityTest : public testing::Test {
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
    models_ = std::make_unique<PairModels>(*registry_);
  }

  void save(const std::string& name, const model::Artefact& artefact) {
    model::NewModel stored{name, {}, {}, {}, encode_artefact(artefact)};
    const auto saved = registry_->save(stored, Instant(), true);
    ASSERT_TRUE(saved.has_value()) << saved.error().text();
  }
  void save_pairs(const std::string& name, const model::TrainPairSettings& settings) {
    const auto trained = model::train_pair(questions(), settings);
    ASSERT_TRUE(trained.has_value()) << trained.error().text();
    save(name, trained->to_artefact());
  }
  model::PairModel stored(const std::string& id) {
    return *model::PairModel::from_artefact(*model::decode_artefact(*registry_->load(id)));
  }
  Result<Json> asked(std::vector<PairOfTexts> pairs, const std::string& model = "mine") {
    return similarities(*language_, *models_, {std::move(pairs), model}, "test");
  }

  TempFolder folder_;
  MetricsRegistry metrics_;
  std::unique_ptr<storage::State> state_;
  std::unique_ptr<model::Registry> registry_;
  std::unique_ptr<Language> language_;
  std::unique_ptr<PairModels> models_;
};

TEST_F(SimilarityTest, EachPairIsAnsweredInItsPlace) {
  save_pairs("mine", {});
  const auto found = asked({{"怎么查7退款", "请问9退款呢"},
                            {"", "退款"},
                            {"退款", std::string(kSimilarityBytesMax + 1, 'x')},
                            {"怎么查7退款", "我问9密码啊"}});
  ASSERT_TRUE(found.has_value()) << found.error().text();
  const Json& items = (*found)["items"];
  EXPECT_EQ((*found)["version"].string_or(""), "mine-1");
  EXPECT_EQ(nth(items, 0)["label"].string_or(""), "same");
  EXPECT_TRUE(nth(items, 0)["cosine"].is_null());
  EXPECT_TRUE(nth(items, 0)["floor"].is_null());
  EXPECT_EQ(nth(items, 1)["error"]["field"].string_or(""), "pairs[1].first");
  EXPECT_EQ(nth(items, 2)["error"]["field"].string_or(""), "pairs[2].second");
  EXPECT_EQ(nth(items, 3)["label"].string_or(""), "different");
  EXPECT_GT(nth(items, 3)["scores"]["different"].number_or(0), 0.5);
}

TEST_F(SimilarityTest, ReasonsWhereTheyAreAskedFor) {
  save_pairs("mine", {});
  SimilarityRequest request{{{"怎么查7退款", "请问9退款呢"}, {"", "b"}}, "mine", 3};
  const auto found = similarities(*language_, *models_, request, "test");
  ASSERT_TRUE(found.has_value()) << found.error().text();
  const Json& why = nth((*found)["items"], 0)["why"];
  EXPECT_EQ(why["terms"].if_array()->size(), 3U);
  EXPECT_FALSE(why["likeness"]["jaccard_2"].is_null());
  EXPECT_TRUE(nth((*found)["items"], 1)["why"].is_null());
  EXPECT_TRUE(nth((*asked({{"怎么查7退款", "请问9退款呢"}}))["items"], 0)["why"].is_null());
}

TEST_F(SimilarityTest, PlacesOfAnNgramBeyondTheFirstAreOnlyCounted) {
  save_pairs("mine", {});
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "退款";
  const auto found =
      similarities(*language_, *models_, {{{many, "请问9退款呢"}}, "mine", 100}, "test");
  ASSERT_TRUE(found.has_value()) << found.error().text();
  std::size_t most = 0;
  for (const Json& term : *nth((*found)["items"], 0)["why"]["terms"].if_array()) {
    const auto count = static_cast<std::size_t>(term["count"].number_or(0));
    most = std::max(most, count);
    EXPECT_EQ(term["first"].if_array()->size() + term["second"].if_array()->size() < count,
              count > 2 * model::kTermSpansShown);
    EXPECT_LE(term["first"].if_array()->size(), model::kTermSpansShown);
  }
  EXPECT_EQ(most, 1001U);
}

TEST_F(SimilarityTest, WhatIsComparedIsWatchedForDrift) {
  save_pairs("mine", {});
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(asked({{"怎么查7退款", "请问9退款呢"}, {"", "b"}}));
  const auto subject = language_->drift_subject("mine");
  ASSERT_TRUE(subject) << subject.error().text();
  EXPECT_EQ((*subject)->version, "mine-1");
  EXPECT_EQ((*subject)->classes.size(), 2U);
  const auto seen = language_->last_drift("mine", **subject);
  EXPECT_EQ(seen.rows, 30);
  EXPECT_EQ(seen.labels[1], 30);
  EXPECT_EQ(drift_report((*subject)->reference, seen)["verdicts"]["labels"].string_or(""),
            "shifted");
  EXPECT_EQ(language_->take_drift().size(), 1U);
  EXPECT_EQ(language_->drift_subject("absent").error().code, ErrorCode::kNotFound);
}

TEST_F(SimilarityTest, AShadowComparesTheSamePairsAndOnlyCounts) {
  save_pairs("mine", {});
  const auto trained = model::train_pair(questions(), {.features_max = 20});
  ASSERT_TRUE(trained.has_value()) << trained.error().text();
  const std::vector<PairOfTexts> pairs = {
      {"怎么查7退款", "请问9退款呢"}, {"怎么查7退款", "我问9密码啊"}, {"", "退款"}};
  const std::string before = asked(pairs)->dump();
  model::NewModel second{"mine", {}, {}, {}, encode_artefact(trained->to_artefact())};
  ASSERT_TRUE(registry_->save(second, Instant(), false).has_value());
  EXPECT_EQ(language_->start_shadow("mine-1").error().code, ErrorCode::kConflict);
  const auto started = language_->start_shadow("mine-2");
  ASSERT_TRUE(started.has_value()) << started.error().text();
  EXPECT_EQ((*language_->shadow_report("mine"))["agreement"]["texts"].int_or(-1), 0);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(asked(pairs)->dump(), before);
  const Json report = *language_->shadow_report("mine");
  EXPECT_EQ(report["version"].string_or(""), "mine-1");
  EXPECT_EQ(report["shadow"].string_or(""), "mine-2");
  EXPECT_EQ(report["of"].string_or(""), "pairs");
  const Json& agreement = report["agreement"];
  EXPECT_EQ(agreement["texts"].int_or(0), 20);  // faulty pairs are not compared
  EXPECT_EQ(agreement["interval"].if_array()->size(), 2U);
  // What the two say by themselves.
  const auto old_one = stored("mine-1"), new_one = stored("mine-2");
  model::PairModel::Scratch scratch;
  double difference = 0;
  int same = 0;
  for (const PairOfTexts& pair : {pairs[0], pairs[1]}) {
    const double a = old_one.predict(pair.first, pair.second, {}, {}, scratch).same;
    const double b = new_one.predict(pair.first, pair.second, {}, {}, scratch).same;
    difference += std::abs(a - b) / 2;
    same += (a >= 0.5) == (b >= 0.5) ? 10 : 0;
  }
  EXPECT_GT(difference, 0);
  EXPECT_NEAR(agreement["score_difference"].number_or(-1), difference, 1e-9);
  EXPECT_EQ(agreement["same"].int_or(-1), same);
  // Another active version: the counts are of another pair of versions.
  ASSERT_TRUE(registry_->activate("mine-2", Instant()).has_value());
  save_pairs("mine", {});
  models_ = std::make_unique<PairModels>(*registry_);
  ASSERT_TRUE(asked({pairs[0]}).has_value());
  EXPECT_EQ((*language_->shadow_report("mine"))["version"].string_or(""), "mine-3");
  EXPECT_EQ((*language_->shadow_report("mine"))["agreement"]["texts"].int_or(0), 1);
  language_->stop_shadow("mine");
  EXPECT_EQ(language_->shadow_report("mine").error().code, ErrorCode::kNotFound);
}

TEST_F(SimilarityTest, AShadowThatCouldNotAnswerIsRefused) {
  const auto data = questions();
  const std::vector<float> vectors(2 * data.texts.size(), 0.5F);
  save_pairs("mine", {.vectors = vectors, .dense_columns = 2, .encoder = "abc"});
  save_pairs("mine", {});
  // Its encoder is not here.
  EXPECT_EQ(language_->start_shadow("mine-1").error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(language_->start_shadow("mine-9").error().code, ErrorCode::kNotFound);
}

TEST_F(SimilarityTest, WithoutItsEncoderAJoinedModelSaysSo) {
  const auto data = questions();
  const std::vector<float> vectors(2 * data.texts.size(), 0.5F);
  save_pairs("mine", {.vectors = vectors, .dense_columns = 2, .encoder = "abc"});
  const auto found = asked({{"怎么查7退款", "请问9退款呢"}});
  ASSERT_TRUE(found.has_value()) << found.error().text();
  EXPECT_TRUE(nth((*found)["items"], 0)["floor"].bool_or(false));
  EXPECT_NE((*found)["note"].string_or("").find("characters alone"), std::string::npos);
  save_pairs("bare",
             {.characters = false, .vectors = vectors, .dense_columns = 2, .encoder = "abc"});
  EXPECT_EQ(asked({{"a", "b"}}, "bare").error().code, ErrorCode::kUnavailable);
}

TEST_F(SimilarityTest, OtherModelsAreRefused) {
  EXPECT_EQ(asked({{"a", "b"}}, "absent").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(asked({{"a", "b"}}, "absent").error().field, "model");
  EXPECT_EQ(asked({{"a", "b"}}, "../x").error().code, ErrorCode::kInvalidArgument);
  model::LabelledTexts texts;
  texts.classes = {"x", "y"};
  for (std::uint32_t i = 0; i < 40; ++i) {
    texts.texts.push_back(i % 2 == 0 ? "甲乙" : "丙丁");
    texts.labels.push_back(i % 2);
  }
  const auto single = model::train_text(texts, {});
  ASSERT_TRUE(single.has_value());
  save("single", single->to_artefact());
  EXPECT_EQ(asked({{"a", "b"}}, "single").error().code, ErrorCode::kUnsupported);
  // And a model of pairs gives no text a class.
  save_pairs("mine", {});
  EXPECT_EQ(language_->classifier("mine").error().code, ErrorCode::kUnsupported);
}

TEST_F(SimilarityTest, TheRequestNamesWhatIsWrong) {
  const auto parsed = [](std::string_view body) {
    return from_json<SimilarityRequest>(*parse_json(body));
  };
  EXPECT_TRUE(parsed(R"({"pairs":[{"first":"a","second":"b"}]})").has_value());
  EXPECT_EQ(parsed(R"({"pairs":[]})").error().field, "pairs");
  EXPECT_EQ(parsed(R"({"pairs":[{"first":"a"}]})").error().field, "pairs[0].second");
  EXPECT_EQ(parsed(R"({"pairs":[{"first":"a","second":"b"}],"explain":101})").error().field,
            "explain");
  std::string many = R"({"pairs":[)";
  for (std::size_t i = 0; i <= kSimilarityPairsMax; ++i)
    many += std::string(i == 0 ? "" : ",") + R"({"first":"a","second":"b"})";
  EXPECT_EQ(parsed(many + "]}").error().field, "pairs");
}

}  // namespace
}  // namespace zhiyin::server
