#include "ingest/event.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/crypto.h"

namespace zhiyin::ingest {
namespace {

constexpr Instant kNow{1'790'000'000'000'000};

WireEvent good() {
  WireEvent e;
  e.event_id = "e1";
  e.account = "shop";
  e.identities = {{"", "openid", "oABC"}};
  e.kind = "read";
  e.item = ItemRef{"article", "a1"};
  e.value = 30;
  e.occurred_at = kNow;
  return e;
}

std::string field_of(const WireEvent& event) {
  const auto result = validate(event, kNow);
  return result ? std::string("ok") : result.error().field;
}

TEST(EventRules, AGoodEventPasses) {
  EXPECT_TRUE(validate(good(), kNow)) << validate(good(), kNow).error().text();
}

TEST(EventRules, IdsThatBrokenExportsWriteAreRefused) {
  for (const char* junk : {"null", "undefined", "0", "NaN", "[object Object]", "None", "NULL", "-1",
                           "anonymous", ""}) {
    WireEvent e = good();
    e.identities[0].value = junk;
    EXPECT_EQ(field_of(e), "identities[0].value") << junk;
  }
  WireEvent e = good();
  e.event_id = "undefined";
  EXPECT_EQ(field_of(e), "event_id");
  e = good();
  e.item->id = "[object Object]";
  EXPECT_EQ(field_of(e), "item.id");
}

TEST(EventRules, ARowNumberOfZeroIsAnEventId) {
  WireEvent e = good();
  e.event_id = "0";
  EXPECT_EQ(field_of(e), "ok");
}

TEST(EventRules, OnlyTheClosedListOfIdentityKinds) {
  WireEvent e = good();
  e.identities[0].kind = "email";
  EXPECT_EQ(field_of(e), "identities[0].kind");
  e.identities[0].kind = "unionid";
  EXPECT_EQ(field_of(e), "ok");
}

TEST(EventRules, APhoneNumberInClearIsNoPhoneHash) {
  WireEvent e = good();
  e.identities[0] = {"", "phone_hash", "13800138000"};
  EXPECT_EQ(field_of(e), "identities[0].value");
  e.identities[0].value = std::string(64, 'a');
  EXPECT_EQ(field_of(e), "ok");
}

TEST(EventRules, AValueMustBePossibleInItsUnit) {
  const auto check = [](const char* kind, std::int64_t value) {
    WireEvent e = good();
    e.kind = kind;
    e.value = value;
    return field_of(e);
  };
  EXPECT_EQ(check("read", 86'400), "ok");
  EXPECT_EQ(check("read", 86'401), "value");
  EXPECT_EQ(check("play", -1), "value");
  EXPECT_EQ(check("purchase", 0), "ok");
  EXPECT_EQ(check("purchase", 10'000'000'000'000), "ok");
  EXPECT_EQ(check("refund", 10'000'000'000'001), "value");
  EXPECT_EQ(check("rating", 1'000'001), "value");
  EXPECT_EQ(check("like", -5), "ok");  // no unit, so nothing that a number could contradict
  EXPECT_EQ(check("balance.changed", -5), "ok");
  WireEvent e = good();
  e.value = -3;
  EXPECT_THAT(validate(e, kNow).error().text(),
              testing::HasSubstr("-3 is not between 0 and 86400: the unit of 'read' is second"));
}

TEST(EventRules, TheFutureBeginsAfterFiveMinutes) {
  WireEvent e = good();
  e.occurred_at = kNow + std::chrono::minutes(5);
  EXPECT_EQ(field_of(e), "ok");
  e.occurred_at = kNow + std::chrono::minutes(5) + Duration(1);
  EXPECT_EQ(field_of(e), "occurred_at");
}

TEST(EventRules, NothingHappenedBefore1990) {
  WireEvent e = good();
  e.occurred_at = kEarliest;
  EXPECT_EQ(field_of(e), "ok");
  e.occurred_at = kEarliest - Duration(1);
  EXPECT_EQ(field_of(e), "occurred_at");
}

TEST(EventRules, SizesEndWhereTheySay) {
  WireEvent e = good();
  e.event_id = std::string(kEventIdBytesMax, 'x');
  EXPECT_EQ(field_of(e), "ok");
  e.event_id += 'x';
  EXPECT_EQ(field_of(e), "event_id");
  e = good();
  e.properties.set(
      "text", std::string(kPropertiesBytesMax - 11, 'x'));  // {"text":"…"} is 11 bytes around it
  EXPECT_EQ(field_of(e), "ok");
  e.properties.set("text", std::string(kPropertiesBytesMax - 10, 'x'));
  EXPECT_EQ(field_of(e), "properties");
  e = good();
  e.identities.resize(kIdentitiesMax, e.identities[0]);
  EXPECT_EQ(field_of(e), "ok");
  e.identities.push_back(e.identities[0]);
  EXPECT_EQ(field_of(e), "identities");
  e.identities.clear();
  EXPECT_EQ(field_of(e), "identities");
}

TEST(EventRules, KindsAndAccountsHaveAForm) {
  for (const char* bad : {"", "Read", "1read", "re ad", "read/x"}) {
    WireEvent e = good();
    e.kind = bad;
    EXPECT_EQ(field_of(e), "kind") << bad;
  }
  WireEvent e = good();
  e.kind = "my.own_kind2";
  EXPECT_EQ(field_of(e), "ok");
  e.account = "no spaces";
  EXPECT_EQ(field_of(e), "account");
}

TEST(EventRules, PropertiesAreAnObjectAndPersonalToo) {
  WireEvent e = good();
  e.properties = Json::array();
  EXPECT_EQ(field_of(e), "properties");
  e.properties = Json::object();
  e.properties.set("personal", "text");
  EXPECT_EQ(field_of(e), "properties.personal");
  e.properties = Json::object();
  e.properties.set("broken", "\xff");
  EXPECT_EQ(field_of(e), "properties");
}

TEST(CoreKinds, HaveUnitsAndDefaults) {
  EXPECT_EQ(default_value_of("like"), 1);
  EXPECT_EQ(default_value_of("purchase"), 0);
  EXPECT_EQ(default_value_of("my.own"), 1);
  Event e;
  e.kind = "share";
  EXPECT_EQ(value_of(e), 1);
  e.value = 7;
  EXPECT_EQ(value_of(e), 7);
}

Event stored() {
  Event e;
  e.event_id = "0190163d-8694-739b-aea5-966c26f8ad91";
  e.account = "shop";
  e.identities = {IdentityHash{1, 2, 3}, IdentityHash{9, 8, 7}};
  e.kind = "read";
  e.item = ItemRef{"article", "文章-1"};
  e.value = -5;
  e.properties = R"({"city":"上海"})";
  e.sealed = std::string("\x00\x01\xff", 3);
  e.occurred_at = {1'700'000'000'123'456};
  e.received_at = {1'700'000'001'000'000};
  e.source = "api";
  return e;
}

void expect_equal(const Event& a, const Event& b) {
  EXPECT_EQ(a.event_id, b.event_id);
  EXPECT_EQ(a.account, b.account);
  EXPECT_EQ(a.identities, b.identities);
  EXPECT_EQ(a.kind, b.kind);
  EXPECT_EQ(a.item, b.item);
  EXPECT_EQ(a.value, b.value);
  EXPECT_EQ(a.properties, b.properties);
  EXPECT_EQ(a.sealed, b.sealed);
  EXPECT_EQ(a.occurred_at, b.occurred_at);
  EXPECT_EQ(a.received_at, b.received_at);
  EXPECT_EQ(a.source, b.source);
}

TEST(EventRecord, ReadsBackWhatWasWritten) {
  const Event event = stored();
  const auto back = decode_event(encode_event(event));
  ASSERT_TRUE(back) << back.error().text();
  expect_equal(*back, event);
}

TEST(EventRecord, WorksWithoutWhatIsOptionalAndWithMuch) {
  Event event = stored();
  event.item.reset();
  event.value.reset();
  event.properties.clear();
  event.sealed.clear();
  auto back = decode_event(encode_event(event));
  ASSERT_TRUE(back);
  expect_equal(*back, event);
  event.properties = "{\"x\":\"" + std::string(16'000, 'y') + "\"}";
  event.received_at = {std::numeric_limits<std::int64_t>::max()};
  event.occurred_at = {std::numeric_limits<std::int64_t>::min()};
  back = decode_event(encode_event(event));
  ASSERT_TRUE(back);
  expect_equal(*back, event);
}

// The bytes of a record as version 1 wrote it on the day it was defined.
TEST(EventRecord, ReadsARecordWrittenByVersionOne) {
  const auto bytes = crypto::unhex(
      "010f8080f28183898506ffe86a026531046c69766504726561640361706901010203000000000000000000000000"
      "000761727469636c65"
      "0261313c077b2261223a317d027373d5ae8cb3");
  ASSERT_TRUE(bytes);
  Event event;
  event.event_id = "e1";
  event.account = "live";
  event.identities = {IdentityHash{1, 2, 3}};
  event.kind = "read";
  event.item = ItemRef{"article", "a1"};
  event.value = 30;
  event.properties = R"({"a":1})";
  event.sealed = "ss";
  event.occurred_at = {1'700'000'000'000'000};
  event.received_at = {1'700'000'000'000'000 - 875'072};
  event.source = "api";
  EXPECT_EQ(crypto::hex(encode_event(event)), crypto::hex(*bytes));
  const auto back = decode_event(*bytes);
  ASSERT_TRUE(back) << back.error().text();
  expect_equal(*back, event);
}

TEST(EventRecord, EveryChangedByteIsNoticed) {
  const std::string good_bytes = encode_event(stored());
  for (std::size_t i = 0; i < good_bytes.size(); ++i) {
    std::string bytes = good_bytes;
    bytes[i] = static_cast<char>(bytes[i] ^ 0x10);
    const auto back = decode_event(bytes);
    ASSERT_FALSE(back) << i;
    EXPECT_EQ(back.error().code, ErrorCode::kDataLoss);
    EXPECT_FALSE(decode_event(std::string_view(good_bytes).substr(0, i))) << i;
  }
}

TEST(EventJson, FieldListReadsTheWireForm) {
  const auto json =
      parse_json(R"({"account":"shop","identities":[{"kind":"openid","value":"o1"}],"kind":"like",
    "occurred_at":"2026-01-01T00:00:00+08:00"})");
  const auto event = from_json<WireEvent>(*json);
  ASSERT_TRUE(event) << event.error().text();
  EXPECT_EQ(event->identities[0].value, "o1");
  const auto wrong =
      from_json<WireEvent>(*parse_json(R"({"account":"shop","identities":[],"kindd":"x"})"));
  EXPECT_FALSE(wrong);
}

}  // namespace
}  // namespace zhiyin::ingest
