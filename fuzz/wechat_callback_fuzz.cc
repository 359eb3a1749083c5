// Callbacks from outside: plain, encrypted and damaged; whatever is accepted becomes a valid event
// or none.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/crypto.h"
#include "ingest/wechat_events.h"
#include "wechat/callback.h"
#include "wechat/callback_fields.h"
#include "wechat/crypto.h"
#include "wechat/reply_rules.h"
#include "wechat/xml.h"

using namespace zhiyin;

namespace {

constexpr std::int64_t kSeconds = 1'767'225'600;

wechat::CallbackRules rules() {
  wechat::CallbackRules r;
  r.account = AccountId("shop");
  r.app_id = "wxb11529c136998cb6";
  r.token = Secret("pamtest");
  r.aes_key = wechat::decode_aes_key("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG").value();
  r.mode = wechat::CallbackMode::kSecure;
  return r;
}

void check_plain(const wechat::CallbackRules& r, const wechat::Callback& callback) {
  const auto decision = wechat::decide_reply({}, callback);
  ZHIYIN_CHECK(wechat::render_reply(r, callback, decision.reply, Instant{kSeconds * 1'000'000},
                                    {std::string(16, 'r'), "n"})
                   .has_value());
  const auto event = ingest::to_wire_event(callback);
  if (!event) return;
  // Only what the sender chose freely may still be refused: a strange openid, or a time that is
  // ahead.
  if (const auto ok = ingest::validate(*event, callback.create_time); !ok) {
    ZHIYIN_CHECK(ok.error().field.starts_with("identities") ||
                 ok.error().field.starts_with("occurred_at"));
  }
}

void check_encrypted(const wechat::CallbackRules& r, std::string_view plain) {
  const std::string cipher =
      wechat::encrypt_message(r.aes_key, plain, r.app_id, "0123456789abcdef").value();
  wechat::CallbackQuery query;
  query.timestamp = std::to_string(kSeconds);
  query.nonce = "n";
  query.encrypt_type = "aes";
  query.msg_signature =
      wechat::sorted_signature({r.token.reveal(), query.timestamp, query.nonce, cipher});
  const std::string body = "<xml>" + wechat::xml_text("Encrypt", cipher) + "</xml>";
  const auto opened = wechat::open_callback(r, query, body, Instant{kSeconds * 1'000'000});
  const auto direct = wechat::parse_callback(r, plain);
  if (body.size() <= wechat::kCallbackBytesMax) {
    // A robot of WeCom may leave the time to the request.
    ZHIYIN_CHECK(opened.has_value() == direct.has_value() || (r.wecom && opened.has_value()));
  }
  if (opened && direct) ZHIYIN_CHECK(opened->dedup_key == direct->dedup_key);
}

wechat::CallbackRules wecom_rules() {
  wechat::CallbackRules r = rules();
  r.wecom = true;
  r.suite_id = "tj1";
  return r;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const wechat::CallbackRules r = rules();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static const wechat::CallbackRules wecom = wecom_rules();
  for (const auto* each : {&r, &wecom}) {
    if (const auto callback = wechat::parse_callback(*each, text)) check_plain(*each, *callback);
    check_encrypted(*each, text);
  }
  static_cast<void>(wechat::decrypt_message(r.aes_key, text));
  static_cast<void>(wechat::decrypt_message(r.aes_key, crypto::base64(text)));
  return 0;
}
