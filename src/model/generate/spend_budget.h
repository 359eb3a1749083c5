#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/error.h"
#include "base/json.h"
#include "base/mutex.h"
#include "base/time.h"

namespace zhiyin::model {

/// What may be spent on generated texts in a day, which rolls at 00:00 Asia/Shanghai.
struct SpendLimit {
  std::int64_t tokens_a_day = 0;  ///< of prompts and answers; 0: no limit
  std::int64_t fen_a_day = 0;     ///< 0: no limit
};

/// Counts tokens and money by purpose. Before an exchange the most it can cost is reserved,
/// afterwards what it did cost is booked, so that parallel requests together never pass the limit
/// by more than wrong counts of an endpoint. Money in millionths of a fen (ufen). Thread-safe. It
/// lives in memory; `to_json` and `restore` carry it over a restart.
class SpendBudget {
 public:
  /// `fallback` is the limit of every purpose that `limits` does not name, each for itself.
  SpendBudget(std::map<std::string, SpendLimit, std::less<>> limits, SpendLimit fallback)
      : limits_(std::move(limits)), fallback_(fallback) {}

  struct Amount {
    std::int64_t tokens = 0;
    std::int64_t ufen = 0;
  };
  /// kLimitReached naming the purpose and what is left.
  Result<void> reserve(std::string_view purpose, Amount most, Instant now) ZHIYIN_EXCLUDES(mutex_);
  /// Gives the reservation back and books what was spent. Of a day that is over: only the latter.
  void settle(std::string_view purpose, Amount reserved, Amount spent, Instant now)
      ZHIYIN_EXCLUDES(mutex_);
  /// Today's, reservations included.
  [[nodiscard]] Amount used(std::string_view purpose, Instant now) const ZHIYIN_EXCLUDES(mutex_);

  /// {"day":…,"purposes":{NAME:{"tokens","ufen"}}}, without reservations.
  [[nodiscard]] Json to_json() const ZHIYIN_EXCLUDES(mutex_);
  /// Today's by purpose: [{"purpose","tokens","cost_fen","tokens_a_day","fen_a_day"}] (limits; 0:
  /// none), those with a limit of their own and those that spent or reserved something, by name.
  [[nodiscard]] Json report(Instant now) const ZHIYIN_EXCLUDES(mutex_);
  /// Takes up what `to_json` gave; what is of another day than `now` counts for nothing.
  Result<void> restore(const Json& json, Instant now) ZHIYIN_EXCLUDES(mutex_);

  static constexpr std::size_t kPurposesMax = 256;

 private:
  struct Account {
    Amount booked;
    Amount reserved;
  };
  void turn_day(Instant now) ZHIYIN_REQUIRES(mutex_);

  const std::map<std::string, SpendLimit, std::less<>> limits_;
  const SpendLimit fallback_;
  mutable Mutex mutex_;
  std::int64_t day_ ZHIYIN_GUARDED_BY(mutex_) = 0;
  std::map<std::string, Account, std::less<>> accounts_ ZHIYIN_GUARDED_BY(mutex_);
};

}  // namespace zhiyin::model
