#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/random.h"
#include "base/time.h"
#include "sandbox/account.h"

namespace zhiyin::sandbox {

struct CallbackField {
  std::string name;
  std::string value;
  bool is_number = false;                    ///< written bare instead of as CDATA
  std::vector<CallbackField> children = {};  ///< instead of a value
};

/// A message or an event that the platform tells the account's server. A pure value.
struct CallbackMessage {
  std::string app_id;  ///< the account's
  std::string openid;  ///< whom it comes from
  Instant created_at;
  std::string msg_type;               ///< `text`, `event`
  std::vector<CallbackField> fields;  ///< beyond the common ones
};

CallbackMessage text_message(std::string_view openid, Instant at, std::string_view text,
                             std::int64_t msg_id);
/// `event` as in EventKey lists: subscribe, unsubscribe, SCAN, CLICK, …
CallbackMessage event_message(std::string_view openid, Instant at, std::string_view event,
                              std::vector<CallbackField> fields = {});

/// The message as XML, as it stands inside the encryption. `]]>` in values is split.
std::string render_xml(const CallbackMessage& message, std::string_view original_id);
/// The same as JSON, as mini-programs may have it. The list of the subscribe events stands at the
/// root then, as an object where it has one entry.
std::string render_json(const CallbackMessage& message, std::string_view original_id);

/// A POST as the platform makes it: the whole URL with its signatures, and the body.
struct SignedCallback {
  std::string url;
  std::string body;
};
/// `random` brings nonce and padding; `now` is the timestamp of the signature.
Result<SignedCallback> sign_callback(const CallbackMessage& message, const SandboxAccount& account,
                                     std::string_view callback_url, Instant now, Random& random);
/// The GET with which the platform checks a callback address: the answer must be `echo`. Of a
/// company's the echo is encrypted. Empty when the account's key is none.
std::string verification_url(const SandboxAccount& account, std::string_view callback_url,
                             std::string_view echo, Instant now, Random& random);

/// What the server's answer means.
struct CallbackReply {
  bool is_reply = false;  ///< false: a bare acknowledgement
  std::string msg_type;
  std::string content;  ///< of a text reply
  bool encrypted = false;
};
/// Checks a 200 answer as the platform does: empty, `success`, or a reply of a kind that the
/// account may give, with what that kind needs, encrypted where the mode demands it; as JSON only
/// where the callbacks are. kInvalidArgument tells what is wrong with anything else.
Result<CallbackReply> check_answer(std::string_view body, const CallbackMessage& message,
                                   const SandboxAccount& account);

/// The text of the first element of that name, CDATA or bare; empty when absent.
std::string xml_text(std::string_view xml, std::string_view name);

}  // namespace zhiyin::sandbox
