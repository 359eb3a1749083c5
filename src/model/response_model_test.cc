#include "model/response_model.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/crypto.h"
#include "base/random.h"
#include "model/artefact.h"
#include "model/train_response.h"

namespace zhiyin::model {
namespace {

/// Response depends on likes (skewed) and reading; noise does nothing; reading has gaps.
FeatureTable people(std::size_t rows, std::uint64_t seed) {
  Random random(seed);
  FeatureTable t;
  t.names = {"likes", "reading", "noise"};
  for (std::size_t r = 0; r < rows; ++r) {
    const double likes = std::floor(std::exp(1.2 * random.normal()));
    const double reading = 60 + 20 * random.normal();
    const double z = 1.5 * std::log1p(likes) + (reading - 60) / 20 - 2;
    const double seen = random.uniform() < 0.1 ? std::nan("") : reading;
    const double x[] = {likes, seen, random.normal()};
    t.add("p" + std::to_string(r), x, random.uniform() < sigmoid(z) ? 1 : 0);
  }
  return t;
}

const TrainedResponse& trained() {
  static const TrainedResponse out = train_response(people(3000, 4), {}).value();
  return out;
}

TEST(TrainResponse, PredictsBetterThanChanceAndIsCalibrated) {
  const auto& values = trained().test.values;
  EXPECT_GT(values.at("auc"), 0.75);
  EXPECT_GT(values.at("accuracy"), 0.7);
  EXPECT_LT(values.at("ece"), 0.08);
  for (const auto& [name, interval] : trained().test.intervals) {
    EXPECT_LE(interval.low, values.at(name)) << name;
    EXPECT_GE(interval.high, values.at(name)) << name;
    EXPECT_LT(interval.low, interval.high) << name;
  }
  EXPECT_EQ(trained().train_rows + trained().validation_rows + trained().test_rows, 3000U);
  EXPECT_EQ(trained().test.confusion.total(), 600);
  EXPECT_TRUE(trained().warnings.empty());
}

TEST(TrainResponse, SameSeedSameBytes) {
  const auto again = train_response(people(3000, 4), {});
  ASSERT_TRUE(again);
  EXPECT_EQ(again->model.encode(), trained().model.encode());
  EXPECT_EQ(again->metrics_json().dump(), trained().metrics_json().dump());
  ResponseSettings other;
  other.seed = 2;
  EXPECT_NE(train_response(people(3000, 4), other)->model.encode(), trained().model.encode());
}

TEST(TrainResponse, TestLabelsChangeNothingThatIsLearnt) {
  FeatureTable t = people(1000, 6);
  const Split split = split_rows(t, 1);
  const auto before = train_response(t, {});
  // Features of the test part are turned upside down: the model must not notice.
  for (const auto r : split.test) {
    for (std::size_t c = 0; c < t.columns(); ++c) t.values[r * t.columns() + c] *= -3;
  }
  const auto after = train_response(t, {});
  ASSERT_TRUE(before && after);
  EXPECT_EQ(before->model.encode(), after->model.encode());
  EXPECT_NE(before->test.values.at("auc"), after->test.values.at("auc"));
}

TEST(TrainResponse, RefusesDegenerateLabels) {
  FeatureTable t = people(100, 1);
  std::fill(t.labels.begin(), t.labels.end(), 0);
  t.labels[0] = 1;
  const auto out = train_response(t, {});
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().field, "label");
  EXPECT_NE(out.error().message.find("degenerate: 1 of 100"), std::string::npos);
  EXPECT_FALSE(train_response({}, {}));
}

TEST(TrainResponse, WarnsOfFeaturesThatGiveTheAnswerAway) {
  FeatureTable t = people(500, 2);
  t.names.push_back("thanked");
  FeatureTable leaky;
  leaky.names = t.names;
  for (std::size_t r = 0; r < t.row_ids.size(); ++r) {
    const double x[] = {t.values[3 * r], t.values[3 * r + 1], t.values[3 * r + 2],
                        static_cast<double>(t.labels[r])};
    leaky.add(t.row_ids[r], x, t.labels[r]);
  }
  const auto out = train_response(leaky, {});
  ASSERT_TRUE(out);
  ASSERT_EQ(out->warnings.size(), 1U);
  EXPECT_NE(out->warnings[0].find("'thanked'"), std::string::npos);
}

TEST(TrainResponse, CanBeCancelled) {
  ResponseSettings settings;
  settings.progress = [](double) { return false; };
  EXPECT_EQ(train_response(people(200, 2), settings).error().code, ErrorCode::kDeadline);
}

TEST(ResponseModel, StoredAndReadBackItIsTheSame) {
  const std::string bytes = trained().model.encode();
  const auto back = ResponseModel::decode(bytes);
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(back->encode(), bytes);
  const double x[] = {3, 70, 0.5};
  EXPECT_EQ(back->probability(x), trained().model.probability(x));
  EXPECT_EQ(back->feature_names(), (std::vector<std::string>{"likes", "reading", "noise"}));
}

TEST(ResponseModel, NamesMayBeAbsentOrUnknown) {
  const double x[] = {3, std::nan(""), 0.5};
  EXPECT_EQ(trained().model.probability({{"likes", 3}, {"noise", 0.5}, {"other", 9}}),
            trained().model.probability(x));
}

TEST(ResponseModel, ContributionsAddUpToTheLogOdds) {
  const ResponseModel& m = trained().model;
  const double x[] = {10, std::nan(""), -0.5};
  double sum =
      m.parts().calibration.slope * m.parts().logistic.intercept + m.parts().calibration.shift;
  const auto why = m.explain(x, 10);
  for (const Contribution& c : why) sum += c.log_odds;
  EXPECT_NEAR(sigmoid(sum), m.probability(x), 1e-12);
  EXPECT_EQ(why[0].feature, "likes");
  EXPECT_GT(why[0].log_odds, 0);
  EXPECT_EQ(m.explain(x, 1).size(), 1U);
  EXPECT_NE(contribution_words(why[0], true).find("likes 为 10，提高"), std::string::npos);
  EXPECT_NE(contribution_words(why[0], false).find("raises"), std::string::npos);
}

TEST(ResponseModel, CoefficientTableNamesTheStrongestFirst) {
  const Json table = coefficient_table(trained().model);
  const Json& first = table.if_array()->at(0);
  EXPECT_EQ(first["feature"].string_or(""), "likes");
  EXPECT_GT(first["odds_ratio"].number_or(0), 1);
  EXPECT_FALSE(first["words"]["zh"].string_or("").empty());
}

TEST(ResponseModel, DamagedBytesAreRefusedWhereverTheDamageIs) {
  const std::string bytes = trained().model.encode();
  for (std::size_t i = 0; i < bytes.size(); i += 13) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x20);
    const auto out = ResponseModel::decode(damaged);
    ASSERT_FALSE(out) << i;
    EXPECT_EQ(out.error().code, ErrorCode::kDataLoss) << i;
  }
  for (std::size_t n = 0; n < bytes.size(); n += 29) {
    EXPECT_FALSE(ResponseModel::decode(bytes.substr(0, n))) << n;
  }
}

TEST(ResponseModel, OtherKindsAndMisshapenHeadersAreRefused) {
  EXPECT_EQ(ResponseModel::decode(encode_artefact({"recommend", Json::object(), ""})).error().code,
            ErrorCode::kDataLoss);
  EXPECT_EQ(ResponseModel::decode(encode_artefact({"response", Json::object(), ""})).error().code,
            ErrorCode::kDataLoss);
}

TEST(Artefact, KeepsKindHeaderAndPayload) {
  const Artefact a{"kind", Json::object().set("a", 1.5), std::string("\0\1\2", 3)};
  const auto back = decode_artefact(encode_artefact(a));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->kind, a.kind);
  EXPECT_EQ(back->header, a.header);
  EXPECT_EQ(back->payload, a.payload);
}

TEST(Artefact, ReadsTheFileOfVersionOne) {
  // As written when the format was fixed: it must stay readable.
  const auto bytes = crypto::unhex(
      "5a594d4401000000060000000000000073616d706c6507000000000000007b226e223a377d070000"
      "00000000007061796c6f6164d2f6360a6f38aa41386d24a546764500f449821f66f42ae0879c474c"
      "6245f37c");
  ASSERT_TRUE(bytes);
  const auto back = decode_artefact(*bytes);
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(back->kind, "sample");
  EXPECT_EQ(back->header["n"].int_or(0), 7);
  EXPECT_EQ(back->payload, "payload");
}

}  // namespace
}  // namespace zhiyin::model
