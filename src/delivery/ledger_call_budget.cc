#include "delivery/ledger_call_budget.h"

namespace zhiyin::delivery {

namespace {

constexpr auto kAboveChannels = static_cast<std::uint32_t>(kFirstBudget);
// Months since 1970 are below, days above: since 1997, for the next 800 years.
constexpr std::int64_t kFirstDay = 10'000;

}  // namespace

ChannelKind channel_of_budget(std::string_view name) {
  // FNV-1a, 32 bits.
  std::uint32_t hash = 2'166'136'261U;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16'777'619U;
  return static_cast<ChannelKind>(kAboveChannels | (hash & (kAboveChannels - 1)));
}

Result<bool> LedgerCallBudget::take(const AccountId& account, const wechat::MethodBudget& budget,
                                    Instant now, const TimeZone& zone) {
  const QuotaKey key{account, channel_of_budget(budget.name),
                     wechat::period_of(budget.period, now, zone)};
  // A handful in a month is no cause for chunks.
  const QuotaHolder holder =
      budget.period == wechat::BudgetPeriod::kMonth ? QuotaHolder() : holder_;
  const Result<void> taken = state_.write([&](storage::Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(QuotaLedger::reserve(session, key, 1, budget.limit, holder));
    return QuotaLedger::commit(session, key, 1, holder);
  });
  if (taken) return true;
  if (taken.error().code == ErrorCode::kLimitReached) return false;
  return std::unexpected(taken.error());
}

Result<void> LedgerCallBudget::forget(const AccountId& account) {
  return state_.write([&](storage::Session& session) -> Result<void> {
    for (const char* table : {"quota_use", "quota_lease"}) {
      ZHIYIN_TRY_VOID(session.execute(
          fmt::format("DELETE FROM {} WHERE account = ?1 AND channel >= ?2 AND period >= ?3",
                      table),
          {account.value, kFirstBudget, kFirstDay}));
    }
    return {};
  });
}

}  // namespace zhiyin::delivery
