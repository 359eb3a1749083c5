#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/random.h"
#include "sandbox/account.h"
#include "sandbox/callback.h"
#include "sandbox/endpoint.h"
#include "sandbox/family_states.h"
#include "sandbox/figures.h"
#include "sandbox/followers.h"
#include "sandbox/quota.h"
#include "sandbox/token_issuer.h"

namespace zhiyin::sandbox {

/// A message that the platform took and handed to people.
struct SentMessage {
  std::string app_id;
  std::string channel;    ///< mass, customer_service, template, subscribe, preview, wecom, welcome
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
/// An error as the platform answers it, with a request id behind its text.
Json api_error(int code, std::string_view text, Instant now, Random& random);

/// Everything that the platform knows of one account. Handlers work on it; `Platform` guards it.
/// Not thread-safe.
struct AccountState {
  AccountState(SandboxAccount who, std::uint64_t seed);

  /// Answers a call that is this account's; errors are answers too.
  Answer answer(const Endpoint& endpoint, const ApiCall& call, Instant now);

  // What people do. Unknown people become known by it.
  void follow(std::string_view openid, std::string_view unionid, Instant at, std::string_view scene,
              std::string_view qr_scene);
  void unfollow(std::string_view openid, Instant at);
  void trigger(std::string_view openid, Trigger trigger, Instant at);

  /// An error by its code, in the platform's words; `hint` names the member that is wrong.
  Json refuse(int code, Instant now, std::string_view hint = {});
  void hand_over(SentMessage message);
  void call_back(Instant due_at, CallbackMessage message);
  /// Callbacks of jobs that are due, in order.
  std::vector<CallbackMessage> take_due_callbacks(Instant now);
  /// A name that nobody can guess, of letters, digits, `_` and `-`; differs every time.
  std::string make_name(std::size_t length);
  std::int64_t next_message_id() { return ++last_message_id; }

  const SandboxAccount identity;
  Random random;
  TokenIssuer tokens;
  QuotaCounters quota;
  Followers people;
  Figures figures;  ///< by day, for the data cube
  TagState tags;
  MassState mass;
  TemplateState templates;
  SubscriptionState subscriptions;
  MaterialState material;
  ArticleState articles;
  StaffState staff;
  MenuState menus;
  CodeState codes;
  LoginState logins;
  MiniState mini;
  RequestLog requests;
  WecomState wecom;
  AdsState ads;
  std::vector<SentMessage> messages;   ///< not taken yet
  std::vector<DueCallback> callbacks;  ///< by time
  std::int64_t last_message_id = 1'000'000'000;
  std::uint64_t names_made = 0;
  bool is_kept = false;           ///< what follows is written to a journal
  std::vector<Json> unsaved;      ///< lines for it
  std::set<std::string> changed;  ///< openids of whom something changed

 private:
  Answer answer_checked(const Endpoint& endpoint, const ApiCall& call, Instant now);
  [[nodiscard]] bool may_call(const Endpoint& endpoint) const;
  /// The refusal of members that are not as they should be.
  std::optional<Answer> find_fault(const Endpoint& endpoint, std::span<const Field> fields,
                                   const Json& in, Instant now);
};

// For the journal (journal.h): what a restarted platform must still know. Nothing where none is
// kept.
void note_job(AccountState& account, const MassState::Job& job);
void note_template(AccountState& account, std::string_view key, const TemplateState::Send& send);
void note_message(AccountState& account, const SentMessage& message);
void note_person(AccountState& account, const Follower& person);

/// The first http(s) address in a text, or empty.
std::string first_link(std::string_view text);
/// A picture of one dot, for codes: what matters to callers is that it is a picture.
const std::string& one_dot_png();
/// Whole seconds since the epoch.
std::int64_t seconds_of(Instant t);

}  // namespace zhiyin::sandbox
