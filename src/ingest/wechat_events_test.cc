#include "ingest/wechat_events.h"

#include <gtest/gtest.h>

#include <cctype>

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
  EXPECT_EQ(event->properties["ticket"].string_or(""), "T");  // which of the scene's codes
  EXPECT_EQ(event->properties.find("personal"), nullptr);
}

TEST(WechatEvents, MessageNamesTheArticleItAnswersAndLosesNothingElse) {
  const auto event = to_wire_event(
      callback("<Content>多少钱</Content><MsgId>77</MsgId><MsgDataId>2247483650_1</MsgDataId>"
               "<Idx>2</Idx><BusinessId>9</BusinessId><New>kept</New>",
               "text"));
  ASSERT_TRUE(event);
  EXPECT_EQ(event->properties["article"].string_or(""), "2247483650_1");
  EXPECT_EQ(event->properties["article_index"].int_or(0), 2);
  EXPECT_EQ(event->properties["business"].string_or(""), "9");
  EXPECT_EQ(event->properties["personal"]["raw"].dump(), R"({"Idx":"2","New":"kept"})");
  const auto picture = to_wire_event(
      callback("<MediaId>M</MediaId><MsgId>78</MsgId><MsgDataId>5</MsgDataId>", "image"));
  EXPECT_EQ(picture->properties["article"].string_or(""), "5");
  const auto gone = to_wire_event(callback("<Event>unsubscribe</Event><EventKey></EventKey>"));
  EXPECT_TRUE(gone->properties.is_null());
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

TEST(WechatEvents, FieldsOfTheTablesHaveTheirTypes) {
  const auto place = to_wire_event(
      callback("<Location_X>23.134521</Location_X><Location_Y>113.358803</Location_Y><Scale>20"
               "</Scale><Label>广州</Label><MsgId>1</MsgId>",
               "location"));
  EXPECT_EQ(place->kind, "message");
  EXPECT_EQ(place->properties["scale"].int_or(0), 20);
  EXPECT_EQ(place->properties["personal"]["latitude"].number_or(0), 23.134521);
  EXPECT_EQ(place->properties["personal"]["label"].string_or(""), "广州");
  EXPECT_EQ(place->properties.find("latitude"), nullptr);

  const auto scan = to_wire_event(
      callback("<Event>scancode_push</Event><EventKey>K</EventKey><ScanCodeInfo><ScanType>qrcode"
               "</ScanType><ScanResult>secret</ScanResult></ScanCodeInfo>"));
  EXPECT_EQ(scan->kind, "menu_click");
  EXPECT_EQ(scan->properties["scan_type"].string_or(""), "qrcode");
  EXPECT_EQ(scan->properties["personal"]["scan_result"].string_or(""), "secret");

  const auto revoked = to_wire_event(
      callback("<Event>user_authorization_revoke</Event><OpenID>oBob</OpenID><AppID>wx1</AppID>"
               "<RevokeInfo>201, 205,x,206</RevokeInfo>"));
  EXPECT_EQ(revoked->kind, "wechat.user_authorization_revoke");
  EXPECT_EQ(revoked->identities[0].value, "oBob");
  EXPECT_EQ(revoked->properties["revoked"].dump(), "[201,206]");

  const auto card = to_wire_event(
      callback("<Event>user_get_card</Event><CardId>c1</CardId><UserCardCode>77</UserCardCode>"
               "<IsGiveByFriend>many</IsGiveByFriend><OuterStr>shelf7</OuterStr>"));
  EXPECT_EQ(card->properties["card_id"].string_or(""), "c1");
  EXPECT_EQ(card->properties["scene"].string_or(""), "shelf7");
  EXPECT_EQ(card->properties.find("by_friend"), nullptr);  // not of its type: only raw
  EXPECT_EQ(card->properties["personal"]["raw"]["IsGiveByFriend"].string_or(""), "many");
  EXPECT_EQ(card->properties["personal"]["card_code"].string_or(""), "77");
}

// Names of wechat.md, 1.4 and 1.5: each becomes an event of a person or a notice, never nothing.
TEST(WechatEvents, EveryMessageAndEventOfTheTablesIsKept) {
  for (const std::string_view type : {"text", "image", "voice", "video", "shortvideo", "location",
                                      "link", "miniprogrampage", "file", "hologram"}) {
    const auto event = to_wire_event(callback("<MsgId>1</MsgId>", type));
    ASSERT_TRUE(event) << type;
    EXPECT_EQ(event->kind, type == "hologram" ? "wechat.hologram" : "message");
    EXPECT_TRUE(validate(*event, kNow));
  }
  for (const std::string_view name : {"LOCATION",
                                      "pic_sysphoto",
                                      "pic_photo_or_album",
                                      "pic_weixin",
                                      "location_select",
                                      "subscribe_msg_popup_event",
                                      "subscribe_msg_change_event",
                                      "subscribe_msg_sent_event",
                                      "kf_create_session",
                                      "kf_close_session",
                                      "kf_switch_session",
                                      "user_info_modified",
                                      "user_authorization_revoke",
                                      "user_authorization_cancellation",
                                      "user_enter_tempsession",
                                      "notify_service_msg_send_result",
                                      "guide_qrcode_scan_event",
                                      "user_get_card",
                                      "user_gifting_card",
                                      "user_del_card",
                                      "user_consume_card",
                                      "user_pay_from_pay_cell",
                                      "user_view_card",
                                      "user_enter_session_from_card",
                                      "update_member_card",
                                      "submit_membercard_user_info",
                                      "card_pay_order",
                                      "giftcard_pay_done",
                                      "merchant_order",
                                      "WifiConnected",
                                      "ShakearoundUserShake",
                                      "open_product_order_pay",
                                      "debug_demo",
                                      "unheard_of"}) {
    const auto event = to_wire_event(callback(fmt::format("<Event>{}</Event>", name)));
    ASSERT_TRUE(event) << name;
    std::string lower_case(name);
    for (char& c : lower_case) c = static_cast<char>(std::tolower(c));
    EXPECT_EQ(event->kind, "wechat." + lower_case);
    EXPECT_TRUE(validate(*event, kNow));
  }
  for (const std::string_view name : {"PUBLISHJOBFINISH",
                                      "FREEPUBLISHJOBFINISH",
                                      "wxa_media_check",
                                      "qualification_verify_success",
                                      "naming_verify_success",
                                      "annual_renew",
                                      "verify_expired",
                                      "qualification_verify_fail",
                                      "naming_verify_fail",
                                      "card_pass_check",
                                      "card_not_pass_check",
                                      "card_sku_remind",
                                      "card_merchant_check_result",
                                      "poi_check_notify",
                                      "weapp_audit_success",
                                      "weapp_audit_fail",
                                      "weapp_audit_delay",
                                      "wxa_privacy_apply",
                                      "wxa_illegal_record",
                                      "wxa_appeal_record",
                                      "wxa_category_audit",
                                      "wxa_nickname_audit"}) {
    const auto notice = callback(fmt::format("<Event>{}</Event>", name));
    EXPECT_EQ(notice.kind, wechat::CallbackKind::kNotice) << name;
    EXPECT_FALSE(to_wire_event(notice)) << name;
  }
}

Callback of_wecom(std::string_view inner, std::string_view from = "sys") {
  CallbackRules r = rules();
  r.wecom = true;
  const auto parsed = wechat::parse_callback(
      r, fmt::format("<xml><ToUserName>ww1</ToUserName><FromUserName>{}</FromUserName><CreateTime>"
                     "1767225600</CreateTime>{}</xml>",
                     from, inner));
  EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().error.message);
  return parsed ? *parsed : Callback{};
}

TEST(WechatEvents, OfWecomTheCustomerIsThePersonAndTheChangeTheKind) {
  const auto added = to_wire_event(of_wecom(
      "<MsgType>event</MsgType><Event>change_external_contact</Event><ChangeType>"
      "add_external_contact</ChangeType><UserID>zhang</UserID><ExternalUserID>wm1</ExternalUserID>"
      "<State>shelf7</State><WelcomeCode>W</WelcomeCode>"));
  ASSERT_TRUE(added);
  EXPECT_EQ(added->kind, "wecom.add_external_contact");
  EXPECT_EQ(added->identities[0], (Identity{"shop", "external_userid", "wm1"}));
  EXPECT_EQ(added->properties["staff"].string_or(""), "zhang");
  EXPECT_EQ(added->properties["state"].string_or(""), "shelf7");
  EXPECT_EQ(added->properties["personal"]["raw"]["WelcomeCode"].string_or(""), "W");
  EXPECT_TRUE(validate(*added, kNow));

  const auto words = to_wire_event(
      of_wecom("<MsgType>text</MsgType><Content>hi</Content><MsgId>1</MsgId>", "zhang"));
  EXPECT_EQ(words->kind, "message");
  EXPECT_EQ(words->identities[0], (Identity{"shop", "user_id", "zhang"}));
  const auto joined =
      to_wire_event(of_wecom("<MsgType>event</MsgType><Event>subscribe</Event>", "zhang"));
  EXPECT_EQ(joined->kind, "wecom.subscribe");  // staff see an application: nobody follows
}

}  // namespace
}  // namespace zhiyin::ingest
