#include "wechat/callback.h"

#include <gtest/gtest.h>

#include "wechat/crypto.h"
#include "wechat/crypto_vectors.h"
#include "wechat/xml.h"

namespace zhiyin::wechat {
namespace {

constexpr std::string_view kKey43 = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
constexpr std::int64_t kNowSeconds = 1'767'225'600;
const Instant kNow{kNowSeconds * 1'000'000};

CallbackRules rules(CallbackMode mode) {
  CallbackRules r;
  r.account = AccountId("shop");
  r.app_id = "wxb11529c136998cb6";
  r.original_id = "gh_shop";
  r.token = Secret("pamtest");
  r.aes_key = decode_aes_key(kKey43).value();
  r.mode = mode;
  return r;
}

std::string text_xml(std::string_view content = "你好", std::string_view to = "gh_shop") {
  return fmt::format(
      "<xml><ToUserName><![CDATA[{}]]></ToUserName><FromUserName><![CDATA[oAlice]]></FromUserName>"
      "<CreateTime>{}</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[{}]]></"
      "Content>"
      "<MsgId>1234567890123456</MsgId></xml>",
      to, kNowSeconds, content);
}

CallbackQuery plain_query(std::int64_t at = kNowSeconds) {
  CallbackQuery q;
  q.timestamp = std::to_string(at);
  q.nonce = "415670741";
  q.signature = sorted_signature({"pamtest", q.timestamp, q.nonce});
  return q;
}

struct Encrypted {
  CallbackQuery query;
  std::string body;
};
Encrypted encrypted(std::string_view plain, std::string_view app_id = "wxb11529c136998cb6",
                    std::string_view key = kKey43, std::string_view extra = "") {
  Encrypted out;
  out.query = plain_query();
  out.query.encrypt_type = "aes";
  const std::string cipher =
      encrypt_message(decode_aes_key(key).value(), plain, app_id, "0123456789abcdef").value();
  out.query.msg_signature =
      sorted_signature({"pamtest", out.query.timestamp, out.query.nonce, cipher});
  out.body =
      fmt::format("<xml><ToUserName>gh_shop</ToUserName>{}<Encrypt><![CDATA[{}]]></Encrypt></xml>",
                  extra, cipher);
  return out;
}

Refusal refusal_of(const std::expected<Callback, CallbackError>& outcome) {
  EXPECT_FALSE(outcome);
  return outcome ? Refusal::kTooLarge : outcome.error().refusal;
}

Callback parsed(std::string_view inner, std::string_view type = "event") {
  CallbackRules r = rules(CallbackMode::kPlain);
  auto c = parse_callback(
      r, fmt::format("<xml><ToUserName>gh_shop</ToUserName><FromUserName>oAlice</FromUserName>"
                     "<CreateTime>{}</CreateTime><MsgType>{}</MsgType>{}</xml>",
                     kNowSeconds, type, inner));
  EXPECT_TRUE(c) << inner;
  return c ? *c : Callback{};
}

TEST(VerifyUrl, OfficialSampleEchoesExactly) {
  CallbackRules r;
  r.token = Secret("AAAAA");
  CallbackQuery q;
  q.signature = "f464b24fc39322e44b38aa78f5edd27bd1441696";
  q.timestamp = "1714036504";
  q.nonce = "1514711492";
  q.echostr = "4375120948345356249";
  const auto echo = verify_callback_url(r, q, Instant{1714036510LL * 1'000'000});
  ASSERT_TRUE(echo);
  EXPECT_EQ(*echo, "4375120948345356249");
}

TEST(VerifyUrl, RefusesWrongSignatureOldTimestampAndMarkup) {
  const CallbackRules r = rules(CallbackMode::kSecure);
  CallbackQuery q = plain_query();
  q.echostr = "123";
  EXPECT_TRUE(verify_callback_url(r, q, kNow));
  CallbackQuery wrong = q;
  wrong.signature[0] = wrong.signature[0] == 'a' ? 'b' : 'a';
  const auto refused = verify_callback_url(r, wrong, kNow);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().refusal, Refusal::kSignature);
  EXPECT_EQ(http_status(refused.error().refusal), 401);
  EXPECT_EQ(verify_callback_url(r, q, kNow + std::chrono::minutes(11)).error().refusal,
            Refusal::kTimestamp);
  CallbackQuery markup = q;
  markup.echostr = "<script>";
  EXPECT_EQ(verify_callback_url(r, markup, kNow).error().refusal, Refusal::kMalformed);
}

TEST(OpenCallback, PlainText) {
  const auto c = open_callback(rules(CallbackMode::kPlain), plain_query(), text_xml(), kNow);
  ASSERT_TRUE(c);
  EXPECT_EQ(c->kind, CallbackKind::kText);
  EXPECT_EQ(c->account, AccountId("shop"));
  EXPECT_EQ(c->from_openid, "oAlice");
  EXPECT_EQ(c->to, "gh_shop");
  EXPECT_EQ(c->content, "你好");
  EXPECT_EQ(c->msg_id, "1234567890123456");
  EXPECT_EQ(c->create_time, kNow);
  EXPECT_FALSE(c->encrypted);
  EXPECT_EQ(c->dedup_key.size(), 32U);
}

TEST(OpenCallback, SecureAndCompatibleBodiesDecrypt) {
  const Encrypted e = encrypted(text_xml());
  for (const CallbackMode mode :
       {CallbackMode::kSecure, CallbackMode::kCompatible, CallbackMode::kPlain}) {
    const auto c = open_callback(rules(mode), e.query, e.body, kNow);
    ASSERT_TRUE(c) << static_cast<int>(mode);
    EXPECT_EQ(c->content, "你好");
    EXPECT_TRUE(c->encrypted);
  }
}

TEST(OpenCallback, OfCompatibleBodiesOnlyTheEncryptedPartCounts) {
  const Encrypted e = encrypted(
      text_xml(), "wxb11529c136998cb6", kKey43,
      "<FromUserName>oMallory</FromUserName><MsgType>text</MsgType><Content>forged</Content>");
  const auto c = open_callback(rules(CallbackMode::kCompatible), e.query, e.body, kNow);
  ASSERT_TRUE(c);
  EXPECT_EQ(c->from_openid, "oAlice");
  EXPECT_EQ(c->content, "你好");
}

TEST(OpenCallback, PlainBodyInSecureModeIsADowngrade) {
  const auto refused = open_callback(rules(CallbackMode::kSecure), plain_query(), text_xml(), kNow);
  EXPECT_EQ(refusal_of(refused), Refusal::kDowngrade);
  EXPECT_EQ(http_status(Refusal::kDowngrade), 403);
  CallbackQuery raw = plain_query();
  raw.encrypt_type = "raw";
  EXPECT_EQ(refusal_of(open_callback(rules(CallbackMode::kSecure), raw, text_xml(), kNow)),
            Refusal::kDowngrade);
  EXPECT_TRUE(open_callback(rules(CallbackMode::kCompatible), raw, text_xml(), kNow));
}

TEST(OpenCallback, EachWrongPartHasItsClass) {
  const CallbackRules r = rules(CallbackMode::kSecure);
  const Encrypted e = encrypted(text_xml());
  CallbackQuery q = e.query;
  q.msg_signature = q.signature;  // the signature without the body must not do
  EXPECT_EQ(refusal_of(open_callback(r, q, e.body, kNow)), Refusal::kSignature);
  q = e.query;
  q.nonce += "1";
  EXPECT_EQ(refusal_of(open_callback(r, q, e.body, kNow)), Refusal::kSignature);
  q = e.query;
  q.encrypt_type = "rot13";
  EXPECT_NE(refusal_of(open_callback(r, q, e.body, kNow)), Refusal::kSignature);

  const Encrypted other_app = encrypted(text_xml(), "wx0000000000000000");
  EXPECT_EQ(refusal_of(open_callback(r, other_app.query, other_app.body, kNow)),
            Refusal::kReceiver);
  const Encrypted other_key =
      encrypted(text_xml(), "wxb11529c136998cb6", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
  EXPECT_EQ(refusal_of(open_callback(r, other_key.query, other_key.body, kNow)),
            Refusal::kEncryption);
  const Encrypted other_account = encrypted(text_xml("x", "gh_other"));
  EXPECT_EQ(refusal_of(open_callback(r, other_account.query, other_account.body, kNow)),
            Refusal::kReceiver);
  CallbackRules no_key = rules(CallbackMode::kPlain);
  no_key.aes_key = {};
  EXPECT_EQ(refusal_of(open_callback(no_key, e.query, e.body, kNow)), Refusal::kNoKey);
}

TEST(OpenCallback, TimestampMustLieInTheWindowBothWays) {
  const CallbackRules r = rules(CallbackMode::kPlain);
  EXPECT_TRUE(open_callback(r, plain_query(), text_xml(), kNow + kReplayWindow));
  EXPECT_EQ(refusal_of(open_callback(r, plain_query(), text_xml(),
                                     kNow + kReplayWindow + std::chrono::seconds(1))),
            Refusal::kTimestamp);
  EXPECT_EQ(refusal_of(open_callback(r, plain_query(), text_xml(),
                                     kNow - kReplayWindow - std::chrono::seconds(1))),
            Refusal::kTimestamp);
  for (const char* odd : {"", "x", "-5", "99999999999999999999"}) {
    CallbackQuery q = plain_query();
    q.timestamp = odd;
    q.signature = sorted_signature({"pamtest", q.timestamp, q.nonce});
    EXPECT_EQ(refusal_of(open_callback(r, q, text_xml(), kNow)), Refusal::kTimestamp) << odd;
  }
}

TEST(OpenCallback, GarbageTruncatedAndOversizedBodies) {
  const CallbackRules r = rules(CallbackMode::kPlain);
  for (const std::string& bad :
       {std::string(), std::string("garbage"), text_xml().substr(0, 60), std::string("<a/>"),
        std::string("<xml/>"), std::string("{\"a\":"), std::string("[1]"),
        std::string("<xml><MsgType>text</MsgType></xml>"),
        std::string("<xml><MsgType>text</MsgType><CreateTime>-1</CreateTime></xml>")}) {
    EXPECT_EQ(refusal_of(open_callback(r, plain_query(), bad, kNow)), Refusal::kMalformed) << bad;
  }
  EXPECT_EQ(refusal_of(open_callback(r, plain_query(),
                                     text_xml(std::string(kCallbackBytesMax, 'x')), kNow)),
            Refusal::kTooLarge);
  EXPECT_EQ(http_status(Refusal::kTooLarge), 413);
}

TEST(OpenCallback, OfficialJsonSample) {
  const CryptVector& m1 = kCryptVectors[0];
  CallbackRules r;
  r.app_id = std::string(m1.receive_id);
  r.token = Secret(std::string(m1.token));
  r.aes_key = decode_aes_key(m1.encoding_aes_key).value();
  CallbackQuery q;
  q.timestamp = m1.timestamp;
  q.nonce = m1.nonce;
  q.encrypt_type = "aes";
  q.msg_signature = m1.msg_signature;
  const std::string body =
      fmt::format(R"({{"ToUserName":"gh_97417a04a28d","Encrypt":"{}"}})", m1.encrypted);
  const auto c = open_callback(r, q, body, Instant{1714112445LL * 1'000'000});
  ASSERT_TRUE(c) << c.error().error.message;
  EXPECT_TRUE(c->json);
  EXPECT_EQ(c->event, "debug_demo");
  EXPECT_EQ(c->kind, CallbackKind::kOther);
  EXPECT_EQ(c->fields["debug_str"].string_or(""), "hello world");
}

TEST(ParseCallback, NumbersOfJsonMayBeStringsAndLong) {
  const CallbackRules r = rules(CallbackMode::kPlain);
  const auto number = parse_callback(
      r,
      R"({"ToUserName":"gh_shop","FromUserName":"o1","CreateTime":1767225600,"MsgType":"text","Content":"x","MsgId":9007199254740993})");
  const auto string = parse_callback(
      r,
      R"({"ToUserName":"gh_shop","FromUserName":"o1","CreateTime":"1767225600","MsgType":"text","Content":"x","MsgId":"9007199254740993"})");
  ASSERT_TRUE(number && string);
  EXPECT_EQ(number->msg_id, "9007199254740993");
  EXPECT_EQ(number->dedup_key, string->dedup_key);
}

TEST(ParseCallback, EventsAndTheirFields) {
  const Callback follow =
      parsed("<Event>subscribe</Event><EventKey>qrscene_12</EventKey><Ticket>tick</Ticket>");
  EXPECT_EQ(follow.kind, CallbackKind::kFollow);
  EXPECT_EQ(follow.event_key, "12");
  EXPECT_EQ(follow.ticket, "tick");
  EXPECT_EQ(parsed("<Event>unsubscribe</Event><EventKey></EventKey>").kind,
            CallbackKind::kUnfollow);
  EXPECT_EQ(parsed("<Event>SCAN</Event><EventKey>12</EventKey>").kind, CallbackKind::kScan);
  EXPECT_EQ(parsed("<Event>scancode_waitmsg</Event><EventKey>k</EventKey>").kind,
            CallbackKind::kMenuClick);
  EXPECT_EQ(parsed("<Event>view_miniprogram</Event><EventKey>p</EventKey>").kind,
            CallbackKind::kMenuView);
  EXPECT_EQ(parsed("<Event>LOCATION</Event><Latitude>1</Latitude>").kind, CallbackKind::kOther);
  EXPECT_EQ(parsed("<PicUrl>u</PicUrl><MediaId>m</MediaId><MsgId>1</MsgId>", "image").kind,
            CallbackKind::kImage);
  EXPECT_EQ(parsed("<Thing>u</Thing><MsgId>1</MsgId>", "hologram").kind, CallbackKind::kOther);
}

TEST(ParseCallback, MassResultCounts) {
  const Callback c = parsed(
      "<Event>MASSSENDJOBFINISH</Event><MsgID>1000001625</MsgID><Status>err(30003)</"
      "Status><TotalCount>10</TotalCount>"
      "<FilterCount>8</FilterCount><SentCount>5</SentCount><ErrorCount>3</ErrorCount>");
  EXPECT_EQ(c.kind, CallbackKind::kMassResult);
  EXPECT_EQ(c.msg_id, "1000001625");
  EXPECT_EQ(c.status, "err(30003)");
  EXPECT_EQ(c.mass.total, 10);
  EXPECT_EQ(c.mass.filtered, 8);
  EXPECT_EQ(c.mass.sent, 5);
  EXPECT_EQ(c.mass.failed, 3);
}

TEST(DedupKey, SeparatesWhatTheDocumentedKeysConfuse) {
  // One MsgId for two people; two events of one person in one second.
  Callback a = parsed("<Content>x</Content><MsgId>1</MsgId>", "text");
  const auto b = parse_callback(
      rules(CallbackMode::kPlain),
      fmt::format("<xml><ToUserName>gh_shop</ToUserName><FromUserName>oBob</"
                  "FromUserName><CreateTime>{}</CreateTime>"
                  "<MsgType>text</MsgType><Content>x</Content><MsgId>1</MsgId></xml>",
                  kNowSeconds));
  ASSERT_TRUE(b);
  EXPECT_NE(a.dedup_key, b->dedup_key);
  EXPECT_NE(parsed("<Event>CLICK</Event><EventKey>A</EventKey>").dedup_key,
            parsed("<Event>CLICK</Event><EventKey>B</EventKey>").dedup_key);
  EXPECT_NE(parsed("<Event>VIEW</Event><EventKey>A</EventKey>").dedup_key,
            parsed("<Event>CLICK</Event><EventKey>A</EventKey>").dedup_key);
  EXPECT_EQ(parsed("<Event>CLICK</Event><EventKey>A</EventKey>").dedup_key,
            parsed("<Event>CLICK</Event><EventKey>A</EventKey>").dedup_key);
  EXPECT_NE(
      parsed("<Event>subscribe_msg_sent_event</Event><List><MsgID>1</MsgID></List>").dedup_key,
      parsed("<Event>subscribe_msg_sent_event</Event><List><MsgID>2</MsgID></List>").dedup_key);
}

TEST(DedupKey, JobResultsAreOneOccurrencePerJob) {
  const Callback a =
      parsed("<Event>TEMPLATESENDJOBFINISH</Event><MsgID>7</MsgID><Status>success</Status>");
  const Callback lower_case =
      parsed("<Event>templatesendjobfinish</Event><MsgID>7</MsgID><Status>success</Status>");
  const Callback other =
      parsed("<Event>TEMPLATESENDJOBFINISH</Event><MsgID>8</MsgID><Status>success</Status>");
  EXPECT_EQ(a.dedup_key, lower_case.dedup_key);
  EXPECT_NE(a.dedup_key, other.dedup_key);
}

TEST(CallbackRulesOf, AccountsThatLackWhatTheirModeNeeds) {
  Account account;
  account.app_id = "wx1";
  account.mode = CallbackMode::kSecure;
  EXPECT_EQ(callback_rules(account).error().field, "token");
  account.token = Secret("tok");
  EXPECT_EQ(callback_rules(account).error().field, "encoding_aes_key");
  account.encoding_aes_key = Secret("short");
  EXPECT_EQ(callback_rules(account).error().field, "encoding_aes_key");
  account.encoding_aes_key = Secret(std::string(kKey43));
  EXPECT_TRUE(callback_rules(account));
  account.mode = CallbackMode::kPlain;
  account.encoding_aes_key = {};
  EXPECT_TRUE(callback_rules(account));
}

Callback incoming(bool is_encrypted) {
  Callback c = parsed("<Content>x</Content><MsgId>1</MsgId>", "text");
  c.encrypted = is_encrypted;
  return c;
}
const ReplyEntropy kEntropy{"0123456789abcdef", "nonce"};

TEST(RenderReply, TextSwapsTheEndsAndCountsSeconds) {
  Reply reply;
  reply.type = ReplyType::kText;
  reply.text = "a]]>b";
  const auto body =
      render_reply(rules(CallbackMode::kPlain), incoming(false), reply, kNow, kEntropy);
  ASSERT_TRUE(body);
  const auto root = parse_xml(*body);
  ASSERT_TRUE(root) << *body;
  EXPECT_EQ(root->find("ToUserName")->text, "oAlice");
  EXPECT_EQ(root->find("FromUserName")->text, "gh_shop");
  EXPECT_EQ(root->find("CreateTime")->text, std::to_string(kNowSeconds));
  EXPECT_EQ(root->find("MsgType")->text, "text");
  EXPECT_EQ(root->find("Content")->text, "a]]>b");
}

TEST(RenderReply, NewsImageAndTransfer) {
  Reply news;
  news.type = ReplyType::kNews;
  news.articles = {{"t", "d", "https://a.example", "https://p.example"}};
  const auto root =
      parse_xml(*render_reply(rules(CallbackMode::kPlain), incoming(false), news, kNow, kEntropy));
  ASSERT_TRUE(root);
  EXPECT_EQ(root->find("ArticleCount")->text, "1");
  EXPECT_EQ(root->find("Articles")->find("item")->find("Url")->text, "https://a.example");
  Reply image;
  image.type = ReplyType::kImage;
  image.media_id = "m1";
  EXPECT_NE(render_reply(rules(CallbackMode::kPlain), incoming(false), image, kNow, kEntropy)
                ->find("<Image><MediaId><![CDATA[m1]]>"),
            std::string::npos);
  Reply transfer;
  transfer.type = ReplyType::kTransfer;
  EXPECT_NE(render_reply(rules(CallbackMode::kPlain), incoming(false), transfer, kNow, kEntropy)
                ->find("transfer_customer_service"),
            std::string::npos);
}

TEST(RenderReply, EncryptedCallbacksGetEncryptedAnswersAndSuccessStaysBare) {
  const CallbackRules r = rules(CallbackMode::kSecure);
  Reply reply;
  reply.type = ReplyType::kText;
  reply.text = "回复";
  const auto body = render_reply(r, incoming(true), reply, kNow, kEntropy);
  ASSERT_TRUE(body);
  const auto root = parse_xml(*body);
  ASSERT_TRUE(root);
  const std::string cipher = root->find("Encrypt")->text;
  EXPECT_TRUE(signature_matches(
      root->find("MsgSignature")->text,
      {"pamtest", root->find("TimeStamp")->text, root->find("Nonce")->text, cipher}));
  const auto inner = parse_xml(*decrypt_message_for(r.aes_key, cipher, r.app_id));
  ASSERT_TRUE(inner);
  EXPECT_EQ(inner->find("Content")->text, "回复");
  EXPECT_EQ(render_reply(r, incoming(true), {}, kNow, kEntropy).value(), "success");
}

TEST(RenderReply, JsonAnswersOnlyWithHandOver) {
  Callback c = incoming(true);
  c.json = true;
  Reply reply;
  reply.type = ReplyType::kText;
  reply.text = "x";
  EXPECT_EQ(render_reply(rules(CallbackMode::kSecure), c, reply, kNow, kEntropy).value(),
            "success");
  reply.type = ReplyType::kTransfer;
  const auto body =
      parse_json(render_reply(rules(CallbackMode::kSecure), c, reply, kNow, kEntropy).value());
  ASSERT_TRUE(body);
  EXPECT_EQ((*body)["TimeStamp"].int_or(0), kNowSeconds);
  EXPECT_EQ((*body)["Nonce"].string_or(""), "nonce");
  const auto inner = decrypt_message_for(rules(CallbackMode::kSecure).aes_key,
                                         (*body)["Encrypt"].string_or(""), "wxb11529c136998cb6");
  ASSERT_TRUE(inner);
  EXPECT_NE(inner->find("transfer_customer_service"), std::string::npos);
}

}  // namespace
}  // namespace zhiyin::wechat
