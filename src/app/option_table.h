#pragma once

#include <span>

#include "base/options.h"

namespace zhiyin::app {

/// Every option of the program.
std::span<const OptionSpec> option_table();

/// What type and range of an option do not say: words of a closed list, addresses. kInvalidArgument
/// naming the option.
Result<void> check_options(const Options& options);

}  // namespace zhiyin::app
