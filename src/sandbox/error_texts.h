#pragma once

#include <string_view>

namespace zhiyin::sandbox {

/// The platform's own words for an errcode of official accounts, mini-programs and WeCom, without
/// the request id that follows them. Codes that are not in the list: "error".
std::string_view error_text(int code);

}  // namespace zhiyin::sandbox
