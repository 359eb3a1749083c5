#include "wechat/callback.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <span>

#include "base/crypto.h"
#include "wechat/callback_fields.h"
#include "wechat/callback_samples.h"
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

TEST(OpenCallback, PlainBodyIsADowngradeInAnyModeButPlain) {
  CallbackQuery raw = plain_query();
  raw.encrypt_type = "raw";
  for (const CallbackMode mode : {CallbackMode::kSecure, CallbackMode::kCompatible}) {
    for (const CallbackQuery& query : {plain_query(), raw}) {
      const auto refused = open_callback(rules(mode), query, text_xml(), kNow);
      EXPECT_EQ(refusal_of(refused), Refusal::kDowngrade);
      EXPECT_NE(refused.error().error.message.find(enum_name(mode)), std::string::npos);
    }
  }
  EXPECT_TRUE(open_callback(rules(CallbackMode::kPlain), raw, text_xml(), kNow));
  EXPECT_EQ(http_status(Refusal::kDowngrade), 403);
}

TEST(OpenCallback, OneAddressIsOneRequestWhateverTheFormOfItsBody) {
  const Encrypted e = encrypted(text_xml());
  const CallbackRules plain = rules(CallbackMode::kPlain);
  const auto key = open_callback(plain, e.query, e.body, kNow).value().request_key;
  EXPECT_EQ(open_callback(plain, plain_query(), text_xml("TD"), kNow).value().request_key, key);
  CallbackQuery later = plain_query(kNowSeconds + 1);
  EXPECT_NE(open_callback(plain, later, text_xml("TD"), kNow).value().request_key, key);
  // What is signed with its body stands for itself.
  EXPECT_EQ(open_callback(rules(CallbackMode::kSecure), e.query, e.body, kNow).value().request_key,
            "");
}

TEST(OpenCallback, OnlyWhatIsSignedSaysSomethingAboutTheSettings) {
  CallbackQuery q = plain_query();
  q.signature = std::string(40, '0');
  const auto plain = open_callback(rules(CallbackMode::kSecure), q, text_xml(), kNow);
  EXPECT_EQ(refusal_of(plain), Refusal::kSignature);
  CallbackRules no_key = rules(CallbackMode::kPlain);
  no_key.aes_key = {};
  Encrypted e = encrypted(text_xml());
  e.query.signature = q.signature;
  EXPECT_EQ(refusal_of(open_callback(no_key, e.query, e.body, kNow)), Refusal::kSignature);
  EXPECT_FALSE(is_signed(Refusal::kSignature));
  EXPECT_TRUE(is_signed(Refusal::kDowngrade));
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

TEST(RenderReply, VoiceVideoMusicAndAChosenMemberOfStaff) {
  const CallbackRules r = rules(CallbackMode::kPlain);
  const auto rendered = [&](const Reply& reply) {
    EXPECT_TRUE(validate(reply));
    return parse_xml(*render_reply(r, incoming(false), reply, kNow, kEntropy)).value();
  };
  Reply reply;
  reply.type = ReplyType::kVoice;
  reply.media_id = "m1";
  EXPECT_EQ(rendered(reply).find("Voice")->find("MediaId")->text, "m1");
  reply.type = ReplyType::kVideo;
  reply.title = "标题";
  reply.description = "d";
  const XmlElement video = rendered(reply);
  EXPECT_EQ(video.find("MsgType")->text, "video");
  EXPECT_EQ(video.find("Video")->find("Title")->text, "标题");
  EXPECT_EQ(video.find("Video")->find("Description")->text, "d");
  reply.type = ReplyType::kMusic;
  EXPECT_EQ(validate(reply).error().field, "music_url");
  reply.music_url = "https://a.example/m.mp3";
  EXPECT_EQ(validate(reply).error().field, "thumb_media_id");
  reply.thumb_media_id = "t1";
  const XmlElement music = rendered(reply);
  EXPECT_EQ(music.find("Music")->find("MusicUrl")->text, "https://a.example/m.mp3");
  EXPECT_EQ(music.find("Music")->find("HQMusicUrl")->text, "https://a.example/m.mp3");
  EXPECT_EQ(music.find("Music")->find("ThumbMediaId")->text, "t1");
  Reply transfer;
  transfer.type = ReplyType::kTransfer;
  transfer.kf_account = "li@shop";
  EXPECT_EQ(rendered(transfer).find("TransInfo")->find("KfAccount")->text, "li@shop");
}

TEST(RenderReply, OfficialVideoSampleIsRenderedAsTheVectorHasIt) {
  const CryptVector& m6 = kCryptVectors[5];
  ASSERT_EQ(m6.id, "M6");
  Callback c;
  c.from_openid = "oia2Tj我是中文jewbmiOUlr6X-1crbLOvLw";
  c.to = "gh_7f083739789a";
  c.encrypted = true;
  Reply reply;
  reply.type = ReplyType::kVideo;
  reply.media_id = "eYJ1MbwPRJtOvIEabaxHs7TX2D-HV71s79GUxqdUkjm6Gs2Ed1KF3ulAOA9H1xG0";
  reply.title = reply.description = "testCallBackReplyVideo";
  const auto body = render_reply(rules(CallbackMode::kSecure), c, reply,
                                 Instant{1407743423LL * 1'000'000}, {"xSG2qoXXcA8S0wCi", "n"});
  ASSERT_TRUE(body);
  EXPECT_EQ(parse_xml(*body)->find("Encrypt")->text, m6.encrypted);
}

TEST(RenderReply, OfSeveralArticlesAMessageGetsOneAndAnEventAll) {
  Reply news;
  news.type = ReplyType::kNews;
  news.articles = {{"a", "", "https://a.example", ""}, {"b", "", "https://b.example", ""}};
  const CallbackRules r = rules(CallbackMode::kPlain);
  const auto count = [&](const Callback& c) {
    return parse_xml(*render_reply(r, c, news, kNow, kEntropy))->find("ArticleCount")->text;
  };
  EXPECT_EQ(count(incoming(false)), "1");
  EXPECT_EQ(count(parsed("<Event>subscribe</Event>")), "2");
}

TEST(RenderReply, MiniProgramsOnlyHandOverAndNeverForEvents) {
  CallbackRules r = rules(CallbackMode::kPlain);
  r.mini_program = true;
  Reply text;
  text.type = ReplyType::kText;
  text.text = "x";
  Reply transfer;
  transfer.type = ReplyType::kTransfer;
  EXPECT_FALSE(may_answer_with(r, incoming(false), text));
  EXPECT_EQ(render_reply(r, incoming(false), text, kNow, kEntropy).value(), "success");
  EXPECT_TRUE(may_answer_with(r, incoming(false), transfer));
  EXPECT_FALSE(may_answer_with(r, parsed("<Event>user_enter_tempsession</Event>"), transfer));
}

CallbackRules wecom_rules(const CryptVector& v) {
  CallbackRules r;
  r.account = AccountId("corp");
  r.wecom = true;
  r.app_id = std::string(v.receive_id);
  r.token = Secret(std::string(v.token));
  r.aes_key = decode_aes_key(v.encoding_aes_key).value();
  return r;
}
CallbackQuery wecom_query(const CryptVector& v) {
  CallbackQuery q;
  q.timestamp = v.timestamp;
  q.nonce = v.nonce;
  q.msg_signature = v.msg_signature;
  return q;
}
Instant time_of(const CryptVector& v) { return {std::stoll(std::string(v.timestamp)) * 1'000'000}; }

class WecomVectors : public testing::TestWithParam<CryptVector> {};

TEST_P(WecomVectors, EchoesAreDecryptedAndMessagesOpened) {
  const CryptVector& v = GetParam();
  CallbackRules r = wecom_rules(v);
  CallbackQuery q = wecom_query(v);
  if (v.id[0] == 'E') {
    q.echostr = v.encrypted;
    EXPECT_EQ(verify_callback_url(r, q, time_of(v)).value(), v.plain);
    std::ranges::replace(q.echostr, '+', ' ');  // as a form reads it
    EXPECT_EQ(verify_callback_url(r, q, time_of(v)).value(), v.plain);
    q.echostr[0] = q.echostr[0] == 'A' ? 'B' : 'A';
    EXPECT_EQ(verify_callback_url(r, q, time_of(v)).error().refusal, Refusal::kSignature);
    r.app_id = "ww0000000000000000";
    EXPECT_EQ(verify_callback_url(
                  r,
                  [&] {
                    auto c = wecom_query(v);
                    c.echostr = v.encrypted;
                    return c;
                  }(),
                  time_of(v))
                  .error()
                  .refusal,
              Refusal::kReceiver);
    return;
  }
  const std::string body = fmt::format(
      "<xml><ToUserName><![CDATA[{}]]></ToUserName><AgentID>1</AgentID><Encrypt><![CDATA[{}]]>"
      "</Encrypt></xml>",
      v.receive_id, v.encrypted);
  const auto c = open_callback(r, q, body, time_of(v));
  ASSERT_TRUE(c) << c.error().error.message;
  EXPECT_EQ(c->kind, CallbackKind::kText);
  EXPECT_TRUE(c->wecom && c->encrypted);
  Reply reply;
  reply.type = ReplyType::kText;
  reply.text = "好";
  const auto answer = parse_xml(*render_reply(r, *c, reply, kNow, kEntropy));
  EXPECT_NE(decrypt_message_for(r.aes_key, answer->find("Encrypt")->text, r.app_id)->find("好"),
            std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Known, WecomVectors, testing::ValuesIn([] {
                           std::vector<CryptVector> out;
                           for (const CryptVector& v : kCryptVectors) {
                             if (v.id[0] != 'M') out.push_back(v);
                           }
                           return out;
                         }()),
                         [](const auto& param) { return std::string(param.param.id); });

/// A request of WeCom with `plain`, encrypted for `receive_id`.
std::expected<Callback, CallbackError> from_wecom(CallbackRules r, std::string_view plain,
                                                  std::string_view receive_id, bool json = false) {
  r.wecom = true;
  const std::string cipher =
      encrypt_message(r.aes_key, plain, receive_id, "0123456789abcdef").value();
  CallbackQuery q = plain_query();
  q.signature.clear();
  q.msg_signature = sorted_signature({"pamtest", q.timestamp, q.nonce, cipher});
  const std::string body =
      json ? fmt::format(R"({{"tousername":"ww1","encrypt":"{}","agentid":"1"}})", cipher)
           : fmt::format("<xml><ToUserName>ww1</ToUserName><Encrypt>{}</Encrypt></xml>", cipher);
  return open_callback(r, q, body, kNow);
}

CallbackRules corp() {
  CallbackRules r = rules(CallbackMode::kSecure);
  r.original_id.clear();
  r.app_id = "ww1";
  r.suite_id = "tj2";
  return r;
}
std::string contact_added(std::string_view customer) {
  return fmt::format(
      "<xml><ToUserName>ww1</ToUserName><FromUserName>sys</FromUserName><CreateTime>{}</CreateTime>"
      "<MsgType>event</MsgType><Event>change_external_contact</Event><ChangeType>"
      "add_external_contact</ChangeType><UserID>zhang</UserID><ExternalUserID>{}</ExternalUserID>"
      "<State>shelf7</State><WelcomeCode>W</WelcomeCode></xml>",
      kNowSeconds, customer);
}

TEST(WecomCallback, ReceiversAreTheCompanyTheSuiteAndForRobotsNobody) {
  EXPECT_TRUE(from_wecom(corp(), contact_added("wm1"), "ww1"));
  EXPECT_TRUE(from_wecom(corp(), contact_added("wm1"), "tj2"));
  EXPECT_TRUE(from_wecom(corp(), contact_added("wm1"), ""));
  EXPECT_EQ(refusal_of(from_wecom(corp(), contact_added("wm1"), "ww2")), Refusal::kReceiver);
  CallbackRules without_suite = corp();
  without_suite.suite_id.clear();
  EXPECT_EQ(refusal_of(from_wecom(without_suite, contact_added("wm1"), "tj2")), Refusal::kReceiver);
  EXPECT_EQ(refusal_of(from_wecom(without_suite, contact_added("wm1"), "tj2", true)),
            Refusal::kReceiver);
}

TEST(WecomCallback, PlainBodiesAreNotKnownAndTheAnswerGoesToWhomItWasEncryptedFor) {
  CallbackRules r = corp();
  r.wecom = true;
  EXPECT_EQ(refusal_of(open_callback(r, plain_query(), text_xml("x", "ww1"), kNow)),
            Refusal::kMalformed);
  const auto c = from_wecom(corp(), text_xml("x", "ww1"), "tj2");
  ASSERT_TRUE(c);
  Reply reply;
  reply.type = ReplyType::kText;
  reply.text = "好";
  const auto answer = parse_xml(*render_reply(r, *c, reply, kNow, kEntropy));
  EXPECT_TRUE(decrypt_message_for(r.aes_key, answer->find("Encrypt")->text, "tj2"));
}

TEST(WecomCallback, TwoCustomersOfOneSecondAreTwoOccurrences) {
  const auto a = from_wecom(corp(), contact_added("wm1"), "ww1");
  const auto b = from_wecom(corp(), contact_added("wm2"), "ww1");
  ASSERT_TRUE(a && b);
  EXPECT_EQ(a->kind, CallbackKind::kOther);
  EXPECT_NE(a->dedup_key, b->dedup_key);
  EXPECT_EQ(a->dedup_key, from_wecom(corp(), contact_added("wm1"), "ww1")->dedup_key);
}

TEST(WecomCallback, OrdersToTheSuiteAndChangesOfGroupsAreNotices) {
  const auto ticket = from_wecom(
      corp(),
      fmt::format("<xml><SuiteId>tj2</SuiteId><InfoType>suite_ticket</InfoType><TimeStamp>{}"
                  "</TimeStamp><SuiteTicket>T</SuiteTicket></xml>",
                  kNowSeconds),
      "tj2");
  ASSERT_TRUE(ticket) << ticket.error().error.message;
  EXPECT_EQ(ticket->kind, CallbackKind::kNotice);
  EXPECT_EQ(ticket->event, "suite_ticket");
  const auto group = from_wecom(
      corp(),
      fmt::format("<xml><ToUserName>ww1</ToUserName><FromUserName>sys</FromUserName><CreateTime>{}"
                  "</CreateTime><MsgType>event</MsgType><Event>change_external_chat</Event><ChatId>"
                  "wr1</ChatId><ChangeType>update</ChangeType></xml>",
                  kNowSeconds),
      "ww1");
  ASSERT_TRUE(group);
  EXPECT_EQ(group->kind, CallbackKind::kNotice);
}

TEST(WecomCallback, JsonOfRobotsHasItsOwnNamesBothWays) {
  const auto c = from_wecom(
      corp(),
      R"({"msgid":"M1","aibotid":"B","chattype":"single","from":{"userid":"zhang"},"msgtype":"text","text":{"content":"你好"}})",
      "", true);
  ASSERT_TRUE(c) << c.error().error.message;
  EXPECT_EQ(c->kind, CallbackKind::kText);
  EXPECT_EQ(c->content, "你好");
  EXPECT_EQ(c->from_openid, "zhang");
  EXPECT_EQ(c->create_time, kNow);
}

TEST(OpenCallback, EncryptTypeCannotBeTakenAway) {
  const Encrypted e = encrypted(
      text_xml(), "wxb11529c136998cb6", kKey43,
      "<FromUserName>oMallory</FromUserName><CreateTime>1767225600</CreateTime><MsgType>text"
      "</MsgType><Content>TD</Content><MsgId>1</MsgId>");
  for (const CallbackMode mode : {CallbackMode::kCompatible, CallbackMode::kPlain}) {
    EXPECT_EQ(refusal_of(open_callback(rules(mode), plain_query(), e.body, kNow)),
              Refusal::kDowngrade);
  }
}

TEST(ParseCallback, PlatformNoticesNameThePersonApart) {
  const Callback revoked = parsed(
      "<Event>user_authorization_revoke</Event><OpenID>oBob</OpenID><AppID>wx1</AppID>"
      "<RevokeInfo>201,205</RevokeInfo>");
  EXPECT_EQ(revoked.from_openid, "oBob");
  const Callback guide = parsed(
      "<Event>guide_qrcode_scan_event</Event><GuideScanEvent><openid>oCarl</openid>"
      "</GuideScanEvent>");
  EXPECT_EQ(guide.from_openid, "oCarl");
  EXPECT_EQ(parsed("<Event>annual_renew</Event><ExpiredTime>1</ExpiredTime>").kind,
            CallbackKind::kNotice);
}

// Whatever comes of a damaged callback, a refusal names what is wrong, and what is accepted can be
// answered and told apart.

void check_handled(const std::expected<Callback, CallbackError>& c, const std::string& body) {
  if (!c) {
    EXPECT_GT(c.error().error.message.size(), std::string("callback: ").size()) << body;
    EXPECT_LT(c.error().error.message.size(), 600U);
    return;
  }
  EXPECT_EQ(c->dedup_key.size(), 32U);
  const CallbackRules r = rules(CallbackMode::kPlain);
  EXPECT_TRUE(render_reply(r, *c, decide_reply({}, *c).reply, kNow, kEntropy)) << body;
  static_cast<void>(callback_fields(*c));
}

bool is_in(std::span<const std::string_view> names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

TEST(BadInput, EveryFieldOfEveryKindMissingDoubledHugeAndOfAnotherType) {
  const CallbackRules r = rules(CallbackMode::kPlain);
  constexpr std::string_view kAlwaysThere[] = {"CreateTime", "MsgType", "ToUserName"};
  constexpr std::string_view kStandOnce[] = {"ToUserName", "FromUserName", "CreateTime",
                                             "MsgType",    "MsgId",        "MsgID",
                                             "Event",      "EventKey",     "Content"};
  for (const auto& [sample, field, damage, body] : damaged_callbacks(kNowSeconds)) {
    SCOPED_TRACE(fmt::format("{} {}", sample, field));
    const auto c = parse_callback(r, body);
    check_handled(c, body);
    if (damage == Damage::kMissing && is_in(kAlwaysThere, field)) {
      EXPECT_FALSE(c);
    }
    const bool is_json = body.starts_with('{');  // where nothing is a list by being repeated
    if (damage == Damage::kDoubled && (is_json || is_in(kStandOnce, field))) {
      EXPECT_EQ(refusal_of(c), Refusal::kMalformed);
      EXPECT_NE(c.error().error.message.find(field), std::string::npos);
    }
  }
}

TEST(BadInput, DamagedEncryptedPartsAreRefusedAlikeAndNothingIsLearnt) {
  const CallbackRules r = rules(CallbackMode::kSecure);
  const Encrypted good = encrypted(text_xml());
  const std::string cipher = parse_xml(good.body)->find("Encrypt")->text;
  const std::string bytes = crypto::unbase64(cipher).value();
  const auto refusal_with = [&](const std::string& encrypted_part) {
    CallbackQuery q = good.query;
    q.msg_signature = sorted_signature({"pamtest", q.timestamp, q.nonce, encrypted_part});
    const auto c =
        open_callback(r, q, "<xml>" + xml_text("Encrypt", encrypted_part) + "</xml>", kNow);
    return c ? std::string("accepted") : std::string(to_string(c.error().refusal));
  };
  for (std::size_t cut = 1; cut < 70; ++cut)
    EXPECT_EQ(refusal_with(cipher.substr(0, cipher.size() - cut)), "encryption") << cut;
  // Every bit of the last two blocks decides about padding and receiver.
  for (std::size_t i = bytes.size() - 32; i < bytes.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = bytes;
      damaged[i] = static_cast<char>(static_cast<unsigned char>(damaged[i]) ^ (1U << bit));
      const std::string why = refusal_with(crypto::base64(damaged));
      EXPECT_TRUE(why == "encryption" || why == "receiver") << i << " " << bit << " " << why;
    }
  }
}

}  // namespace
}  // namespace zhiyin::wechat
