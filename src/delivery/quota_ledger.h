#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/error.h"
#include "base/ids.h"
#include "base/time.h"
#include "delivery/channel.h"
#include "storage/state.h"

namespace zhiyin::delivery {

/// One budget: calls of a channel on an account in a period: a local day of the platform's zone, or
/// a clock minute. Days and minutes are both counted since 1970 and never meet.
struct QuotaKey {
  AccountId account;
  ChannelKind channel = ChannelKind::kMass;
  std::int64_t period = 0;
};

/// Who reserves, where several processes do: each takes a chunk of a budget, its lease, and spends
/// from that, so that they do not write the same row with every message. Without a chunk every
/// reservation goes to the common row.
struct QuotaHolder {
  std::string process;     ///< stays the same when it is started again
  std::int64_t chunk = 0;  ///< calls at most; near the end of a budget less
  Duration lease = std::chrono::minutes(10);
  std::function<Result<Instant>(storage::Session&)> now = {};  ///< absent: the database's clock
  [[nodiscard]] bool leases() const { return chunk > 0 && !process.empty(); }
};

/// Calls used and about to be used. A reservation is made in the transaction that writes the intent
/// to send, and settled in the one that records the outcome, so the sum never passes the limit,
/// however often processes die, and a death loses nothing: what a dead process did not spend of its
/// chunk is there for the others, at once when they need it, else when its lease has expired. Any
/// process may settle what another one has reserved. Stateless; every function works within the
/// caller's transaction.
///
/// Tables: `quota_use` with the common row of each budget (used, reserved, and `leased`, the sum of
/// the chunks), `quota_lease` with a row for each holder (granted, used, reserved). Each holder
/// stays within its grant, and used + reserved + leased of the common row within the limit; so does
/// their sum. A row may go below zero by settling what was reserved in
/// another one. That nothing is settled twice is the send ledger's to see to (states of touches);
/// here it is noticed where the row at hand, or the sum of all, would go below zero.
class QuotaLedger {
 public:
  /// The key of the day that holds `now` in the zone of the account's platform quotas
  /// (`GateRules::platform_zone`).
  static QuotaKey today(const AccountId& account, ChannelKind channel, Instant now,
                        const TimeZone& zone);
  /// The moment at which that day ends.
  static Instant day_end(Instant now, const TimeZone& zone);
  /// The key of the clock minute, and its end.
  static QuotaKey this_minute(const AccountId& account, ChannelKind channel, Instant now);
  static Instant minute_end(Instant now);

  /// Fails with kLimitReached when used + reserved + n > limit; nothing is counted then.
  static Result<void> reserve(storage::Session& session, const QuotaKey& key, std::int64_t n,
                              std::int64_t limit, const QuotaHolder& holder = {});
  /// Counts a call of the clock minute, which no outcome gives back; false, counting nothing, when
  /// the minute has no more. A limit of 0 or less: none is known.
  static Result<bool> enter_minute(storage::Session& session, const QuotaKey& minute,
                                   std::int64_t limit);
  /// The reserved calls were made (or may have been).
  static Result<void> commit(storage::Session& session, const QuotaKey& key, std::int64_t n,
                             const QuotaHolder& holder = {});
  /// The reserved calls were certainly not made.
  static Result<void> release(storage::Session& session, const QuotaKey& key, std::int64_t n,
                              const QuotaHolder& holder = {});
  /// Calls counted as used come back (a job that the platform refused as a whole).
  static Result<void> give_back(storage::Session& session, const QuotaKey& key, std::int64_t n);
  /// The platform says that nothing is left: counts the rest up to `limit` as used.
  static Result<void> exhaust(storage::Session& session, const QuotaKey& key, std::int64_t limit);

  static Result<std::int64_t> left(storage::Session& session, const QuotaKey& key,
                                   std::int64_t limit);

  /// Of a budget over all rows.
  struct Sum {
    std::int64_t used = 0;
    std::int64_t reserved = 0;
    std::int64_t leased = 0;  ///< not spent yet, in the chunks of processes
  };
  static Result<Sum> sum(storage::Session& session, const QuotaKey& key);

  /// Gives back what expired leases did not spend, of every budget, and forgets minutes that ended
  /// an hour before `now`. `time`: of the database.
  static Result<void> tidy(storage::Session& session, Instant now, Instant time);
};

}  // namespace zhiyin::delivery
