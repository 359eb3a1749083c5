#include "wechat/pace.h"

#include <algorithm>

#include "base/time.h"

namespace zhiyin::wechat {
namespace {

constexpr Duration kMinute = std::chrono::minutes(1);

/// Where the day of the platform ends.
Instant day_end(const Policy& policy, Instant now) {
  const auto zone = TimeZone::create(policy.quota_zone);
  const TimeZone here = zone ? *zone : TimeZone::shanghai();
  return day_start(local_day(now, here) + 1, here);
}

/// Who shares a count. Endpoints of Tencent Ads are called by its accounts only.
AccountId owner_of(const ApiAccount& account, const Endpoint& endpoint) {
  return endpoint.family == Family::kAds ? AccountId(account.app_id) : account.id;
}

std::int64_t minute_of(Instant now) { return now.us / kMinute.count(); }
Instant minute_end(std::int64_t minute) { return {(minute + 1) * kMinute.count()}; }

/// When the platform will take this call again; nothing where it did not say that time heals it.
std::optional<Instant> closed_until(const Policy& policy, const SendError& error, Instant now) {
  constexpr std::int64_t kDayUsedUp[] = {45009, 44993, 11018};
  if (error.error_class != ErrorClass::kQuota) return std::nullopt;
  if (error.retry_after) return now + *error.retry_after;
  for (const std::int64_t code : kDayUsedUp) {
    if (error.errcode != code) continue;
    return day_end(policy, now);
  }
  return std::nullopt;
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

std::int64_t calls_per_day(const Policy& policy, const Endpoint& endpoint) {
  if (endpoint.sends) return 0;
  const auto own = policy.calls_per_day.find(std::string(endpoint.name));
  return own != policy.calls_per_day.end() ? own->second : endpoint.per_day;
}

SendError day_used_up(const ApiAccount& account, const Endpoint& endpoint, Instant now) {
  return closed(endpoint, 0, day_end(account.policy, now) - now);
}

std::optional<SendError> Pace::enter(const ApiAccount& account, const Endpoint& endpoint,
                                     Instant now) {
  const std::int64_t limit = calls_per_minute(account.policy, endpoint);
  const std::int64_t day_limit = calls_per_day(account.policy, endpoint);
  MutexLock lock(mutex_);
  Entry& entry = entries_[{owner_of(account, endpoint), &endpoint}];
  if (now < entry.closed_until) return closed(endpoint, entry.errcode, entry.closed_until - now);
  if (now >= entry.day_ends) {
    entry.day_calls = 0;
    entry.day_ends = day_end(account.policy, now);
  }
  if (day_limit > 0 && entry.day_calls >= day_limit)
    return closed(endpoint, 0, entry.day_ends - now);
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
  ++entry.day_calls;
  return std::nullopt;
}

void Pace::note(const ApiAccount& account, const Endpoint& endpoint, const SendError& error,
                Instant now) {
  const std::optional<Instant> until = closed_until(account.policy, error, now);
  if (!until) return;
  MutexLock lock(mutex_);
  Entry& entry = entries_[{owner_of(account, endpoint), &endpoint}];
  entry.closed_until = *until;
  entry.errcode = error.errcode;
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
    entry.closed_until = day_end(account.policy, now);
    entry.errcode = 0;
  }
}

void Pace::forget(const AccountId& account) {
  MutexLock lock(mutex_);
  std::erase_if(entries_, [&](const auto& entry) { return entry.first.first == account; });
}

}  // namespace zhiyin::wechat
