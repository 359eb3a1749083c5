#include "delivery/delivery_projection.h"

#include <gtest/gtest.h>

#include "delivery/quota_ledger.h"
#include "delivery/test_state.h"

namespace zhiyin::delivery {
namespace {

using storage::Session;
using testing::at;
using testing::identity;
using testing::planned;
using testing::TestState;

const Instant kNow = at("2026-03-10T12:00:00");
const AccountId kShop("shop");

ingest::LoggedEvent event(std::string kind, int person, Instant when, Json properties = Json()) {
  ingest::LoggedEvent out;
  out.event.event_id = kind + std::to_string(when.us);
  out.event.account = "shop";
  out.event.identities = {identity(person)};
  out.event.kind = std::move(kind);
  if (!properties.is_null()) out.event.properties = properties.dump();
  out.event.occurred_at = when;
  out.event.received_at = when;
  out.event.source = "wechat";
  return out;
}

void apply(TestState& db, std::vector<ingest::LoggedEvent> events) {
  DeliveryProjection projection;
  db.write([&](Session& s) { return projection.apply(s, events); });
}

Touch stored(TestState& db, const TouchId& id) {
  Touch out;
  db.write([&](Session& s) -> Result<void> {
    ZHIYIN_TRY(const auto touch, SendLedger::find(s, id));
    out = touch.value();
    return {};
  });
  return out;
}

Touch add(TestState& db, Touch touch) {
  db.write([&](Session& s) -> Result<void> {
    ZHIYIN_TRY_VOID(SendLedger::add(s, touch));
    return {};
  });
  return touch;
}

TEST(DeliveryProjection, KeepsTheNewestTriggerWhateverTheOrderOfEvents) {
  TestState db;
  const Instant later = kNow + std::chrono::hours(1);
  apply(db, {event("message", 1, later), event("message", 1, kNow), event("scan", 1, kNow),
             event("read", 1, later), event("follow", 2, kNow)});
  db.write([&](Session& s) -> Result<void> {
    EXPECT_EQ(*cs_triggers(s, identity(1), kShop),
              (CsTriggers{{CsTrigger::kMessage, later}, {CsTrigger::kScan, kNow}}));
    EXPECT_EQ(*cs_triggers(s, identity(2), kShop), (CsTriggers{{CsTrigger::kFollow, kNow}}));
    EXPECT_TRUE(cs_triggers(s, identity(1), AccountId("other"))->empty());
    return {};
  });
}

TEST(DeliveryProjection, WhatThePlatformSaysCountsOnlyFromThePlatform) {
  TestState db;
  Touch touch = planned(1, kNow);
  touch.channel = ChannelKind::kTemplate;
  touch.state = TouchState::kUnknown;
  add(db, touch);
  std::vector<ingest::LoggedEvent> forged{
      event("message", 1, kNow),
      event("template_result", 1, kNow, Json(Json::Object{{"status", "success"}}))};
  for (auto& logged : forged) logged.event.source = "page";
  apply(db, forged);
  EXPECT_EQ(stored(db, touch.id).state, TouchState::kUnknown);
  db.write([&](Session& s) -> Result<void> {
    EXPECT_TRUE(cs_triggers(s, identity(1), kShop)->empty());
    return {};
  });
}

TEST(DeliveryProjection, AClickThatNamesItsTouchMarksItOnce) {
  TestState db;
  Touch touch = planned(1, kNow);
  touch.state = TouchState::kSent;
  add(db, touch);
  const Json properties = Json(Json::Object{{"touch", touch.id.value}});
  const Instant later = kNow + std::chrono::minutes(5);
  apply(db, {event("click", 5, kNow, properties), event("click", 5, later, properties)});
  EXPECT_EQ(stored(db, touch.id).clicked_at, kNow);
  const auto told = db.outbox();
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0].kind, "touch.sent");
  EXPECT_EQ(told[1].kind, "touch.clicked");
  EXPECT_EQ(told[1].identities.front(), touch.identity);
}

TEST(DeliveryProjection, AClickWithCampaignAndOpenidFindsThePersonsTouch) {
  TestState db;
  Touch sent = planned(1, kNow);
  sent.state = TouchState::kSent;
  add(db, sent);
  Touch held = planned(2, kNow);
  held.state = TouchState::kHeldOut;
  add(db, held);
  const Json properties = Json(Json::Object{{"campaign", "spring"}});
  apply(db, {event("click", 1, kNow, properties), event("click", 2, kNow, properties),
             event("click", 3, kNow, properties), event("click", 1, kNow)});
  EXPECT_TRUE(stored(db, sent.id).clicked_at.has_value());
  EXPECT_FALSE(stored(db, held.id).clicked_at.has_value()) << "who got nothing cannot have clicked";
}

TEST(DeliveryProjection, DamagedPropertiesAreNoReasonToStop) {
  TestState db;
  ingest::LoggedEvent broken = event("click", 1, kNow);
  broken.event.properties = "{\"touch\":";
  ingest::LoggedEvent odd =
      event("click", 1, kNow, Json(Json::Object{{"touch", 5}, {"campaign", true}}));
  apply(db, {broken, odd, event("template_result", 1, kNow)});
  EXPECT_TRUE(db.outbox().empty());
}

Touch sending_template(TestState& db, TouchState state, std::string provider_id) {
  Touch touch = planned(1, kNow, ChannelKind::kTemplate);
  touch.state = state;
  touch.sent_at = kNow;
  touch.provider_id = std::move(provider_id);
  touch.is_uncertain = true;
  touch.quota_period =
      QuotaLedger::today(kShop, ChannelKind::kTemplate, kNow, TimeZone::shanghai()).period;
  return add(db, touch);
}

TEST(DeliveryProjection, ATemplateResultSettlesWhatWasUnknown) {
  TestState db;
  const Touch touch = sending_template(db, TouchState::kUnknown, "");
  apply(db, {event("template_result", 1, kNow,
                   Json(Json::Object{{"msg_id", "77"}, {"status", "success"}}))});
  EXPECT_EQ(stored(db, touch.id).state, TouchState::kSent);
  EXPECT_EQ(stored(db, touch.id).provider_id, "77");
}

TEST(DeliveryProjection, ATemplateResultSettlesWhatIsStillSendingAndCountsItsQuota) {
  TestState db;
  const QuotaKey key =
      QuotaLedger::today(kShop, ChannelKind::kTemplate, kNow, TimeZone::shanghai());
  db.write([&](Session& s) { return QuotaLedger::reserve(s, key, 1, 10); });
  const Touch touch = sending_template(db, TouchState::kSending, "");
  apply(db, {event("template_result", 1, kNow,
                   Json(Json::Object{{"msg_id", 77}, {"status", "failed:user block"}}))});
  EXPECT_EQ(stored(db, touch.id).state, TouchState::kFailed);
  EXPECT_EQ(stored(db, touch.id).error, "failed:user block");
  db.write([&](Session& s) -> Result<void> {
    EXPECT_FALSE(QuotaLedger::release(s, key, 1)) << "the reservation is settled";
    return QuotaLedger::give_back(s, key, 1);
  });
}

TEST(DeliveryProjection, AFailedTemplateTurnsSentIntoFailed) {
  TestState db;
  const Touch touch = sending_template(db, TouchState::kSent, "77");
  apply(db, {event("template_result", 1, kNow,
                   Json(Json::Object{{"msg_id", "78"}, {"status", "failed: system failed"}}))});
  EXPECT_EQ(stored(db, touch.id).state, TouchState::kSent) << "another job's result";
  apply(db, {event("template_result", 1, kNow,
                   Json(Json::Object{{"msg_id", "77"}, {"status", "failed: system failed"}}))});
  EXPECT_EQ(stored(db, touch.id).state, TouchState::kFailed);
}

}  // namespace
}  // namespace zhiyin::delivery
