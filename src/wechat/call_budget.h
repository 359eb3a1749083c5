#pragma once

#include <cstdint>

#include "base/error.h"
#include "base/ids.h"
#include "base/time.h"
#include "wechat/endpoint.h"

namespace zhiyin::wechat {

/// Calls of a method in a day, counted for all processes of an installation and over their
/// restarts. For methods that have a number for the day and send nothing: what sends has budgets of
/// its own. Thread-safe; blocks on state.
class CallBudget {
 public:
  virtual ~CallBudget() = default;
  /// Counts one call of the platform's day that holds `now`, in `zone`. False, counting nothing,
  /// when that would be more than `limit`.
  virtual Result<bool> take(const AccountId& account, const Endpoint& endpoint, std::int64_t limit,
                            Instant now, const TimeZone& zone) = 0;
  /// The platform has reset its counters of the account.
  virtual Result<void> forget(const AccountId& account) = 0;
};

}  // namespace zhiyin::wechat
