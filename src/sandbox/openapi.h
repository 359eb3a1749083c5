#pragma once

#include "base/json.h"

namespace zhiyin::sandbox {

/// The emulated platform as an OpenAPI 3.1 document, made from the table of endpoints: what each
/// takes, its limits, its quota and its error codes. Answers are described by their envelope only.
/// The same at every call.
Json describe_platform();

}  // namespace zhiyin::sandbox
