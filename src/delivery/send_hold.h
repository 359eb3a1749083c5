#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "base/json_binding.h"
#include "base/time.h"
#include "storage/state.h"

namespace zhiyin::delivery {

/// Every send of an account stands still: the platform has banned or frozen it, and who goes on
/// sending makes that worse.
struct SendHold {
  AccountId account;
  Instant since;
  std::int64_t errcode = 0;  ///< of the platform
  std::string error;         ///< what it said, for the operator
  std::optional<Instant> released_at;
  std::string released_by;  ///< `check`, or who did it
};

/// Holds of accounts, in state, for all processes. One begins with an errcode that
/// `wechat::blocks_account`, in the transaction that records the outcome of the send that met it,
/// and lasts until it is released. Campaigns wait meanwhile; direct sends, tests, pushed answers,
/// welcomes and tasks are refused. Passive replies go on: they are no call. Stateless; every
/// function works within the caller's transaction.
class SendHolds {
 public:
  static constexpr Duration kKeep = std::chrono::hours(24 * 400);  ///< those that were released
  /// How soon who waits for the release looks again.
  static constexpr Duration kLookEvery = std::chrono::minutes(1);

  /// Whether what the platform said to a send begins one.
  static bool begins_with(std::int64_t errcode);
  /// The hold that is in force.
  static Result<std::optional<SendHold>> find(storage::Session& session, const AccountId& account);
  static Result<bool> is_held(storage::Session& session, const AccountId& account);
  /// What the platform said to a send: begins a hold where that means one; one in force stays.
  /// Forgets what was released kKeep ago.
  static Result<void> note(storage::Session& session, const AccountId& account,
                           std::int64_t errcode, std::string_view error, Instant now);
  /// False when there was none.
  static Result<bool> release(storage::Session& session, const AccountId& account,
                              std::string_view by, Instant now);
  /// Those that began before `before`, newest first.
  static Result<std::vector<SendHold>> list(storage::Session& session, const AccountId& account,
                                            std::size_t limit, Instant before);
};

}  // namespace zhiyin::delivery

template <>
struct zhiyin::Fields<zhiyin::delivery::SendHold> {
  using S = delivery::SendHold;
  static constexpr std::string_view name = "SendHold";
  static constexpr auto list =
      field_list(field("account", &S::account, ""), field("since", &S::since, "when it began"),
                 field("errcode", &S::errcode, "of the platform"),
                 field("error", &S::error, "what the platform said"),
                 field("released_at", &S::released_at, "absent: it is in force"),
                 field("released_by", &S::released_by, "check, or who did it"));
};
