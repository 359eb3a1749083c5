#include "delivery/quota_view.h"

#include <algorithm>
#include <map>

#include "delivery/ledger_call_budget.h"
#include "delivery/quota_ledger.h"
#include "delivery/touch.h"
#include "delivery/wechat_senders.h"

namespace zhiyin::delivery {
namespace {

using storage::as_int;
using storage::Session;

std::int64_t number(TouchState state) { return static_cast<std::int64_t>(state); }

Result<std::int64_t> touches_today(Session& session, const QuotaKey& key, Instant begin,
                                   TouchState state) {
  // Tests of mass sends are previews; those of other channels are as good as any message.
  const bool is_preview = key.channel == ChannelKind::kMassPreview;
  const ChannelKind channel = is_preview ? ChannelKind::kMass : key.channel;
  const std::int64_t but_test = channel != ChannelKind::kMass ? -1 : is_preview ? 0 : 1;
  ZHIYIN_TRY(const storage::Rows rows,
             session.query("SELECT count(*) FROM touch WHERE account = ?1 AND channel = ?2 AND "
                           "state = ?3 AND sent_at >= ?4 AND is_test <> ?5",
                           {key.account.value, static_cast<std::int64_t>(channel), number(state),
                            begin.us, but_test}));
  return as_int(rows.rows.at(0).at(0));
}

Result<ChannelQuota> channel_quota(Session& session, const SenderAccount& account,
                                   ChannelKind channel, std::int64_t limit, Instant now) {
  const TimeZone& zone = account.rules.platform_zone;
  const QuotaKey key = QuotaLedger::today(account.id, channel, now, zone);
  const Instant begin = day_start(key.period, zone);
  ChannelQuota quota;
  quota.channel = channel;
  quota.limit = limit;
  quota.resets_at = QuotaLedger::day_end(now, zone);
  ZHIYIN_TRY(const QuotaLedger::Sum sum, QuotaLedger::sum(session, key));
  quota.used = sum.used;
  quota.reserved = sum.reserved;
  quota.leased = sum.leased;
  quota.left = std::max<std::int64_t>(0, limit - quota.used - quota.reserved);
  if (limit == kNoNumber) quota.limit = quota.left = 0;
  ZHIYIN_TRY(quota.sent, touches_today(session, key, begin, TouchState::kSent));
  ZHIYIN_TRY(quota.failed, touches_today(session, key, begin, TouchState::kFailed));
  ZHIYIN_TRY(quota.unknown, touches_today(session, key, begin, TouchState::kUnknown));
  return quota;
}

/// Calls by budget, in the days and months that hold `now`.
Result<std::map<std::pair<ChannelKind, std::int64_t>, std::int64_t>> method_calls(
    Session& session, const AccountId& account, std::int64_t day, std::int64_t month) {
  ZHIYIN_TRY(const storage::Rows rows,
             session.query("SELECT channel, period, used + reserved FROM quota_use WHERE account = "
                           "?1 AND channel >= ?2 AND period IN (?3, ?4) UNION ALL SELECT channel, "
                           "period, used + reserved FROM quota_lease WHERE account = ?1 AND "
                           "channel >= ?2 AND period IN (?3, ?4)",
                           {account.value, kFirstBudget, day, month}));
  std::map<std::pair<ChannelKind, std::int64_t>, std::int64_t> calls;
  for (const storage::Row& row : rows.rows)
    calls[{static_cast<ChannelKind>(as_int(row[0])), as_int(row[1])}] += as_int(row[2]);
  return calls;
}

Result<std::vector<MethodQuota>> method_quotas(Session& session, const wechat::Account& account,
                                               const TimeZone& zone, Instant now) {
  using wechat::BudgetPeriod;
  const std::int64_t day = wechat::period_of(BudgetPeriod::kDay, now, zone);
  const std::int64_t month = wechat::period_of(BudgetPeriod::kMonth, now, zone);
  ZHIYIN_TRY(const auto calls, method_calls(session, account.id, day, month));
  std::vector<MethodQuota> out;
  for (const wechat::MethodBudget& budget : wechat::budgets_of(account.policy)) {
    const bool is_month = budget.period == BudgetPeriod::kMonth;
    const auto found = calls.find({channel_of_budget(budget.name), is_month ? month : day});
    if (found == calls.end() || found->second <= 0) continue;
    out.push_back({std::string(budget.name),
                   {budget.methods.begin(), budget.methods.end()},
                   is_month ? "month" : "day",
                   budget.limit,
                   found->second,
                   std::max<std::int64_t>(0, budget.limit - found->second),
                   wechat::period_end(budget.period, now, zone)});
  }
  return out;
}

Result<std::int64_t> counted(Session& session, std::string_view sql,
                             std::vector<storage::Value> values) {
  ZHIYIN_TRY(const storage::Rows rows, session.query(std::string(sql), std::move(values)));
  const storage::Value& cell = rows.rows.at(0).at(0);
  return storage::is_null(cell) ? 0 : as_int(cell);
}

}  // namespace

Result<AccountQuota> account_quota(Session& session, const SenderAccount& account, Instant now) {
  AccountQuota out;
  out.account = account.id;
  ZHIYIN_TRY(out.held, SendHolds::find(session, account.id));
  for (const auto& [channel, limit] : account.rules.calls_per_day) {
    ZHIYIN_TRY(ChannelQuota quota, channel_quota(session, account, channel, limit, now));
    if (limit == kNoNumber && quota.used + quota.reserved == 0) continue;
    out.channels.push_back(quota);
  }
  const auto message = account.rules.cs_allowance.find(CsTrigger::kMessage);
  const Duration validity =
      message == account.rules.cs_allowance.end() ? Duration{} : message->second.validity;
  const auto kind = static_cast<std::int64_t>(CsTrigger::kMessage);
  ZHIYIN_TRY(out.windows_open,
             counted(session,
                     "SELECT count(*) FROM cs_trigger WHERE account = ?1 AND kind = ?2 AND at > ?3",
                     {account.id.value, kind, (now - validity).us}));
  ZHIYIN_TRY(out.windows_unused,
             counted(session,
                     "SELECT count(*) FROM cs_trigger c WHERE c.account = ?1 AND c.kind = ?2 AND "
                     "c.at <= ?3 AND c.at > ?4 AND NOT EXISTS (SELECT 1 FROM touch t WHERE "
                     "t.identity = c.identity AND t.account = c.account AND t.channel = ?5 AND "
                     "t.state = ?6 AND t.sent_at >= c.at)",
                     {account.id.value, kind, (now - validity).us, (now - validity - kDay).us,
                      static_cast<std::int64_t>(ChannelKind::kCustomerService),
                      number(TouchState::kSent)}));
  ZHIYIN_TRY(out.grants,
             counted(session,
                     "SELECT CAST(sum(remaining) AS BIGINT) FROM message_grant WHERE account = ?1",
                     {account.id.value}));
  return out;
}

Result<AccountQuota> account_quota(Session& session, const wechat::Account& account, Instant now) {
  ZHIYIN_TRY(const SenderAccount sender, sender_of(account));
  ZHIYIN_TRY(AccountQuota quota, account_quota(session, sender, now));
  ZHIYIN_TRY(quota.methods, method_quotas(session, account, sender.rules.platform_zone, now));
  return quota;
}

}  // namespace zhiyin::delivery
