#include "wechat/call_budget.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <optional>

namespace zhiyin::wechat {
namespace {

/// What the platform counts together, or by the month. The names are stored: never change them.
struct Shared {
  std::string_view name;
  std::array<std::string_view, 2> methods;  ///< the second may be empty
  BudgetPeriod period;
  std::int64_t limit;  ///< documented
};
constexpr Shared kShared[] = {
    {"user_info", {"user_info", "user_info_batchget"}, BudgetPeriod::kDay, 5'000'000},
    {"tag_members", {"tags_batchtagging", "tags_batchuntagging"}, BudgetPeriod::kDay, 100'000},
    {"mini_program_links", {"url_link", "url_scheme"}, BudgetPeriod::kDay, 500'000},
    {"quota_resets", {"clear_quota", "clear_quota_by_secret"}, BudgetPeriod::kMonth, 10},
    {"quota_clear", {"quota_clear", ""}, BudgetPeriod::kMonth, 50}};

bool has(const Shared& one, std::string_view method) {
  return std::ranges::find(one.methods, method) != one.methods.end();
}

const Shared* shared_of(std::string_view method) {
  const auto found =
      std::ranges::find_if(kShared, [&](const Shared& one) { return has(one, method); });
  return found == std::end(kShared) ? nullptr : &*found;
}

std::int64_t limit_in(const std::map<std::string, std::int64_t>& policy, const MethodBudget& budget,
                      std::int64_t documented) {
  std::optional<std::int64_t> own;
  const auto look = [&](std::string_view name) {
    const auto found = policy.find(std::string(name));
    if (found != policy.end()) own = std::min(own.value_or(found->second), found->second);
  };
  look(budget.name);
  for (const std::string_view method : budget.methods) look(method);
  return own.value_or(documented);
}

constexpr std::int64_t kMonthsOfYear = 12;
constexpr int kFirstYear = 1970;

}  // namespace

std::int64_t period_of(BudgetPeriod period, Instant now, const TimeZone& zone) {
  if (period == BudgetPeriod::kDay) return local_day(now, zone);
  const CivilTime civil = to_civil(now, zone);
  return (civil.year - kFirstYear) * kMonthsOfYear + civil.month - 1;
}

Instant period_end(BudgetPeriod period, Instant now, const TimeZone& zone) {
  if (period == BudgetPeriod::kDay) return day_start(local_day(now, zone) + 1, zone);
  const CivilTime civil = to_civil(now, zone);
  const auto next =
      std::chrono::year(civil.year) / std::chrono::month(static_cast<unsigned>(civil.month)) +
      std::chrono::months(1);
  const std::chrono::sys_days first(next / std::chrono::day(1));
  return day_start(first.time_since_epoch().count(), zone);
}

MethodBudget budget_of(const Policy& policy, const Endpoint& endpoint) {
  MethodBudget budget{endpoint.name, BudgetPeriod::kDay, 0, {endpoint.name}};
  if (endpoint.sends) return budget;
  std::int64_t documented = endpoint.per_day;
  if (const Shared* shared = shared_of(endpoint.name)) {
    budget = {shared->name, shared->period, 0, {shared->methods[0]}};
    if (!shared->methods[1].empty()) budget.methods.push_back(shared->methods[1]);
    documented = shared->limit;
  }
  const bool is_month = budget.period == BudgetPeriod::kMonth;
  budget.limit =
      limit_in(is_month ? policy.calls_per_month : policy.calls_per_day, budget, documented);
  return budget;
}

std::vector<MethodBudget> budgets_of(const Policy& policy) {
  std::vector<MethodBudget> out;
  for (const Endpoint& endpoint : endpoints()) {
    MethodBudget budget = budget_of(policy, endpoint);
    if (budget.limit > 0 && budget.methods.front() == endpoint.name)
      out.push_back(std::move(budget));
  }
  return out;
}

bool names_budget(std::string_view name, BudgetPeriod period) {
  const auto is_named = [&](const Shared& one) { return one.name == name || has(one, name); };
  const auto shared = std::ranges::find_if(kShared, is_named);
  if (shared != std::end(kShared)) return !name.empty() && shared->period == period;
  return period == BudgetPeriod::kDay && find_endpoint(name) != nullptr;
}

}  // namespace zhiyin::wechat
