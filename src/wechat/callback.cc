#include "wechat/callback.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/crypto.h"
#include "wechat/crypto.h"
#include "wechat/detail/lenient.h"
#include "wechat/xml.h"

namespace zhiyin::wechat {
namespace {

constexpr std::string_view kScenePrefix = "qrscene_";
constexpr std::string_view kSubscribeLists[] = {"SubscribeMsgPopupEvent", "SubscribeMsgChangeEvent",
                                                "SubscribeMsgSentEvent"};

std::unexpected<CallbackError> refuse(Refusal refusal, std::string message) {
  const ErrorCode code = refusal == Refusal::kMalformed  ? ErrorCode::kInvalidArgument
                         : refusal == Refusal::kTooLarge ? ErrorCode::kLimitReached
                                                         : ErrorCode::kPermissionDenied;
  return std::unexpected(CallbackError{refusal, Error{code, std::move(message), {}}});
}

std::expected<void, CallbackError> check_age(const CallbackRules& rules, std::string_view timestamp,
                                             Instant now) {
  std::int64_t seconds = 0;
  const auto [end, ec] =
      std::from_chars(timestamp.data(), timestamp.data() + timestamp.size(), seconds);
  constexpr std::int64_t kSecondsMax = 100'000'000'000;  // keeps microseconds within 64 bits
  if (ec != std::errc() || end != timestamp.data() + timestamp.size() || seconds < 0 ||
      seconds > kSecondsMax) {
    return refuse(Refusal::kTimestamp, "callback: timestamp is not a number of seconds");
  }
  const Duration age = now - Instant{seconds * 1'000'000};
  if (age > rules.replay_window || age < -rules.replay_window) {
    return refuse(
        Refusal::kTimestamp,
        fmt::format("callback: timestamp {} is {} s away from our clock, allowed are {} s", seconds,
                    std::chrono::duration_cast<std::chrono::seconds>(age).count(),
                    std::chrono::duration_cast<std::chrono::seconds>(rules.replay_window).count()));
  }
  return {};
}

/// XML or JSON by its first character, as an object of fields.
std::expected<Json, CallbackError> parse_fields(std::string_view text, bool& is_json) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  is_json = first != std::string_view::npos && text[first] == '{';
  if (text.size() > kCallbackBytesMax) {
    return refuse(Refusal::kTooLarge,
                  fmt::format("callback: {} bytes, at most {}", text.size(), kCallbackBytesMax));
  }
  if (is_json) {
    Result<Json> json = parse_json(text, kCallbackBytesMax);
    if (!json) return refuse(Refusal::kMalformed, "callback: " + json.error().text());
    return std::move(*json);
  }
  const Result<XmlElement> root = parse_xml(text, kCallbackBytesMax);
  if (!root) {
    return refuse(
        root.error().code == ErrorCode::kLimitReached ? Refusal::kTooLarge : Refusal::kMalformed,
        "callback: " + root.error().text());
  }
  if (root->name != "xml")
    return refuse(Refusal::kMalformed, "callback: the root element is not <xml>");
  Json fields = to_json(*root);
  if (fields.if_object() == nullptr) return refuse(Refusal::kMalformed, "callback: <xml> is empty");
  return fields;
}

CallbackKind message_kind(std::string_view type) {
  constexpr std::pair<std::string_view, CallbackKind> kTypes[] = {
      {"text", CallbackKind::kText},
      {"image", CallbackKind::kImage},
      {"voice", CallbackKind::kVoice},
      {"video", CallbackKind::kVideo},
      {"shortvideo", CallbackKind::kShortVideo},
      {"location", CallbackKind::kLocation},
      {"link", CallbackKind::kLink}};
  const auto* found =
      std::ranges::find(kTypes, type, &std::pair<std::string_view, CallbackKind>::first);
  return found == std::end(kTypes) ? CallbackKind::kOther : found->second;
}

/// `event` in lower case: the platform's own samples differ in case.
CallbackKind event_kind(std::string_view event) {
  constexpr std::pair<std::string_view, CallbackKind> kEvents[] = {
      {"subscribe", CallbackKind::kFollow},
      {"unsubscribe", CallbackKind::kUnfollow},
      {"scan", CallbackKind::kScan},
      {"click", CallbackKind::kMenuClick},
      {"scancode_push", CallbackKind::kMenuClick},
      {"scancode_waitmsg", CallbackKind::kMenuClick},
      {"view", CallbackKind::kMenuView},
      {"view_miniprogram", CallbackKind::kMenuView},
      {"templatesendjobfinish", CallbackKind::kTemplateResult},
      {"masssendjobfinish", CallbackKind::kMassResult}};
  const auto* found =
      std::ranges::find(kEvents, event, &std::pair<std::string_view, CallbackKind>::first);
  return found == std::end(kEvents) ? CallbackKind::kOther : found->second;
}

MassCounts mass_counts(const Json& fields) {
  return {lenient_int(fields["TotalCount"]), lenient_int(fields["FilterCount"]),
          lenient_int(fields["SentCount"]), lenient_int(fields["ErrorCount"])};
}

/// Joined with NUL, which no field can hold (XML refuses it; in JSON it could at worst make two
/// strange callbacks equal).
std::string key_of(std::initializer_list<std::string_view> parts) {
  std::string joined;
  for (const std::string_view part : parts) {
    joined += part;
    joined += '\0';
  }
  return crypto::hex(crypto::sha256(joined).substr(0, 16));
}

/// What makes a job event or a list of subscription results one occurrence, beyond sender and
/// second.
std::string job_key(const Json& fields) {
  std::string key = lenient_text(fields["ChangeType"]);
  for (const std::string_view name :
       {"MsgID", "publish_id", "trace_id", "CardId", "UserCardCode"}) {
    key += '|';
    key += lenient_text(fields[name]);
  }
  key += '|';
  key += lenient_text(fields["PublishEventInfo"]["publish_id"]);
  for (const std::string_view name : kSubscribeLists)
    key += fields[name].is_null() ? "" : fields[name].dump();
  if (!fields["List"].is_null()) key += fields["List"].dump();
  return key;
}

/// The platform's documented keys are too weak (equal MsgId for different people, several events in
/// one second), so everything that identifies the occurrence goes in.
std::string dedup_key_of(const CallbackRules& rules, const Callback& c) {
  const std::string seconds = std::to_string(c.create_time.us / 1'000'000);
  // Job results are one occurrence per job however often, and by whichever clock, they are
  // reported.
  const bool is_job =
      c.kind == CallbackKind::kMassResult || c.kind == CallbackKind::kTemplateResult;
  if (is_job && !c.msg_id.empty()) {
    return key_of({"job", rules.app_id, lower(c.event), c.msg_id, c.from_openid});
  }
  if (is_message(c.kind) || (c.event.empty() && !c.msg_id.empty())) {
    return key_of({"message", rules.app_id, c.from_openid, c.msg_id, seconds});
  }
  return key_of({"event", rules.app_id, c.from_openid, seconds, lower(c.event), c.event_key,
                 c.msg_type, job_key(c.fields)});
}

void read_event(Callback& c) {
  c.event = lenient_text(c.fields["Event"]);
  c.kind = event_kind(lower(c.event));
  c.event_key = lenient_text(c.fields["EventKey"]);
  c.ticket = lenient_text(c.fields["Ticket"]);
  if (c.kind == CallbackKind::kFollow && c.event_key.starts_with(kScenePrefix)) {
    c.event_key.erase(0, kScenePrefix.size());
  }
  c.status = lenient_text(c.fields["Status"]);
  if (c.msg_id.empty()) c.msg_id = lenient_text(c.fields["MsgID"]);
  if (c.kind == CallbackKind::kMassResult) c.mass = mass_counts(c.fields);
}

void read_message(Callback& c) {
  c.kind = message_kind(lower(c.msg_type));
  c.content = lenient_text(c.fields["Content"]);
  const std::string menu = lenient_text(c.fields["bizmsgmenuid"]);
  if (!menu.empty()) {  // a tap on an entry of a message menu: counts as a menu tap, not as a
                        // message
    c.kind = CallbackKind::kMenuClick;
    c.event_key = menu;
  }
}

/// The fields of an encrypted body, whatever else a compatible body carries.
std::expected<std::string, CallbackError> decrypt_body(const CallbackRules& rules,
                                                       const CallbackQuery& query,
                                                       const Json& outer) {
  const std::string encrypted = lenient_text(outer["Encrypt"]);
  if (encrypted.empty())
    return refuse(Refusal::kMalformed, "callback: has no Encrypt although encrypt_type is aes");
  if (!signature_matches(query.msg_signature,
                         {rules.token.reveal(), query.timestamp, query.nonce, encrypted})) {
    return refuse(Refusal::kSignature, "callback: msg_signature is wrong (-40001)");
  }
  CryptResult<std::string> plain = decrypt_message_for(rules.aes_key, encrypted, rules.app_id);
  if (plain) return std::move(*plain);
  const Refusal why =
      plain.error().number == CryptError::kReceiver ? Refusal::kReceiver : Refusal::kEncryption;
  return refuse(why, fmt::format("callback: {} ({})", plain.error().message,
                                 static_cast<int>(plain.error().number)));
}

}  // namespace

std::string_view to_string(Refusal refusal) {
  switch (refusal) {
    case Refusal::kSignature:
      return "signature";
    case Refusal::kTimestamp:
      return "timestamp";
    case Refusal::kDowngrade:
      return "downgrade";
    case Refusal::kNoKey:
      return "no_key";
    case Refusal::kEncryption:
      return "encryption";
    case Refusal::kReceiver:
      return "receiver";
    case Refusal::kMalformed:
      return "malformed";
    case Refusal::kTooLarge:
      return "too_large";
  }
  return "?";
}

int http_status(Refusal refusal) {
  switch (refusal) {
    case Refusal::kSignature:
      return 401;
    case Refusal::kMalformed:
      return 400;
    case Refusal::kTooLarge:
      return 413;
    default:
      return 403;
  }
}

bool is_message(CallbackKind kind) {
  return kind >= CallbackKind::kText && kind <= CallbackKind::kLink;
}

Result<CallbackRules> callback_rules(const Account& account) {
  CallbackRules rules;
  rules.account = account.id;
  rules.app_id = account.app_id;
  rules.original_id = account.original_id;
  rules.token = account.token;
  rules.mode = account.mode;
  if (account.token.empty())
    return fail_field("token", "is missing: callbacks cannot be checked without it");
  if (account.encoding_aes_key.empty()) {
    if (account.mode == CallbackMode::kPlain) return rules;
    return fail_field("encoding_aes_key", "is missing: mode {} needs it", enum_name(account.mode));
  }
  CryptResult<Secret> key = decode_aes_key(account.encoding_aes_key.reveal());
  if (!key) return fail_field("encoding_aes_key", "{}", key.error().message);
  rules.aes_key = std::move(*key);
  return rules;
}

CallbackQuery callback_query(const std::map<std::string, std::string, std::less<>>& query) {
  const auto value = [&](std::string_view name) {
    const auto found = query.find(name);
    return found == query.end() ? std::string() : found->second;
  };
  return {value("signature"),    value("timestamp"),     value("nonce"), value("echostr"),
          value("encrypt_type"), value("msg_signature"), value("openid")};
}

std::expected<std::string, CallbackError> verify_callback_url(const CallbackRules& rules,
                                                              const CallbackQuery& query,
                                                              Instant now) {
  if (!signature_matches(query.signature, {rules.token.reveal(), query.timestamp, query.nonce})) {
    return refuse(Refusal::kSignature, "callback: signature is wrong (-40001)");
  }
  if (auto fresh = check_age(rules, query.timestamp, now); !fresh)
    return std::unexpected(std::move(fresh.error()));
  constexpr std::size_t kEchoBytesMax = 1024;
  const auto is_printable = [](char c) { return c > ' ' && c < 0x7f && c != '<' && c != '>'; };
  // What is echoed comes from the address, so it must not be able to be a page.
  if (query.echostr.empty() || query.echostr.size() > kEchoBytesMax ||
      !std::ranges::all_of(query.echostr, is_printable)) {
    return refuse(Refusal::kMalformed, "callback: echostr is missing or not plain text");
  }
  return query.echostr;
}

std::expected<Callback, CallbackError> open_callback(const CallbackRules& rules,
                                                     const CallbackQuery& query,
                                                     std::string_view body, Instant now) {
  const bool is_encrypted = query.encrypt_type == "aes";
  if (!is_encrypted && rules.mode == CallbackMode::kSecure) {
    return refuse(Refusal::kDowngrade, "callback: plain, but the account is in secure mode");
  }
  if (!is_encrypted && !query.encrypt_type.empty() && query.encrypt_type != "raw") {
    return refuse(Refusal::kMalformed, "callback: encrypt_type is unknown");
  }
  if (is_encrypted && rules.aes_key.empty()) {
    return refuse(Refusal::kNoKey,
                  "callback: encrypted, but the account has no EncodingAESKey (-40004)");
  }
  if (!is_encrypted &&
      !signature_matches(query.signature, {rules.token.reveal(), query.timestamp, query.nonce})) {
    return refuse(Refusal::kSignature, "callback: signature is wrong (-40001)");
  }
  bool is_json = false;
  std::expected<Json, CallbackError> outer = parse_fields(body, is_json);
  if (!outer) return std::unexpected(std::move(outer.error()));
  std::expected<std::string, CallbackError> plain = std::string();
  if (is_encrypted) {
    plain = decrypt_body(rules, query, *outer);
    if (!plain) return std::unexpected(std::move(plain.error()));
  }
  if (auto fresh = check_age(rules, query.timestamp, now); !fresh)
    return std::unexpected(std::move(fresh.error()));

  std::expected<Callback, CallbackError> callback =
      parse_callback(rules, is_encrypted ? *plain : body);
  if (!callback) return callback;
  callback->encrypted = is_encrypted;
  // msg_signature covers the body; the plain signature does not, so there one address admits one
  // occurrence.
  callback->request_key =
      key_of({is_encrypted ? "aes" : "raw", rules.app_id, query.timestamp, query.nonce,
              is_encrypted ? query.msg_signature : query.signature});
  return callback;
}

std::expected<Callback, CallbackError> parse_callback(const CallbackRules& rules,
                                                      std::string_view plain) {
  Callback c;
  c.account = rules.account;
  std::expected<Json, CallbackError> fields = parse_fields(plain, c.json);
  if (!fields) return std::unexpected(std::move(fields.error()));
  c.fields = std::move(*fields);
  if (c.fields["action"].string_or("") == "CheckContainerPath") {
    c.kind = CallbackKind::kPlatformCheck;
    c.dedup_key = key_of({"check", rules.app_id});
    return c;
  }
  c.msg_type = lenient_text(c.fields["MsgType"]);
  c.from_openid = lenient_text(c.fields["FromUserName"]);
  c.to = lenient_text(c.fields["ToUserName"]);
  c.msg_id = lenient_text(c.fields["MsgId"]);
  if (c.msg_type.empty()) return refuse(Refusal::kMalformed, "callback: has no MsgType");
  const std::optional<std::int64_t> seconds = lenient_int_or_nothing(c.fields["CreateTime"]);
  constexpr std::int64_t kSecondsMax = 32'503'680'000;  // the year 3000
  if (!seconds || *seconds < 0 || *seconds > kSecondsMax) {
    return refuse(Refusal::kMalformed, "callback: CreateTime is missing or not a time");
  }
  c.create_time = Instant{*seconds * 1'000'000};
  if (!rules.original_id.empty() && c.to != rules.original_id) {
    return refuse(Refusal::kReceiver, fmt::format("callback: is for {}, the account is {} (-40005)",
                                                  c.to.substr(0, 64), rules.original_id));
  }
  if (lower(c.msg_type) == "event") {
    read_event(c);
  } else {
    read_message(c);
  }
  if (c.kind != CallbackKind::kOther && c.from_openid.empty()) {
    return refuse(Refusal::kMalformed, "callback: has no FromUserName");
  }
  c.dedup_key = dedup_key_of(rules, c);
  return c;
}

}  // namespace zhiyin::wechat
