#pragma once

#include <string_view>

#include "delivery/quota_ledger.h"
#include "storage/state.h"
#include "wechat/call_budget.h"

namespace zhiyin::delivery {

/// The number under which the quota ledger counts calls of a method; above those of every channel.
/// Made of the name, which is stored in policies too and never changes. Pure.
ChannelKind budget_of_method(std::string_view method);

/// Days of methods in the quota ledger: where several processes call, each takes chunks of the day
/// (`QuotaHolder`). Thread-safe; `state` must outlive it.
class LedgerCallBudget final : public wechat::CallBudget {
 public:
  LedgerCallBudget(storage::State& state, QuotaHolder holder)
      : state_(state), holder_(std::move(holder)) {}

  Result<bool> take(const AccountId& account, const wechat::Endpoint& endpoint, std::int64_t limit,
                    Instant now, const TimeZone& zone) override;
  Result<void> forget(const AccountId& account) override;

 private:
  storage::State& state_;
  const QuotaHolder holder_;
};

}  // namespace zhiyin::delivery
