#include "measurement/effect.h"

#include <gtest/gtest.h>

#include <cmath>

#include "statistics/stats_compare.h"

namespace zhiyin::measurement {
namespace {

TEST(Effect, EqualsWhatTheStatisticsCommandSays) {
  const Effect effect = measure_effect({1080, 76}, {120, 3});
  const Json input = *parse_json(
      R"({"metric":"purchase","effect":"absolute","arms":[{"name":"holdout","n":120,"sum":3},
          {"name":"treated","n":1080,"sum":76}]})");
  const auto told = statistics::stats_compare(input);
  ASSERT_TRUE(told) << told.error().text();
  EXPECT_DOUBLE_EQ(*effect.estimate, (*told)["estimate"].number_or(0));
  EXPECT_DOUBLE_EQ(*effect.se, (*told)["se"].number_or(0));
  EXPECT_DOUBLE_EQ(*effect.p, (*told)["p"].number_or(0));
  EXPECT_DOUBLE_EQ(*effect.dof, (*told)["dof"].number_or(0));
  const Json::Array* interval = (*told)["interval"].if_array();
  ASSERT_NE(interval, nullptr);
  EXPECT_DOUBLE_EQ((*effect.interval)[0], (*interval)[0].number_or(0));
  EXPECT_DOUBLE_EQ((*effect.interval)[1], (*interval)[1].number_or(0));
}

TEST(Effect, WorkedByHand) {
  // p 0.3 of 100 against 0.2 of 100: variance 0.21/100 + 0.16/100.
  const Effect effect = measure_effect({100, 30}, {100, 20});
  EXPECT_NEAR(*effect.estimate, 0.1, 1e-12);
  EXPECT_NEAR(*effect.se, std::sqrt(0.0021 + 0.0016), 1e-12);
  const double dof = 0.0037 * 0.0037 / (0.0021 * 0.0021 / 99 + 0.0016 * 0.0016 / 99);
  EXPECT_NEAR(*effect.dof, dof, 1e-9);
  EXPECT_EQ(effect.treated.n, 100);
  EXPECT_DOUBLE_EQ(effect.control.mean, 0.2);
}

TEST(Effect, RefusesWhatWouldOnlyBeNoise) {
  EXPECT_TRUE(measure_effect({29, 20}, {1000, 100}).refused.has_value());
  EXPECT_TRUE(measure_effect({1000, 100}, {29, 2}).refused.has_value());
  EXPECT_TRUE(measure_effect({1000, 5}, {1000, 4}).refused.has_value());
  const Effect nobody = measure_effect({1000, 50}, {100, 0});
  EXPECT_TRUE(nobody.refused.has_value()) << "a holdout without variance";
  EXPECT_FALSE(nobody.estimate.has_value());
  EXPECT_TRUE(measure_effect({}, {}).refused.has_value());
}

TEST(Explain, SaysOneOfThreeThings) {
  Effect effect = measure_effect({1000, 100}, {1000, 50});
  effect.window_closed = true;
  EXPECT_NE(explain(effect).zh.find("提高了 5.0 个百分点"), std::string::npos)
      << explain(effect).zh;
  EXPECT_NE(explain(effect).en.find("raised"), std::string::npos);
  effect = measure_effect({1000, 50}, {1000, 100});
  effect.window_closed = true;
  EXPECT_NE(explain(effect).zh.find("降低了 5.0 个百分点"), std::string::npos)
      << explain(effect).zh;
  effect = measure_effect({1000, 52}, {1000, 50});
  effect.window_closed = true;
  EXPECT_NE(explain(effect).zh.find("目前看不出效果"), std::string::npos) << explain(effect).zh;
  effect = measure_effect({10, 1}, {10, 1});
  effect.window_closed = true;
  EXPECT_NE(explain(effect).zh.find("还没有足够的数据"), std::string::npos) << explain(effect).zh;
}

TEST(Explain, AnOpenWindowIsSaidFirst) {
  Effect effect = measure_effect({1000, 100}, {1000, 50});
  effect.window_ends = *parse_time("2026-03-17T12:00:00", TimeZone::shanghai());
  EXPECT_TRUE(explain(effect).zh.starts_with("（观察期到 2026-03-17")) << explain(effect).zh;
}

TEST(SplitCheck, AlarmsOnlyWhenTheHoldoutIsFarOff) {
  EXPECT_FALSE(check_split(900, 100, 0.1).alarm);
  EXPECT_FALSE(check_split(915, 85, 0.1).alarm);
  EXPECT_TRUE(check_split(960, 40, 0.1).alarm);
  EXPECT_DOUBLE_EQ(check_split(900, 100, 0.1).observed_holdout, 0.1);
}

}  // namespace
}  // namespace zhiyin::measurement
