#pragma once

#include "base/json.h"
#include "server/services.h"

namespace zhiyin::server {

/// Kinds of events: declared ones, and those that came in with their counts; one entry per kind, by
/// name.
Result<Json> kinds_json(Services& services);

}  // namespace zhiyin::server
