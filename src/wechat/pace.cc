#include "wechat/pace.h"

#include <algorithm>

#include "base/time.h"

namespace zhiyin::wechat {
namespace {

constexpr Duration kMinute = std::chrono::minutes(1);

/// Where the day or month of the platform ends.
Instant end_of(const Policy& policy, BudgetPeriod period, Instant now) {
  const auto zone = TimeZone::create(policy.quota_zone);
  return period_end(period, now, zone ? *zone : TimeZone::shanghai());
}

/// Who shares a count. Endpoints of Tencent Ads are called by its accounts only.
AccountId owner_of(const ApiAccount& account, const Endpoint& endpoint) {
  return endpoint.family == Family::kAds ? AccountId(account.app_id) : account.id;
}

std::int64_t minute_of(Instant now) { return now.us / kMinute.count(); }
Instant minute_end(std::int64_t minute) { return {(minute + 1) * kMinute.count()}; }

/// Whether the platform says that the day or month of the call is used up.
bool says_used_up(const SendError& error) {
  constexpr std::int64_t kDayUsedUp[] = {45009, 44993, 11018};
  constexpr std::int64_t kMonthUsedUp = 48006;
  if (error.errcode == kMonthUsedUp) return true;
  const bool is_day = error.error_class == ErrorClass::kQuota && !error.retry_after;
  return is_day && std::ranges::find(kDayUsedUp, error.errcode) != std::end(kDayUsedUp);
}

SendError closed(const Endpoint& endpoint, std::int64_t errcode, Duration wait) {
  SendError e;
  e.code = ErrorCode::kLimitReached;
  e.errcode = errcode;
  e.error_class = ErrorClass::kQuota;
  e.retry_after = wait;
  e.message =
      fmt::format("微信接口 {}：{}，{} 秒后再试（未发送）", endpoint.name,
                  errcode == 0 ? "调用次数已用完" : platform_error(errcode, endpoint.family).zh,
                  (wait.count() + 999'999) / 1'000'000);
  return e;
}

}  // namespace

std::int64_t calls_per_minute(const Policy& policy, const Endpoint& endpoint) {
  const auto own = policy.calls_per_minute.find(std::string(endpoint.name));
  if (own != policy.calls_per_minute.end()) return own->second;
  const bool is_mass = endpoint.name == "mass_send" || endpoint.name == "mass_sendall";
  return is_mass ? policy.mass_calls_per_minute : endpoint.per_minute;
}

SendError budget_used_up(const ApiAccount& account, const Endpoint& endpoint, Instant now) {
  const BudgetPeriod period = budget_of(account.policy, endpoint).period;
  return closed(endpoint, 0, end_of(account.policy, period, now) - now);
}

std::optional<SendError> Pace::enter(const ApiAccount& account, const Endpoint& endpoint,
                                     Instant now) {
  const std::int64_t limit = calls_per_minute(account.policy, endpoint);
  const MethodBudget budget = budget_of(account.policy, endpoint);
  MutexLock lock(mutex_);
  Entry& entry = entries_[{owner_of(account, endpoint), &endpoint}];
  Period& period = periods_[{owner_of(account, endpoint), budget.name}];
  if (now < entry.closed_until) return closed(endpoint, entry.errcode, entry.closed_until - now);
  if (now < period.closed_until) return closed(endpoint, period.errcode, period.closed_until - now);
  if (now >= period.ends) {
    period.calls = 0;
    period.ends = end_of(account.policy, budget.period, now);
    period.is_month = budget.period == BudgetPeriod::kMonth;
  }
  if (budget.limit > 0 && period.calls >= budget.limit)
    return closed(endpoint, 0, period.ends - now);
  const std::int64_t minute = minute_of(now);
  if (entry.told_minute == minute) {
    if (entry.told_left <= 0) return closed(endpoint, 0, minute_end(minute) - now);
    --entry.told_left;
  }
  if (entry.minute != minute) {
    entry.minute = minute;
    entry.calls = 0;
  }
  if (limit > 0 && entry.calls >= limit) return closed(endpoint, 0, minute_end(minute) - now);
  ++entry.calls;
  ++period.calls;
  return std::nullopt;
}

void Pace::note(const ApiAccount& account, const Endpoint& endpoint, const SendError& error,
                Instant now) {
  MutexLock lock(mutex_);
  if (says_used_up(error)) {
    const MethodBudget budget = budget_of(account.policy, endpoint);
    Period& period = periods_[{owner_of(account, endpoint), budget.name}];
    period.closed_until = end_of(account.policy, budget.period, now);
    period.errcode = error.errcode;
  } else if (error.error_class == ErrorClass::kQuota && error.retry_after) {
    Entry& entry = entries_[{owner_of(account, endpoint), &endpoint}];
    entry.closed_until = now + *error.retry_after;
    entry.errcode = error.errcode;
  }
}

void Pace::told(const ApiAccount& account, const Endpoint& endpoint, std::int64_t minute_left,
                std::int64_t day_left, Instant now) {
  MutexLock lock(mutex_);
  Entry& entry = entries_[{owner_of(account, endpoint), &endpoint}];
  if (minute_left >= 0) {
    const std::int64_t minute = minute_of(now);
    // Answers overtake each other: within a minute the number only falls.
    entry.told_left =
        entry.told_minute == minute ? std::min(entry.told_left, minute_left) : minute_left;
    entry.told_minute = minute;
  }
  if (day_left == 0) {
    entry.closed_until = end_of(account.policy, BudgetPeriod::kDay, now);
    entry.errcode = 0;
  }
}

void Pace::forget(const AccountId& account) {
  MutexLock lock(mutex_);
  std::erase_if(entries_, [&](const auto& entry) { return entry.first.first == account; });
  std::erase_if(periods_, [&](const auto& one) {
    return one.first.first == account && !one.second.is_month;
  });
}

}  // namespace zhiyin::wechat
