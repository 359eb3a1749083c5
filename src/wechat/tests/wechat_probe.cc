// Reads one JSON object per line, answers one per line: the library as an independent client sees
// it. Only tests use it (wechatpy_oracle_test.py).
#include <cstdio>
#include <iostream>
#include <string>

#include "base/crypto.h"
#include "wechat/callback.h"
#include "wechat/crypto.h"
#include "wechat/detail/requests.h"

namespace zhiyin::wechat {
namespace {

std::string text(const Json& j, std::string_view name) {
  return std::string(j[name].string_or(""));
}

Json failed(std::string_view why) {
  Json out = Json::object();
  out.set("error", why);
  return out;
}

Json single(std::string_view name, std::string value) {
  Json out = Json::object();
  out.set(name, std::move(value));
  return out;
}

Result<CallbackRules> rules_of(const Json& j) {
  Account a;
  a.id = AccountId("probe");
  a.app_id = text(j, "app_id");
  a.token = Secret(text(j, "token"));
  a.encoding_aes_key = Secret(text(j, "aes_key"));
  ZHIYIN_TRY(a.mode, parse_enum<CallbackMode>(text(j, "mode")));
  return callback_rules(a);
}

CallbackQuery query_of(const Json& j) {
  std::map<std::string, std::string, std::less<>> query;
  for (const Json::Member& m : *j["query"].if_object()) query[m.first] = m.second.string_or("");
  return callback_query(query);
}

Json shown(const Callback& c) {
  Json out = Json::object();
  out.set("kind", static_cast<int>(c.kind)).set("msg_type", c.msg_type).set("event", c.event);
  out.set("from", c.from_openid).set("to", c.to).set("create_time", c.create_time.us / 1'000'000);
  out.set("msg_id", c.msg_id)
      .set("event_key", c.event_key)
      .set("ticket", c.ticket)
      .set("content", c.content);
  out.set("status", c.status).set("fields", c.fields).set("dedup_key", c.dedup_key);
  return out;
}

Json open(const Json& j) {
  const auto rules = rules_of(j);
  if (!rules) return failed(rules.error().text());
  const Instant now{j["now"].int_or(0) * 1'000'000};
  const auto callback = open_callback(*rules, query_of(j), text(j, "body"), now);
  if (!callback) return failed(to_string(callback.error().refusal));
  Json out = shown(*callback);
  if (const Json* reply = j.find("reply")) {
    const auto parsed = from_json<Reply>(*reply);
    if (!parsed) return failed(parsed.error().text());
    const auto body = render_reply(*rules, *callback, *parsed, now, make_reply_entropy());
    if (!body) return failed(body.error().text());
    out.set("body", *body);
  }
  return out;
}

Json check(const Json& j) {
  const auto rules = rules_of(j);
  if (!rules) return failed(rules.error().text());
  const auto echo =
      verify_callback_url(*rules, query_of(j), Instant{j["now"].int_or(0) * 1'000'000});
  return echo ? single("echo", *echo) : failed(to_string(echo.error().refusal));
}

Json encrypt(const Json& j) {
  const auto key = decode_aes_key(text(j, "aes_key"));
  if (!key) return failed(key.error().message);
  const auto out = encrypt_message(*key, text(j, "message"), text(j, "app_id"),
                                   crypto::random_bytes(kCryptRandomBytes));
  return out ? single("encrypt", *out) : failed(out.error().message);
}

Json decrypt(const Json& j) {
  const auto key = decode_aes_key(text(j, "aes_key"));
  if (!key) return failed(key.error().message);
  const auto out = decrypt_message_for(*key, text(j, "encrypt"), text(j, "app_id"));
  return out ? single("message", *out) : failed(out.error().message);
}

Result<ApiCall> call_of(const Json& j) {
  const Policy policy;
  const std::string what = text(j, "call");
  const std::string openid = text(j, "openid");
  MassMessage mass;
  mass.text = text(j, "text");
  mass.client_msg_id = text(j, "client_msg_id");
  if (what == "text")
    return customer_service_call(policy, {openid, text(j, "text"), false, text(j, "kf_account")});
  if (what == "news") {
    const Article a{text(j, "title"), text(j, "description"), text(j, "url"),
                    text(j, "picture_url")};
    return customer_service_call(policy, {openid, a, false, ""});
  }
  if (what == "template") {
    TemplateMessage t;
    t.openid = openid;
    t.template_id = text(j, "template_id");
    t.url = text(j, "url");
    t.client_msg_id = text(j, "client_msg_id");
    for (const Json::Member& m : *j["data"].if_object())
      t.data.emplace_back(m.first, m.second.string_or(""));
    return template_call(policy, t);
  }
  std::vector<std::string> openids;
  if (const Json::Array* list = j["openids"].if_array()) {
    for (const Json& o : *list) openids.emplace_back(o.string_or(""));
  }
  if (what == "mass") return mass_send_call(policy, openids, mass);
  if (what == "preview") return mass_preview_call(policy, openid, mass);
  if (what == "users") return followers_call(openid);
  if (what == "batch") return user_info_call(policy, openids);
  if (what == "mass_get") return mass_status_call(text(j, "msg_id"));
  if (what == "templates") return templates_call();
  return fail(ErrorCode::kInvalidArgument, "call: '{}' is unknown", what);
}

Json request(const Json& j) {
  const auto call = call_of(j);
  if (!call) return failed(call.error().text());
  Json out = Json::object();
  out.set("method", std::string(call->endpoint->http_method))
      .set("path", std::string(call->endpoint->path))
      .set("query", call->query)
      .set("body", call->body);
  return out;
}

Json answer(const Json& j) {
  const std::string op = text(j, "op");
  if (op == "open") return open(j);
  if (op == "check") return check(j);
  if (op == "encrypt") return encrypt(j);
  if (op == "decrypt") return decrypt(j);
  if (op == "request") return request(j);
  if (op == "js")
    return single("signature", js_sdk_signature(text(j, "ticket"), text(j, "nonce"),
                                                text(j, "timestamp"), text(j, "url")));
  return failed("op is unknown");
}

}  // namespace
}  // namespace zhiyin::wechat

int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    const auto json = zhiyin::parse_json(line);
    const zhiyin::Json out =
        json ? zhiyin::wechat::answer(*json) : zhiyin::wechat::failed("not JSON");
    std::puts(out.dump().c_str());
    std::fflush(stdout);
  }
  return 0;
}
