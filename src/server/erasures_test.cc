#include "server/erasures.h"

#include <gtest/gtest.h>

#include "audience/test_world.h"
#include "audience/traits.h"
#include "ingest/event.h"
#include "storage/outbox.h"

namespace zhiyin::server {
namespace {

using audience::World;
using std::chrono::hours;
using std::chrono::minutes;
using storage::IdentityHash;

constexpr std::string_view kCancelled = "wechat.user_authorization_cancellation";
constexpr std::string_view kCleaned = "wechat.user_info_modified";

/// People, the requests about them, and what was settled.
struct Asked : World {
  std::vector<std::string> forgotten;  ///< of what others keep
  Asked() { EXPECT_TRUE(state().migrate(ErasureRequests::migrations())); }
  ingest::LoggedEvent from_wechat(const IdentityHash& who, std::string_view kind) {
    auto logged = event({who}, std::string(kind), hours(1));
    logged.event.source = "wechat";
    return logged;
  }
  /// As the pipeline applies them: people first.
  void happened(const std::vector<ingest::LoggedEvent>& events) {
    apply(events);
    ErasureRequests requests;
    const auto done =
        state().write([&](storage::Session& session) { return requests.apply(session, events); });
    ASSERT_TRUE(done) << done.error().text();
  }
  Result<std::size_t> carry_out() {
    const std::function<Result<void>()> settle = [this]() -> Result<void> {
      ++settled;
      return settles ? Result<void>() : fail(ErrorCode::kUnavailable, "held back");
    };
    return carry_out_erasures({state(), people(), clock, null_logger(), settle,
                               [this](const PersonId& person) -> Result<void> {
                                 forgotten.push_back(person.value);
                                 return {};
                               }});
  }
  Json list(std::string_view after = "", std::size_t limit = 10) {
    return list_erasures(state(), after, limit).value();
  }
  Json first() { return list()["items"].if_array()->at(0); }
  /// The own events that wait to be told.
  std::vector<ingest::Event> outbox() {
    std::vector<ingest::Event> out;
    const auto rows = state().query("SELECT bytes FROM outbox ORDER BY id");
    for (const storage::Row& row : rows->rows)
      out.push_back(*ingest::decode_event(storage::as_text(row[0])));
    return out;
  }
  SteppedClock clock{kNow};
  int settled = 0;
  bool settles = true;
};

TEST(Erasures, WhoClosesTheirAccountIsErasedWithACertificate) {
  Asked w;
  const IdentityHash alice = w.openid("oAlice");
  const IdentityHash bob = w.openid("oBob");
  w.happened({w.event({alice}, "read", hours(3)), w.event({bob}, "read", hours(3)),
              w.from_wechat(alice, kCancelled)});
  const PersonId person = audience::person_id_of(alice);
  ASSERT_TRUE(w.people().resolve(person.value));
  EXPECT_EQ(w.first()["done_at"], Json());
  const auto done = w.carry_out();
  ASSERT_TRUE(done) << done.error().text();
  EXPECT_EQ(*done, 1U);
  EXPECT_EQ(w.settled, 2) << "before: what was acknowledged goes too; after: the warehouse";
  EXPECT_EQ(w.people().of_identity(alice).error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(w.vault().reveal(alice));
  EXPECT_TRUE(w.people().of_identity(bob));
  const Json item = w.first();
  EXPECT_EQ(item["what"].string_or(""), "person");
  EXPECT_EQ(item["account"].string_or(""), "shop");
  EXPECT_FALSE(item["done_at"].is_null());
  EXPECT_EQ(item["certificate"]["person"].string_or(""), person.value);
  EXPECT_EQ(w.forgotten, std::vector<std::string>{person.value});
  EXPECT_EQ(item["certificate"]["digest"].string_or("").size(), 64U);
  EXPECT_EQ(*w.carry_out(), 0U);
}

TEST(Erasures, OnlyThePlatformAsksAndARepeatedRecordAsksOnce) {
  Asked w;
  const IdentityHash alice = w.openid("oAlice");
  w.happened({w.event({alice}, std::string(kCancelled), hours(1)),
              w.from_wechat(alice, "wechat.user_authorization_revoke")});
  EXPECT_EQ(*w.carry_out(), 0U);
  const auto asked = w.from_wechat(alice, kCancelled);
  w.happened({asked});
  ErasureRequests again;
  ASSERT_TRUE(w.state().write(
      [&](storage::Session& session) { return again.apply(session, std::span(&asked, 1)); }));
  EXPECT_EQ(*w.carry_out(), 1U);
}

TEST(Erasures, WhatFailsIsTriedAgainLater) {
  Asked w;
  const IdentityHash alice = w.openid("oAlice");
  w.happened({w.from_wechat(alice, kCancelled)});
  w.settles = false;
  EXPECT_FALSE(w.carry_out()) << "not before everything acknowledged has been dealt with";
  EXPECT_TRUE(w.people().of_identity(alice));
  w.settles = true;
  ASSERT_TRUE(w.state().write([](storage::Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(session.execute("ALTER TABLE follow_state RENAME TO follow_away"));
    return {};
  }));
  EXPECT_EQ(*w.carry_out(), 0U);
  EXPECT_EQ(w.first()["tries"].int_or(0), 1);
  EXPECT_NE(w.first()["error"].string_or(""), "");
  ASSERT_TRUE(w.state().write([](storage::Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(session.execute("ALTER TABLE follow_away RENAME TO follow_state"));
    return {};
  }));
  EXPECT_EQ(*w.carry_out(), 0U) << "a minute has to pass";
  ASSERT_TRUE(w.clock.advance_to(World::kNow + minutes(1)));
  EXPECT_EQ(*w.carry_out(), 1U);
  EXPECT_FALSE(w.people().of_identity(alice));
  EXPECT_EQ(w.first()["error"].string_or("x"), "");
}

TEST(Erasures, AProfileThatWasCleanedLosesNicknameAndPictureAndNothingElse) {
  Asked w;
  const IdentityHash alice = w.openid("oAlice");
  auto traits = w.event({alice}, "trait.set", hours(3));
  traits.event.properties = R"({"nickname":"小红","Avatar_Url":"https://x/a.png","level":3})";
  w.happened({traits, w.from_wechat(alice, kCleaned)});
  EXPECT_EQ(*w.carry_out(), 1U);
  ASSERT_TRUE(w.people().of_identity(alice));
  const auto told = w.outbox();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].kind, "trait.set");
  EXPECT_EQ(told[0].properties, R"({"Avatar_Url":null,"nickname":null})");
  auto logged = w.event({alice}, "trait.set", hours(1));
  logged.event.properties = told[0].properties;
  logged.event.occurred_at = told[0].occurred_at;
  w.apply({logged});
  const auto left =
      audience::traits_of(*w.people().view(audience::person_id_of(alice)), World::kNow);
  ASSERT_EQ(left.size(), 1U);
  EXPECT_TRUE(left.contains("level"));
  EXPECT_EQ(w.first()["what"].string_or(""), "profile");
  EXPECT_TRUE(w.first()["certificate"].is_null());
}

TEST(Erasures, WhereThereIsNothingToForgetTheRequestIsDone) {
  Asked w;
  const IdentityHash alice = w.openid("oAlice");
  w.happened({w.from_wechat(alice, kCleaned), w.from_wechat(alice, kCancelled),
              w.from_wechat(alice, kCancelled)});
  EXPECT_EQ(*w.carry_out(), 3U) << "the second one finds nobody";
  EXPECT_TRUE(w.outbox().empty());
}

TEST(Erasures, TheListIsReadByThePage) {
  Asked w;
  for (int i = 0; i < 5; ++i)
    w.happened({w.from_wechat(w.openid(fmt::format("o{}", i)), kCancelled)});
  std::vector<std::int64_t> seen;
  std::string after;
  for (int page = 0; page < 5; ++page) {
    const Json list = w.list(after, 2);
    for (const Json& one : *list["items"].if_array()) seen.push_back(one["id"].int_or(0));
    if (list["next"].is_null()) break;
    after = list["next"].string_or("");
  }
  EXPECT_EQ(seen.size(), 5U);
  EXPECT_TRUE(std::ranges::is_sorted(seen, std::greater()));
  for (const char* wrong : {"x", "1", "1:", "1:2x"})
    EXPECT_EQ(list_erasures(w.state(), wrong, 2).error().field, "after") << wrong;
}

}  // namespace
}  // namespace zhiyin::server
