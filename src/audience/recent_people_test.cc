#include "audience/recent_people.h"

#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>

#include "audience/erase.h"
#include "audience/test_world.h"

namespace zhiyin::audience {
namespace {

using ingest::LoggedEvent;
using storage::Session;

/// All that a view holds, to compare.
std::string text_of(const PersonView& view) {
  std::string out = view.id.value;
  for (const IdentityHash& identity : view.identities) out += ' ' + storage::to_hex(identity);
  for (const Activity& a : view.activity) {
    out += fmt::format("\n{} {} {} {} {} {} {} {}", a.at.us, a.offset, a.partition, a.identity,
                       a.kind, a.value, a.account, a.properties);
    if (a.item) out += fmt::format(" {}/{}", a.item->kind, a.item->id);
  }
  return out;
}
std::string text_of(const Result<PersonView>& view) {
  return view ? text_of(*view) : std::string(to_string(view.error().code));
}

struct Remembering : World {
  RecentPeople recent{1 << 20};

  /// One batch, as the pipeline applies it.
  void happened(const std::vector<LoggedEvent>& events) {
    PeopleProjection projection;
    RecentPeopleProjection tells(recent);
    must(state().write([&](Session& session) -> Result<void> {
      ZHIYIN_TRY_VOID(projection.apply(session, events));
      return tells.apply(session, events);
    }));
  }
  LoggedEvent read(const std::string& who, const std::string& item, Duration ago) {
    LoggedEvent out = event({openid(who)}, "read", ago);
    out.event.item = ingest::ItemRef{"article", item};
    return out;
  }
  std::string view(const std::string& ref) { return text_of(recent.view_of(people(), ref)); }
  std::string stored(const std::string& ref) { return text_of(people().view_of(ref)); }
};

TEST(RecentPeople, AViewIsTheSamePackedAndUnpacked) {
  PersonView view{PersonId("p_one"), {IdentityHash{1, 2, 255}, IdentityHash{7}}, {}};
  const std::int64_t far = std::numeric_limits<std::int64_t>::max();
  view.activity.push_back(
      {far, {-far}, "read", ingest::ItemRef{"article", "a1"}, -1, "shop", "", 63, 1});
  view.activity.push_back(
      {-far, {far}, "read", ingest::ItemRef{"article", ""}, far, "", "{}", 0, 0});
  view.activity.push_back({3, {4}, std::string(300, 'k'), std::nullopt, 0, "shop", "{}", 1, 0});
  view.activity.push_back({3,
                           {4},
                           "like",
                           ingest::ItemRef{"", "a1"},
                           std::numeric_limits<std::int64_t>::min(),
                           "shop",
                           "",
                           1,
                           1});
  EXPECT_EQ(text_of(detail::unpack(detail::pack(view))), text_of(view));
  EXPECT_EQ(text_of(detail::unpack(detail::pack(PersonView{}))), text_of(PersonView{}));
}

TEST(RecentPeople, WhoIsAskedForAgainIsNotRead) {
  Remembering world;
  world.happened({world.read("anna", "tea", std::chrono::hours(2))});
  const std::string first = world.view("openid:shop:anna");
  EXPECT_EQ(first, world.stored("openid:shop:anna"));
  EXPECT_EQ(world.view("openid:shop:anna"), first);
  // By the id of the person, too.
  EXPECT_EQ(world.view(person_id_of(world.openid("anna")).value), first);
  EXPECT_EQ(world.recent.counts().read, 1U);
  EXPECT_EQ(world.recent.counts().found, 2U);
  EXPECT_EQ(world.view("openid:shop:nobody"), "not_found");
  EXPECT_EQ(world.view("nonsense"), world.stored("nonsense"));
}

TEST(RecentPeople, AnEventShowsAtOnce) {
  Remembering world;
  world.happened({world.read("anna", "tea", std::chrono::hours(2))});
  const std::string before = world.view("openid:shop:anna");
  world.happened({world.read("anna", "coffee", std::chrono::hours(1))});
  EXPECT_NE(world.view("openid:shop:anna"), before);
  EXPECT_EQ(world.view("openid:shop:anna"), world.stored("openid:shop:anna"));
}

TEST(RecentPeople, WhatIsUnderWayIsReadFromStateAndNotKept) {
  Remembering world;
  world.happened({world.read("anna", "tea", std::chrono::hours(2))});
  const std::string before = world.view("openid:shop:anna");
  const std::vector<LoggedEvent> next = {world.read("anna", "coffee", std::chrono::hours(1))};
  PeopleProjection projection;
  RecentPeopleProjection tells(world.recent);
  World::must(world.state().write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(projection.apply(session, next));
    ZHIYIN_TRY_VOID(tells.apply(session, next));
    // Others see the past until this is committed, and must not go on seeing it then.
    std::thread([&] { EXPECT_EQ(world.view("openid:shop:anna"), before); }).join();
    return {};
  }));
  EXPECT_NE(world.view("openid:shop:anna"), before);
  // Rolled back: nothing was lost but the memory of it.
  const std::string now = world.view("openid:shop:anna");
  EXPECT_FALSE(world.state().write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(world.recent.changed(session, std::vector{world.openid("anna")}));
    return fail(ErrorCode::kInternal, "no");
  }));
  EXPECT_EQ(world.view("openid:shop:anna"), now);
}

TEST(RecentPeople, WhoIsErasedIsForgotten) {
  Remembering world;
  world.happened({world.read("anna", "tea", std::chrono::hours(2))});
  world.view("openid:shop:anna");
  const PersonId anna = person_id_of(world.openid("anna"));
  World::must(erase(world.people(), anna, World::kNow, &world.recent));
  EXPECT_EQ(world.view("openid:shop:anna"), "not_found");
  EXPECT_EQ(world.view(anna.value), "not_found");
  EXPECT_EQ(world.recent.counts().people, 0U);
}

TEST(RecentPeople, HoldsNoMoreThanItMay) {
  Remembering world;
  constexpr std::size_t kBytes = 100'000;
  RecentPeople small(kBytes);
  RecentPeople none(0);
  std::vector<LoggedEvent> events;
  for (int i = 0; i < 400; ++i)
    events.push_back(world.read(fmt::format("u{}", i), "tea", std::chrono::hours(1)));
  for (int i = 0; i < 300; ++i)  // more than a share of it
    events.push_back(world.read("u7", fmt::format("item-{}", i), std::chrono::minutes(i)));
  world.happened(events);
  for (int i = 0; i < 400; ++i) {
    const std::string ref = fmt::format("openid:shop:u{}", i);
    EXPECT_EQ(text_of(small.view_of(world.people(), ref)), world.stored(ref));
    EXPECT_EQ(text_of(none.view_of(world.people(), ref)), world.stored(ref));
    EXPECT_LE(small.counts().bytes, kBytes);
  }
  EXPECT_GT(small.counts().people, 100U);
  EXPECT_LT(small.counts().people, 400U);
  EXPECT_EQ(none.counts().people, 0U);
  // The last are there, the first and the large one are not.
  const auto found = small.counts().found;
  (void)small.view_of(world.people(), "openid:shop:u399");
  EXPECT_EQ(small.counts().found, found + 1);
  (void)small.view_of(world.people(), "openid:shop:u7");
  (void)small.view_of(world.people(), "openid:shop:u7");
  EXPECT_EQ(small.counts().found, found + 1);
}

/// Whatever happens in whatever order, the answers are those of state.
class RandomLife : public testing::TestWithParam<unsigned> {};

TEST_P(RandomLife, AnswersAreThoseOfState) {
  Remembering world;
  RecentPeople small(64 * 600);  // so small that people are pushed out all the time
  std::mt19937 random(GetParam());
  const auto below = [&](std::size_t n) { return random() % n; };
  const auto name = [&] { return fmt::format("u{}", below(12)); };
  RecentPeopleProjection tells_small(small);
  const std::vector<IdentityHash> everybody = world.openids("u", 12);
  for (int step = 0; step < 300; ++step) {
    SCOPED_TRACE(fmt::format("seed {} step {}", GetParam(), step));
    const auto deed = below(20);
    if (deed < 8) {
      std::vector<LoggedEvent> events;
      for (std::size_t i = 0; i <= below(4); ++i) {
        LoggedEvent one =
            world.read(name(), fmt::format("a{}", below(5)), std::chrono::minutes(below(100'000)));
        if (below(3) == 0) one.event.kind = "show";
        // One in five says that two are one.
        if (below(5) == 0) {
          const IdentityHash other = world.openid(name());
          if (other != one.event.identities[0]) one.event.identities.push_back(other);
        }
        events.push_back(std::move(one));
      }
      PeopleProjection projection;
      RecentPeopleProjection tells(world.recent);
      World::must(world.state().write([&](Session& session) -> Result<void> {
        ZHIYIN_TRY_VOID(projection.apply(session, events));
        ZHIYIN_TRY_VOID(tells.apply(session, events));
        return tells_small.apply(session, events);
      }));
    } else if (deed == 8) {
      const auto person = world.people().resolve("openid:shop:" + name());
      if (person) {
        World::must(world.state().write([&](Session& session) -> Result<void> {
          return small.changed(session, World::must(world.people().identities(*person)));
        }));
        World::must(erase(world.people(), *person, World::kNow, &world.recent));
      }
    } else if (deed == 9) {
      const Instant before = World::kNow - std::chrono::minutes(below(100'000));
      World::must(world.state().write([&](Session& session) -> Result<void> {
        ZHIYIN_TRY_VOID(small.changed(session, everybody));
        ZHIYIN_TRY_VOID(remove_activity(session, "show", before, 3, &world.recent));
        return {};
      }));
    } else {
      const std::string ref = "openid:shop:" + name();
      const std::string stored = world.stored(ref);
      EXPECT_EQ(world.view(ref), stored);
      EXPECT_EQ(text_of(small.view_of(world.people(), ref)), stored);
      const std::string id = person_id_of(world.openid(name())).value;
      EXPECT_EQ(world.view(id), world.stored(id));
    }
  }
  EXPECT_GT(world.recent.counts().found, 20U);
}
INSTANTIATE_TEST_SUITE_P(Seeds, RandomLife, testing::Range(1U, 9U));

/// Readers beside a writer: once a write is done, nobody is answered with what was before it.
TEST(RecentPeople, NobodySeesThePastAfterACommit) {
  Remembering world;
  std::vector<IdentityHash> who = world.openids("u", 4);
  std::atomic<int> done{0};
  std::atomic<bool> stop{false};
  std::vector<std::thread> readers;
  for (int r = 0; r < 3; ++r) {
    readers.emplace_back([&, r] {
      while (!stop.load()) {
        const int before = done.load();  // so many events each have been committed by now
        const auto view = world.recent.view_of(world.people(), fmt::format("openid:shop:u{}", r));
        if (before > 0) {
          ASSERT_TRUE(view);
        }
        if (view) {
          EXPECT_GE(static_cast<int>(view->activity.size()), before);
        }
      }
    });
  }
  for (int i = 0; i < 150; ++i) {
    std::vector<LoggedEvent> events;
    for (const IdentityHash& one : who)
      events.push_back(world.event({one}, "read", std::chrono::minutes(200 - i)));
    world.happened(events);
    done.store(i + 1);
  }
  stop.store(true);
  for (std::thread& reader : readers) reader.join();
}

}  // namespace
}  // namespace zhiyin::audience
