#pragma once

#include <optional>
#include <span>
#include <string>

#include "base/error.h"
#include "base/time.h"
#include "storage/state.h"
#include "wechat/callback.h"
#include "wechat/reply.h"

namespace zhiyin::wechat {

/// What was answered to a callback that was processed.
struct GivenAnswer {
  Reply reply;
  Instant at;  ///< its CreateTime
};

/// Which callbacks were processed and how they were answered, in state, for 24 hours: the platform
/// repeats a delivery up to three times, and a replayed request must get the same answer instead of
/// a new effect.
///
/// Order of use, which survives a crash between any two steps: `find`; if nothing, append the event
/// (its event_id comes from the dedup_key, so the log drops a second one); then `record`; then
/// answer. Thread-safe.
class CallbackStore {
 public:
  static constexpr Duration kKeep = std::chrono::hours(24);
  static constexpr std::int64_t kRowsMax = 2'000'000;  ///< above that the oldest go first

  static std::span<const storage::Migration> migrations();

  /// `state` must outlive the store.
  explicit CallbackStore(storage::State& state) : state_(state) {}

  /// The answer given to this occurrence or to this very request, or nothing.
  Result<std::optional<GivenAnswer>> find(const Callback& callback);
  /// Remembers the answer; returns the one that counts, which is an earlier one when two deliveries
  /// raced.
  Result<GivenAnswer> record(const Callback& callback, const Reply& reply, Instant now);
  /// Removes what is older than kKeep or above `rows_max`; returns how many rows. For a timer.
  Result<std::int64_t> trim(Instant now, std::int64_t rows_max = kRowsMax);

  /// A valid request of the account arrived. Kept across restarts and for all processes, to the
  /// minute.
  Result<void> note_request(const AccountId& account, Instant now);
  /// When that last was; nothing when never.
  Result<std::optional<Instant>> last_request(const AccountId& account);

 private:
  storage::State& state_;
};

}  // namespace zhiyin::wechat
