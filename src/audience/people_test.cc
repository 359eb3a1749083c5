#include "audience/people.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "audience/consent.h"
#include "audience/erase.h"
#include "audience/test_world.h"

namespace zhiyin::audience {
namespace {

using std::chrono::hours;
using testing::ElementsAre;

TEST(People, AreFoundByIdByIdentityAndByHash) {
  World world;
  const IdentityHash a = world.openid("oAbC");
  world.apply({world.event({a}, "read", kDay)});
  const PersonId person = person_id_of(a);
  EXPECT_EQ(*world.people().resolve(person.value), person);
  EXPECT_EQ(*world.people().resolve("openid:shop:oAbC"), person);
  EXPECT_EQ(*world.people().resolve(storage::to_hex(a)), person);
  EXPECT_EQ(world.people().resolve("openid:shop:other").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(world.people().resolve("openid:mini:oAbC").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(world.people().resolve("p_unknown").error().code, ErrorCode::kNotFound);
  for (const char* wrong :
       {"", "openid", "openid:shop", "passport:shop:x", "zz345678901234567890123456789012"}) {
    EXPECT_EQ(world.people().resolve(wrong).error().code, ErrorCode::kInvalidArgument) << wrong;
  }
}

TEST(People, ViewHoldsTheNewestEventsInOrder) {
  World world;
  const IdentityHash a = world.openid("a");
  const IdentityHash b = world.openid("b");
  auto bought = world.event({b}, "purchase", hours(2));
  bought.event.value = 1990;
  bought.event.item = ingest::ItemRef{"product", "p1"};
  bought.event.properties = R"({"campaign":"c"})";
  world.apply({world.event({a, b}, "read", hours(5)), bought, world.event({a}, "like", hours(3)),
               world.event({a}, "share", hours(2))});
  const PersonView view = *world.people().view(person_id_of(a), 3);
  ASSERT_EQ(view.activity.size(), 3U);
  EXPECT_EQ(view.activity[0].kind, "like");
  EXPECT_EQ(view.activity[0].value, 1) << "the kind's default";
  EXPECT_EQ(view.activity[1].kind, "purchase") << "same time as share, earlier in the log";
  EXPECT_EQ(view.activity[1].value, 1990);
  EXPECT_EQ(view.activity[1].item, (ingest::ItemRef{"product", "p1"}));
  EXPECT_EQ(view.activity[1].properties, R"({"campaign":"c"})");
  EXPECT_EQ(view.activity[1].account, "shop");
  EXPECT_EQ(view.identities[view.activity[1].identity], b);
  EXPECT_EQ(view.activity[2].kind, "share");
  EXPECT_EQ(world.people().view(person_id_of(a))->activity.size(), 4U);
  EXPECT_EQ(world.people().view(PersonId("p_x")).error().code, ErrorCode::kNotFound);
}

TEST(People, PagesOfEventsCoverEverythingOnce) {
  World world;
  const IdentityHash a = world.openid("a");
  const IdentityHash b = world.openid("b");
  std::vector<ingest::LoggedEvent> events{world.event({a, b}, "follow", kDay)};
  for (int i = 0; i < 30; ++i)
    events.push_back(world.event({i % 3 == 0 ? b : a}, "read", hours(i / 4)));
  world.apply(events);
  std::vector<Activity> seen;
  std::string after;
  for (int page = 0; page < 20; ++page) {
    const auto got = world.people().events(person_id_of(a), after, 7);
    ASSERT_TRUE(got) << got.error().text();
    seen.insert(seen.end(), got->activity.begin(), got->activity.end());
    if (!got->next) break;
    after = *got->next;
  }
  ASSERT_EQ(seen.size(), 31U);
  EXPECT_TRUE(std::ranges::is_sorted(seen, std::greater(),
                                     [](const Activity& x) { return std::tuple(x.at, x.offset); }));
  EXPECT_FALSE(world.people().events(person_id_of(a), "1:2", 7));
  EXPECT_FALSE(world.people().events(person_id_of(a), "", 0));
}

TEST(People, ListsViewsAndSummariesAgree) {
  World world;
  std::vector<ingest::LoggedEvent> events;
  const auto who = world.openids("o", 9);
  for (int i = 0; i < 9; ++i) {
    events.push_back(world.event({who[static_cast<std::size_t>(i)]}, "follow", kDay * (i + 1)));
    events.push_back(world.event({who[static_cast<std::size_t>(i)]}, "read", hours(i)));
  }
  events.push_back(world.event({who[8]}, "touch.refused", hours(1)));
  world.apply(events);
  std::vector<PersonId> all;
  PersonId after;
  while (true) {
    const auto page = *world.people().list(after, 4);
    if (page.empty()) break;
    all.insert(all.end(), page.begin(), page.end());
    after = page.back();
  }
  EXPECT_EQ(all.size(), 9U);
  EXPECT_TRUE(std::ranges::is_sorted(all));
  const auto views = *world.people().views(all[3], 100);
  ASSERT_EQ(views.size(), 5U);
  EXPECT_EQ(views[0].id, all[4]);
  EXPECT_EQ(views[0].activity.size(), 2U);
  const PersonId last = person_id_of(who[8]);
  const auto summaries = *world.people().summaries({{last, PersonId("p_none")}});
  ASSERT_EQ(summaries.size(), 1U);
  EXPECT_EQ(summaries[0].first_seen, World::kNow - kDay * 9);
  EXPECT_EQ(summaries[0].last_seen, World::kNow - hours(8))
      << "a message that was not sent is no visit";
  EXPECT_EQ(summaries[0].events, 3);
  EXPECT_THAT(summaries[0].following, ElementsAre("shop"));
}

TEST(People, ManyAreFoundAsEachIsAlone) {
  World world;
  std::vector<PersonId> asked = {PersonId(), PersonId("p_none")};
  std::vector<IdentityHash> all;
  for (int i = 0; i < 80; ++i) {
    all.push_back(world.openid("m" + std::to_string(i)));
    asked.push_back(person_id_of(all.back()));
    world.apply({world.event({all.back()}, "read", hours(200 - i))});
  }
  for (std::size_t i = 0; i + 3 < all.size(); i += 7)
    world.apply({world.event({all[i + 3], all[i]}, "read", hours(2))});
  asked.push_back(asked[5]);
  ASSERT_TRUE(erase(world.people(), *world.people().of_identity(all[68]), World::kNow, nullptr));
  const People& people = world.people();
  const auto today = people.resolve_all(asked).value();
  ASSERT_EQ(today.size(), asked.size());
  const auto identities = people.identities_of_all(today).value();
  for (std::size_t i = 2; i < asked.size(); ++i) {
    const auto one = people.resolve(asked[i].value);
    EXPECT_EQ(today[i], one ? *one : PersonId()) << i;
    EXPECT_EQ(identities[i], one ? *people.identities(*one) : std::vector<IdentityHash>()) << i;
  }
  EXPECT_TRUE(today[0].empty());
  EXPECT_TRUE(today[1].empty());
  EXPECT_TRUE(identities[0].empty());
}

TEST(People, TotalsCountWhatRetentionTookAway) {
  World world;
  const IdentityHash a = world.openid("a");
  world.apply({world.event({a}, "read", kDay * 9), world.event({a}, "like", kDay * 8),
               world.event({a}, "touch.sent", kDay * 7), world.event({a}, "view", kDay * 20)});
  const auto remove = [&](const char* kind, Duration age, std::int64_t limit) {
    std::int64_t removed = 0;
    World::must(world.state().write([&](storage::Session& session) -> Result<void> {
      ZHIYIN_TRY(removed, remove_activity(session, kind, World::kNow - age, limit, nullptr));
      return {};
    }));
    return removed;
  };
  EXPECT_EQ(remove("like", kDay * 8, 10), 0) << "not before that moment";
  EXPECT_EQ(remove("like", kDay * 7, 10), 1);
  EXPECT_EQ(remove("touch.sent", kDay, 10), 1);
  EXPECT_EQ(remove("read", kDay, 0), 0);
  const PersonId person = person_id_of(a);
  const auto summary = world.people().summaries({{person}})->at(0);
  EXPECT_EQ(summary.events, 4);
  EXPECT_EQ(summary.first_seen, World::kNow - kDay * 20);
  EXPECT_EQ(summary.last_seen, World::kNow - kDay * 8) << "a deed, not the message";
  EXPECT_EQ(world.people().view(person)->activity.size(), 2U);
}

TEST(People, NewsUnderWayBringNoErasedPersonBack) {
  World world;
  const IdentityHash a = world.openid("a");
  world.apply({world.event({a}, "read", kDay * 9)});
  World::must(erase(world.people(), person_id_of(a), World::kNow, nullptr));
  world.apply({world.event({a}, "touch.sent", kDay), world.event({a}, "segment.left", kDay)});
  EXPECT_EQ(*world.people().count(), 0);
  EXPECT_FALSE(world.people().resolve(person_id_of(a).value));
  world.apply({world.event({a}, "read", hours(1)), world.event({a}, "touch.sent", hours(1))});
  EXPECT_EQ(*world.people().count(), 1) << "who comes back is somebody new";
  EXPECT_EQ(world.people().summaries({{person_id_of(a)}})->at(0).events, 2);
}

TEST(People, TraitNamesComeMostUsedFirst) {
  World world;
  std::vector<ingest::LoggedEvent> events;
  const IdentityHash a = world.openid("a");
  for (const char* properties :
       {R"({"city":"上海"})", R"({"city":"北京","age":30})", R"({"age":31,"city":null})"}) {
    events.push_back(world.event({a}, "trait.set", kDay));
    events.back().event.properties = properties;
  }
  world.apply(events);
  EXPECT_THAT(*world.people().trait_names(10), ElementsAre("city", "age"));
  EXPECT_THAT(*world.people().trait_names(1), ElementsAre("city"));
}

TEST(People, RevealGivesTheIdentityOfOneAccount) {
  World world;
  const IdentityHash a = world.openid("shop-openid");
  const IdentityHash b = world.openid("mini-openid", "mini");
  world.apply({world.event({a, b}, "read", kDay)});
  const PersonId person = person_id_of(
      *world.people().identities(*world.people().of_identity(a)) == std::vector{a, b} ? a : b);
  EXPECT_EQ(world.people().reveal(person, "mini")->value, "mini-openid");
  EXPECT_EQ(world.people().reveal(person, "shop")->value, "shop-openid");
  EXPECT_EQ(world.people().reveal(person, "shop", "unionid").error().code, ErrorCode::kNotFound);
}

Consent consent(World& world, const IdentityHash& who, std::string_view purpose = "marketing",
                std::string_view account = "shop") {
  return World::must(
      consent_of(world.state(), World::must(world.people().of_identity(who)), account, purpose));
}

TEST(Consent, FollowingIsConsentToThatAccountUntilWithdrawn) {
  World world;
  const IdentityHash a = world.openid("a");
  world.apply({world.event({a}, "read", kDay * 5)});
  EXPECT_FALSE(consent(world, a).allows());
  world.apply({world.event({a}, "follow", kDay * 4)});
  EXPECT_TRUE(consent(world, a).allows());
  EXPECT_EQ(consent(world, a).identity, a);
  EXPECT_EQ(consent(world, a).since, World::kNow - kDay * 4);
  EXPECT_FALSE(consent(world, a, "marketing", "mini").allows());
  world.apply({world.event({a}, "consent.withdraw", kDay * 3)});
  EXPECT_FALSE(consent(world, a).allows());
  EXPECT_TRUE(consent(world, a).following);
  world.apply({world.event({a}, "unfollow", kDay * 2), world.event({a}, "follow", kDay)});
  EXPECT_FALSE(consent(world, a).allows()) << "following again does not undo an opt-out";
  world.apply({world.event({a}, "consent.grant", hours(1))});
  EXPECT_TRUE(consent(world, a).allows());
}

TEST(Consent, AnOptOutIsNotUndoneByWhomeverThePersonIsTakenFor) {
  World world;
  const IdentityHash a = world.openid("a");
  const IdentityHash b = world.openid("b");
  world.apply({world.event({a}, "follow", kDay * 4), world.event({a}, "consent.withdraw", kDay * 3),
               world.event({b}, "consent.grant", kDay * 2)});
  world.apply({world.event({a, b}, "read", kDay)});  // a page says that both are one
  EXPECT_EQ(consent(world, a).identity, a);
  EXPECT_FALSE(consent(world, a).allows());
}

TEST(Consent, IsKeptByPurposeAndDecidedByTime) {
  World world;
  const IdentityHash a = world.openid("a");
  auto withdraw = world.event({a}, "consent.withdraw", kDay * 2);
  withdraw.event.properties = R"({"purpose":"marketing"})";
  auto grant = world.event({a}, "consent.grant", kDay * 3);
  grant.event.properties = R"({"purpose":"marketing"})";
  world.apply({world.event({a}, "follow", kDay * 4), withdraw});
  world.apply({grant});
  EXPECT_FALSE(consent(world, a).allows()) << "the grant came late but is older";
  EXPECT_TRUE(consent(world, a, "notification").allows());
  world.apply({world.event({a}, "consent.withdraw", hours(1))});
  EXPECT_FALSE(consent(world, a, "notification").allows()) << "without a purpose it means all";
}

TEST(Consent, PersonFollowsWithAnyIdentityAndOptsOutWithAny) {
  World world;
  const IdentityHash a = world.openid("a");
  const IdentityHash b = world.openid("b");
  world.apply({world.event({a, b}, "read", kDay * 5), world.event({a}, "follow", kDay * 4),
               world.event({a}, "unfollow", kDay * 3), world.event({b}, "follow", kDay * 4)});
  EXPECT_TRUE(consent(world, a).allows());
  EXPECT_EQ(consent(world, a).identity, b);
  world.apply({world.event({a}, "consent.withdraw", kDay)});
  EXPECT_FALSE(consent(world, b).allows());
  ASSERT_TRUE(world.state().read([&](storage::Session& session) -> Result<void> {
    const std::vector<std::vector<IdentityHash>> people = {{}, {b, a}, {world.openid("c")}, {a, b}};
    const auto list = consents_of(session, people, "shop", "marketing");
    for (const std::size_t twice : {1U, 3U}) {
      EXPECT_TRUE((*list)[twice].following);
      EXPECT_TRUE((*list)[twice].withdrawn);
    }
    EXPECT_FALSE((*list)[0].following);
    EXPECT_FALSE((*list)[2].following);
    return {};
  }));
}

TEST(Erase, LeavesNothingToFindAndCertifiesIt) {
  World world;
  const IdentityHash a = world.openid("a");
  const IdentityHash b = world.openid("b", "mini");
  const IdentityHash other = world.openid("other");
  auto trait = world.event({a}, "trait.set", kDay);
  trait.event.properties = R"({"city":"上海"})";
  world.apply({world.event({a, b}, "follow", kDay * 2), trait,
               world.event({b}, "consent.withdraw", kDay), world.event({other}, "read", kDay)});
  const PersonId person = *world.people().of_identity(a);
  const auto certificate = erase(world.people(), person, World::kNow, nullptr);
  ASSERT_TRUE(certificate) << certificate.error().text();
  EXPECT_EQ(certificate->identities.size(), 2U);
  EXPECT_EQ(certificate->activity, 3);
  EXPECT_EQ(certificate->digest.size(), 64U);
  for (const char* ref : {"openid:shop:a", "openid:mini:b"}) {
    EXPECT_EQ(world.people().resolve(ref).error().code, ErrorCode::kNotFound) << ref;
  }
  EXPECT_EQ(world.people().resolve(person.value).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(world.vault().reveal(a).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(*world.people().count(), 1);
  EXPECT_EQ(*world.people().followers(), 0);
  for (const char* table : {"activity WHERE kind <> 'read'", "follow_state", "consent_mark",
                            "trait_queue", "identity_edge"}) {
    EXPECT_EQ(storage::as_int(
                  World::must(world.state().query(fmt::format("SELECT COUNT(*) FROM {}", table)))
                      .rows[0][0]),
              0)
        << table;
  }
}

TEST(Erase, ErasedEventsStayGoneAndNewOnesBeginAfresh) {
  World world;
  const IdentityHash a = world.openid("a");
  const auto bought = world.event({a}, "purchase", kDay);
  world.apply({bought});
  world.copy_to_warehouse({bought});
  world.sync();
  const auto buyers = *SegmentTree::parse(R"({"event":"purchase"})");
  EXPECT_EQ(*count(world.warehouse(), buyers, World::kNow), 1);
  ASSERT_TRUE(erase(world.people(), person_id_of(a), World::kNow, nullptr));
  world.sync();
  EXPECT_EQ(*count(world.warehouse(), buyers, World::kNow), 0);
  world.apply({bought});  // the log read again
  EXPECT_EQ(*world.people().count(), 0);
  const auto again = world.event({world.openid("a")}, "read", hours(1));
  world.apply({again});
  world.copy_to_warehouse({again});
  world.sync();
  EXPECT_EQ(world.people().view(person_id_of(a))->activity.size(), 1U);
  EXPECT_EQ(*count(world.warehouse(), buyers, World::kNow), 0);
  EXPECT_EQ(*count(world.warehouse(), *SegmentTree::parse(R"({"event":"read"})"), World::kNow), 1);
}

}  // namespace
}  // namespace zhiyin::audience
