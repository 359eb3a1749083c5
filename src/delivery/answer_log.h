#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/json_binding.h"
#include "base/time.h"
#include "delivery/answer_window.h"
#include "storage/state.h"
#include "storage/vault.h"
#include "wechat/callback_store.h"
#include "wechat/reply.h"

namespace zhiyin::delivery {

/// What became of the answer to one message that could not be answered at once.
struct AnswerRecord {
  AccountId account;
  std::string key;     ///< of the callback
  std::string person;  ///< hex hash of the identity
  std::string token;   ///< by which the person can ask for it
  AnswerDecision decision = AnswerDecision::kOpen;
  std::string reason;  ///< of a push: `sent`, `unknown`, `refused:` and the rule; `service_failed`
  int callbacks = 0;   ///< how many deliveries came, in all processes
  Instant opened_at;
  Instant decided_at;
  std::optional<Instant> answered_at;  ///< when the answer was there
  /// Kept where nobody has it yet, or where a delivery that reaches another process must get it.
  std::optional<wechat::Reply> reply;
  bool operator==(const AnswerRecord&) const = default;
};

/// What has to be known to ask for an answer again.
struct LateQuestion {
  std::string openid, text, message_id;
  Instant at;
  bool may_reply = true;  ///< its callbacks can take the answer
};

/// A message whose answer is awaited, and that no process prepares any more.
struct LeftAnswer {
  AnswerRecord record;
  LateQuestion question;
};

/// The record of a message, as the processes of an installation share it.
struct SharedAnswer {
  AnswerRecord record;
  std::string owner;        ///< which process prepares the answer
  bool owner_lives = true;  ///< by the database's clock
  /// To write with it, of whoever asks; stays, sealed, until the answer is there.
  std::optional<LateQuestion> question = {};
};

/// Those records, in state, sealed where they hold an answer: for the processes, for whoever looks,
/// and for answers that people ask for afterwards. Thread-safe.
class AnswerLog {
 public:
  static constexpr Duration kKeep = std::chrono::hours(48);
  static constexpr std::size_t kListMax = 200;
  static constexpr std::size_t kLeftMax = 100;
  using Now = std::function<Result<Instant>(storage::Session&)>;

  /// `owner`: this process. Both references must outlive the log. `now`: by which leases run;
  /// absent: the database's clock.
  AnswerLog(storage::State& state, const storage::Vault& vault, std::string owner, Now now = {});

  [[nodiscard]] const std::string& owner() const { return owner_; }
  /// Runs `work` in one transaction, perhaps more than once.
  Result<void> together(const std::function<Result<void>(storage::Session&)>& work);
  /// Within it: the record of a message, if there is one.
  Result<std::optional<SharedAnswer>> read(storage::Session& session, const AccountId& account,
                                           std::string_view key) const;
  /// Within it: writes or overwrites it.
  Result<void> write(storage::Session& session, const SharedAnswer& shared) const;
  /// Within it: this process prepares answers for `lease` from now on; then others take them over.
  Result<void> live(storage::Session& session, Duration lease) const;
  /// What it prepares is for others to take over at once.
  Result<void> leave();

  /// What dead processes left, not older than kKeep, the oldest first, at most kLeftMax.
  Result<std::vector<LeftAnswer>> left(Instant now);
  /// The answer that is kept for the person and not older than kKeep, the newest, or that with the
  /// token. It is given to one message, `by` its key: to that one again when it is repeated.
  Result<std::optional<wechat::Reply>> take(const AccountId& account, std::string_view person,
                                            std::string_view token, std::string_view by,
                                            Instant now);
  /// The token of the answer that the person was promised and that some live process still
  /// prepares: the newest, or that with the token.
  Result<std::optional<std::string>> promised(const AccountId& account, std::string_view person,
                                              std::string_view token, Instant now);
  /// The newest first, at most kListMax after `place`, without the answers.
  Result<std::vector<AnswerRecord>> list(const AccountId& account, std::size_t limit,
                                         const wechat::ListPlace& place = {});
  /// Removes what is older than kKeep.
  Result<std::int64_t> trim(Instant now);

 private:
  [[nodiscard]] Result<Instant> now(storage::Session& session) const;

  storage::State& state_;
  const storage::Vault& vault_;
  const std::string owner_;
  const Now now_;
};

}  // namespace zhiyin::delivery

template <>
struct zhiyin::Fields<zhiyin::delivery::LateQuestion> {
  using S = delivery::LateQuestion;
  static constexpr std::string_view name = "LateQuestion";
  static constexpr auto list = field_list(
      field("openid", &S::openid, "who asks"), field("text", &S::text, "what was written"),
      field("message_id", &S::message_id, "of the platform"),
      field("at", &S::at, "when it was written, by the platform"),
      field("may_reply", &S::may_reply, "whether its callbacks can take the answer"));
};

template <>
struct zhiyin::Fields<zhiyin::delivery::AnswerRecord> {
  using S = delivery::AnswerRecord;
  static constexpr std::string_view name = "LateAnswer";
  static constexpr auto list = field_list(
      field("key", &S::key, "of the callback"),
      field("decision", &S::decision, "open, passive, push, notice, abandoned or fetched"),
      field("reason", &S::reason, "of a push: sent, unknown, refused and the rule"),
      field("callbacks", &S::callbacks, "deliveries that came"),
      field("opened_at", &S::opened_at, "when the message came"),
      field("decided_at", &S::decided_at, "when it was decided"),
      field("answered_at", &S::answered_at, "when the answer was there").optional());
};
