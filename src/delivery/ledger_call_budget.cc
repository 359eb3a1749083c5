#include "delivery/ledger_call_budget.h"

namespace zhiyin::delivery {

namespace {

constexpr std::uint32_t kAboveChannels = 1U << 30;

}  // namespace

ChannelKind budget_of_method(std::string_view method) {
  // FNV-1a, 32 bits.
  std::uint32_t hash = 2'166'136'261U;
  for (const char c : method) hash = (hash ^ static_cast<unsigned char>(c)) * 16'777'619U;
  return static_cast<ChannelKind>(kAboveChannels | (hash & (kAboveChannels - 1)));
}

Result<bool> LedgerCallBudget::take(const AccountId& account, const wechat::Endpoint& endpoint,
                                    std::int64_t limit, Instant now, const TimeZone& zone) {
  const QuotaKey day = QuotaLedger::today(account, budget_of_method(endpoint.name), now, zone);
  const Result<void> taken = state_.write([&](storage::Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(QuotaLedger::reserve(session, day, 1, limit, holder_));
    return QuotaLedger::commit(session, day, 1, holder_);
  });
  if (taken) return true;
  if (taken.error().code == ErrorCode::kLimitReached) return false;
  return std::unexpected(taken.error());
}

Result<void> LedgerCallBudget::forget(const AccountId& account) {
  return state_.write([&](storage::Session& session) -> Result<void> {
    for (const char* table : {"quota_use", "quota_lease"}) {
      ZHIYIN_TRY_VOID(
          session.execute(fmt::format("DELETE FROM {} WHERE account = ?1 AND channel >= ?2", table),
                          {account.value, std::int64_t{kAboveChannels}}));
    }
    return {};
  });
}

}  // namespace zhiyin::delivery
