#include "ingest/event_catalogue.h"

#include <gtest/gtest.h>

#include <future>

#include "ingest/detail/test_store.h"
#include "ingest/quarantine.h"

namespace zhiyin::ingest {
namespace {

constexpr std::string_view kToml = R"(
[kinds.course_finish]
description = "课程学完"
owner = "教研组"
value = {required = true, minimum = 0, maximum = 100}
item = {required = true, kinds = ["course"]}
extra = "refuse"
[kinds.course_finish.properties]
level = {type = "string", required = true, values = ["初级", "高级"]}
score = {type = "number", minimum = 0, maximum = 100}
phone = {type = "string", personal = true, length_max = 20}
at = {type = "time"}
)";

struct CatalogueTest : testing::Test {
  TestStore store;
  std::unique_ptr<EventCatalogue> catalogue = std::move(*EventCatalogue::create(*store.state));

  std::unique_ptr<Intake> intake(bool refuse_unknown = false) {
    Intake::Settings settings;
    settings.catalogue = catalogue.get();
    settings.refuse_unknown_kinds = refuse_unknown;
    return std::make_unique<Intake>(*store.log, *store.state, *store.vault, store.clock,
                                    store.metrics, std::move(settings));
  }
  void declare(std::string_view toml = kToml) {
    auto kinds = parse_kinds(toml);
    ASSERT_TRUE(kinds) << kinds.error().text();
    for (KindDefinition& kind : *kinds) ASSERT_TRUE(catalogue->put(std::move(kind), std::nullopt));
  }
  static WireEvent event(std::string_view properties, std::string kind = "course_finish") {
    WireEvent e;
    e.account = "school";
    e.identities = {{"school", "openid", "o1"}};
    e.kind = std::move(kind);
    e.item = ItemRef{"course", "c1"};
    e.value = 90;
    e.properties = *parse_json(properties);
    return e;
  }
  Answer send(Intake& to, WireEvent e) {
    return to.accept_and_wait({std::move(e)}, "test")->front();
  }
};

TEST_F(CatalogueTest, ViolationsSayWhichPropertyAndWhatWasExpected) {
  declare();
  const auto to = intake();
  EXPECT_EQ(send(*to, event(R"({"level":"初级","score":99.5,"at":"2026-01-01"})")).verdict,
            Verdict::kAccepted);
  const std::pair<const char*, const char*> cases[] = {
      {R"({})", "properties.level: is missing: course_finish needs it"},
      {R"({"level":"中级"})", "properties.level: \"中级\" is not one of 初级, 高级"},
      {R"({"level":3})", "properties.level: expected string, got 3"},
      {R"({"level":"初级","score":101})", "properties.score: 101 is above the maximum 100"},
      {R"({"level":"初级","at":"gestern"})", "properties.at: expected time, got \"gestern\""},
      {R"({"level":"初级","phone":"123456789012345678901"})",
       "properties.phone: is 21 long, at most 20 are allowed"},
      {R"({"level":"初级","speed":1})",
       "properties.speed: is not declared for course_finish (version 1)"}};
  for (const auto& [properties, reason] : cases) {
    const Answer answer = send(*to, event(properties));
    EXPECT_EQ(answer.verdict, Verdict::kQuarantined);
    EXPECT_EQ(answer.reason, reason);
  }
  WireEvent worthless = event(R"({"level":"初级"})");
  worthless.value.reset();
  EXPECT_EQ(send(*to, worthless).reason, "value: is missing: course_finish needs one");
  WireEvent elsewhere = event(R"({"level":"初级"})");
  elsewhere.item->kind = "article";
  EXPECT_EQ(send(*to, elsewhere).reason, "item.kind: 'article' is not one of course");
}

TEST_F(CatalogueTest, PersonalPropertiesAreSealedWhereverTheyStand) {
  declare();
  const auto to = intake();
  ASSERT_EQ(send(*to, event(R"({"level":"初级","phone":"13800000000"})")).verdict,
            Verdict::kAccepted);
  const Event logged = store.logged().front();
  EXPECT_EQ(logged.properties, R"({"level":"初级"})");
  EXPECT_EQ(*store.vault->unseal(logged.identities[0], logged.sealed),
            R"({"phone":"13800000000"})");
}

TEST_F(CatalogueTest, UnknownKindsAreTakenUnlessTheOperatorSaysOtherwise) {
  declare();
  EXPECT_EQ(send(*intake(), event("{}", "dance")).verdict, Verdict::kAccepted);
  const auto strict = intake(true);
  EXPECT_EQ(send(*strict, event("{}", "dance")).reason,
            "kind: 'dance' is not declared (zhiyin kinds apply)");
  for (const char* ours : {"read", "trait.set", "identify", "wechat.location"}) {
    EXPECT_EQ(send(*strict, event("{}", ours)).verdict, Verdict::kAccepted) << ours;
  }
}

TEST_F(CatalogueTest, VersionsGrowAndGuardAgainstLostChanges) {
  declare();
  declare();
  EXPECT_EQ(catalogue->get("course_finish")->version, 1) << "nothing changed";
  KindDefinition kind = *catalogue->get("course_finish");
  kind.description = "学完";
  EXPECT_EQ(catalogue->put(kind, 0).error().code, ErrorCode::kConflict);
  EXPECT_EQ(catalogue->put(kind, 1)->version, 2);
  EXPECT_EQ(catalogue->get("course_finish", 1)->description, "课程学完");
  EXPECT_FALSE(catalogue->remove("course_finish", 1));
  ASSERT_TRUE(catalogue->remove("course_finish", 2));
  EXPECT_EQ(catalogue->get("course_finish").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(catalogue->put(kind, 0)->version, 3) << "a version is never given twice";
}

TEST_F(CatalogueTest, RulesThatContradictThemselvesAreRefused) {
  const std::pair<const char*, const char*> cases[] = {
      {"[kinds.a.properties]\nx = {type = \"string\", minimum = 1}",
       "kinds.a.properties.x.minimum"},
      {"[kinds.a.properties]\nx = {type = \"number\", minimum = 3, maximum = 1}",
       "kinds.a.properties.x.minimum"},
      {"[kinds.a.properties]\nx = {type = \"colour\"}", "kinds.a.properties.x.type"},
      {"[kinds.a.properties]\nx = {type = \"number\", minimun = 3}",
       "kinds.a.properties.x.minimun"},
      {"[kinds.\"touch.x\"]\ndescription=\"\"", "kinds.touch.x.name"},
      {"[kind.a]\n", "kind"},
      {"", "kinds"}};
  for (const auto& [toml, field] : cases) {
    const auto kinds = parse_kinds(toml);
    ASSERT_FALSE(kinds) << toml;
    EXPECT_EQ(kinds.error().field, field) << kinds.error().text();
  }
  EXPECT_NE(parse_kinds("[kinds.a\n").error().message.find("line 1"), std::string::npos);
}

TEST_F(CatalogueTest, KindsAreCountedOnceAndBotsApart) {
  EventPipeline pipeline(std::chrono::hours(24 * 30));
  KindCounts counts;
  pipeline.add_counting(counts);
  const auto to = intake();
  WireEvent read = event("{}", "read");
  read.event_id = "r1";
  ASSERT_TRUE(to->accept_and_wait({read, event("{}", "dance")}, "test"));
  std::promise<void> done;
  to->accept({event("{}", "read")}, {}, {"page", {}, true}, [&](auto) { done.set_value(); });
  done.get_future().wait();
  auto records = *store.log->read(storage::Stream::kEvents, {}, 100);
  records.push_back(records.front());  // the same event once more, further on
  records.back().offset += 1000;
  ASSERT_TRUE(store.state->write([&](storage::Session& s) { return pipeline.apply(s, records); }));
  const auto seen = *catalogue->seen();
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[0].kind, "dance");
  EXPECT_EQ(seen[1].kind, "read");
  EXPECT_EQ(seen[1].events, 1);
  EXPECT_EQ(seen[1].bots, 1);
}

}  // namespace
}  // namespace zhiyin::ingest
