// What people see who look after lists: how one came about, versions beside each other, the map.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "recommend/catalogue_map.h"
#include "recommend/list_inspection.h"
#include "recommend/version_comparison.h"

namespace zhiyin::recommend {
namespace {

constexpr Instant kNow{1'000'000'000'000'000};

/// Sixty people read four neighbours of twelve articles each.
std::shared_ptr<const RecommendModel> model_of(const std::string& algorithm,
                                               std::size_t factors = 0) {
  TrainParams params;
  params.algorithm = algorithm;
  params.factors = factors;
  params.as_of = kNow;
  const RowSource rows =
      [](const std::function<void(const InteractionRow&)>& take) -> Result<void> {
    for (int p = 0; p < 60; ++p) {
      for (int i = 0; i < 4; ++i) {
        const std::string person = "p" + std::to_string(p);
        take({person, {"article", "i" + std::to_string((p + i * i) % 12)}, "read", 0, kNow - kDay});
      }
    }
    return {};
  };
  auto out = train_recommend(rows, params);
  EXPECT_TRUE(out) << out.error().text();
  return std::make_shared<RecommendModel>(std::move(*out));
}

std::vector<CandidateItem> catalogue() {
  std::vector<CandidateItem> out;
  for (int i = 0; i < 14; ++i) {
    CandidateItem item{{"article", "i" + std::to_string(i)},
                       "题" + std::to_string(i),
                       {{i % 2 == 0 ? "育儿" : "美食", 1}},
                       kNow - kDay * (20 - i)};
    item.author = i < 6 ? "anna" : "bo";
    item.category = i % 3 == 0 ? "news" : "story";
    item.price_fen = 100 * i;
    out.push_back(item);
  }
  return out;
}

std::shared_ptr<const Recommender> recommender(const std::string& algorithm = "itemknn",
                                               std::size_t factors = 0,
                                               std::vector<CandidateItem> items = catalogue()) {
  return Recommender::create(model_of(algorithm, factors), algorithm, std::move(items));
}

audience::PersonView reader(std::initializer_list<const char*> items, Instant at = kNow - kDay) {
  audience::PersonView out{PersonId("p_reader"), {}, {}};
  for (const char* item : items) {
    audience::Activity a;
    a.offset = static_cast<std::int64_t>(out.activity.size());
    a.at = at;
    a.kind = "read";
    a.item = ItemRef{"article", item};
    out.activity.push_back(std::move(a));
  }
  return out;
}

RecommendRequest request_of(std::size_t n) {
  RecommendRequest out;
  out.n = n;
  out.now = kNow;
  return out;
}

const InspectedSource& source(const ListInspection& list, std::string_view name) {
  const auto found = std::ranges::find(list.sources, name, &InspectedSource::source);
  EXPECT_NE(found, list.sources.end()) << name;
  return *found;
}
const InspectedStage& stage(const ListInspection& list, std::string_view name) {
  const auto found = std::ranges::find(list.stages, name, &InspectedStage::stage);
  EXPECT_NE(found, list.stages.end()) << name;
  return *found;
}
std::vector<std::string> ids(const std::vector<InspectedItem>& items) {
  std::vector<std::string> out;
  for (const InspectedItem& one : items) out.push_back(one.item.item.id);
  return out;
}
Obstacle obstacle(const std::vector<InspectedItem>& items, const std::string& id) {
  for (const InspectedItem& one : items) {
    if (one.item.item.id == id) return one.obstacle;
  }
  ADD_FAILURE() << id << " is not there";
  return Obstacle::kNone;
}

TEST(Inspection, EndsWithTheListThatIsServed) {
  for (const std::size_t factors : {0, 4}) {
    const auto r = recommender("itemknn", factors);
    const auto person = reader({"i0", "i1"});
    for (const double diversity : {0.0, 0.6}) {
      RecommendRequest request = request_of(6);
      request.diversity = diversity;
      request.pinned = {{"article", "i9"}};
      request.explore = 1;
      request.explain = true;
      const auto served = r->recommend(person, request);
      const auto looked = r->inspect(person, request, 20);
      ASSERT_TRUE(served && looked) << looked.error().text();
      const auto& list = stage(*looked, "final").items;
      ASSERT_EQ(list.size(), served->items.size());
      for (std::size_t i = 0; i < list.size(); ++i) {
        EXPECT_EQ(list[i].item.item, served->items[i].item);
        EXPECT_EQ(list[i].item.score, served->items[i].score);
        EXPECT_EQ(list[i].item.reason, served->items[i].reason);
        EXPECT_EQ(list[i].item.terms.size(), served->items[i].terms.size());
      }
      EXPECT_EQ(looked->fallback, served->fallback);
      EXPECT_EQ(looked->stages.size(), diversity > 0 ? 3U : 2U);
    }
  }
}

TEST(Inspection, EachSourceTellsItsBestWithTheRuleThatForbidsThem) {
  auto items = catalogue();
  items[4].available = false;
  items[5].valid_until = kNow;
  items[6].valid_from = kNow + kDay;
  const auto r = recommender("itemknn", 4, items);
  RecommendRequest request = request_of(10);
  request.rules.exclude = {{"article", "i7"}};
  request.rules.categories = {"story"};
  request.rules.price_max_fen = 1000;
  const auto looked = r->inspect(reader({"i0", "i1"}), request, 50);
  ASSERT_TRUE(looked);
  const auto& popular = source(*looked, "popular");
  EXPECT_EQ(popular.candidates, 12U);
  ASSERT_EQ(popular.best.size(), 12U);
  EXPECT_EQ(obstacle(popular.best, "i0"), Obstacle::kDealtWith);
  EXPECT_EQ(obstacle(popular.best, "i3"), Obstacle::kCategory);
  EXPECT_EQ(obstacle(popular.best, "i4"), Obstacle::kUnavailable);
  EXPECT_EQ(obstacle(popular.best, "i5"), Obstacle::kExpired);
  EXPECT_EQ(obstacle(popular.best, "i7"), Obstacle::kExcluded);
  EXPECT_EQ(obstacle(popular.best, "i11"), Obstacle::kPrice);
  EXPECT_EQ(obstacle(popular.best, "i8"), Obstacle::kNone);
  EXPECT_EQ(ids(source(*looked, "fresh").best), (std::vector<std::string>{"i13", "i12"}));
  // Best first, scores above nothing, each with its reason.
  for (const char* name : {"itemknn", "ials"}) {
    const auto& liked = source(*looked, name);
    ASSERT_FALSE(liked.best.empty());
    for (std::size_t i = 0; i < liked.best.size(); ++i) {
      EXPECT_GT(liked.best[i].item.score, 0);
      EXPECT_TRUE(liked.best[i].item.reason.contains("因为你读过《题"));
      if (i > 0) {
        EXPECT_GE(liked.best[i - 1].item.score, liked.best[i].item.score);
      }
    }
  }
  // What no source offers is not counted; what several offer, once.
  EXPECT_EQ(looked->candidates, 14U);
  std::size_t removed = 0;
  for (const ObstacleCount& one : looked->removed) removed += one.count;
  const auto& merged = stage(*looked, "merged").items;
  EXPECT_EQ(removed + merged.size(), looked->candidates);
  for (const InspectedItem& one : merged) EXPECT_EQ(one.obstacle, Obstacle::kNone);
  EXPECT_EQ(looked->history, 2U);
  EXPECT_EQ(looked->interests[0].second, 1);
}

TEST(Inspection, TellsWhatGaveWayAfterTheMerge) {
  const auto r = recommender();
  RecommendRequest request = request_of(4);
  request.author_max = 2;
  const auto looked = r->inspect(reader({"i0"}), request, 5);
  ASSERT_TRUE(looked);
  const auto& merged = stage(*looked, "merged").items;
  const auto list = ids(stage(*looked, "final").items);
  ASSERT_EQ(list.size(), 4U);
  std::set<Obstacle> seen;
  for (const InspectedItem& one : merged) {
    const bool listed = std::ranges::find(list, one.item.item.id) != list.end();
    EXPECT_EQ(listed, one.obstacle == Obstacle::kNone) << one.item.item.id;
    seen.insert(one.obstacle);
  }
  EXPECT_TRUE(seen.contains(Obstacle::kAuthorMax));
  EXPECT_EQ(ids(stage(*looked, "reranked").items), list);
}

TEST(Inspection, ColdPeopleAndBoundsOfTheDepth) {
  const auto r = recommender();
  const auto looked = r->inspect(reader({}), request_of(3), 1);
  ASSERT_TRUE(looked);
  EXPECT_TRUE(looked->fallback);
  EXPECT_EQ(source(*looked, "itemknn").candidates, 0U);
  EXPECT_EQ(source(*looked, "popular").best.size(), 1U);
  EXPECT_FALSE(r->inspect(reader({}), request_of(3), 0));
  EXPECT_FALSE(r->inspect(reader({}), request_of(3), kInspectionDepthMax + 1));
  EXPECT_FALSE(r->inspect(reader({}), request_of(0), 5));
}

TEST(Inspection, EveryObstacleHasANameAndWordsOfItsOwn) {
  std::set<std::string_view> names;
  for (int o = static_cast<int>(Obstacle::kNone); o <= static_cast<int>(Obstacle::kPlaces); ++o) {
    const auto one = static_cast<Obstacle>(o);
    EXPECT_TRUE(names.insert(name_of(one)).second);
    EXPECT_EQ(words_of(one).zh.empty(), one == Obstacle::kNone);
    EXPECT_EQ(words_of(one).en.empty(), one == Obstacle::kNone);
  }
}

TEST(VersionComparison, TheSameVersionListsTheSame) {
  const auto r = recommender();
  const Recommender* const both[] = {r.get(), r.get()};
  const std::vector people = {reader({"i0"}), reader({"i3", "i4"}), reader({})};
  const auto found = compare_versions(both, people, request_of(5), kNow);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->identical, 3U);
  EXPECT_EQ(found->overlap.mean, 1);
  EXPECT_EQ(found->versions[0].fallbacks, 1U);
  EXPECT_EQ(found->versions[0].sources, found->versions[1].sources);
  EXPECT_EQ(found->later.people, 0U);
}

TEST(VersionComparison, AnotherModelDiffersWhereItDoes) {
  const auto knn = recommender("itemknn");
  const auto tags = Recommender::create(std::make_shared<RecommendModel>(), "none", catalogue());
  const Recommender* const both[] = {knn.get(), tags.get()};
  const std::vector people = {reader({"i0", "i1"})};
  const auto found = compare_versions(both, people, request_of(5), kNow);
  ASSERT_TRUE(found);
  ASSERT_EQ(found->pairs.size(), 1U);
  std::set<std::string> first;
  for (const auto& one : found->pairs[0].first) first.insert(one.item.id);
  double shared = 0;
  for (const auto& one : found->pairs[0].second) shared += first.contains(one.item.id) ? 1 : 0;
  EXPECT_DOUBLE_EQ(found->overlap.mean, shared / 5);
  EXPECT_FALSE(found->versions[0].sources.contains("fresh"));
}

TEST(VersionComparison, CountsWhatWasLikedSinceAndNotKnownBefore) {
  const auto r = recommender();
  const Recommender* const one[] = {r.get()};
  const Instant learnt = kNow - kDay;
  auto person = reader({"i0", "i1"}, learnt - kDay);
  const auto then = r->recommend(person, request_of(3));
  ASSERT_TRUE(then);
  const auto act = [&](const char* item, const char* kind) {
    audience::Activity a;
    a.offset = 10;
    a.at = kNow - kDay / 2;
    a.kind = kind;
    a.item = ItemRef{"article", item};
    person.activity.push_back(a);
  };
  act(then->items[1].item.id.c_str(), "read");  // stands second
  act("i0", "read");                            // known before
  act("nowhere", "read");                       // no candidate
  act(then->items[0].item.id.c_str(), "show");  // only shown
  const std::vector people = {person, reader({"i5"}, learnt - kDay)};
  const auto found = compare_versions(one, people, request_of(3), learnt);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->later.people, 1U);
  EXPECT_EQ(found->later.wanted, 1U);
  EXPECT_DOUBLE_EQ(found->later.recall[0].mean, 1);
  EXPECT_DOUBLE_EQ(found->later.ndcg[0].mean, 1 / std::log2(3));
  EXPECT_FALSE(found->later.ndcg_difference);
  EXPECT_TRUE(found->pairs.empty());
}

SparseRows rows_of(const std::vector<std::vector<float>>& dense) {
  SparseRows out;
  out.width = dense[0].size();
  for (const auto& row : dense) {
    for (std::uint32_t c = 0; c < row.size(); ++c) {
      if (row[c] == 0) continue;
      out.columns.push_back(c);
      out.values.push_back(row[c]);
    }
    out.end_row();
  }
  return out;
}

TEST(PrincipalPlane, FindsTheDirectionsOfMostSpread) {
  // Spread 10 along (3, 4, 0) / 5, 2 along (0, 0, 1), about a mean that is not zero.
  std::vector<std::vector<float>> dense;
  for (int i = 0; i < 40; ++i) {
    const auto a = static_cast<float>(10 * std::sin(0.9 * i));
    const auto b = static_cast<float>(2 * std::cos(2.3 * i));
    dense.push_back({7 + 0.6F * a, -3 + 0.8F * a, 1 + b});
  }
  const Plane plane = principal_plane(rows_of(dense));
  EXPECT_NEAR(plane.shares[0] + plane.shares[1], 1, 1e-6);
  EXPECT_GT(plane.shares[0], 0.9);
  for (int i = 1; i < 40; ++i) {
    const double moved = plane.places[static_cast<std::size_t>(i)][0] - plane.places[0][0];
    const double wanted = 10 * (std::sin(0.9 * i) - std::sin(0.0));
    EXPECT_NEAR(moved, wanted, 0.2);
  }
  EXPECT_EQ(principal_plane(rows_of(dense)).places, plane.places);
}

TEST(PrincipalPlane, RowsWithoutSpreadLieAtTheOrigin) {
  for (const std::size_t count : {1, 2, 5}) {
    const Plane plane = principal_plane(rows_of(std::vector<std::vector<float>>(count, {1, 2, 3})));
    for (const auto& place : plane.places) EXPECT_EQ(place, (std::array<float, 2>{0, 0}));
  }
  const Plane line = principal_plane(rows_of({{1, 0}, {2, 0}, {3, 0}}));
  EXPECT_NEAR(line.shares[0], 1, 1e-9);
  for (const auto& place : line.places) EXPECT_NEAR(place[1], 0, 1e-5);
  EXPECT_TRUE(principal_plane(SparseRows()).places.empty());
}

TEST(CatalogueMap, WhatIsAlikeLiesNear) {
  const auto r = recommender("itemknn", 4);
  const auto distance = [](const std::array<float, 2>& a, const std::array<float, 2>& b) {
    return std::hypot(a[0] - b[0], a[1] - b[1]);
  };
  const auto map = map_catalogue(MapBy::kTags, r->model(), r->candidates(), {}, 100);
  ASSERT_TRUE(map);
  ASSERT_EQ(map->candidates.size(), 14U);
  std::map<std::string, std::array<float, 2>> at;
  for (std::size_t i = 0; i < 14; ++i)
    at[r->candidates().item(map->candidates[i]).ref.id] = map->plane.places[i];
  EXPECT_LT(distance(at["i0"], at["i2"]), distance(at["i0"], at["i1"]));
  EXPECT_LT(distance(at["i7"], at["i11"]), distance(at["i7"], at["i10"]));
}

TEST(CatalogueMap, PlacesItemsByWhatTheirTextsSay) {
  // Even ones point one way, odd ones the other; two were never read.
  std::vector<TextVectors::Given> texts;
  for (std::int8_t i = 0; i < 12; ++i) {
    const std::int8_t to_even = i % 2 == 0 ? 100 : 0;
    const std::int8_t to_odd = i % 2 == 0 ? 0 : 100;
    texts.push_back({{"article", "i" + std::to_string(i)}, {to_even, to_odd, i}});
  }
  const auto vectors = TextVectors::create(3, texts);
  ASSERT_TRUE(vectors);
  const auto r = Recommender::create(model_of("itemknn", 0), "m", catalogue(), *vectors);
  const auto map = map_catalogue(MapBy::kText, r->model(), r->candidates(), {}, 100);
  ASSERT_TRUE(map) << map.error().text();
  ASSERT_EQ(map->candidates.size(), 12U);
  EXPECT_EQ(map->left_out, 2U);
  EXPECT_GT(map->plane.shares[0], 0.9);
  const auto is_even = [&](std::size_t i) {
    return std::stoi(r->candidates().item(map->candidates[i]).ref.id.substr(1)) % 2 == 0;
  };
  for (std::size_t i = 1; i < 12; ++i) {
    const bool beside_first = map->plane.places[i][0] * map->plane.places[0][0] > 0;
    EXPECT_EQ(beside_first, is_even(i) == is_even(0));
  }
  const auto unread = recommender();
  EXPECT_EQ(map_catalogue(MapBy::kText, unread->model(), unread->candidates(), {}, 5).error().code,
            ErrorCode::kNotFound);
  EXPECT_EQ(*map_by_of("text"), MapBy::kText);
}

TEST(CatalogueMap, LeavesOutWhatItKnowsNothingOf) {
  const auto r = recommender("itemknn", 4);
  for (const MapBy by : {MapBy::kFactors, MapBy::kBehaviour}) {
    const auto map = map_catalogue(by, r->model(), r->candidates(), {}, 100);
    ASSERT_TRUE(map);
    EXPECT_EQ(map->candidates.size(), 12U);
    EXPECT_EQ(map->left_out, 2U);
    EXPECT_GT(map->plane.shares[0], map->plane.shares[1] * 0.999);
  }
  const auto few = map_catalogue(MapBy::kTags, r->model(), r->candidates(), {}, 5);
  ASSERT_TRUE(few);
  EXPECT_EQ(few->candidates.size(), 5U);
  EXPECT_EQ(few->beyond, 9U);
  const std::string products[] = {"product"};
  EXPECT_TRUE(
      map_catalogue(MapBy::kTags, r->model(), r->candidates(), products, 5)->candidates.empty());
  const auto bare = recommender("itemknn", 0);
  const auto refused = map_catalogue(MapBy::kFactors, bare->model(), bare->candidates(), {}, 5);
  EXPECT_EQ(refused.error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(map_by_of("colour"));
  EXPECT_EQ(*map_by_of("behaviour"), MapBy::kBehaviour);
}

}  // namespace
}  // namespace zhiyin::recommend
