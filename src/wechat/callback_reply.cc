// How a reply to a callback is written: XML or JSON, encrypted when the callback was.
#include <algorithm>

#include "base/crypto.h"
#include "wechat/callback.h"
#include "wechat/crypto.h"
#include "wechat/xml.h"

namespace zhiyin::wechat {
namespace {

constexpr std::string_view kAcknowledged = "success";

std::string element(std::string_view name, std::string_view inner) {
  return fmt::format("<{0}>{1}</{0}>", name, inner);
}

std::string article_xml(const Article& a) {
  return element("item", xml_text("Title", a.title) + xml_text("Description", a.description) +
                             xml_text("PicUrl", a.picture_url) + xml_text("Url", a.url));
}

std::string titles_xml(const Reply& reply) {
  return xml_text("Title", reply.title) + xml_text("Description", reply.description);
}

std::string music_xml(const Reply& reply) {
  return titles_xml(reply) + xml_text("MusicUrl", reply.music_url) +
         xml_text("HQMusicUrl", reply.hq_music_url.empty() ? reply.music_url : reply.hq_music_url) +
         xml_text("ThumbMediaId", reply.thumb_media_id);
}

/// The platform shows one article in answers to messages and takes several only in answers to
/// events.
std::size_t articles_of(const Callback& c, const Reply& reply) {
  return c.event.empty() ? std::min<std::size_t>(1, reply.articles.size()) : reply.articles.size();
}

std::string reply_xml(const Callback& c, const Reply& reply, Instant create_time) {
  std::string body = xml_text("ToUserName", c.from_openid) + xml_text("FromUserName", c.to) +
                     element("CreateTime", std::to_string(create_time.us / 1'000'000));
  switch (reply.type) {
    case ReplyType::kNone:
      break;
    case ReplyType::kText:
      body += xml_text("MsgType", "text") + xml_text("Content", reply.text);
      break;
    case ReplyType::kImage:
      body += xml_text("MsgType", "image") + element("Image", xml_text("MediaId", reply.media_id));
      break;
    case ReplyType::kNews: {
      std::string items;
      const std::size_t count = articles_of(c, reply);
      for (std::size_t i = 0; i < count; ++i) items += article_xml(reply.articles[i]);
      body += xml_text("MsgType", "news") + element("ArticleCount", std::to_string(count)) +
              element("Articles", items);
      break;
    }
    case ReplyType::kVoice:
      body += xml_text("MsgType", "voice") + element("Voice", xml_text("MediaId", reply.media_id));
      break;
    case ReplyType::kVideo:
      body += xml_text("MsgType", "video") +
              element("Video", xml_text("MediaId", reply.media_id) + titles_xml(reply));
      break;
    case ReplyType::kMusic:
      body += xml_text("MsgType", "music") + element("Music", music_xml(reply));
      break;
    case ReplyType::kTransfer:
      body += xml_text("MsgType", "transfer_customer_service");
      if (!reply.kf_account.empty())
        body += element("TransInfo", xml_text("KfAccount", reply.kf_account));
      break;
  }
  return element("xml", body);
}

/// JSON callbacks come from mini-programs; the only answer they know beside `success` is the
/// hand-over.
std::string reply_json(const Callback& c, const Reply& reply, Instant create_time) {
  Json out = Json::object();
  out.set("ToUserName", c.from_openid);
  out.set("FromUserName", c.to);
  out.set("CreateTime", create_time.us / 1'000'000);
  out.set("MsgType", "transfer_customer_service");
  if (!reply.kf_account.empty()) out.set("TransInfo", Json().set("KfAccount", reply.kf_account));
  return out.dump();
}

Result<std::string> envelope(const CallbackRules& rules, const Callback& callback,
                             std::string_view plain, Instant create_time,
                             const ReplyEntropy& entropy) {
  CryptResult<std::string> encrypted = encrypt_message(
      rules.aes_key, plain, callback.wecom ? callback.receive_id : rules.app_id, entropy.random);
  if (!encrypted) return fail(ErrorCode::kInternal, "reply: {}", encrypted.error().message);
  const std::string timestamp = std::to_string(create_time.us / 1'000'000);
  const std::string signature =
      sorted_signature({rules.token.reveal(), timestamp, entropy.nonce, *encrypted});
  if (callback.json && callback.wecom) {  // its JSON has names in lower case
    return Json()
        .set("encrypt", *encrypted)
        .set("msgsignature", signature)
        .set("timestamp", create_time.us / 1'000'000)
        .set("nonce", entropy.nonce)
        .dump();
  }
  if (callback.json) {
    Json out = Json::object();
    out.set("Encrypt", *encrypted);
    out.set("MsgSignature", signature);
    out.set("TimeStamp", create_time.us / 1'000'000);
    out.set("Nonce", entropy.nonce);
    return out.dump();
  }
  return element("xml", xml_text("Encrypt", *encrypted) + xml_text("MsgSignature", signature) +
                            element("TimeStamp", timestamp) + xml_text("Nonce", entropy.nonce));
}

}  // namespace

bool may_answer_with(const CallbackRules& rules, const Callback& callback, const Reply& reply) {
  if (reply.type == ReplyType::kNone || callback.from_openid.empty()) return false;
  const bool hands_over = reply.type == ReplyType::kTransfer;
  if (callback.wecom) return !callback.json && !hands_over && reply.type != ReplyType::kMusic;
  // Of mini-programs only the hand-over of a message is documented; they answer nothing to events.
  if (rules.mini_program || callback.json) return hands_over && callback.event.empty();
  return true;
}

ReplyEntropy make_reply_entropy() {
  return {crypto::random_bytes(kCryptRandomBytes), crypto::hex(crypto::random_bytes(8))};
}

Result<std::string> render_reply(const CallbackRules& rules, const Callback& callback,
                                 const Reply& reply, Instant create_time,
                                 const ReplyEntropy& entropy) {
  if (!may_answer_with(rules, callback, reply))
    return std::string(kAcknowledged);  // never encrypted
  const std::string plain = callback.json ? reply_json(callback, reply, create_time)
                                          : reply_xml(callback, reply, create_time);
  if (!callback.encrypted) return plain;
  if (rules.aes_key.empty())
    return fail(ErrorCode::kInternal, "reply: the account has no EncodingAESKey");
  return envelope(rules, callback, plain, create_time, entropy);
}

}  // namespace zhiyin::wechat
