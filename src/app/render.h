#pragma once

#include <string>
#include <string_view>

#include "base/json.h"

namespace zhiyin::app {

/// The result of a command as people read it in a terminal.
std::string render_for_people(std::string_view command, const Json& result);

}  // namespace zhiyin::app
