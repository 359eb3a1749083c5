#include "audience/live_segments.h"

#include <gmock/gmock.h>

#include <limits>
#include <map>
#include <set>

#include "audience/detail/live_profile.h"
#include "audience/erase.h"
#include "audience/random_segments.h"
#include "audience/segments.h"

namespace zhiyin::audience {
namespace {

using namespace random_segments;
using testing::ElementsAre;
using testing::IsEmpty;

/// The pipeline's part that matters here, with a log that is read in batches.
class LiveWorld : public World {
 public:
  void feed(std::vector<ingest::LoggedEvent> events) {
    must(state().write([&](storage::Session& session) -> Result<void> {
      ZHIYIN_TRY_VOID(people_projection_.apply(session, events));
      return live_.apply(session, events);
    }));
  }
  void tick(Instant now) {
    must(state().write([&](storage::Session& session) { return live_.tick(session, now); }));
  }
  /// Ticks as the worker does, until nothing is left to do.
  void settle(Instant now) {
    for (int i = 0; i < 1000 && due(now); ++i) tick(now);
    ASSERT_FALSE(due(now));
  }
  bool due(Instant now) {
    bool is = false;
    must(state().read([&](storage::Session& session) -> Result<void> {
      ZHIYIN_TRY(is, tick_due(session, now));
      return {};
    }));
    return is;
  }
  Segments& segments() {
    if (!segments_) segments_ = std::make_unique<Segments>(state(), warehouse(), people(), items());
    return *segments_;
  }
  void define(const std::string& id, const Json& tree, bool live = true) {
    must(segments().apply({SegmentId(id), id, tree, live}, kNow));
  }
  std::vector<std::string> members(const std::string& id) {
    std::vector<std::string> out;
    std::string after;
    do {  // small pages, so that their borders are tried
      const LiveMembers page = must(segments().live_members(SegmentId(id), after, 7));
      for (const PersonId& p : page.people) out.push_back(p.value);
      after = page.next;
    } while (!after.empty());
    std::ranges::sort(out);
    EXPECT_EQ(must(segments().live(SegmentId(id), kNow))->members,
              static_cast<std::int64_t>(out.size()));
    return out;
  }
  /// Own events since the last call, as `kind segment`.
  std::vector<std::string> told() {
    std::vector<std::string> out;
    const auto rows = must(state().query("SELECT bytes FROM outbox ORDER BY id"));
    for (const auto& row : rows.rows) {
      const auto event = must(ingest::decode_event(storage::as_text(row[0])));
      ids_.push_back(event.event_id);
      out.push_back(event.kind + " " + event.item->id);
    }
    must(state().write([](storage::Session& session) -> Result<void> {
      ZHIYIN_TRY_VOID(session.execute("DELETE FROM outbox"));
      return {};
    }));
    return out;
  }
  std::string person(const IdentityHash& identity) {
    return must(people().of_identity(identity)).value;
  }

  std::vector<std::string> ids_;

 private:
  PeopleProjection people_projection_;
  LiveSegments live_{people_projection_, items()};
  std::unique_ptr<Segments> segments_;
};

Json json(std::string_view text) { return *parse_json(text); }

TEST(LiveSegments, EntersWithTheEventAndLeavesWhenItsWindowPasses) {
  LiveWorld world;
  world.define("readers", json(R"({"event":"read","count":{">=":2},"window":"7d"})"));
  world.settle(World::kNow);
  const auto who = world.openid("a");
  world.feed({world.event({who}, "read", kDay)});
  EXPECT_THAT(world.members("readers"), IsEmpty());
  world.feed({world.event({who}, "read", kDay * 2)});
  EXPECT_THAT(world.members("readers"), ElementsAre(world.person(who)));
  EXPECT_THAT(world.told(), ElementsAre("segment.entered readers"));

  const Instant border = World::kNow - kDay * 2 + kDay * 7;
  EXPECT_FALSE(world.due(border - Duration(1)));
  EXPECT_TRUE(world.due(border));
  world.settle(border);
  EXPECT_THAT(world.members("readers"), IsEmpty());
  EXPECT_THAT(world.told(), ElementsAre("segment.left readers"));
  EXPECT_NE(world.ids_[0], world.ids_[1]);
}

TEST(LiveSegments, WhatWasBeforeIsFilledInSilentlyAndNoNewsGetsLost) {
  LiveWorld world;
  const auto old = world.openids("o", 30);
  for (const auto& who : old) world.feed({world.event({who}, "like", kDay)});
  world.define("likers", json(R"({"event":"like"})"));
  EXPECT_EQ(world.segments().live_members(SegmentId("likers"), "", 10).error().code,
            ErrorCode::kConflict);
  EXPECT_FALSE((*world.segments().live(SegmentId("likers"), World::kNow))->filled);
  world.settle(World::kNow);
  EXPECT_EQ(world.members("likers").size(), 30U);
  EXPECT_THAT(world.told(), IsEmpty());
  world.feed({world.event({world.openid("new")}, "like", kDay)});
  EXPECT_EQ(world.members("likers").size(), 31U);
  EXPECT_THAT(world.told(), ElementsAre("segment.entered likers"));
}

TEST(LiveSegments, HugeSumsAgreeWithTheQueryInAnyOrder) {
  LiveWorld world;
  world.define("buyers", json(R"({"event":"purchase","sum":{">=":5}})"));
  world.settle(World::kNow);
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  const std::vector<std::pair<std::string, std::vector<std::int64_t>>> people = {
      {"a", {kMost, kMost, -kMost}},
      {"b", {kMost, -kMost, kMost}},
      {"c", {-kMost, -kMost, kMost, 6}}};
  for (const auto& [name, values] : people) {
    for (const std::int64_t value : values) {
      auto event = world.event({world.openid(name)}, "purchase", kDay);
      event.event.value = value;
      world.feed({event});
    }
  }
  world.settle(World::kNow);
  EXPECT_THAT(world.members("buyers"),
              testing::UnorderedElementsAre(world.person(world.openid("a")),
                                            world.person(world.openid("b"))));
}

TEST(LiveSegments, AChangedTreeIsAskedAnewAndAnEndedOneIsForgotten) {
  LiveWorld world;
  const auto who = world.openid("a");
  world.feed({world.event({who}, "like", kDay)});
  world.define("s", json(R"({"event":"like"})"));
  world.settle(World::kNow);
  EXPECT_EQ(world.members("s").size(), 1U);
  world.define("s", json(R"({"event":"share"})"));
  world.settle(World::kNow);
  EXPECT_THAT(world.members("s"), IsEmpty());
  world.define("s", json(R"({"event":"share"})"), false);
  EXPECT_FALSE(world.segments().live(SegmentId("s"), World::kNow)->has_value());
  for (const char* table : {"live_person", "live_member", "live_segment"}) {
    EXPECT_EQ(storage::as_int(
                  world.state().query(fmt::format("SELECT COUNT(*) FROM {}", table))->rows[0][0]),
              0)
        << table;
  }
}

TEST(LiveSegments, MergedPeopleCountOnceAndAreNotNews) {
  LiveWorld world;
  world.define("likers", json(R"({"event":"like"})"));
  world.settle(World::kNow);
  const auto a = world.openid("a");
  const auto b = world.openid("b");
  world.feed({world.event({a}, "like", kDay * 3), world.event({b}, "like", kDay * 2)});
  EXPECT_EQ(world.members("likers").size(), 2U);
  world.told();
  world.feed({world.event({b, a}, "read", kDay)});
  EXPECT_THAT(world.members("likers"), ElementsAre(world.person(a)));
  EXPECT_THAT(world.told(), IsEmpty());

  // Together they may be what neither was.
  world.define("two", json(R"({"event":"like","count":{">=":2}})"));
  world.settle(World::kNow);
  EXPECT_THAT(world.members("two"), ElementsAre(world.person(a)));
  World::must(
      world.state().write([&](storage::Session& session) { return remove_edge(session, a, b); }));
  world.settle(World::kNow);
  EXPECT_THAT(world.members("two"), IsEmpty());
  EXPECT_EQ(world.members("likers").size(), 2U);
}

TEST(LiveSegments, ErasedPeopleAreGoneAtOnceAndUntold) {
  LiveWorld world;
  world.define("likers", json(R"({"event":"like"})"));
  world.settle(World::kNow);
  const auto a = world.openid("a");
  world.feed({world.event({a}, "like", kDay)});
  world.told();
  World::must(erase(world.people(), PersonId(world.person(a)), World::kNow, nullptr));
  EXPECT_THAT(world.members("likers"), IsEmpty());
  EXPECT_TRUE(world.state().query("SELECT 1 FROM live_person")->rows.empty());
  world.settle(World::kNow);
  EXPECT_THAT(world.told(), IsEmpty());
  // Back again: a new person, who has done nothing yet.
  world.feed({world.event({a}, "read", kDay)});
  EXPECT_THAT(world.members("likers"), IsEmpty());
  world.feed({world.event({a}, "like", kDay)});
  EXPECT_EQ(world.members("likers").size(), 1U);
}

TEST(LiveSegments, AnEventAheadOfTheClockCountsWhenItsTimeHasCome) {
  LiveWorld world;
  world.define("likers", json(R"({"event":"like","window":"1d"})"));
  world.settle(World::kNow);
  world.feed({world.event({world.openid("a")}, "like", -std::chrono::minutes(3))});
  EXPECT_THAT(world.members("likers"), IsEmpty());
  EXPECT_TRUE(world.due(World::kNow + std::chrono::minutes(3)));
  world.settle(World::kNow + std::chrono::minutes(3));
  EXPECT_EQ(world.members("likers").size(), 1U);
}

TEST(LiveSegments, ItemsThatChangeTheirTagsChangeTheMembers) {
  LiveWorld world;
  catalogue::Item item;
  item.kind = "article";
  item.id = "i";
  item.title = "i";
  item.tags = {"a"};
  World::must(world.items().put(std::span(&item, 1)));
  world.define("likes-b", json(R"({"event":"like","item":{"tag":"b"}})"));
  world.settle(World::kNow);
  auto like = world.event({world.openid("a")}, "like", kDay);
  like.event.item = ingest::ItemRef{"article", "i"};
  world.feed({like});
  EXPECT_THAT(world.members("likes-b"), IsEmpty());
  item.tags = {"b"};
  World::must(world.items().put(std::span(&item, 1)));
  world.settle(World::kNow);
  EXPECT_EQ(world.members("likes-b").size(), 1U);
}

TEST(LiveSegments, AClockThatWasSetBackIsBelieved) {
  LiveWorld world;
  world.define("recent", json(R"({"event":"like","window":"7d"})"));
  world.settle(World::kNow);
  world.feed({world.event({world.openid("a")}, "like", kDay)});
  world.settle(World::kNow + kDay * 400);
  EXPECT_THAT(world.members("recent"), IsEmpty());
  world.settle(World::kNow);
  EXPECT_EQ(world.members("recent").size(), 1U);
}

/// Membership after random events, batches, merges, splits, erasures and passing time is what the
/// warehouse and the evaluation in memory say at the same moment.
void agrees(std::uint64_t seed) {
  Random random(seed);
  LiveWorld world;
  fill_catalogue(world, random);
  Trees trees(random);
  std::map<std::string, SegmentTree> defined;
  for (int i = 0; i < 40; ++i) {
    const std::string id = fmt::format("s{}", i);
    const Json tree = trees.tree(i % 3);
    defined.emplace(id, *SegmentTree::from_json(tree));
    if (i < 30) world.define(id, tree);
  }
  auto events = random_events(world, random, 60, 900);
  for (auto& e : events) {  // received in order; what is ahead stays ahead by minutes
    e.event.received_at =
        std::max(World::kNow - kDay * 2, e.event.occurred_at - std::chrono::minutes(2));
    if (random.below(20) != 0)
      e.event.received_at = std::max(e.event.received_at, e.event.occurred_at);
    e.event.received_at = std::min(e.event.received_at, World::kNow);
  }
  std::set<std::string> inside;
  const auto check = [&](Instant now) {
    world.settle(now);
    world.sync();
    const auto views = *world.people().views(PersonId(), 1000);
    const auto index = *world.items().index();
    const TagLookup tags = [&](const ingest::ItemRef& ref) { return index->tags(ref); };
    for (const auto& [id, tree] : defined) {
      if (!World::must(world.segments().live(SegmentId(id), now))) continue;
      std::vector<std::string> memory;
      for (const PersonView& view : views) {
        if (evaluate(tree, view, tags, now)) memory.push_back(view.id.value);
      }
      ASSERT_EQ(world.members(id), memory) << "seed " << seed << " segment " << id << "\n"
                                           << tree.to_json().dump_pretty();
      std::vector<std::string> warehouse;
      for (const PersonId& p : World::must(members(world.warehouse(), tree, now)))
        warehouse.push_back(p.value);
      ASSERT_EQ(memory, warehouse) << "seed " << seed << " segment " << id;
      if (!memory.empty() && memory.size() < views.size()) inside.insert(id);
    }
  };
  std::size_t at = 0;
  Instant now = World::kNow - kDay * 2;
  for (int round = 0; at < events.size(); ++round) {
    const std::size_t n = std::min<std::size_t>(1 + random.below(150), events.size() - at);
    const std::vector<ingest::LoggedEvent> batch(
        events.begin() + static_cast<std::ptrdiff_t>(at),
        events.begin() + static_cast<std::ptrdiff_t>(at + n));
    world.feed(batch);
    world.copy_to_warehouse(batch);
    for (const auto& e : batch) now = std::max(now, e.event.received_at);
    at += n;
    if (round == 2) {
      for (int i = 30; i < 40; ++i)
        world.define(fmt::format("s{}", i), defined.at(fmt::format("s{}", i)).to_json());
    }
    if (round == 3) {
      (void)world.state().write([&](storage::Session& session) {
        return remove_edge(session, events[0].event.identities.front(),
                           events[0].event.identities.back());
      });
    }
    if (round == 4) {
      const auto who = events[random.below(at)].event.identities.front();
      if (const auto person = world.people().of_identity(who))
        World::must(erase(world.people(), *person, now, nullptr));
    }
    if (round % 3 == 1) {
      ASSERT_NO_FATAL_FAILURE(check(now));
    }
  }
  now = std::max(now, World::kNow);
  ASSERT_NO_FATAL_FAILURE(check(now));
  for (const Duration step : {Duration(std::chrono::hours(1)), Duration(kDay), Duration(kDay * 6),
                              Duration(kDay * 30), Duration(kDay * 80)}) {
    now = now + step;
    ASSERT_NO_FATAL_FAILURE(check(now));
  }
  EXPECT_GT(inside.size(), 15U) << "the trees must separate people";
}

TEST(LiveSegments, AgreeWithTheWarehouseAndTheEvaluationInMemory) {
  for (const std::uint64_t seed : {20261125U, 7U, 99U}) ASSERT_NO_FATAL_FAILURE(agrees(seed));
}

TEST(LiveSegments, TheSizesOfBatchesChangeNothing) {
  const auto run = [](std::size_t batch) {
    Random random(5);
    LiveWorld world;
    fill_catalogue(world, random);
    Trees trees(random);
    for (int i = 0; i < 25; ++i) world.define(fmt::format("s{}", i), trees.tree(i % 3));
    world.settle(World::kNow);
    const auto events = random_events(world, random, 40, 400);
    for (std::size_t at = 0; at < events.size(); at += batch) {
      world.feed(
          {events.begin() + static_cast<std::ptrdiff_t>(at),
           events.begin() + static_cast<std::ptrdiff_t>(std::min(at + batch, events.size()))});
    }
    world.settle(World::kNow);
    std::map<std::string, std::vector<std::string>> all;
    for (int i = 0; i < 25; ++i) all[fmt::format("s{}", i)] = world.members(fmt::format("s{}", i));
    return all;
  };
  const auto one = run(1);
  EXPECT_EQ(one, run(37));
  EXPECT_EQ(one, run(400));
}

/// Conditions that look at the same events are answered by one ring, whatever their windows.
TEST(LiveProfile, SharedRingsAnswerAsTheHistoryDoes) {
  const char* const trees[] = {
      R"({"event":"purchase","sum":{">=":300},"window":"7d"})",
      R"({"event":"purchase","sum":{">=":900},"window":"30d"})",
      R"({"event":"purchase","sum":{"<":100},"window":"90d"})",
      R"({"event":"purchase","count":{">=":2},"window":"7d"})",
      R"({"event":"purchase","count":{">=":6},"window":"90d"})",
      R"({"event":"purchase","count":{"=":1},"window":"30d"})",
      R"({"event":"read","count":{">=":1},"window":"7d","item":{"kind":"article","id":"a1"}})",
      R"({"event":"read","count":{">=":4},"window":"30d","item":{"kind":"article","id":"a1"}})",
      R"({"event":"read","count":{">=":3},"window":"7d"})",
      R"({"event":"read","count":{">=":3},"window":"7d","account":"shop"})",
      R"({"feature":"active_days_7d","is":{">=":3}})",
      R"({"feature":"active_days_30d","is":{">=":9}})",
      R"({"feature":"distinct_items_7d","is":{">=":2}})",
      R"({"feature":"distinct_items_30d","is":{">=":4}})"};
  std::vector<detail::LiveSegment> segments;
  for (const char* tree : trees) {
    segments.emplace_back();
    segments.back().number = static_cast<std::int64_t>(segments.size());
    segments.back().tree = *SegmentTree::parse(tree);
  }
  const auto plan = detail::compile(segments, 1);
  std::set<std::size_t> rings;
  for (const auto& leaf : plan.leaves) {
    EXPECT_EQ(leaf.form, detail::LeafForm::kRing);
    rings.insert(leaf.ring);
  }
  EXPECT_EQ(rings.size(), 7u);
  const TagLookup tags = [](const ingest::ItemRef&) {
    return std::span<const catalogue::ItemTag>();
  };
  constexpr std::int64_t kHour = 3'600'000'000;
  for (const std::uint64_t seed : {1, 2, 3, 4, 5, 6}) {
    Random random(seed);
    detail::LiveProfile profile;
    profile.reset(plan);
    PersonView view;
    std::int64_t now = World::kNow.us;
    for (int step = 0; step < 400; ++step) {
      // Long pauses now and then, so that everything runs out; some events come late.
      now += static_cast<std::int64_t>(random.below(random.below(20) == 0 ? 800 : 12)) * kHour;
      Activity a;
      a.at = {now -
              static_cast<std::int64_t>(random.below(4) == 0 ? random.below(900) : 0) * kHour};
      a.offset = step + 1;
      a.kind = random.below(2) == 0 ? "purchase" : "read";
      a.item = ingest::ItemRef{"article", fmt::format("a{}", random.below(6))};
      // Refused goods, and in some histories a price that is no price.
      a.value = static_cast<std::int64_t>(random.below(200)) - (random.below(15) == 0 ? 300 : 0);
      if (seed == 6 && random.below(40) == 0) a.value = std::int64_t{1} << 60;
      a.account = random.below(2) == 0 ? "shop" : "school";
      view.activity.insert(
          std::ranges::upper_bound(view.activity, std::pair(a.at, a.offset), {},
                                   [](const Activity& b) { return std::pair(b.at, b.offset); }),
          a);
      profile.add(plan, {a.kind, a.account, &*a.item, a.value, a.at.us}, tags, now);
      const auto scan = [&](const std::vector<std::size_t>& leaves) {
        std::vector<detail::LiveProfile::Scanned> found;
        for (const std::size_t i : leaves)
          found.push_back({evaluate(plan.leaves[i].node, view, tags, {now}), now});
        return Result<std::vector<detail::LiveProfile::Scanned>>(std::move(found));
      };
      ASSERT_TRUE(profile.evaluate(plan, now, scan));
      std::vector<std::int64_t> expected;
      for (const auto& segment : segments) {
        if (evaluate(segment.tree.root(), view, tags, {now})) expected.push_back(segment.number);
      }
      ASSERT_EQ(profile.members, expected) << "seed " << seed << ", step " << step;
      // By time alone nothing changes before `due`.
      const std::int64_t later = std::min(profile.due, now + 200 * 24 * kHour) - 1;
      for (const auto& segment : segments) {
        EXPECT_EQ(evaluate(segment.tree.root(), view, tags, {std::max(now, later)}),
                  std::ranges::binary_search(expected, segment.number))
            << "seed " << seed << ", step " << step << ", segment " << segment.number;
      }
      const std::string bytes = profile.encode(plan);
      ASSERT_TRUE(profile.decode(plan, bytes));
      ASSERT_EQ(profile.encode(plan), bytes);
    }
  }
}

/// Members outlive a change of the format: nobody enters anew.
TEST(LiveProfile, MembersOfTheFirstFormatAreRead) {
  const std::string first("\x01\x0a\x02\x03\x04\x00", 6);  // generation 5, segments 3 and 7
  EXPECT_EQ(detail::LiveProfile::members_of(first), (std::vector<std::int64_t>{3, 7}));
  std::vector<detail::LiveSegment> segments(1);
  segments[0].number = 3;
  segments[0].tree = *SegmentTree::parse(R"({"event":"read","count":{">=":3},"window":"7d"})");
  const auto plan = detail::compile(std::move(segments), 5);
  detail::LiveProfile profile;
  EXPECT_FALSE(profile.decode(plan, first)) << "is made anew from the history";
  EXPECT_EQ(profile.members, (std::vector<std::int64_t>{3, 7}));
}

TEST(LiveProfile, DamagedBytesAreRefused) {
  const auto tree = *SegmentTree::parse(R"({"and":[{"event":"read","count":{">=":3},"window":"7d"},
      {"event":"purchase","sum":{">":100},"window":"30d"},{"feature":"distinct_items_30d","is":{">=":2}}]})");
  std::vector<detail::LiveSegment> segments(1);
  segments[0].number = 1;
  segments[0].tree = tree;
  const auto plan = detail::compile(std::move(segments), 3);
  const TagLookup tags = [](const ingest::ItemRef&) {
    return std::span<const catalogue::ItemTag>();
  };
  detail::LiveProfile profile;
  profile.reset(plan);
  const ingest::ItemRef item{"article", "x"};
  for (int i = 0; i < 5; ++i) {
    profile.add(plan, {"read", "shop", &item, 1, World::kNow.us - i}, tags, World::kNow.us);
    profile.add(plan, {"purchase", "shop", &item, 50, World::kNow.us - i}, tags, World::kNow.us);
  }
  const std::string bytes = profile.encode(plan);
  detail::LiveProfile read;
  ASSERT_TRUE(read.decode(plan, bytes));
  EXPECT_EQ(read.encode(plan), bytes);
  for (std::size_t n = 0; n < bytes.size(); ++n)
    EXPECT_FALSE(read.decode(plan, bytes.substr(0, n))) << n;
  Random random(1);
  for (int i = 0; i < 2000; ++i) {
    std::string other = bytes;
    other[random.below(other.size())] = static_cast<char>(random.below(256));
    (void)read.decode(plan, other);  // anything but a crash or much memory
  }
}

}  // namespace
}  // namespace zhiyin::audience
