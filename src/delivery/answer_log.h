#pragma once

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
  int callbacks = 0;   ///< how many deliveries came
  Instant opened_at;
  Instant decided_at;
  std::optional<Instant> answered_at;  ///< when the answer was there
  std::optional<wechat::Reply> reply;  ///< kept where nobody has it yet
};

/// Those records, in state, sealed where they hold an answer: for whoever looks, and for answers
/// that people ask for afterwards. Thread-safe.
class AnswerLog {
 public:
  static constexpr Duration kKeep = std::chrono::hours(48);
  static constexpr std::size_t kListMax = 200;

  /// `owner`: this process, whose records others do not overwrite. Both references must outlive
  /// the log.
  AnswerLog(storage::State& state, const storage::Vault& vault, std::string owner)
      : state_(state), vault_(vault), owner_(std::move(owner)) {}

  /// Writes or overwrites the records in one transaction. Of two processes' records of one message
  /// the first stays: for each, whether it is ours. Who loses must not answer.
  Result<std::vector<bool>> record(std::span<const AnswerRecord> records);
  /// The answer that is kept for the person and not older than kKeep, the newest, or that with the
  /// token; it is given only once.
  Result<std::optional<wechat::Reply>> take(const AccountId& account, std::string_view person,
                                            std::string_view token, Instant now);
  /// The newest first, at most kListMax, without the answers.
  Result<std::vector<AnswerRecord>> list(const AccountId& account, std::size_t limit);
  /// Removes what is older than kKeep.
  Result<std::int64_t> trim(Instant now);

 private:
  storage::State& state_;
  const storage::Vault& vault_;
  const std::string owner_;
};

}  // namespace zhiyin::delivery

template <>
struct zhiyin::Fields<zhiyin::delivery::AnswerRecord> {
  using S = delivery::AnswerRecord;
  static constexpr std::string_view name = "LateAnswer";
  static constexpr auto list = std::make_tuple(
      field("key", &S::key, "of the callback"),
      field("decision", &S::decision, "passive, push, notice, abandoned or fetched"),
      field("reason", &S::reason, "of a push: sent, unknown, refused and the rule"),
      field("callbacks", &S::callbacks, "deliveries that came"),
      field("opened_at", &S::opened_at, "when the message came"),
      field("decided_at", &S::decided_at, "when it was decided"),
      field("answered_at", &S::answered_at, "when the answer was there").optional());
};
