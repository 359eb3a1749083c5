#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/error.h"
#include "base/ids.h"
#include "base/time.h"
#include "delivery/channel.h"
#include "storage/state.h"

namespace zhiyin::delivery {

/// One counter: calls of a channel on an account in a period (local day of the platform's zone).
struct QuotaKey {
  AccountId account;
  ChannelKind channel = ChannelKind::kMass;
  std::int64_t period = 0;
};

/// Calls used and about to be used. A reservation is made in the transaction that writes the intent
/// to send, and settled in the one that records the outcome, so the sum never passes the limit,
/// however often the process dies. Stateless; every function works within the caller's transaction.
class QuotaLedger {
 public:
  /// The key of the day that holds `now`: platform quotas roll at 00:00 Asia/Shanghai.
  static QuotaKey today(const AccountId& account, ChannelKind channel, Instant now);
  /// The moment at which that day ends.
  static Instant day_end(Instant now);

  /// Fails with kLimitReached, changing nothing, when used + reserved + n > limit.
  static Result<void> reserve(storage::Session& session, const QuotaKey& key, std::int64_t n,
                              std::int64_t limit);
  /// The reserved calls were made (or may have been).
  static Result<void> commit(storage::Session& session, const QuotaKey& key, std::int64_t n);
  /// The reserved calls were certainly not made.
  static Result<void> release(storage::Session& session, const QuotaKey& key, std::int64_t n);
  /// Calls counted as used come back (a job that the platform refused as a whole).
  static Result<void> give_back(storage::Session& session, const QuotaKey& key, std::int64_t n);
  /// The platform says that nothing is left: counts the rest up to `limit` as used.
  static Result<void> exhaust(storage::Session& session, const QuotaKey& key, std::int64_t limit);

  static Result<std::int64_t> left(storage::Session& session, const QuotaKey& key,
                                   std::int64_t limit);
};

}  // namespace zhiyin::delivery
