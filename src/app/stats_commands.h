#pragma once

#include <string_view>
#include <vector>

#include "app/command_line.h"
#include "base/error.h"
#include "base/json.h"

namespace zhiyin::app {

/// `zhiyin stats …`, `value …` and `retention`, for the table of commands.
std::vector<CommandSpec> stats_command_specs();

/// Whether `words` is one of them.
bool is_stats_command(std::string_view words);

/// Runs one: its file and flags become the input of a function of `statistics/command`. Opens no
/// installation. Fails with kInvalidArgument naming the flag or field, or as the file does.
Result<Json> run_stats_command(std::string_view words, const Json& args);

}  // namespace zhiyin::app
