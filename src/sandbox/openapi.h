#pragma once

#include <string_view>

#include "base/error.h"
#include "base/json.h"
#include "sandbox/endpoint.h"

namespace zhiyin::sandbox {

/// One of the emulated platforms as an OpenAPI 3.1 document, made from the table of endpoints: what
/// each takes, its limits, what it answers, its quota and its error codes. Each platform has a host
/// of its own and so a document of its own: two of them have paths in common. The same at every
/// call.
Json describe_platform(Family family);

/// The platform that is called `official` (also nothing), `wecom` or `ads` where one is asked for.
/// kInvalidArgument for other names.
Result<Family> family_named(std::string_view name);

}  // namespace zhiyin::sandbox
