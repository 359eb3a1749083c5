#pragma once

#include "campaign/detail/work.h"

namespace zhiyin::campaign::detail {

/// One piece of sending person by person (customer-service and template messages): settles what a
/// dead process or a silent platform left open, then sends to the next few. `TickResult` empty:
/// nothing is left to do now.
Result<TickResult> send_single_step(Work& work);

/// Calls the channel for one touch.
delivery::Outcome call_channel(const Work& work, const Touch& touch, std::string_view openid,
                               const delivery::Content& content);

/// Closes a touch in `sending` whose outcome will never be known; counts it against the quota.
Result<void> close_unknown(storage::Session& session, Touch touch, std::string_view why,
                           Instant now);

}  // namespace zhiyin::campaign::detail
