#include "ingest/wechat_events.h"

#include <gtest/gtest.h>

namespace zhiyin::ingest {
namespace {

using wechat::Callback;
using wechat::CallbackRules;

CallbackRules rules() {
  CallbackRules r;
  r.account = AccountId("shop");
  r.app_id = "wx0000000000000001";
  r.token = Secret("token");
  return r;
}

Callback callback(std::string_view inner, std::string_view type = "event") {
  const std::string xml = fmt::format(
      "<xml><ToUserName>gh_1</ToUserName><FromUserName>oAlice</"
      "FromUserName><CreateTime>1767225600</CreateTime>"
      "<MsgType>{}</MsgType>{}</xml>",
      type, inner);
  auto parsed = wechat::parse_callback(rules(), xml);
  EXPECT_TRUE(parsed.has_value()) << (parsed ? "" : parsed.error().error.message);
  return parsed ? *parsed : Callback{};
}

const Instant kNow{1767225600LL * 1'000'000};

TEST(WechatEvents, TextBecomesMessageWithItsTextSealedLater) {
  const auto event = to_wire_event(callback("<Content>你好</Content><MsgId>77</MsgId>", "text"));
  ASSERT_TRUE(event);
  EXPECT_EQ(event->kind, "message");
  EXPECT_EQ(event->account, "shop");
  ASSERT_EQ(event->identities.size(), 1U);
  EXPECT_EQ(event->identities[0], (Identity{"shop", "openid", "oAlice"}));
  EXPECT_EQ(event->properties["message_type"].string_or(""), "text");
  EXPECT_EQ(event->properties["personal"]["text"].string_or(""), "你好");
  EXPECT_EQ(event->properties.find("text"), nullptr);
  EXPECT_EQ(event->occurred_at, kNow);
  EXPECT_TRUE(event->event_id.starts_with("wx_"));
  EXPECT_TRUE(validate(*event, kNow));
}

TEST(WechatEvents, RepeatedDeliveryHasTheSameEventIdAndAnotherOccurrenceNot) {
  const auto first = to_wire_event(callback("<Content>a</Content><MsgId>77</MsgId>", "text"));
  const auto again = to_wire_event(callback("<Content>a</Content><MsgId>77</MsgId>", "text"));
  const auto other = to_wire_event(callback("<Content>a</Content><MsgId>78</MsgId>", "text"));
  EXPECT_EQ(first->event_id, again->event_id);
  EXPECT_NE(first->event_id, other->event_id);
}

TEST(WechatEvents, FollowThroughQrCodeCarriesTheSceneWithoutPrefix) {
  const auto event = to_wire_event(
      callback("<Event>subscribe</Event><EventKey>qrscene_shelf7</EventKey><Ticket>T</Ticket>"));
  ASSERT_TRUE(event);
  EXPECT_EQ(event->kind, "follow");
  EXPECT_EQ(event->properties["scene"].string_or(""), "shelf7");
  EXPECT_EQ(event->properties.find("personal"), nullptr);
}

TEST(WechatEvents, KindsOfMenuScanAndUnfollow) {
  EXPECT_EQ(to_wire_event(callback("<Event>unsubscribe</Event>"))->kind, "unfollow");
  EXPECT_EQ(to_wire_event(callback("<Event>SCAN</Event><EventKey>9</EventKey>"))->kind, "scan");
  const auto click = to_wire_event(callback("<Event>CLICK</Event><EventKey>NEWS</EventKey>"));
  EXPECT_EQ(click->kind, "menu_click");
  EXPECT_EQ(click->properties["key"].string_or(""), "NEWS");
  EXPECT_EQ(click->properties["menu"].string_or(""), "click");
  const auto view =
      to_wire_event(callback("<Event>VIEW</Event><EventKey>https://a.example/p</EventKey>"));
  EXPECT_EQ(view->kind, "menu_view");
  EXPECT_EQ(view->properties["url"].string_or(""), "https://a.example/p");
}

TEST(WechatEvents, TapOnAMessageMenuCountsAsMenuNotAsMessage) {
  const auto event = to_wire_event(
      callback("<Content>满意</Content><bizmsgmenuid>101</bizmsgmenuid><MsgId>5</MsgId>", "text"));
  EXPECT_EQ(event->kind, "menu_click");
  EXPECT_EQ(event->properties["key"].string_or(""), "101");
  EXPECT_EQ(event->properties["menu"].string_or(""), "msgmenu");
  EXPECT_EQ(event->properties["personal"]["text"].string_or(""), "满意");
}

TEST(WechatEvents, TemplateResultHasOneSpellingOfItsStatus) {
  const auto event =
      to_wire_event(callback("<Event>TEMPLATESENDJOBFINISH</Event><MsgID>200163836</"
                             "MsgID><Status>failed: system failed</Status>"));
  EXPECT_EQ(event->kind, "template_result");
  EXPECT_EQ(event->properties["msg_id"].string_or(""), "200163836");
  EXPECT_EQ(event->properties["status"].string_or(""), "failed:systemfailed");
}

TEST(WechatEvents, PermissionsForSubscribeMessagesStandInTheOpen) {
  const auto event = to_wire_event(callback(
      "<Event>subscribe_msg_popup_event</Event><SubscribeMsgPopupEvent><List><TemplateId>T1"
      "</TemplateId><SubscribeStatusString>accept</SubscribeStatusString></List><List>"
      "<TemplateId>T2</TemplateId><SubscribeStatusString>reject</SubscribeStatusString>"
      "</List></SubscribeMsgPopupEvent>"));
  ASSERT_TRUE(event);
  EXPECT_EQ(event->kind, "wechat.subscribe_msg_popup_event");
  EXPECT_EQ(event->properties["templates"].dump(),
            R"([{"template":"T1","status":"accept"},{"template":"T2","status":"reject"}])");
}

TEST(WechatEvents, WhatHasNoPersonIsNoEvent) {
  EXPECT_FALSE(to_wire_event(
      callback("<Event>MASSSENDJOBFINISH</Event><MsgID>1</MsgID><Status>send success</Status>")));
  auto check = wechat::parse_callback(rules(), R"({"action":"CheckContainerPath"})");
  ASSERT_TRUE(check);
  EXPECT_FALSE(to_wire_event(*check));
}

TEST(WechatEvents, UnknownKindsKeepTheirRawFieldsAmongThePersonalOnes) {
  const auto event =
      to_wire_event(callback("<Event>Card-Event\xE4\xB8\xAD</Event><CardId>c1</"
                             "CardId><List><item><a>1</a></item><item><a>2</a></item></List>"));
  ASSERT_TRUE(event);
  EXPECT_EQ(event->kind, "wechat.card_event___");
  const Json& raw = event->properties["personal"]["raw"];
  EXPECT_EQ(raw["CardId"].string_or(""), "c1");
  ASSERT_NE(raw["List"]["item"].if_array(), nullptr);
  EXPECT_EQ(raw["List"]["item"].if_array()->size(), 2U);
  EXPECT_EQ(raw.find("FromUserName"), nullptr);
  EXPECT_TRUE(validate(*event, kNow));
}

TEST(WechatEvents, OversizedFieldsAreLeftOutAndSaidSo) {
  const std::string big(20'000, 'x');
  const auto text =
      to_wire_event(callback("<Content>" + big + "</Content><MsgId>1</MsgId>", "text"));
  EXPECT_TRUE(text->properties["truncated"].bool_or(false));
  EXPECT_TRUE(validate(*text, kNow));
  const auto other = to_wire_event(callback("<Event>odd</Event><Huge>" + big + "</Huge>"));
  EXPECT_TRUE(other->properties["truncated"].bool_or(false));
  EXPECT_TRUE(validate(*other, kNow));
}

TEST(WechatEvents, OptOutAndOptInBecomeConsentEvents) {
  const Callback td = callback("<Content>td</Content><MsgId>3</MsgId>", "text");
  const auto decision = wechat::decide_reply({}, td);
  const auto event = to_consent_event(td, decision);
  ASSERT_TRUE(event);
  EXPECT_EQ(event->kind, "consent.withdraw");
  EXPECT_EQ(event->event_id, to_wire_event(td)->event_id + ".consent");
  EXPECT_EQ(event->properties.find("purpose"), nullptr);
  EXPECT_TRUE(validate(*event, kNow));
  const Callback back = callback("<Content>恢复订阅</Content><MsgId>4</MsgId>", "text");
  EXPECT_EQ(to_consent_event(back, wechat::decide_reply({}, back))->kind, "consent.grant");
  EXPECT_FALSE(to_consent_event(back, {}));
}

}  // namespace
}  // namespace zhiyin::ingest
