// The parts of an evaluation: files, protocols, metrics, search.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "base/file.h"
#include "recommend/evaluate.h"
#include "recommend/evaluation_data.h"
#include "recommend/interaction_file.h"
#include "recommend/ranking_quality.h"
#include "recommend/tune.h"

namespace zhiyin::recommend {
namespace {

using testing::HasSubstr;
using Pairs = std::vector<NamedPair>;

Pairs parsed(std::string_view text) {
  const auto out = parse_interactions(text, "f");
  EXPECT_TRUE(out) << out.error().text();
  return out.value_or(Pairs{});
}

TEST(InteractionFile, ReadsPairsUnderAHeader) {
  const Pairs expected = {{"1", "10"}, {"2", "11"}};
  EXPECT_EQ(parsed("userID,itemID\n1,10\n2,11\n"), expected);
  EXPECT_EQ(parsed("\xEF\xBB\xBFitem_id\tstars\tuser_id\r\n10\t5\t1\r\n\r\n11\t3\t2"), expected);
  EXPECT_EQ(parsed("user_id:token\titem_id:token\trating:float\n1\t10\t3\n2\t11\t2\n"), expected);
  EXPECT_EQ(parsed("user item\n1  10\n2 11\n"), expected);
}

TEST(InteractionFile, ReadsUsersWithTheirItemsWithoutAHeader) {
  const Pairs expected = {{"0", "148"}, {"0", "28"}, {"1", "5"}};
  EXPECT_EQ(parsed("0 148 28\n1 5\n2\n"), expected);
  EXPECT_EQ(parsed("0,148,28\n1,5\n"), expected);
  EXPECT_EQ(parsed("0\t148\t28\n1\t5\t\n"), expected);
  EXPECT_TRUE(parsed("").empty());
}

TEST(InteractionFile, TheFirstLineWithASeparatorDecides) {
  const Pairs expected = {{"1", "5"}, {"1", "6"}};
  for (const auto* text : {"0\n1,5,6\n", "0\n\n1\t5\t6\n", "0\n1 5 6\n"})
    EXPECT_EQ(parsed(text), expected) << text;
  EXPECT_TRUE(parsed("0\n1\n").empty());
}

TEST(InteractionFile, SeparatorsWithinQuotesBelongToTheName) {
  const Pairs expected = {{"1", "a,b"}, {"1", "c"}, {"2, too", "a,c"}};
  EXPECT_EQ(parsed("user,item\n1,\"a,b\"\n1,c\n\"2, too\" , \"a,c\" \n"), expected);
  const Pairs tabs = {{"1", "a\tb"}, {"1", "c"}};
  EXPECT_EQ(parsed("1\t\"a\tb\"\tc\n"), tabs);
  const Pairs blanks = {{"1", "a b"}, {"1", "c"}};
  EXPECT_EQ(parsed("1 \"a b\" c"), blanks);
  // Quotes that enclose no whole cell are like any other character.
  const Pairs odd = {{"1", "a\"b"}, {"1", "c"}, {"1", "\"d"}, {"1", "e"}, {"1", "\"\"f\"\", g"}};
  EXPECT_EQ(parsed("1,a\"b,c,\"d,e,\"\"\"f\"\", g\"\n"), odd);
}

TEST(InteractionFile, HeadersMayBeWrittenLargeOrSmall) {
  const Pairs expected = {{"1", "10"}};
  for (const auto* head : {"UserID,ItemID", "USER_ID,Item_Id", "user,ITEM:token"})
    EXPECT_EQ(parsed(std::string(head) + "\n1,10\n"), expected) << head;
  for (const auto* head : {"uid,iid", "name,Rating", "a,b,timestamp:float"})
    EXPECT_FALSE(parse_interactions(std::string(head) + "\n1,10\n", "f")) << head;
}

TEST(InteractionFile, NamesTheLineThatIsWrong) {
  const auto message = [](std::string_view text) {
    return parse_interactions(text, "f.csv").error().message;
  };
  EXPECT_EQ(message("userID,itemID\n1,2\n1\n"),
            "f.csv: line 3: has too few cells for a user and an item");
  EXPECT_EQ(message("userID,itemID\n1,\n"), "f.csv: line 2: the user or the item is empty");
  EXPECT_EQ(message("userID,stars\n1,2\n"),
            "f.csv: line 1: a header has the columns userID and itemID");
  EXPECT_EQ(message("1 2\n\xff 3\n"), "f.csv: line 2: is not UTF-8");
  // Missing values as data frames write them: all of them would be one user.
  EXPECT_EQ(message("user,item\n1,2\nnan,3\n"),
            "f.csv: line 3: a user or an item is NaN: leave rows with missing values out");
  EXPECT_THAT(message("1,2,NaN\n"), HasSubstr("line 1: a user or an item is NaN"));
  EXPECT_THAT(message(std::string_view("1,2\n1\0,3\n", 8)), HasSubstr("line 2: has a NUL byte"));
  EXPECT_THAT(message("user,item\r1,2\r3,4"), HasSubstr("has a carriage return within"));
  EXPECT_THAT(message("1," + std::string(1025, '7')),
              HasSubstr("line 1: a name has more than 1024"));
}

TEST(InteractionFile, ReadsWhatIsOddButClear) {
  const Pairs expected = {{"1", "2"}, {"3", "4"}};
  EXPECT_EQ(parsed("\xEF\xBB\xBFuser,rating,item\r\n1,nan,2\r\n\r\n\"3\",,4"), expected);
  EXPECT_EQ(parsed("user,item\n99999999999999999999999999,-1\n"),
            (Pairs{{"99999999999999999999999999", "-1"}}));
  // Very many columns, in a header and in a row.
  std::string wide = "1";
  for (int i = 0; i < 100'000; ++i) wide += ",i" + std::to_string(i);
  EXPECT_EQ(parsed(wide).size(), 100'000);
  EXPECT_EQ(parsed(std::string(100'000, ',') + "user,item\n" + std::string(100'000, ',') + "1,2\n"),
            (Pairs{{"1", "2"}}));
}

TEST(InteractionFile, HasAnEndOfPairs) {
  EXPECT_TRUE(parse_interactions("user,item\n1,1\n1,2\n", "f", 2));
  const auto rows = parse_interactions("user,item\n1,1\n1,2\n1,3\n", "f", 2);
  EXPECT_EQ(rows.error().code, ErrorCode::kLimitReached);
  EXPECT_EQ(rows.error().message, "f: line 4: more than 2 pairs of user and item");
  EXPECT_EQ(parse_interactions("1,1,2,3\n", "f", 2).error().code, ErrorCode::kLimitReached);
}

TEST(Metric, FiguresAreThoseOfTheirDefinitions) {
  const std::vector<std::size_t> ranks = {2, 5, 40};
  const auto value = [&](std::string_view name) { return Metric::parse(name)->of(ranks); };
  EXPECT_DOUBLE_EQ(value("recall@10"), 2.0 / 3);
  EXPECT_DOUBLE_EQ(value("mrr@10"), 0.5);
  EXPECT_DOUBLE_EQ(value("mrr@1"), 0);
  EXPECT_DOUBLE_EQ(value("map@10"), (1.0 / 2 + 2.0 / 5) / 3);
  EXPECT_DOUBLE_EQ(value("map@2"), (1.0 / 2) / 2);
  const auto gain = [](double rank) { return 1 / std::log2(rank + 1); };
  EXPECT_DOUBLE_EQ(value("ndcg@10"), (gain(2) + gain(5)) / (gain(1) + gain(2) + gain(3)));
  EXPECT_DOUBLE_EQ(value("ndcg@2"), gain(2) / (gain(1) + gain(2)));
  for (const auto* bad : {"ndcg", "ndcg@", "ndcg@0", "ndcg@x", "auc@10", "@3"})
    EXPECT_EQ(Metric::parse(bad).error().field, "metric") << bad;
  EXPECT_EQ(Metric::parse("map@7")->name(), "map@7");
}

class Evaluation : public ::testing::Test {
 protected:
  std::filesystem::path file(const std::string& name, std::string_view text) {
    EXPECT_TRUE(write_file(folder_.path() / name, text));
    return folder_.path() / name;
  }
  TempFolder folder_;
};

TEST_F(Evaluation, SplitCountsAllItemsOfAPerson) {
  EvaluateArgs args;
  args.protocol = "split";
  args.train = file("train.txt", "1 10 11\n2 10 11 12\n3 12 13\n4 10\n");
  // 4: 11 stands first, 12 next, 10 is known; 3 has nothing left; 99 was never seen in training.
  args.test = file("test.txt", "4 10 11 12 99\n3 12\n");
  args.params = {{"k", "10"}, {"shrink", "0"}};
  args.at = {1, 2, 4};
  const auto out = evaluate_recommend(args);
  ASSERT_TRUE(out) << out.error().text();
  EXPECT_EQ((*out)["people"].int_or(0), 1);
  EXPECT_EQ((*out)["items"].int_or(0), 5);
  const Json& metrics = (*out)["metrics"];
  EXPECT_DOUBLE_EQ(metrics["recall@1"].number_or(0), 1.0 / 3);
  EXPECT_DOUBLE_EQ(metrics["ndcg@1"].number_or(0), 1);
  EXPECT_DOUBLE_EQ(metrics["recall@2"].number_or(0), 2.0 / 3);
  // Candidates are 11, 12, 13 and, last, 99.
  EXPECT_DOUBLE_EQ(metrics["recall@4"].number_or(0), 1);
  EXPECT_EQ((*out)["protocol"].string_or(""), "split");
  EXPECT_EQ((*out)["lists"]["coverage"].number_or(0), 0.25);
}

TEST_F(Evaluation, ItemsUnseenInTrainingComeLastAlsoWhereScoresAreNegative) {
  EvaluateArgs args;
  args.train = file("train.csv", "userID,itemID\n1,1\n1,2\n2,1\n2,2\n3,1\n3,5\n4,5\n");
  args.test = file("test.csv", "userID,itemID\n4,0\n");
  args.model = "ease";
  args.params = {{"lambda", "1"}};
  args.at = {1, 3};
  const auto out = evaluate_recommend(args);
  ASSERT_TRUE(out);
  EXPECT_EQ((*out)["metrics"]["recall@3"].number_or(0), 1);
  args.at = {2};
  EXPECT_EQ((*evaluate_recommend(args))["metrics"]["recall@2"].number_or(1), 0);
}

TEST_F(Evaluation, EveryModelKnowsItsParametersOnly) {
  EvaluateArgs args;
  args.train = file("train.csv", "userID,itemID\n1,1\n1,2\n2,1\n2,2\n3,1\n");
  args.test = file("test.csv", "userID,itemID\n3,2\n");
  for (const std::string_view model : evaluated_model_names()) {
    args.model = model;
    args.params.clear();
    const auto out = evaluate_recommend(args);
    ASSERT_TRUE(out) << model << " " << out.error().text();
    EXPECT_EQ((*out)["metrics"]["recall@10"].number_or(0), 1) << model;
    args.params = {{"colour", "1"}};
    EXPECT_EQ(evaluate_recommend(args).error().field, "param colour");
    EXPECT_EQ(evaluate_recommend(args).error().code, ErrorCode::kInvalidArgument);
  }
  const auto field = [&](std::string model, std::string name, std::string value) {
    args.model = std::move(model);
    args.params = {{std::move(name), std::move(value)}};
    return evaluate_recommend(args).error().field;
  };
  EXPECT_EQ(field("ease", "lambda", "-3"), "param lambda");
  EXPECT_EQ(field("ease", "lambda", "nan"), "param lambda");
  EXPECT_EQ(field("ease", "recency", "1.5"), "param recency");
  EXPECT_EQ(field("ials", "solver", "lu"), "param solver");
  EXPECT_EQ(field("ials", "factors", "9999"), "param factors");
  EXPECT_EQ(field("rp3beta", "normalize", "yes"), "param normalize");
  EXPECT_EQ(field("itemknn", "k", "0"), "param k");
}

TEST_F(Evaluation, EqualScoresGoToTheLowerNumber) {
  // Each item has one person, so `popular` knows no difference: the order is that of the names.
  const std::vector<std::string> order = {
      "-20", "-3", "0", "+1", "02", "3", "010", "99", "b", "aa", "99999999999999999999x"};
  std::string train = "userID,itemID\n";
  for (std::size_t i = order.size(); i-- > 0;) train += fmt::format("u{},{}\n", i, order[i]);
  EvaluateArgs args;
  args.model = "popular";
  args.train = file("train.csv", train);
  for (std::size_t place = 1; place <= order.size(); ++place) {
    args.test = file("test.csv", "userID,itemID\nnew," + order[place - 1] + "\n");
    args.at = {place};
    EXPECT_EQ((*evaluate_recommend(args))["metrics"][fmt::format("mrr@{}", place)].number_or(0),
              1.0 / static_cast<double>(place))
        << order[place - 1];
  }
}

TEST_F(Evaluation, WhatCannotBeTrainedIsRefused) {
  EvaluateArgs args;
  args.train = file("train.csv", "userID,itemID\n");
  args.test = file("test.csv", "userID,itemID\n1,2\n");
  EXPECT_NE(evaluate_recommend(args).error().message.find("train.csv: has no rows"),
            std::string::npos);
  args.train = file("train.csv", "userID,itemID\n1,1\n2,1\n");
  args.model = "ease";
  args.params = {{"lambda", "1e300"}};
  EXPECT_EQ(evaluate_recommend(args).error().field, "param lambda");
}

TEST_F(Evaluation, NeighboursServeWhereTheDenseModelHasNoRoom) {
  std::string train = "userID,itemID\n";
  for (int i = 0; i <= 20'000; ++i) train += fmt::format("{},{}\n", i / 3, i);
  EvaluateArgs args;
  args.train = file("train.csv", train);
  args.test = file("test.csv", "userID,itemID\n0,4\n");
  args.model = "ease";
  args.at = {10};
  const auto out = evaluate_recommend(args);
  ASSERT_TRUE(out) << out.error().text();
  EXPECT_EQ((*out)["params"]["neighbours"].int_or(0), 300);
  EXPECT_EQ((*out)["tried"].if_array()->size(), 0U);
}

class Tuning : public Evaluation {
 protected:
  void SetUp() override {
    std::string train = "userID,itemID\n";
    std::string validation = train;
    std::string test = train;
    for (int u = 0; u < 40; ++u) {
      for (int i = 0; i < 4; ++i) train += fmt::format("{},{}\n", u, (u * 3 + i) % 20);
      validation += fmt::format("{},{}\n", u, (u * 3 + 4) % 20);
      test += fmt::format("{},{}\n", u, (u * 3 + 5) % 20);
    }
    args_.train = file("train.csv", train);
    args_.validation = file("validation.csv", validation);
    args_.test = file("test.csv", test);
    args_.tune = true;
    args_.trials = 12;
    args_.metric = "ndcg@5";
    args_.at = {5};
  }
  EvaluateArgs args_;
};

TEST_F(Tuning, ReportsWhatWasTriedAndTakesTheBest) {
  for (const auto* model : {"ease", "itemknn"}) {
    args_.model = model;
    const auto out = evaluate_recommend(args_);
    ASSERT_TRUE(out) << out.error().text();
    const Json::Array& tried = *(*out)["tried"].if_array();
    ASSERT_EQ(tried.size(), 12U);
    double best = 0;
    for (const Json& t : tried) best = std::max(best, t["ndcg@5"].number_or(0));
    const auto winner = std::ranges::find_if(
        tried, [&](const Json& t) { return t["ndcg@5"].number_or(0) == best; });
    for (const auto& [name, value] : *(*winner)["params"].if_object()) {
      EXPECT_EQ(fmt::format("{:.4g}", (*out)["params"][name].number_or(-1)), value.string_or(""));
    }
    EXPECT_EQ((*winner)["halves"].if_array()->size(), 2U);
  }
}

TEST_F(Tuning, TheSameSeedTriesTheSameOnAnyNumberOfThreads) {
  args_.model = "ease";
  const auto one = evaluate_recommend(args_);
  args_.threads = 3;
  EXPECT_EQ(evaluate_recommend(args_)->dump(), one->dump());
  args_.seed = 2;
  EXPECT_NE((*evaluate_recommend(args_))["tried"].dump(), (*one)["tried"].dump());
}

TEST_F(Tuning, GoesOnWhereItWasInterrupted) {
  args_.model = "itemknn";
  args_.notes = folder_.path() / "notes.jsonl";
  int left = 30;
  args_.progress = [&](double) { return --left > 0; };
  EXPECT_EQ(evaluate_recommend(args_).error().code, ErrorCode::kDeadline);
  const auto noted = read_file(args_.notes);
  ASSERT_TRUE(noted);
  EXPECT_FALSE(noted->empty());
  // Cut short in the middle of a line, as a killed process leaves it.
  ASSERT_TRUE(write_file(args_.notes, *noted + "{\"of\":\"x"));
  args_.progress = {};
  const auto resumed = evaluate_recommend(args_);
  ASSERT_TRUE(resumed);
  args_.notes.clear();
  EXPECT_EQ(resumed->dump(), evaluate_recommend(args_)->dump());
}

TEST_F(Tuning, FixedParametersStayAndNonsenseIsRefused) {
  args_.model = "ease";
  args_.params = {{"recency", "0.5"}};
  const auto out = evaluate_recommend(args_);
  ASSERT_TRUE(out);
  EXPECT_EQ((*out)["params"]["recency"].number_or(0), 0.5);
  args_.model = "popular";
  args_.params.clear();
  EXPECT_EQ(evaluate_recommend(args_).error().field, "tune");
  args_.model = "ease";
  args_.trials = 0;
  EXPECT_EQ(evaluate_recommend(args_).error().field, "trials");
  args_.trials = 5;
  args_.validation.clear();
  EXPECT_EQ(evaluate_recommend(args_).error().field, "validation");
}

}  // namespace
}  // namespace zhiyin::recommend
