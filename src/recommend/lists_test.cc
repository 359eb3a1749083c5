// Lists beyond the plain one: other models, rules, variety, chance, and lists without a person.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "recommend/recommender.h"

namespace zhiyin::recommend {
namespace {

constexpr Instant kNow{1'000'000'000'000'000};

struct Act {
  std::string person;
  std::string item;
  int days_ago = 1;
};

/// Groups of readers with overlapping tastes: everybody reads four neighbours of twelve articles.
std::vector<Act> readers() {
  std::vector<Act> out;
  for (int p = 0; p < 60; ++p) {
    for (int i = 0; i < 4; ++i)
      out.push_back({"p" + std::to_string(p), "i" + std::to_string((p + i * i) % 12)});
  }
  return out;
}

std::shared_ptr<const RecommendModel> model_of(const TrainParams& wanted) {
  TrainParams params = wanted;
  params.as_of = kNow;
  const auto acts = readers();
  const RowSource rows =
      [&](const std::function<void(const InteractionRow&)>& take) -> Result<void> {
    for (const Act& a : acts)
      take({a.person, {"article", a.item}, "read", 0, kNow - kDay * a.days_ago});
    return {};
  };
  auto out = train_recommend(rows, params);
  EXPECT_TRUE(out) << out.error().text();
  // Through its bytes, as serving gets it.
  auto back = RecommendModel::decode(out->encode());
  EXPECT_TRUE(back) << back.error().text();
  return std::make_shared<RecommendModel>(std::move(*back));
}

std::vector<CandidateItem> catalogue() {
  std::vector<CandidateItem> out;
  for (int i = 0; i < 12; ++i) {
    CandidateItem item{{"article", "i" + std::to_string(i)},
                       "题" + std::to_string(i),
                       {{i % 2 == 0 ? "育儿" : "美食", 1}},
                       kNow - kDay * (20 - i)};
    item.author = i < 6 ? "anna" : "bo";
    item.category = i % 3 == 0 ? "news" : "story";
    item.price_fen = 100 * i;
    out.push_back(item);
  }
  for (int i = 0; i < 5; ++i)
    out.push_back({{"article", "new" + std::to_string(i)}, "新", {}, kNow - kDay * (5 - i)});
  return out;
}

audience::PersonView person(const std::vector<Act>& acts) {
  audience::PersonView view{PersonId("p_test"), {}, {}};
  std::int64_t offset = 0;
  for (const Act& a : acts) {
    view.activity.push_back(
        {++offset, kNow - kDay * a.days_ago, "read", ItemRef{"article", a.item}, 0, "shop", ""});
  }
  return view;
}

std::shared_ptr<const Recommender> recommender(const TrainParams& params = {}) {
  return Recommender::create(model_of(params), "recommend-7", catalogue());
}

RecommendResponse listed(const Recommender& r, RecommendRequest request,
                         const std::vector<Act>& acts = {{"", "i0", 2}, {"", "i1", 1}}) {
  request.now = kNow;
  const auto out = r.recommend(person(acts), request);
  EXPECT_TRUE(out) << out.error().text();
  return out.value_or(RecommendResponse{});
}

std::vector<std::string> ids(const RecommendResponse& response) {
  std::vector<std::string> out;
  for (const RecommendedItem& i : response.items) out.push_back(i.item.id);
  return out;
}

TEST(Lists, OfAnInterestTheNewestThatNobodyDealtWithAreLookedAt) {
  // Named so that the oldest would come first among equal scores.
  constexpr int kItems = 2500;
  std::vector<CandidateItem> items;
  for (int i = 0; i < kItems; ++i)
    items.push_back(
        {{"article", "n" + std::to_string(10'000 + i)}, "T", {{"tea", 1}}, {1000 * (i + 1)}});
  items.push_back({{"article", "read"}, "R", {{"tea", 1}}, {5}});
  const auto r = Recommender::create(std::make_shared<RecommendModel>(), "none", std::move(items));
  const Instant now{1'000'000'000'000};
  audience::PersonView reader{PersonId("p"), {}, {}};
  reader.activity.push_back({1, now - kDay, "read", ItemRef{"article", "read"}, 0, "shop", ""});
  const auto out = r->recommend(reader, {.n = 5, .now = now});
  ASSERT_TRUE(out) << out.error().text();
  ASSERT_EQ(out->items[0].source, "tags");
  EXPECT_EQ(out->items[0].item.id, "n10500");
}

TEST(Lists, NearDuplicatesCountAsOne) {
  auto items = catalogue();
  items[1].group = items[2].group = "i1";  // i1 and i2
  for (int i = 12; i < 15; ++i) items[static_cast<std::size_t>(i)].group = "new0";
  const auto r = Recommender::create(model_of({}), "m", items);
  const auto count = [](const RecommendResponse& list, std::initializer_list<std::string> ids) {
    return std::ranges::count_if(list.items, [&](const RecommendedItem& item) {
      return std::ranges::find(ids, item.item.id) != ids.end();
    });
  };
  const RecommendRequest all{.n = 100, .now = kNow};
  for (const auto& list : {*r->recommend(person({{"", "i0"}}), all), *r->popular(all),
                           *r->latest(all), *r->similar({"article", "i5"}, all)}) {
    EXPECT_EQ(count(list, {"i1", "i2"}), 1);
    EXPECT_LE(count(list, {"new0", "new1", "new2"}), 1);
  }
  // Whoever dealt with one, asks about one or excludes one gets no copy of it.
  EXPECT_EQ(count(*r->recommend(person({{"", "i1"}}), all), {"i1", "i2"}), 0);
  EXPECT_EQ(count(*r->similar({"article", "i1"}, all), {"i1", "i2"}), 0);
  RecommendRequest excluding = all;
  excluding.rules.exclude = {{"article", "i2"}};
  EXPECT_EQ(count(*r->popular(excluding), {"i1", "i2"}), 0);
  // Nor does chance bring one.
  RecommendRequest exploring{.n = 10, .now = kNow};
  exploring.explore = 2;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    exploring.seed = seed;
    EXPECT_LE(count(*r->recommend(person({{"", "i0"}}), exploring), {"new0", "new1", "new2"}), 1);
  }
}

TEST(Lists, TermsOfAnItemAddUpToItsScoreForEveryModel) {
  for (const auto algorithm : serving_algorithms()) {
    TrainParams params;
    params.algorithm = algorithm;
    params.lambda = 5;
    params.factors = 4;
    const auto r = recommender(params);
    const auto out = listed(*r, {.n = 6, .explain = true});
    std::set<std::string> sources;
    for (const RecommendedItem& item : out.items) {
      sources.insert(item.source);
      if (item.source != algorithm && item.source != "ials") continue;
      double sum = 0;
      for (const ScoreTerm& term : item.terms) sum += term.share;
      EXPECT_NEAR(sum, item.score, 1e-5) << item.source;
      ASSERT_FALSE(item.terms.empty());
      EXPECT_NE(item.reason.find(item.terms[0].title), std::string::npos) << item.reason;
    }
    EXPECT_TRUE(sources.contains(std::string(algorithm)));
    EXPECT_TRUE(sources.contains("ials"));
  }
}

TEST(Lists, AnUnknownAlgorithmIsRefused) {
  TrainParams params;
  params.algorithm = "magic";
  const auto out = train_recommend([](const auto&) -> Result<void> { return {}; }, params);
  EXPECT_EQ(out.error().field, "algorithm");
}

TEST(Lists, RulesHoldForEverySource) {
  const auto r = recommender();
  RecommendRequest request{.n = 20};
  request.rules.categories = {"news"};
  EXPECT_EQ(ids(listed(*r, request)).size(), 3U);  // i3, i6, i9: i0 is read
  request.rules = {.price_min_fen = 300, .price_max_fen = 500};
  for (const auto& id : ids(listed(*r, request)))
    EXPECT_TRUE(id == "i3" || id == "i4" || id == "i5") << id;
  request.rules = {};
  request.rules.eligible = {{"article", "i7"}, {"article", "new1"}, {"article", "i0"}};
  const auto eligible = ids(listed(*r, request));
  EXPECT_EQ(std::set<std::string>(eligible.begin(), eligible.end()),
            (std::set<std::string>{"i7", "new1"}));
  request.rules.eligible = std::vector<ItemRef>();
  EXPECT_TRUE(listed(*r, request).items.empty());
}

TEST(Lists, ItemsThatTheRulesLeaveAreFoundHoweverFarDownTheyStand) {
  std::vector<CandidateItem> items;
  for (int i = 0; i < 400; ++i) {
    items.push_back({{"article", "n" + std::to_string(1000 + i)},
                     "新",
                     {{"育儿", 1}, {"杂", i / 100.0}},
                     kNow - kDay});
    // The purer the tag, the better; only the worst are cheap.
    items.back().price_fen = i < 397 ? 500 : 1;
  }
  const auto recommender =
      Recommender::create(model_of({.algorithm = "itemknn"}), "m", std::move(items));
  RecommendRequest request{.n = 5, .now = kNow};
  request.interests = {{"育儿", 1}};
  request.rules.price_max_fen = 10;
  const auto out = recommender->recommend(person({}), request);
  ASSERT_TRUE(out);
  std::vector<std::string> listed;
  for (const RecommendedItem& item : out->items) listed.push_back(item.item.id);
  EXPECT_EQ(listed, (std::vector<std::string>{"n1397", "n1398", "n1399"}));
}

TEST(Lists, WhatWasReadComesBackAfterItsTimeOnly) {
  const auto r = recommender();
  RecommendRequest request{.n = 20};
  request.rules.return_after = 3 * kDay;
  const auto out = ids(listed(*r, request, {{"", "i0", 4}, {"", "i1", 1}}));
  EXPECT_TRUE(std::ranges::count(out, "i0"));
  EXPECT_FALSE(std::ranges::count(out, "i1"));
}

TEST(Lists, CapsAndDiversityChooseFromMoreCandidates) {
  const auto r = recommender();
  RecommendRequest request{.n = 4, .author_max = 1};
  const auto capped = listed(*r, request);
  std::map<std::string, int> authors;
  for (const auto& item : capped.items) {
    for (const CandidateItem& c : catalogue()) {
      if (c.ref == item.item && !c.author.empty()) ++authors[c.author];
    }
  }
  EXPECT_LE(authors["anna"], 1);
  EXPECT_LE(authors["bo"], 1);
  EXPECT_EQ(capped.items.size(), 4U);
  for (const auto rerank : {Rerank::kMmr, Rerank::kDpp}) {
    const auto same = listed(*r, {.n = 4});
    const auto various = listed(*r, {.n = 4, .diversity = 0.7, .rerank = rerank});
    EXPECT_EQ(various.items.size(), 4U);
    EXPECT_NE(ids(same), ids(various));
    EXPECT_EQ(various.items[0].item, same.items[0].item);
  }
}

/// The most items of a list with the same of these labels.
int most_of_one(const RecommendResponse& list, const std::vector<CandidateItem>& items,
                std::string CandidateItem::* label) {
  std::map<std::string, int> counts;
  int most = 0;
  for (const RecommendedItem& listed : list.items) {
    const auto item = std::ranges::find(items, listed.item, &CandidateItem::ref);
    if (!((*item).*label).empty()) most = std::max(most, ++counts[(*item).*label]);
  }
  return most;
}

TEST(Lists, CapsHoldForTheWholeList) {
  auto items = catalogue();
  for (std::size_t i = 0; i < items.size(); ++i) {
    items[i].author = i % 3 == 0 ? "anna" : i % 3 == 1 ? "bo" : "";
    items[i].topic = i % 2 == 0 ? "育儿" : "";
    items[i].campaign = i % 4 == 3 ? "spring" : "";
  }
  const auto r = Recommender::create(model_of({}), "m", items);
  const std::pair<std::size_t RecommendRequest::*, std::string CandidateItem::*> kCaps[] = {
      {&RecommendRequest::author_max, &CandidateItem::author},
      {&RecommendRequest::category_max, &CandidateItem::category},
      {&RecommendRequest::topic_max, &CandidateItem::topic},
      {&RecommendRequest::campaign_max, &CandidateItem::campaign}};
  for (const auto& [cap, label] : kCaps) {
    for (std::size_t most = 1; most <= 2; ++most) {
      RecommendRequest request{.n = 10, .now = kNow, .pinned = {{"article", "i3"}}, .explore = 2};
      request.*cap = most;
      for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        request.seed = seed;
        const auto out = listed(*r, request, {{"", "i0", 2}});
        EXPECT_LE(most_of_one(out, items, label), static_cast<int>(most));
        EXPECT_EQ(out.items[0].item.id, "i3");
        EXPECT_GE(out.items.size(), 3U);
      }
    }
  }
  // What is pinned counts, although nothing keeps it out.
  const auto pinned =
      listed(*r, {.n = 4, .author_max = 1, .pinned = {{"article", "i3"}, {"article", "i6"}}});
  EXPECT_EQ(most_of_one(pinned, items, &CandidateItem::author), 2);
  EXPECT_EQ(std::ranges::count_if(
                pinned.items,
                [&](const RecommendedItem& one) {
                  return std::ranges::find(items, one.item, &CandidateItem::ref)->author == "anna";
                }),
            2);
}

TEST(Lists, WhatWasTurnedDownDoesNotComeBack) {
  const auto r = recommender();
  RecommendRequest request{.n = 20, .now = kNow};
  request.rules.return_after = 3 * kDay;
  auto view = person({{"", "i0", 9}, {"", "i1", 9}, {"", "i2", 9}});
  view.activity[0].kind = "not_interested";
  view.activity[1].kind = "hide";
  const auto out = r->recommend(view, request);
  ASSERT_TRUE(out);
  EXPECT_EQ(std::ranges::count(ids(*out), "i0"), 0);
  EXPECT_EQ(std::ranges::count(ids(*out), "i1"), 0);
  EXPECT_EQ(std::ranges::count(ids(*out), "i2"), 1);
}

TEST(Lists, PinnedItemsStandFirstUnlessARuleForbidsThem) {
  const auto r = recommender();
  RecommendRequest request{.n = 5};
  request.pinned = {{"article", "new2"}, {"article", "i0"}, {"article", "nowhere"}};
  const auto out = listed(*r, request);
  EXPECT_EQ(out.items[0].item.id, "new2");
  EXPECT_EQ(out.items[0].source, "pinned");
  EXPECT_NE(out.items[1].source, "pinned");  // i0 was read
  EXPECT_EQ(out.items.size(), 5U);
}

TEST(Lists, ExplorationHasItsOwnPlacesAndSaysHowLikelyItWas) {
  const auto r = recommender();
  std::map<std::string, int> counts;
  std::map<std::string, double> stated;
  constexpr int kRounds = 400;
  for (std::uint64_t seed = 0; seed < kRounds; ++seed) {
    RecommendRequest request{.n = 5, .explore = 1, .seed = seed};
    request.arm_of = [](const ItemRef& ref) { return ref.id == "new3" ? Arm{40, 10} : Arm{40, 2}; };
    const auto out = listed(*r, request);
    ASSERT_EQ(out.items.size(), 5U);
    for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(out.items[i].propensity, 1);
    EXPECT_EQ(out.items[4].source, "explore");
    EXPECT_LE(out.items[4].propensity, 1);
    ++counts[out.items[4].item.id];
    stated[out.items[4].item.id] += out.items[4].propensity;
  }
  EXPECT_GT(counts["new3"], kRounds / 2);  // the one that is clicked most
  EXPECT_NEAR(stated["new3"] / counts["new3"], counts["new3"] / double{kRounds}, 0.06);
  const auto same = listed(*r, {.n = 5, .explore = 1, .seed = 9});
  EXPECT_EQ(ids(same), ids(listed(*r, {.n = 5, .explore = 1, .seed = 9})));
  EXPECT_EQ(r->recommend(person({}), {.n = 5, .explore = 2}).error().field, "explore");
}

TEST(Lists, ChanceDoesNotBringBackWhatIsLeftOutAsTired) {
  const auto r = recommender();
  RecommendRequest request{.n = 5, .explore = 1};
  request.arm_of = [](const ItemRef& ref) { return ref.id == "new3" ? Arm{40, 30} : Arm{40, 2}; };
  ASSERT_EQ(ids(listed(*r, request)).back(), "new3");
  request.tired = {{"article", "new3"}};
  request.leaves_out_tired = true;
  const auto out = listed(*r, request);
  EXPECT_EQ(std::ranges::count(ids(out), "new3"), 0);
  EXPECT_EQ(out.items.back().source, "explore");
}

TEST(Lists, WhatGoesWithAnItemNeedsNoPerson) {
  TrainParams params;
  params.algorithm = "ease";
  params.lambda = 5;
  const auto r = recommender(params);
  const auto out = r->similar({"article", "i4"}, {.n = 6, .now = kNow});
  ASSERT_TRUE(out);
  EXPECT_EQ(out->items[0].source, "ease");
  EXPECT_EQ(out->items[0].reason, "与《题4》相似");
  for (const auto& item : out->items) EXPECT_NE(item.item.id, "i4");
  const auto by_tags = r->similar({"article", "new0"}, {.n = 6, .now = kNow});
  ASSERT_TRUE(by_tags);
  EXPECT_TRUE(by_tags->items.empty());  // no behaviour, no tags
  EXPECT_EQ(r->similar({"article", "nowhere"}, {.n = 6}).error().code, ErrorCode::kNotFound);
}

TEST(Lists, PopularAndLatestAreTheSameForAll) {
  const auto r = recommender();
  const auto popular = r->popular({.n = 3, .now = kNow});
  ASSERT_TRUE(popular);
  EXPECT_EQ(popular->items.size(), 3U);
  EXPECT_EQ(popular->items[0].source, "popular");
  EXPECT_GE(popular->items[0].score, popular->items[2].score);
  const auto latest = r->latest({.n = 6, .now = kNow});
  ASSERT_TRUE(latest);
  EXPECT_EQ(ids(*latest),
            (std::vector<std::string>{"new4", "new3", "new2", "new1", "new0", "i11"}));
  EXPECT_EQ(r->popular({.n = 0}).error().field, "n");
  EXPECT_EQ(r->latest({.n = 5, .diversity = 2}).error().field, "diversity");
}

TEST(Lists, ACatalogueOfOneAndNobodyWithoutHistoryAreNoProblem) {
  const auto r = Recommender::create(std::make_shared<RecommendModel>(), "none",
                                     {{{"article", "only"}, "一", {}, kNow}});
  const auto out = listed(*r, {.n = 10, .diversity = 0.5, .author_max = 1, .explore = 2}, {});
  EXPECT_EQ(ids(out), (std::vector<std::string>{"only"}));
  EXPECT_TRUE(out.fallback);
}

}  // namespace
}  // namespace zhiyin::recommend
