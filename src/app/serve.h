#pragma once

#include <functional>
#include <stop_token>

#include "app/installation.h"

namespace zhiyin::app {

/// Runs the server until `stop` is requested: opens the installation, starts workers, control
/// socket and HTTP, then drains. `started` learns the address once everything is ready.
Result<void> serve(
    const Location& location, Logger& logger, const std::stop_token& stop,
    const std::function<void(const std::string& url, const std::string& first_admin_key)>& started);

}  // namespace zhiyin::app
