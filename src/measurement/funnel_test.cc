#include "measurement/funnel.h"

#include <gmock/gmock.h>

#include <map>

#include "audience/erase.h"
#include "audience/random_segments.h"
#include "measurement/retention.h"

namespace zhiyin::measurement {
namespace {

using audience::World;
using testing::ElementsAre;

const Instant kNow = World::kNow;
constexpr Duration kHour = std::chrono::hours(1);

struct Scene : World {
  std::vector<ingest::LoggedEvent> events;

  ingest::LoggedEvent& happen(const storage::IdentityHash& who, std::string kind, Instant at) {
    events.push_back(event({who}, std::move(kind), kNow - at));
    return events.back();
  }
  void store() {
    apply(events);
    copy_to_warehouse(events);
    sync();
  }
  std::vector<std::int64_t> people(const FunnelRequest& request) {
    std::vector<std::int64_t> list;
    for (const FunnelStep& step : must(make_funnel(warehouse(), request)).steps)
      list.push_back(step.people);
    return list;
  }
};

FunnelRequest view_cart_buy() {
  FunnelRequest r;
  r.steps = {{.kind = "view"}, {.kind = "cart"}, {.kind = "purchase"}};
  r.from = kNow - kDay * 30;
  r.to = kNow;
  return r;
}

TEST(Funnel, CountsHowFarPeopleComeInOrderAndTime) {
  Scene s;
  const Instant t = kNow - kDay * 20;
  const auto all = s.openid("all");
  s.happen(all, "view", t);
  s.happen(all, "cart", t + kHour);
  s.happen(all, "purchase", t + kHour * 2);
  const auto backwards = s.openid("backwards");
  s.happen(backwards, "cart", t);
  s.happen(backwards, "view", t + kHour);
  const auto late = s.openid("late");  // the last step is a microsecond after the window
  s.happen(late, "view", t);
  s.happen(late, "cart", t + kHour);
  s.happen(late, "purchase", t + kDay * 7 + Duration(1));
  const auto just = s.openid("just");  // … and here on its border
  s.happen(just, "view", t);
  s.happen(just, "cart", t + kHour);
  s.happen(just, "purchase", t + kDay * 7);
  const auto skipped = s.openid("skipped");
  s.happen(skipped, "view", t);
  s.happen(skipped, "purchase", t + kHour);
  const auto never = s.openid("never");
  s.happen(never, "purchase", t);
  s.store();
  EXPECT_THAT(s.people(view_cart_buy()), ElementsAre(5, 3, 2));
  const auto result = World::must(make_funnel(s.warehouse(), view_cart_buy()));
  EXPECT_DOUBLE_EQ(result.steps[1].of_first, 0.6);
  EXPECT_DOUBLE_EQ(result.steps[2].of_previous, 2.0 / 3);
}

TEST(Funnel, TheFirstStepMustLieInThePeriodAndIsTheFirstThere) {
  Scene s;
  FunnelRequest r = view_cart_buy();
  const auto before = s.openid("before");
  s.happen(before, "view", r.from - Duration(1));
  s.happen(before, "cart", r.from + kHour);
  const auto at_begin = s.openid("begin");
  s.happen(at_begin, "view", r.from);
  const auto at_end = s.openid("end");
  s.happen(at_end, "view", r.to);
  const auto after = s.openid("after");  // later steps may lie behind the period
  s.happen(after, "view", r.to - Duration(1));
  s.happen(after, "cart", r.to + kHour);
  const auto twice =
      s.openid("twice");  // the window begins with the first view, not with the second
  s.happen(twice, "view", r.from);
  s.happen(twice, "view", r.from + kDay * 8);
  s.happen(twice, "cart", r.from + kDay * 9);
  s.store();
  EXPECT_THAT(s.people(r), ElementsAre(3, 1, 0));
}

TEST(Funnel, OneEventOrOneMomentIsNotTwoSteps) {
  Scene s;
  FunnelRequest r = view_cart_buy();
  r.steps = {{.kind = "view"}, {.kind = "view"}};
  const Instant t = kNow - kDay;
  s.happen(s.openid("once"), "view", t);
  const auto tie = s.openid("tie");
  s.happen(tie, "view", t);
  s.happen(tie, "view", t);
  const auto two = s.openid("two");
  s.happen(two, "view", t);
  s.happen(two, "view", t + Duration(1));
  s.store();
  EXPECT_THAT(s.people(r), ElementsAre(3, 1));
}

TEST(Funnel, ItemsTagsAndAccountsNarrowAStep) {
  Scene s;
  catalogue::Item item;
  item.kind = "article";
  item.id = "a";
  item.title = "a";
  item.tags = {"母婴"};
  World::must(s.items().put(std::span(&item, 1)));
  const Instant t = kNow - kDay;
  const auto x = s.openid("x");
  s.happen(x, "view", t).event.item = ingest::ItemRef{"article", "a"};
  s.happen(x, "view", t + kHour).event.item = ingest::ItemRef{"article", "b"};
  s.happen(x, "cart", t + kHour * 2).event.account = "mini";
  s.store();
  FunnelRequest r = view_cart_buy();
  r.steps = {{.kind = "view", .tag = "母婴"}, {.kind = "cart"}};
  EXPECT_THAT(s.people(r), ElementsAre(1, 1));
  r.steps[0] = {.kind = "view", .item_kind = "article", .item_id = "c"};
  EXPECT_THAT(s.people(r), ElementsAre(0, 0));
  r.steps = {{.kind = "view", .item_kind = "article", .item_id = "b"},
             {.kind = "cart", .account = "shop"}};
  EXPECT_THAT(s.people(r), ElementsAre(1, 0));
}

TEST(Funnel, MergedPeopleCountOnceAndErasedOnesNot) {
  Scene s;
  const Instant t = kNow - kDay * 2;
  const auto phone = s.openid("phone");
  const auto web = s.openid("web");
  s.happen(phone, "view", t);
  s.happen(web, "view", t + kHour);
  s.happen(web, "cart", t + kHour * 2);
  s.events.push_back(s.event({web, phone}, "read", kHour));
  const auto gone = s.openid("gone");
  s.happen(gone, "view", t);
  s.store();
  EXPECT_THAT(s.people(view_cart_buy()), ElementsAre(2, 1, 0));
  World::must(
      audience::erase(s.World::people(), *s.World::people().of_identity(gone), kNow, nullptr));
  s.sync();
  EXPECT_THAT(s.people(view_cart_buy()), ElementsAre(1, 1, 0));
  s.events.clear();  // who comes again begins anew
  s.happen(gone, "cart", t + kHour);
  s.store();
  EXPECT_THAT(s.people(view_cart_buy()), ElementsAre(1, 1, 0));
  s.events.clear();
  s.happen(gone, "view", t);
  s.store();
  EXPECT_THAT(s.people(view_cart_buy()), ElementsAre(2, 2, 0));
}

TEST(Funnel, WhatIsWrongIsNamed) {
  Scene s;
  const auto field_of = [&](auto change) {
    FunnelRequest r = view_cart_buy();
    change(r);
    return make_funnel(s.warehouse(), r).error().text();
  };
  EXPECT_THAT(field_of([](auto& r) { r.steps.resize(1); }), testing::HasSubstr("steps"));
  EXPECT_THAT(field_of([](auto& r) { r.steps[1].kind = ""; }), testing::HasSubstr("steps[1].kind"));
  EXPECT_THAT(field_of([](auto& r) { r.window = Duration(0); }), testing::HasSubstr("window"));
  EXPECT_THAT(field_of([](auto& r) { r.to = r.from; }), testing::HasSubstr("to"));
}

TEST(Retention, CohortsAndReturnsByPeriod) {
  Scene s;
  RetentionRequest r;
  r.first = {.kind = "follow"};
  r.returns = {.kind = "read"};
  r.from = kNow - kDay * 28;
  r.periods = 4;
  const auto a = s.openid("a");  // new in period 0, back in 1 and 3
  s.happen(a, "follow", r.from);
  s.happen(a, "read", r.from + kDay * 7);
  s.happen(a, "read", r.from + kDay * 21);
  s.happen(a, "read", r.from + kDay * 22);
  const auto b = s.openid("b");  // the last moment of period 0; reads in the same period only
  s.happen(b, "follow", r.from + kDay * 7 - Duration(1));
  s.happen(b, "read", r.from + kDay);
  const auto c = s.openid("c");  // new in 2, back in 3, then outside
  s.happen(c, "follow", r.from + kDay * 15);
  s.happen(c, "follow", r.from + kDay * 22);
  s.happen(c, "read", r.from + kDay * 28 - Duration(1));
  const auto old = s.openid("old");  // was new before
  s.happen(old, "follow", r.from - Duration(1));
  s.happen(old, "follow", r.from + kDay);
  s.happen(old, "read", r.from + kDay * 8);
  const auto after = s.openid("after");
  s.happen(after, "follow", r.from + kDay * 28);
  s.store();
  const auto result = World::must(make_retention(s.warehouse(), r));
  ASSERT_EQ(result.cohorts.size(), 4U);
  EXPECT_EQ(result.cohorts[0].people, 2);
  EXPECT_THAT(result.cohorts[0].returned, ElementsAre(1, 0, 1));
  EXPECT_EQ(result.cohorts[1].people, 0);
  EXPECT_EQ(result.cohorts[2].people, 1);
  EXPECT_THAT(result.cohorts[2].returned, ElementsAre(1));
  EXPECT_THAT(result.cohorts[3].returned, testing::IsEmpty());
}

TEST(Retention, MergedPeopleAreNewOnceAndErasedOnesBeginAnew) {
  Scene s;
  RetentionRequest r;  // without filters: everything that people do
  r.from = kNow - kDay * 28;
  r.periods = 4;
  const auto phone = s.openid("phone");
  const auto web = s.openid("web");
  s.happen(phone, "read", r.from + kDay);
  s.happen(web, "read", r.from + kDay * 8);
  s.events.push_back(s.event({web, phone}, "read", kHour));
  const auto old = s.openid("old");
  s.happen(old, "read", r.from - Duration(1));
  s.happen(old, "read", r.from + kDay * 8);
  s.happen(s.openid("silent"), "touch.sent", r.from + kDay);  // that is nothing they did
  const auto gone = s.openid("gone");
  s.happen(gone, "read", r.from + kDay);
  s.store();
  EXPECT_EQ(World::must(make_retention(s.warehouse(), r)).cohorts[0].people, 2);
  World::must(
      audience::erase(s.World::people(), *s.World::people().of_identity(gone), kNow, nullptr));
  s.events.clear();
  s.happen(gone, "read", r.from + kDay * 15);
  s.happen(gone, "read", r.from + kDay * 22);
  s.store();
  const auto result = World::must(make_retention(s.warehouse(), r));
  EXPECT_EQ(result.cohorts[0].people, 1);
  EXPECT_THAT(result.cohorts[0].returned, ElementsAre(1, 0, 1));
  EXPECT_EQ(result.cohorts[1].people, 0);
  EXPECT_EQ(result.cohorts[2].people, 1);
  EXPECT_THAT(result.cohorts[2].returned, ElementsAre(1));
  r.first = {.kind = "read"};  // the same with two filters
  const auto two = World::must(make_retention(s.warehouse(), r));
  for (std::size_t i = 0; i < two.cohorts.size(); ++i) {
    EXPECT_EQ(two.cohorts[i].people, result.cohorts[i].people);
    EXPECT_EQ(two.cohorts[i].returned, result.cohorts[i].returned);
  }
}

TEST(Retention, AsManyPeriodsAsThereMayBe) {
  Scene s;
  RetentionRequest r;
  r.period = kDay;
  r.periods = kRetentionPeriodsMax;
  r.from = kNow - kDay * kRetentionPeriodsMax;
  const auto first = s.openid("first");
  s.happen(first, "read", r.from);
  s.happen(first, "read", kNow - Duration(1));
  const auto last = s.openid("last");
  s.happen(last, "read", kNow - kDay);
  s.happen(last, "read", kNow);
  s.store();
  for (const bool two_filters : {false, true}) {
    if (two_filters) r.returns = {.kind = "read"};
    const auto cohorts = World::must(make_retention(s.warehouse(), r)).cohorts;
    std::vector<std::int64_t> returned(kRetentionPeriodsMax - 1);
    returned.back() = 1;
    EXPECT_EQ(cohorts.front().people, 1);
    EXPECT_EQ(cohorts.front().returned, returned);
    EXPECT_EQ(cohorts[kRetentionPeriodsMax - 2].people, 0);
    EXPECT_EQ(cohorts.back().people, 1);
  }
}

/// What a person did, in order of time; for the plain evaluations below.
using Histories = std::map<std::string, std::vector<audience::Activity>>;

bool fits(const EventFilter& f, const audience::Activity& a) {
  if (f.kind.empty() ? !audience::is_behaviour(a.kind) : a.kind != f.kind) return false;
  if (!f.item_kind.empty() && (!a.item || a.item->kind != f.item_kind)) return false;
  if (!f.item_id.empty() && (!a.item || a.item->id != f.item_id)) return false;
  return f.account.empty() || a.account == f.account;
}

std::vector<std::int64_t> plain_funnel(const Histories& people, const FunnelRequest& r) {
  std::vector<std::int64_t> counts(r.steps.size());
  for (const auto& [person, history] : people) {
    std::size_t step = 0;
    Instant begin, last;
    for (const audience::Activity& a : history) {
      if (step == r.steps.size() || !fits(r.steps[step], a)) continue;
      if (step == 0 && (a.at < r.from || a.at >= r.to)) continue;
      if (step != 0 && (a.at <= last || a.at > begin + r.window)) continue;
      if (step == 0) begin = a.at;
      last = a.at;
      ++counts[step++];
    }
  }
  return counts;
}

std::vector<RetentionCohort> plain_retention(const Histories& people, const RetentionRequest& r) {
  std::vector<RetentionCohort> cohorts;
  for (int i = 0; i < r.periods; ++i)
    cohorts.push_back(
        {i, 0, std::vector<std::int64_t>(static_cast<std::size_t>(r.periods - 1 - i))});
  for (const auto& [person, history] : people) {
    const auto first =
        std::ranges::find_if(history, [&](const auto& a) { return fits(r.first, a); });
    if (first == history.end() || first->at < r.from) continue;
    const std::int64_t cohort = (first->at - r.from) / r.period;
    if (cohort >= r.periods) continue;
    RetentionCohort& of = cohorts[static_cast<std::size_t>(cohort)];
    ++of.people;
    for (std::int64_t p = cohort + 1; p < r.periods; ++p) {
      const Instant begin = r.from + r.period * p;
      of.returned[static_cast<std::size_t>(p - cohort - 1)] +=
          std::ranges::any_of(history, [&](const auto& a) {
            return fits(r.returns, a) && a.at >= begin && a.at < begin + r.period;
          });
    }
  }
  return cohorts;
}

TEST(FunnelAndRetention, AgreeWithAPlainEvaluationOfRandomHistories) {
  namespace random_segments = audience::random_segments;
  Random random(4711);
  World world;
  auto events = random_segments::random_events(world, random, 60, 2500);
  world.apply(events);
  world.copy_to_warehouse(events);
  world.sync();
  Histories people;
  const auto views = *world.people().views(PersonId(), 1000);
  for (const auto& view : views) people[view.id.value] = view.activity;
  const auto filter = [&](bool kind) {
    EventFilter f;
    constexpr std::string_view kKinds[] = {"read", "like", "share", "click", "show"};
    if (kind || random.below(3) != 0) f.kind = kKinds[random.below(5)];
    if (random.below(4) == 0) f.item_kind = "article";
    if (!f.item_kind.empty() && random.below(2) == 0)
      f.item_id = fmt::format("i{}", random.below(8));
    if (random.below(4) == 0) f.account = "mini";
    return f;
  };
  std::int64_t deep = 0;
  for (int i = 0; i < 60; ++i) {
    FunnelRequest r;
    for (std::uint64_t k = 0; k < 2 + random.below(3); ++k) r.steps.push_back(filter(true));
    constexpr int kWindows[] = {1, 7, 30, 100};
    r.window = kDay * kWindows[random.below(4)];
    r.from = kNow - kDay * static_cast<int>(30 + random.below(60));
    r.to = kNow - kDay * static_cast<int>(random.below(25));
    std::vector<std::int64_t> found;
    for (const FunnelStep& step : World::must(make_funnel(world.warehouse(), r)).steps)
      found.push_back(step.people);
    ASSERT_EQ(found, plain_funnel(people, r)) << i;
    deep += found.back();

    RetentionRequest q;
    q.first = filter(false);
    q.returns = filter(false);
    q.period = kDay * kWindows[random.below(3)];
    q.periods = static_cast<int>(2 + random.below(12));
    q.from = kNow - kDay * static_cast<int>(20 + random.below(100));
    const auto retention = World::must(make_retention(world.warehouse(), q));
    const auto plain = plain_retention(people, q);
    for (std::size_t c = 0; c < plain.size(); ++c) {
      ASSERT_EQ(retention.cohorts[c].people, plain[c].people) << i << " " << c;
      ASSERT_EQ(retention.cohorts[c].returned, plain[c].returned) << i << " " << c;
      deep += plain[c].people;
    }
  }
  EXPECT_GT(deep, 200) << "the requests must find people";
}

}  // namespace
}  // namespace zhiyin::measurement
