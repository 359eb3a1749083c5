#pragma once

#include <stop_token>

#include "base/json.h"

namespace zhiyin::app {

/// `zhiyin demo`: starts a sandbox and a server as processes of their own, lets weeks pass, runs
/// one campaign with a holdout, and tells what happened beside the truth. Leaves both running until
/// `stop`, unless `exit` is set. `args`: exit, dir, people, seed, weeks, port.
Result<void> demo(const Json& args, const std::stop_token& stop);

}  // namespace zhiyin::app
