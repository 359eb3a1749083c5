#include "recommend/recommender.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace zhiyin::recommend {
namespace {

constexpr Instant kNow{1'000'000'000'000'000};

struct Act {
  std::string person;
  std::string item;
  std::string kind = "read";
  std::int64_t value = 0;
  int days_ago = 1;
  std::string item_kind = "article";
};

RowSource rows_of(std::vector<Act> acts) {
  return [acts = std::move(acts)](
             const std::function<void(const InteractionRow&)>& take) -> Result<void> {
    for (const Act& a : acts) {
      take({a.person, {a.item_kind, a.item}, a.kind, a.value, kNow - kDay * a.days_ago});
    }
    return {};
  };
}

std::shared_ptr<const RecommendModel> model_of(std::vector<Act> acts) {
  TrainParams params;
  params.as_of = kNow;
  auto out = train_recommend(rows_of(std::move(acts)), params);
  EXPECT_TRUE(out) << out.error().text();
  return std::make_shared<RecommendModel>(std::move(*out));
}

/// Two groups of readers: a, b, c go together; x, y go together; popular is read by all.
std::vector<Act> readers() {
  std::vector<Act> out;
  for (int i = 0; i < 10; ++i) {
    const std::string p = "p" + std::to_string(i);
    for (const auto* item : {"a", "b", "c"}) out.push_back({p, item});
    out.push_back({p, "popular"});
  }
  for (int i = 10; i < 16; ++i) {
    const std::string p = "p" + std::to_string(i);
    for (const auto* item : {"x", "y", "popular"}) out.push_back({p, item});
  }
  return out;
}

audience::PersonView person(std::vector<Act> acts) {
  audience::PersonView view{PersonId("p_test"), {}, {}};
  std::int64_t offset = 0;
  for (const Act& a : acts) {
    view.activity.push_back({++offset, kNow - kDay * a.days_ago, a.kind,
                             ItemRef{a.item_kind, a.item}, a.value, "shop", ""});
  }
  return view;
}

CandidateItem item(std::string id, std::string title,
                   std::vector<std::pair<std::string, double>> tags = {},
                   std::string kind = "article") {
  return {{std::move(kind), std::move(id)}, std::move(title), std::move(tags), kNow};
}

std::vector<CandidateItem> catalogue() {
  return {item("a", "甲", {{"育儿", 1}}),   item("b", "乙", {{"育儿", 1}}),
          item("c", "丙", {{"育儿", 1}}),   item("x", "子", {{"美食", 1}}),
          item("y", "丑", {{"美食", 1}}),   item("popular", "热", {}),
          item("cold", "新", {{"育儿", 1}})};
}

RecommendResponse recommend(const Recommender& r, const audience::PersonView& who,
                            RecommendRequest request = {}) {
  request.now = kNow;
  const auto out = r.recommend(who, request);
  EXPECT_TRUE(out) << out.error().text();
  return out.value_or(RecommendResponse{});
}

std::vector<std::string> ids(const RecommendResponse& response) {
  std::vector<std::string> out;
  for (const RecommendedItem& i : response.items) out.push_back(i.item.id);
  return out;
}

TEST(Recommender, WhatGoesWithTheHistoryComesFirstWithTheReason) {
  const auto r = Recommender::create(model_of(readers()), "recommend-1", catalogue());
  const auto out = recommend(*r, person({{"", "a"}}), {.n = 3});
  EXPECT_EQ(ids(out), (std::vector<std::string>{"b", "c", "popular"}));
  EXPECT_EQ(out.items[0].source, "itemknn");
  EXPECT_EQ(out.items[0].title, "乙");
  EXPECT_EQ(out.items[0].reason, "因为你读过《甲》");
  EXPECT_EQ(out.items[0].reason_en, "because you read \"甲\"");
  EXPECT_EQ(out.items[0].propensity, 1);
  EXPECT_FALSE(out.fallback);
}

TEST(Recommender, ThingsDealtWithAndExcludedNeverAppear) {
  const auto r = Recommender::create(model_of(readers()), "m", catalogue());
  RecommendRequest request{.n = 100};
  request.rules.exclude = {{"article", "c"}};
  // Being shown something is not dealing with it; a bad rating is.
  const auto out =
      recommend(*r, person({{"", "a"}, {"", "x", "show"}, {"", "y", "rating", 1}}), request);
  const auto listed = ids(out);
  EXPECT_EQ(std::set<std::string>(listed.begin(), listed.end()),
            (std::set<std::string>{"b", "popular", "x", "cold"}));
  EXPECT_EQ(listed.size(), 4U);
}

TEST(Recommender, TopicsSentimentsAndAccountsAreRulesLikeOthers) {
  auto items = catalogue();
  items[1].topic = "育儿";  // b
  items[2].topic = "育儿";  // c
  items[3].topic = "美食";  // x
  items[2].sentiment = "negative";
  items[3].account = "shop";
  items[4].account = "school";  // y
  items[6].hidden = true;       // cold
  items[6].available = false;
  const auto r = Recommender::create(model_of(readers()), "m", items);
  EXPECT_TRUE(r->candidates().has_accounts());
  const auto listed = [&](const ItemRules& rules) {
    RecommendRequest request{.n = 100};
    request.rules = rules;
    auto out = ids(recommend(*r, person({{"", "a"}}), request));
    std::ranges::sort(out);
    return out;
  };
  using Ids = std::vector<std::string>;
  EXPECT_EQ(listed({}), (Ids{"b", "c", "popular", "x", "y"}));
  EXPECT_EQ(listed({.topics = {"育儿"}}), (Ids{"b", "c"}));
  EXPECT_EQ(listed({.topics = {"育儿", "美食"}, .exclude_sentiments = {"negative"}}),
            (Ids{"b", "x"}));
  EXPECT_EQ(listed({.exclude_topics = {"育儿"}}), (Ids{"popular", "x", "y"}));
  EXPECT_EQ(listed({.sentiments = {"negative"}}), (Ids{"c"}));
  EXPECT_EQ(listed({.accounts = {{"shop"}}}), (Ids{"b", "c", "popular", "x"}));
  EXPECT_EQ(listed({.accounts = {{"shop", "school"}}}), listed({}));
  EXPECT_EQ(listed({.accounts = std::vector<std::string>()}), (Ids{"b", "c", "popular"}));
}

TEST(Recommender, ExpiredUnavailableAndFutureItemsNeverAppear) {
  auto items = catalogue();
  items[1].valid_until = kNow;  // exclusive: over now
  items[2].available = false;
  items[6].valid_from = kNow + kDay;
  const auto r = Recommender::create(model_of(readers()), "m", items);
  const auto listed = ids(recommend(*r, person({{"", "a"}}), {.n = 100}));
  EXPECT_EQ(std::set<std::string>(listed.begin(), listed.end()),
            (std::set<std::string>{"popular", "x", "y"}));
}

TEST(Recommender, KeepsPlacesForNewItemsThatMatch) {
  const auto r = Recommender::create(model_of(readers()), "m", catalogue());
  const auto out = recommend(*r, person({{"", "a"}}), {.n = 5});
  const auto cold =
      std::ranges::find(out.items, ItemRef{"article", "cold"}, &RecommendedItem::item);
  ASSERT_NE(cold, out.items.end());
  EXPECT_EQ(cold->source, "tags");
  EXPECT_EQ(cold->reason, "因为你常看「育儿」的内容");
}

TEST(Recommender, ColdPeopleGetWhatMatchesGivenInterestsThenPopularThenNew) {
  const auto r = Recommender::create(model_of(readers()), "m", catalogue());
  RecommendRequest request{.n = 7};
  request.interests = {{"美食", 0.4}};
  const auto out = recommend(*r, person({}), request);
  EXPECT_TRUE(out.fallback);
  EXPECT_EQ(ids(out), (std::vector<std::string>{"x", "y", "popular", "a", "b", "c", "cold"}));
  EXPECT_EQ(out.items[0].source, "tags");
  EXPECT_EQ(out.items[2].source, "popular");
  EXPECT_EQ(out.items[6].source, "fresh");
}

TEST(Recommender, KindFiltersEveryPlace) {
  auto items = catalogue();
  items.push_back(item("mug", "杯子", {{"育儿", 1}}, "product"));
  const auto r = Recommender::create(model_of(readers()), "m", items);
  EXPECT_EQ(ids(recommend(*r, person({{"", "a"}}), {.n = 9, .rules = {.kinds = {"product"}}})),
            (std::vector<std::string>{"mug"}));
}

TEST(Recommender, WithoutCatalogueTheItemsOfTheModelAreCandidates) {
  auto acts = readers();
  acts.push_back({"p1", "spring", "click", 0, 1, "campaign"});
  acts.push_back({"p2", "spring", "click", 0, 1, "campaign"});
  const auto r = Recommender::create(model_of(acts), "m", {});
  const auto out = recommend(*r, person({{"", "a", "purchase"}}), {.n = 50});
  EXPECT_EQ(out.items[0].item.id, "b");
  EXPECT_EQ(out.items[0].reason, "因为你买过《a》");
  for (const auto& i : out.items) EXPECT_NE(i.item.kind, "campaign");
}

TEST(Recommender, AnEmptyModelRecommendsWhatIsNew) {
  auto items = catalogue();
  items[3].published_at = kNow + Duration(1);
  const auto r = Recommender::create(std::make_shared<RecommendModel>(), "none", items);
  const auto out = recommend(*r, person({}), {.n = 2});
  EXPECT_EQ(ids(out), (std::vector<std::string>{"x", "a"}));
  EXPECT_TRUE(out.fallback);
  EXPECT_TRUE(recommend(*Recommender::create(std::make_shared<RecommendModel>(), "none", {}),
                        person({{"", "a"}}))
                  .items.empty());
}

TEST(Recommender, ListsAreTheSameEveryTime) {
  const auto r = Recommender::create(model_of(readers()), "m", catalogue());
  auto acts = readers();
  std::ranges::reverse(acts);
  const auto again = Recommender::create(model_of(acts), "m", catalogue());
  const auto who = person({{"", "a"}, {"", "x"}});
  EXPECT_EQ(ids(recommend(*r, who, {.n = 7})), ids(recommend(*again, who, {.n = 7})));
}

TEST(Recommender, ActivityAfterTheMomentDoesNotCount) {
  const auto r = Recommender::create(model_of(readers()), "m", catalogue());
  const auto out = recommend(*r, person({{"", "a", "read", 0, -1}}), {.n = 3});
  EXPECT_TRUE(out.fallback);
}

TEST(Recommender, RefusesLengthsOutOfRange) {
  const auto r = Recommender::create(model_of(readers()), "m", catalogue());
  EXPECT_EQ(r->recommend(person({}), {.n = 0}).error().field, "n");
  EXPECT_EQ(r->recommend(person({}), {.n = kListMax + 1}).error().field, "n");
}

TEST(TrainRecommend, CountsWhatIsLikingOnly) {
  const auto m = model_of({{"p1", "a", "like"},
                           {"p1", "b", "rating", 2},
                           {"p1", "c", "rating", 4},
                           {"p1", "d", "show"},
                           {"p1", "e", "read", 0, -1},
                           {"p2", "a", "read"},
                           {"p2", "a", "purchase"}});
  EXPECT_EQ(m->items(), 2U);
  EXPECT_TRUE(m->find({"article", "c"}));
  EXPECT_EQ(m->people(), 2U);
  EXPECT_EQ(m->interactions(), 3U);
  const auto a = *m->find({"article", "a"});
  EXPECT_NEAR(m->popularity(a), 1.5 + 3, 1e-5);  // the strongest action of each person
}

TEST(TrainRecommend, PopularityFadesByHalfLife) {
  const auto m = model_of({{"p1", "new", "read", 0, 0}, {"p1", "old", "read", 0, 14}});
  EXPECT_NEAR(m->popularity(*m->find({"article", "new"})), 1, 1e-6);
  EXPECT_NEAR(m->popularity(*m->find({"article", "old"})), 0.5, 1e-6);
}

TEST(TrainRecommend, DoesNotDependOnTheOrderOfRows) {
  auto acts = readers();
  const std::string bytes = model_of(acts)->encode();
  std::ranges::reverse(acts);
  EXPECT_EQ(model_of(acts)->encode(), bytes);
}

TEST(TrainRecommend, KeepsTheMostPopularItemsWhenThereAreTooMany) {
  TrainParams params;
  params.as_of = kNow;
  params.items_max = 1;
  const auto m = train_recommend(rows_of(readers()), params);
  ASSERT_TRUE(m);
  EXPECT_EQ(m->items(), 1U);
  EXPECT_EQ(m->item(0).id, "popular");
}

TEST(TrainRecommend, RefusesBadParametersAndPassesErrorsOn) {
  TrainParams params;
  params.recency = 0;
  EXPECT_EQ(train_recommend(rows_of({}), params).error().field, "recency");
  const RowSource broken = [](const auto&) -> Result<void> {
    return fail(ErrorCode::kUnavailable, "warehouse: away");
  };
  EXPECT_EQ(train_recommend(broken, {}).error().code, ErrorCode::kUnavailable);
}

TEST(RecommendModel, StoredAndReadBackItIsTheSame) {
  const auto m = model_of(readers());
  const std::string bytes = m->encode();
  const auto back = RecommendModel::decode(bytes);
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(back->encode(), bytes);
  EXPECT_EQ(back->people(), 16U);
  const auto who = person({{"", "a"}});
  const auto before = Recommender::create(m, "m", catalogue());
  const auto after = Recommender::create(std::make_shared<RecommendModel>(*back), "m", catalogue());
  EXPECT_EQ(ids(recommend(*before, who)), ids(recommend(*after, who)));
  EXPECT_TRUE(RecommendModel::decode(RecommendModel().encode()));
}

TEST(RecommendModel, DamagedBytesAreRefused) {
  const std::string bytes = model_of(readers())->encode();
  for (std::size_t i = 0; i < bytes.size(); i += 17) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    const auto out = RecommendModel::decode(damaged);
    ASSERT_FALSE(out) << i;
    EXPECT_EQ(out.error().code, ErrorCode::kDataLoss) << i;
  }
}

}  // namespace
}  // namespace zhiyin::recommend
