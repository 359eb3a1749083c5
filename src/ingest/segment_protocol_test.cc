#include "ingest/segment_protocol.h"

#include <gtest/gtest.h>

namespace zhiyin::ingest {
namespace {

TrackingSettings settings() { return {.account = "shop"}; }

TrackedCall one(std::string_view json, std::string_view call,
                const TrackingSettings& with = settings()) {
  auto calls = read_tracking(*parse_json(json), call, with);
  if (!calls || calls->size() != 1) throw std::runtime_error("expected one call");
  return std::move(calls->front());
}
WireEvent event(std::string_view json, std::string_view call) {
  TrackedCall tracked = one(json, call);
  if (!tracked.event)
    throw std::runtime_error(tracked.refused->field + ": " + tracked.refused->reason);
  EXPECT_TRUE(tracked.event->occurred_at ||
              validate(*tracked.event, Instant{1'790'000'000'000'000}).has_value());
  return std::move(*tracked.event);
}

TEST(SegmentProtocol, IdentifySetsTraitsAndSealsWhoSomebodyIs) {
  const WireEvent e = event(R"({"userId":"u1","anonymousId":"a1","messageId":"m1",
      "traits":{"plan":"gold","age":31,"Email":"a@b.cn","手机":"13800000000","name":"王"}})",
                            "identify");
  EXPECT_EQ(e.kind, "trait.set");
  EXPECT_EQ(e.event_id, "m1");
  ASSERT_EQ(e.identities.size(), 2U);
  EXPECT_EQ(e.identities[0], (Identity{"shop", "user_id", "u1"}));
  EXPECT_EQ(e.identities[1], (Identity{"shop", "anonymous_id", "a1"}));
  EXPECT_EQ(
      e.properties.dump(),
      R"({"plan":"gold","age":31,"personal":{"Email":"a@b.cn","手机":"13800000000","name":"王"}})");
}

TEST(SegmentProtocol, PublicKeysSetNoTraits) {
  TrackingSettings page = settings();
  page.public_key = true;
  const auto call = one(R"({"userId":"u1","traits":{"vip":true}})", "identify", page);
  EXPECT_EQ(call.event->kind, "identify");
  EXPECT_EQ(call.event->properties.dump(), R"({"personal":{"claimed_traits":{"vip":true}}})");
}

TEST(SegmentProtocol, WellKnownNamesBecomeCoreKinds) {
  const WireEvent order =
      event(R"({"userId":7,"event":"Order Completed","properties":{"order_id":"o1","revenue":12.345,
      "total":"20","products":[{"product_id":"p1"},{"product_id":"p2"}]}})",
            "track");
  EXPECT_EQ(order.kind, "purchase");
  EXPECT_EQ(*order.value, 1235);
  EXPECT_EQ(order.identities[0].value, "7");
  EXPECT_EQ(*order.item, (ItemRef{"order", "o1"}));
  EXPECT_EQ(order.properties["event"].string_or(""), "Order Completed");

  const WireEvent total = event(
      R"({"userId":"u","event":"orderCompleted","properties":{"total":"19.90","currency":"RMB"}})",
      "track");
  EXPECT_EQ(total.kind, "purchase");
  EXPECT_EQ(*total.value, 1990);

  const WireEvent added = event(
      R"({"userId":"u","event":"Product Added","properties":{"product_id":"p9","quantity":2}})",
      "track");
  EXPECT_EQ(added.kind, "cart");
  EXPECT_EQ(*added.value, 2);
  EXPECT_EQ(*added.item, (ItemRef{"product", "p9"}));
}

TEST(SegmentProtocol, ForeignMoneyIsCountedApart) {
  const WireEvent e = event(
      R"({"userId":"u","event":"Order Completed","properties":{"revenue":12,"currency":"USD"}})",
      "track");
  EXPECT_EQ(e.kind, "purchase.usd");
  EXPECT_EQ(*e.value, 1200);
  const WireEvent points = event(
      R"({"userId":"u","event":"Order Completed","properties":{"revenue":12,"currency":"points"}})",
      "track");
  EXPECT_EQ(points.kind, "order_completed");
  EXPECT_FALSE(points.value);
  EXPECT_EQ(event(R"({"userId":"u","event":"refund","properties":{"value":12,"currency":"EUR"}})",
                  "track")
                .kind,
            "refund.eur");
}

TEST(SegmentProtocol, MoneyThatIsNoneIsRefused) {
  const auto call =
      one(R"({"userId":"u","event":"Order Completed","properties":{"revenue":"many"}})", "track");
  ASSERT_TRUE(call.refused);
  EXPECT_EQ(call.refused->field, "properties.revenue");
}

TEST(SegmentProtocol, NamesBecomeKinds) {
  EXPECT_EQ(kind_of_name("Signed Up"), "signed_up");
  EXPECT_EQ(kind_of_name("signedUp"), "signed_up");
  EXPECT_EQ(kind_of_name("  $Pageview!! "), "pageview");
  EXPECT_EQ(kind_of_name("3D Viewed"), "track_3d_viewed");
  EXPECT_EQ(kind_of_name("Follow"), "track_follow") << "an app's follow is no subscription";
  EXPECT_EQ(kind_of_name("touch.sent"), "touch_sent");
  EXPECT_EQ(kind_of_name("consent.grant"), "consent_grant");
  EXPECT_NE(kind_of_name("查看课程"), kind_of_name("购买课程"));
  EXPECT_TRUE(kind_of_name("查看课程").starts_with("track_"));
  EXPECT_NE(kind_of_name("购买 VIP"), kind_of_name("查看 VIP"));
  EXPECT_LE(kind_of_name(std::string(500, 'a')).size(), kKindBytesMax);
  EXPECT_NE(kind_of_name(std::string(500, 'a')), kind_of_name(std::string(501, 'a')));
}

TEST(SegmentProtocol, ViewsOfPagesAndScreens) {
  const WireEvent page = event(
      R"({"anonymousId":"a","name":"Home","context":{"page":{"path":"/home","url":"https://x/home"},
      "ip":"1.2.3.4","userAgent":"UA"}})",
      "page");
  EXPECT_EQ(page.kind, "view");
  EXPECT_EQ(*page.item, (ItemRef{"page", "/home"}));
  EXPECT_EQ(page.properties["personal"]["context"]["ip"].string_or(""), "1.2.3.4");
  EXPECT_TRUE(page.properties["context"]["ip"].is_null());
  EXPECT_EQ(*event(R"({"anonymousId":"a","name":"Cart"})", "screen").item,
            (ItemRef{"screen", "Cart"}));
}

TEST(SegmentProtocol, AliasLinksWhoSomebodyWas) {
  EXPECT_EQ(event(R"({"userId":"new","previousId":"old"})", "alias").identities[1].kind, "user_id");
  EXPECT_EQ(
      event(R"({"userId":"new","previousId":"5f0c6ddd-8c1b-4b61-9a3e-2f6a6a7b8c9d"})", "alias")
          .identities[1]
          .kind,
      "anonymous_id");
  EXPECT_EQ(one(R"({"userId":"new"})", "alias").refused->field, "previousId");
  TrackingSettings page = settings();
  page.public_key = true;
  EXPECT_EQ(one(R"({"userId":"a","previousId":"b"})", "alias", page).refused->field, "previousId");
  EXPECT_TRUE(one(R"({"userId":"a","previousId":"x","anonymousId":"x"})", "alias", page).event);
}

TEST(SegmentProtocol, TakesOddSpellingsOfNumbersAndEmptyTimes) {
  const WireEvent e = event(R"({"userId":12.0,"event":"x","timestamp":1764079200000.0})", "track");
  EXPECT_EQ(e.identities[0].value, "12");
  EXPECT_EQ(e.occurred_at, Instant{1'764'079'200'000'000});
  EXPECT_FALSE(event(R"({"userId":"a","event":"x","timestamp":""})", "track").occurred_at);
  EXPECT_TRUE(one(R"({"userId":1.5,"event":"x"})", "track").refused);
  EXPECT_EQ(event(R"({"userId":"a","event":"Product Reviewed"})", "track").kind,
            "product_reviewed");
}

TEST(SegmentProtocol, GroupsBecomeTraits) {
  const WireEvent e =
      event(R"({"userId":"u","groupId":"g1","traits":{"name":"ACME","plan":"pro","phone":"1"}})",
            "group");
  EXPECT_EQ(e.kind, "trait.set");
  EXPECT_EQ(
      e.properties.dump(),
      R"({"group_id":"g1","group_name":"ACME","group_plan":"pro","personal":{"group_phone":"1"}})");
}

TEST(SegmentProtocol, BatchTakesTheGoodAndRefusesTheRest) {
  const auto calls = read_tracking(
      *parse_json(
          R"({"writeKey":"k","sentAt":"2026-09-01T00:00:10Z","context":{"app":{"name":"x"}},"batch":[
      {"type":"track","userId":"u","event":"A","timestamp":"2026-09-01T00:00:00Z"},
      {"type":"track","userId":"u"}, {"type":"dance","userId":"u"}, {"type":"page"}, 7,
      {"type":"track","userId":"u","event":"B","originalTimestamp":"2026-09-01T00:00:00Z","timestamp":"2020-01-01T00:00:00Z"}]})"),
      "batch", settings());
  ASSERT_TRUE(calls);
  ASSERT_EQ(calls->size(), 6U);
  EXPECT_EQ((*calls)[0].event->sent_at, *parse_time("2026-09-01T00:00:10Z", TimeZone::shanghai()));
  EXPECT_EQ((*calls)[0].event->properties["context"]["app"]["name"].string_or(""), "x");
  EXPECT_EQ((*calls)[1].refused->field, "event");
  EXPECT_EQ((*calls)[2].refused->field, "type");
  EXPECT_EQ((*calls)[3].refused->field, "userId");
  EXPECT_TRUE((*calls)[4].refused);
  EXPECT_FALSE((*calls)[5].event->sent_at) << "a stated time is not the client's clock";
}

TEST(SegmentProtocol, RefusedCallsCanBeReadAgain) {
  const auto call = one(R"({"userId":"u","properties":{}})", "track");
  Json entry = *parse_json(call.refused->event);
  Json mended = entry["tracking_call"];
  mended.set("event", "Signed Up");
  entry.set("tracking_call", mended);
  const auto again = unpack_refused_call(entry);
  ASSERT_TRUE(again && *again);
  EXPECT_EQ((*again)->kind, "signed_up");
  EXPECT_EQ((*again)->account, "shop");
  EXPECT_FALSE(unpack_refused_call(*parse_json(R"({"kind":"read"})")));
}

TEST(SegmentProtocol, ABodyThatIsNoCallFails) {
  EXPECT_FALSE(read_tracking(Json(1), "track", settings()));
  EXPECT_FALSE(read_tracking(Json::object(), "batch", settings()));
}

}  // namespace
}  // namespace zhiyin::ingest
