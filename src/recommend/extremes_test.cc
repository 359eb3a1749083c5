// What no sane shop has, and some shop will.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "recommend/recommender.h"

namespace zhiyin::recommend {
namespace {

constexpr Instant kNow{1'000'000'000'000'000};
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinite = std::numeric_limits<double>::infinity();

std::string number(int i) { return "i" + std::to_string(i); }

audience::Activity read(int item, int minutes_ago) {
  const auto at = kNow - std::chrono::minutes(minutes_ago);
  return {minutes_ago, at, "read", ItemRef{"article", number(item)}, 0, "shop", ""};
}

/// `people` who read `each` of `items` each, in turn, and who else is wanted.
RowSource readers(int people, int items, int each,
                  const std::vector<std::pair<std::string, int>>& more = {}) {
  return [=](const std::function<void(const InteractionRow&)>& take) -> Result<void> {
    for (int p = 0; p < people; ++p) {
      const std::string name = "p" + std::to_string(p);
      for (int i = 0; i < each; ++i)
        take({name, {"article", number((p * 3 + i) % items)}, "read", 0, kNow - kDay * (i + 1)});
    }
    for (const auto& [name, item] : more)
      take({name, {"article", number(item)}, "read", 0, kNow - std::chrono::minutes(item)});
    return {};
  };
}

std::vector<CandidateItem> plain_catalogue(int items) {
  std::vector<CandidateItem> out;
  for (int i = 0; i < items; ++i)
    out.push_back({{"article", number(i)}, "题", {{"t" + std::to_string(i % 7), 1}}, kNow - kDay});
  return out;
}

std::shared_ptr<const RecommendModel> trained(const RowSource& rows, TrainParams params = {}) {
  params.as_of = kNow;
  auto out = train_recommend(rows, params);
  EXPECT_TRUE(out) << out.error().text();
  return std::make_shared<const RecommendModel>(std::move(*out));
}

void expect_sound(const RecommendResponse& list) {
  std::set<ItemRef> seen;
  for (const RecommendedItem& item : list.items) {
    EXPECT_TRUE(std::isfinite(item.score)) << item.item.id;
    EXPECT_FALSE(item.reason.empty()) << item.item.id;
    EXPECT_TRUE(seen.insert(item.item).second) << item.item.id;
  }
}

TEST(Extremes, APersonWithAHundredThousandEventsGetsAListOfWhatIsLeft) {
  constexpr int kItems = 3000;
  constexpr int kEvents = 100'000;
  constexpr int kLeft = 50;  // of the newest items nothing was read
  audience::PersonView person{PersonId("p_test"), {}, {}};
  for (int e = kEvents; e > 0; --e) person.activity.push_back(read(e % (kItems - kLeft), e));
  const auto r = Recommender::create(trained(readers(500, kItems, 20), {.factors = 16}), "m",
                                     plain_catalogue(kItems));
  RecommendRequest request{.n = 30, .now = kNow};
  request.explain = true;
  const auto list = r->recommend(person, request);
  ASSERT_TRUE(list) << list.error().text();
  EXPECT_EQ(list->items.size(), 30U);
  expect_sound(*list);
  for (const RecommendedItem& item : list->items)
    EXPECT_GE(std::stoi(item.item.id.substr(1)), kItems - kLeft);
}

TEST(Extremes, OneHistoryOfAHundredThousandItemsDoesNotSwallowTheOthers) {
  std::vector<std::pair<std::string, int>> more;
  for (int i = 0; i < 100'000; ++i) more.emplace_back("glutton", i);
  for (const char* algorithm : {"itemknn", "rp3beta"}) {
    TrainParams params;
    params.algorithm = algorithm;
    params.history_max = 50;
    const auto model = trained(readers(200, 100, 6, more), params);
    EXPECT_EQ(model->people(), 201U);
    // Its newest part counts like anybody's.
    EXPECT_LE(model->weights().row(*model->find({"article", number(90)})).size(), 100U);
    EXPECT_FALSE(model->weights().row(*model->find({"article", number(90)})).empty());
    EXPECT_TRUE(model->weights().row(*model->find({"article", number(99'999)})).empty());
  }
}

TEST(Extremes, ItemsThatAreAllIdenticalAreListedOnceEach) {
  constexpr int kItems = 60;
  std::vector<CandidateItem> items;
  std::vector<TextVectors::Given> texts;
  for (int i = 0; i < kItems; ++i) {
    CandidateItem item{{"article", number(i)}, "同一题", {{"同", 1}}, kNow - kDay};
    item.author = "同一人";
    item.category = "同";
    items.push_back(item);
    texts.push_back({item.ref, std::vector<std::int8_t>(64, 7)});
  }
  // Everybody read the same thirty: no item says anything about another that others do not.
  const auto rows = [](const std::function<void(const InteractionRow&)>& take) -> Result<void> {
    for (int p = 0; p < 40; ++p) {
      const std::string name = "p" + std::to_string(p);
      for (int i = 0; i < kItems / 2; ++i)
        take({name, {"article", number(i)}, "read", 0, kNow - kDay});
    }
    return {};
  };
  audience::PersonView person{PersonId("p_test"), {}, {}};
  for (int e = 10; e > 0; --e) person.activity.push_back(read(e, e));
  for (const std::string algorithm : {"itemknn", "rp3beta", "ease"}) {
    TrainParams params;
    params.algorithm = algorithm;
    params.factors = 8;
    const auto r =
        Recommender::create(trained(rows, params), "m", items, *TextVectors::create(64, texts));
    for (const Rerank how : {Rerank::kMmr, Rerank::kDpp}) {
      RecommendRequest request{.n = 10, .now = kNow};
      request.diversity = 0.5;
      request.rerank = how;
      const auto list = r->recommend(person, request);
      ASSERT_TRUE(list) << list.error().text();
      EXPECT_EQ(list->items.size(), 10U) << algorithm;
      expect_sound(*list);
      request.author_max = 3;
      EXPECT_EQ(r->recommend(person, request)->items.size(), 3U) << algorithm;
    }
  }
}

TEST(Extremes, KindsThatWeighNoNumberOrLessThanNothingAreRefusedByName) {
  for (const double weight : {kNan, -1.0, kInfinite}) {
    TrainParams params;
    params.kind_weights["like"] = weight;
    const auto out = train_recommend(readers(5, 5, 3), params);
    ASSERT_FALSE(out) << weight;
    EXPECT_EQ(out.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(out.error().field, "kind_weights.like");
  }
}

TEST(Extremes, TagsAndInterestsThatWeighNoNumberChangeNothingElse) {
  auto items = plain_catalogue(40);
  const auto model = trained(readers(60, 20, 6));
  audience::PersonView person{PersonId("p_test"), {}, {}};
  for (int e = 5; e > 0; --e) person.activity.push_back(read(e, e));
  RecommendRequest request{.n = 20, .now = kNow};
  request.diversity = 0.3;
  const auto before = Recommender::create(model, "m", items)->recommend(person, request);
  ASSERT_TRUE(before);
  for (const double weight : {kNan, kInfinite, -kInfinite, -2.0}) {
    // Of an item that the person read, of a known and of a new one; the tag is nobody else's.
    for (const std::size_t i : {3U, 12U, 35U}) items[i].tags.emplace_back("坏", weight);
    request.interests = {{"坏", weight}, {"t1", weight}};
    const auto list = Recommender::create(model, "m", items)->recommend(person, request);
    ASSERT_TRUE(list) << list.error().text();
    EXPECT_EQ(list->items.size(), before->items.size()) << weight;
    expect_sound(*list);
    items = plain_catalogue(40);
  }
}

TEST(Extremes, PeopleAndItemsOfWhomNothingIsKnown) {
  // Without title, tags, author, category, text and time.
  std::vector<CandidateItem> bare;
  for (int i = 0; i < 5; ++i) bare.push_back({{"article", number(i)}, "", {}, Instant{}});
  const auto r = Recommender::create(trained(readers(0, 1, 0)), "m", bare);
  RecommendRequest request{.n = 10, .now = kNow};
  request.diversity = 1;
  for (const auto& activity :
       {std::vector<audience::Activity>{}, std::vector<audience::Activity>{read(2, 1)}}) {
    const auto list = r->recommend({PersonId("p_test"), {}, activity}, request);
    ASSERT_TRUE(list);
    EXPECT_EQ(list->items.size(), 5 - activity.size());
    EXPECT_TRUE(list->fallback);
    expect_sound(*list);
  }
}

}  // namespace
}  // namespace zhiyin::recommend
