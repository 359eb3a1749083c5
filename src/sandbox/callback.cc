#include "sandbox/callback.h"

#include <fmt/format.h>

#include <charconv>

#include "base/json.h"
#include "http/message.h"
#include "sandbox/wx_crypto.h"

namespace zhiyin::sandbox {
namespace {

std::string cdata(std::string_view value) {
  std::string out = "<![CDATA[";
  for (std::size_t at = 0;;) {
    const std::size_t end = value.find("]]>", at);
    if (end == std::string_view::npos) {
      out += value.substr(at);
      return out + "]]>";
    }
    out += value.substr(at, end + 2 - at);
    out += "]]><![CDATA[";
    at = end + 2;
  }
}

void append_element(std::string& xml, std::string_view name, std::string_view text) {
  fmt::format_to(std::back_inserter(xml), "<{}>{}</{}>\n", name, text, name);
}

void append_field(std::string& xml, const CallbackField& field) {
  if (field.children.empty()) {
    append_element(xml, field.name, field.is_number ? field.value : cdata(field.value));
    return;
  }
  std::string inner = "\n";
  for (const CallbackField& child : field.children) append_field(inner, child);
  append_element(xml, field.name, inner);
}

std::string append_fields(const CallbackMessage& message, std::string_view original_id) {
  std::string xml;
  append_element(xml, "ToUserName", cdata(original_id));
  append_element(xml, "FromUserName", cdata(message.openid));
  append_element(xml, "CreateTime", std::to_string(message.created_at.us / 1'000'000));
  append_element(xml, "MsgType", cdata(message.msg_type));
  for (const CallbackField& field : message.fields) append_field(xml, field);
  return xml;
}

std::string random_bytes16(Random& random) {
  std::string bytes;
  for (int word = 0; word < 2; ++word) {
    const std::uint64_t v = random.next();
    for (int i = 0; i < 8; ++i) bytes += static_cast<char>(v >> (8 * i) & 255);
  }
  return bytes;
}

std::string make_nonce(Random& random) { return std::to_string(random.next() % 2'000'000'000); }

std::string with_query(std::string_view url, std::string_view query) {
  return fmt::format("{}{}{}", url, url.find('?') == std::string_view::npos ? '?' : '&', query);
}

}  // namespace

CallbackMessage text_message(std::string_view openid, Instant at, std::string_view text,
                             std::int64_t msg_id) {
  CallbackMessage message;
  message.openid = openid;
  message.created_at = at;
  message.msg_type = "text";
  message.fields = {{"Content", std::string(text), false}, {"MsgId", std::to_string(msg_id), true}};
  return message;
}

CallbackMessage event_message(std::string_view openid, Instant at, std::string_view event,
                              std::vector<CallbackField> fields) {
  CallbackMessage message;
  message.openid = openid;
  message.created_at = at;
  message.msg_type = "event";
  message.fields = {{"Event", std::string(event), false}};
  for (CallbackField& field : fields) message.fields.push_back(std::move(field));
  return message;
}

std::string render_xml(const CallbackMessage& message, std::string_view original_id) {
  return "<xml>\n" + append_fields(message, original_id) + "</xml>";
}

namespace {

Json json_of(const CallbackField& field) {
  if (field.children.empty()) {
    std::int64_t n = 0;
    const std::string& v = field.value;
    const auto [end, error] = std::from_chars(v.data(), v.data() + v.size(), n);
    const bool is_whole = error == std::errc() && end == v.data() + v.size();
    return field.is_number && is_whole ? Json(n) : Json(v);
  }
  Json out = Json::object();
  for (const CallbackField& child : field.children) {
    Json value = json_of(child);
    const Json* earlier = out.find(child.name);
    if (earlier == nullptr) {
      out.set(child.name, std::move(value));
      continue;
    }
    Json list = earlier->if_array() != nullptr ? *earlier : Json(Json::Array{*earlier});
    list.push(std::move(value));
    out.set(child.name, std::move(list));
  }
  return out;
}

/// A company's callbacks are always encrypted, and signed by `msg_signature` alone.
Result<SignedCallback> sign_for_company(const CallbackMessage& message,
                                        const SandboxAccount& account,
                                        std::string_view callback_url, Instant now,
                                        Random& random) {
  ZHIYIN_TRY(const MessageCipher cipher,
             MessageCipher::create(account.encoding_aes_key, account.app_id));
  const std::string timestamp = std::to_string(now.us / 1'000'000);
  const std::string nonce = make_nonce(random);
  const std::string encrypted =
      cipher.encrypt(render_xml(message, account.callback_name()), random_bytes16(random));
  std::string body = "<xml>\n";
  append_element(body, "ToUserName", cdata(account.callback_name()));
  append_element(body, "AgentID", cdata("1000002"));
  append_element(body, "Encrypt", cdata(encrypted));
  return SignedCallback{
      with_query(callback_url,
                 fmt::format("msg_signature={}&timestamp={}&nonce={}",
                             message_signature(account.token, timestamp, nonce, encrypted),
                             timestamp, nonce)),
      body + "</xml>"};
}

/// `{"ToUserName":…,"Encrypt":…}`, with the plain members beside it in compatible mode.
std::string json_envelope(const CallbackMessage& message, const SandboxAccount& account,
                          const std::string& encrypted) {
  Json body = Json::object();
  if (account.mode == CallbackMode::kCompatible)
    body = parse_json(render_json(message, account.callback_name())).value_or(Json::object());
  body.set("ToUserName", account.callback_name());
  body.set("Encrypt", encrypted);
  return body.dump();
}

}  // namespace

std::string render_json(const CallbackMessage& message, std::string_view original_id) {
  Json out = Json::object();
  out.set("ToUserName", original_id);
  out.set("FromUserName", message.openid);
  out.set("CreateTime", message.created_at.us / 1'000'000);
  out.set("MsgType", message.msg_type);
  for (const CallbackField& field : message.fields) {
    const bool is_subscribe_list = field.name.starts_with("SubscribeMsg");
    if (!is_subscribe_list) {
      out.set(field.name, json_of(field));
      continue;
    }
    const Json inner = json_of(field);
    out.set("List", inner["List"]);
  }
  return out.dump();
}

Result<SignedCallback> sign_callback(const CallbackMessage& message, const SandboxAccount& account,
                                     std::string_view callback_url, Instant now, Random& random) {
  if (account.kind == AccountKind::kWecom)
    return sign_for_company(message, account, callback_url, now, random);
  const bool is_json = account.format == CallbackFormat::kJson;
  const std::string plain = is_json ? render_json(message, account.callback_name())
                                    : render_xml(message, account.callback_name());
  const std::string timestamp = std::to_string(now.us / 1'000'000);
  const std::string nonce = make_nonce(random);
  std::string query =
      fmt::format("signature={}&timestamp={}&nonce={}&openid={}",
                  url_signature(account.token, timestamp, nonce), timestamp, nonce, message.openid);
  if (account.mode == CallbackMode::kPlain)
    return SignedCallback{with_query(callback_url, query), plain};
  ZHIYIN_TRY(const MessageCipher cipher,
             MessageCipher::create(account.encoding_aes_key, account.app_id));
  const std::string encrypted = cipher.encrypt(plain, random_bytes16(random));
  fmt::format_to(std::back_inserter(query), "&encrypt_type=aes&msg_signature={}",
                 message_signature(account.token, timestamp, nonce, encrypted));
  if (is_json) {
    return SignedCallback{with_query(callback_url, query),
                          json_envelope(message, account, encrypted)};
  }
  std::string body = "<xml>\n";
  if (account.mode == CallbackMode::kCompatible) {
    body += append_fields(message, account.callback_name());
  } else {
    append_element(body, "ToUserName", cdata(account.callback_name()));
  }
  append_element(body, "Encrypt", cdata(encrypted));
  return SignedCallback{with_query(callback_url, query), body + "</xml>"};
}

std::string verification_url(const SandboxAccount& account, std::string_view callback_url,
                             std::string_view echo, Instant now, Random& random) {
  const std::string timestamp = std::to_string(now.us / 1'000'000);
  const std::string nonce = make_nonce(random);
  if (account.kind == AccountKind::kWecom) {
    const auto cipher = MessageCipher::create(account.encoding_aes_key, account.app_id);
    if (!cipher) return {};
    const std::string encrypted = cipher->encrypt(echo, random_bytes16(random));
    return with_query(callback_url,
                      fmt::format("msg_signature={}&timestamp={}&nonce={}&echostr={}",
                                  message_signature(account.token, timestamp, nonce, encrypted),
                                  timestamp, nonce, http::percent_encode(encrypted)));
  }
  return with_query(callback_url, fmt::format("signature={}&timestamp={}&nonce={}&echostr={}",
                                              url_signature(account.token, timestamp, nonce),
                                              timestamp, nonce, echo));
}

}  // namespace zhiyin::sandbox
