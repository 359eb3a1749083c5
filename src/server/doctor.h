#pragma once

#include "base/json.h"
#include "server/services.h"

namespace zhiyin::server {

/// What `zhiyin doctor` and GET /v1/doctor show:
/// `{"ok","checks":[{"name","ok","detail","advice"}]}`. Asks each store, the disk, the clock, and
/// the console's files; calls no platform.
Json examine(Services& services);

/// The same for an installation that cannot be opened: the reason and what to do.
Json examine_failure(const Error& error);

}  // namespace zhiyin::server
