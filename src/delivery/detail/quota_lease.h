#pragma once

#include <string_view>

#include "delivery/quota_ledger.h"

/// Chunks of budgets in the hands of processes: table `quota_lease`, with `quota_use.leased` as
/// their sum. All within the caller's transaction.
namespace zhiyin::delivery::detail {

/// Reserves from the holder's chunk, and takes a new one where that does not suffice; false when
/// the budget has not got as much left, in whoever's hands.
Result<bool> reserve_from_lease(storage::Session& session, const QuotaKey& key, std::int64_t n,
                                std::int64_t limit, const QuotaHolder& holder);

/// Settles on the holder's own row, where that covers it; false where it does not.
Result<bool> change_lease(storage::Session& session, const QuotaKey& key, std::string_view process,
                          std::int64_t used, std::int64_t reserved);

/// Takes what is not spent out of chunks until `n` calls of `limit` are free, or nothing more is
/// there; returns how many are free.
Result<std::int64_t> make_room(storage::Session& session, const QuotaKey& key, std::int64_t n,
                               std::int64_t limit);

/// Takes all that is not spent out of chunks.
Result<void> take_all_back(storage::Session& session, const QuotaKey& key);

/// Adds leases that have expired by `time`, of every budget, to the common rows.
Result<void> fold_expired(storage::Session& session, Instant time);

}  // namespace zhiyin::delivery::detail
