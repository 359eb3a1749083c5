#include "delivery/quota_ledger.h"

#include "base/check.h"

namespace zhiyin::delivery {

namespace {

using storage::Session;
using storage::Value;

Value channel_of(const QuotaKey& key) { return static_cast<std::int64_t>(key.channel); }

Result<void> change(Session& session, const QuotaKey& key, std::int64_t used,
                    std::int64_t reserved) {
  ZHIYIN_TRY(const std::int64_t rows,
             session.execute("UPDATE quota_use SET used = used + ?4, reserved = reserved + ?5 "
                             "WHERE account = ?1 AND channel = ?2 AND period = ?3 "
                             "AND used + ?4 >= 0 AND reserved + ?5 >= 0",
                             {key.account.value, channel_of(key), key.period, used, reserved}));
  if (rows == 0) {
    return fail(ErrorCode::kInternal, "quota ledger: {} has no such reservation in period {}",
                key.account.value, key.period);
  }
  return {};
}

}  // namespace

QuotaKey QuotaLedger::today(const AccountId& account, ChannelKind channel, Instant now) {
  return {account, channel, local_day(now, TimeZone::shanghai())};
}

Instant QuotaLedger::day_end(Instant now) {
  const TimeZone zone = TimeZone::shanghai();
  return day_start(local_day(now, zone) + 1, zone);
}

Result<void> QuotaLedger::reserve(Session& session, const QuotaKey& key, std::int64_t n,
                                  std::int64_t limit) {
  ZHIYIN_CHECK(n >= 1);
  std::int64_t rows = 0;
  if (n <= limit) {
    ZHIYIN_TRY(rows,
               session.execute("INSERT INTO quota_use (account, channel, period, used, reserved) "
                               "VALUES (?1, ?2, ?3, 0, ?4) ON CONFLICT (account, channel, period) "
                               "DO UPDATE SET reserved = quota_use.reserved + ?4 "
                               "WHERE quota_use.used + quota_use.reserved + ?4 <= ?5",
                               {key.account.value, channel_of(key), key.period, n, limit}));
  }
  if (rows == 0) {
    return fail(ErrorCode::kLimitReached, "quota ledger: {} has no {} calls left of {}",
                key.account.value, enum_name(key.channel), limit);
  }
  return {};
}

Result<void> QuotaLedger::commit(Session& session, const QuotaKey& key, std::int64_t n) {
  return change(session, key, n, -n);
}

Result<void> QuotaLedger::release(Session& session, const QuotaKey& key, std::int64_t n) {
  return change(session, key, 0, -n);
}

Result<void> QuotaLedger::give_back(Session& session, const QuotaKey& key, std::int64_t n) {
  return change(session, key, -n, 0);
}

Result<void> QuotaLedger::exhaust(Session& session, const QuotaKey& key, std::int64_t limit) {
  ZHIYIN_TRY_VOID(session.execute(
      "INSERT INTO quota_use (account, channel, period, used, reserved) VALUES (?1, ?2, ?3, ?4, 0) "
      "ON CONFLICT (account, channel, period) DO UPDATE SET used = ?4 - quota_use.reserved "
      "WHERE quota_use.used + quota_use.reserved < ?4",
      {key.account.value, channel_of(key), key.period, limit}));
  return {};
}

Result<std::int64_t> QuotaLedger::left(Session& session, const QuotaKey& key, std::int64_t limit) {
  ZHIYIN_TRY(const storage::Rows rows,
             session.query("SELECT used + reserved FROM quota_use "
                           "WHERE account = ?1 AND channel = ?2 AND period = ?3",
                           {key.account.value, channel_of(key), key.period}));
  const std::int64_t gone = rows.rows.empty() ? 0 : storage::as_int(rows.rows[0][0]);
  return limit - gone;
}

}  // namespace zhiyin::delivery
