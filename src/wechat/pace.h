#pragma once

#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "base/mutex.h"
#include "wechat/call.h"
#include "wechat/call_budget.h"
#include "wechat/endpoint.h"

namespace zhiyin::wechat {

/// Calls of an endpoint that the policy allows in a minute; 0: no number is known. Pure.
std::int64_t calls_per_minute(const Policy& policy, const Endpoint& endpoint);

/// Why a call is not made whose day or month is used up, and until when. Pure.
SendError budget_used_up(const ApiAccount& account, const Endpoint& endpoint, Instant now);

/// How often each account may still call each method: by the documented numbers of a clock minute
/// and of the platform's day or month (`call_budget.h`), and by what the platform last said (45009:
/// until the day ends, for all methods that share it; 48006: until the month does; 45011 and the
/// like: as long as they say; Tencent Ads: how many calls its headers leave, which all
/// authorisations of one application share). Domain time. In memory: a `CallBudget` counts days and
/// months for all processes. Thread-safe.
class Pace {
 public:
  /// Takes a place, or says why and for how long not.
  std::optional<SendError> enter(const ApiAccount& account, const Endpoint& endpoint, Instant now);
  /// What came of a call that was sent.
  void note(const ApiAccount& account, const Endpoint& endpoint, const SendError& error,
            Instant now);
  /// Calls that the platform says it will still take, in this minute and this day; -1: not said.
  void told(const ApiAccount& account, const Endpoint& endpoint, std::int64_t minute_left,
            std::int64_t day_left, Instant now);
  /// The platform has reset its counters of minutes and days.
  void forget(const AccountId& account);

 private:
  struct Entry {
    std::int64_t minute = 0;
    std::int64_t calls = 0;
    std::int64_t told_minute = 0;
    std::int64_t told_left = 0;  ///< in that minute
    Instant closed_until;
    std::int64_t errcode = 0;
  };
  /// Of a budget.
  struct Period {
    std::int64_t calls = 0;
    Instant ends;
    Instant closed_until;
    std::int64_t errcode = 0;
    bool is_month = false;
  };
  Mutex mutex_;
  /// As many as there are accounts times endpoints.
  std::map<std::pair<AccountId, const Endpoint*>, Entry> entries_ ZHIYIN_GUARDED_BY(mutex_);
  std::map<std::pair<AccountId, std::string_view>, Period> periods_ ZHIYIN_GUARDED_BY(mutex_);
};

}  // namespace zhiyin::wechat
