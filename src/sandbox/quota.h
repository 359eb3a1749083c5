#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/time.h"

namespace zhiyin::sandbox {

/// Calls a day by path, of a newly registered verified service account.
std::map<std::string, std::int64_t, std::less<>> default_daily_limits();

/// How often each path was called today (from 00:00 in Asia/Shanghai). Paths that share a limit
/// share a count. Not thread-safe.
class QuotaCounters {
 public:
  explicit QuotaCounters(std::map<std::string, std::int64_t, std::less<>> limits)
      : limits_(std::move(limits)) {}

  struct Usage {
    std::int64_t limit = 0;
    std::int64_t used = 0;
  };
  /// False when today's limit is reached; the call then does not count. Paths without limit always
  /// may.
  bool take(std::string_view path, Instant now);
  [[nodiscard]] Usage usage(std::string_view path, Instant now);
  [[nodiscard]] bool has_limit(std::string_view path) const;
  void set_limit(std::string_view path, std::int64_t limit);
  /// Forgets today's counts; false when that was done ten times this month.
  bool clear(Instant now);

 private:
  void roll(Instant now);

  std::map<std::string, std::int64_t, std::less<>> limits_;
  std::map<std::string, std::int64_t, std::less<>> used_;
  std::int64_t day_ = -1;
  int month_ = -1;
  int clears_ = 0;
};

/// Months since year 0 in Asia/Shanghai: the key of monthly caps.
int shanghai_month(Instant t);

}  // namespace zhiyin::sandbox
