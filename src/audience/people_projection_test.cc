#include "audience/people_projection.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "audience/consent.h"
#include "audience/test_world.h"
#include "base/random.h"

namespace zhiyin::audience {
namespace {

using std::chrono::hours;
using testing::ElementsAre;

TEST(PeopleProjection, NewIdentityBecomesAPersonNamedAfterItsHash) {
  World world;
  const IdentityHash a = world.openid("a");
  world.apply({world.event({a}, "read", kDay)});
  const PersonId person = *world.people().of_identity(a);
  EXPECT_EQ(person, person_id_of(a));
  EXPECT_TRUE(person.value.starts_with("p_"));
  EXPECT_EQ(person.value.size(), 28U);
  EXPECT_EQ(*world.people().count(), 1);
}

TEST(PeopleProjection, SharedEventMergesAndTheOldIdLeadsOn) {
  World world;
  const IdentityHash a = world.openid("a");
  const IdentityHash b = world.openid("b", "mini");
  world.apply({world.event({a}, "read", kDay * 2), world.event({b}, "read", kDay)});
  const PersonId old_b = *world.people().of_identity(b);
  world.apply({world.event({b, a}, "like", hours(1))});
  EXPECT_EQ(*world.people().of_identity(b), person_id_of(a)) << "a was seen earlier";
  EXPECT_EQ(*world.people().resolve(old_b.value), person_id_of(a));
  EXPECT_EQ(*world.people().count(), 1);
  EXPECT_THAT(*world.people().identities(old_b), ElementsAre(a, b));
  EXPECT_EQ(world.people().view(old_b)->activity.size(), 3U);
}

TEST(PeopleProjection, LateEventMakesTheOtherIdentityTheEarliest) {
  World world;
  const IdentityHash a = world.openid("a");
  const IdentityHash b = world.openid("b");
  world.apply({world.event({a, b}, "read", kDay), world.event({a}, "read", kDay * 2)});
  EXPECT_EQ(*world.people().of_identity(b), person_id_of(a));
  world.apply({world.event({b}, "read", kDay * 3)});
  EXPECT_EQ(*world.people().of_identity(a), person_id_of(b));
  EXPECT_EQ(*world.people().resolve(person_id_of(a).value), person_id_of(b));
  world.apply({world.event({a}, "read", kDay * 4)});
  EXPECT_EQ(*world.people().resolve(person_id_of(b).value), person_id_of(a));
  EXPECT_EQ(*world.people().count(), 1);
}

/// Everything that the projection builds, change numbers aside.
std::vector<std::string> contents(World& world) {
  std::vector<std::string> lines;
  for (const char* sql : {"SELECT id, identity, current FROM person",
                          "SELECT identity, person, first_at FROM identity_person",
                          "SELECT a, b, source, at, state FROM identity_edge",
                          "SELECT identity, at, off, part, kind, item_kind, item_id, value, "
                          "account, properties FROM activity",
                          "SELECT identity, account, following, at, off FROM follow_state",
                          "SELECT * FROM consent_mark",
                          "SELECT identity, name, part, off, at, text, number FROM trait_queue",
                          "SELECT * FROM trait_name"}) {
    for (const storage::Row& row : World::must(world.state().query(sql)).rows) {
      std::string line(sql, 20);
      for (const storage::Value& v : row) {
        line += '|';
        if (const auto* i = std::get_if<std::int64_t>(&v))
          line += std::to_string(*i);
        else if (const auto* r = std::get_if<double>(&v))
          line += std::to_string(*r);
        else
          line += storage::as_text(v);
      }
      lines.push_back(std::move(line));
    }
  }
  std::ranges::sort(lines);
  return lines;
}

std::vector<ingest::LoggedEvent> random_history(World& world, std::uint64_t seed, int events) {
  Random random(seed);
  const auto identities = world.openids("o", 24);
  const auto any = [&] { return identities[random.below(identities.size())]; };
  constexpr std::string_view kKinds[] = {
      "read", "like", "follow", "unfollow", "consent.withdraw", "consent.grant", "trait.set"};
  std::vector<ingest::LoggedEvent> list;
  for (int i = 0; i < events; ++i) {
    std::vector<IdentityHash> who{any()};
    if (random.below(20) == 0) who.push_back(any());
    // Few distinct moments, so that ties happen.
    auto e = world.event(who, std::string(kKinds[random.below(7)]), hours(random.below(60)));
    if (e.event.kind == "trait.set")
      e.event.properties = fmt::format(R"({{"level":{}}})", random.below(5));
    if (e.event.kind.starts_with("consent") && random.below(2) == 0)
      e.event.properties = R"({"purpose":"marketing"})";
    e.event.source = random.below(2) == 0 ? "api" : "import:1";
    list.push_back(std::move(e));
  }
  return list;
}

TEST(PeopleProjection, OrderAndBatchesDoNotMatter) {
  std::vector<std::string> reference;
  for (std::uint64_t order = 0; order < 4; ++order) {
    World world;
    std::vector<ingest::LoggedEvent> events = random_history(world, 7, 400);
    Random random(order);
    if (order > 0) {
      for (std::size_t i = events.size(); i > 1; --i)
        std::swap(events[i - 1], events[random.below(i)]);
    }
    for (std::size_t begin = 0; begin < events.size();) {
      const std::size_t size = std::min(events.size() - begin, std::size_t{1} + random.below(150));
      world.apply({events.begin() + static_cast<std::ptrdiff_t>(begin),
                   events.begin() + static_cast<std::ptrdiff_t>(begin + size)});
      begin += size;
    }
    if (order == 0) {
      reference = contents(world);
      EXPECT_GT(reference.size(), 400U);
    } else {
      EXPECT_EQ(contents(world), reference) << "order " << order;
    }
  }
}

TEST(PeopleProjection, FailedTransactionLeavesNothingBehind) {
  World world;
  const auto events = random_history(world, 3, 50);
  PeopleProjection projection;
  const auto failed = world.state().write([&](storage::Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(projection.apply(session, events));
    return fail(ErrorCode::kUnavailable, "disk full");
  });
  EXPECT_FALSE(failed);
  EXPECT_TRUE(contents(world).empty());
  ASSERT_TRUE(world.state().write(
      [&](storage::Session& session) { return projection.apply(session, events); }));
  const auto once = contents(world);
  World other;
  other.apply(random_history(other, 3, 50));
  EXPECT_EQ(once, contents(other));
}

TEST(PeopleProjection, FollowIsDecidedByTimeNotByArrival) {
  World world;
  const IdentityHash a = world.openid("a");
  const auto following = [&] {
    return World::must(
               consent_of(world.state(), *world.people().of_identity(a), "shop", "marketing"))
        .following;
  };
  world.apply({world.event({a}, "unfollow", hours(1))});
  world.apply({world.event({a}, "follow", hours(5))});
  EXPECT_FALSE(following()) << "the follow came late but happened earlier";
  EXPECT_EQ(*world.people().followers(), 0);
  world.apply({world.event({a}, "follow", Duration(0))});
  EXPECT_TRUE(following());
  EXPECT_EQ(*world.people().followers(), 1);
  // At the same moment the later place in the log decides.
  const auto follow = world.event({a}, "follow", Duration(-1));
  const auto unfollow = world.event({a}, "unfollow", Duration(-1));
  world.apply({unfollow});
  world.apply({follow});
  EXPECT_FALSE(following());
}

TEST(PeopleProjection, RemovedEdgeSplitsAndEventsDoNotBringItBack) {
  World world;
  const IdentityHash a = world.openid("a");
  const IdentityHash b = world.openid("b");
  const IdentityHash c = world.openid("c");
  world.apply({world.event({a, b}, "read", kDay * 3), world.event({b, c}, "read", kDay)});
  EXPECT_EQ(*world.people().count(), 1);
  const auto remove = [&](const IdentityHash& x, const IdentityHash& y) {
    return world.state().write(
        [&](storage::Session& session) { return remove_edge(session, x, y); });
  };
  ASSERT_TRUE(remove(b, a));
  EXPECT_EQ(*world.people().count(), 2);
  EXPECT_EQ(*world.people().of_identity(a), person_id_of(a));
  EXPECT_EQ(*world.people().of_identity(b), *world.people().of_identity(c));
  EXPECT_EQ(*world.people().of_identity(b), person_id_of(b));
  world.apply({world.event({a, b}, "read", hours(1))});
  EXPECT_EQ(*world.people().count(), 2);
  EXPECT_EQ(remove(a, b).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(remove(a, c).error().code, ErrorCode::kNotFound);
}

TEST(PeopleProjection, RemovedEdgeOfACircleSplitsNothing) {
  World world;
  const IdentityHash a = world.openid("a");
  const IdentityHash b = world.openid("b");
  const IdentityHash c = world.openid("c");
  world.apply({world.event({a, b}, "read", kDay), world.event({b, c}, "read", kDay),
               world.event({c, a}, "read", kDay)});
  ASSERT_TRUE(
      world.state().write([&](storage::Session& session) { return remove_edge(session, a, b); }));
  EXPECT_EQ(*world.people().count(), 1);
}

TEST(PeopleProjection, PersonStopsGrowingAtItsLimit) {
  World world;
  const IdentityHash hub = world.openid("hub");
  std::vector<ingest::LoggedEvent> events;
  for (const IdentityHash& other : world.openids("o", kIdentitiesPerPersonMax + 5)) {
    events.push_back(world.event({hub, other}, "read", kDay));
  }
  world.apply(events);
  EXPECT_EQ(world.people().identities(*world.people().of_identity(hub))->size(),
            kIdentitiesPerPersonMax);
  EXPECT_EQ(*world.people().count(), 7);
}

}  // namespace
}  // namespace zhiyin::audience
