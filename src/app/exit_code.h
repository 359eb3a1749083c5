#pragma once

#include "base/error.h"

namespace zhiyin::app {

/// The exit status of the program for an error; docs/command-line.md lists them. 0 is success.
int exit_code_of(ErrorCode code);

}  // namespace zhiyin::app
