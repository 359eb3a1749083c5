#pragma once

#include <map>
#include <string>

#include "app/wechat_commands.h"

namespace zhiyin::app {

/// `zhiyin model …`: versions of models in the installation's registry. Each does what its words
/// say, with arguments as the command line made them; `model install` and `model import` are one,
/// and so are `model promote` and `model activate`.
const std::map<std::string, InstallationCommand, std::less<>>& model_commands();

}  // namespace zhiyin::app
