// Texts with any number of labels.
#include <gmock/gmock.h>

#include <cmath>

#include "base/file.h"
#include "base/random.h"
#include "model/artefact.h"
#include "model/classify/measure_labels.h"
#include "model/classify/text_task.h"
#include "model/classify/train_labels.h"

namespace zhiyin::model {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(MultiLabelledTexts, BarsSeparateAndNothingMeansNone) {
  const auto data =
      parse_multi_labelled_texts("label\tt\n贵|慢\t又贵又慢\n\t还行\r\n慢\t太慢\t了\n");
  ASSERT_TRUE(data) << data.error().text();
  EXPECT_TRUE(data->header);
  EXPECT_THAT(data->classes, ElementsAre("慢", "贵"));
  EXPECT_THAT(data->labels, ElementsAre(ElementsAre(0, 1), IsEmpty(), ElementsAre(0)));
  EXPECT_THAT(data->texts, ElementsAre("又贵又慢", "还行", "太慢\t了"));
}

TEST(MultiLabelledTexts, BadLinesAreNamedAndCounted) {
  const auto message = [](std::string_view lines) {
    const auto out = parse_multi_labelled_texts(lines);
    return out ? std::string() : out.error().message;
  };
  EXPECT_THAT(message("a|b\tx\na|\tx\n"), HasSubstr("line 2 has an empty label"));
  EXPECT_THAT(message("|\tx\n"), HasSubstr("empty label"));
  EXPECT_THAT(message("a|b|a\tx\n"), HasSubstr("'a' twice"));
  EXPECT_THAT(message("a\n\nb\tx\n"), HasSubstr("and 1 more"));
  EXPECT_THAT(message(std::string(300, 'x') + "|b\tx\n"), HasSubstr("300 bytes"));
  EXPECT_THAT(message("a\t \n"), HasSubstr("no text"));
  EXPECT_THAT(message(""), HasSubstr("no rows"));
}

/// Complaints of up to three kinds at a time.
MultiLabelledTexts complaints(std::size_t rows, std::uint64_t seed = 4) {
  static constexpr std::pair<const char*, const char*> kKinds[] = {
      {"价格", "太贵"}, {"速度", "送得慢"}, {"味道", "不好吃"}};
  Random random(seed);
  std::string lines;
  for (std::size_t r = 0; r < rows; ++r) {
    std::string labels, text = random.below(2) == 0 ? "今天" : "这家";
    for (const auto& [label, words] : kKinds) {
      if (random.below(2) == 0) continue;
      labels += (labels.empty() ? "" : "|") + std::string(label);
      text += words + std::string(random.below(2) == 0 ? "，" : "");
    }
    lines += fmt::format("{}\t{}{}\n", labels, text, random.below(9));
  }
  return *parse_multi_labelled_texts(lines);
}

TEST(TrainLabels, EachLabelIsDecidedByItself) {
  const auto model = train_labels(complaints(300), {});
  ASSERT_TRUE(model) << model.error().text();
  EXPECT_TRUE(model->several());
  TextClassifier::Scratch scratch;
  const auto names = [&](std::string_view text) {
    const Json answer = prediction_json(*model, model->predict(text, {}, scratch));
    std::vector<std::string> out;
    for (const Json& label : *answer["labels"].if_array()) out.emplace_back(label.string_or(""));
    std::ranges::sort(out);
    EXPECT_TRUE(answer["label"].is_null());
    EXPECT_EQ(answer["scores"].if_object()->size(), 3U);
    return out;
  };
  EXPECT_THAT(names("这家太贵送得慢3"), ElementsAre("价格", "速度"));
  EXPECT_THAT(names("今天不好吃5"), ElementsAre("味道"));
  EXPECT_THAT(names("今天5"), IsEmpty());
  EXPECT_TRUE(model->predict("ЖЖЖ", {}, scratch).rejected);
  EXPECT_GT(model->metrics()["metrics"]["micro_f1"].number_or(0), 0.97);
  EXPECT_EQ(model->metrics()["per_class"].if_array()->size(), 3U);
}

TEST(TrainLabels, TwoLabelsHaveTwoColumns) {
  std::string lines;
  for (int i = 0; i < 80; ++i)
    lines += i % 4 == 0   ? "贵|慢\t太贵太慢\n"
             : i % 4 == 1 ? "贵\t太贵\n"
             : i % 4 == 2 ? "慢\t太慢\n"
                          : "\t还好\n";
  const auto model = train_labels(*parse_multi_labelled_texts(lines), {});
  ASSERT_TRUE(model) << model.error().text();
  EXPECT_EQ(model->columns(), 2U);
  TextClassifier::Scratch scratch;
  EXPECT_THAT(model->predict("太贵太慢", {}, scratch).labels, ElementsAre(0, 1));
  EXPECT_THAT(model->predict("还好", {}, scratch).labels, IsEmpty());
}

TEST(TrainLabels, StoredAndReadAgainItSaysTheSameWithAnyNumberOfThreads) {
  const auto data = complaints(200);
  std::vector<float> dense;
  Random random(2);
  for (const auto& labels : data.labels) {
    dense.push_back(static_cast<float>(labels.size()));
    dense.push_back(static_cast<float>(random.normal()));
  }
  const auto made = [&](std::size_t threads) {
    return train_labels(data, {.dense = dense, .dense_columns = 2, .threads = threads});
  };
  const auto model = made(1);
  ASSERT_TRUE(model) << model.error().text();
  const std::string bytes = encode_artefact(model->to_artefact());
  EXPECT_EQ(bytes, encode_artefact(made(3)->to_artefact()));
  const auto again = TextClassifier::from_artefact(*decode_artefact(bytes));
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(encode_artefact(again->to_artefact()), bytes);
  TextClassifier::Scratch scratch;
  const std::vector<float> vector = {1, 0};
  EXPECT_EQ(again->predict("太贵", vector, scratch).scores,
            model->predict("太贵", vector, scratch).scores);
  const auto floor = again->predict("太贵", {}, scratch);
  EXPECT_TRUE(floor.floor);
  EXPECT_TRUE(prediction_json(*again, floor)["floor"].bool_or(false));
}

TEST(TrainLabels, DamagedRulesAreRefused) {
  const Artefact good = train_labels(complaints(100), {})->to_artefact();
  const auto refused = [&](const char* rules) {
    Artefact bad = good;
    bad.header.set("rules", *parse_json(rules));
    const auto out = TextClassifier::from_artefact(bad);
    return out ? std::string() : out.error().message;
  };
  EXPECT_THAT(refused("[]"), HasSubstr("one per class"));
  EXPECT_THAT(refused("[[1,0,1,0,0.5],[1,0,1,0,0.5],[0,0,1,0,0.5]]"), HasSubstr("out of range"));
  EXPECT_THAT(refused("[[1,0,1,0,0.5],[1,0,1,0,0.5],[1,0,1,0,2]]"), HasSubstr("out of range"));
  EXPECT_THAT(refused("[[1,0,1,0,0.5],[1,0,1,0,0.5],[1,0,1]]"), HasSubstr("out of range"));
  EXPECT_THAT(refused("[[1,0,1,0,0.5],[1,0,1,0,0.5],7]"), HasSubstr("rules"));
}

TEST(TrainLabels, RefusesWhatCannotBeLearnt) {
  EXPECT_THAT(train_labels(*parse_multi_labelled_texts("a\tx\n\ty\n"), {}).error().text(),
              HasSubstr("1 labels in all texts"));
  EXPECT_THAT(train_labels(complaints(9), {}).error().text(), HasSubstr("at least 10"));
}

TEST(BestThreshold, IsWhereF1IsHighest) {
  const std::vector<double> p = {0.9, 0.8, 0.4, 0.3, 0.1};
  EXPECT_NEAR(best_threshold(p, {true, true, false, false, false}), 0.6, 1e-12);
  EXPECT_NEAR(best_threshold(p, {true, false, true, false, false}), 0.35, 1e-12);
  EXPECT_EQ(best_threshold(p, {false, false, false, false, false}), 0.5);
  // Equal probabilities are not told apart.
  EXPECT_EQ(best_threshold(std::vector<double>{0.5, 0.5}, {true, false}), 0.5);
}

TEST(MeasureLabels, CountsByHand) {
  const std::vector<std::string> classes = {"a", "b", "c", "never"};
  const Json out = measure_labels({{0, 1}, {1}, {}, {2}}, {{0}, {1}, {2}, {2}}, classes, 1);
  const Json& m = out["metrics"];
  EXPECT_NEAR(m["micro_f1"].number_or(0), 2.0 * 3 / (4 + 4), 1e-12);
  // a: 1; b: 1 of 2 predicted, 1 there: 2/3; c: 1 of 2 there: 2/3; `never` does not count.
  EXPECT_NEAR(m["macro_f1"].number_or(0), (1 + 2.0 / 3 + 2.0 / 3) / 3, 1e-12);
  EXPECT_EQ(m["subset_accuracy"].number_or(0), 0.5);
  EXPECT_EQ(m["hamming_loss"].number_or(0), 2.0 / 16);
  EXPECT_EQ(out["per_class"].if_array()->at(2)["recall"].number_or(0), 0.5);
}

TEST(LabelsTask, TrainsAndMeasuresFiles) {
  const TempFolder folder;
  std::string lines, test = "生僻|价格\t这家太贵3\n";
  const auto data = complaints(200);
  for (std::size_t r = 0; r < data.rows(); ++r) {
    std::string labels;
    for (const std::uint32_t c : data.labels[r])
      labels += (labels.empty() ? "" : "|") + data.classes[c];
    (r < 150 ? lines : test) += fmt::format("{}\t{}\n", labels, data.texts[r]);
  }
  ASSERT_TRUE(write_file(folder.path() / "train.tsv", lines));
  ASSERT_TRUE(write_file(folder.path() / "test.tsv", test));
  TrainTextArgs args;
  args.train = folder.path() / "train.tsv";
  args.validation = folder.path() / "test.tsv";
  args.several = true;
  const auto trained = train_text_task(args);
  ASSERT_TRUE(trained) << trained.error().text();
  EXPECT_EQ(trained->report["settings"]["labels"].string_or(""), "several");
  const Json& measured = trained->report["validation"];
  EXPECT_EQ(measured["rows"].int_or(0), 51);
  EXPECT_GT(measured["metrics"]["micro_f1"].number_or(0), 0.95);
  EXPECT_EQ(measured["unknown_labels"].dump(), R"(["生僻"])");
  EXPECT_EQ(measured["per_class"].if_array()->size(), 4U);
  EXPECT_GT(measured["per_class"].if_array()->at(0)["auc"].number_or(0), 0.99);
  EXPECT_TRUE(measured["per_class"].if_array()->at(3)["threshold"].is_null());
  args.calibration = "isotonic";
  EXPECT_THAT(train_text_task(args).error().text(), HasSubstr("--calibration"));
}

}  // namespace
}  // namespace zhiyin::model
