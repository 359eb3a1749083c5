#pragma once

#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json_binding.h"
#include "base/time.h"
#include "storage/state.h"
#include "storage/vault.h"
#include "wechat/callback.h"
#include "wechat/reply.h"

namespace zhiyin::wechat {

/// What was answered to a callback that was processed.
struct GivenAnswer {
  Reply reply;
  Instant at;  ///< its CreateTime
};

/// A callback that was processed, as it is to be remembered.
struct ProcessedCallback {
  const Callback* callback = nullptr;
  Reply reply;
  std::string decision;  ///< why that answer: `welcome`, `keyword`, …; for whoever looks
};

/// The same as it lies in state: keys are hashes, and nothing in it is personal.
struct SeenCallback {
  AccountId account;
  std::string occurrence;  ///< dedup_key
  GivenAnswer given;
  std::string note;  ///< what people may see of it
};
/// Pure.
SeenCallback seen_callback(const ProcessedCallback& processed, Instant now);

/// kInvalidArgument when state would not take it: a text that is not UTF-8. Pure.
Result<void> check(const SeenCallback& seen);

/// Whether its address could carry another body: where plain bodies are taken. Pure.
bool binds_request(const Callback& callback);
/// Whether the fields are kept for the owner of the account: they stand nowhere else. Pure.
bool keeps_fields(const Callback& callback);

/// A callback of the last 24 hours as people may see it: nobody's whole name, no text.
struct RecentCallback {
  Instant at;
  std::string kind;    ///< `text`, `follow`, …
  std::string event;   ///< event or message type as sent
  std::string sender;  ///< shortened
  std::string answer;  ///< type of the answer
  std::string decision;
  std::string key;  ///< of its place in the list
};

/// A notice to the owner of the account, with its fields as sent.
struct CallbackNotice {
  Instant at;           ///< when it came
  Instant occurred_at;  ///< when it happened, by the platform
  std::string event;
  Json fields;
  std::string key;  ///< of its place in the list
};

/// A place in a list, newest first: after the entry with this time and key.
struct ListPlace {
  Instant at{std::numeric_limits<std::int64_t>::max()};
  std::string key;
};

/// Of an account: when a good request last came, and the last that was refused.
struct CallbackHealth {
  std::optional<Instant> last_at;
  std::optional<Instant> refused_at;
  std::string refusal;  ///< of `to_string(Refusal)`
  std::string detail;   ///< what was wrong with it
};

/// Which callbacks were processed and how they were answered, in state, for 24 hours: the platform
/// repeats a delivery up to three times, and a replayed request must get the same answer instead of
/// a new effect. Shared by all processes of an installation.
///
/// Order of use, which survives a crash between any two steps: `find`; if nothing, `admit` what
/// came plain; append the event (its event_id comes from the dedup_key, so the log drops a second
/// one); answer, and `record` or `write` that it was. Thread-safe.
class CallbackStore {
 public:
  static constexpr Duration kKeep = std::chrono::hours(24);
  static constexpr std::int64_t kRowsMax = 2'000'000;  ///< above that the oldest go first
  static constexpr Duration kKeepNotices = std::chrono::hours(24 * 400);
  static constexpr std::int64_t kNoticesMax = 100'000;
  static constexpr std::size_t kListMax = 200;  ///< of one page of callbacks or notices

  static std::span<const storage::Migration> migrations();

  /// Both must outlive the store; `vault` seals the fields of notices.
  CallbackStore(storage::State& state, const storage::Vault& vault)
      : state_(state), vault_(vault) {}

  /// The answer given to each occurrence or to that very request, or nothing.
  Result<std::vector<std::optional<GivenAnswer>>> find(std::span<const Callback* const> callbacks);
  Result<std::optional<GivenAnswer>> find(const Callback& callback);
  /// One signed address admits one occurrence: each callback's address (of those that
  /// `binds_request`) belongs to it from now on, in all processes, or belonged to another one
  /// before; then, what is to be answered instead.
  Result<std::vector<std::optional<GivenAnswer>>> admit(std::span<const Callback* const> callbacks,
                                                        Instant now);
  /// Remembers the answers in one transaction; earlier ones stay.
  Result<void> write(std::span<const SeenCallback* const> seen);
  /// Remembers the answers in one transaction, notices with their fields; returns those that count,
  /// which are earlier ones where two deliveries raced.
  Result<std::vector<GivenAnswer>> record(std::span<const ProcessedCallback> processed,
                                          Instant now);
  Result<GivenAnswer> record(const Callback& callback, const Reply& reply, Instant now);
  /// Removes what is older than kKeep or above `rows_max`; returns how many rows. For a timer.
  Result<std::int64_t> trim(Instant now, std::int64_t rows_max = kRowsMax);

  /// The newest first, at most kListMax after `place`.
  Result<std::vector<RecentCallback>> recent(const AccountId& account, std::size_t limit,
                                             const ListPlace& place = {});
  Result<std::vector<CallbackNotice>> notices(const AccountId& account, std::size_t limit,
                                              const ListPlace& place = {});

  /// A valid request of the account arrived. Kept across restarts and for all processes, to the
  /// minute.
  Result<void> note_request(const AccountId& account, Instant now);
  /// One was refused.
  Result<void> note_refusal(const AccountId& account, const CallbackError& error, Instant now);
  Result<CallbackHealth> health(const AccountId& account);

 private:
  storage::State& state_;
  const storage::Vault& vault_;
};

}  // namespace zhiyin::wechat

namespace zhiyin {

template <>
struct Fields<wechat::RecentCallback> {
  using S = wechat::RecentCallback;
  static constexpr std::string_view name = "RecentCallback";
  static constexpr auto list = field_list(
      field("at", &S::at, "when it was answered"), field("kind", &S::kind, "what it was"),
      field("event", &S::event, "event or message type as sent"),
      field("sender", &S::sender, "shortened"), field("answer", &S::answer, "type of the answer"),
      field("decision", &S::decision, "why that answer"));
};

template <>
struct Fields<wechat::CallbackNotice> {
  using S = wechat::CallbackNotice;
  static constexpr std::string_view name = "CallbackNotice";
  static constexpr auto list = field_list(
      field("at", &S::at, "when it came"),
      field("occurred_at", &S::occurred_at, "when it happened, by the platform"),
      field("event", &S::event, "its name as sent"), field("fields", &S::fields, "all of it"));
};

}  // namespace zhiyin
