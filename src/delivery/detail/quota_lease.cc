#include "delivery/detail/quota_lease.h"

#include <algorithm>
#include <limits>

namespace zhiyin::delivery::detail {
namespace {

using storage::as_int;
using storage::as_text;
using storage::Session;
using storage::Value;

// Of what is free: several processes must find something, and near the end chunks get small.
constexpr std::int64_t kShare = 4;

Value channel_of(const QuotaKey& key) { return static_cast<std::int64_t>(key.channel); }

Result<void> add_to_leased(Session& session, const QuotaKey& key, std::int64_t n) {
  ZHIYIN_TRY_VOID(
      session.execute("UPDATE quota_use SET leased = leased + ?4 "
                      "WHERE account = ?1 AND channel = ?2 AND period = ?3",
                      {key.account.value, channel_of(key), key.period, n}));
  return {};
}

/// A row of a holder as it is.
struct Lease {
  std::string process;
  std::int64_t granted = 0;
  std::int64_t spent = 0;  ///< used and reserved; may be below zero
};

Result<std::vector<Lease>> leases_of(Session& session, const QuotaKey& key) {
  ZHIYIN_TRY(const storage::Rows rows,
             session.query("SELECT holder, granted, used + reserved FROM quota_lease "
                           "WHERE account = ?1 AND channel = ?2 AND period = ?3 ORDER BY holder",
                           {key.account.value, channel_of(key), key.period}));
  std::vector<Lease> out;
  for (const storage::Row& row : rows.rows)
    out.push_back({std::string(as_text(row[0])), as_int(row[1]), as_int(row[2])});
  return out;
}

/// Takes `n` of what the lease has not spent.
Result<void> shrink(Session& session, const QuotaKey& key, const Lease& lease, std::int64_t n) {
  ZHIYIN_TRY_VOID(
      session.execute("UPDATE quota_lease SET granted = granted - ?5 "
                      "WHERE account = ?1 AND channel = ?2 AND period = ?3 AND holder = ?4",
                      {key.account.value, channel_of(key), key.period, lease.process, n}));
  return add_to_leased(session, key, -n);
}

/// What neither the common row nor any chunk accounts for.
Result<std::int64_t> free_of(Session& session, const QuotaKey& key, std::int64_t limit) {
  ZHIYIN_TRY(const storage::Rows rows,
             session.query("SELECT used + reserved + leased FROM quota_use "
                           "WHERE account = ?1 AND channel = ?2 AND period = ?3",
                           {key.account.value, channel_of(key), key.period}));
  return rows.rows.empty() ? limit : limit - as_int(rows.rows[0][0]);
}

/// Up to `wanted` calls that chunks have not spent; returns how many came together.
Result<std::int64_t> take_back(Session& session, const QuotaKey& key, std::int64_t wanted) {
  ZHIYIN_TRY(const std::vector<Lease> leases, leases_of(session, key));
  std::int64_t taken = 0;
  for (const Lease& lease : leases) {
    const std::int64_t n = std::min(wanted - taken, lease.granted - lease.spent);
    if (n <= 0) continue;
    ZHIYIN_TRY_VOID(shrink(session, key, lease, n));
    taken += n;
  }
  return taken;
}

Result<bool> spend(Session& session, const QuotaKey& key, std::int64_t n, std::int64_t limit,
                   const QuotaHolder& holder) {
  // A chunk of an earlier limit is not spent any further: it is counted anew.
  ZHIYIN_TRY(
      const std::int64_t rows,
      session.execute("UPDATE quota_lease SET reserved = reserved + ?5 WHERE account = ?1 "
                      "AND channel = ?2 AND period = ?3 AND holder = ?4 "
                      "AND granted - used - reserved >= ?5 AND of_limit = ?6",
                      {key.account.value, channel_of(key), key.period, holder.process, n, limit}));
  return rows != 0;
}

Result<void> grant(Session& session, const QuotaKey& key, std::int64_t n, std::int64_t limit,
                   const QuotaHolder& holder) {
  ZHIYIN_TRY(const Instant time, holder.now ? holder.now(session) : session.now());
  ZHIYIN_TRY_VOID(session.execute(
      "INSERT INTO quota_lease (account, channel, period, holder, granted, used, reserved, "
      "of_limit, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, 0, 0, ?6, ?7) "
      "ON CONFLICT (account, channel, period, holder) DO UPDATE SET "
      "granted = quota_lease.granted + ?5, of_limit = ?6, expires_at = ?7",
      {key.account.value, channel_of(key), key.period, holder.process, n, limit,
       (time + holder.lease).us}));
  return add_to_leased(session, key, n);
}

}  // namespace

Result<bool> reserve_from_lease(Session& session, const QuotaKey& key, std::int64_t n,
                                std::int64_t limit, const QuotaHolder& holder) {
  ZHIYIN_TRY(const bool done, spend(session, key, n, limit, holder));
  if (done) return true;
  ZHIYIN_TRY_VOID(session.execute(
      "INSERT INTO quota_use (account, channel, period, used, reserved, leased) "
      "VALUES (?1, ?2, ?3, 0, 0, 0) ON CONFLICT (account, channel, period) DO NOTHING",
      {key.account.value, channel_of(key), key.period}));
  // What it has left counts anew: with what is free it may make a whole chunk.
  ZHIYIN_TRY(const std::vector<Lease> leases, leases_of(session, key));
  for (const Lease& lease : leases) {
    const std::int64_t unspent = lease.granted - lease.spent;
    if (lease.process == holder.process && unspent != 0)
      ZHIYIN_TRY_VOID(shrink(session, key, lease, unspent));
  }
  ZHIYIN_TRY(const std::int64_t free, make_room(session, key, n, limit));
  if (free < n) return false;
  const std::int64_t chunk = std::max(n, std::min(holder.chunk, free / kShare));
  ZHIYIN_TRY_VOID(grant(session, key, chunk, limit, holder));
  return spend(session, key, n, limit, holder);
}

Result<bool> change_lease(Session& session, const QuotaKey& key, std::string_view process,
                          std::int64_t used, std::int64_t reserved) {
  ZHIYIN_TRY(const std::int64_t rows,
             session.execute("UPDATE quota_lease SET used = used + ?5, reserved = reserved + ?6 "
                             "WHERE account = ?1 AND channel = ?2 AND period = ?3 AND holder = ?4 "
                             "AND used + ?5 >= 0 AND reserved + ?6 >= 0",
                             {key.account.value, channel_of(key), key.period, std::string(process),
                              used, reserved}));
  return rows != 0;
}

Result<std::int64_t> make_room(Session& session, const QuotaKey& key, std::int64_t n,
                               std::int64_t limit) {
  ZHIYIN_TRY(const std::int64_t free, free_of(session, key, limit));
  if (free >= n) return free;
  ZHIYIN_TRY(const std::int64_t taken, take_back(session, key, n - free));
  return free + taken;
}

Result<void> take_all_back(Session& session, const QuotaKey& key) {
  ZHIYIN_TRY_VOID(take_back(session, key, std::numeric_limits<std::int64_t>::max()));
  return {};
}

Result<void> fold_expired(Session& session, Instant time) {
  ZHIYIN_TRY(const storage::Rows rows,
             session.query("SELECT account, channel, period, holder, granted, used, reserved "
                           "FROM quota_lease WHERE expires_at <= ?1",
                           {Value(time.us)}));
  for (const storage::Row& row : rows.rows) {
    ZHIYIN_TRY_VOID(session.execute(
        "UPDATE quota_use SET used = used + ?4, reserved = reserved + ?5, leased = leased - ?6 "
        "WHERE account = ?1 AND channel = ?2 AND period = ?3",
        {row[0], row[1], row[2], row[5], row[6], row[4]}));
    ZHIYIN_TRY_VOID(
        session.execute("DELETE FROM quota_lease WHERE account = ?1 AND channel = ?2 "
                        "AND period = ?3 AND holder = ?4",
                        {row[0], row[1], row[2], row[3]}));
  }
  return {};
}

}  // namespace zhiyin::delivery::detail
