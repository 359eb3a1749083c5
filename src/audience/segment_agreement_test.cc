// The two evaluations of a segment agree: random trees over random histories, in memory and in
// DuckDB.
#include <gmock/gmock.h>

#include "audience/features.h"
#include "audience/random_segments.h"
#include "audience/segment.h"
#include "audience/test_world.h"
#include "base/random.h"

namespace zhiyin::audience {
namespace {

using namespace random_segments;

std::vector<PersonId> in_memory(const SegmentTree& tree, const std::vector<PersonView>& views,
                                const TagLookup& tags, Instant as_of) {
  std::vector<PersonId> members;
  for (const PersonView& view : views) {
    if (evaluate(tree, view, tags, as_of)) members.push_back(view.id);
  }
  return members;
}

TEST(SegmentAgreement, MemoryAndWarehouseGiveTheSameMembers) {
  constexpr std::uint64_t kSeed = 20260301;
  Random random(kSeed);
  World world;
  fill_catalogue(world, random);
  const auto events = random_events(world, random, 70, 1500);
  world.apply(events);
  world.copy_to_warehouse(events);
  // Splits leave people without events of their own.
  World::must(world.state().write([&](storage::Session& session) -> Result<void> {
    for (std::size_t i = 0; i < 3; ++i) {
      ZHIYIN_TRY_VOID(remove_edge(session, events[i].event.identities.front(),
                                  events[i].event.identities.back()));
    }
    return {};
  }));
  world.sync();
  const auto views = *world.people().views(PersonId(), 1000);
  ASSERT_GT(views.size(), 30U);
  ASSERT_TRUE(std::ranges::any_of(views, [](const PersonView& v) {
    return v.identities.size() > 1;
  })) << "merges occur";
  ASSERT_TRUE(std::ranges::any_of(views, [](const PersonView& v) { return v.activity.empty(); }))
      << "people without events occur";
  const auto index = *world.items().index();
  const TagLookup tags = [&](const ingest::ItemRef& ref) { return index->tags(ref); };

  Trees trees(random);
  std::size_t pairs = 0;
  std::size_t inside = 0;
  for (int i = 0; i < 90; ++i) {
    const auto tree = SegmentTree::from_json(trees.tree(i % 4));
    ASSERT_TRUE(tree) << tree.error().text();
    ASSERT_EQ(SegmentTree::from_json(tree->to_json())->to_json(), tree->to_json());
    const Instant as_of = World::kNow - kDay * (i % 3 == 0 ? 20 : 0);
    const auto memory = in_memory(*tree, views, tags, as_of);
    const auto warehouse = members(world.warehouse(), *tree, as_of);
    ASSERT_TRUE(warehouse) << warehouse.error().text() << "\n" << to_sql(*tree, as_of).sql;
    ASSERT_EQ(memory, *warehouse) << "seed " << kSeed << " tree " << i << "\n"
                                  << tree->to_json().dump_pretty() << to_sql(*tree, as_of).sql;
    pairs += views.size();
    inside += memory.size();
  }
  EXPECT_GE(pairs, 2000U);
  // The trees must separate people, or the agreement would say little.
  EXPECT_GT(inside, pairs / 5);
  EXPECT_LT(inside, pairs * 4 / 5);
}

TEST(SegmentAgreement, EveryFeatureHasTheSameValueInBoth) {
  Random random(11);
  World world;
  fill_catalogue(world, random);
  const auto events = random_events(world, random, 25, 600);
  world.apply(events);
  world.copy_to_warehouse(events);
  world.sync();
  const auto views = *world.people().views(PersonId(), 1000);
  const TagLookup no_tags = [](const ingest::ItemRef&) {
    return std::span<const catalogue::ItemTag>();
  };
  for (const Feature& f : features()) {
    // The value of one person as the border: `=` then finds exactly those who share it.
    const auto micro = feature_micro(f, views[random.below(views.size())], World::kNow).value_or(0);
    const auto tree = SegmentTree::from_json(
        Json::object()
            .set("feature", f.name)
            .set("is", Json::object().set("=", static_cast<double>(micro) / kMicro)));
    ASSERT_TRUE(tree) << tree.error().text();
    const auto warehouse = members(world.warehouse(), *tree, World::kNow);
    ASSERT_TRUE(warehouse) << warehouse.error().text() << "\n" << to_sql(*tree, World::kNow).sql;
    EXPECT_EQ(in_memory(*tree, views, no_tags, World::kNow), *warehouse) << f.name;
  }
}

TEST(SegmentAgreement, CountAndSampleFitTheMembers) {
  World world;
  std::vector<ingest::LoggedEvent> events;
  const auto who = world.openids("o", 20);
  for (std::size_t i = 0; i < who.size(); ++i)
    events.push_back(world.event({who[i]}, i < 12 ? "like" : "read", kDay));
  world.apply(events);
  world.copy_to_warehouse(events);
  world.sync();
  const auto tree = *SegmentTree::parse(R"({"event":"like"})");
  const auto all = *members(world.warehouse(), tree, World::kNow);
  EXPECT_EQ(all.size(), 12U);
  EXPECT_EQ(*count(world.warehouse(), tree, World::kNow), 12);
  EXPECT_EQ(*sample(world.warehouse(), tree, World::kNow, 5),
            std::vector(all.begin(), all.begin() + 5));
  EXPECT_EQ(members(world.warehouse(), tree, World::kNow, 5).error().code,
            ErrorCode::kLimitReached);
}

}  // namespace
}  // namespace zhiyin::audience
