#pragma once

#include "http/message.h"

namespace zhiyin::server {

/// A problem (RFC 9457) as clients of OpenAI's interface read it: {"error":{"message","type",
/// "param","code"}}, with its status and headers. Answers without `detail` and `code` stay as they
/// are. Pure.
void to_openai_error(http::Response& response);

}  // namespace zhiyin::server
