#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "http/client.h"
#include "wechat/account.h"
#include "wechat/error_table.h"
#include "wechat/reply.h"

/// What is asked of the platform and what comes back, as plain data.
namespace zhiyin::wechat {

/// A call that did not succeed.
struct SendError {
  ErrorCode code = ErrorCode::kInternal;
  std::int64_t errcode = 0;  ///< of the platform; 0 when it did not answer
  ErrorClass error_class = ErrorClass::kTransport;
  /// kNothingSent: the platform has certainly not carried it out. kOutcomeUnknown: it may have;
  /// only a call with its own id may be repeated.
  http::SendProgress progress = http::SendProgress::kNothingSent;
  std::optional<Duration> retry_after;  ///< by domain time, where the platform says so
  std::string rid;                      ///< the platform's number of the request, for its support
  std::string message;                  ///< for operators, Chinese; no secrets

  [[nodiscard]] bool outcome_unknown() const {
    return progress == http::SendProgress::kOutcomeUnknown;
  }
  [[nodiscard]] Error error() const { return {code, message, {}}; }
};

template <class T>
using Outcome = std::expected<T, SendError>;

/// What a call needs to know about the account: copied into every call, so nothing dangles.
struct ApiAccount {
  AccountId id;
  std::string app_id;
  Secret app_secret;
  std::string base_url;  ///< empty: the client's
  TokenKind token_kind = TokenKind::kStable;
  Policy policy;
  Secret refresh_token = {};
};
ApiAccount api_account(const Account& account);

struct FollowerPage {
  std::int64_t total = 0;
  std::vector<std::string> openids;
  std::string next_openid;  ///< empty: this was the last page
};

struct UserInfo {
  std::string openid;
  bool following = false;
  std::string unionid;
  std::string language;
  std::string remark;
  std::string subscribe_scene;  ///< ADD_SCENE_…
  std::string qr_scene;         ///< number or text of the scene QR code; empty: none
  std::vector<std::int64_t> tag_ids;
  std::optional<Instant> subscribed_at;
};

struct CustomerServiceMessage {
  std::string openid;
  std::variant<std::string, Article> content;  ///< text, or one article
  bool ai_generated = false;                   ///< shows the platform's label for generated content
  std::string kf_account;  ///< of the agent who seems to write; empty: the account
};

struct MiniProgramLink {
  std::string app_id;
  std::string page_path;
};
struct TemplateMessage {
  std::string openid;
  std::string template_id;
  std::string url;
  std::optional<MiniProgramLink> mini_program;
  std::string client_msg_id;  ///< makes repeating safe for 10 minutes; required
  std::vector<std::pair<std::string, std::string>> data;  ///< `thing1` → value
};

enum class MassContentType { kText, kImage, kNewsDraft, kVoice, kVideo };
struct MassMessage {
  MassContentType type = MassContentType::kText;
  std::string text;           ///< kText
  std::string media_id;       ///< the others
  std::string client_msg_id;  ///< makes repeating safe for 24 hours; required (ignored by previews)
  bool send_ignore_reprint = false;  ///< kNewsDraft: send although the article is a reprint
};
struct MassReceipt {
  std::string msg_id;
  std::string msg_data_id;    ///< kNewsDraft only
  bool already_sent = false;  ///< an earlier call with this client_msg_id had done it
};

enum class MassStatus { kSending, kSent, kFailed, kDeleted, kUnknown };

struct TemplateDescription {
  std::string template_id, title, content, example;
};

struct QuotaUse {
  std::int64_t daily_limit = 0, used = 0, remaining = 0;
};

}  // namespace zhiyin::wechat
