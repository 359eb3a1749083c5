#include "audience/warehouse_people.h"

#include <gmock/gmock.h>

#include <map>

#include "audience/erase.h"
#include "audience/test_world.h"

namespace zhiyin::audience {
namespace {

std::map<std::string, std::string> mappings(World& world) {
  std::map<std::string, std::string> out;
  for (const storage::Row& row :
       World::must(world.warehouse().query("SELECT identity, person FROM identity_person")).rows) {
    EXPECT_TRUE(out.emplace(storage::as_text(row[0]), storage::as_text(row[1])).second)
        << "one row for each identity";
  }
  return out;
}

TEST(WarehousePeople, FollowsNewPeopleAndMerges) {
  World world;
  const IdentityHash a = world.openid("a");
  const IdentityHash b = world.openid("b");
  world.apply({world.event({a}, "read", kDay * 2), world.event({b}, "read", kDay)});
  EXPECT_EQ(*sync_people(world.state(), world.warehouse()), 2U);
  EXPECT_EQ(mappings(world)[storage::to_hex(b)], person_id_of(b).value);
  EXPECT_EQ(*sync_people(world.state(), world.warehouse()), 0U);
  world.apply({world.event({a, b}, "read", Duration(0))});
  EXPECT_EQ(*sync_people(world.state(), world.warehouse()), 1U) << "only what changed";
  EXPECT_EQ(mappings(world)[storage::to_hex(a)], person_id_of(a).value);
  EXPECT_EQ(mappings(world)[storage::to_hex(b)], person_id_of(a).value);
}

TEST(WarehousePeople, RepetitionAfterACrashEndsTheSame) {
  World world;
  const auto who = world.openids("o", 5);
  auto trait = world.event({who[0]}, "trait.set", kDay);
  trait.event.properties = R"({"city":"上海","age":30})";
  std::vector<ingest::LoggedEvent> events{trait};
  for (const IdentityHash& w : who) events.push_back(world.event({w}, "read", kDay));
  world.apply(events);
  ASSERT_TRUE(sync_people(world.state(), world.warehouse()));
  const auto before = mappings(world);
  // As if the process had died after the warehouse's commit and before its own, and more had
  // happened since.
  world.apply({world.event({who[0], who[1]}, "read", Duration(0))});
  auto again = trait;
  ASSERT_TRUE(world.state().write([&](storage::Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(session.execute("UPDATE people_cursor SET value = 0 WHERE name = 'warehouse'"));
    ZHIYIN_TRY_VOID(
        session.execute("INSERT INTO trait_queue(seq, identity, name, part, off, at, text, number)"
                        " VALUES(1, ?1, 'city', ?2, ?3, ?4, '上海', NULL)",
                        {storage::to_blob(who[0]), std::int64_t{trait.partition}, trait.offset,
                         trait.event.occurred_at.us}));
    return {};
  }));
  ASSERT_TRUE(sync_people(world.state(), world.warehouse()));
  const auto after = mappings(world);
  EXPECT_EQ(after.size(), before.size());
  EXPECT_EQ(after.at(storage::to_hex(who[0])), after.at(storage::to_hex(who[1])));
  EXPECT_EQ(storage::as_int(
                World::must(world.warehouse().query("SELECT COUNT(*) FROM traits")).rows[0][0]),
            2);
  EXPECT_TRUE(World::must(world.state().query("SELECT * FROM trait_queue")).rows.empty());
}

TEST(WarehousePeople, TraitsCarryTextAndNumber) {
  World world;
  auto trait = world.event({world.openid("a")}, "trait.set", kDay);
  trait.event.properties = R"({"level":"12","gone":null})";
  world.apply({trait});
  world.sync();
  const auto rows =
      World::must(world.warehouse().query("SELECT name, text, number FROM traits ORDER BY name"))
          .rows;
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_TRUE(storage::is_null(rows[0][1]));
  EXPECT_TRUE(storage::is_null(rows[0][2]));
  EXPECT_EQ(storage::as_text(rows[1][1]), "12");
  EXPECT_EQ(storage::as_real(rows[1][2]), 12.0);
}

TEST(WarehousePeople, WhatTraitsSaidOfTheErasedGoes) {
  World world;
  const auto names = [&] {
    std::vector<std::string> out;
    for (const storage::Row& row :
         World::must(world.warehouse().query("SELECT text FROM traits ORDER BY text")).rows)
      out.emplace_back(storage::as_text(row[0]));
    return out;
  };
  const auto lives_in = [&](std::string_view who, std::string_view city, Duration ago) {
    auto trait = world.event({world.openid(std::string(who))}, "trait.set", ago);
    trait.event.properties = fmt::format(R"({{"city":"{}"}})", city);
    world.apply({trait});
  };
  lives_in("a", "上海", kDay * 2);
  lives_in("b", "北京", kDay * 2);
  world.sync();
  ASSERT_TRUE(erase(world.people(), person_id_of(world.openid("a")), World::kNow, nullptr));
  world.sync();
  EXPECT_EQ(names(), std::vector<std::string>{"北京"});
  // Who comes back is new, and has what is said from then on.
  lives_in("a", "广州", kDay);
  world.sync();
  EXPECT_EQ(names(), (std::vector<std::string>{"北京", "广州"}));
}

}  // namespace
}  // namespace zhiyin::audience
