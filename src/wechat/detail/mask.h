#pragma once

#include <string>
#include <string_view>

#include "base/json.h"

/// What the platform echoes of requests holds tokens and secrets. Pure.
namespace zhiyin::wechat {

/// The text with `***` for every value whose name says that it is a token, secret, ticket, key or
/// phone number: `access_token=…` of an address, `"secret":"…"` of JSON, also of JSON within JSON.
std::string without_secrets(std::string_view text);
/// The same for every text in it.
Json without_secrets(const Json& json);

}  // namespace zhiyin::wechat
