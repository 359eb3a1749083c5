#pragma once

#include "recommend/evaluate.h"
#include "server/runs.h"
#include "server/services.h"

namespace zhiyin::server {

/// `zhiyin evaluate recommend` on the installation's own events: what people and visitors liked, as
/// a training reads it, split by time. Nothing is stored. `args.protocol` is `time`; its progress
/// and bound of memory are set here.
Result<Json> evaluate_own_events(Services& services, recommend::EvaluateArgs args, RunContext& run);

}  // namespace zhiyin::server
