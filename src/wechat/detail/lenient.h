#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"

/// The platform sends numbers as strings and strings as numbers; these read both. Pure.
namespace zhiyin::wechat {

/// A string as it is, a number or boolean as text; empty for anything else.
std::string lenient_text(const Json& value);
/// An integer, also one in a string; nothing for anything else.
std::optional<std::int64_t> lenient_int_or_nothing(const Json& value);
inline std::int64_t lenient_int(const Json& value, std::int64_t fallback = 0) {
  return lenient_int_or_nothing(value).value_or(fallback);
}
/// ASCII letters in lower case.
std::string lower(std::string_view text);

}  // namespace zhiyin::wechat
