#pragma once

#include <string_view>

namespace zhiyin::sandbox {

/// Whether a keyword of a template or subscribe message may have that value: its kind is the key
/// without its number (`thing1`). Unknown kinds take up to 32 characters. Pure.
bool is_right_value(std::string_view key, std::string_view value);

}  // namespace zhiyin::sandbox
