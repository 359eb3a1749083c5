#pragma once

#include <span>
#include <string_view>

#include "base/error.h"
#include "delivery/touch.h"

namespace zhiyin::delivery::detail {

/// Puts `touch.<what>` into the outbox. The id is made from touch and `what`, so telling it twice
/// is one event.
Result<void> tell(storage::Session& session, const Touch& touch, std::string_view what,
                  Instant occurred_at, Instant received_at);

/// The same for many touches.
Result<void> tell_all(storage::Session& session, std::span<const Touch> touches,
                      std::string_view what, Instant at);

}  // namespace zhiyin::delivery::detail
