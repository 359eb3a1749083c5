#include "server/segment_trends.h"

#include <gtest/gtest.h>

#include "audience/test_world.h"

namespace zhiyin::server {
namespace {

using audience::World;

TEST(TrendTraits, NamesByCommasAtMostEight) {
  EXPECT_TRUE(trend_traits("")->empty());
  EXPECT_TRUE(trend_traits("  ")->empty());
  EXPECT_EQ(*trend_traits(" city , member_level"),
            (std::vector<std::string>{"city", "member_level"}));
  EXPECT_EQ(trend_traits("a,b,c,d,e,f,g,h")->size(), 8U);
  for (const std::string& bad :
       {std::string("city,"), std::string("city,,age"), std::string("city,city"),
        std::string("a,b,c,d,e,f,g,h,i"), std::string(129, 'x')}) {
    const auto refused = trend_traits(bad);
    ASSERT_FALSE(refused) << bad;
    EXPECT_TRUE(refused.error().message.starts_with("recommend.popular_by: ")) << bad;
  }
}

/// 30 people of Chengdu who read "tea", 30 of Shanghai who read "sea", 5 of Lhasa who read "sky";
/// everybody reads "news".
class TraitTrends : public ::testing::Test {
 protected:
  TraitTrends() {
    std::vector<ingest::LoggedEvent> events;
    const auto add = [&](std::string_view city, std::size_t people, const std::string& item) {
      for (const auto& openid : world_.openids(city, people)) {
        auto lives = world_.event({openid}, "trait.set", 10 * kDay);
        lives.event.properties = fmt::format(R"({{"city":"{}","vip":{}}})", city, people > 10);
        events.push_back(std::move(lives));
        for (const std::string& read : {item, std::string("news")}) {
          events.push_back(world_.event({openid}, "read", kDay));
          events.back().event.item = ingest::ItemRef{"article", read};
        }
        readers_[std::string(city)].push_back(openid);
      }
    };
    add("成都", 30, "tea");
    add("上海", 30, "sea");
    add("拉萨", 5, "sky");
    world_.apply(events);
    world_.copy_to_warehouse(events);
    world_.sync();
  }

  SegmentTrends::Found trends(std::vector<std::string> traits) {
    SegmentTrends counted(
        {segments_, world_.state(), world_.warehouse(), models_, null_logger(), std::move(traits)});
    const auto found = counted.count_when_due(World::kNow);
    EXPECT_TRUE(found) << found.error().text();
    // Not due again.
    EXPECT_EQ(*counted.count_when_due(World::kNow), nullptr);
    return found && *found ? **found : SegmentTrends::Found();
  }
  std::vector<std::string> listed_for(const SegmentTrends::Found& trends, std::string_view city) {
    const auto id = *world_.people().of_identity(readers_.at(std::string(city))[3]);
    const auto view = *world_.people().view(id);
    std::vector<std::string> out;
    for (const auto* one : trends_of_traits(trends, view, World::kNow))
      out.push_back(one->trait + "=" + one->name);
    return out;
  }

  World world_;
  audience::Segments segments_{world_.state(), world_.warehouse(), world_.people(), world_.items()};
  model::Registry models_{world_.state()};
  std::map<std::string, std::vector<audience::IdentityHash>> readers_;
};

TEST_F(TraitTrends, WhatThePeopleWithAValueReadMoreThanOthers) {
  const auto found = trends({"city"});
  ASSERT_EQ(found.size(), 2U);  // of Lhasa there are too few
  for (const auto& one : found) {
    EXPECT_EQ(one.trait, "city");
    ASSERT_EQ(one.items.size(), 1U) << one.name;  // the news are everybody's
    EXPECT_EQ(one.items[0].item.id, one.name == "成都" ? "tea" : "sea");
  }
  EXPECT_EQ(listed_for(found, "成都"), std::vector<std::string>{"city=成都"});
  EXPECT_TRUE(listed_for(found, "拉萨").empty());
}

TEST_F(TraitTrends, SeveralTraitsAndTheNewestValueCounts) {
  // All but 15 move to Shanghai: what is left of Chengdu is too small.
  std::vector<ingest::LoggedEvent> moves;
  for (std::size_t i = 0; i < 15; ++i) {
    moves.push_back(world_.event({readers_.at("成都")[i]}, "trait.set", kDay));
    moves.back().event.properties = R"({"city":"上海"})";
  }
  world_.apply(moves);
  world_.copy_to_warehouse(moves);
  world_.sync();
  const auto found = trends({"city", "vip", "unheard_of"});
  std::vector<std::string> names;
  for (const auto& one : found) names.push_back(one.trait + "=" + one.name);
  EXPECT_EQ(names, (std::vector<std::string>{"city=上海", "vip=true"}));
  EXPECT_EQ(listed_for(found, "成都"), (std::vector<std::string>{"city=上海", "vip=true"}));
}

TEST_F(TraitTrends, NothingIsCountedUnlessItIsAskedFor) {
  EXPECT_TRUE(trends({}).empty());
  EXPECT_TRUE(listed_for({}, "成都").empty());
}

}  // namespace
}  // namespace zhiyin::server
