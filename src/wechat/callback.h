#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/secret.h"
#include "base/time.h"
#include "wechat/account.h"
#include "wechat/reply.h"

namespace zhiyin::wechat {

inline constexpr std::size_t kCallbackBytesMax = 64 << 10;
inline constexpr Duration kReplayWindow = std::chrono::minutes(10);

/// What callbacks of one account are checked against. `aes_key` has 32 bytes or is empty.
struct CallbackRules {
  AccountId account;
  std::string app_id;         ///< of WeCom the CorpID
  std::string suite_id;       ///< of a third-party WeCom application: also encrypted for it
  bool wecom = false;         ///< encrypted echo, always encrypted bodies, its own names in JSON
  bool mini_program = false;  ///< answers nothing but the hand-over to staff
  std::string original_id;    ///< empty: not compared
  Secret token;
  Secret aes_key;
  CallbackMode mode = CallbackMode::kSecure;
  Duration replay_window = kReplayWindow;  ///< how far the timestamp may lie from now, both ways
};
/// kInvalidArgument when the account has no token, or no key where its mode needs one.
Result<CallbackRules> callback_rules(const Account& account);

/// The parameters in a callback's address.
struct CallbackQuery {
  std::string signature, timestamp, nonce, echostr, encrypt_type, msg_signature, openid;
};
CallbackQuery callback_query(const std::map<std::string, std::string, std::less<>>& query);

/// Why a callback was refused.
enum class Refusal {
  kSignature,   ///< signature or msg_signature is wrong or missing (-40001)
  kTimestamp,   ///< outside the replay window
  kDowngrade,   ///< plain body although the account is in secure or compatible mode, or an
                ///< encrypted one that is to be read as a plain one
  kNoKey,       ///< encrypted body, but the account has no key (-40004)
  kEncryption,  ///< does not decrypt (-40007, -40008, -40010)
  kReceiver,    ///< meant for another account (-40005)
  kMalformed,   ///< neither XML nor JSON of a callback (-40002)
  kTooLarge,
};
std::string_view to_string(Refusal refusal);
/// 401 for a wrong signature; 403 for old, downgraded, wrong key or receiver; 400 malformed; 413
/// too large.
int http_status(Refusal refusal);
/// Whether a request refused so was signed with the account's Token for certain: what others send
/// says nothing about the account's settings.
bool is_signed(Refusal refusal);

struct CallbackError {
  Refusal refusal = Refusal::kMalformed;
  Error error;
};

/// Kinds that get a meaning here; everything else is kOther and keeps its fields. Not stored.
enum class CallbackKind {
  kOther,
  kText,
  kImage,
  kVoice,
  kVideo,
  kShortVideo,
  kLocation,
  kLink,
  kMiniProgramPage,
  kFile,            // messages
  kFollow,          ///< subscribe, also through a scene QR code (then with a scene)
  kUnfollow,        ///< unsubscribe
  kScan,            ///< a follower scanned a scene QR code
  kMenuClick,       ///< CLICK, scancode_push, scancode_waitmsg, or an entry of a msgmenu
  kMenuView,        ///< VIEW, view_miniprogram
  kTemplateResult,  ///< TEMPLATESENDJOBFINISH
  kMassResult,      ///< MASSSENDJOBFINISH
  kNotice,          ///< to the owner of the account: publishing, audits, tickets; about no person
  kPlatformCheck,   ///< CheckContainerPath; has no sender
};
bool is_message(CallbackKind kind);
/// `text`, `follow`, …
std::string_view to_string(CallbackKind kind);

/// Totals of a mass send as the platform reports them, near its end.
struct MassCounts {
  std::int64_t total = 0, filtered = 0, sent = 0, failed = 0;
};

/// A verified, decrypted, parsed callback. A pure value.
struct Callback {
  AccountId account;
  CallbackKind kind = CallbackKind::kOther;
  std::string msg_type;  ///< as sent: text, event, …
  std::string event;     ///< as sent: subscribe, CLICK, …; empty for messages
  /// Who wrote or acted: the person even where the platform itself is the sender. Of WeCom the
  /// member of staff, or `sys`. Empty for kPlatformCheck and some notices.
  std::string from_openid;
  std::string to;  ///< gh_… id
  Instant create_time;
  std::string msg_id;  ///< messages, template and mass results (MsgID)
  /// Menu key, address or page; the scene without `qrscene_` for kFollow and kScan.
  std::string event_key;
  std::string ticket;   ///< of a scene QR code
  std::string content;  ///< of a text
  /// Of job results, as sent: `success`, `failed:user block`, `send success`, `err(10001)`.
  std::string status;
  MassCounts mass;  ///< kMassResult
  /// Everything as sent: an object; lists are arrays; values are text except in JSON callbacks.
  Json fields;
  bool json = false;       ///< came as JSON
  bool encrypted = false;  ///< came encrypted, so the answer is encrypted
  bool wecom = false;
  std::string receive_id;  ///< for whom it was encrypted: the answer is, too
  /// 32 hex characters: equal for repeated deliveries of one occurrence.
  std::string dedup_key;
  /// 32 hex characters: equal for requests with one signed address. Empty where the signature
  /// covers the body, so that nothing else can come with it.
  std::string request_key;
};

/// Checks the verification GET; returns what must be the whole answer: the echostr, of WeCom
/// decrypted. Pure.
std::expected<std::string, CallbackError> verify_callback_url(const CallbackRules& rules,
                                                              const CallbackQuery& query,
                                                              Instant now);

/// Checks, decrypts and parses a POST. Pure.
std::expected<Callback, CallbackError> open_callback(const CallbackRules& rules,
                                                     const CallbackQuery& query,
                                                     std::string_view body, Instant now);

/// Parses the plain text of a callback (no signature is checked). Pure.
std::expected<Callback, CallbackError> parse_callback(const CallbackRules& rules,
                                                      std::string_view plain);

/// The parts of an answer that must not repeat, brought by the caller.
struct ReplyEntropy {
  std::string random;  ///< 16 bytes
  std::string nonce;   ///< of the reply, printable
};
ReplyEntropy make_reply_entropy();

/// Whether the platform takes `reply` as the answer to `callback`; else it is acknowledged with
/// `success`, and what is to be said goes out by another way. Pure.
bool may_answer_with(const CallbackRules& rules, const Callback& callback, const Reply& reply);

/// The body that answers `callback`: `success` for kNone or what may not be answered so, else the
/// message, encrypted when the callback was. `create_time` stands in the reply. kInternal when the
/// callback was encrypted and the rules have no key. Pure.
Result<std::string> render_reply(const CallbackRules& rules, const Callback& callback,
                                 const Reply& reply, Instant create_time,
                                 const ReplyEntropy& entropy);

}  // namespace zhiyin::wechat
