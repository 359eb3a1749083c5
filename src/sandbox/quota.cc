#include "sandbox/quota.h"

namespace zhiyin::sandbox {
namespace {

constexpr int kClearsPerMonth = 10;
constexpr int kSingleClearsPerMonth = 50;
constexpr std::int64_t kMinute = 60'000'000;

}  // namespace

int shanghai_month(Instant t) {
  const CivilTime civil = to_civil(t, TimeZone::shanghai());
  return civil.year * 12 + civil.month - 1;
}

void QuotaCounters::roll(Instant now) {
  if (const std::int64_t today = local_day(now, TimeZone::shanghai()); today != day_) {
    day_ = today;
    used_today_.clear();
  }
  if (const std::int64_t minute = now.us / kMinute; minute != minute_) {
    minute_ = minute;
    used_in_minute_.clear();
  }
}

std::int64_t QuotaCounters::limit_of(const Numbers& set, const Endpoint& endpoint,
                                     std::int64_t usual) {
  const auto other = set.find(endpoint.counter());
  return other == set.end() ? usual : other->second;
}

QuotaCounters::Verdict QuotaCounters::take(const Endpoint& endpoint, Instant now) {
  roll(now);
  const std::string key(endpoint.counter());
  const std::int64_t day_limit = limit_of(daily_limits_, endpoint, endpoint.per_day);
  const std::int64_t minute_limit = limit_of(minute_limits_, endpoint, endpoint.per_minute);
  if (day_limit > 0 && used_today_[key] >= day_limit) return Verdict::kDayUsedUp;
  if (minute_limit > 0 && used_in_minute_[key] >= minute_limit) return Verdict::kMinuteUsedUp;
  ++used_today_[key];
  ++used_in_minute_[key];
  return Verdict::kMay;
}

QuotaCounters::Usage QuotaCounters::usage(const Endpoint& endpoint, Instant now) {
  roll(now);
  const auto used = used_today_.find(endpoint.counter());
  return {limit_of(daily_limits_, endpoint, endpoint.per_day),
          used == used_today_.end() ? 0 : used->second};
}

QuotaCounters::Usage QuotaCounters::minute_usage(const Endpoint& endpoint, Instant now) {
  roll(now);
  const auto used = used_in_minute_.find(endpoint.counter());
  return {limit_of(minute_limits_, endpoint, endpoint.per_minute),
          used == used_in_minute_.end() ? 0 : used->second};
}

void QuotaCounters::set_daily_limit(std::string_view path, std::int64_t limit) {
  const Endpoint* endpoint = find_endpoint(path);
  daily_limits_.insert_or_assign(std::string(endpoint ? endpoint->counter() : path), limit);
}

void QuotaCounters::set_minute_limit(std::string_view path, std::int64_t limit) {
  const Endpoint* endpoint = find_endpoint(path);
  minute_limits_.insert_or_assign(std::string(endpoint ? endpoint->counter() : path), limit);
}

bool QuotaCounters::take_month(int& used, int limit, Instant now) {
  if (shanghai_month(now) != month_) {
    month_ = shanghai_month(now);
    clears_ = single_clears_ = 0;
  }
  if (used >= limit) return false;
  ++used;
  return true;
}

bool QuotaCounters::clear(Instant now) {
  if (!take_month(clears_, kClearsPerMonth, now)) return false;
  used_today_.clear();
  return true;
}

bool QuotaCounters::clear_one(const Endpoint& endpoint, Instant now) {
  if (!take_month(single_clears_, kSingleClearsPerMonth, now)) return false;
  used_today_.erase(std::string(endpoint.counter()));
  return true;
}

}  // namespace zhiyin::sandbox
