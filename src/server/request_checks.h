#pragma once

#include "http/message.h"
#include "server/auth.h"

/// What the bound bodies and queries of requests cannot say by themselves. Pure; kInvalidArgument
/// with the field.
namespace zhiyin::server {

/// A name to show, and accounts whose names an event could have.
Result<void> check(const KeyRequest& request);
/// A name to show, and a role that can use the console.
Result<void> check(const UserRequest& request);

/// `after` of a list whose places are numbers above 0; 0 when absent: from the beginning.
Result<std::int64_t> list_after(const http::Request& request);

}  // namespace zhiyin::server
