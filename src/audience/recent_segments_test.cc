// The live segments of people who were asked about of late: those of state, whatever happens.
#include <gmock/gmock.h>

#include <random>
#include <thread>

#include "audience/erase.h"
#include "audience/recent_people.h"
#include "audience/segments.h"
#include "audience/test_world.h"

namespace zhiyin::audience {
namespace {

using ingest::LoggedEvent;
using storage::Session;
using testing::ElementsAre;
using testing::IsEmpty;

struct Live : World {
  RecentPeople recent{1 << 20};
  Segments segments{state(), warehouse(), people(), items(), &recent};
  PeopleProjection projection;
  RecentPeopleProjection tells{recent};
  LiveSegments live{projection, items(), &recent};
  Instant now = kNow;

  /// One batch, as the pipeline applies it.
  Result<void> apply_in(Session& session, const std::vector<LoggedEvent>& events) {
    ZHIYIN_TRY_VOID(projection.apply(session, events));
    ZHIYIN_TRY_VOID(tells.apply(session, events));
    return live.apply(session, events);
  }
  void happened(const std::vector<LoggedEvent>& events) {
    must(state().write([&](Session& session) { return apply_in(session, events); }));
  }
  void tick() {
    must(state().write([&](Session& session) { return live.tick(session, now); }));
  }
  void settle() {
    for (bool due = true; due;) {
      must(state().read([&](Session& session) -> Result<void> {
        ZHIYIN_TRY(due, tick_due(session, now));
        return {};
      }));
      if (due) tick();
    }
  }
  void define(const std::string& id, std::string_view tree, bool is_live = true) {
    must(segments.apply({SegmentId(id), id, *parse_json(tree), is_live}, now));
  }
  LoggedEvent deed(const std::string& who, std::string kind) {
    LoggedEvent out = event({openid(who)}, std::move(kind), kNow - now);
    out.event.received_at = now;
    return out;
  }
  std::string id(const std::string& who) { return person_id_of(openid(who)).value; }

  static std::vector<std::string> names(const std::vector<SegmentId>& list) {
    std::vector<std::string> out;
    for (const SegmentId& one : list) out.push_back(one.value);
    return out;
  }
  std::vector<std::string> stored(const std::string& person) {
    std::vector<SegmentId> out;
    must(state().read([&](Session& session) -> Result<void> {
      ZHIYIN_TRY(out, live_segments_of(session, PersonId(person)));
      return {};
    }));
    return names(out);
  }
  /// As a list asks: who it is, then their segments.
  std::vector<std::string> asked(const std::string& person) {
    (void)recent.view_of(people(), person);
    return names(must(recent.segments_of(state(), PersonId(person))));
  }
  bool is_known(const std::string& person) {
    return recent.known_segments(PersonId(person)).has_value();
  }
};

TEST(RecentSegments, AreThoseOfStateAndNeedNoAsking) {
  Live world;
  world.define("likers", R"({"event":"like"})");
  world.define("readers", R"({"event":"read","window":"7d"})");
  world.settle();
  world.happened({world.deed("anna", "read")});
  const std::string anna = world.id("anna");
  EXPECT_FALSE(world.is_known(anna));
  EXPECT_THAT(world.asked(anna), ElementsAre("readers"));
  EXPECT_TRUE(world.is_known(anna));
  world.happened({world.deed("anna", "like")});
  EXPECT_FALSE(world.is_known(anna));
  EXPECT_THAT(world.asked(anna), ElementsAre("likers", "readers"));
  // Time alone.
  world.now = world.now + 8 * kDay;
  world.settle();
  EXPECT_FALSE(world.is_known(anna));
  EXPECT_THAT(world.asked(anna), ElementsAre("likers"));
  EXPECT_TRUE(world.is_known(anna));
  // Of nobody in particular, and of nobody at all.
  EXPECT_THAT(world.asked("p_nobody"), IsEmpty());
}

TEST(RecentSegments, ASegmentThatEndsOrIsFilledAnewShowsAtOnce) {
  Live world;
  world.define("likers", R"({"event":"like"})");
  world.settle();
  world.happened({world.deed("anna", "like")});
  const std::string anna = world.id("anna");
  EXPECT_THAT(world.asked(anna), ElementsAre("likers"));
  world.define("likers", R"({"event":"like","window":"1d"})");
  EXPECT_FALSE(world.is_known(anna));
  EXPECT_THAT(world.asked(anna), IsEmpty());  // not filled
  world.settle();
  EXPECT_THAT(world.asked(anna), ElementsAre("likers"));
  EXPECT_TRUE(world.is_known(anna));
  World::must(world.segments.remove(SegmentId("likers"), std::nullopt));
  EXPECT_THAT(world.asked(anna), IsEmpty());
  EXPECT_TRUE(world.is_known(anna));
  world.define("likers", R"({"event":"read"})");
  world.settle();
  EXPECT_THAT(world.asked(anna), IsEmpty());
}

TEST(RecentSegments, WhatIsUnderWayIsNotKept) {
  Live world;
  world.define("likers", R"({"event":"like"})");
  world.settle();
  world.happened({world.deed("anna", "read")});
  const std::string anna = world.id("anna");
  EXPECT_THAT(world.asked(anna), IsEmpty());
  const std::vector<LoggedEvent> next = {world.deed("anna", "like")};
  World::must(world.state().write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(world.apply_in(session, next));
    // Others see the past until this is committed, and must not go on seeing it then.
    std::thread([&] { EXPECT_THAT(world.asked(anna), IsEmpty()); }).join();
    return {};
  }));
  EXPECT_THAT(world.asked(anna), ElementsAre("likers"));
  World::must(world.state().write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(set_live(session, SegmentId("likers"), 1, false, true));
    ZHIYIN_TRY_VOID(world.recent.live_segments_changed(session));
    std::thread([&] { EXPECT_THAT(world.asked(anna), ElementsAre("likers")); }).join();
    return {};
  }));
  EXPECT_THAT(world.asked(anna), IsEmpty());
}

TEST(RecentSegments, WithoutMemoryStateIsAsked) {
  Live world;
  RecentPeople none(0);
  world.define("likers", R"({"event":"like"})");
  world.settle();
  world.happened({world.deed("anna", "like")});
  const PersonId anna(world.id("anna"));
  World::must(none.view_of(world.people(), anna.value));
  EXPECT_THAT(Live::names(World::must(none.segments_of(world.state(), anna))),
              ElementsAre("likers"));
  EXPECT_FALSE(none.known_segments(anna));
}

/// Whatever happens in whatever order, the answers are those of state.
class RandomSegmentLife : public testing::TestWithParam<unsigned> {};

TEST_P(RandomSegmentLife, SegmentsAreThoseOfState) {
  constexpr std::string_view kTrees[] = {
      R"({"event":"like"})",
      R"({"event":"read","count":{">=":2},"window":"7d"})",
      R"({"event":"read","window":"1d"})",
      R"({"not":{"event":"like","window":"30d"}})",
      R"({"event":"share","count":{"<":2}})",
      R"({"event":"like","item":{"tag":"tea"}})",
  };
  constexpr const char* kKinds[] = {"read", "like", "share", "show"};
  Live world;
  std::mt19937 random(GetParam());
  const auto below = [&](std::size_t n) { return random() % n; };
  const auto name = [&] { return fmt::format("u{}", below(10)); };
  const auto segment = [&] { return fmt::format("s{}", below(5)); };
  const auto put_item = [&] {
    catalogue::Item item;
    item.kind = "article";
    item.id = "a0";
    item.title = "a";
    if (below(2) == 0) item.tags = {"tea"};
    World::must(world.items().put(std::span(&item, 1)));
  };
  put_item();
  world.define("s0", kTrees[1]);
  world.define("s1", kTrees[5]);
  std::size_t known = 0;
  std::size_t inside = 0;
  for (int step = 0; step < 250; ++step) {
    SCOPED_TRACE(fmt::format("seed {} step {}", GetParam(), step));
    const auto deed = below(24);
    if (deed < 7) {
      std::vector<LoggedEvent> events;
      for (std::size_t i = 0; i <= below(4); ++i) {
        LoggedEvent one = world.deed(name(), kKinds[below(4)]);
        one.event.item = ingest::ItemRef{"article", fmt::format("a{}", below(3))};
        one.event.occurred_at = world.now - std::chrono::hours(below(24 * 9));
        // One in six says that two are one.
        if (below(6) == 0) {
          const IdentityHash other = world.openid(name());
          if (other != one.event.identities[0]) one.event.identities.push_back(other);
        }
        events.push_back(std::move(one));
      }
      world.happened(events);
    } else if (deed == 7) {
      world.define(segment(), kTrees[below(std::size(kTrees))], below(4) != 0);
    } else if (deed == 8) {
      (void)world.segments.remove(SegmentId(segment()), std::nullopt);
    } else if (deed == 9) {
      const auto person = world.people().resolve("openid:shop:" + name());
      if (person) World::must(erase(world.people(), *person, world.now, &world.recent));
    } else if (deed == 10) {
      const std::vector<IdentityHash> two = {world.openid(name()), world.openid(name())};
      World::must(world.state().write([&](Session& session) -> Result<void> {
        ZHIYIN_TRY_VOID(world.recent.changed(session, two));
        (void)remove_edge(session, two[0], two[1]);
        return {};
      }));
    } else if (deed == 11) {
      World::must(world.state().write([&](Session& session) -> Result<void> {
        ZHIYIN_TRY_VOID(remove_activity(session, "show", world.now - 3 * kDay, 3, &world.recent));
        return {};
      }));
    } else if (deed == 12) {
      put_item();
    } else if (deed < 15) {
      world.now = world.now + std::chrono::hours(below(40));
      world.tick();
    } else if (deed == 15) {
      world.settle();
    } else {
      const std::string who = "openid:shop:" + name();
      const auto view = world.recent.view_of(world.people(), who);
      const std::string person = view ? view->id.value : world.id(name());
      const auto stored = world.stored(person);
      if (const auto there = world.recent.known_segments(PersonId(person))) {
        ++known;
        inside += there->size();
        EXPECT_EQ(Live::names(*there), stored);
      }
      EXPECT_EQ(world.asked(person), stored);
    }
  }
  EXPECT_GT(known, 20U);
  EXPECT_GT(inside, 10U);
}
INSTANTIATE_TEST_SUITE_P(Seeds, RandomSegmentLife, testing::Range(1U, 6U));

}  // namespace
}  // namespace zhiyin::audience
