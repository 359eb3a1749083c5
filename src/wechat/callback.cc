#include "wechat/callback.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/crypto.h"
#include "base/strict_json.h"
#include "base/utf8.h"
#include "wechat/crypto.h"
#include "wechat/detail/lenient.h"
#include "wechat/xml.h"

namespace zhiyin::wechat {
namespace {

constexpr std::string_view kScenePrefix = "qrscene_";
constexpr std::string_view kSystemSender = "sys";  // of WeCom: nobody
constexpr std::string_view kSubscribeLists[] = {"SubscribeMsgPopupEvent", "SubscribeMsgChangeEvent",
                                                "SubscribeMsgSentEvent"};

std::unexpected<CallbackError> refuse(Refusal refusal, std::string message) {
  const ErrorCode code = refusal == Refusal::kMalformed  ? ErrorCode::kInvalidArgument
                         : refusal == Refusal::kTooLarge ? ErrorCode::kLimitReached
                                                         : ErrorCode::kPermissionDenied;
  return std::unexpected(CallbackError{refusal, Error{code, std::move(message), {}}});
}

std::optional<Instant> seconds_of(std::string_view timestamp) {
  std::int64_t seconds = 0;
  const auto [end, ec] =
      std::from_chars(timestamp.data(), timestamp.data() + timestamp.size(), seconds);
  constexpr std::int64_t kSecondsMax = 100'000'000'000;  // keeps microseconds within 64 bits
  if (ec != std::errc() || end != timestamp.data() + timestamp.size() || seconds < 0 ||
      seconds > kSecondsMax) {
    return std::nullopt;
  }
  return Instant{seconds * 1'000'000};
}

std::expected<void, CallbackError> check_age(const CallbackRules& rules, std::string_view timestamp,
                                             Instant now) {
  const std::optional<Instant> at = seconds_of(timestamp);
  if (!at) return refuse(Refusal::kTimestamp, "callback: timestamp is not a number of seconds");
  const Duration age = now - *at;
  if (age > rules.replay_window || age < -rules.replay_window) {
    const auto seconds = [](Duration d) {
      return std::chrono::duration_cast<std::chrono::seconds>(d < Duration{0} ? -d : d).count();
    };
    return refuse(
        Refusal::kTimestamp,
        fmt::format("callback: timestamp {} is {} s {} our clock, allowed are {} s; if this comes "
                    "again, this machine's clock is wrong (timedatectl), else the request is old",
                    timestamp, seconds(age), age > Duration{0} ? "behind" : "ahead of",
                    seconds(rules.replay_window)));
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
    Result<Json> json = parse_strict_json(text, kCallbackBytesMax);
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
      {"link", CallbackKind::kLink},
      {"miniprogrampage", CallbackKind::kMiniProgramPage},
      {"file", CallbackKind::kFile}};
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
      {"masssendjobfinish", CallbackKind::kMassResult},
      // To the owner: their sender is the platform, or whoever manages the account.
      {"publishjobfinish", CallbackKind::kNotice},
      {"freepublishjobfinish", CallbackKind::kNotice},
      {"wxa_media_check", CallbackKind::kNotice},
      {"qualification_verify_success", CallbackKind::kNotice},
      {"qualification_verify_fail", CallbackKind::kNotice},
      {"naming_verify_success", CallbackKind::kNotice},
      {"naming_verify_fail", CallbackKind::kNotice},
      {"annual_renew", CallbackKind::kNotice},
      {"verify_expired", CallbackKind::kNotice},
      {"card_pass_check", CallbackKind::kNotice},
      {"card_not_pass_check", CallbackKind::kNotice},
      {"card_sku_remind", CallbackKind::kNotice},
      {"card_merchant_check_result", CallbackKind::kNotice},
      {"poi_check_notify", CallbackKind::kNotice},
      {"weapp_audit_success", CallbackKind::kNotice},
      {"weapp_audit_fail", CallbackKind::kNotice},
      {"weapp_audit_delay", CallbackKind::kNotice},
      {"wxa_privacy_apply", CallbackKind::kNotice},
      {"wxa_illegal_record", CallbackKind::kNotice},
      {"wxa_appeal_record", CallbackKind::kNotice},
      {"wxa_category_audit", CallbackKind::kNotice},
      {"wxa_nickname_audit", CallbackKind::kNotice}};
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
  const std::string agent = lenient_text(c.fields["AgentID"]);
  if (c.event.empty() && !c.msg_id.empty()) {
    return key_of({"message", rules.app_id + agent, c.from_openid, c.msg_id, seconds});
  }
  // Of what has no form of its own only the whole says whether it is the same: in WeCom `sys`
  // reports several customers in one second.
  if (c.kind == CallbackKind::kOther || c.kind == CallbackKind::kNotice || c.event.empty()) {
    return key_of({"other", rules.app_id, c.from_openid, seconds, lower(c.event), c.msg_type,
                   c.fields.dump()});
  }
  return key_of({"event", rules.app_id, c.from_openid, seconds, lower(c.event), c.event_key,
                 c.msg_type, job_key(c.fields)});
}

/// JSON of WeCom's robots has names of its own.
bool is_from_robot(const Json& fields) {
  return fields["MsgType"].is_null() && !fields["msgtype"].is_null();
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
  if (is_from_robot(c.fields)) c.content = lenient_text(c.fields["text"]["content"]);
  const std::string menu = lenient_text(c.fields["bizmsgmenuid"]);
  if (!menu.empty()) {  // a tap on an entry of a message menu: counts as a menu tap, not as a
                        // message
    c.kind = CallbackKind::kMenuClick;
    c.event_key = menu;
  }
}

std::string encrypted_part(const Json& outer) {
  const std::string encrypted = lenient_text(outer["Encrypt"]);
  return encrypted.empty() ? lenient_text(outer["encrypt"]) : encrypted;  // WeCom's JSON
}

/// Whom a message may be encrypted for: the AppID or CorpID; of a third-party WeCom application its
/// SuiteID, too. WeCom's robots name nobody.
bool is_ours(const CallbackRules& rules, std::string_view receive_id) {
  if (receive_id == rules.app_id) return true;
  if (!rules.wecom) return false;
  return receive_id.empty() || (!rules.suite_id.empty() && receive_id == rules.suite_id);
}

/// The message, and in `receive_id` whom it was encrypted for.
std::expected<std::string, CallbackError> open_encrypted(const CallbackRules& rules,
                                                         std::string_view encrypted,
                                                         std::string& receive_id) {
  CryptResult<Decrypted> opened = decrypt_message(rules.aes_key, encrypted);
  if (!opened) {
    return refuse(Refusal::kEncryption, fmt::format("callback: {} ({})", opened.error().message,
                                                    static_cast<int>(opened.error().number)));
  }
  if (!is_ours(rules, opened->receive_id)) {
    return refuse(Refusal::kReceiver, "callback: Encrypt: made for another receiver (-40005)");
  }
  receive_id = std::move(opened->receive_id);
  return std::move(opened->message);
}

/// The fields of an encrypted body, whatever else a compatible body carries.
std::expected<std::string, CallbackError> decrypt_body(const CallbackRules& rules,
                                                       const CallbackQuery& query,
                                                       const Json& outer, std::string& receive_id) {
  const std::string encrypted = encrypted_part(outer);
  if (encrypted.empty())
    return refuse(Refusal::kMalformed, "callback: has no Encrypt although encrypt_type is aes");
  if (!signature_matches(query.msg_signature,
                         {rules.token.reveal(), query.timestamp, query.nonce, encrypted})) {
    return refuse(Refusal::kSignature, "callback: msg_signature is wrong (-40001)");
  }
  return open_encrypted(rules, encrypted, receive_id);
}

/// Whom a callback is about: a few name the person apart from their sender, the platform.
std::string person_of(const Json& fields) {
  for (const std::string_view name : {"OpenID", "openid"}) {
    const std::string openid = lenient_text(fields[name]);
    if (!openid.empty()) return openid;
  }
  const std::string guided = lenient_text(fields["GuideScanEvent"]["openid"]);
  return guided.empty() ? lenient_text(fields["FromUserName"]) : guided;
}

/// When it happened, by the name that its kind of callback has for it; a robot of WeCom says
/// nothing.
std::optional<Instant> time_of(const Json& fields) {
  constexpr std::int64_t kSecondsMax = 32'503'680'000;  // the year 3000
  for (const std::string_view name : {"CreateTime", "TimeStamp", "create_time"}) {
    if (fields[name].is_null()) continue;
    const std::optional<std::int64_t> seconds = lenient_int_or_nothing(fields[name]);
    if (!seconds || *seconds < 0 || *seconds > kSecondsMax) return std::nullopt;
    return Instant{*seconds * 1'000'000};
  }
  return std::nullopt;
}

/// Of a third-party application of WeCom: an order to whoever runs it, without sender and message.
void read_command(Callback& c) {
  c.kind = CallbackKind::kNotice;
  c.msg_type = "event";
  c.event = lenient_text(c.fields["InfoType"]);
  c.from_openid.clear();
}

/// Fields that say what a callback is are texts that can be written down, and stand once: which of
/// two would count is anybody's guess.
std::expected<void, CallbackError> check_plain_names(const Json& fields) {
  for (const std::string_view name :
       {"ToUserName", "FromUserName", "CreateTime", "MsgType", "MsgId", "MsgID", "Event",
        "EventKey", "Content", "Encrypt"}) {
    const Json* value = fields.find(name);
    if (value != nullptr && value->if_array() != nullptr)
      return refuse(Refusal::kMalformed, fmt::format("callback: has {} more than once", name));
    if (name != "Content" && value != nullptr &&
        value->string_or("").find('\0') != std::string_view::npos)
      return refuse(Refusal::kMalformed, fmt::format("callback: {} holds a zero byte", name));
  }
  return {};
}

/// `requested`: when the request was signed, for callbacks that have no time of their own.
std::expected<Callback, CallbackError> read_callback(const CallbackRules& rules, Json fields,
                                                     bool is_json,
                                                     std::optional<Instant> requested) {
  if (auto single = check_plain_names(fields); !single)
    return std::unexpected(std::move(single.error()));
  Callback c;
  c.account = rules.account;
  c.json = is_json;
  c.wecom = rules.wecom;
  c.fields = std::move(fields);
  if (c.fields["action"].string_or("") == "CheckContainerPath") {
    c.kind = CallbackKind::kPlatformCheck;
    c.dedup_key = key_of({"check", rules.app_id});
    return c;
  }
  c.msg_type = lenient_text(c.fields["MsgType"]);
  c.from_openid = person_of(c.fields);
  c.to = lenient_text(c.fields["ToUserName"]);
  c.msg_id = lenient_text(c.fields["MsgId"]);
  const bool is_command = rules.wecom && !c.fields["InfoType"].is_null();
  if (rules.wecom && is_from_robot(c.fields)) {
    c.msg_type = lenient_text(c.fields["msgtype"]);
    c.from_openid = lenient_text(c.fields["from"]["userid"]);
    c.msg_id = lenient_text(c.fields["msgid"]);
  }
  if (c.msg_type.empty() && !is_command)
    return refuse(Refusal::kMalformed, "callback: has no MsgType");
  std::optional<Instant> at = time_of(c.fields);
  if (!at && rules.wecom && is_from_robot(c.fields)) at = requested;
  if (!at) return refuse(Refusal::kMalformed, "callback: CreateTime is missing or not a time");
  c.create_time = *at;
  if (!rules.original_id.empty() && c.to != rules.original_id) {
    return refuse(Refusal::kReceiver, fmt::format("callback: is for {}, the account is {} (-40005)",
                                                  utf8::truncate(c.to, 64), rules.original_id));
  }
  if (is_command) {
    read_command(c);
  } else if (lower(c.msg_type) == "event") {
    read_event(c);
  } else {
    read_message(c);
  }
  const bool by_system = rules.wecom && c.from_openid == kSystemSender &&
                         lenient_text(c.fields["ExternalUserID"]).empty();
  if (c.kind == CallbackKind::kOther && (by_system || c.from_openid.empty()))
    c.kind = CallbackKind::kNotice;
  const bool needs_sender = c.kind != CallbackKind::kOther && c.kind != CallbackKind::kNotice;
  if (needs_sender && c.from_openid.empty()) {
    return refuse(Refusal::kMalformed, "callback: has no FromUserName");
  }
  c.dedup_key = dedup_key_of(rules, c);
  return c;
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

bool is_signed(Refusal refusal) {
  switch (refusal) {
    case Refusal::kSignature:
    case Refusal::kMalformed:
    case Refusal::kTooLarge:
      return false;
    default:
      return true;
  }
}

std::string_view to_string(CallbackKind kind) {
  switch (kind) {
    case CallbackKind::kOther:
      return "other";
    case CallbackKind::kText:
      return "text";
    case CallbackKind::kImage:
      return "image";
    case CallbackKind::kVoice:
      return "voice";
    case CallbackKind::kVideo:
      return "video";
    case CallbackKind::kShortVideo:
      return "short_video";
    case CallbackKind::kLocation:
      return "location";
    case CallbackKind::kLink:
      return "link";
    case CallbackKind::kMiniProgramPage:
      return "mini_program_page";
    case CallbackKind::kFile:
      return "file";
    case CallbackKind::kFollow:
      return "follow";
    case CallbackKind::kUnfollow:
      return "unfollow";
    case CallbackKind::kScan:
      return "scan";
    case CallbackKind::kMenuClick:
      return "menu_click";
    case CallbackKind::kMenuView:
      return "menu_view";
    case CallbackKind::kTemplateResult:
      return "template_result";
    case CallbackKind::kMassResult:
      return "mass_result";
    case CallbackKind::kNotice:
      return "notice";
    case CallbackKind::kPlatformCheck:
      return "platform_check";
  }
  return "?";
}

bool is_message(CallbackKind kind) {
  return kind >= CallbackKind::kText && kind <= CallbackKind::kFile;
}

Result<CallbackRules> callback_rules(const Account& account) {
  CallbackRules rules;
  rules.account = account.id;
  rules.app_id = account.app_id;
  rules.original_id = account.original_id;
  rules.suite_id = account.suite_id;
  rules.wecom = account.kind == AccountKind::kWecom;
  rules.mini_program = account.kind == AccountKind::kMiniProgram;
  rules.token = account.token;
  rules.mode = rules.wecom ? CallbackMode::kSecure : account.mode;  // WeCom knows no other
  if (account.token.empty())
    return fail_field("token", "is missing: callbacks cannot be checked without it");
  if (account.encoding_aes_key.empty()) {
    if (rules.mode == CallbackMode::kPlain) return rules;
    return fail_field("encoding_aes_key", "is missing: mode {} needs it", enum_name(rules.mode));
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
  std::string echo = query.echostr;
  if (rules.wecom) {
    std::ranges::replace(echo, ' ', '+');  // base64 that was read as a form
    if (!signature_matches(query.msg_signature,
                           {rules.token.reveal(), query.timestamp, query.nonce, echo})) {
      return refuse(Refusal::kSignature, "callback: msg_signature is wrong (-40001)");
    }
  } else if (!signature_matches(query.signature,
                                {rules.token.reveal(), query.timestamp, query.nonce})) {
    return refuse(Refusal::kSignature, "callback: signature is wrong (-40001)");
  }
  if (auto fresh = check_age(rules, query.timestamp, now); !fresh)
    return std::unexpected(std::move(fresh.error()));
  if (rules.wecom) {
    std::string receive_id;
    auto plain = open_encrypted(rules, echo, receive_id);
    if (!plain) return std::unexpected(std::move(plain.error()));
    echo = std::move(*plain);
  }
  constexpr std::size_t kEchoBytesMax = 1024;
  const auto is_printable = [](char c) { return c > ' ' && c < 0x7f && c != '<' && c != '>'; };
  // What is echoed comes from the address, so it must not be able to be a page.
  if (echo.empty() || echo.size() > kEchoBytesMax || !std::ranges::all_of(echo, is_printable)) {
    return refuse(Refusal::kMalformed, "callback: echostr is missing or not plain text");
  }
  return echo;
}

std::expected<Callback, CallbackError> open_callback(const CallbackRules& rules,
                                                     const CallbackQuery& query,
                                                     std::string_view body, Instant now) {
  const bool is_encrypted = rules.wecom || query.encrypt_type == "aes";
  if (!is_encrypted && !query.encrypt_type.empty() && query.encrypt_type != "raw") {
    return refuse(Refusal::kMalformed, "callback: encrypt_type is unknown");
  }
  // First: what a stranger sends says nothing about the settings.
  const bool is_checked_whole = is_encrypted && !rules.aes_key.empty();
  if (!is_checked_whole &&
      !signature_matches(query.signature, {rules.token.reveal(), query.timestamp, query.nonce})) {
    return refuse(Refusal::kSignature, "callback: signature is wrong (-40001)");
  }
  // Only msg_signature covers a body: in the other modes nothing is believed without it.
  if (!is_encrypted && rules.mode != CallbackMode::kPlain) {
    return refuse(Refusal::kDowngrade, fmt::format("callback: plain, but the account is in {} mode",
                                                   enum_name(rules.mode)));
  }
  if (is_encrypted && rules.aes_key.empty()) {
    return refuse(Refusal::kNoKey,
                  "callback: encrypted, but the account has no EncodingAESKey (-40004)");
  }
  bool is_json = false;
  std::expected<Json, CallbackError> outer = parse_fields(body, is_json);
  if (!outer) return std::unexpected(std::move(outer.error()));
  std::string plain;
  std::string receive_id;
  if (is_encrypted) {
    auto opened = decrypt_body(rules, query, *outer, receive_id);
    if (!opened) return std::unexpected(std::move(opened.error()));
    plain = std::move(*opened);
  } else if (!rules.aes_key.empty() && !encrypted_part(*outer).empty()) {
    // Somebody took encrypt_type away, so that the plain fields beside it would be believed.
    return refuse(Refusal::kDowngrade, "callback: has Encrypt, but no encrypt_type");
  }
  if (auto fresh = check_age(rules, query.timestamp, now); !fresh)
    return std::unexpected(std::move(fresh.error()));

  std::expected<Json, CallbackError> fields =
      is_encrypted ? parse_fields(plain, is_json) : std::move(outer);
  if (!fields) return std::unexpected(std::move(fields.error()));
  std::expected<Callback, CallbackError> callback =
      read_callback(rules, std::move(*fields), is_json, seconds_of(query.timestamp));
  if (!callback) return callback;
  callback->encrypted = is_encrypted;
  callback->receive_id = std::move(receive_id);
  // msg_signature covers the body. Where plain bodies are taken, the signature of the address is
  // all there is, also beside an encrypted one: there one address admits one occurrence.
  if (rules.mode == CallbackMode::kPlain && !rules.wecom)
    callback->request_key = key_of({"address", rules.app_id, query.timestamp, query.nonce});
  return callback;
}

std::expected<Callback, CallbackError> parse_callback(const CallbackRules& rules,
                                                      std::string_view plain) {
  bool is_json = false;
  std::expected<Json, CallbackError> fields = parse_fields(plain, is_json);
  if (!fields) return std::unexpected(std::move(fields.error()));
  return read_callback(rules, std::move(*fields), is_json, std::nullopt);
}

}  // namespace zhiyin::wechat
