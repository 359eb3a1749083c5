#pragma once

#include "base/json.h"
#include "recommend/evaluate.h"

/// Arguments of `zhiyin evaluate recommend`. Pure.
namespace zhiyin::app {

/// Whether it is about the installation's own events: no file and no protocol of files is named.
bool evaluates_installation(const Json& args);

/// Without --protocol: `loo` for --train and --test, else `time`. kInvalidArgument names the flag,
/// also of one that does not go with the protocol.
Result<recommend::EvaluateArgs> evaluate_arguments(const Json& args);

}  // namespace zhiyin::app
