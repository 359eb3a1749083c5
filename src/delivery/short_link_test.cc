#include "delivery/short_link.h"

#include <gtest/gtest.h>

#include "delivery/test_state.h"

namespace zhiyin::delivery {
namespace {

using storage::Session;
using testing::at;
using testing::planned;
using testing::TestState;

const Instant kNow = at("2026-03-10T12:00:00");

TEST(ShortLink, OnlyPlainHttpAddressesBecomeTargets) {
  for (const std::string_view good :
       {"https://example.com/p/1", "http://127.0.0.1:8090/page?a=1&b=2#top",
        "https://例.test.example/", "https://example.com/商品?标签=母婴"}) {
    const bool is_ascii_host = good.find("例") == std::string_view::npos;
    EXPECT_EQ(ShortLinks::check_url(good).has_value(), is_ascii_host) << good;
  }
  for (const std::string_view bad :
       {"", "javascript:alert(1)", "//evil.example/", "https://", "https:///path",
        "ftp://example.com/", "https://user@evil.example/", "https://example.com/a b",
        "https://example.com/\r\nSet-Cookie: a", "https://example.com\\@evil.example/", "/l/other",
        "HTTPS//example.com"}) {
    EXPECT_FALSE(ShortLinks::check_url(bad)) << bad;
  }
  EXPECT_FALSE(ShortLinks::check_url("https://example.com/" + std::string(3000, 'a')));
}

TEST(ShortLink, ParametersGoBeforeTheFragment) {
  EXPECT_EQ(with_parameter("https://a.b/c", "zy_c", "x"), "https://a.b/c?zy_c=x");
  EXPECT_EQ(with_parameter("https://a.b/c?d=1#top", "zy_c", "x y"),
            "https://a.b/c?d=1&zy_c=x%20y#top");
  EXPECT_EQ(with_parameter("https://a.b/c?", "k", "v"), "https://a.b/c?k=v");
}

struct Links : TestState {
  Links()
      : vault(*storage::Vault::create(*state, Secret(std::string(32, 'k')))),
        links(*state, *vault) {}
  std::unique_ptr<storage::Vault> vault;
  ShortLinks links;
};

TEST(ShortLink, CodesAreLongAndDifferButTheSameLinkIsMadeOnce) {
  Links db;
  db.write([&](Session& s) -> Result<void> {
    const CampaignId spring("spring");
    ZHIYIN_TRY(const ShortLink a, ShortLinks::create(s, "https://example.com/", spring, {}, kNow));
    ZHIYIN_TRY(const ShortLink b, ShortLinks::create(s, "https://example.com/", spring, {}, kNow));
    ZHIYIN_TRY(const ShortLink c,
               ShortLinks::create(s, "https://example.com/", spring, TouchId("t_1"), kNow));
    EXPECT_GE(a.code.size(), 10U);
    EXPECT_EQ(a.code, b.code);
    EXPECT_NE(a.code, c.code);
    return {};
  });
}

TEST(ShortLink, AnUnknownCodeIsNotFound) {
  Links db;
  EXPECT_EQ(db.links.follow("nowhere", kNow).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(db.links.follow("https://evil.example/", kNow).error().code, ErrorCode::kNotFound);
}

TEST(ShortLink, ALinkForEverybodyCountsVisitsOnly) {
  Links db;
  ShortLink link;
  db.write([&](Session& s) -> Result<void> {
    ZHIYIN_TRY(link,
               ShortLinks::create(s, "https://example.com/p?x=1", CampaignId("spring"), {}, kNow));
    return {};
  });
  for (int i = 0; i < 2; ++i) {
    const auto followed = db.links.follow(link.code, kNow);
    ASSERT_TRUE(followed);
    EXPECT_EQ(followed->location, "https://example.com/p?x=1&zy_c=spring");
    EXPECT_FALSE(followed->event.has_value());
  }
  db.write([&](Session& s) -> Result<void> {
    EXPECT_EQ(*ShortLinks::visits(s, CampaignId("spring")), 2);
    return {};
  });
}

TEST(ShortLink, APersonsLinkReportsTheClickByThatPersonUntilTheyAreErased) {
  Links db;
  const storage::Identity who{"shop", "openid", "o123"};
  const IdentityHash hash = db.vault->ensure(std::span(&who, 1), kNow)->front();
  Touch touch = planned(1, kNow);
  touch.identity = hash;
  ShortLink link;
  db.write([&](Session& s) -> Result<void> {
    ZHIYIN_TRY_VOID(SendLedger::add(s, touch));
    ZHIYIN_TRY(link, ShortLinks::create(s, "https://example.com/", touch.campaign, touch.id, kNow));
    return {};
  });
  const auto followed = db.links.follow(link.code, kNow);
  ASSERT_TRUE(followed) << followed.error().text();
  EXPECT_EQ(followed->location, "https://example.com/?zy_c=spring&zy_t=" + touch.id.value);
  ASSERT_TRUE(followed->event.has_value());
  EXPECT_EQ(followed->event->kind, "click");
  EXPECT_EQ(followed->event->identities.front(), who);
  EXPECT_EQ(followed->event->properties["touch"].string_or(""), touch.id.value);
  EXPECT_TRUE(ingest::validate(*followed->event, kNow));

  ASSERT_TRUE(db.vault->erase(std::span(&hash, 1)));
  const auto erased = db.links.follow(link.code, kNow);
  ASSERT_TRUE(erased) << erased.error().text();
  EXPECT_FALSE(erased->event.has_value());
}

}  // namespace
}  // namespace zhiyin::delivery
