#pragma once

#include <string_view>

#include "delivery/quota_ledger.h"
#include "storage/state.h"
#include "wechat/call_budget.h"

namespace zhiyin::delivery {

/// Budgets of methods have numbers from here on, above those of every channel.
inline constexpr std::int64_t kFirstBudget = 1 << 30;

/// The number under which the quota ledger counts the calls of a budget of methods; above those of
/// every channel. Made of its name, which is stored in policies too and never changes. Pure.
ChannelKind channel_of_budget(std::string_view name);

/// Days and months of methods in the quota ledger: where several processes call, each takes chunks
/// of a day (`QuotaHolder`). Thread-safe; `state` must outlive it.
class LedgerCallBudget final : public wechat::CallBudget {
 public:
  LedgerCallBudget(storage::State& state, QuotaHolder holder)
      : state_(state), holder_(std::move(holder)) {}

  Result<bool> take(const AccountId& account, const wechat::MethodBudget& budget, Instant now,
                    const TimeZone& zone) override;
  Result<void> forget(const AccountId& account) override;

 private:
  storage::State& state_;
  const QuotaHolder holder_;
};

}  // namespace zhiyin::delivery
