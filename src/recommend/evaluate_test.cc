#include "recommend/evaluate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "base/file.h"

namespace zhiyin::recommend {
namespace {

class Evaluate : public ::testing::Test {
 protected:
  EvaluateArgs args(std::string_view train, std::string_view test) {
    EXPECT_TRUE(write_file(folder_.path() / "train.csv", train));
    EXPECT_TRUE(write_file(folder_.path() / "test.csv", test));
    EvaluateArgs out;
    out.train = folder_.path() / "train.csv";
    out.test = folder_.path() / "test.csv";
    out.params = {{"k", "10"}, {"shrink", "0"}};
    out.at = {1, 2};
    return out;
  }
  TempFolder folder_;
};

constexpr std::string_view kTrain =
    "userID,itemID\n1,10\n1,11\n2,10\n2,11\n2,12\n3,13\n3,14\n4,10\n";

TEST_F(Evaluate, RanksTheTestItemAmongUnseenOnes) {
  // User 4 knows 10: 11 goes with it twice, 12 once.
  const auto first = evaluate_recommend(args(kTrain, "userID,itemID\n4,11\n"));
  ASSERT_TRUE(first) << first.error().text();
  EXPECT_EQ((*first)["metrics"]["ndcg@1"].number_or(0), 1);
  EXPECT_EQ((*first)["people"].int_or(0), 1);
  EXPECT_EQ((*first)["items"].int_or(0), 5);
  const auto second = evaluate_recommend(args(kTrain, "userID,itemID\n4,12\n"));
  ASSERT_TRUE(second);
  EXPECT_EQ((*second)["metrics"]["recall@1"].number_or(9), 0);
  EXPECT_EQ((*second)["metrics"]["recall@2"].number_or(0), 1);
  EXPECT_NEAR((*second)["metrics"]["ndcg@2"].number_or(0), 1 / std::log2(3.0), 1e-12);
}

TEST_F(Evaluate, UnknownPeopleAndItemsStandLast) {
  auto a = args(kTrain, "userID,itemID\n9,99\n4,11\n");
  a.model = "popular";
  a.params.clear();
  const auto out = evaluate_recommend(a);
  ASSERT_TRUE(out);
  EXPECT_EQ((*out)["metrics"]["recall@1"].number_or(0), 0.5);
  EXPECT_EQ((*out)["items"].int_or(0), 6);
}

TEST_F(Evaluate, RecencyLooksAtTheNewestItemsFirst) {
  // 1 and 2 both fit user 9's history; 2 goes with its newest item.
  auto a = args("userID,itemID\n5,50\n5,1\n6,60\n6,2\n9,60\n9,50\n", "userID,itemID\n9,1\n");
  EXPECT_EQ((*evaluate_recommend(a))["metrics"]["recall@1"].number_or(0), 1);
  a.test = folder_.path() / "other.csv";
  ASSERT_TRUE(write_file(a.test, "userID,itemID\n9,2\n"));
  EXPECT_EQ((*evaluate_recommend(a))["metrics"]["recall@1"].number_or(9), 0);
  auto turned = args("userID,itemID\n5,50\n5,1\n6,60\n6,2\n9,50\n9,60\n", "userID,itemID\n9,2\n");
  turned.params["recency"] = "0.5";
  EXPECT_EQ((*evaluate_recommend(turned))["metrics"]["recall@1"].number_or(0), 1);
}

TEST_F(Evaluate, NamesWhatIsWrong) {
  const auto good = args(kTrain, "userID,itemID\n4,11\n");
  const auto error_of = [](EvaluateArgs a) { return evaluate_recommend(a).error(); };
  auto a = good;
  a.protocol = "sampled";
  EXPECT_EQ(error_of(a).field, "protocol");
  a = good;
  a.model = "magic";
  EXPECT_EQ(error_of(a).field, "model");
  a = good;
  a.params["kk"] = "1";
  EXPECT_EQ(error_of(a).message, "itemknn has k, shrink, recency");
  EXPECT_EQ(error_of(a).field, "param kk");
  a = good;
  a.params["k"] = "many";
  EXPECT_EQ(error_of(a).field, "param k");
  a = good;
  a.at = {};
  EXPECT_EQ(error_of(a).field, "at");
  a = good;
  a.train = folder_.path() / "absent.csv";
  EXPECT_EQ(error_of(a).code, ErrorCode::kNotFound);
  EXPECT_NE(error_of(args(kTrain, "userID,itemID\n4,11\n4,12\n")).message.find("more than one row"),
            std::string::npos);
  EXPECT_NE(error_of(args("userID\n1\n", "userID,itemID\n4,11\n")).message.find("itemID"),
            std::string::npos);
  EXPECT_NE(error_of(args("userID,itemID\n1\n", "userID,itemID\n4,11\n")).message.find("line 2"),
            std::string::npos);
}

TEST_F(Evaluate, CanBeCancelled) {
  auto a = args(kTrain, "userID,itemID\n4,11\n");
  a.progress = [](double) { return false; };
  EXPECT_EQ(evaluate_recommend(a).error().code, ErrorCode::kDeadline);
}

std::filesystem::path ml100k() {
  const char* set = std::getenv("ZHIYIN_SHARED");
  const std::filesystem::path shared =
      set != nullptr ? std::filesystem::path(set)
                     : std::filesystem::path(ZHIYIN_SOURCE_DIR) / ".." / "shared";
  return shared / "data/recommend/ml-100k";
}

class PublishedFigures : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(ml100k())) GTEST_SKIP() << ml100k() << " is not there";
    args_.train = ml100k() / "loo_chrono_train.csv.gz";
    args_.validation = ml100k() / "loo_chrono_validation.csv";
    args_.test = ml100k() / "loo_chrono_test.csv";
  }
  /// Equal to five digits.
  void expect(const std::map<std::string, double>& published) {
    const auto out = evaluate_recommend(args_);
    ASSERT_TRUE(out) << out.error().text();
    EXPECT_EQ((*out)["people"].int_or(0), 943);
    EXPECT_EQ((*out)["items"].int_or(0), 1349);
    for (const auto& [name, value] : published) {
      const double found = (*out)["metrics"][name].number_or(0);
      EXPECT_NEAR(found, value, 5.1e-6) << name;
      const Json::Array& interval = *(*out)["intervals"][name].if_array();
      EXPECT_LT(interval[0].number_or(9), found);
      EXPECT_GT(interval[1].number_or(0), found);
    }
  }
  EvaluateArgs args_;
};

TEST_F(PublishedFigures, ItemKnnOnMovieLens) {
  args_.params = {{"k", "227"}, {"shrink", "5"}};
  args_.threads = 2;
  expect({{"ndcg@10", .06473},
          {"recall@10", .12195},
          {"recall@20", .18452},
          {"recall@100", .48462},
          {"ndcg@100", .13432}});
}

TEST_F(PublishedFigures, Rp3BetaOnMovieLens) {
  args_.model = "rp3beta";
  args_.params = {{"k", "441"}, {"alpha", "0"}, {"beta", "0.48936"}, {"normalize", "true"}};
  expect({{"ndcg@10", .06457},
          {"recall@10", .12407},
          {"recall@20", .18346},
          {"recall@100", .47084},
          {"ndcg@100", .13093}});
}

TEST_F(PublishedFigures, EaseOnMovieLens) {
  args_.model = "ease";
  args_.params = {{"lambda", "600"}, {"recency", "0.9"}};
  expect({{"ndcg@10", .09003},
          {"recall@10", .16649},
          {"recall@20", .25239},
          {"recall@100", .57052},
          {"ndcg@100", .16970}});
}

TEST_F(PublishedFigures, PopularOnMovieLens) {
  args_.model = "popular";
  expect({{"ndcg@10", .04279},
          {"recall@10", .08271},
          {"recall@20", .12301},
          {"recall@100", .31919},
          {"ndcg@100", .08753}});
}

}  // namespace
}  // namespace zhiyin::recommend
