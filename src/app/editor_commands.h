#pragma once

#include <string_view>
#include <vector>

#include "app/wechat_commands.h"
#include "ingest/event.h"

namespace zhiyin::app {

/// `recommend lists` and what follows it: the lists that editors keep.
const std::map<std::string, InstallationCommand, std::less<>>& editor_commands();

/// Items from lines KIND/ID, in their order; blank lines and what follows a # at a line's beginning
/// are passed over. kInvalidArgument names the line. Pure.
Result<std::vector<ingest::ItemRef>> items_of_lines(std::string_view text);

}  // namespace zhiyin::app
