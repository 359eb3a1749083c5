#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/random.h"
#include "sandbox/account.h"
#include "sandbox/callback.h"
#include "sandbox/quota.h"
#include "sandbox/reply_window.h"
#include "sandbox/token_issuer.h"

namespace zhiyin::sandbox {

/// A call of the platform's interface, as it came over HTTP.
struct ApiCall {
  std::string method;  ///< GET or POST
  std::string path;    ///< `/cgi-bin/user/get`
  std::map<std::string, std::string, std::less<>> query;
  std::string body;
};

/// A message that the platform took and handed to people.
struct SentMessage {
  std::string app_id;
  std::string channel;    ///< mass, customer_service, template, preview
  std::int64_t id = 0;    ///< msg_id; for customer service a number of our own
  std::string client_id;  ///< clientmsgid, client_msg_id
  Instant at;
  std::string text;  ///< all words that are shown
  std::string link;  ///< the first http(s) address in it, or empty
  bool ai_label = false;
  std::size_t targeted = 0;             ///< how many were asked for
  std::vector<std::string> recipients;  ///< openids that it reached
};

/// A callback that waits for its time.
struct DueCallback {
  Instant due_at;
  CallbackMessage message;
};

/// `errcode` and `errmsg` of a success.
Json api_ok();
/// An error as the platform answers it, with a request id in its text.
Json api_error(int code, std::string_view text, Instant now, Random& random);

/// One official account as the platform sees it: tokens, quotas, followers, tags, messages.
/// Not thread-safe; `Platform` guards it.
class OfficialAccount {
 public:
  OfficialAccount(SandboxAccount account, std::uint64_t seed);

  /// Whether the platform has such a path at all.
  static bool has_path(std::string_view path);

  /// Answers a call whose AppID or token belongs to this account; errors are answers too.
  Json call(const ApiCall& call, Instant now);
  [[nodiscard]] TokenState check_token(std::string_view token, Instant now) const {
    return tokens_.check(token, now);
  }
  [[nodiscard]] const SandboxAccount& account() const { return account_; }

  // What people do. Unknown people become known by it.
  void follow(std::string_view openid, std::string_view unionid, Instant at, std::string_view scene,
              std::string_view qr_scene);
  void unfollow(std::string_view openid);
  void trigger(std::string_view openid, Trigger trigger, Instant at);

  /// Messages taken since the last call.
  std::vector<SentMessage> take_messages() { return std::exchange(messages_, {}); }
  /// Callbacks of jobs that are due, in order.
  std::vector<CallbackMessage> take_due_callbacks(Instant now);
  [[nodiscard]] std::size_t callbacks_waiting() const { return callbacks_.size(); }

  [[nodiscard]] std::size_t followers() const;
  [[nodiscard]] bool follows(std::string_view openid) const;
  QuotaCounters& quota() { return quota_; }
  std::int64_t next_message_id() { return ++last_message_id_; }

 private:
  struct Follower {
    std::string openid;
    std::string unionid;
    bool following = false;
    Instant followed_at;
    std::string scene;
    std::string qr_scene;
    std::vector<std::int64_t> tags;
    ReplyWindow window;
    int mass_month = -1;
    int mass_in_month = 0;
  };
  struct Tag {
    std::int64_t id = 0;
    std::string name;
  };
  struct MassJob {
    std::int64_t id = 0;
    std::string client_id;  // or a digest of scope and content
    std::string type;
    Instant at;
    Instant finished_at;
    bool failed = false;
  };
  struct TemplateSend {
    std::int64_t id = 0;
    Instant at;
  };
  using Method = Json (OfficialAccount::*)(const ApiCall&, const Json& body, Instant now);
  struct Endpoint {
    std::string_view path;
    std::string_view http_method;
    Method method;
    bool verified_only = false;
    bool service_only = false;
  };
  static const std::vector<Endpoint>& endpoints();
  static const Endpoint* find_endpoint(std::string_view path);

  Json token(const ApiCall& call, Instant now);
  Json stable_token(const ApiCall& call, Instant now);

  // official_account_users.cc
  Json user_get(const ApiCall&, const Json& body, Instant now);
  Json user_info(const ApiCall&, const Json& body, Instant now);
  Json user_info_batch(const ApiCall&, const Json& body, Instant now);
  Json tag_create(const ApiCall&, const Json& body, Instant now);
  Json tag_list(const ApiCall&, const Json& body, Instant now);
  Json tag_update(const ApiCall&, const Json& body, Instant now);
  Json tag_delete(const ApiCall&, const Json& body, Instant now);
  Json tag_members(const ApiCall&, const Json& body, Instant now);
  Json tag_people(const ApiCall&, const Json& body, Instant now);
  Json untag_people(const ApiCall&, const Json& body, Instant now);
  Json tags_of(const ApiCall&, const Json& body, Instant now);
  Json describe(const Follower& follower) const;
  Json set_tag(const Json& body, bool on, Instant now);
  Tag* find_tag(std::int64_t id);
  [[nodiscard]] bool is_taken(std::string_view tag_name) const;

  // official_account_messages.cc
  Json custom_send(const ApiCall&, const Json& body, Instant now);
  Json template_send(const ApiCall&, const Json& body, Instant now);
  Json template_list(const ApiCall&, const Json& body, Instant now);
  Json quota_get(const ApiCall&, const Json& body, Instant now);
  Json quota_clear(const ApiCall&, const Json& body, Instant now);

  // official_account_mass.cc
  Json mass_send(const ApiCall&, const Json& body, Instant now);
  Json mass_send_all(const ApiCall&, const Json& body, Instant now);
  Json mass_preview(const ApiCall&, const Json& body, Instant now);
  Json mass_get(const ApiCall&, const Json& body, Instant now);
  Json mass_delete(const ApiCall&, const Json& body, Instant now);
  Json start_mass(const Json& body, const std::vector<Follower*>& scope, std::size_t targeted,
                  const std::string& client_id, Instant now);
  /// The answer to a repetition of a job of the last 24 hours; absent when there is none.
  std::optional<Json> repetition_of(const std::string& client_id, Instant now);
  MassJob* find_job(const Json& body);
  bool may_receive_mass(Follower& follower, Instant now);

  Json refuse(int code, std::string_view text, Instant now) {
    return api_error(code, text, now, random_);
  }
  Follower* find(std::string_view openid);
  [[nodiscard]] const Follower* find(std::string_view openid) const;
  void hand_over(SentMessage message);
  void call_back(Instant due_at, CallbackMessage message);

  const SandboxAccount account_;
  Random random_;
  TokenIssuer tokens_;
  QuotaCounters quota_;
  std::vector<Follower> people_;  // in the order in which they became known
  std::map<std::string, std::size_t, std::less<>> by_openid_;
  std::vector<Tag> tags_;
  std::int64_t last_tag_id_ = 99;  // below are the platform's own
  std::vector<MassJob> jobs_;
  std::map<std::string, TemplateSend, std::less<>> template_sends_;  // by openid and client_msg_id
  std::int64_t mass_to_all_day_ = -1;
  std::vector<SentMessage> messages_;
  std::vector<DueCallback> callbacks_;  // by time
  std::int64_t last_message_id_ = 1'000'000'000;
};

/// The first http(s) address in a text, or empty.
std::string first_link(std::string_view text);

}  // namespace zhiyin::sandbox
