#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"
#include "statistics/command/cause_commands.h"
#include "statistics/command/detect_command.h"
#include "statistics/command/experiment_commands.h"
#include "statistics/command/value_commands.h"
#include "statistics/stats_compare.h"

namespace zhiyin::statistics {
namespace {

using ::testing::HasSubstr;

Json json(std::string_view text) { return parse_json(text).value(); }

void expect_described(const Json& out) {
  EXPECT_NE(out["method"].string_or(""), "");
  EXPECT_FALSE(out["assumptions"].if_array()->empty());
  EXPECT_NE(out["plain"]["zh"].string_or(""), "");
  EXPECT_NE(out["plain"]["en"].string_or(""), "");
}

TEST(Power, PublishedExampleAsTheCommandGivesIt) {
  const auto out = stats_power(
      json(R"({"mean":10,"variance":3909.99977,"users":400000,"arms":3,"effect_size":0.05})"));
  ASSERT_TRUE(out) << out.error().text();
  EXPECT_NEAR((*out)["power"].number_or(0), 0.52144, 5.1e-6);
  EXPECT_NEAR((*out)["minimum_effect"].number_or(0), 0.07027, 5.1e-6);
  expect_described(*out);
  const auto size = stats_samplesize(
      json(R"({"mean":10,"variance":3909.99977,"arms":3,"effect_size":0.0702688,"power":0.8})"));
  EXPECT_NEAR((*size)["users"].number_or(0) / 400000, 1, 1e-3);
  const auto running =
      stats_power(json(R"({"evidence":{"se":0.01,"users":10000},"effect_size":0.02,"goals":2})"));
  EXPECT_GT((*running)["users_more"].number_or(0), 0);
  EXPECT_EQ(stats_power(json(R"({"mean":10,"users":100})")).error().field, "variance");
  EXPECT_EQ(stats_samplesize(json(R"({"mean":0.1})")).error().field, "effect_size");
}

TEST(ExperimentCommands, SrmAdjustAssignBandit) {
  const auto srm = stats_srm(
      json(R"({"arms":[{"name":"a","n":5300,"weight":1},{"name":"b","n":4700,"weight":1}]})"));
  EXPECT_TRUE((*srm)["alarm"].bool_or(false));
  expect_described(*srm);
  EXPECT_EQ(
      stats_srm(json(R"({"arms":[{"name":"a","n":0,"weight":1},{"name":"b","n":0,"weight":1}]})"))
          .error()
          .field,
      "arms");
  const auto adjusted = stats_adjust(
      json(R"({"results":[{"name":"x","p":0.025,"estimate":1,"interval":[0.1,1.9]},{"p":0.03}]})"));
  EXPECT_NEAR((*adjusted)["results"].if_array()->at(0)["p_adjusted"].number_or(0), 0.05, 1e-12);
  EXPECT_NEAR((*adjusted)["results"].if_array()->at(0)["interval"].if_array()->at(0).number_or(9),
              0, 1e-9);
  expect_described(*adjusted);
  const auto assigned = stats_assign(json(R"({"seed":"seed","units":["a"],"weights":[0.5,0.5]})"));
  const Json& unit = (*assigned)["units"].if_array()->at(0);
  EXPECT_DOUBLE_EQ(unit["hash"].number_or(0), 0.0505);
  EXPECT_EQ(unit["arm"].int_or(9), 0);
  EXPECT_EQ(stats_assign(json(R"({"units":["a"],"weights":[0.5,0.9]})")).error().field, "weights");
  EXPECT_EQ(stats_assign(json(R"({"units":["a",""]})")).error().field, "units[1]");
  const auto held = stats_assign(
      json(R"({"units":["a","b"],"holdouts":{"organisation":"o","organisation_share":1}})"));
  EXPECT_EQ((*held)["assigned"].int_or(9), 0);
  const auto bandit = stats_bandit(
      json(R"({"arms":[{"name":"a","n":1000,"sum":100},{"name":"b","n":1000,"sum":150}]})"));
  EXPECT_GT((*bandit)["arms"].if_array()->at(1)["weight"].number_or(0), 0.95);
  expect_described(*bandit);
}

TEST(Power, SentencesSayTheProbability) {
  const auto en = [](const Result<Json>& out) {
    return std::string((*out)["plain"]["en"].string_or(""));
  };
  EXPECT_THAT(en(stats_samplesize(json(R"({"mean":0.1,"effect_size":0.05,"power":0.9999})"))),
              HasSubstr("with a probability of more than 99.9 %"));
  const auto none = stats_power(json(R"({"mean":0.1,"variance":9,"users":1000})"));
  EXPECT_TRUE((*none)["minimum_effect"].is_null());
  EXPECT_EQ(en(none), "With so few users no rise is found with a probability of 80.0 %.");
  // What would be found is more than there can be of a share; of another metric it is not.
  const auto share = stats_power(json(R"({"mean":0.9,"users":20})"));
  EXPECT_TRUE((*share)["minimum_effect"].is_null());
  const auto sum = stats_power(json(R"({"mean":0.9,"variance":0.09,"users":20})"));
  EXPECT_GT((*sum)["minimum_effect"].number_or(0), 1.0 / 9);
  EXPECT_TRUE(stats_samplesize(json(R"({"mean":0.5,"effect_size":-1})")));
}

TEST(Srm, TooFewUsersAreNotAsPlanned) {
  const auto srm = [](int a, int b) {
    return stats_srm(json(fmt::format(
        R"({{"arms":[{{"name":"a","n":{},"weight":1}},{{"name":"b","n":{},"weight":1}}]}})", a,
        b)));
  };
  // All of ten in one arm: p .0016. Of eleven: .0009.
  for (const auto& [a, b] : {std::pair{1, 0}, {5, 5}, {10, 0}}) {
    const auto few = srm(a, b);
    EXPECT_TRUE((*few)["too_few"].bool_or(false)) << a;
    EXPECT_FALSE((*few)["alarm"].bool_or(true));
    EXPECT_THAT((*few)["plain"]["en"].string_or(""), HasSubstr("Too few users"));
  }
  EXPECT_EQ(srm(6, 5)->find("too_few"), nullptr);
  EXPECT_TRUE((*srm(11, 0))["alarm"].bool_or(false));
}

TEST(Assign, ArmsAreIndependentOfTheHoldout) {
  // The campaign's holdout is hashed with its id: an experiment of another name loses people of
  // both arms alike.
  Json units = Json::array();
  for (int i = 0; i < 20000; ++i) units.push("u" + std::to_string(i));
  Json input = json(R"({"seed":"spring","holdouts":{"campaign":"c1","campaign_share":0.2}})");
  input.set("units", std::move(units));
  const auto out = stats_assign(input);
  ASSERT_TRUE(out) << out.error().text();
  double arms[2] = {0, 0};
  for (const Json& one : *(*out)["units"].if_array()) {
    if (!one["arm"].is_null()) ++arms[one["arm"].int_or(0)];
  }
  EXPECT_NEAR(arms[0], 8000, 250);
  EXPECT_NEAR(arms[1], 8000, 250);
  // Version 1 hashes otherwise: the same name does no harm there.
  input.set("seed", "c1").set("version", 1);
  EXPECT_TRUE(stats_assign(input));
}

TEST(Compare, OtherSortsOfArms) {
  const auto strata = stats_compare(json(R"({"metric":"m","effect":"relative","arms":[
    {"name":"a","strata":[{"name":"x","n":600,"sum":300},{"name":"y","n":400,"sum":40}]},
    {"name":"b","strata":[{"name":"y","n":600,"sum":90},{"name":"x","n":400,"sum":220}]}]})"));
  ASSERT_TRUE(strata) << strata.error().text();
  EXPECT_GT((*strata)["estimate"].number_or(0), 0);
  const auto groups = stats_compare(json(R"({"effect":"absolute","arms":[
    {"name":"a","groups":[{"members":10,"sum":3},{"members":12,"sum":5},{"members":9,"sum":2}]},
    {"name":"b","groups":[{"members":10,"sum":6},{"members":12,"sum":7},{"members":9,"sum":4}]}]})"));
  EXPECT_NEAR((*groups)["estimate"].number_or(0), 7.0 / 31, 1e-12);
  const auto quantile = stats_compare(json(R"({"quantile":0.5,"kind":"quantile","arms":[
    {"name":"a","n":500,"value":10,"bounds":[{"n_star":400,"lower":9,"upper":11}]},
    {"name":"b","n":500,"value":12,"bounds":[{"n_star":400,"lower":11,"upper":13}]}]})"));
  ASSERT_TRUE(quantile) << quantile.error().text();
  EXPECT_DOUBLE_EQ((*quantile)["estimate"].number_or(0), 2);
  const auto cuped = stats_compare(json(R"({"cuped":true,"arms":[
    {"name":"a","n":4,"sum":11,"sum_squares":39,"covariate":{"sum":23.7,"sum_squares":485.15,"sum_products":71.6}},
    {"name":"b","n":4,"sum":12,"sum_squares":45,"covariate":{"sum":23.7,"sum_squares":485.15,"sum_products":75}}]})"));
  ASSERT_TRUE(cuped) << cuped.error().text();
  EXPECT_NE((*cuped)["estimate"].number_or(0), 0);
  for (const auto* out : {&*strata, &*groups, &*quantile, &*cuped}) expect_described(*out);
}

TEST(Compare, RefusalsSayWhere) {
  EXPECT_EQ(
      stats_compare(
          json(
              R"({"kind":"quantile","arms":[{"name":"a","values":[1,2]},{"name":"b","values":[1,2]}]})"))
          .error()
          .field,
      "quantile");
  EXPECT_EQ(
      stats_compare(
          json(R"({"cuped":true,"arms":[{"name":"a","n":4,"sum":1},{"name":"b","n":4,"sum":1}]})"))
          .error()
          .field,
      "arms[0].covariate");
  const auto mixed =
      stats_compare(json(R"({"arms":[{"name":"a","strata":[{"name":"x","n":60,"sum":30}]},
    {"name":"b","strata":[{"name":"y","n":60,"sum":30}]}]})"));
  EXPECT_THAT((*mixed)["refused"].string_or(""), HasSubstr("stratum"));
  EXPECT_EQ(
      stats_compare(
          json(
              R"({"method":"bayesian","one_sided":"greater","arms":[{"name":"a","n":4,"sum":1},{"name":"b","n":4,"sum":1}]})"))
          .error()
          .field,
      "one_sided");
}

Table table(std::vector<std::string> columns, std::vector<std::vector<std::string>> rows) {
  return {std::move(columns), std::move(rows)};
}

TEST(Tables, ErrorsNameColumnAndRow) {
  const Table t = table({"x"}, {{"1"}, {"inf"}});
  EXPECT_THAT(number_column(t, "value", "x").error().text(), HasSubstr("x: row 2"));
  EXPECT_THAT(number_column(t, "value", "y").error().text(), HasSubstr("there are: x"));
  EXPECT_THAT(number_column(table({"x", "y", "x"}, {{"1", "2", "3"}}), "value", "x").error().text(),
              HasSubstr("two columns 'x'"));
  EXPECT_TRUE(std::isnan(number_column(table({"x"}, {{""}}), "value", "x", true)->at(0)));
  EXPECT_FALSE(binary_column(t, "t", "x"));
}

TEST(Detect, MethodsOnSmallSeries) {
  std::vector<std::vector<std::string>> rows;
  for (int i = 0; i < 60; ++i) {
    rows.push_back({std::to_string(i), std::to_string(i == 40 ? 60 : 10 + i % 3)});
  }
  const Table t = table({"time", "value"}, rows);
  for (const char* method :
       {"esd", "ewma", "cusum", "changepoint", "bocpd", "pagehinkley", "adwin"}) {
    const auto out = stats_detect(t, Json::object().set("method", method));
    ASSERT_TRUE(out) << method << out.error().text();
    expect_described(*out);
  }
  rows[7][1] = "1e308";
  const Table far = table({"time", "value"}, rows);
  for (const char* method :
       {"esd", "shesd", "ewma", "cusum", "changepoint", "bocpd", "pagehinkley", "adwin"}) {
    const auto out = stats_detect(far, Json::object().set("method", method).set("period", 7));
    ASSERT_FALSE(out) << method;
    EXPECT_EQ(out.error().field, "value");
    EXPECT_THAT(out.error().message, HasSubstr("row 8: '1e308' is not a number up to 1e+75"));
  }
  // Quoted texts are cut between characters: 40 bytes are thirteen Chinese ones and a third.
  const auto words = stats_detect(table({"value"}, {{"一二三四五六七八九十一二三四五六"}}),
                                  json(R"({"method":"esd"})"));
  EXPECT_THAT(words.error().message, HasSubstr("'一二三四五六七八九十一二三' is not"));
  EXPECT_EQ(stats_detect(table({"value"}, {{"3"}, {"1.5"}, {"2"}}),
                         json(R"({"method":"bocpd","counts":true})"))
                .error()
                .field,
            "value");
  const auto esd = stats_detect(t, json(R"({"method":"esd","outliers_max":3})"));
  ASSERT_EQ((*esd)["found"].int_or(0), 1);
  EXPECT_EQ((*esd)["findings"].if_array()->at(0)["time"].string_or(""), "40");
  const auto burst = stats_detect(table({"time"}, {{"4"},
                                                   {"17"},
                                                   {"23"},
                                                   {"27"},
                                                   {"33"},
                                                   {"35"},
                                                   {"37"},
                                                   {"76"},
                                                   {"77"},
                                                   {"82"},
                                                   {"84"},
                                                   {"88"},
                                                   {"90"},
                                                   {"92"}}),
                                  json(R"({"method":"kleinberg","gamma":0.5})"));
  ASSERT_TRUE(burst) << burst.error().text();
  EXPECT_EQ((*burst)["findings"].if_array()->at(0)["begin"].string_or(""), "76");
  EXPECT_THAT(
      stats_detect(table({"time", "value"}, {{"2", "1"}, {"1", "1"}}), json(R"({"method":"esd"})"))
          .error()
          .text(),
      HasSubstr("row 2: 1 does not come after 2"));
  const auto flat = stats_detect(table({"value"}, std::vector(20, std::vector<std::string>{"4"})),
                                 json(R"({"method":"interrupted","start":"9"})"));
  ASSERT_TRUE(flat) << flat.error().text();
  EXPECT_THAT((*flat)["refused"].string_or(""), HasSubstr("no variance"));
  EXPECT_EQ((*flat)["found"].int_or(9), 0);
  expect_described(*flat);
  EXPECT_EQ(stats_detect(t, json(R"({"method":"rate"})")).error().field, "time");
  EXPECT_EQ(stats_detect(t, json(R"({"method":"what"})")).error().field, "method");
}

TEST(Value, FitPredictAndRfmFromOrders) {
  std::vector<std::vector<std::string>> rows;
  Random random(2);
  const std::int64_t first =
      local_day(parse_time("2026-01-01", TimeZone::shanghai()).value(), TimeZone::shanghai());
  for (int c = 0; c < 400; ++c) {
    const double gap = 5 + 80 * random.uniform();
    const double spend = 10 + 40 * random.uniform();
    for (double day = 60 * random.uniform(); day < 200;
         day += -gap * std::log(1 - random.uniform())) {
      const CivilTime date =
          to_civil(day_start(first + static_cast<std::int64_t>(day), TimeZone::shanghai()),
                   TimeZone::shanghai());
      rows.push_back({"c" + std::to_string(c),
                      fmt::format("{:04}-{:02}-{:02}", date.year, date.month, date.day),
                      fmt::format("{:.2f}", spend * (0.5 + random.uniform()))});
      if (random.uniform() < 0.25) break;
    }
  }
  const Table orders = table({"customer", "date", "amount"}, rows);
  const auto fit =
      value_fit(orders, json(R"({"model":"bgnbd","as_of":"2026-08-01","tracking":20})"));
  ASSERT_TRUE(fit) << fit.error().text();
  expect_described(*fit);
  EXPECT_EQ((*fit)["tracking"].if_array()->size(), 40U);
  const auto spend = value_fit(orders, json(R"({"model":"gammagamma","as_of":"2026-08-01"})"));
  ASSERT_TRUE(spend) << spend.error().text();
  Json settings = json(R"({"as_of":"2026-08-01","horizon":26,"discount":0.01})");
  settings.set("fit", *fit).set("spend_fit", *spend);
  const auto predicted = value_predict(orders, settings);
  ASSERT_TRUE(predicted) << predicted.error().text();
  EXPECT_EQ((*predicted)["customers"].if_array()->size(), 400U);
  EXPECT_GT((*predicted)["residual_value"].number_or(0), 0);
  const auto rfm = value_rfm(orders, json(R"({"as_of":"2026-08-01"})"));
  ASSERT_TRUE(rfm) << rfm.error().text();
  // Stored cut points give everybody the same score again.
  Json again_settings = json(R"({"as_of":"2026-08-01"})");
  again_settings.set("cuts", *rfm);
  const auto again = value_rfm(orders, again_settings);
  EXPECT_EQ((*again)["customers"], (*rfm)["customers"]);
  EXPECT_EQ(value_fit(orders, json(R"({"model":"bgnbd","as_of":"2025-01-01"})")).error().field,
            "as_of");
  EXPECT_EQ(value_predict(orders, json(R"({"fit":{"r":1}})")).error().field,
            "fit.parameters.alpha");
}

TEST(Value, ContractsFromCounts) {
  const Table t =
      table({"alive"}, {{"1000"}, {"869"}, {"743"}, {"653"}, {"593"}, {"551"}, {"517"}, {"491"}});
  const auto fit = value_fit(t, json(R"({"model":"sbg"})"));
  ASSERT_TRUE(fit) << fit.error().text();
  EXPECT_NEAR((*fit)["survival"].if_array()->at(12).number_or(0), 0.378, 5e-4);
  const auto ahead =
      value_predict(t, Json::object().set("fit", *fit).set("periods", 5).set("tenure", 3));
  ASSERT_TRUE(ahead) << ahead.error().text();
  EXPECT_GT((*ahead)["residual_lifetime"].number_or(0), 3);
}

TEST(Retention, MatrixWithAliasesAndSurvival) {
  const Table t = table({"person", "time"},
                        {{"p1", "2026-03-01"}, {"old", "2026-03-02"}, {"p2", "2026-03-01"}});
  const auto apart = retention(t, json(R"({})"));
  EXPECT_EQ((*apart)["rows"].if_array()->at(0)["people"].dump(), "[2,0]");
  const auto merged = retention(t, json(R"({"aliases":{"old":"p1"}})"));
  EXPECT_EQ((*merged)["rows"].if_array()->at(0)["people"].dump(), "[2,1]");
  expect_described(*merged);
  const Table lives = table({"duration", "observed", "group", "x"}, {{"1", "1", "a", "1"},
                                                                     {"2", "1", "a", "0"},
                                                                     {"3", "0", "a", "1"},
                                                                     {"2", "1", "b", "0"},
                                                                     {"4", "1", "b", "1"},
                                                                     {"5", "0", "b", "0"}});
  const auto curves =
      retention(lives, json(R"({"kind":"survival","group":"group","covariates":["x"]})"));
  ASSERT_TRUE(curves) << curves.error().text();
  EXPECT_EQ((*curves)["curves"].if_array()->size(), 2U);
  Table many = table({"duration", "group"}, {});
  for (int i = 0; i < 101; ++i) many.rows.push_back({"1", std::to_string(i)});
  EXPECT_EQ(retention(many, json(R"({"kind":"survival","group":"group"})")).error().field, "group");
  EXPECT_TRUE((*curves)["log_rank"]["p"].is_number());
  expect_described(*curves);
}

TEST(Causes, UpliftAndOpeFromTables) {
  std::vector<std::vector<std::string>> rows;
  Random random(1);
  for (int i = 0; i < 4000; ++i) {
    const double x = random.normal();
    const bool w = random.uniform() < 0.5;
    const bool y = random.uniform() < 0.2 + (w && x > 0 ? 0.25 : 0);
    rows.push_back(
        {w ? "mail" : "none", y ? "1" : "0", fmt::format("{:.6f}", x), i % 2 ? "sh" : "bj"});
  }
  const Table t = table({"arm", "outcome", "x", "city"}, rows);
  const auto given =
      stats_uplift(t, json(R"({"treatment":"arm","treated":"mail","control":"none","score":"x"})"));
  ASSERT_TRUE(given) << given.error().text();
  EXPECT_TRUE((*given)["evidence"].bool_or(false));
  expect_described(*given);
  const auto learnt = stats_uplift(
      t, json(R"({"treatment":"arm","treated":"mail","control":"none","features":["x","city"]})"));
  ASSERT_TRUE(learnt) << learnt.error().text();
  EXPECT_TRUE((*learnt)["evidence"].bool_or(false));
  EXPECT_EQ(stats_uplift(t, json(R"({"treatment":"arm","score":"x"})")).error().field, "arm");
  std::vector<std::vector<std::string>> log;
  for (int i = 0; i < 600; ++i) {
    log.push_back(
        {i % 3 == 0 ? "a" : "b", i % 5 == 0 ? "1" : "0", i % 3 == 0 ? "0.333333" : "0.666667"});
  }
  const Table l = table({"action", "reward", "propensity"}, log);
  for (const char* estimator : {"ips", "snips", "clipped", "direct", "dr", "switch"}) {
    const auto out =
        stats_ope(l, Json::object().set("estimator", estimator).set("policy", "uniform"));
    ASSERT_TRUE(out) << estimator << out.error().text();
    EXPECT_NEAR((*out)["estimate"].number_or(0), 0.2, 0.03) << estimator;
    expect_described(*out);
  }
  const auto refused = stats_ope(l, json(R"({"policy":"a","effective_min":500})"));
  EXPECT_THAT((*refused)["refused"].string_or(""), HasSubstr("200"));
}

TEST(Did, GroupsAndUnits) {
  const Table four = table({"treatment", "after", "outcome"}, {{"0", "0", "10"},
                                                               {"0", "0", "12"},
                                                               {"0", "1", "11"},
                                                               {"0", "1", "13"},
                                                               {"1", "0", "20"},
                                                               {"1", "0", "22"},
                                                               {"1", "1", "25"},
                                                               {"1", "1", "28"}});
  const auto groups = stats_did(four, json("{}"));
  ASSERT_TRUE(groups) << groups.error().text();
  EXPECT_DOUBLE_EQ((*groups)["estimate"].number_or(0), 4.5);
  // Variances 2, 2, 2 and 4.5 of two each.
  EXPECT_NEAR((*groups)["se"].number_or(0), std::sqrt(10.5 / 2), 1e-12);
  expect_described(*groups);
  const Table shops = table({"shop", "group", "late", "sales"}, {{"a", "new", "0", "10"},
                                                                 {"a", "new", "1", "15"},
                                                                 {"b", "new", "0", "30"},
                                                                 {"b", "new", "1", "37"},
                                                                 {"c", "old", "0", "5"},
                                                                 {"c", "old", "1", "6"},
                                                                 {"d", "old", "0", "50"},
                                                                 {"d", "old", "1", "53"},
                                                                 {"e", "old", "1", "9"},
                                                                 {"f", "other", "0", "1"}});
  const std::string settings =
      R"({"treatment":"group","treated":"new","control":"old","after":"late","outcome":"sales","unit":"shop"})";
  const auto units = stats_did(shops, json(settings));
  ASSERT_TRUE(units) << units.error().text();
  EXPECT_DOUBLE_EQ((*units)["estimate"].number_or(0), 4);  // 6 - 2
  EXPECT_EQ((*units)["units"].int_or(0), 4);
  EXPECT_EQ((*units)["units_left_out"].int_or(0), 1);
  Table mixed = shops;
  mixed.rows[1][1] = "old";
  EXPECT_THAT(stats_did(mixed, json(settings)).error().text(), HasSubstr("row 2: 'a' is in both"));
  const Table few = table({"treatment", "after", "outcome"}, {{"0", "0", "1"}, {"1", "1", "2"}});
  EXPECT_NE((*stats_did(few, json("{}")))["refused"].string_or(""), "");
}

TEST(Its, FindsTheJumpAndWhatWouldHaveBeen) {
  std::vector<std::vector<std::string>> rows;
  for (int t = 0; t < 40; ++t) {
    const double noise = ((t * 37) % 11 - 5) / 10.0;
    rows.push_back({fmt::format("2026-03-{:02}T{:02}:00:00", 1 + t / 24, t % 24),
                    fmt::format("{}", 10 + 0.5 * t + (t >= 24 ? 6 : 0) + noise)});
  }
  Table t = table({"time", "value"}, rows);
  const auto out = stats_its(t, json(R"({"start":"2026-03-02"})"));
  ASSERT_TRUE(out) << out.error().text();
  EXPECT_NEAR((*out)["level"]["estimate"].number_or(0), 6, 0.5);
  EXPECT_EQ((*out)["after"].if_array()->size(), 16U);
  EXPECT_NEAR((*out)["total"].number_or(0), 16 * 6, 8);
  expect_described(*out);
  EXPECT_EQ(stats_its(t, json("{}")).error().field, "start");
  EXPECT_EQ(stats_its(t, json(R"({"start":"2027-01-01"})")).error().field, "start");
  EXPECT_EQ(stats_its(t, json(R"({"start":"2026-03-01"})")).error().field, "start");
  t.rows[3][1] = "";
  EXPECT_EQ((*stats_its(t, json(R"({"start":"2026-03-02"})")))["steps_missing"].int_or(0), 1);
}

TEST(Synthetic, FindsTheMix) {
  std::vector<std::vector<std::string>> rows;
  Random random(4);
  for (int t = 0; t < 30; ++t) {
    const double a = 10 + random.normal();
    const double b = 20 + random.normal();
    const double c = 40 + random.normal();
    rows.push_back({std::to_string(t), fmt::format("{}", 0.25 * a + 0.75 * c + (t >= 20 ? 3 : 0)),
                    fmt::format("{}", a), fmt::format("{}", b), fmt::format("{}", c)});
  }
  const Table t = table({"time", "杭州", "a", "b", "c"}, rows);
  const auto out = stats_synthetic(t, json(R"({"treated":"杭州","start":"20"})"));
  ASSERT_TRUE(out) << out.error().text();
  EXPECT_NEAR((*out)["estimate"].number_or(0), 3, 1e-6);
  EXPECT_NEAR((*out)["weights"].if_array()->at(2)["weight"].number_or(0), 0.75, 1e-6);
  expect_described(*out);
  EXPECT_EQ(
      stats_synthetic(t, json(R"({"treated":"a","donors":["a","b"],"start":"20"})")).error().field,
      "donors");
  EXPECT_EQ(stats_synthetic(t, json(R"({"treated":"x","start":"20"})")).error().field, "treated");
  EXPECT_EQ(stats_synthetic(t, json(R"({"treated":"a","start":"1"})")).error().field, "start");
}

TEST(AttributionCommand, PathsAndTouchesAgree) {
  const Table paths = table({"path", "conversions", "lost"},
                            {{"a > b", "1", "0"}, {"b", "1", "0"}, {"a", "0", "1"}});
  const Table touches =
      table({"person", "time", "channel", "value"}, {{"p", "2026-01-02", "b", "1"},
                                                     {"p", "2026-01-01", "a", ""},
                                                     {"q", "2026-01-01", "b", "1"},
                                                     {"r", "2026-01-05", "a", "0"}});
  for (const char* rule : {"last", "first", "linear", "position", "shapley", "markov"}) {
    const Json settings = Json::object().set("rule", rule).set("total", 10);
    const auto one = stats_attribution(paths, settings);
    const auto two = stats_attribution(touches, settings);
    ASSERT_TRUE(one && two) << rule;
    EXPECT_EQ((*one)["channels"], (*two)["channels"]) << rule;
    EXPECT_EQ((*one)["people"].number_or(0), 3);
    expect_described(*one);
  }
  EXPECT_TRUE(stats_attribution(touches, json(R"({"rule":"decay"})")));
  EXPECT_EQ(stats_attribution(paths, json(R"({"rule":"decay"})")).error().field, "times");
  const Table timed =
      table({"path", "conversions", "days"}, {{"a>b", "2", "1>8"}, {"b>a", "1", "9>3"}});
  EXPECT_EQ(stats_attribution(timed, json(R"({"rule":"decay","times":"days"})")).error().field,
            "paths[1]");
  EXPECT_EQ(
      stats_attribution(table({"path", "conversions"}, {{"a>>b", "1"}}), json("{}")).error().field,
      "path");
  EXPECT_EQ(
      stats_attribution(table({"path", "conversions"}, {{"a", "-1"}}), json("{}")).error().field,
      "conversions");
  EXPECT_EQ(
      stats_attribution(table({"path", "conversions"}, {{"a", "0"}}), json("{}")).error().field,
      "conversions");
  const auto none =
      stats_attribution(table({"path", "conversions", "lost"}, {{"a", "0", "5"}}), json("{}"));
  ASSERT_TRUE(none) << none.error().text();
  EXPECT_NE((*none)["refused"].string_or(""), "");
}

}  // namespace
}  // namespace zhiyin::statistics
