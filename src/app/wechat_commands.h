#pragma once

#include <map>
#include <string>

#include "app/control_socket.h"
#include "base/json.h"
#include "server/services.h"

namespace zhiyin::app {

/// `zhiyin wechat …`: each does what its words say, with arguments as the command line made them.
using InstallationCommand = Result<Json> (*)(server::Services&, const Json& args,
                                             const ProgressSink& progress);
const std::map<std::string, InstallationCommand, std::less<>>& wechat_commands();

}  // namespace zhiyin::app
