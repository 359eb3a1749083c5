#pragma once

#include "http/server.h"
#include "sandbox/platform.h"

namespace zhiyin::sandbox {

/// The platform as others reach it: its interface, the pages on which people agree to something,
/// the pictures of codes, and the description of it all at /sandbox/openapi.json. Runs on the
/// threads of the network. `platform` must outlive the router.
void add_platform_routes(http::Router& router, Platform& platform);

}  // namespace zhiyin::sandbox
