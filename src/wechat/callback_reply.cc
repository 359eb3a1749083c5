// How a reply to a callback is written: XML or JSON, encrypted when the callback was.
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
      for (const Article& a : reply.articles) items += article_xml(a);
      body += xml_text("MsgType", "news") +
              element("ArticleCount", std::to_string(reply.articles.size())) +
              element("Articles", items);
      break;
    }
    case ReplyType::kTransfer:
      body += xml_text("MsgType", "transfer_customer_service");
      break;
  }
  return element("xml", body);
}

/// JSON callbacks come from mini-programs; the only answer they know beside `success` is the
/// hand-over.
std::string reply_json(const Callback& c, Instant create_time) {
  Json out = Json::object();
  out.set("ToUserName", c.from_openid);
  out.set("FromUserName", c.to);
  out.set("CreateTime", create_time.us / 1'000'000);
  out.set("MsgType", "transfer_customer_service");
  return out.dump();
}

Result<std::string> envelope(const CallbackRules& rules, bool as_json, std::string_view plain,
                             Instant create_time, const ReplyEntropy& entropy) {
  CryptResult<std::string> encrypted =
      encrypt_message(rules.aes_key, plain, rules.app_id, entropy.random);
  if (!encrypted) return fail(ErrorCode::kInternal, "reply: {}", encrypted.error().message);
  const std::string timestamp = std::to_string(create_time.us / 1'000'000);
  const std::string signature =
      sorted_signature({rules.token.reveal(), timestamp, entropy.nonce, *encrypted});
  if (as_json) {
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

ReplyEntropy make_reply_entropy() {
  return {crypto::random_bytes(kCryptRandomBytes), crypto::hex(crypto::random_bytes(8))};
}

Result<std::string> render_reply(const CallbackRules& rules, const Callback& callback,
                                 const Reply& reply, Instant create_time,
                                 const ReplyEntropy& entropy) {
  const bool is_message_reply = reply.type != ReplyType::kNone;
  if (!is_message_reply || callback.from_openid.empty() ||
      (callback.json && reply.type != ReplyType::kTransfer)) {
    return std::string(kAcknowledged);  // never encrypted
  }
  const std::string plain =
      callback.json ? reply_json(callback, create_time) : reply_xml(callback, reply, create_time);
  if (!callback.encrypted) return plain;
  if (rules.aes_key.empty())
    return fail(ErrorCode::kInternal, "reply: the account has no EncodingAESKey");
  return envelope(rules, callback.json, plain, create_time, entropy);
}

}  // namespace zhiyin::wechat
