// Editors' lists as a source: places of their own, rules, cold people, and rankers.
#include "recommend/editor_items.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "recommend/list_inspection.h"
#include "recommend/recommender.h"

namespace zhiyin::recommend {
namespace {

constexpr Instant kNow{1'000'000'000'000'000};

std::vector<ItemRef> refs(std::initializer_list<int> numbers) {
  std::vector<ItemRef> out;
  for (const int n : numbers) out.push_back({"article", "i" + std::to_string(n)});
  return out;
}

using Places = std::vector<std::size_t>;

TEST(PlacesKept, AreTheShareAndOneAtLeastOfAListThatIsNotShort) {
  const auto kept = [](double share, std::size_t places) {
    const EditorItems one{"", {}, share};
    return places_kept(std::span(&one, 1), places)[0];
  };
  EXPECT_EQ(kept(0.1, 10), 1U);
  EXPECT_EQ(kept(0.1, 19), 1U);
  EXPECT_EQ(kept(0.1, 20), 2U);
  EXPECT_EQ(kept(0.3, 10), 3U);  // however 0.3 is rounded
  EXPECT_EQ(kept(0.1, 5), 1U);
  EXPECT_EQ(kept(0.01, 5), 1U);
  EXPECT_EQ(kept(0.1, 4), 0U);
  EXPECT_EQ(kept(0.5, 4), 2U);
  EXPECT_EQ(kept(0.5, 1), 0U);
  EXPECT_EQ(kept(0, 300), 0U);
  EXPECT_EQ(kept(0.5, 300), 150U);
  EXPECT_EQ(kept(0.5, 0), 0U);
}

TEST(PlacesKept, AreHalfOfTheListAtMostDealtOutInTurn) {
  const auto kept = [](std::initializer_list<double> shares, std::size_t places) {
    std::vector<EditorItems> lists;
    for (const double share : shares) lists.push_back({"", {}, share});
    return places_kept(lists, places);
  };
  EXPECT_EQ(kept({0.5, 0.5}, 10), (Places{3, 2}));
  EXPECT_EQ(kept({0.1, 0.5}, 10), (Places{1, 4}));
  EXPECT_EQ(kept({0.1, 0.1, 0.1, 0.1, 0.1, 0.1}, 10), (Places{1, 1, 1, 1, 1, 0}));
  EXPECT_EQ(kept({0, 0.2}, 10), (Places{0, 2}));
  EXPECT_EQ(kept({}, 10), Places());
}

/// i0 … i39; i30 and later ones are the newest. Sixty people read four neighbours of the first
/// twelve, so that there is behaviour to go by.
std::vector<CandidateItem> catalogue() {
  std::vector<CandidateItem> out;
  for (int i = 0; i < 40; ++i) {
    CandidateItem item{
        {"article", "i" + std::to_string(i)}, "题" + std::to_string(i), {}, kNow - kDay * (60 - i)};
    item.author = i % 2 == 0 ? "anna" : "bo";
    out.push_back(std::move(item));
  }
  return out;
}

std::shared_ptr<const RecommendModel> model() {
  static const auto trained = [] {
    TrainParams params;
    params.algorithm = "itemknn";
    params.factors = 0;
    params.as_of = kNow;
    const RowSource rows =
        [](const std::function<void(const InteractionRow&)>& take) -> Result<void> {
      for (int p = 0; p < 60; ++p) {
        for (int i = 0; i < 4; ++i) {
          const std::string person = "p" + std::to_string(p);
          take({person, refs({(p + i * i) % 12})[0], "read", 0, kNow - kDay});
        }
      }
      return {};
    };
    auto out = train_recommend(rows, params);
    EXPECT_TRUE(out) << out.error().text();
    return std::make_shared<const RecommendModel>(std::move(*out));
  }();
  return trained;
}

std::shared_ptr<const Recommender> recommender(std::vector<CandidateItem> items = catalogue(),
                                               Ranking ranking = {}) {
  return Recommender::create(model(), "m", std::move(items), nullptr, std::move(ranking));
}

audience::PersonView reader(std::initializer_list<int> items) {
  audience::PersonView out{PersonId("p_reader"), {}, {}};
  for (const ItemRef& ref : refs(items)) {
    audience::Activity a;
    a.offset = static_cast<std::int64_t>(out.activity.size());
    a.at = kNow - kDay;
    a.kind = "read";
    a.item = ref;
    out.activity.push_back(std::move(a));
  }
  return out;
}

RecommendRequest request_of(std::size_t n, std::vector<EditorItems> editors) {
  RecommendRequest out;
  out.n = n;
  out.now = kNow;
  out.editors = std::move(editors);
  return out;
}

std::vector<std::string> ids(const RecommendResponse& list, std::string_view source = "") {
  std::vector<std::string> out;
  for (const RecommendedItem& item : list.items) {
    if (source.empty() || item.source == source) out.push_back(item.item.id);
  }
  return out;
}
std::vector<std::string> edited(const RecommendResponse& list) { return ids(list, "editor"); }
using Ids = std::vector<std::string>;

TEST(EditorSource, HasItsPlacesBesideBehaviourAndSaysWhoseTheyAre) {
  const auto r = recommender();
  const auto spring = refs({20, 21, 22, 23});
  const EditorItems list{"春茶上新", spring, 0.25};
  const auto out = *r->recommend(reader({0, 1}), request_of(8, {list}));
  ASSERT_EQ(out.items.size(), 8U);
  EXPECT_EQ(edited(out), (Ids{"i20", "i21"}));
  EXPECT_FALSE(out.fallback);
  EXPECT_EQ(ids(out, "itemknn").size(), 6U);
  const RecommendedItem& first = *std::ranges::find(out.items, "editor", &RecommendedItem::source);
  EXPECT_EQ(first.reason, "编辑精选《春茶上新》");
  EXPECT_EQ(first.reason_en, "picked by the editors: 春茶上新");
  EXPECT_EQ(first.propensity, 1);
  EXPECT_EQ(first.score, 1);
  // What behaviour brings anyhow does not take the place of another pick.
  const auto both = refs({2, 20});
  const auto again = *r->recommend(reader({0, 1}), request_of(10, {{"A", both, 0.1}}));
  EXPECT_EQ(edited(again), (Ids{"i20"}));
  EXPECT_EQ(std::ranges::count(ids(again), "i2"), 1);
}

TEST(EditorSource, WithoutAnyListsStayAsTheyAre) {
  const auto r = recommender();
  const auto gone = refs({900, 901});
  const auto plain = *r->recommend(reader({0, 1}), request_of(8, {}));
  EXPECT_EQ(ids(*r->recommend(reader({0, 1}), request_of(8, {{"A", gone, 0.5}}))), ids(plain));
  EXPECT_EQ(ids(*r->recommend(reader({0, 1}), request_of(4, {{"A", refs({20}), 0.1}}))).size(), 4U);
}

TEST(EditorSource, AColdPersonGetsHalfOfTheListFromThemOfEachInTurn) {
  const auto r = recommender();
  const auto a = refs({20, 21, 22, 23, 24});
  const auto b = refs({20, 30, 31});
  const auto out = *r->recommend(reader({}), request_of(10, {{"A", a, 0.1}, {"B", b, 0.1}}));
  // One kept for each, and half of the eight others; before those that are popular.
  EXPECT_EQ(ids(out), (Ids{"i20", "i30", "i21", "i31", "i22", "i23", "i0", "i1", "i10", "i11"}));
  EXPECT_EQ(edited(out).size(), 6U);
  EXPECT_TRUE(out.fallback);
  // A list that keeps nothing comes only where there are places.
  EXPECT_EQ(edited(*r->recommend(reader({}), request_of(10, {{"A", a, 0}}))).size(), 5U);
  EXPECT_TRUE(edited(*r->recommend(reader({0, 1}), request_of(5, {{"A", a, 0}}))).empty());
}

TEST(EditorSource, RulesHoldAsForEveryOtherSource) {
  auto items = catalogue();
  items[20].available = false;
  items[21].valid_until = kNow;
  items[22].valid_from = kNow + kDay;
  items[23].account = "other";
  items[24].hidden = true;
  items[24].available = false;
  items[27].group = items[28].group = "copies";
  const auto r = recommender(items);
  const auto all = refs({20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 900});
  RecommendRequest request = request_of(20, {{"A", all, 0.5}});
  request.rules.accounts = std::vector<std::string>{"shop"};
  request.rules.exclude = refs({26});
  EXPECT_EQ(edited(*r->recommend(reader({0, 25}), request)), (Ids{"i27", "i29"}));
  request.tired = refs({27});
  request.leaves_out_tired = true;
  EXPECT_EQ(edited(*r->recommend(reader({0, 25}), request)), (Ids{"i28", "i29"}));
  // Tired ones that may stay move behind all others, and claim no place.
  request = request_of(5, {{"A", all, 0.1}});
  request.rules.eligible = refs({27, 2, 3, 4, 5, 6});
  request.tired = refs({27});
  EXPECT_TRUE(edited(*r->recommend(reader({0, 1}), request)).empty());
}

TEST(EditorSource, KeepsItsPlacesUnderCapsVarietyPinsAndChance) {
  const auto r = recommender();
  const auto picks = refs({20, 22, 24, 21});  // by anna, anna, anna, bo
  for (const double diversity : {0.0, 0.7, 1.0}) {
    for (const Rerank how : {Rerank::kMmr, Rerank::kDpp}) {
      RecommendRequest request = request_of(10, {{"A", picks, 0.2}});
      request.diversity = diversity;
      request.rerank = how;
      request.author_max = 5;
      request.pinned = refs({9});
      const auto out = *r->recommend(reader({0, 1}), request);
      EXPECT_GE(edited(out).size(), 1U);  // of the nine that are not pinned
      std::map<int, int> by_author;
      for (const RecommendedItem& item : out.items)
        ++by_author[std::stoi(item.item.id.substr(1)) % 2];
      EXPECT_LE(by_author[0], 5);
      EXPECT_LE(by_author[1], 5);
      EXPECT_EQ(out.items[0].source, "pinned");
    }
  }
  // Where a cap leaves no room for one, the next takes its place.
  RecommendRequest capped = request_of(6, {{"A", picks, 0.2}});
  capped.author_max = 1;
  capped.pinned = refs({2});  // anna's
  EXPECT_EQ(edited(*r->recommend(reader({0, 1}), capped)), (Ids{"i21"}));
  RecommendRequest exploring = request_of(10, {{"A", picks, 0.2}});
  exploring.explore = 2;
  exploring.seed = 7;
  const auto out = *r->recommend(reader({0, 1}), exploring);
  EXPECT_EQ(edited(out).size(), 1U);  // of the eight that are not left to chance
  EXPECT_EQ(ids(out, "explore").size(), 2U);
}

/// Has learnt that nobody reads what has this source, and that everything else is read.
Ranking against(std::string_view source) {
  auto ranker = *ResponseRanker::create({.bits = 12, .factors = 2});
  ranker.begin(static_cast<Response>(0));
  for (int i = 0; i < 400; ++i) {
    const std::vector<RankerFeature> features = {
        {source_slot(i % 2 == 0 ? source : "itemknn", 12), 1}};
    ranker.learn(features, i % 2 == 0 ? 0 : 1);
  }
  return {std::make_shared<ResponseRanker>(ranker), "ranker-1", {}};
}

TEST(EditorSource, KeepsItsPlacesWhateverARankerThinksOfThem) {
  const auto picks = refs({20, 21, 22, 23, 24, 25});
  for (const std::string_view disliked : {"editor", "unheard-of"}) {
    const auto r = recommender(catalogue(), against(disliked));
    for (const double diversity : {0.0, 0.3}) {
      RecommendRequest request = request_of(10, {{"A", picks, 0.2}});
      request.diversity = diversity;
      const auto out = *r->recommend(reader({0, 1}), request);
      ASSERT_EQ(out.items.size(), 10U);
      EXPECT_GE(edited(out).size(), 2U);
      for (const RecommendedItem& item : out.items) EXPECT_TRUE(std::isfinite(*item.value));
      // What it has never seen is neither good nor bad; what it has, stands last.
      if (disliked == "editor") {
        EXPECT_EQ(edited(out).size(), 2U);
        EXPECT_EQ(out.items[8].source, "editor");
        EXPECT_EQ(out.items[9].source, "editor");
      }
    }
  }
}

TEST(EditorSource, AListThatVarietyPrefersLeavesTheOtherItsPlaces) {
  auto items = catalogue();
  items.resize(11);
  for (int i = 0; i < 10; ++i) items[static_cast<std::size_t>(i)].tags = {{std::to_string(i), 1}};
  // Like the first ones of the other list, so that a varied list does without it.
  items[10].tags = {{"0", 1}, {"1", 1}, {"2", 1}};
  const auto r = recommender(items);
  const auto many = refs({0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  const auto one = refs({10});
  RecommendRequest request = request_of(5, {{"A", many, 0.2}, {"B", one, 0.2}});
  request.rerank = Rerank::kMmr;
  request.diversity = 0.9;
  const Ids listed = ids(*r->recommend(reader({}), request));
  EXPECT_EQ(listed.size(), 5U);
  EXPECT_NE(std::ranges::find(listed, "i10"), listed.end());
}

TEST(SecondStage, AnEditorsItemIsOfNoneOfTheSourcesItKnows) {
  const CandidateItem item = catalogue()[0];
  const ItemFacts facts{item.ref, item.category, item.price_fen, item.published_at};
  const RequestContext context;
  StageFacts stage{0.1, {}, &facts, {"editor", 1, 0, 0, 0}, &context, kNow};
  const StageInputs inputs = stage_inputs(stage);
  for (std::size_t i = 0; i < kStageInputs; ++i) {
    const std::string_view name = stage_input_name(i);
    if (name == "popular" || name == "segment" || name == "fresh" || name == "behaviour") {
      EXPECT_EQ(inputs[i], 0) << name;
    }
  }
}

TEST(EditorSource, AListAloneIsServedInItsOrderWithAllRules) {
  auto items = catalogue();
  items[21].available = false;
  const auto r = recommender(items);
  const auto picks = refs({25, 21, 3, 900, 20});
  RecommendRequest request = request_of(10, {{"A", picks, 0}});
  const auto out = *r->edited(request);
  EXPECT_EQ(ids(out), (Ids{"i25", "i3", "i20"}));
  EXPECT_EQ(edited(out).size(), 3U);
  request.n = 2;
  EXPECT_EQ(ids(*r->edited(request)), (Ids{"i25", "i3"}));
  request.n = 10;
  request.author_max = 1;
  EXPECT_EQ(ids(*r->edited(request)), (Ids{"i25", "i20"}));
  EXPECT_TRUE(r->edited(request_of(10, {}))->items.empty());
  EXPECT_FALSE(r->edited(request_of(0, {})));
}

TEST(EditorSource, InspectionShowsItWithTheRulesThatForbid) {
  auto items = catalogue();
  items[21].available = false;
  const auto r = recommender(items);
  const auto a = refs({20, 21, 0, 900});
  const auto b = refs({30, 20});
  const auto person = reader({0, 1});
  const RecommendRequest request = request_of(10, {{"A", a, 0.1}, {"B", b, 0.1}});
  const auto looked = r->inspect(person, request, 20);
  ASSERT_TRUE(looked) << looked.error().text();
  const auto source = std::ranges::find(looked->sources, "editor", &InspectedSource::source);
  ASSERT_NE(source, looked->sources.end());
  EXPECT_EQ(source->candidates, 4U);
  std::map<std::string, Obstacle> found;
  for (const InspectedItem& one : source->best) found[one.item.item.id] = one.obstacle;
  EXPECT_EQ(source->best[0].item.item.id, "i20");
  EXPECT_EQ(source->best[0].item.reason, "编辑精选《A》");
  EXPECT_EQ(source->best[1].item.item.id, "i30");
  EXPECT_EQ(found.at("i20"), Obstacle::kNone);
  EXPECT_EQ(found.at("i21"), Obstacle::kUnavailable);
  EXPECT_EQ(found.at("i0"), Obstacle::kDealtWith);
  std::vector<ItemRef> last;
  for (const InspectedItem& one : looked->stages.back().items) last.push_back(one.item.item);
  std::vector<ItemRef> served;
  const auto list = r->recommend(person, request);
  ASSERT_TRUE(list);
  for (const RecommendedItem& item : list->items) served.push_back(item.item);
  EXPECT_EQ(last, served);
}

}  // namespace
}  // namespace zhiyin::recommend
