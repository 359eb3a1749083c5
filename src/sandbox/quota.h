#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/time.h"
#include "sandbox/endpoint.h"

namespace zhiyin::sandbox {

/// How often each endpoint was called today (from 00:00 in Asia/Shanghai) and in this minute.
/// Endpoints that share a limit share a count. Not thread-safe.
class QuotaCounters {
 public:
  enum class Verdict { kMay, kDayUsedUp, kMinuteUsedUp };
  struct Usage {
    std::int64_t limit = 0;  ///< 0: none
    std::int64_t used = 0;
  };

  /// A call that is refused does not count.
  Verdict take(const Endpoint& endpoint, Instant now);
  [[nodiscard]] Usage usage(const Endpoint& endpoint, Instant now);
  [[nodiscard]] Usage minute_usage(const Endpoint& endpoint, Instant now);
  /// Other limits than those of the table; 0: unlimited.
  void set_daily_limit(std::string_view path, std::int64_t limit);
  void set_minute_limit(std::string_view path, std::int64_t limit);
  /// Forgets today's counts; false when that was done ten times this month.
  bool clear(Instant now);
  /// Forgets today's count of one endpoint; false when that was done fifty times this month.
  bool clear_one(const Endpoint& endpoint, Instant now);

 private:
  using Numbers = std::map<std::string, std::int64_t, std::less<>>;
  void roll(Instant now);
  static std::int64_t limit_of(const Numbers& set, const Endpoint& endpoint, std::int64_t usual);
  /// Whether one more of `limit` may be done this month.
  bool take_month(int& used, int limit, Instant now);

  Numbers daily_limits_, minute_limits_;
  Numbers used_today_, used_in_minute_;
  std::int64_t day_ = -1, minute_ = -1;
  int month_ = -1;
  int clears_ = 0, single_clears_ = 0;
};

/// Months since year 0 in Asia/Shanghai: the key of monthly caps.
int shanghai_month(Instant t);

}  // namespace zhiyin::sandbox
