// Callbacks and address checks of a WeCom company: outside XML or JSON, made for the company, its
// suite, nobody (a robot) or somebody else. The first byte says which; the rest is what is inside.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/json.h"
#include "ingest/wechat_events.h"
#include "wechat/callback.h"
#include "wechat/crypto.h"
#include "wechat/xml.h"

using namespace zhiyin;
using wechat::Refusal;

namespace {

constexpr std::int64_t kSeconds = 1'767'225'600;
const Instant kNow{kSeconds * 1'000'000};
constexpr std::string_view kReceivers[] = {"ww5f1ae2d1d0d5c5a5", "tj1", "", "wwSomebodyElse"};
constexpr std::size_t kForeign = 3;

wechat::CallbackRules rules() {
  wechat::CallbackRules r;
  r.account = AccountId("corp");
  r.app_id = kReceivers[0];
  r.suite_id = kReceivers[1];
  r.wecom = true;
  r.token = Secret("QDG6eK");
  r.aes_key = wechat::decode_aes_key("jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C").value();
  return r;
}

wechat::CallbackQuery signed_query(const wechat::CallbackRules& r, std::string_view cipher) {
  wechat::CallbackQuery query;
  query.timestamp = std::to_string(kSeconds);
  query.nonce = "n";
  query.msg_signature =
      wechat::sorted_signature({r.token.reveal(), query.timestamp, query.nonce, cipher});
  return query;
}

/// The passive answer is made for whom the question was.
void check_answer(const wechat::CallbackRules& r, const wechat::Callback& callback) {
  wechat::Reply reply;
  reply.type = wechat::ReplyType::kText;
  reply.text = "ok";
  const auto answer = wechat::render_reply(r, callback, reply, kNow, {std::string(16, 'r'), "n"});
  ZHIYIN_CHECK(answer.has_value());
  if (!wechat::may_answer_with(r, callback, reply)) return;
  const auto root = wechat::parse_xml(*answer);
  ZHIYIN_CHECK(root.has_value());
  const auto opened = wechat::decrypt_message(r.aes_key, root->find("Encrypt")->text);
  ZHIYIN_CHECK(opened.has_value() && opened->receive_id == callback.receive_id);
}

void check_event(const wechat::Callback& callback) {
  const auto event = ingest::to_wire_event(callback);
  if (!event) return;
  if (const auto ok = ingest::validate(*event, callback.create_time); !ok) {
    ZHIYIN_CHECK(ok.error().field.starts_with("identities") ||
                 ok.error().field.starts_with("occurred_at"));
  }
}

void check_message(const wechat::CallbackRules& r, std::string_view cipher,
                   std::string_view receiver, bool is_foreign) {
  const wechat::CallbackQuery query = signed_query(r, cipher);
  const std::string xml = "<xml>" + wechat::xml_text("Encrypt", cipher) + "</xml>";
  const std::string json = Json().set("encrypt", cipher).dump();
  const auto by_xml = wechat::open_callback(r, query, xml, kNow);
  const auto by_json = wechat::open_callback(r, query, json, kNow);
  if (xml.size() > wechat::kCallbackBytesMax || json.size() > wechat::kCallbackBytesMax) return;
  ZHIYIN_CHECK(by_xml.has_value() == by_json.has_value());
  if (!by_xml) {
    ZHIYIN_CHECK(by_xml.error().refusal == by_json.error().refusal);
    ZHIYIN_CHECK(!is_foreign || by_xml.error().refusal == Refusal::kReceiver);
    return;
  }
  ZHIYIN_CHECK(!is_foreign);
  ZHIYIN_CHECK(by_xml->encrypted && by_xml->wecom && by_xml->receive_id == receiver);
  ZHIYIN_CHECK(by_xml->dedup_key == by_json->dedup_key);
  check_answer(r, *by_xml);
  check_event(*by_xml);
}

void check_echo(const wechat::CallbackRules& r, std::string_view cipher, std::string_view inside,
                bool is_foreign) {
  wechat::CallbackQuery query = signed_query(r, cipher);
  query.echostr = cipher;
  for (char& c : query.echostr) c = c == '+' ? ' ' : c;  // as forms are read
  const auto echo = wechat::verify_callback_url(r, query, kNow);
  if (echo) {
    ZHIYIN_CHECK(!is_foreign && *echo == inside);
    for (const char c : *echo) ZHIYIN_CHECK(c > ' ' && c < 0x7f && c != '<' && c != '>');
  } else if (is_foreign) {
    ZHIYIN_CHECK(echo.error().refusal == Refusal::kReceiver);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const wechat::CallbackRules r = rules();
  if (size == 0) return 0;
  const std::size_t which = data[0] % std::size(kReceivers);
  const std::string_view inside(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string cipher =
      wechat::encrypt_message(r.aes_key, inside, kReceivers[which], "0123456789abcdef").value();
  check_message(r, cipher, kReceivers[which], which == kForeign);
  check_echo(r, cipher, inside, which == kForeign);
  // As it comes, signed by nobody.
  ZHIYIN_CHECK(!wechat::open_callback(r, signed_query(r, "other"), inside, kNow));
  // Signed, but not what was encrypted.
  wechat::CallbackQuery query = signed_query(r, inside);
  query.echostr = inside;
  const auto echo = wechat::verify_callback_url(r, query, kNow);
  ZHIYIN_CHECK(!echo || wechat::decrypt_message(r.aes_key, inside).has_value());
  return 0;
}
