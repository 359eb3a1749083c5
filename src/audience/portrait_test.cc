#include "audience/portrait.h"

#include <gmock/gmock.h>

#include <numeric>

#include "audience/response_training.h"
#include "audience/test_world.h"
#include "base/random.h"

namespace zhiyin::audience {
namespace {

using std::chrono::hours;

TEST(Portrait, ShowsWhatTheDocumentedAnswerHas) {
  World world;
  catalogue::Item item;
  item.kind = "article";
  item.id = "a1";
  item.title = "辅食";
  item.tags = {"母婴"};
  ASSERT_TRUE(world.items().put({{item}}));
  const IdentityHash shop = world.openid("oABCDEFGH");
  const IdentityHash mini = world.openid("oMINI", "mini");
  auto like = world.event({shop}, "like", hours(1));
  like.event.item = item.ref();
  auto trait = world.event({shop}, "trait.set", kDay);
  trait.event.properties = R"({"city":"上海"})";
  world.apply({world.event({shop}, "follow", kDay * 2), world.event({mini, shop}, "read", kDay),
               like, trait});
  Segments segments(world.state(), world.warehouse(), world.people(), world.items());
  ASSERT_TRUE(
      segments.apply({SegmentId("likers"), "", *parse_json(R"({"event":"like"})")}, World::kNow));

  const auto p =
      portrait(world.people(), world.items(), &segments, person_id_of(shop), World::kNow);
  ASSERT_TRUE(p) << p.error().text();
  const Json json = to_json(*p);
  EXPECT_EQ(json["id"].string_or(""), person_id_of(shop).value);
  const Json::Array& identities = *json["identities"].if_array();
  ASSERT_EQ(identities.size(), 2U);
  EXPECT_EQ(identities[0]["account"].string_or(""), "shop");
  EXPECT_EQ(identities[0]["kind"].string_or(""), "openid");
  EXPECT_EQ(json.dump().find("oABCDEFGH"), std::string::npos) << "identities are shortened";
  EXPECT_EQ(json["events"].int_or(0), 4);
  EXPECT_EQ(json["features"]["likes_7d"].int_or(-1), 1);
  EXPECT_TRUE(json["features"]["days_since_purchase"].is_null());
  EXPECT_EQ((*json["interests"].if_array())[0]["tag"].string_or(""), "母婴");
  EXPECT_EQ(json["traits"]["city"].string_or(""), "上海");
  EXPECT_EQ((*json["following"].if_array())[0].string_or(""), "shop");
  EXPECT_EQ((*json["segments"].if_array())[0].string_or(""), "likers");
  EXPECT_TRUE(json["response"].is_null());
  ASSERT_EQ(json["active_hours"].if_array()->size(), 24U);
  EXPECT_NEAR(std::accumulate(p->active_hours.begin(), p->active_hours.end(), 0.0), 1.0, 1e-12);
}

TEST(Portrait, KeylessIdentityIsShownAsErased) {
  World world;
  const IdentityHash a = world.openid("a");
  world.apply({world.event({a}, "read", kDay)});
  ASSERT_TRUE(world.vault().erase(std::span(&a, 1)));
  const auto p = portrait(world.people(), world.items(), nullptr, person_id_of(a), World::kNow);
  ASSERT_TRUE(p);
  EXPECT_EQ(p->identities[0].value_short, "erased");
  EXPECT_EQ(
      portrait(world.people(), world.items(), nullptr, PersonId("p_x"), World::kNow).error().code,
      ErrorCode::kNotFound);
}

/// People who like a lot buy afterwards, mostly.
void fill_with_likers(World& world, std::size_t people) {
  Random random(5);
  std::vector<ingest::LoggedEvent> events;
  for (const IdentityHash& who : world.openids("o", people)) {
    const auto likes = random.below(10);
    events.push_back(world.event({who}, "read", kDay * 20));
    for (std::uint64_t i = 0; i < likes; ++i)
      events.push_back(world.event({who}, "like", kDay * 10 + hours(i)));
    if (random.uniform() < (likes >= 6 ? 0.9 : 0.1))
      events.push_back(world.event({who}, "purchase", kDay * 3));
  }
  world.apply(events);
}

TEST(ResponseTraining, TableLooksBackForFeaturesAndForwardForLabels) {
  World world;
  const IdentityHash buyer = world.openid("buyer");
  const IdentityHash late = world.openid("late");
  const IdentityHash newcomer = world.openid("new");
  const ResponseTraining training{{"purchase"}, kDay * 7, World::kNow - kDay * 10, {}};
  world.apply({world.event({buyer}, "like", kDay * 12), world.event({buyer}, "like", kDay * 9),
               world.event({buyer}, "purchase", kDay * 3), world.event({late}, "like", kDay * 10),
               world.event({late}, "purchase", kDay * 3 - Duration(1)),
               world.event({newcomer}, "purchase", kDay * 5)});
  const auto table = response_table(world.people(), training);
  ASSERT_TRUE(table) << table.error().text();
  ASSERT_TRUE(table->check());
  ASSERT_EQ(table->rows(), 2U) << "the newcomer was unknown then";
  const auto names = feature_names();
  const auto column =
      static_cast<std::size_t>(std::ranges::find(names, "likes_7d") - names.begin());
  for (std::size_t r = 0; r < 2; ++r) {
    EXPECT_EQ(table->row(r)[column], 1) << "likes after the moment are not seen";
    EXPECT_EQ(table->labels[r], table->row_ids[r] == storage::to_hex(buyer) ? 1 : 0);
  }
  const auto cancelled =
      response_table(world.people(), training, [](std::size_t) { return false; });
  EXPECT_EQ(cancelled.error().code, ErrorCode::kDeadline);
}

TEST(ResponseTraining, ModelLearnsIsStoredAndScoresPeople) {
  World world;
  fill_with_likers(world, 400);
  model::Registry registry(world.state());
  EXPECT_FALSE(
      *response_score(registry, world.people(), person_id_of(world.openid("o0")), World::kNow))
      << "no model yet";
  double reached = 0;
  ResponseTraining training{{"purchase"}, kDay * 7, World::kNow - kDay * 5, {}};
  training.settings.bootstrap_rounds = 20;
  training.settings.progress = [&](double share) {
    EXPECT_GE(share, reached);
    reached = share;
    return true;
  };
  const auto record = train_and_store_response(world.people(), registry, training, World::kNow);
  ASSERT_TRUE(record) << record.error().text();
  EXPECT_TRUE(record->active);
  EXPECT_GT(reached, 0.8);
  EXPECT_GT(record->metrics["auc"].number_or(record->metrics["metrics"]["auc"].number_or(0)), 0.7)
      << record->metrics.dump();
  const ResponseScorer scorer(registry);
  double likers = 0, others = 0;
  int n_likers = 0, n_others = 0;
  const auto views = *world.people().views(PersonId(), 1000);
  for (const PersonView& view : views) {
    const auto score = *scorer.score(view, training.as_of);
    ASSERT_TRUE(score);
    EXPECT_EQ(score->model, record->id);
    const auto likes = std::ranges::count(view.activity, "like", &Activity::kind);
    (likes >= 6 ? likers : others) += score->probability;
    ++(likes >= 6 ? n_likers : n_others);
  }
  EXPECT_GT(likers / n_likers, others / n_others + 0.4);
  reached = 0;
  const auto again = train_and_store_response(world.people(), registry, training, World::kNow);
  EXPECT_EQ(again->checksum, record->checksum) << "same people, same seed, same bytes";
}

TEST(ResponseTraining, ModelThatOnlyGuessesIsStoredButNotActive) {
  World world;
  std::vector<ingest::LoggedEvent> events;
  const auto who = world.openids("o", 120);
  for (std::size_t i = 0; i < who.size(); ++i) {
    events.push_back(world.event({who[i]}, "read", kDay * 20));
    if (i % 8 == 0)
      events.push_back(world.event({who[i]}, "purchase", kDay * 2));  // nothing tells them apart
  }
  world.apply(events);
  model::Registry registry(world.state());
  const auto record = train_and_store_response(
      world.people(), registry, {{"purchase"}, kDay * 7, World::kNow - kDay * 7, {}}, World::kNow);
  ASSERT_TRUE(record) << record.error().text();
  EXPECT_FALSE(record->active);
  const auto* warnings = record->metrics["warnings"].if_array();
  ASSERT_TRUE(warnings != nullptr && warnings->size() == 1);
  EXPECT_NE(warnings->front().string_or("").find("not activated"), std::string::npos);
  EXPECT_FALSE(*response_score(registry, world.people(), person_id_of(who[0]), World::kNow));
}

TEST(ResponseTraining, TooFewAnswersAreRefused) {
  World world;
  world.apply({world.event({world.openid("a")}, "read", kDay * 20)});
  model::Registry registry(world.state());
  const auto record = train_and_store_response(
      world.people(), registry, {{"purchase"}, kDay * 7, World::kNow - kDay * 7, {}}, World::kNow);
  EXPECT_EQ(record.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(response_table(world.people(), {{}, kDay, World::kNow, {}}).error().field,
            "label_kinds");
}

}  // namespace
}  // namespace zhiyin::audience
