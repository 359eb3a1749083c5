#include "model/classify/text_classifier.h"

#include <gmock/gmock.h>

#include <cmath>

#include "base/random.h"
#include "model/classify/temperature.h"
#include "model/classify/train_text.h"

namespace zhiyin::model {
namespace {

using ::testing::HasSubstr;

/// Reviews made of words that tell the class and words that do not.
LabelledTexts reviews(std::size_t n, std::size_t classes) {
  static constexpr const char* kTelling[] = {"很好吃", "太难吃", "送得慢", "价格贵"};
  static constexpr const char* kOther[] = {"今天", "外卖", "老板", "米饭", "ABC", "，"};
  Random random(5);
  LabelledTexts out;
  for (std::size_t c = 0; c < classes; ++c) out.classes.push_back(fmt::format("c{}", c));
  for (std::size_t r = 0; r < n; ++r) {
    const std::size_t label = r % classes;
    std::string text = kOther[random.below(6)];
    text += kTelling[random.below(20) == 0 ? random.below(classes) : label];
    text += kOther[random.below(6)];
    out.labels.push_back(static_cast<std::uint32_t>(label));
    out.texts.push_back(std::move(text));
  }
  return out;
}

TextClassifier trained(std::size_t classes, TrainTextSettings settings = {}) {
  auto out = train_text(reviews(200, classes), settings);
  EXPECT_TRUE(out) << out.error().text();
  return std::move(*out);
}

TEST(TextClassifier, LearnsAndIsSure) {
  for (const std::size_t classes : {2U, 4U}) {
    const TextClassifier model = trained(classes);
    TextClassifier::Scratch scratch;
    const auto good = model.predict("米饭很好吃", {}, scratch);
    EXPECT_EQ(model.classes()[good.label], "c0");
    EXPECT_GT(good.confidence, 0.7);
    EXPECT_FALSE(good.rejected);
    double sum = 0;
    for (const double score : good.scores) sum += score;
    EXPECT_NEAR(sum, 1, 1e-9);
    EXPECT_GT(model.metrics()["metrics"]["accuracy"].number_or(0), 0.9);
    EXPECT_EQ(model.metrics()["confusion"].if_array()->size(), classes);
    EXPECT_FALSE(model.metrics()["reliability"].if_array()->empty());
  }
}

TEST(TextClassifier, NothingKnownIsRejected) {
  const TextClassifier model = trained(2);
  TextClassifier::Scratch scratch;
  EXPECT_TRUE(model.predict("", {}, scratch).rejected);
  EXPECT_TRUE(model.predict("zzzz", {}, scratch).rejected);
}

TEST(TextClassifier, SameSeedSameBytesWithAnyNumberOfThreads) {
  const auto bytes = [](std::size_t threads) {
    return encode_artefact(trained(4, {.threads = threads}).to_artefact());
  };
  EXPECT_EQ(bytes(1), bytes(3));
}

TEST(TextClassifier, ExplanationAddsUpAndPointsIntoTheText) {
  for (const std::size_t classes : {2U, 4U}) {
    const TextClassifier model = trained(classes);
    TextClassifier::Scratch scratch;
    const std::string text = "老板，ＡＢＣ太难吃";
    std::vector<double> decisions(model.columns());
    ASSERT_TRUE(model.decide(text, {}, scratch, decisions));
    for (std::uint32_t label = 0; label < classes; ++label) {
      const auto why = model.explain(text, {}, label, 1000);
      const double decision =
          classes == 2 ? (label == 1 ? decisions[0] : -decisions[0]) : decisions[label];
      EXPECT_NEAR(why.decision, decision, 1e-5);
      double sum = why.intercept + why.encoder;
      for (const TermWeight& term : why.terms) sum += term.weight;
      EXPECT_NEAR(sum, decision, 1e-5);
    }
    const auto why = model.explain(text, {}, 1, 1);
    ASSERT_EQ(why.terms.size(), 1U);
    EXPECT_THAT("太难吃", HasSubstr(why.terms[0].term));
    const auto [begin, end] = why.terms[0].spans.at(0);
    EXPECT_EQ(text.substr(begin, end - begin), why.terms[0].term);
  }
}

TEST(TextClassifier, StoredAndReadAgainItSaysTheSame) {
  const TextClassifier model = trained(4);
  const Artefact artefact = model.to_artefact();
  const auto again = TextClassifier::from_artefact(artefact);
  ASSERT_TRUE(again) << again.error().text();
  TextClassifier::Scratch scratch;
  for (const std::string& text : reviews(20, 4).texts)
    EXPECT_EQ(model.predict(text, {}, scratch).scores, again->predict(text, {}, scratch).scores);
  EXPECT_EQ(encode_artefact(again->to_artefact()), encode_artefact(artefact));
}

TEST(TextClassifier, DamagedFormsAreRefused) {
  const Artefact good = trained(4).to_artefact();
  const auto refused = [&](auto change) {
    Artefact bad = good;
    change(bad);
    const auto out = TextClassifier::from_artefact(bad);
    EXPECT_FALSE(out);
    return out ? std::string() : out.error().message;
  };
  EXPECT_THAT(refused([](Artefact& a) { a.kind = "response"; }), HasSubstr("kind 'response'"));
  EXPECT_THAT(refused([](Artefact& a) { a.payload.pop_back(); }), HasSubstr("another length"));
  EXPECT_THAT(refused([](Artefact& a) { a.header.set("features", -1); }), HasSubstr("'features'"));
  EXPECT_THAT(refused([](Artefact& a) { a.header.set("features", std::int64_t{1} << 60); }),
              HasSubstr("'features'"));
  EXPECT_THAT(refused([](Artefact& a) { a.header.set("temperature", 0); }), HasSubstr("number"));
  EXPECT_THAT(refused([](Artefact& a) { a.header.set("intercepts", Json::array()); }),
              HasSubstr("'intercepts'"));
  EXPECT_THAT(refused([](Artefact& a) { a.header.set("normaliser", "other"); }),
              HasSubstr("normaliser"));
  EXPECT_THAT(refused([](Artefact& a) { std::swap(a.payload[0], a.payload[8]); }),
              HasSubstr("ascending"));
}

TEST(TextClassifier, VectorsOfAnEncoderJoinTheNgrams) {
  const LabelledTexts data = reviews(200, 2);
  std::vector<float> dense;
  Random random(2);
  for (const std::uint32_t label : data.labels) {
    for (int k = 0; k < 3; ++k)
      dense.push_back(static_cast<float>(random.normal() + (k == 1 ? 4.0 * label : 0)));
  }
  for (const bool ngrams : {true, false}) {
    const auto model = train_text(data, {.ngrams = ngrams, .dense = dense, .dense_columns = 3});
    ASSERT_TRUE(model) << model.error().text();
    EXPECT_EQ(model->features() > 0, ngrams);
    TextClassifier::Scratch scratch;
    EXPECT_EQ(model->predict("？", std::vector<float>{0, 4, 0}, scratch).label, 1U);
    EXPECT_EQ(model->predict("？", std::vector<float>{0, 0, 0}, scratch).label, 0U);
    EXPECT_GT(model->explain("？", std::vector<float>{0, 4, 0}, 1, 5).encoder, 0);
    EXPECT_FALSE(model->predict("？", std::vector<float>{0, 4, 0}, scratch).rejected);
    for (const std::string_view nothing : {"", "  \n", "\u200b"}) {  // the encoder has a vector
      const TextPrediction p = model->predict(nothing, std::vector<float>{0, 4, 0}, scratch);
      EXPECT_TRUE(p.rejected && p.out_of_scope);
    }
  }
}

TEST(TextClassifier, FewerFeaturesStillLearn) {
  const TextClassifier model = trained(2, {.features_max = 10});
  EXPECT_EQ(model.features(), 10U);
  EXPECT_GT(model.metrics()["metrics"]["accuracy"].number_or(0), 0.85);
}

TEST(TrainText, RefusesWhatCannotBeLearnt) {
  EXPECT_THAT(train_text(reviews(100, 1), {}).error().message, HasSubstr("one label, 'c0'"));
  EXPECT_THAT(train_text(reviews(9, 2), {}).error().message, HasSubstr("at least 10"));
  EXPECT_EQ(train_text(reviews(100, 2), {.c = -1}).error().field, "c");
  EXPECT_EQ(train_text(reviews(100, 2), {.ngrams = false}).error().field, "features");
  EXPECT_EQ(train_text(reviews(100, 2), {.progress = [](double) { return false; }}).error().code,
            ErrorCode::kConflict);
}

TEST(TrainText, RejectsTheStatedShareOfHeldOutTexts) {
  const TextClassifier model = trained(4, {.reject_loss = 0.1});
  EXPECT_NEAR(model.metrics()["metrics"]["coverage"].number_or(0), 0.9, 0.03);
  EXPECT_EQ(trained(4, {.reject_loss = 0}).threshold(), 0);
}

TEST(Folds, AreEvenWithinEachClass) {
  std::vector<std::uint32_t> labels;
  for (std::uint32_t i = 0; i < 100; ++i) labels.push_back(i % 10 == 0 ? 1 : 0);
  const auto fold = stratified_folds(labels, 2, 5, 3);
  std::vector<int> of_class(5);
  for (std::size_t i = 0; i < labels.size(); ++i) of_class[fold[i]] += labels[i] == 1 ? 1 : 0;
  EXPECT_THAT(of_class, ::testing::Each(2));
}

TEST(Temperature, FindsTheSlopeOfTheTruth) {
  // Labels drawn with probability sigmoid(3 d): (-d, d) / T gives 2 d / T.
  Random random(1);
  std::vector<double> decisions;
  std::vector<std::uint32_t> labels;
  for (int i = 0; i < 20'000; ++i) {
    decisions.push_back(random.normal());
    labels.push_back(random.uniform() < 1 / (1 + std::exp(-3 * decisions.back())) ? 1 : 0);
  }
  EXPECT_NEAR(fit_temperature(decisions, 1, labels), 2.0 / 3, 0.03);
  std::vector<double> scores(2);
  probabilities_of(std::vector<double>{0.5}, 2.0 / 3, scores);
  EXPECT_NEAR(scores[1], 1 / (1 + std::exp(-1.5)), 1e-12);
}

TEST(Temperature, IsNotSureOfEverythingWhereNothingWasWrong) {
  const std::vector<double> decisions(100, 1.0);
  const std::vector<std::uint32_t> labels(100, 1);
  const double temperature = fit_temperature(decisions, 1, labels);
  std::vector<double> scores(2);
  probabilities_of(std::vector<double>{1.0}, temperature, scores);
  EXPECT_NEAR(scores[1], 1 - 1.0 / 102, 1e-4);  // a hundred of a hundred, by Laplace
  probabilities_of(std::vector<double>{0.01}, temperature, scores);
  EXPECT_NEAR(scores[1], 0.5, 0.03);

  std::vector<double> three;
  for (int i = 0; i < 100; ++i) three.insert(three.end(), {1.0, -1.0, -1.0});
  const double of_three = fit_temperature(three, 3, std::vector<std::uint32_t>(100, 0));
  scores.resize(3);
  probabilities_of(std::vector<double>{1.0, -1.0, -1.0}, of_three, scores);
  EXPECT_NEAR(scores[0], 1 - 2.0 / 102 * 2 / 3, 1e-4);
}

}  // namespace
}  // namespace zhiyin::model
