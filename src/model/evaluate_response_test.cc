#include "model/evaluate_response.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "base/file.h"
#include "base/random.h"
#include "model/logistic.h"

namespace zhiyin::model {
namespace {

/// The table that marketers have: one row per person.
std::string marketing_table(std::size_t rows) {
  Random random(3);
  std::string out = "openid,likes,transfers,comments,time_spent,city,remark,bought\n";
  for (std::size_t r = 0; r < rows; ++r) {
    const auto likes = static_cast<double>(random.below(10));
    const double time = 100 * random.uniform();
    const bool south = random.below(2) == 1;
    const double z = 0.5 * likes + 0.02 * time + (south ? 1 : 0) - 4;
    out += fmt::format("o_{:05},{},{},{},{:.1f},{},remark number {},{}\n", r, likes,
                       random.below(3), random.below(5), time, south ? "广州" : "北京", r % 50,
                       random.uniform() < sigmoid(z) ? "是" : "否");
  }
  return out;
}

class EvaluateResponse : public ::testing::Test {
 protected:
  std::filesystem::path file(std::string_view text) {
    const auto path = folder_.path() / "data.csv";
    EXPECT_TRUE(write_file(path, text));
    return path;
  }
  Error refused(std::string_view text, std::string label) {
    const auto out = evaluate_response({file(text), std::move(label)});
    EXPECT_FALSE(out);
    return out ? Error{} : out.error();
  }
  TempFolder folder_;
};

TEST_F(EvaluateResponse, MarketingTableWorksAsItIs) {
  const auto out = evaluate_response({file(marketing_table(2000)), "bought", 5});
  ASSERT_TRUE(out) << out.error().text();
  const Json& o = *out;
  EXPECT_EQ(o["rows"].int_or(0), 2000);
  for (const auto* name :
       {"accuracy", "precision", "recall", "f1", "macro_f1", "auc", "log_loss", "brier"}) {
    EXPECT_TRUE(o["metrics"][name].is_number()) << name;
    EXPECT_EQ(o["intervals"][name].if_array()->size(), 2U) << name;
  }
  EXPECT_GT(o["metrics"]["auc"].number_or(0), 0.75);
  EXPECT_GE(o["at_half"]["accuracy"].number_or(0), o["baseline"]["accuracy"].number_or(1) - 0.02);
  EXPECT_LT(o["metrics"]["log_loss"].number_or(9), o["baseline"]["log_loss"].number_or(0));
  EXPECT_EQ(o["classes"].if_array()->at(1).string_or(""), "是");
  EXPECT_EQ(o["per_class"].if_array()->at(1)["class"].string_or(""), "是");
  EXPECT_EQ(o["confusion"].if_array()->size(), 2U);
  EXPECT_EQ(o["coefficients"].if_array()->at(0)["feature"].string_or(""), "likes");
  std::vector<std::string> ignored;
  for (const Json& line : *o["ignored"].if_array())
    ignored.emplace_back(line["column"].string_or(""));
  EXPECT_EQ(ignored, (std::vector<std::string>{"openid", "remark"}));
}

TEST_F(EvaluateResponse, SameSeedSameText) {
  const EvaluateResponseArgs args{file(marketing_table(500)), "bought", 5};
  EXPECT_EQ(evaluate_response(args)->dump(), evaluate_response(args)->dump());
}

TEST_F(EvaluateResponse, RefusesLabelsThatCannotBeLearnt) {
  EXPECT_NE(refused("a,y\n1,0\n2,0\n", "y").message.find("only '0'"), std::string::npos);
  EXPECT_NE(refused("a,y\n1,a\n2,b\n3,c\n", "y").message.find("'a', 'b', 'c'"), std::string::npos);
  EXPECT_NE(refused("a,y\n1,1\n2,\n", "y").message.find("only '1'"), std::string::npos);
  EXPECT_NE(refused("a,y\n一,1\n二,0\n", "y").message.find("; a: looks like a name"),
            std::string::npos);
  EXPECT_NE(refused("a,y\n5,1\n9,0\n", "y").message.find("degenerate"), std::string::npos);
  EXPECT_NE(refused("a,y\n1,1\n", "z").message.find("no column 'z'; the file has a, y"),
            std::string::npos);
  EXPECT_NE(refused("a,a\n1,1\n", "a").message.find("there twice"), std::string::npos);
}

TEST_F(EvaluateResponse, ColumnsBecomeFeaturesByWhatTheyHold) {
  const auto f = features_from_csv(
      file("id,n,city,flag,same,gap,y\n7,1.5,a,no,1,,0\n9,2,b,yes,1,3,1\n8,-1e3,c,no,1,NA,1\n"),
      "y");
  ASSERT_TRUE(f) << f.error().text();
  EXPECT_EQ(f->table.names, (std::vector<std::string>{"n", "flag=yes", "gap"}));
  EXPECT_TRUE(std::isnan(f->table.row(0)[2]));
  EXPECT_EQ(f->table.row(1)[1], 1);
  EXPECT_EQ(f->table.labels, (std::vector<int>{0, 1, 1}));
  ASSERT_EQ(f->ignored.size(), 3U);
  EXPECT_EQ(f->ignored[0].first, "id");
  EXPECT_EQ(f->ignored[1].first, "city");
  EXPECT_EQ(f->ignored[2].first, "same");
}

TEST_F(EvaluateResponse, KnowsWhichLabelMeansResponded) {
  const auto positive = [&](std::string_view a, std::string_view b, const std::string& given = "") {
    const auto f =
        features_from_csv(file(fmt::format("n,y\n1,{}\n5,{}\n5,{}\n", a, b, b)), "y", {}, given);
    return f ? f->classes[1] : f.error().field;
  };
  EXPECT_EQ(positive("1", "2"), "2");
  EXPECT_EQ(positive("10", "9"), "10") << "by value, not by text";
  EXPECT_EQ(positive("Yes", "No"), "Yes");
  EXPECT_EQ(positive("buyer", "nonbuyer"), "buyer");
  EXPECT_EQ(positive("good", "bad"), "good");
  EXPECT_EQ(positive("未购买", "已购买"), "已购买");
  EXPECT_EQ(positive("1", "2", "1"), "1");
  EXPECT_EQ(positive("1", "2", "3"), "positive");
}

TEST_F(EvaluateResponse, RowsWithoutLabelAreLeftOutAndCounted) {
  const auto f = features_from_csv(file("n,y\n1,0\n2,\n7,1\n7,NA\n"), "y");
  ASSERT_TRUE(f) << f.error().text();
  EXPECT_EQ(f->unlabelled, 2U);
  EXPECT_EQ(f->table.labels, (std::vector<int>{0, 1}));
}

TEST_F(EvaluateResponse, ThreeCategoriesBecomeThreeColumns) {
  const auto f = features_from_csv(file("city,y\na,0\nb,1\nc,1\na,0\n"), "y");
  ASSERT_TRUE(f);
  EXPECT_EQ(f->table.names, (std::vector<std::string>{"city=a", "city=b", "city=c"}));
}

TEST_F(EvaluateResponse, ExcludedColumnsAreLeftOut) {
  EvaluateResponseArgs args{file(marketing_table(500)), "bought", 5};
  args.exclude = {"likes"};
  const auto out = evaluate_response(args);
  ASSERT_TRUE(out);
  for (const Json& line : *(*out)["coefficients"].if_array()) {
    EXPECT_NE(line["feature"].string_or(""), "likes");
  }
  args.exclude = {"nothing"};
  EXPECT_EQ(evaluate_response(args).error().field, "exclude");
}

std::filesystem::path shared_folder() {
  const char* set = std::getenv("ZHIYIN_SHARED");
  return set != nullptr ? std::filesystem::path(set)
                        : std::filesystem::path(ZHIYIN_SOURCE_DIR) / ".." / "shared";
}

TEST(EvaluateResponseOnRealData, HillstromVisitsAreAboveTheFloor) {
  const auto path = shared_folder() / "data/measurement/hillstrom.csv.gz";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is not there";
  EvaluateResponseArgs args{path, "visit", 1};
  args.exclude = {"conversion", "spend"};
  const auto out = evaluate_response(args);
  ASSERT_TRUE(out) << out.error().text();
  EXPECT_EQ((*out)["rows"].int_or(0), 64000);
  EXPECT_GT((*out)["metrics"]["auc"].number_or(0), 0.6);
  EXPECT_LT((*out)["metrics"]["ece"].number_or(1), 0.02);
  EXPECT_LT((*out)["metrics"]["log_loss"].number_or(9),
            (*out)["baseline"]["log_loss"].number_or(0));
}

}  // namespace
}  // namespace zhiyin::model
