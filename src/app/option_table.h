#pragma once

#include <span>

#include "base/options.h"

namespace zhiyin::app {

/// Every option of the program.
std::span<const OptionSpec> option_table();

}  // namespace zhiyin::app
