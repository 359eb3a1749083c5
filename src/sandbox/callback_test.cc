#include "sandbox/callback.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/crypto.h"
#include "http/message.h"
#include "sandbox/callback_sender.h"
#include "sandbox/wx_crypto.h"

namespace zhiyin::sandbox {
namespace {

constexpr std::string_view kKey = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
constexpr std::string_view kAppId = "wxb11529c136998cb6";
const Instant kNow{1772294400LL * 1000000};

struct Vector {
  std::string_view random, plain, encrypted, signature;
};
// Known answers M3 and M4, of two independent implementations.
constexpr Vector kVectors[] = {
    {"1111111111111111", "a",
     "GzaeD9PifpOXZJMAlR0/eO1Zh/KFWF/wLfN3RrfoLD75bPYiVR/Z3w3RkK8RKFcvO179gZ/sSnUojWC7MlSEmA==",
     "cbc5951ff29fd868d66964ca6712c0be56705e46"},
    {"aaaabbbbccccdddd", "我是中文abcd123",
     "jn1L23DB+6ELqJ+6bruv21Y6MD7KeIfP82D6gU39rmkgczbWwt5+3bnyg5K55bgVtVzd832WzZGMhkP72vVOfg==",
     "82c962d39941aa48552f90ef55aa323dc620cc10"}};

TEST(MessageCipher, GivesAndReadsTheKnownAnswers) {
  const MessageCipher cipher = *MessageCipher::create(kKey, kAppId);
  for (const Vector& v : kVectors) {
    EXPECT_EQ(cipher.encrypt(v.plain, v.random), v.encrypted);
    EXPECT_EQ(cipher.decrypt(v.encrypted), v.plain);
    EXPECT_EQ(message_signature("pamtest", "1409304348", "xxxxxx", v.encrypted), v.signature);
  }
}

TEST(MessageCipher, UrlSignatureIsThatOfThePlatform) {
  EXPECT_EQ(url_signature("AAAAA", "1714036504", "1514711492"),
            "f464b24fc39322e44b38aa78f5edd27bd1441696");
}

TEST(MessageCipher, EveryLengthComesBack) {
  const MessageCipher cipher = *MessageCipher::create(kKey, kAppId);
  for (std::size_t n = 0; n <= 70; ++n) {
    const std::string text(n, 'x');
    EXPECT_EQ(cipher.decrypt(cipher.encrypt(text, "0123456789abcdef")), text);
  }
}

TEST(MessageCipher, RefusesOtherAppsDamageAndBadKeys) {
  const MessageCipher cipher = *MessageCipher::create(kKey, kAppId);
  const MessageCipher other = *MessageCipher::create(kKey, "wx0000000000000000");
  EXPECT_FALSE(other.decrypt(kVectors[0].encrypted));
  std::string damaged(kVectors[0].encrypted);
  damaged[70] = damaged[70] == 'A' ? 'B' : 'A';
  EXPECT_FALSE(cipher.decrypt(damaged));
  EXPECT_FALSE(cipher.decrypt(""));
  EXPECT_FALSE(cipher.decrypt("not base64!"));
  EXPECT_FALSE(cipher.decrypt(crypto::base64("short")));
  EXPECT_FALSE(MessageCipher::create("tooshort", kAppId));
}

/// The text of a parameter of an address, decoded.
std::string parameter(const std::string& url, const std::string& name) {
  const std::size_t at = url.find(name + "=");
  const std::size_t begin = at + name.size() + 1;
  const std::string_view text = std::string_view(url).substr(begin, url.find('&', begin) - begin);
  return http::percent_decode(text, false);
}

TEST(CompanyCallbacks, AreAlwaysEncryptedAndSignedByTheirOwnSignature) {
  const SandboxAccount corp = companion_accounts(1)[1];
  Random random(1);
  CallbackMessage message =
      event_message("sys", kNow, "change_external_contact",
                    {{"ChangeType", "add_external_contact"}, {"WelcomeCode", "W"}});
  const auto made = sign_callback(message, corp, "http://h/wechat/corp", kNow, random);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->url.find("&signature="), std::string::npos);
  const std::string encrypted = xml_text(made->body, "Encrypt");
  EXPECT_EQ(xml_text(made->body, "ToUserName"), corp.app_id);
  EXPECT_FALSE(xml_text(made->body, "AgentID").empty());
  EXPECT_EQ(parameter(made->url, "msg_signature"),
            message_signature(corp.token, parameter(made->url, "timestamp"),
                              parameter(made->url, "nonce"), encrypted));
  const auto plain = MessageCipher::create(corp.encoding_aes_key, corp.app_id)->decrypt(encrypted);
  ASSERT_TRUE(plain);
  EXPECT_EQ(xml_text(*plain, "WelcomeCode"), "W");
}

TEST(CompanyCallbacks, TheirEchoIsEncrypted) {
  const SandboxAccount corp = companion_accounts(1)[1];
  Random random(1);
  const std::string url =
      verification_url(corp, "http://h/wechat/corp", "94966531020182955848408", kNow, random);
  const std::string echo = parameter(url, "echostr");
  EXPECT_EQ(
      parameter(url, "msg_signature"),
      message_signature(corp.token, parameter(url, "timestamp"), parameter(url, "nonce"), echo));
  EXPECT_EQ(*MessageCipher::create(corp.encoding_aes_key, corp.app_id)->decrypt(echo),
            "94966531020182955848408");
}

CallbackMessage popup(int entries) {
  CallbackField event{"SubscribeMsgPopupEvent", {}, false, {}};
  for (int i = 0; i < entries; ++i) {
    event.children.push_back(
        {"List",
         {},
         false,
         {{"TemplateId", "T" + std::to_string(i), false, {}}, {"PopupScene", "0", true, {}}}});
  }
  return event_message("oA", kNow, "subscribe_msg_popup_event", {event});
}

TEST(JsonCallbacks, TheSubscribeListIsAnObjectWhereItHasOneEntry) {
  const Json one = *parse_json(render_json(popup(1), "gh_1"));
  EXPECT_EQ(one["CreateTime"].int_or(0), kNow.us / 1'000'000);
  EXPECT_EQ(one["List"]["TemplateId"].string_or(""), "T0");
  EXPECT_EQ(one["List"]["PopupScene"].int_or(-1), 0);
  const Json two = *parse_json(render_json(popup(2), "gh_1"));
  ASSERT_NE(two["List"].if_array(), nullptr);
  EXPECT_EQ(two["List"].if_array()->at(1)["TemplateId"].string_or(""), "T1");
  EXPECT_THAT(render_xml(popup(2), "gh_1"),
              testing::HasSubstr("<SubscribeMsgPopupEvent>\n<List>\n<TemplateId>"));
}

TEST(JsonCallbacks, AreEncryptedAsJson) {
  SandboxAccount mini = companion_accounts(1)[0];
  mini.format = CallbackFormat::kJson;
  Random random(1);
  const auto made = sign_callback(popup(1), mini, "http://h/wechat/mini", kNow, random);
  ASSERT_TRUE(made);
  const Json body = *parse_json(made->body);
  EXPECT_EQ(body.if_object()->size(), 2u);
  const auto plain = MessageCipher::create(mini.encoding_aes_key, mini.app_id)
                         ->decrypt(body["Encrypt"].string_or(""));
  ASSERT_TRUE(plain);
  EXPECT_EQ((*parse_json(*plain))["Event"].string_or(""), "subscribe_msg_popup_event");
  mini.mode = CallbackMode::kPlain;
  EXPECT_EQ(sign_callback(popup(1), mini, "http://h", kNow, random)->body,
            render_json(popup(1), mini.original_id));
}

SandboxAccount account(CallbackMode mode) {
  SandboxAccount a = demo_account(7);
  a.mode = mode;
  return a;
}

std::string query_of(const std::string& url, const std::string& name) {
  const std::size_t at = url.find(name + "=");
  return at == std::string::npos
             ? ""
             : url.substr(at + name.size() + 1, url.find('&', at) - at - name.size() - 1);
}

TEST(Callback, PlainModeSendsTheMessageItself) {
  Random random(1);
  const CallbackMessage message = text_message("oUser", kNow, "你好]]>再见", 7000000000000000001);
  const auto callback =
      *sign_callback(message, account(CallbackMode::kPlain), "http://h/wechat/shop", kNow, random);
  const SandboxAccount a = account(CallbackMode::kPlain);
  EXPECT_THAT(callback.url, testing::StartsWith("http://h/wechat/shop?signature="));
  EXPECT_EQ(
      query_of(callback.url, "signature"),
      url_signature(a.token, query_of(callback.url, "timestamp"), query_of(callback.url, "nonce")));
  EXPECT_EQ(query_of(callback.url, "openid"), "oUser");
  EXPECT_EQ(callback.url.find("encrypt_type"), std::string::npos);
  EXPECT_EQ(xml_text(callback.body, "Content"), "你好]]>再见");
  EXPECT_EQ(xml_text(callback.body, "MsgId"), "7000000000000000001");
  EXPECT_EQ(xml_text(callback.body, "ToUserName"), a.original_id);
  EXPECT_EQ(xml_text(callback.body, "CreateTime"), "1772294400");
}

TEST(Callback, SecureModeShowsNothingAndDecryptsToTheMessage) {
  Random random(1);
  const SandboxAccount a = account(CallbackMode::kSecure);
  const CallbackMessage message =
      event_message("oUser", kNow, "CLICK", {{"EventKey", "MENU", false}});
  const auto callback = *sign_callback(message, a, "http://h/wechat/shop", kNow, random);
  EXPECT_EQ(callback.body.find("CLICK"), std::string::npos);
  EXPECT_EQ(callback.body.find("FromUserName"), std::string::npos);
  EXPECT_EQ(query_of(callback.url, "encrypt_type"), "aes");
  const std::string encrypted = xml_text(callback.body, "Encrypt");
  EXPECT_EQ(query_of(callback.url, "msg_signature"),
            message_signature(a.token, query_of(callback.url, "timestamp"),
                              query_of(callback.url, "nonce"), encrypted));
  const std::string plain =
      *MessageCipher::create(a.encoding_aes_key, a.app_id)->decrypt(encrypted);
  EXPECT_EQ(plain, render_xml(message, a.original_id));
  EXPECT_EQ(xml_text(plain, "EventKey"), "MENU");
}

TEST(Callback, CompatibleModeSendsBothForms) {
  Random random(1);
  const SandboxAccount a = account(CallbackMode::kCompatible);
  const auto callback =
      *sign_callback(text_message("oUser", kNow, "hi", 1), a, "http://h/x?k=1", kNow, random);
  EXPECT_THAT(callback.url, testing::StartsWith("http://h/x?k=1&signature="));
  EXPECT_EQ(xml_text(callback.body, "Content"), "hi");
  EXPECT_FALSE(xml_text(callback.body, "Encrypt").empty());
}

std::string reply_xml(const SandboxAccount& a, std::string_view to, std::string_view content) {
  return fmt::format(
      "<xml><ToUserName><![CDATA[{}]]></ToUserName><FromUserName><![CDATA[{}]]></FromUserName>"
      "<CreateTime>1772294400</CreateTime><MsgType><![CDATA[text]]></MsgType>"
      "<Content><![CDATA[{}]]></Content></xml>",
      to, a.original_id, content);
}

std::string encrypted_reply(const SandboxAccount& a, const std::string& xml) {
  const std::string encrypted =
      MessageCipher::create(a.encoding_aes_key, a.app_id)->encrypt(xml, "0123456789abcdef");
  return fmt::format(
      "<xml><Encrypt><![CDATA[{}]]></Encrypt><MsgSignature><![CDATA[{}]]></MsgSignature>"
      "<TimeStamp>1772294400</TimeStamp><Nonce><![CDATA[77]]></Nonce></xml>",
      encrypted, message_signature(a.token, "1772294400", "77", encrypted));
}

TEST(CallbackAnswer, AcknowledgementsAndRightRepliesPass) {
  const SandboxAccount plain = account(CallbackMode::kPlain),
                       secure = account(CallbackMode::kSecure);
  const CallbackMessage message = text_message("oUser", kNow, "hi", 1);
  EXPECT_FALSE(check_answer("", message, secure)->is_reply);
  EXPECT_FALSE(check_answer("success", message, secure)->is_reply);
  EXPECT_EQ(check_answer(reply_xml(plain, "oUser", "欢迎"), message, plain)->content, "欢迎");
  const auto reply =
      check_answer(encrypted_reply(secure, reply_xml(secure, "oUser", "欢迎")), message, secure);
  ASSERT_TRUE(reply);
  EXPECT_TRUE(reply->encrypted);
  EXPECT_EQ(reply->content, "欢迎");
}

TEST(CallbackAnswer, WhatAUserWouldSeeAsAFaultIsRefused) {
  const SandboxAccount secure = account(CallbackMode::kSecure),
                       plain = account(CallbackMode::kPlain);
  const CallbackMessage message = text_message("oUser", kNow, "hi", 1);
  EXPECT_FALSE(check_answer("ok", message, secure));
  EXPECT_FALSE(check_answer("{\"a\":1}", message, secure));
  EXPECT_FALSE(check_answer(reply_xml(secure, "oUser", "x"), message, secure));  // not encrypted
  EXPECT_FALSE(
      check_answer(encrypted_reply(plain, reply_xml(plain, "oUser", "x")), message, plain));
  EXPECT_FALSE(check_answer(reply_xml(plain, "oOther", "x"), message, plain));
  EXPECT_FALSE(
      check_answer(encrypted_reply(secure, reply_xml(secure, "oOther", "x")), message, secure));
  EXPECT_FALSE(check_answer(reply_xml(plain, "oUser", ""), message, plain));
  std::string forged = encrypted_reply(secure, reply_xml(secure, "oUser", "x"));
  forged.replace(forged.find("<Nonce><![CDATA[77"), 18, "<Nonce><![CDATA[78");
  EXPECT_FALSE(check_answer(forged, message, secure));
  EXPECT_FALSE(check_answer("<xml>" + std::string(100'000, 'x'), message, plain));
}

std::string reply_of(const SandboxAccount& a, std::string_view inner) {
  return fmt::format(
      "<xml><ToUserName><![CDATA[oUser]]></ToUserName><FromUserName><![CDATA[{}]]></FromUserName>"
      "<CreateTime>1772294400</CreateTime>{}</xml>",
      a.callback_name(), inner);
}

TEST(CallbackAnswer, EachKindHoldsWhatItNeeds) {
  const SandboxAccount plain = account(CallbackMode::kPlain);
  const CallbackMessage message = text_message("oUser", kNow, "hi", 1);
  const CallbackMessage event = event_message("oUser", kNow, "CLICK", {{"EventKey", "A", false}});
  const auto is_taken = [&](std::string_view inner, const CallbackMessage& to) {
    return check_answer(reply_of(plain, inner), to, plain).has_value();
  };
  const std::string two =
      "<MsgType>news</MsgType><ArticleCount>2</ArticleCount><Articles><item><Title>a</Title></item>"
      "<item><Title>b</Title></item></Articles>";
  EXPECT_TRUE(is_taken(two, event));
  EXPECT_FALSE(is_taken(two, message));  // one article to what people write
  EXPECT_FALSE(
      is_taken("<MsgType>news</MsgType><ArticleCount>1</ArticleCount><Articles>"
               "</Articles>",
               event));
  EXPECT_TRUE(
      is_taken("<MsgType>image</MsgType><Image><MediaId><![CDATA[M]]></MediaId></Image>", message));
  EXPECT_FALSE(is_taken("<MsgType>image</MsgType><Image></Image>", message));
  EXPECT_FALSE(is_taken("<MsgType>music</MsgType><Music><Title>t</Title></Music>", message));
  EXPECT_FALSE(is_taken("<MsgType>card</MsgType>", message));
  EXPECT_TRUE(is_taken("<MsgType>transfer_customer_service</MsgType>", message));
  EXPECT_FALSE(check_answer(reply_xml(plain, "oUser", std::string(2049, 'x')), message, plain));
}

TEST(CallbackAnswer, MiniProgramsAndCompaniesHaveRulesOfTheirOwn) {
  const CallbackMessage message = text_message("oUser", kNow, "hi", 1);
  const CallbackMessage event = event_message("oUser", kNow, "user_enter_tempsession");
  const std::string transfer = "<MsgType>transfer_customer_service</MsgType>";
  SandboxAccount mini = account(CallbackMode::kPlain);
  mini.kind = AccountKind::kMiniProgram;
  EXPECT_TRUE(check_answer(reply_of(mini, transfer), message, mini));
  EXPECT_FALSE(check_answer(reply_of(mini, transfer), event, mini));
  EXPECT_FALSE(check_answer(reply_xml(mini, "oUser", "x"), message, mini));
  const std::string json =
      fmt::format(R"({{"ToUserName":"oUser","FromUserName":"{}","CreateTime":1772294400,)"
                  R"("MsgType":"transfer_customer_service"}})",
                  mini.original_id);
  EXPECT_FALSE(check_answer(json, message, mini));  // its callbacks are XML
  mini.format = CallbackFormat::kJson;
  EXPECT_TRUE(check_answer(json, message, mini));
  mini.mode = CallbackMode::kSecure;
  EXPECT_FALSE(check_answer(json, message, mini));
  const std::string encrypted =
      MessageCipher::create(mini.encoding_aes_key, mini.app_id)->encrypt(json, "0123456789abcdef");
  const auto sealed = [&](std::string_view nonce) {
    return fmt::format(R"({{"Encrypt":"{}","MsgSignature":"{}","TimeStamp":7,"Nonce":"{}"}})",
                       encrypted, message_signature(mini.token, "7", "77", encrypted), nonce);
  };
  EXPECT_TRUE(check_answer(sealed("77"), message, mini)->encrypted);
  EXPECT_FALSE(check_answer(sealed("78"), message, mini));
  SandboxAccount corp = account(CallbackMode::kPlain);
  corp.kind = AccountKind::kWecom;  // always encrypted, whatever stands in the mode
  EXPECT_FALSE(check_answer(reply_xml(corp, "oUser", "x"), message, corp));
  EXPECT_TRUE(check_answer(encrypted_reply(corp, reply_xml(corp, "oUser", "x")), message, corp));
  EXPECT_FALSE(check_answer(encrypted_reply(corp, reply_of(corp, transfer)), message, corp));
}

std::vector<CallbackMessage> messages(std::size_t n, std::string_view openid = "oUser") {
  std::vector<CallbackMessage> out;
  for (std::size_t i = 0; i < n; ++i)
    out.push_back(text_message(openid, kNow, "hi", static_cast<std::int64_t>(i + 1)));
  return out;
}

CallbackSender::Settings sender_settings(double duplicates, double swaps, std::size_t lanes = 1) {
  CallbackSender::Settings s;
  s.account = account(CallbackMode::kSecure);
  s.mischief = {duplicates, swaps};
  s.lanes = lanes;
  return s;
}

TEST(CallbackSender, TriesThreeTimesAndGivesUp) {
  std::vector<SignedCallback> seen;
  CallbackSender sender(sender_settings(0, 0), [&](const SignedCallback& c) {
    seen.push_back(c);
    return std::optional<HttpReply>();
  });
  const CallbackCounts counts = sender.deliver(messages(1), "http://h/x", kNow);
  EXPECT_EQ(seen.size(), 3u);
  EXPECT_EQ(counts.posts, 3);
  EXPECT_EQ(counts.retried, 2);
  EXPECT_EQ(counts.unanswered, 1);
}

TEST(CallbackSender, AnswerAtTheSecondTryEndsIt) {
  int calls = 0;
  CallbackSender sender(sender_settings(0, 0),
                        [&](const SignedCallback&) -> std::optional<HttpReply> {
                          return ++calls == 1 ? HttpReply{500, "oops"} : HttpReply{200, "success"};
                        });
  const CallbackCounts counts = sender.deliver(messages(1), "http://h/x", kNow);
  EXPECT_EQ(counts.posts, 2);
  EXPECT_EQ(counts.acknowledged, 1);
  EXPECT_EQ(counts.unanswered, 0);
}

TEST(CallbackSender, RepetitionsAreSometimesSignedAnew) {
  std::set<std::string> nonces;
  int calls = 0;
  CallbackSender sender(sender_settings(0, 0), [&](const SignedCallback& c) {
    ++calls;
    nonces.insert(query_of(c.url, "nonce"));
    return std::optional<HttpReply>();
  });
  sender.deliver(messages(40), "http://h/x", kNow);
  EXPECT_EQ(calls, 120);
  EXPECT_GT(nonces.size(), 60u);
  EXPECT_LT(nonces.size(), 110u);
}

TEST(CallbackSender, DuplicatesAreTheSameBytesAndMustBeAnsweredAlike) {
  std::map<std::string, int> bodies;
  int replies = 0;
  const SandboxAccount a = account(CallbackMode::kSecure);
  CallbackSender sender(
      sender_settings(0.3, 0), [&](const SignedCallback& c) -> std::optional<HttpReply> {
        const bool again = ++bodies[c.body] > 1;
        // Answers repeated deliveries otherwise in every second case.
        const bool otherwise = again && ++replies % 2 == 0;
        return HttpReply{200,
                         otherwise ? "success" : encrypted_reply(a, reply_xml(a, "oUser", "欢迎"))};
      });
  const CallbackCounts counts = sender.deliver(messages(200), "http://h/x", kNow);
  EXPECT_EQ(bodies.size(), 200u);
  EXPECT_GT(counts.duplicates, 30);
  EXPECT_LT(counts.duplicates, 90);
  EXPECT_EQ(counts.duplicates_answered_otherwise, counts.duplicates / 2);
  EXPECT_EQ(counts.replied, 200);
  EXPECT_EQ(sender.replies().back(), "欢迎");
}

TEST(CallbackSender, BadAnswersAreCountedNotRepeated) {
  CallbackSender sender(sender_settings(0, 0), [](const SignedCallback&) {
    return std::optional(HttpReply{200, "whatever"});
  });
  const CallbackCounts counts = sender.deliver(messages(5), "http://h/x", kNow);
  EXPECT_EQ(counts.posts, 5);
  EXPECT_EQ(counts.bad_answers, 5);
  EXPECT_THAT(sender.complaints().back(), testing::HasSubstr("neither success nor XML"));
}

TEST(CallbackSender, EverybodyIsServedWhateverTheNumberOfLanes) {
  std::vector<CallbackMessage> many;
  for (int i = 0; i < 300; ++i)
    many.push_back(text_message("o" + std::to_string(i % 40), kNow, "hi", i + 1));
  std::atomic<int> calls = 0;
  CallbackSender sender(sender_settings(0, 0.1, 8), [&](const SignedCallback&) {
    ++calls;
    return std::optional(HttpReply{200, "success"});
  });
  const CallbackCounts counts = sender.deliver(many, "http://h/x", kNow);
  EXPECT_EQ(calls, 300);
  EXPECT_EQ(counts.acknowledged, 300);
  EXPECT_GT(counts.out_of_order, 5);
}

TEST(DeliveryPlan, EveryMessageComesAtLeastOnceAndMischiefIsSeeded) {
  Random a(5), b(5);
  const CallbackMischief mischief{0.1, 0.1};
  const auto plan = plan_deliveries(500, mischief, a);
  EXPECT_EQ(plan, plan_deliveries(500, mischief, b));
  EXPECT_EQ(std::set<std::size_t>(plan.begin(), plan.end()).size(), 500u);
  EXPECT_GT(plan.size(), 520u);
  EXPECT_FALSE(std::ranges::is_sorted(plan));
  Random c(5);
  EXPECT_THAT(plan_deliveries(3, {0, 0}, c), testing::ElementsAre(0, 1, 2));
}

}  // namespace
}  // namespace zhiyin::sandbox
