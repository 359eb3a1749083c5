#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "base/time.h"
#include "wechat/endpoint.h"
#include "wechat/policy.h"

namespace zhiyin::wechat {

/// Over how long calls are counted: the platform's day or calendar month.
enum class BudgetPeriod : std::uint8_t { kDay, kMonth };

/// Days, or months, since 1970 in `zone`: the one that holds `now`. Pure.
std::int64_t period_of(BudgetPeriod period, Instant now, const TimeZone& zone);
/// Where it ends. Pure.
Instant period_end(BudgetPeriod period, Instant now, const TimeZone& zone);

/// What the calls of a method are taken from: a number that several methods may share.
struct MethodBudget {
  std::string_view name;  ///< in the policy, the ledger and `GET /v1/quota`
  BudgetPeriod period = BudgetPeriod::kDay;
  std::int64_t limit = 0;                 ///< calls; 0: no number is known
  std::vector<std::string_view> methods;  ///< all that are counted in it
};

/// By the documented numbers and the policy, which may name the budget or one of its methods; of
/// several numbers the smallest. Nothing is known here of methods that send: the quota ledger keeps
/// to theirs. Pure.
MethodBudget budget_of(const Policy& policy, const Endpoint& endpoint);

/// Every budget with a number, each once. Pure.
std::vector<MethodBudget> budgets_of(const Policy& policy);

/// Whether a policy may set a number under that name for the period. Pure.
bool names_budget(std::string_view name, BudgetPeriod period);

/// Calls of methods, counted for all processes of an installation and over their restarts. For
/// budgets that have a number, of methods that send nothing: what sends has budgets of its own.
/// Thread-safe; blocks on state.
class CallBudget {
 public:
  virtual ~CallBudget() = default;
  /// Counts one call in the period that holds `now`, in `zone`. False, counting nothing, when that
  /// would be more than the budget's limit.
  virtual Result<bool> take(const AccountId& account, const MethodBudget& budget, Instant now,
                            const TimeZone& zone) = 0;
  /// The platform has reset the account's counters of days.
  virtual Result<void> forget(const AccountId& account) = 0;
};

}  // namespace zhiyin::wechat
