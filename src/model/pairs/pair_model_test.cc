#include "model/pairs/pair_model.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/file.h"
#include "base/random.h"
#include "model/pairs/pair_task.h"
#include "model/pairs/train_pair.h"

namespace zhiyin::model {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string message_of(std::string_view lines) {
  const auto out = parse_labelled_pairs(lines);
  return out ? std::string() : out.error().message;
}

TEST(LabelledPairs, TextsAreKeptOnceAndLabelsAreNumbersOrWords) {
  const auto data = parse_labelled_pairs(
      "\xef\xbb\xbflabel\ta\tb\r\n1\t怎么退款\t如何退款\r\nsame\t如何退款\t退款\n0\t退款\t天气\n"
      "different\t天气\t天气");
  ASSERT_TRUE(data) << data.error().text();
  EXPECT_TRUE(data->header);
  EXPECT_THAT(data->texts, ElementsAre("怎么退款", "如何退款", "退款", "天气"));
  EXPECT_THAT(data->first, ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(data->second, ElementsAre(1, 2, 3, 3));
  EXPECT_THAT(data->same, ElementsAre(1, 1, 0, 0));
}

TEST(LabelledPairs, TheFirstWrongLineIsNamedAndAllAreCounted) {
  EXPECT_THAT(message_of("1\ta\tb\n2\ta\tb\n"), HasSubstr("line 2 begins with '2'"));
  EXPECT_THAT(message_of("1\ta\n"), HasSubstr("line 1 has no tab between its two texts"));
  EXPECT_THAT(message_of("1\ta\tb\tc\n\n"), HasSubstr("more than two texts"));
  EXPECT_THAT(message_of("1\ta\tb\tc\n\n1\ta\tb\n\r\n\n"), HasSubstr("and 1 more lines are wrong"));
  EXPECT_THAT(message_of("1\t \tb\n"), HasSubstr("no first text"));
  EXPECT_THAT(message_of("1\ta\t\n"), HasSubstr("no second text"));
  EXPECT_THAT(message_of("1\ta\t\xff\n"), HasSubstr("not UTF-8"));
  EXPECT_THAT(message_of("1\n"), HasSubstr("line 1"));
  EXPECT_THAT(message_of(""), HasSubstr("no rows"));
}

double likeness(std::string_view a, std::string_view b, std::string_view name) {
  PairSide first, second;
  fold_side(a, first);
  fold_side(b, second);
  const auto at = std::ranges::find(kLikenessNames, name) - kLikenessNames.begin();
  return likeness_of(first, second).at(static_cast<std::size_t>(at));
}

TEST(Likeness, CountsWhatCharactersHaveInCommon) {
  EXPECT_DOUBLE_EQ(likeness("ＡＢ退款", "ab退貨", "jaccard_1"), 3.0 / 5);
  EXPECT_DOUBLE_EQ(likeness("退款", "我要退款", "overlap_2"), 1);
  EXPECT_DOUBLE_EQ(likeness("退款", "我要退款", "jaccard_2"), 1.0 / 3);
  EXPECT_DOUBLE_EQ(likeness("abcd", "axcd", "subsequence"), 0.75);
  EXPECT_DOUBLE_EQ(likeness("abcd", "axcd", "substring"), 0.5);
  EXPECT_DOUBLE_EQ(likeness("abcd", "axcd", "prefix"), 0.25);
  EXPECT_DOUBLE_EQ(likeness("abcd", "axcd", "suffix"), 0.5);
  EXPECT_DOUBLE_EQ(likeness("可以", "不可以", "negations_differ"), 1);
  EXPECT_DOUBLE_EQ(likeness("3天", "三天", "numbers_differ"), 1);
  EXPECT_DOUBLE_EQ(likeness("第3天a", "A第3", "numbers_differ"), 0);
  for (const std::string_view name : kLikenessNames) {
    EXPECT_TRUE(std::isfinite(likeness("", "", name))) << name;
    EXPECT_EQ(likeness("", "退款abc12", name), likeness("退款abc12", "", name)) << name;
  }
}

/// Questions made of a subject that decides and of words that do not.
LabelledPairs questions(std::size_t rows) {
  static constexpr const char* kSubjects[] = {"退款", "发货", "发票", "密码", "地址", "优惠券"};
  static constexpr const char* kBefore[] = {"怎么查", "如何看", "请问", "我想问"};
  static constexpr const char* kAfter[] = {"？", "呢", "啊", ""};
  Random random(3);
  std::string lines;
  const auto question = [&](std::size_t subject) {
    return fmt::format("{}{}{}{}", kBefore[random.below(4)], random.below(1000), kSubjects[subject],
                       kAfter[random.below(4)]);
  };
  for (std::size_t r = 0; r < rows; ++r) {
    const std::size_t subject = random.below(6);
    const bool same = r % 2 == 0;
    const std::size_t other = same ? subject : (subject + 1 + random.below(5)) % 6;
    lines += fmt::format("{}\t{}\t{}\n", same ? 1 : 0, question(subject), question(other));
  }
  return *parse_labelled_pairs(lines);
}

/// Vectors in which the subject stands in one place and chance in the others.
std::vector<float> vectors_for_test(std::span<const std::string> texts, std::size_t width) {
  std::vector<float> out;
  for (const std::string& text : texts) {
    Random random(std::hash<std::string>{}(text.substr(0, 9)));
    float subject = 0;
    for (const auto& [word, value] : {std::pair("退款", 3.F),
                                      {"发货", -3.F},
                                      {"发票", 2.F},
                                      {"密码", -2.F},
                                      {"地址", 1.F},
                                      {"优惠券", -1.F}})
      if (text.contains(word)) subject = value;
    out.push_back(subject);
    for (std::size_t i = 1; i < width; ++i) out.push_back(static_cast<float>(random.normal()));
  }
  return out;
}

PairModel trained(TrainPairSettings settings = {}, std::size_t rows = 400) {
  const LabelledPairs data = questions(rows);
  std::vector<float> vectors;
  if (settings.dense_columns > 0) {
    vectors = vectors_for_test(data.texts, settings.dense_columns);
    settings.vectors = vectors;
    settings.encoder = "e";
  }
  auto out = train_pair(data, settings);
  EXPECT_TRUE(out) << out.error().text();
  return std::move(*out);
}

TEST(PairModel, LearnsAndIsSureAndSymmetric) {
  const PairModel model = trained();
  PairModel::Scratch scratch;
  const auto same = model.predict("怎么查12退款？", "请问777退款啊", {}, {}, scratch);
  const auto different = model.predict("怎么查12退款？", "请问777密码啊", {}, {}, scratch);
  EXPECT_GT(same.same, 0.7);
  EXPECT_LT(different.same, 0.3);
  EXPECT_FALSE(same.floor);
  EXPECT_EQ(different.same, model.predict("请问777密码啊", "怎么查12退款？", {}, {}, scratch).same);
  EXPECT_GT(model.metrics()["metrics"]["auc"].number_or(0), 0.95);
  EXPECT_TRUE(model.settings()["folds_share_no_text"].bool_or(false));
}

TEST(PairModel, NothingKnownIsRejected) {
  const PairModel model = trained();
  PairModel::Scratch scratch;
  EXPECT_TRUE(model.predict("ЖЖ", "ШШ", {}, {}, scratch).rejected);
  EXPECT_TRUE(model.predict("", "", {}, {}, scratch).rejected);
}

TEST(PairModel, WithTheEncoderItIsBetterAndWithoutItSaysSo) {
  const PairModel model = trained({.dense_columns = 4});
  ASSERT_TRUE(model.has_floor());
  PairModel::Scratch scratch;
  const std::vector<float> u = {3, 0, 0, 0}, v = {3, 0, 0, 0}, w = {-3, 0, 0, 0};
  const auto near = model.predict("甲退款", "乙退款", u, v, scratch);
  const auto far = model.predict("甲退款", "乙退款", u, w, scratch);
  EXPECT_GT(near.same, far.same);
  EXPECT_EQ(near.cosine, 1);
  EXPECT_EQ(model.predict("乙退款", "甲退款", w, u, scratch).same, far.same);
  const auto floor = model.predict("甲退款", "乙退款", {}, {}, scratch);
  EXPECT_TRUE(floor.floor);
  EXPECT_FALSE(floor.cosine);
  EXPECT_TRUE(prediction_json(floor)["floor"].bool_or(false));
  EXPECT_TRUE(prediction_json(near)["floor"].is_null());
  EXPECT_GT(model.metrics()["floor"]["auc"].number_or(0), 0.9);
}

TEST(PairModel, TheStoredDecisionIsTheTrainedOne) {
  // One pair's decision by the model, against the sum of weights that training found.
  const LabelledPairs data = questions(200);
  const auto vectors = vectors_for_test(data.texts, 3);
  const auto model = train_pair(data, {.vectors = vectors, .dense_columns = 3, .c = 100});
  ASSERT_TRUE(model);
  PairModel::Scratch scratch;
  std::size_t right = 0;
  for (std::size_t r = 0; r < data.rows(); ++r) {
    const auto vector = [&](std::uint32_t t) { return std::span(vectors).subspan(t * 3, 3); };
    const auto p = model->predict(data.texts[data.first[r]], data.texts[data.second[r]],
                                  vector(data.first[r]), vector(data.second[r]), scratch);
    right += (p.same >= 0.5) == (data.same[r] == 1) ? 1 : 0;
  }
  EXPECT_GE(right, 198U);  // learnt by heart
}

TEST(PairModel, ReasonsAddUpAndNameWhereWordsStand) {
  const PairModel model = trained({.dense_columns = 4});
  PairModel::Scratch scratch;
  const std::vector<float> u = {3, 1, 0, 2}, v = {-1, 0, .5, 0};
  const std::string first = "怎么查12退款？", second = "请问退款啊";
  for (const bool with : {true, false}) {
    const auto at = [&](const std::vector<float>& x) {
      return with ? std::span<const float>(x) : std::span<const float>();
    };
    const auto why = model.explain(first, second, at(u), at(v), 1000);
    double sum = why.intercept + why.encoder + why.cosine;
    for (const double part : why.likeness) sum += part;
    std::map<std::string, PairTerm> terms;
    for (const PairTerm& term : why.terms) {
      sum += term.weight;
      terms[term.term] = term;
    }
    EXPECT_NEAR(sum, why.decision, 1e-9);
    EXPECT_NEAR(why.decision, model.decide(first, second, at(u), at(v), scratch).total(), 1e-9);
    ASSERT_TRUE(terms.contains("退款"));
    EXPECT_EQ(first.substr(terms["退款"].first.at(0).first, 6), "退款");
    EXPECT_EQ(second.substr(terms["退款"].second.at(0).first, 6), "退款");
    ASSERT_TRUE(terms.contains("请问"));
    EXPECT_TRUE(terms["请问"].first.empty());
    EXPECT_EQ(model.explain(first, second, at(u), at(v), 2).terms.size(), 2U);
  }
  const Json said = explanation_json(model.explain(first, second, u, v, 1));
  EXPECT_FALSE(said["likeness"]["tf_idf"].is_null());
  EXPECT_EQ(said["terms"].if_array()->size(), 1U);
}

TEST(PairModel, UnfamiliarPairsAreDecidedByTheCosine) {
  const PairModel model = trained({.dense_columns = 4});
  PairModel::Scratch scratch;
  const std::vector<float> u = {3, 0, 0, 0}, near = {3, .1F, 0, 0}, far = {0, 3, 0, 0};
  const auto strange = model.decide("ЖЖЖ", "ШШШ", u, near, scratch);
  EXPECT_EQ(strange.familiarity, 0);
  EXPECT_EQ(strange.own, 0);
  EXPECT_EQ(strange.total(), strange.general);
  EXPECT_TRUE(model.predict("ЖЖЖ", "ШШШ", u, near, scratch).unfamiliar);
  // The same cosine, the same answer; a larger one, a higher probability.
  EXPECT_EQ(model.predict("ЖЖЖ", "ШШШ", u, near, scratch).same,
            model.predict("ЩЩ", "ЪЪЪЪ", near, u, scratch).same);
  EXPECT_GT(model.predict("ЖЖЖ", "ШШШ", u, near, scratch).same,
            model.predict("ЖЖЖ", "ШШШ", u, far, scratch).same);
  const auto usual = model.predict("怎么查12退款？", "请问777退款啊", u, u, scratch);
  EXPECT_FALSE(usual.unfamiliar);
  EXPECT_GT(usual.familiarity, 0.5);
  EXPECT_FALSE(prediction_json(usual)["unfamiliar"].bool_or(true));
  EXPECT_EQ(own_share(0.5, 0, 0), 1);
  EXPECT_EQ(own_share(0.5, 0.4, 0.6), 0.5);
  EXPECT_EQ(own_share(0.5, 0.5, 0.5), 1);
  EXPECT_EQ(own_share(0.4, 0.5, 0.5), 0);
}

TEST(PairModel, KeepsWhatItsPairsLookedLike) {
  const PairModel model = trained();
  EXPECT_EQ(model.reference().rows, 400U);
  EXPECT_NEAR(model.reference().labels[0] + model.reference().labels[1], 1, 1e-12);
  EXPECT_EQ(PairModel::from_artefact(model.to_artefact())->reference(), model.reference());
  EXPECT_EQ(pair_text("b", "a"), pair_text("a", "b"));
}

TEST(PairModel, OlderFormsDecideAlone) {
  const PairModel model = trained({.dense_columns = 4});
  Artefact old = model.to_artefact();
  Json header = Json::object();
  for (const auto& [name, value] : *old.header.if_object())
    if (name != "general" && name != "familiar") header.set(name, value);
  old.header = std::move(header);
  const auto read = PairModel::from_artefact(old);
  ASSERT_TRUE(read) << read.error().text();
  PairModel::Scratch scratch;
  const std::vector<float> u = {3, 0, 0, 0};
  EXPECT_EQ(read->decide("ЖЖЖ", "ШШШ", u, u, scratch).own, 1);
}

TEST(PairModel, SameSeedSameBytesWithAnyNumberOfThreads) {
  const auto bytes = [](std::size_t threads, std::uint64_t seed) {
    return encode_artefact(
        trained({.dense_columns = 4, .seed = seed, .threads = threads}).to_artefact());
  };
  EXPECT_EQ(bytes(1, 1), bytes(3, 1));
  EXPECT_NE(bytes(1, 1), bytes(1, 2));
}

TEST(PairModel, FewerNgramsWhereAskedFor) {
  const PairModel all = trained();
  const PairModel few = trained({.features_max = 50});
  EXPECT_GT(all.features(), 50U);
  EXPECT_EQ(few.features(), 50U);
  EXPECT_GT(few.metrics()["metrics"]["auc"].number_or(0), 0.9);
}

TEST(PairModel, StoredAndReadAgainItSaysTheSame) {
  const PairModel model = trained({.dense_columns = 4});
  const Artefact artefact = model.to_artefact();
  const auto again = PairModel::from_artefact(artefact);
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(encode_artefact(again->to_artefact()), encode_artefact(artefact));
  PairModel::Scratch scratch;
  const std::vector<float> u = {3, 1, 0, 2}, v = {-1, 0, .5, 0};
  EXPECT_EQ(model.predict("怎么查退款", "退款", u, v, scratch).same,
            again->predict("怎么查退款", "退款", u, v, scratch).same);
}

TEST(PairModel, DamagedFormsAreRefused) {
  const Artefact good = trained({.dense_columns = 4}).to_artefact();
  const auto refused = [&](auto change) {
    Artefact bad = good;
    change(bad);
    const auto out = PairModel::from_artefact(bad);
    EXPECT_FALSE(out);
    return out ? std::string() : out.error().message;
  };
  EXPECT_THAT(refused([](Artefact& a) { a.kind = "text"; }), HasSubstr("kind 'text'"));
  EXPECT_THAT(refused([](Artefact& a) { a.payload.pop_back(); }), HasSubstr("another length"));
  EXPECT_THAT(refused([](Artefact& a) { a.payload += '\0'; }), HasSubstr("another length"));
  EXPECT_THAT(refused([](Artefact& a) { a.header.set("features", -1); }), HasSubstr("'features'"));
  EXPECT_THAT(refused([](Artefact& a) { a.header.set("features", std::int64_t{1} << 60); }),
              HasSubstr("'features'"));
  EXPECT_THAT(refused([](Artefact& a) { a.header.set("dense_columns", 60'000); }),
              HasSubstr("another length"));
  EXPECT_THAT(refused([](Artefact& a) { a.header.set("likeness", Json::array()); }),
              HasSubstr("without 'likeness'"));
  EXPECT_THAT(refused([](Artefact& a) { a.header.set("floor_likeness", Json::array()); }),
              HasSubstr("'floor_likeness'"));
  EXPECT_THAT(refused([](Artefact& a) { a.header.set("general", Json::Array{Json(1), Json(0)}); }),
              HasSubstr("'general' or 'familiar'"));
  EXPECT_THAT(refused([](Artefact& a) { a.header.set("familiar", Json::Array{Json(1)}); }),
              HasSubstr("'general' or 'familiar'"));
  EXPECT_THAT(refused([](Artefact& a) { a.header.set("threshold", 2); }),
              HasSubstr("out of range"));
  EXPECT_THAT(refused([](Artefact& a) {
                a.header.set("calibration", Json().set("slope", 0).set("shift", 0));
              }),
              HasSubstr("does not rise"));
  EXPECT_THAT(refused([](Artefact& a) { std::ranges::fill(a.payload, '\xff'); }),
              HasSubstr("not finite"));
  EXPECT_THAT(refused([](Artefact& a) { a.payload.replace(0, 8, 8, '\0'); }),
              HasSubstr("not ascending"));
}

TEST(GroupedFolds, NoTextStandsInTwo) {
  std::string lines;
  Random random(9);
  for (int i = 0; i < 300; ++i)
    lines += fmt::format("{}\tq{}\tq{}\n", i % 2, i, i % 3 == 0 ? i + 1 : 1000 + i);
  const auto data = parse_labelled_pairs(lines);
  ASSERT_TRUE(data);
  const auto fold = grouped_folds(*data, 5, 1);
  ASSERT_EQ(fold.size(), data->rows());
  std::map<std::uint32_t, std::set<std::uint32_t>> of_text;
  std::map<std::uint32_t, std::size_t> pairs;
  for (std::size_t r = 0; r < fold.size(); ++r) {
    of_text[data->first[r]].insert(fold[r]);
    of_text[data->second[r]].insert(fold[r]);
    ++pairs[fold[r]];
  }
  for (const auto& [text, folds] : of_text) EXPECT_EQ(folds.size(), 1U) << data->texts[text];
  for (const auto& [f, n] : pairs) EXPECT_NEAR(static_cast<double>(n), 60, 2) << f;
  EXPECT_NE(fold, grouped_folds(*data, 5, 2));
}

TEST(GroupedFolds, OneTextInAllPairsCannotBeGrouped) {
  std::string lines;
  for (int i = 0; i < 100; ++i) lines += fmt::format("{}\tq\tq{}\n", i % 2, i);
  const auto data = parse_labelled_pairs(lines);
  EXPECT_TRUE(grouped_folds(*data, 5, 1).empty());
  const auto model = train_pair(*data, {});
  ASSERT_TRUE(model) << model.error().text();
  EXPECT_FALSE(model->settings()["folds_share_no_text"].bool_or(true));
}

TEST(TrainPair, RefusesWhatCannotBeLearntFrom) {
  const auto refused = [](std::string_view lines, TrainPairSettings settings = {}) {
    const auto out = train_pair(*parse_labelled_pairs(lines), settings);
    return out ? std::string() : out.error().text();
  };
  std::string one_label;
  for (int i = 0; i < 40; ++i) one_label += fmt::format("1\tq{}\tp{}\n", i, i);
  EXPECT_THAT(refused(one_label), HasSubstr("40 pairs mean the same and 0 do not"));
  EXPECT_THAT(refused(one_label, {.characters = false}), HasSubstr("neither characters"));
  EXPECT_THAT(refused(one_label, {.folds = 1}), HasSubstr("folds"));
}

TEST(PairTask, TrainsAndMeasuresFiles) {
  const TempFolder folder;
  const LabelledPairs data = questions(300);
  std::string lines;
  for (std::size_t r = 0; r < data.rows(); ++r)
    lines += fmt::format("{}\t{}\t{}\n", data.same[r], data.texts[data.first[r]],
                         data.texts[data.second[r]]);
  ASSERT_TRUE(write_file(folder.path() / "pairs.tsv", lines));
  const OpenEncoder opener = [] {
    return Vectorise{"e",
                     [](std::span<const std::string_view> texts,
                        const std::function<bool(double)>&) -> Result<TextVectors> {
                       const std::vector<std::string> copies(texts.begin(), texts.end());
                       return TextVectors{vectors_for_test(copies, 3), 3};
                     }};
  };
  TrainPairArgs args{.train = folder.path() / "pairs.tsv",
                     .validation = folder.path() / "pairs.tsv",
                     .features = {},
                     .open_encoder = opener,
                     .progress = {}};
  const auto joined = train_pair_task(args);
  ASSERT_TRUE(joined) << joined.error().text();
  EXPECT_EQ(joined->model.dense_columns(), 3U);
  const Json& measured = joined->report["validation"];
  EXPECT_GT(measured["metrics"]["auc"].number_or(0), 0.95);
  EXPECT_GT(measured["floor"]["auc"].number_or(0), 0.9);
  EXPECT_GT(measured["baseline"]["cosine"]["auc"].number_or(0), 0.5);
  EXPECT_GT(measured["baseline"]["jaccard"]["auc"].number_or(0), 0.5);
  EXPECT_EQ(measured["intervals"]["auc"].if_array()->size(), 2U);

  // Without the encoder it answers by characters; with another one it says so; measuring refuses.
  const auto usable = encoder_or_floor(joined->model, {});
  ASSERT_TRUE(usable);
  EXPECT_THAT(usable->instead, HasSubstr("characters alone"));
  EXPECT_FALSE(evaluate_pair_task(joined->model, "m", data, {}, 1));
  EXPECT_EQ(vectors_for(joined->model, {"other", opener()->run}, {}).error().code,
            ErrorCode::kInvalidArgument);

  args.open_encoder = {};
  const auto alone = train_pair_task(args);
  ASSERT_TRUE(alone) << alone.error().text();
  EXPECT_EQ(alone->model.dense_columns(), 0U);
  EXPECT_TRUE(alone->report["validation"]["baseline"]["cosine"].is_null());
  args.features = "joined";
  EXPECT_EQ(train_pair_task(args).error().code, ErrorCode::kUnavailable);
  args.features = "words";
  EXPECT_THAT(train_pair_task(args).error().text(), HasSubstr("--features"));
}

}  // namespace
}  // namespace zhiyin::model
