#include "delivery/quota_ledger.h"

#include "base/check.h"
#include "delivery/detail/quota_lease.h"
#include "delivery/quota_page.h"

namespace zhiyin::delivery {

namespace {

using storage::Session;
using storage::Value;

constexpr Duration kMinute = std::chrono::minutes(1);
// Minutes since 1970 are above, days below: for the next 2,700 years.
constexpr std::int64_t kFirstMinute = 1'000'000;

Value channel_of(const QuotaKey& key) { return static_cast<std::int64_t>(key.channel); }

/// Before statements that do not go through the page, where the transaction has one.
Result<void> put_back(Session& session, const QuotaKey& key) {
  QuotaPage* const page = QuotaPage::of(session);
  return page == nullptr ? Result<void>() : page->put_back(key);
}

/// On the common row, where that covers it.
Result<bool> change_common(Session& session, const QuotaKey& key, std::int64_t used,
                           std::int64_t reserved) {
  if (QuotaPage* const page = QuotaPage::of(session)) return page->change(key, used, reserved);
  ZHIYIN_TRY(const std::int64_t rows,
             session.execute("UPDATE quota_use SET used = used + ?4, reserved = reserved + ?5 "
                             "WHERE account = ?1 AND channel = ?2 AND period = ?3 "
                             "AND used + ?4 >= 0 AND reserved + ?5 >= 0",
                             {key.account.value, channel_of(key), key.period, used, reserved}));
  return rows != 0;
}

/// What another process reserved: only the sum of all rows can tell that it is there.
Result<void> change_for_another(Session& session, const QuotaKey& key, std::int64_t used,
                                std::int64_t reserved) {
  ZHIYIN_TRY(const QuotaLedger::Sum sum, QuotaLedger::sum(session, key));
  if (sum.used + used < 0 || sum.reserved + reserved < 0) {
    return fail(ErrorCode::kInternal, "quota ledger: {} has no such reservation in period {}",
                key.account.value, key.period);
  }
  ZHIYIN_TRY_VOID(put_back(session, key));
  ZHIYIN_TRY_VOID(
      session.execute("UPDATE quota_use SET used = used + ?4, reserved = reserved + ?5 "
                      "WHERE account = ?1 AND channel = ?2 AND period = ?3",
                      {key.account.value, channel_of(key), key.period, used, reserved}));
  return {};
}

Result<void> change(Session& session, const QuotaKey& key, std::int64_t used, std::int64_t reserved,
                    const QuotaHolder& holder) {
  if (holder.leases()) {
    ZHIYIN_TRY_VOID(put_back(session, key));
    ZHIYIN_TRY(const bool done, detail::change_lease(session, key, holder.process, used, reserved));
    if (done) return {};
  }
  ZHIYIN_TRY(const bool done, change_common(session, key, used, reserved));
  return done ? Result<void>() : change_for_another(session, key, used, reserved);
}

/// Of the common row, where the budget has as many left. Requires used + reserved <= limit.
Result<bool> take_common(Session& session, const QuotaKey& key, std::int64_t used,
                         std::int64_t reserved, std::int64_t limit) {
  if (QuotaPage* const page = QuotaPage::of(session)) return page->take(key, used, reserved, limit);
  ZHIYIN_TRY(
      const std::int64_t rows,
      session.execute("INSERT INTO quota_use (account, channel, period, used, reserved, leased) "
                      "VALUES (?1, ?2, ?3, ?4, ?5, 0) ON CONFLICT (account, channel, period) "
                      "DO UPDATE SET used = quota_use.used + ?4, "
                      "reserved = quota_use.reserved + ?5 "
                      "WHERE quota_use.used + quota_use.reserved + quota_use.leased + ?4 + ?5 "
                      "<= ?6",
                      {key.account.value, channel_of(key), key.period, used, reserved, limit}));
  return rows != 0;
}

}  // namespace

QuotaKey QuotaLedger::today(const AccountId& account, ChannelKind channel, Instant now,
                            const TimeZone& zone) {
  return {account, channel, local_day(now, zone)};
}

Instant QuotaLedger::day_end(Instant now, const TimeZone& zone) {
  return day_start(local_day(now, zone) + 1, zone);
}

QuotaKey QuotaLedger::this_minute(const AccountId& account, ChannelKind channel, Instant now) {
  return {account, channel, now.us / kMinute.count()};
}

Instant QuotaLedger::minute_end(Instant now) {
  return {(now.us / kMinute.count() + 1) * kMinute.count()};
}

Result<void> QuotaLedger::reserve(Session& session, const QuotaKey& key, std::int64_t n,
                                  std::int64_t limit, const QuotaHolder& holder) {
  ZHIYIN_CHECK(n >= 1);
  bool done = false;
  if (n <= limit && holder.leases()) {
    ZHIYIN_TRY_VOID(put_back(session, key));
    ZHIYIN_TRY(done, detail::reserve_from_lease(session, key, n, limit, holder));
  } else if (n <= limit) {
    ZHIYIN_TRY(done, take_common(session, key, 0, n, limit));
    if (!done) {  // what processes hold without needing it
      ZHIYIN_TRY_VOID(put_back(session, key));
      ZHIYIN_TRY(const std::int64_t free, detail::make_room(session, key, n, limit));
      if (free >= n) {
        ZHIYIN_TRY(done, take_common(session, key, 0, n, limit));
      }
    }
  }
  if (done) return {};
  return fail(ErrorCode::kLimitReached, "quota ledger: {} has no {} calls left of {}",
              key.account.value, enum_name(key.channel), limit);
}

Result<bool> QuotaLedger::enter_minute(Session& session, const QuotaKey& minute,
                                       std::int64_t limit) {
  if (limit <= 0) return true;
  return take_common(session, minute, 1, 0, limit);
}

Result<void> QuotaLedger::commit(Session& session, const QuotaKey& key, std::int64_t n,
                                 const QuotaHolder& holder) {
  return change(session, key, n, -n, holder);
}

Result<void> QuotaLedger::release(Session& session, const QuotaKey& key, std::int64_t n,
                                  const QuotaHolder& holder) {
  return change(session, key, 0, -n, holder);
}

Result<void> QuotaLedger::give_back(Session& session, const QuotaKey& key, std::int64_t n) {
  return change(session, key, -n, 0, {});
}

Result<void> QuotaLedger::exhaust(Session& session, const QuotaKey& key, std::int64_t limit) {
  ZHIYIN_TRY_VOID(put_back(session, key));
  ZHIYIN_TRY_VOID(detail::take_all_back(session, key));
  ZHIYIN_TRY_VOID(
      session.execute("INSERT INTO quota_use (account, channel, period, used, reserved, leased) "
                      "VALUES (?1, ?2, ?3, ?4, 0, 0) ON CONFLICT (account, channel, period) "
                      "DO UPDATE SET used = ?4 - quota_use.reserved - quota_use.leased "
                      "WHERE quota_use.used + quota_use.reserved + quota_use.leased < ?4",
                      {key.account.value, channel_of(key), key.period, limit}));
  return {};
}

Result<std::int64_t> QuotaLedger::left(Session& session, const QuotaKey& key, std::int64_t limit) {
  ZHIYIN_TRY(const Sum sum, QuotaLedger::sum(session, key));
  return limit - sum.used - sum.reserved;
}

Result<QuotaLedger::Sum> QuotaLedger::sum(Session& session, const QuotaKey& key) {
  if (QuotaPage* const page = QuotaPage::of(session)) return page->sum(key);
  ZHIYIN_TRY(const storage::Rows rows,
             session.query("SELECT used, reserved, 0 FROM quota_use "
                           "WHERE account = ?1 AND channel = ?2 AND period = ?3 "
                           "UNION ALL SELECT used, reserved, granted - used - reserved "
                           "FROM quota_lease "
                           "WHERE account = ?1 AND channel = ?2 AND period = ?3",
                           {key.account.value, channel_of(key), key.period}));
  Sum sum;
  for (const storage::Row& row : rows.rows) {
    sum.used += storage::as_int(row[0]);
    sum.reserved += storage::as_int(row[1]);
    sum.leased += storage::as_int(row[2]);
  }
  return sum;
}

Result<void> QuotaLedger::tidy(Session& session, Instant now, Instant time) {
  if (QuotaPage* const page = QuotaPage::of(session)) {
    ZHIYIN_TRY_VOID(page->write());
  }
  ZHIYIN_TRY_VOID(detail::fold_expired(session, time));
  constexpr Duration kKeep = std::chrono::hours(1);
  ZHIYIN_TRY_VOID(session.execute("DELETE FROM quota_use WHERE period >= ?1 AND period < ?2",
                                  {kFirstMinute, (now - kKeep).us / kMinute.count()}));
  return {};
}

}  // namespace zhiyin::delivery
