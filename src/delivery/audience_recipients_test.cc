#include "delivery/audience_recipients.h"

#include <gtest/gtest.h>

#include "audience/people_projection.h"
#include "base/clock.h"
#include "delivery/delivery_projection.h"
#include "delivery/test_state.h"

namespace zhiyin::delivery {
namespace {

using testing::at;
using testing::TestState;

const Instant kNow = at("2026-03-10T12:00:00");
const AccountId kShop("shop");

/// People made of events, as in the product.
struct Audience : TestState {
  Audience()
      : TestState({audience::migrations()}),
        vault(*storage::Vault::create(*state, Secret(std::string(32, 'k')))),
        people(*state, *vault),
        recipients(people, clock) {}

  void event(std::string kind, std::vector<storage::Identity> who, std::string properties = {}) {
    ingest::LoggedEvent logged;
    const auto hashes = vault->ensure(who, kNow);
    ASSERT_TRUE(hashes) << hashes.error().text();
    logged.offset = ++offset;
    logged.event.event_id = "e" + std::to_string(offset);
    logged.event.account = "shop";
    logged.event.identities = *hashes;
    logged.event.kind = std::move(kind);
    logged.event.properties = std::move(properties);
    logged.event.occurred_at = logged.event.received_at = kNow - std::chrono::hours(100 - offset);
    logged.event.source = "wechat";
    write([&](storage::Session& s) -> Result<void> {
      ZHIYIN_TRY_VOID(audience::PeopleProjection().apply(s, std::span(&logged, 1)));
      return DeliveryProjection().apply(s, std::span(&logged, 1));
    });
  }
  static storage::Identity openid(std::string value) {
    return {"shop", "openid", std::move(value)};
  }

  Recipient find(const PersonId& person, Purpose purpose = Purpose::kMarketing) {
    const auto found = recipients.find(std::span(&person, 1), {kShop, purpose, true});
    if (!found) throw std::runtime_error(found.error().text());
    return found->front();
  }
  Recipient behind(std::string openid) {
    const auto found = recipients.by_openid(openid, {kShop, Purpose::kMarketing, false});
    if (!found) throw std::runtime_error(found.error().text());
    return *found;
  }
  PersonId person(std::string openid) { return behind(std::move(openid)).person; }

  std::unique_ptr<storage::Vault> vault;
  SteppedClock clock{kNow};
  audience::People people;
  AudienceRecipients recipients;
  std::int64_t offset = 0;
};

TEST(AudienceRecipients, AFollowerCanBeReachedUntilTheyLeave) {
  Audience w;
  w.event("follow", {Audience::openid("o1")});
  const PersonId person = w.person("o1");
  const Recipient follower = w.find(person);
  EXPECT_TRUE(follower.has_openid);
  EXPECT_TRUE(follower.following);
  EXPECT_TRUE(follower.consent);
  EXPECT_EQ(w.recipients.openid(follower.identity)->reveal(), "o1");
  EXPECT_EQ(follower.partition, storage::partition_of("shop", "openid", "o1"));
  w.event("unfollow", {Audience::openid("o1")});
  EXPECT_FALSE(w.find(person).following);
  EXPECT_FALSE(w.find(person).has_openid);
}

// Nothing tells of those who followed before the account was connected, nor of the people of a
// mini-program.
TEST(AudienceRecipients, WhoWritesOrTapsTheMenuIsAFollowerUntilTheyLeave) {
  Audience w;
  w.event("read", {Audience::openid("o1")});
  const PersonId person = w.person("o1");
  EXPECT_FALSE(w.find(person).following);
  w.event("message", {Audience::openid("o1")});
  EXPECT_TRUE(w.find(person).following);
  EXPECT_EQ(w.find(person).identity, w.vault->hash(Audience::openid("o1")));
  w.event("unfollow", {Audience::openid("o1")});
  EXPECT_FALSE(w.find(person).following);
  w.event("menu_click", {Audience::openid("o1")});
  EXPECT_TRUE(w.find(person).following);
  w.event("message", {Audience::openid("o1")});
  w.event("consent.withdraw", {Audience::openid("o1")});
  EXPECT_TRUE(w.find(person).following) << "opted out, but still there";
  EXPECT_FALSE(w.find(person).consent);
}

TEST(AudienceRecipients, AnOpenidIsAskedForItselfWhoeverElseThePersonIs) {
  Audience w;
  w.event("follow", {Audience::openid("o1")});
  w.event("follow", {Audience::openid("o2"), Audience::openid("o1")});
  EXPECT_EQ(w.person("o1"), w.person("o2"));
  EXPECT_EQ(w.behind("o1").identity, w.vault->hash(Audience::openid("o1")));
  EXPECT_EQ(w.behind("o2").identity, w.vault->hash(Audience::openid("o2")));
}

TEST(AudienceRecipients, AWithdrawalIsForItsPurpose) {
  Audience w;
  w.event("follow", {Audience::openid("o1")});
  w.event("consent.withdraw", {Audience::openid("o1")}, R"({"purpose":"marketing"})");
  const PersonId person = w.person("o1");
  EXPECT_FALSE(w.find(person, Purpose::kMarketing).consent);
  EXPECT_TRUE(w.find(person, Purpose::kNotification).consent);
}

TEST(AudienceRecipients, TraitsBecomeVariables) {
  Audience w;
  w.event("follow", {Audience::openid("o1")});
  w.event("trait.set", {Audience::openid("o1")}, R"({"name":"小明","level":3,"empty":""})");
  const Recipient r = w.find(w.person("o1"));
  EXPECT_EQ(r.variables.at("name"), "小明");
  EXPECT_EQ(r.variables.at("level"), "3");
  EXPECT_FALSE(r.variables.contains("empty")) << "an empty name is no name: the fallback is used";
}

TEST(AudienceRecipients, AMergedIdLeadsToThePersonOfToday) {
  Audience w;
  w.event("follow", {Audience::openid("o1")});
  w.event("read", {{"shop", "anonymous_id", "a1"}});
  const PersonId follower = w.person("o1");
  const PersonId visitor = *w.people.resolve("anonymous_id:shop:a1");
  ASSERT_NE(follower, visitor);
  w.event("read", {Audience::openid("o1"), {"shop", "anonymous_id", "a1"}});
  const Recipient merged = w.find(visitor);
  EXPECT_EQ(merged.person, w.find(follower).person);
  EXPECT_EQ(merged.identities.size(), 2U);
  EXPECT_EQ(w.recipients.openid(merged.identity)->reveal(), "o1");
}

TEST(AudienceRecipients, NobodyAndTheErasedAreNotFound) {
  Audience w;
  EXPECT_TRUE(w.find(PersonId("p_nobodyatall")).person.empty());
  const Recipient nobody = w.behind("o9");
  EXPECT_TRUE(nobody.person.empty());
  EXPECT_EQ(nobody.identity, w.vault->hash(Audience::openid("o9")));
  EXPECT_EQ(nobody.partition, storage::partition_of("shop", "openid", "o9"));
  w.event("follow", {Audience::openid("o1")});
  const Recipient r = w.find(w.person("o1"));
  ASSERT_TRUE(w.vault->erase(std::span(&r.identity, 1)));
  EXPECT_EQ(w.recipients.openid(r.identity).error().code, ErrorCode::kNotFound);
}

TEST(AudienceRecipients, OnlyAnOpenidIsGivenOut) {
  Audience w;
  w.event("read", {{"shop", "user_id", "u1"}});
  const auto hash = w.vault->hash({"shop", "user_id", "u1"});
  EXPECT_EQ(w.recipients.openid(hash).error().code, ErrorCode::kNotFound);
}

TEST(AudienceRecipients, ManyAreFoundAsEachIsAlone) {
  Audience w;
  std::vector<PersonId> asked;
  for (int i = 0; i < 40; ++i) {
    const std::string openid = "o" + std::to_string(i);
    w.event(i % 5 == 0 ? "message" : "follow", {Audience::openid(openid)});
    if (i % 7 == 0) w.event("consent.withdraw", {Audience::openid(openid)});
    if (i % 11 == 0) w.event("unfollow", {Audience::openid(openid)});
    if (i % 13 == 0) w.event("message", {Audience::openid(openid)});
    asked.push_back(w.person(openid));
  }
  asked.emplace_back("p_none");
  asked.push_back(asked[2]);
  const auto found = w.recipients.find(asked, {kShop, Purpose::kMarketing, false});
  ASSERT_TRUE(found) << found.error().text();
  ASSERT_EQ(found->size(), asked.size());
  std::vector<IdentityHash> identities;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    const Recipient& many = (*found)[i];
    const Recipient one = w.find(asked[i]);
    EXPECT_EQ(many.person, one.person) << i;
    EXPECT_EQ(many.identity, one.identity) << i;
    EXPECT_EQ(many.identities, one.identities) << i;
    EXPECT_EQ(many.partition, one.partition) << i;
    EXPECT_EQ(many.following, one.following) << i;
    EXPECT_EQ(many.consent, one.consent) << i;
    identities.push_back(many.identity);
  }
  const auto openids = w.recipients.openids(identities);
  ASSERT_TRUE(openids) << openids.error().text();
  EXPECT_EQ((*openids)[3]->reveal(), "o3");
  EXPECT_FALSE((*openids)[40]);
}

}  // namespace
}  // namespace zhiyin::delivery
