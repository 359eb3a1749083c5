#include "statistics/stats_compare.h"

#include <gtest/gtest.h>

namespace zhiyin::statistics {
namespace {

Json compare(std::string_view text) {
  const Result<Json> input = parse_json(text);
  EXPECT_TRUE(input);
  const Result<Json> out = stats_compare(*input);
  EXPECT_TRUE(out) << out.error().text();
  return out.value_or(Json());
}

Error refused(std::string_view text) {
  const Result<Json> out = stats_compare(*parse_json(text));
  EXPECT_FALSE(out);
  return out ? Error{} : out.error();
}

TEST(StatsCompare, MeansWithSquares) {
  const Json out = compare(R"({"metric":"revenue","effect":"relative","arms":[
      {"name":"control","n":3407,"sum":1396.87,"sum_squares":52377.9767},
      {"name":"new","n":3461,"sum":2422.7,"sum_squares":134698.29}]})");
  EXPECT_NEAR(out["estimate"].number_or(0), 0.70732, 5.1e-6);
  EXPECT_NEAR(out["p"].number_or(0), 0.06191, 5.1e-6);
  EXPECT_EQ(out["control"].string_or(""), "control");
  const Json& arm = out["arms"].if_array()->at(0);
  EXPECT_EQ(arm["name"].string_or(""), "new");
  EXPECT_NEAR(arm["interval"].if_array()->at(0).number_or(0), -0.03526, 5.1e-6);
  EXPECT_NEAR(arm["dof"].number_or(0), 5841.742, 5.1e-4);
}

TEST(StatsCompare, ProportionsAreTheDefaultWithoutSquares) {
  const Json out = compare(R"({"metric":"click","effect":"relative","arms":[
      {"name":"a","n":28,"sum":14},{"name":"b","n":30,"sum":16},{"name":"c","n":30,"sum":0}]})");
  const Json::Array& arms = *out["arms"].if_array();
  ASSERT_EQ(arms.size(), 2U);
  EXPECT_NEAR(arms[0]["p"].number_or(0), 0.80707, 5.1e-6);
  EXPECT_TRUE(arms[1]["refused"].string_or("").starts_with("variance is zero in an arm"));
  EXPECT_EQ(out.find("p"), nullptr);
}

TEST(StatsCompare, SequentialAndBayesian) {
  const Json sequential =
      compare(R"({"metric":"m","effect":"relative","method":"sequential","arms":[
      {"name":"a","n":3000,"sum":1396},{"name":"b","n":3461,"sum":2422}]})");
  EXPECT_NEAR(sequential["interval"].if_array()->at(1).number_or(0), 0.60675, 5.1e-6);
  EXPECT_TRUE(sequential["dof"].is_null());
  const Json bayesian = compare(R"({"metric":"m","effect":"relative","method":"bayesian","arms":[
      {"name":"a","n":100,"sum":49},{"name":"b","n":100,"sum":51}]})");
  EXPECT_NEAR(bayesian["chance_to_win"].number_or(0), 0.60918, 5.1e-6);
}

TEST(StatsCompare, SentencesFollowTheQuestion) {
  const std::string arms =
      R"("arms":[{"name":"a","n":3000,"sum":1396},{"name":"b","n":3461,"sum":2422}]})";
  const auto en = [&](std::string_view settings) {
    return std::string(compare("{" + std::string(settings) + arms)["plain"]["en"].string_or(""));
  };
  EXPECT_EQ(en(R"("one_sided":"lesser",)").find("No evidence of less than the control"), 0U);
  EXPECT_EQ(en(R"("metric":"buyers","one_sided":"lesser",)").find("buyers: no evidence of less"),
            0U);
  EXPECT_NE(en(R"("one_sided":"greater",)").find("at least"), std::string::npos);
  EXPECT_NE(en(R"("method":"bayesian",)").find("more than 99.9 %"), std::string::npos);
}

TEST(StatsCompare, SeveralArmsHaveOneSentenceOfAll) {
  const std::string arms = R"("arms":[{"name":"a","n":3000,"sum":1396},
      {"name":"b","n":3461,"sum":2422},{"name":"c","n":3000,"sum":900},
      {"name":"d","n":3000,"sum":1400},{"name":"e","n":3000,"sum":0}]})";
  const Json out = compare("{" + arms);
  EXPECT_EQ(out["plain"]["en"].string_or(""),
            "Of 4 arms beside the control, more: 1 (b); less: 1 (c); no evidence of a difference: "
            "1 (d); no result: 1 (e). Their p values are not corrected for being several: see "
            "stats adjust.");
  EXPECT_EQ(out["plain"]["zh"].string_or(""),
            "4 组与对照组相比：高于对照组 1 (b)，低于对照组 1 (c)，看不出差别 1 (d)，没有结论 1 "
            "(e)。各组的 p 未作多重比较校正（见 stats adjust）。");
  EXPECT_EQ(out.find("p"), nullptr);
  const Json bayesian = compare(R"({"metric":"buyers","method":"bayesian",)" + arms);
  const std::string_view en = bayesian["plain"]["en"].string_or("");
  EXPECT_EQ(en.find("buyers: Of 4 arms beside the control, more: 1 (b); less: 1 (c);"), 0U) << en;
  EXPECT_EQ(en.find("p values"), std::string_view::npos);
}

TEST(StatsCompare, FarInTheOtherDirectionIsAtLeastHalf) {
  // The one-sided sequential p is not searched for beyond .4999.
  const Json out = compare(R"({"method":"sequential","one_sided":"greater","arms":[
      {"name":"a","n":3000,"sum":2000},{"name":"b","n":3000,"sum":1000}]})");
  EXPECT_DOUBLE_EQ(out["p"].number_or(0), 0.4999);
  const std::string_view en = out["plain"]["en"].string_or("");
  EXPECT_NE(en.find("at least half of such comparisons"), std::string_view::npos) << en;
}

TEST(StatsCompare, StrataAndGroupsOfProportionsAreInPercentagePoints) {
  const auto en = [](std::string_view text) {
    return std::string(compare(text)["plain"]["en"].string_or(""));
  };
  constexpr std::string_view kPoints = "percentage points";
  EXPECT_NE(en(R"({"arms":[
      {"name":"a","strata":[{"name":"x","n":600,"sum":300},{"name":"y","n":400,"sum":40}]},
      {"name":"b","strata":[{"name":"x","n":600,"sum":350},{"name":"y","n":400,"sum":60}]}]})")
                .find(kPoints),
            std::string::npos);
  EXPECT_EQ(en(R"({"arms":[{"name":"a","strata":[{"name":"x","n":600,"sum":300,"sum_squares":900}]},
      {"name":"b","strata":[{"name":"x","n":600,"sum":350,"sum_squares":900}]}]})")
                .find(kPoints),
            std::string::npos);
  const std::string groups = R"("arms":[
      {"name":"a","groups":[{"members":10,"sum":3},{"members":12,"sum":5},{"members":9,"sum":2}]},
      {"name":"b","groups":[{"members":10,"sum":6},{"members":12,"sum":7},{"members":9,"sum":4}]}]})";
  EXPECT_NE(en(R"({"kind":"proportion",)" + groups).find(kPoints), std::string::npos);
  EXPECT_EQ(en("{" + groups).find(kPoints), std::string::npos);
}

TEST(StatsCompare, WeightsBringTheSampleRatioCheck) {
  const Json out = compare(R"({"metric":"m","effect":"absolute","arms":[
      {"name":"a","n":5300,"sum":10,"weight":0.5},{"name":"b","n":4700,"sum":12,"weight":0.5}]})");
  EXPECT_TRUE(out["srm"]["alarm"].bool_or(false));
}

TEST(StatsCompare, RefusesSmallArmsWithTheReason) {
  const Json out = compare(R"({"metric":"m","effect":"absolute","arms":[
      {"name":"a","n":1,"sum":1},{"name":"b","n":100,"sum":12}]})");
  EXPECT_EQ(out["refused"].string_or(""), "an arm has fewer than two users");
}

TEST(StatsCompare, NamesWhatIsWrongWithTheInput) {
  EXPECT_EQ(refused(R"({"metric":"m","effect":"absolute","arms":[
      {"name":"a","n":1,"sum":1},{"name":"b","sum":12}]})")
                .field,
            "arms[1].n");
  EXPECT_NE(refused(R"({"metric":"m","effct":"absolute","arms":[
      {"name":"a","n":1,"sum":1},{"name":"b","n":2,"sum":12}]})")
                .text()
                .find("effct"),
            std::string::npos);
  EXPECT_EQ(
      refused(R"({"metric":"m","effect":"absolute","arms":[{"name":"a","n":1,"sum":1}]})").field,
      "arms");
  EXPECT_EQ(refused(R"({"metric":"m","effect":"absolute","arms":[
      {"name":"a","n":10,"sum":1},{"name":"b","n":20,"sum":12,"sum_squares":50}]})")
                .field,
            "arms[1].kind");
}

}  // namespace
}  // namespace zhiyin::statistics
