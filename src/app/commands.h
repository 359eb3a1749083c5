#pragma once

#include <string>

#include "app/control_socket.h"
#include "base/json.h"
#include "server/services.h"

namespace zhiyin::app {

/// Runs a command that works on an installation (`import`, `segment preview`, …) with its arguments
/// as the command line made them. The same function serves the control socket and a process of its
/// own.
Result<Json> run_installation_command(server::Services& services, const std::string& command,
                                      const Json& args, const ProgressSink& progress);

}  // namespace zhiyin::app
