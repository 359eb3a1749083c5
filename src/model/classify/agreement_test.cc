#include "model/classify/agreement.h"

#include <gtest/gtest.h>

namespace zhiyin::model {
namespace {

TEST(Agreement, CountsWhatChangedAndHowMuchIsChance) {
  Agreement a;
  for (int i = 0; i < 45; ++i) a.add("good", 0.9, "good", 0.8);
  for (int i = 0; i < 25; ++i) a.add("bad", 0.9, "bad", 0.8);
  for (int i = 0; i < 15; ++i) a.add("good", 0.9, "bad", 0.8);
  for (int i = 0; i < 15; ++i) a.add("bad", 0.9, "good", 0.8);
  const Json report = a.report();
  EXPECT_EQ(report["texts"].int_or(0), 100);
  EXPECT_DOUBLE_EQ(report["share"].number_or(0), 0.7);
  EXPECT_NEAR(report["kappa"].number_or(0), (0.7 - 0.52) / 0.48, 1e-12);  // .6*.6 + .4*.4 by chance
  EXPECT_NEAR(report["confidence"]["new"].number_or(0), 0.8, 1e-12);
  ASSERT_EQ(report["changes"].if_array()->size(), 2U);
  EXPECT_EQ((*report["changes"].if_array())[0]["texts"].int_or(0), 15);
}

TEST(Agreement, OfNothingAndOfOneLabelHasNoKappa) {
  Agreement a;
  EXPECT_EQ(a.report().dump(), R"({"texts":0,"same":0})");
  a.add("x", 1, "x", 1);
  EXPECT_TRUE(a.report()["kappa"].is_null());
  EXPECT_EQ(a.report()["same"].int_or(0), 1);
}

TEST(Agreement, ScoresMayDifferWhereLabelsDoNot) {
  Agreement a;
  a.add("same", 0.9, "same", 0.6);
  EXPECT_TRUE(a.report()["score_difference"].is_null());
  a.add_difference(0.3);
  a.add("same", 0.9, "different", 0.6);
  a.add_difference(0.5);
  EXPECT_NEAR(a.report()["score_difference"].number_or(0), 0.4, 1e-12);
}

TEST(Differences, NamesTheLeavesThatDiffer) {
  const Json before = *parse_json(R"({"a":{"b":1,"c":[1,2]},"d":[{"e":1}],"f":2})");
  const Json after = *parse_json(R"({"a":{"b":1,"c":[1,3]},"d":[{"e":2}],"g":true})");
  EXPECT_EQ(differences(before, after).dump(),
            R"([{"path":"a.c","old":[1,2],"new":[1,3]},{"path":"d[0].e","old":1,"new":2},)"
            R"({"path":"f","old":2,"new":null},{"path":"g","old":null,"new":true}])");
  EXPECT_EQ(differences(before, before).dump(), "[]");
}

}  // namespace
}  // namespace zhiyin::model
