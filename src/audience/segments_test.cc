#include "audience/segments.h"

#include <gmock/gmock.h>

#include "audience/test_world.h"

namespace zhiyin::audience {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class SegmentsTest : public testing::Test {
 protected:
  SegmentDefinition definition(std::string id, std::string_view tree) {
    return {SegmentId(std::move(id)), "读者", *parse_json(tree)};
  }
  Segments& segments() {
    if (!segments_)
      segments_ = std::make_unique<Segments>(world_.state(), world_.warehouse(), world_.people(),
                                             world_.items());
    return *segments_;
  }
  /// `n` more people with one event of that kind.
  void people_who(std::string_view kind, std::size_t n) {
    std::vector<ingest::LoggedEvent> events;
    for (const IdentityHash& who : world_.openids(kind, n))
      events.push_back(world_.event({who}, std::string(kind), kDay));
    world_.apply(events);
    world_.copy_to_warehouse(events);
    world_.sync();
  }
  World world_;
  std::unique_ptr<Segments> segments_;
};

constexpr std::string_view kReaders = R"({"event":"read"})";
constexpr std::string_view kBuyers = R"({"event":"purchase"})";

TEST_F(SegmentsTest, AStoredTreeOutlivesStricterRules) {
  ASSERT_TRUE(segments().put(definition("old", kReaders), {}, World::kNow));
  ASSERT_TRUE(world_.state().write([](storage::Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(session.execute("UPDATE segment SET tree = ?1 WHERE id = 'old'",
                                    {std::string(R"({"event":"READ"})")}));
    return {};
  }));
  EXPECT_EQ(segments().list()->size(), 1U);
  EXPECT_THAT(
      segments().put(definition("new", R"({"event":"READ"})"), {}, World::kNow).error().field,
      "tree.event");
}

TEST_F(SegmentsTest, VersionsGuardChanges) {
  const Instant now = World::kNow;
  EXPECT_EQ(segments().put(definition("readers", kReaders), 1, now).error().code,
            ErrorCode::kNotFound);
  const auto first = segments().put(definition("readers", kReaders), {}, now);
  ASSERT_TRUE(first) << first.error().text();
  EXPECT_EQ(first->version, 1);
  EXPECT_EQ(segments().put(definition("readers", kBuyers), {}, now).error().code,
            ErrorCode::kConflict);
  const auto second = segments().put(definition("readers", kBuyers), 1, now + kDay);
  EXPECT_EQ(second->version, 2);
  EXPECT_EQ(second->updated_at, now + kDay);
  EXPECT_EQ(segments().put(definition("readers", kReaders), 1, now).error().code,
            ErrorCode::kConflict);
  EXPECT_EQ(segments().get(SegmentId("readers"))->tree.to_json()["event"].string_or(""),
            "purchase");
  EXPECT_EQ(segments().remove(SegmentId("readers"), 1).error().code, ErrorCode::kConflict);
  EXPECT_TRUE(segments().remove(SegmentId("readers"), 2));
  EXPECT_EQ(segments().get(SegmentId("readers")).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(segments().remove(SegmentId("readers"), {}).error().code, ErrorCode::kNotFound);
}

TEST_F(SegmentsTest, ApplyingTheSameAgainChangesNothing) {
  EXPECT_EQ(segments().apply(definition("a", kReaders), World::kNow)->version, 1);
  EXPECT_EQ(segments()
                .apply(definition("a", R"({"event":"read","count":{">=":1}})"), World::kNow + kDay)
                ->version,
            1);
  EXPECT_EQ(segments().apply(definition("a", kBuyers), World::kNow + kDay)->version, 2);
  ASSERT_TRUE(segments().apply(definition("b", kBuyers), World::kNow));
  const auto list = *segments().list();
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[1].id, SegmentId("b"));
}

TEST_F(SegmentsTest, WrongDefinitionsNameTheField) {
  EXPECT_EQ(segments().put(definition("Bad Id", kReaders), {}, World::kNow).error().field, "id");
  EXPECT_EQ(
      segments().put(definition("a", R"({"and":[{"evnt":"x"}]})"), {}, World::kNow).error().field,
      "tree.and[0].evnt");
  EXPECT_THAT(from_json<SegmentDefinition>(*parse_json(R"({"id":"a","tre":{}})")).error().text(),
              HasSubstr("tree"));
}

TEST_F(SegmentsTest, CountIsKeptForAMinuteOfTheClock) {
  people_who("read", 3);
  ASSERT_TRUE(segments().apply(definition("readers", kReaders), World::kNow));
  const SegmentId id("readers");
  EXPECT_EQ(segments().count(id, World::kNow)->count, 3);
  people_who("share", 2);
  std::vector<ingest::LoggedEvent> more;
  for (const IdentityHash& who : world_.openids("late", 2))
    more.push_back(world_.event({who}, "read", kDay));
  world_.apply(more);
  world_.copy_to_warehouse(more);
  world_.sync();
  const auto kept = segments().count(id, World::kNow + std::chrono::seconds(60));
  EXPECT_EQ(kept->count, 3);
  EXPECT_EQ(kept->as_of, World::kNow);
  EXPECT_EQ(segments().count(id, World::kNow + std::chrono::seconds(61))->count, 5);
  ASSERT_TRUE(segments().apply(definition("readers", kBuyers), World::kNow));
  EXPECT_EQ(segments().count(id, World::kNow + std::chrono::seconds(61))->count, 0)
      << "another version, another count";
}

TEST_F(SegmentsTest, MembersPreviewAndWhyAgree) {
  people_who("read", 4);
  people_who("purchase", 2);
  ASSERT_TRUE(segments().apply(definition("buyers", kBuyers), World::kNow));
  const auto members = *segments().members(SegmentId("buyers"), World::kNow);
  EXPECT_EQ(members.size(), 2U);
  const auto preview = *segments().preview(*SegmentTree::parse(kBuyers), World::kNow, 1);
  EXPECT_EQ(preview.count, 2);
  EXPECT_THAT(preview.sample, ElementsAre(members[0]));
  const auto why = *segments().why(SegmentId("buyers"), members[0], World::kNow);
  EXPECT_TRUE(why.member);
  EXPECT_EQ(why.explanation["evidence"]["count"].int_or(-1), 1);
  const auto before = *segments().why(SegmentId("buyers"), members[0], World::kNow - kDay * 2);
  EXPECT_FALSE(before.member);
  EXPECT_THAT(*segments().segments_of(*world_.people().view(members[0]), World::kNow),
              ElementsAre(SegmentId("buyers")));
  EXPECT_EQ(segments().members(SegmentId("none"), World::kNow).error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace zhiyin::audience
