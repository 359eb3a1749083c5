// Curves of calibration, scope, drift, attributions: what says how far an answer may be trusted.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "base/random.h"
#include "model/artefact.h"
#include "model/classify/drift.h"
#include "model/classify/isotonic.h"
#include "model/classify/occlusion.h"
#include "model/classify/text_task.h"
#include "model/classify/train_text.h"

namespace zhiyin::model {
namespace {

TEST(Isotonic, PoolsWhatFallsAndIsStraightBetween) {
  const std::vector<double> x = {0.1, 0.2, 0.3, 0.4}, y = {0, 1, 0, 1};
  const Isotonic curve = fit_isotonic(x, y);
  // The second and third fall: one step at their middle.
  EXPECT_EQ(curve.x, (std::vector<double>{0.1, 0.25, 0.4}));
  EXPECT_EQ(curve.y, (std::vector<double>{0, 0.5, 1}));
  EXPECT_DOUBLE_EQ(curve(0), 0);
  EXPECT_DOUBLE_EQ(curve(0.175), 0.25);
  EXPECT_DOUBLE_EQ(curve(0.9), 1);
  EXPECT_TRUE(fit_isotonic({}, {}).empty());
}

TEST(Isotonic, SameConfidenceIsOneStep) {
  const std::vector<double> x(100, 0.5), y = [] {
    std::vector<double> out(100, 0);
    std::fill(out.begin(), out.begin() + 30, 1);
    return out;
  }();
  const Isotonic curve = fit_isotonic(x, y);
  ASSERT_EQ(curve.x.size(), 1);
  EXPECT_NEAR(curve(0.7), 0.3, 1e-12);
}

TEST(Isotonic, RecalibratedScoresAddUpAndKeepTheLikeliest) {
  const Isotonic curve{{0.4, 1}, {0.2, 0.9}};
  std::vector<double> scores = {0.7, 0.2, 0.1};
  recalibrate(curve, scores);
  EXPECT_NEAR(scores[0], 0.55, 1e-12);
  EXPECT_NEAR(scores[1] / scores[2], 2, 1e-12);
  EXPECT_NEAR(std::accumulate(scores.begin(), scores.end(), 0.0), 1, 1e-12);
  std::vector<double> sure = {0, 1};
  recalibrate(curve, sure);
  EXPECT_NEAR(sure[1], 0.9, 1e-12);
  EXPECT_NEAR(sure[0], 0.1, 1e-12);
  std::vector<double> unsure = {0.45, 0.55};
  recalibrate(curve, unsure);
  EXPECT_EQ(unsure[1], 0.5);
}

TEST(Occlusion, PartsAddUpExactly) {
  const std::string text = "abcdef";
  const std::vector<TextSpan> words = {{0, 1}, {1, 3}, {4, 6}};
  const Occlusion plan = plan_occlusion(text, words);
  ASSERT_EQ(plan.pieces, (std::vector<TextSpan>{{0, 1}, {1, 4}, {4, 6}}));
  EXPECT_EQ(plan.variants, (std::vector<std::string>{"abcdef", "bcdef", "ef", "abcd", "a", ""}));
  // A number in which pieces work together: f = letters squared.
  std::vector<double> values;
  for (const std::string& v : plan.variants)
    values.push_back(static_cast<double>(v.size() * v.size()));
  const auto parts = occlusion_parts(plan, values);
  EXPECT_DOUBLE_EQ(std::accumulate(parts.begin(), parts.end(), 0.0), 36);
  EXPECT_DOUBLE_EQ(parts[0], ((36 - 25) + 1) / 2.0);
  EXPECT_DOUBLE_EQ(parts[1], ((25 - 4) + (16 - 1)) / 2.0);
  EXPECT_DOUBLE_EQ(parts[2], (4 + (36 - 16)) / 2.0);
}

TEST(Occlusion, ANumberThatIsASumGivesEachItsOwn) {
  const std::string text = "aabbbc";
  const std::vector<TextSpan> words = {{0, 2}, {2, 5}, {5, 6}};
  const Occlusion plan = plan_occlusion(text, words);
  std::vector<double> values;
  for (const std::string& v : plan.variants) {
    double sum = 7;
    for (const char c : v) sum += c == 'a' ? 1 : c == 'b' ? -2 : 10;
    values.push_back(sum);
  }
  EXPECT_EQ(occlusion_parts(plan, values), (std::vector<double>{2, -6, 10}));
}

TEST(Occlusion, ManyWordsAreJoinedAndNoneIsFine) {
  std::vector<TextSpan> words;
  for (std::uint32_t i = 0; i < 100; ++i) words.emplace_back(i, i + 1);
  const Occlusion plan = plan_occlusion(std::string(100, 'x'), words, 24);
  EXPECT_LE(plan.pieces.size(), 24);
  EXPECT_EQ(plan.pieces.back().second, 100);
  EXPECT_EQ(plan.variants.size(), 2 * plan.pieces.size());
  const Occlusion none = plan_occlusion("", {});
  EXPECT_TRUE(occlusion_parts(none, std::vector<double>{1}).empty());
  const Occlusion one = plan_occlusion("ab", {});
  EXPECT_EQ(occlusion_parts(one, std::vector<double>{5, 2}), (std::vector<double>{3}));
}

TEST(Evidence, IsTheStretchThatAddsMost) {
  const std::vector<WeightedSpan> weights = {{{0, 3}, 0.1}, {{3, 6}, 2},   {{6, 9}, 1.5},
                                             {{9, 12}, -3}, {{12, 15}, 1}, {{15, 18}, -0.2}};
  const auto found = evidence_stretches(18, weights);
  ASSERT_EQ(found.size(), 2);
  EXPECT_EQ(found[0].span, (TextSpan{0, 9}));
  EXPECT_NEAR(found[0].weight, 3.6, 1e-9);
  EXPECT_EQ(found[1].span, (TextSpan{12, 15}));
  EXPECT_TRUE(evidence_stretches(18, std::vector<WeightedSpan>{{{0, 3}, -1}}).empty());
  EXPECT_TRUE(evidence_stretches(0, {}).empty());
}

TEST(Drift, AnIndexOfTheSameIsNothing) {
  const std::vector<double> before = {100, 300, 600}, now = {10, 30, 60}, other = {60, 30, 10};
  EXPECT_NEAR(stability_index(before, 1000, now, 100), 0, 1e-3);
  EXPECT_GT(stability_index(before, 1000, other, 100), 1);
}

std::vector<std::string> texts_about(std::string_view what, std::size_t n, std::uint64_t seed) {
  Random random(seed);
  std::vector<std::string> out;
  for (std::size_t i = 0; i < n; ++i)
    out.push_back(fmt::format("{}{}", what.substr(3 * random.below(4), 9),
                              std::array{"很好", "不错", "太差", "一般"}[random.below(4)]));
  return out;
}

TEST(Drift, OtherTextsAndAnswersAreSeenAndTheSameAreNot) {
  constexpr std::string_view kHotel = "房间早餐服务位置前台", kPhone = "手机屏幕电池摄像系统";
  const auto learnt = texts_about(kHotel, 2000, 1);
  Random random(3);
  std::vector<std::uint32_t> labels;
  std::vector<double> confidences;
  for (std::size_t i = 0; i < learnt.size(); ++i) {
    labels.push_back(static_cast<std::uint32_t>(random.below(2)));
    confidences.push_back(0.5 + 0.5 * random.uniform());
  }
  const DriftReference reference = drift_reference(labels, confidences, 2, learnt);
  const auto stored = drift_reference_of(to_json(reference), 2);
  ASSERT_TRUE(stored.has_value()) << stored.error().text();
  EXPECT_EQ(*stored, reference);
  EXPECT_FALSE(drift_reference_of(to_json(reference), 3).has_value());

  DriftWatch same(reference), other(reference);
  const auto again = texts_about(kHotel, 1500, 7), phones = texts_about(kPhone, 1500, 7);
  for (std::size_t i = 0; i < again.size(); ++i) {
    same.add(again[i], static_cast<std::uint32_t>(random.below(2)), 0.5 + 0.5 * random.uniform());
    other.add(phones[i], 1, 0.5 + 0.2 * random.uniform());
  }
  EXPECT_TRUE(same.report()["drifted"].if_array()->empty()) << same.report().dump();
  EXPECT_EQ(other.report()["drifted"].if_array()->size(), 3) << other.report().dump();
  EXPECT_EQ(other.report()["texts"].int_or(0), 1500);
  EXPECT_FALSE(other.report()["ngrams"].if_array()->empty());
}

TEST(Drift, OnlyTheLastTextsCount) {
  const std::vector<std::uint32_t> labels = {0, 1};
  const std::vector<double> confidences = {0.6, 0.9};
  const std::vector<std::string> texts = {"甲", "乙"};
  DriftWatch watch(drift_reference(labels, confidences, 2, texts));
  for (std::size_t i = 0; i < DriftWatch::kWindow; ++i) watch.add("甲", 0, 0.6);
  for (std::size_t i = 0; i < DriftWatch::kWindow; ++i) watch.add("乙", 1, 0.9);
  const Json report = watch.report();
  EXPECT_LE(report["texts"].int_or(0), static_cast<std::int64_t>(DriftWatch::kWindow));
  EXPECT_EQ((*report["labels"].if_array())[1]["now"].number_or(0), 1);
}

TEST(Drift, CountsOfSeveralProcessesAddUpAndComeBackFromTheirForm) {
  const auto learnt = texts_about("房间早餐服务位置前台", 600, 1);
  std::vector<std::uint32_t> labels;
  std::vector<double> confidences;
  Random random(5);
  for (std::size_t i = 0; i < learnt.size(); ++i) {
    labels.push_back(static_cast<std::uint32_t>(random.below(3)));
    confidences.push_back(random.uniform());
  }
  const DriftReference reference = drift_reference(labels, confidences, 3, learnt);
  DriftWatch one(reference), two(reference), both(reference);
  for (std::size_t i = 0; i < learnt.size(); ++i) {
    (i % 3 == 0 ? one : two).add(learnt[i], labels[i], confidences[i]);
    both.add(learnt[i], labels[i], confidences[i]);
  }
  DriftCounts sum = one.take();
  EXPECT_EQ(one.untaken(), no_counts(reference));
  EXPECT_EQ(one.last().rows, 200);  // the window keeps what was taken
  add_counts(sum, two.take());
  EXPECT_EQ(sum, both.untaken());
  EXPECT_EQ(drift_report(reference, sum), both.report());

  const auto stored = drift_counts_of(to_json(sum), no_counts(reference));
  ASSERT_TRUE(stored.has_value()) << stored.error().text();
  EXPECT_EQ(*stored, sum);
  for (const char* wrong : {"null", "{}", R"({"rows":-1,"labels":[],"confidences":[],"ngrams":[]})",
                            R"({"rows":1,"labels":[1,0],"confidences":[],"ngrams":[]})"})
    EXPECT_EQ(drift_counts_of(*parse_json(wrong), sum).error().code, ErrorCode::kDataLoss) << wrong;
  Json more = to_json(sum);
  more.set("rows", 1);  // less than its own counts
  EXPECT_FALSE(drift_counts_of(more, sum).has_value());
}

TEST(Drift, VerdictsGoByTheUsualBordersAndByChance) {
  DriftReference reference;
  reference.rows = 10'000;
  reference.labels = {0.5, 0.5};
  reference.edges = {0.5};
  reference.confidences = {0.5, 0.5};
  const auto verdict = [&](std::int64_t rows, std::int64_t first) {
    DriftCounts counts{rows, {first, rows - first}, {rows / 2, rows - rows / 2}, {}};
    const auto indexes = drift_indexes(reference, counts);
    EXPECT_EQ(indexes[0].verdict, DriftVerdict::kStable);
    return std::string(to_string(indexes[1].verdict));
  };
  EXPECT_EQ(verdict(1000, 520), "stable");
  EXPECT_EQ(verdict(1000, 680), "shifting");  // 0.36 ln(0.68/0.32) / 2 = 0.136
  EXPECT_EQ(verdict(1000, 800), "shifted");
  EXPECT_EQ(verdict(4, 3), "few");
  DriftCounts counts{1000, {800, 200}, {500, 500}, {}};
  const Json report = drift_report(reference, counts);
  EXPECT_EQ(report["verdict"].string_or(""), "shifted");
  EXPECT_EQ(report["drifted"].dump(), R"(["labels"])");
  EXPECT_EQ(report["thresholds"]["shifted"].number_or(0), 0.25);
}

/// Two topics, and texts of a third that no class has.
LabelledTexts topics(std::size_t n, std::uint64_t seed) {
  LabelledTexts out;
  out.classes = {"hotel", "phone"};
  const auto hotel = texts_about("房间早餐服务位置前台", n, seed);
  const auto phone = texts_about("手机屏幕电池摄像系统", n, seed + 1);
  for (std::size_t i = 0; i < n; ++i) {
    out.texts.push_back(hotel[i]);
    out.labels.push_back(0);
    out.texts.push_back(phone[i]);
    out.labels.push_back(1);
  }
  return out;
}

TEST(Trust, WhatIsOfNoClassHasLittleScope) {
  const auto model = train_text(topics(200, 1), {.scope_loss = 0.05, .isotonic = true});
  ASSERT_TRUE(model.has_value()) << model.error().text();
  EXPECT_FALSE(model->isotonic().empty());
  EXPECT_EQ(model->scope().size(), 101);
  TextClassifier::Scratch scratch;
  const auto known = model->predict("房间早餐服务很好", {}, scratch);
  const auto strange = model->predict("股票基金一般", {}, scratch);
  EXPECT_FALSE(known.out_of_scope);
  EXPECT_GT(known.scope.value_or(0), 0.3);
  EXPECT_TRUE(strange.out_of_scope) << strange.scope.value_or(-1);
  EXPECT_EQ(model->predict("zzz", {}, scratch).scope, 0);

  const auto again =
      TextClassifier::from_artefact(*decode_artefact(encode_artefact(model->to_artefact())));
  ASSERT_TRUE(again.has_value()) << again.error().text();
  EXPECT_EQ(again->isotonic(), model->isotonic());
  EXPECT_EQ(again->scope(), model->scope());
  EXPECT_EQ(again->reference(), model->reference());
  EXPECT_EQ(again->predict("股票基金一般", {}, scratch).scope, strange.scope);
}

TEST(Trust, EvaluationSaysHowWellStrangeTextsAreTold) {
  const auto model = train_text(topics(200, 1), {});
  ASSERT_TRUE(model.has_value());
  LabelledTexts data = topics(50, 9);
  data.classes.push_back("other");
  for (int i = 0; i < 40; ++i) {
    data.texts.push_back(fmt::format("股票第{}号涨了", i));
    data.labels.push_back(2);
  }
  const auto measured = evaluate_text_task(*model, "", data, {}, 1);
  ASSERT_TRUE(measured.has_value()) << measured.error().text();
  const Json& scope = (*measured)["out_of_scope"];
  EXPECT_EQ(scope["rows"].number_or(0), 40);
  EXPECT_GT(scope["auc"].number_or(0), 0.95);
  EXPECT_GT(scope["caught"].number_or(0), 0.8);
  EXPECT_LT(scope["lost"].number_or(1), 0.2);
}

/// An encoder that knows the topic: its one telling value says it, the others nothing.
std::vector<float> vectors_of(std::span<const std::string> texts) {
  std::vector<float> out;
  Random random(11);
  for (const std::string& text : texts) {
    const bool phone = text.find("手机") != text.npos || text.find("屏幕") != text.npos;
    out.push_back(phone ? 1.0F : -1.0F);
    for (int i = 0; i < 3; ++i) out.push_back(static_cast<float>(random.uniform()));
  }
  return out;
}

TEST(Trust, AJoinedModelWithoutItsEncoderAnswersByNgrams) {
  const LabelledTexts data = topics(200, 1);
  const auto dense = vectors_of(data.texts);
  TrainTextSettings settings;
  settings.dense = dense;
  settings.dense_columns = 4;
  settings.encoder = "abc";
  const auto model = train_text(data, settings);
  ASSERT_TRUE(model.has_value()) << model.error().text();
  ASSERT_TRUE(model->has_floor());
  EXPECT_GT(model->metrics()["floor"]["accuracy"].number_or(0), 0.9);
  const auto usable = encoder_or_floor(*model, {});
  ASSERT_TRUE(usable.has_value()) << usable.error().text();
  EXPECT_NE(usable->instead.find("n-grams alone"), std::string::npos);
  const std::vector<std::string_view> texts = {"房间早餐服务很好", "手机屏幕电池不错"};
  const auto vectors = vectors_for(*model, usable->vectorise, texts);
  ASSERT_TRUE(vectors.has_value());
  const auto answers = classify_all(*model, texts, *vectors, 1);
  EXPECT_EQ(answers[0].label, 0);
  EXPECT_EQ(answers[1].label, 1);
  EXPECT_TRUE(answers[0].floor);
  EXPECT_TRUE(prediction_json(*model, answers[0])["floor"].bool_or(false));
  // With its encoder it says nothing of a floor; a model of n-grams alone needs none.
  const std::vector<float> vector = {-1, 0.5F, 0.5F, 0.5F};
  TextClassifier::Scratch scratch;
  EXPECT_FALSE(model->predict(texts[0], vector, scratch).floor);
  EXPECT_NEAR(model->explain(texts[0], vector, 0, 5).encoder, model->encoder_part(vector, 0),
              1e-12);
  // Another encoder than it was trained with is not used either.
  const auto other = encoder_or_floor(*model, [] {
    return Result<Vectorise>(Vectorise{.encoder = "other", .run = [](auto, const auto&) {
                                         return Result<TextVectors>(TextVectors{});
                                       }});
  });
  ASSERT_TRUE(other.has_value());
  EXPECT_FALSE(other->vectorise);
  EXPECT_NE(other->instead.find("abc"), std::string::npos);
}

}  // namespace
}  // namespace zhiyin::model
