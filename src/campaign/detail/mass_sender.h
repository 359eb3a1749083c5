#pragma once

#include "campaign/detail/work.h"

namespace zhiyin::campaign::detail {

/// One piece of sending through the mass channel: repeats a batch whose outcome is open, or gathers
/// the next one and sends it. `TickResult` empty: nothing is left.
Result<TickResult> send_mass_step(Work& work);

}  // namespace zhiyin::campaign::detail
