#include "audience/segment.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <tuple>

#include "audience/features.h"

namespace zhiyin::audience {
namespace {

using testing::HasSubstr;

constexpr Instant kNow{1'780'000'000'000'000};

Activity act(std::string kind, Duration ago, std::int64_t value = 1) {
  Activity a;
  a.at = kNow - ago;
  a.kind = std::move(kind);
  a.value = value;
  a.account = "shop";
  return a;
}

PersonView person(std::vector<Activity> activity) {
  PersonView view{PersonId("p_x"), std::vector<IdentityHash>(2), std::move(activity)};
  std::int64_t offset = 0;
  for (Activity& a : view.activity) a.offset = ++offset;
  std::ranges::sort(view.activity, {},
                    [](const Activity& a) { return std::tuple(a.at, a.offset); });
  return view;
}

std::span<const catalogue::ItemTag> no_tags(const ingest::ItemRef&) { return {}; }

bool holds(std::string_view tree, const PersonView& view, const TagLookup& tags = no_tags) {
  const auto parsed = SegmentTree::parse(tree);
  EXPECT_TRUE(parsed) << parsed.error().text();
  return parsed && evaluate(*parsed, view, tags, kNow);
}

std::string error_of(std::string_view tree) {
  const auto parsed = SegmentTree::parse(tree);
  return parsed ? "accepted" : parsed.error().text();
}

TEST(SegmentTree, ReadsTheFormOfTheDocumentationAndWritesItBack) {
  constexpr std::string_view kText =
      R"({"and":[{"event":"read","count":{">=":3},"window":"7d"},)"
      R"({"event":"purchase","sum":{">=":5000},"window":"30d","item":{"kind":"product","tag":"母婴"}},)"
      R"({"feature":"reading_seconds_30d","is":{">":60}},)"
      R"({"trait":"city","is":{"in":["上海","北京"]}},)"
      R"({"interest":"育儿","is":{">=":0.5}},{"following":"shop"},)"
      R"({"not":{"or":[{"event":"purchase","count":{">=":1},"window":"30d"},{"all":true}]}}]})";
  const auto tree = SegmentTree::parse(kText);
  ASSERT_TRUE(tree) << tree.error().text();
  EXPECT_EQ(tree->to_json().dump(), kText);
}

TEST(SegmentTree, DefaultsBecomeVisibleInTheCanonicalForm) {
  EXPECT_EQ(SegmentTree::parse(R"({"event":"read","window":"168h"})")->to_json().dump(),
            R"({"event":"read","count":{">=":1},"window":"7d"})");
}

TEST(SegmentTree, ErrorsNameTheFieldAndTheNearestName) {
  EXPECT_EQ(error_of(R"({"and":[{"all":true},{"event":"read","windw":"7d"}]})"),
            "and[1].windw: is not a known member; did you mean 'window'?");
  EXPECT_EQ(error_of(R"({"feature":"likes_30","is":{">":1}})"),
            "feature: 'likes_30' does not exist; did you mean 'likes_30d'?");
  EXPECT_THAT(error_of(R"({"evnt":"read"})"), HasSubstr("did you mean 'event'?"));
  EXPECT_EQ(error_of(R"({"not":{"event":"read","count":{">=":"3"}}})"),
            "not.count.>=: expected an integer, got \"3\"");
  EXPECT_THAT(error_of(R"({"event":"read","count":{"=>":3}})"),
              HasSubstr("count: '=>' is not one of"));
  EXPECT_THAT(error_of(R"({"event":"read","count":{">=":3},"sum":{">=":3}})"),
              HasSubstr("sum: stands beside count"));
  EXPECT_THAT(error_of(R"({"event":"read","item":{"tagg":"x"}})"),
              HasSubstr("item.tagg: is not a known member; did you mean 'tag'?"));
  EXPECT_EQ(error_of(R"({"and":[]})"), "and: is empty");
  EXPECT_EQ(error_of(R"({"all":false})"), "all: expected true");
  EXPECT_THAT(error_of(R"({"event":"read","window":"7x"})"), HasSubstr("window: "));
  EXPECT_THAT(error_of(R"({"feature":"likes_7d","is":{"in":[1]}})"), HasSubstr("for traits only"));
  EXPECT_THAT(error_of(R"({"trait":"vip","is":{"<":true}})"), HasSubstr("has no order"));
  EXPECT_THAT(error_of(R"({"interest":"a","is":{">":0.1234567}})"), HasSubstr("six decimals"));
  EXPECT_THAT(error_of(R"([1])"), HasSubstr("expected a condition"));
  EXPECT_THAT(error_of(R"({"feature":"likes_7d"})"), HasSubstr("is: expected comparisons"));
}

TEST(SegmentTree, IsBoundedInDepthAndSize) {
  const auto nested = [](std::size_t depth) {
    std::string text = R"({"all":true})";
    for (std::size_t i = 1; i < depth; ++i) text = R"({"not":)" + text + "}";
    return text;
  };
  EXPECT_EQ(error_of(nested(kSegmentDepthMax)), "accepted");
  EXPECT_THAT(error_of(nested(kSegmentDepthMax + 1)), HasSubstr("deeper than 16 levels"));
  const auto wide = [](std::size_t nodes) {
    std::string text = R"({"or":[{"all":true})";
    for (std::size_t i = 2; i < nodes; ++i) text += R"(,{"all":true})";
    return text + "]}";
  };
  EXPECT_EQ(error_of(wide(kSegmentNodesMax)), "accepted");
  EXPECT_THAT(error_of(wide(kSegmentNodesMax + 1)), HasSubstr("more than 200 conditions"));
}

TEST(Segment, WindowIsOpenAtItsStartAndClosedAtTheMoment) {
  constexpr std::string_view kTree = R"({"event":"read","window":"7d"})";
  EXPECT_FALSE(holds(kTree, person({act("read", kDay * 7)})));
  EXPECT_TRUE(holds(kTree, person({act("read", kDay * 7 - Duration(1))})));
  EXPECT_TRUE(holds(kTree, person({act("read", Duration(0))})));
  EXPECT_FALSE(holds(kTree, person({act("read", Duration(-1))})));
}

TEST(Segment, SumsAndCountsCompareIntegers) {
  const PersonView view = person({act("purchase", kDay, 3000), act("purchase", kDay * 2, 2000)});
  EXPECT_TRUE(holds(R"({"event":"purchase","sum":{">=":5000}})", view));
  EXPECT_FALSE(holds(R"({"event":"purchase","sum":{">":5000}})", view));
  EXPECT_TRUE(holds(R"({"event":"purchase","count":{">":1,"<":3}})", view));
  EXPECT_TRUE(holds(R"({"event":"refund","count":{"=":0}})", view));
  EXPECT_FALSE(holds(R"({"event":"purchase","account":"other"})", view));
}

TEST(Segment, ItemConditionsLookAtKindIdAndTag) {
  Activity a = act("purchase", kDay);
  a.item = ingest::ItemRef{"product", "p1"};
  const PersonView view = person({a, act("purchase", kDay)});
  const std::vector<catalogue::ItemTag> baby{{"母婴", 1000}};
  const TagLookup tags = [&](const ingest::ItemRef& ref) -> std::span<const catalogue::ItemTag> {
    return ref.id == "p1" ? std::span(baby) : std::span<const catalogue::ItemTag>();
  };
  EXPECT_TRUE(holds(R"({"event":"purchase","count":{"=":1},"item":{"tag":"母婴"}})", view, tags));
  EXPECT_TRUE(
      holds(R"({"event":"purchase","count":{"=":1},"item":{"kind":"product"}})", view, tags));
  EXPECT_TRUE(holds(R"({"event":"purchase","count":{"=":0},"item":{"id":"p2"}})", view, tags));
  EXPECT_TRUE(holds(R"({"event":"purchase","count":{"=":2},"item":{}})", view, tags));
}

TEST(Segment, MissingFeatureSatisfiesNoComparison) {
  const PersonView nobody = person({});
  EXPECT_FALSE(holds(R"({"feature":"days_since_last","is":{">=":0}})", nobody));
  EXPECT_FALSE(holds(R"({"feature":"days_since_last","is":{"!=":5}})", nobody));
  EXPECT_TRUE(holds(R"({"feature":"likes_7d","is":{"<=":0}})", nobody));
}

TEST(Segment, NewestTraitDecidesAndNullTakesItAway) {
  const auto set = [](Duration ago, std::string properties) {
    Activity a = act("trait.set", ago);
    a.properties = std::move(properties);
    return a;
  };
  const PersonView view =
      person({set(kDay * 3, R"({"city":"北京","level":"12","vip":true})"),
              set(kDay * 2, R"({"city":"上海"})"), set(kDay, R"({"vip":null,"age":30})")});
  EXPECT_TRUE(holds(R"({"trait":"city","is":{"=":"上海"}})", view));
  EXPECT_TRUE(holds(R"({"trait":"city","is":{"in":["广州","上海"]}})", view));
  EXPECT_TRUE(holds(R"({"trait":"level","is":{">":9}})", view)) << "12 is more than 9, as a number";
  EXPECT_FALSE(holds(R"({"trait":"city","is":{">":9}})", view));
  EXPECT_FALSE(holds(R"({"trait":"vip","is":{"=":true}})", view));
  EXPECT_FALSE(holds(R"({"trait":"vip","is":{"!=":true}})", view)) << "it was taken away";
  EXPECT_TRUE(holds(R"({"trait":"age","is":{">=":30,"<":31}})", view));
  EXPECT_FALSE(holds(R"({"trait":"none","is":{"!=":1}})", view));
}

TEST(SegmentTree, KindsThatNoEventCanHaveAreRefused) {
  EXPECT_EQ(error_of(R"({"event":"READ"})"),
            "event: 'READ' does not match [a-z][a-z0-9_.]{0,63}, so nothing ever has it");
  EXPECT_THAT(error_of(R"({"not":{"event":"read now"}})"), testing::StartsWith("not.event: "));
  EXPECT_THAT(error_of(R"({"event":"read","item":{"kind":"Article"}})"),
              testing::StartsWith("item.kind: "));
  EXPECT_EQ(error_of(R"({"event":"page_view.v2"})"), "accepted");
  EXPECT_TRUE(SegmentTree::parse_stored(R"({"event":"READ"})"))
      << "one that was stored before stays readable";
}

TEST(Segment, FollowingNeedsOneIdentityThatStillFollows) {
  Activity other = act("unfollow", kDay);
  other.identity = 1;
  EXPECT_TRUE(holds(R"({"following":"shop"})", person({act("follow", kDay * 2), other})));
  EXPECT_FALSE(
      holds(R"({"following":"shop"})", person({act("follow", kDay * 2), act("unfollow", kDay)})));
  EXPECT_TRUE(
      holds(R"({"following":"shop"})", person({act("unfollow", kDay * 2), act("follow", kDay)})));
  EXPECT_FALSE(holds(R"({"following":"other"})", person({act("follow", kDay)})));
}

TEST(Segment, ExplanationShowsResultsAndEvidence) {
  const PersonView view = person({act("read", kDay * 3, 40), act("read", kDay, 30)});
  const auto tree = SegmentTree::parse(
      R"({"and":[{"event":"read","sum":{">=":60}},{"not":{"feature":"likes_7d","is":{">":0}}}]})");
  const Json why = explain(*tree, view, no_tags, kNow);
  EXPECT_TRUE(why["result"].bool_or(false));
  const Json& read = (*why["and"].if_array())[0];
  EXPECT_EQ(read["evidence"]["count"].int_or(-1), 2);
  EXPECT_EQ(read["evidence"]["sum"].int_or(-1), 70);
  EXPECT_EQ(read["evidence"]["first"], to_json(kNow - kDay * 3));
  EXPECT_EQ(read["evidence"]["last"], to_json(kNow - kDay));
  const Json& likes = (*why["and"].if_array())[1];
  EXPECT_TRUE(likes["result"].bool_or(false));
  EXPECT_FALSE(likes["not"]["result"].bool_or(true));
  EXPECT_EQ(likes["not"]["evidence"]["value"].int_or(-1), 0);
}

}  // namespace
}  // namespace zhiyin::audience
