#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/error.h"
#include "wechat/policy.h"

namespace zhiyin::wechat {

/// The letters of a template's keyword: `thing01` gives `thing`. Pure.
std::string_view value_type(std::string_view keyword);

/// Whether a value may stand under a keyword of a template or subscribe message: its length by the
/// policy (`template_value_chars_max`) and its characters by the type in the keyword. A type that
/// is not known may hold anything without line breaks. kInvalidArgument naming `data.KEYWORD`.
/// Pure.
Result<void> check_template_value(const Policy& policy, std::string_view keyword,
                                  std::string_view value);

}  // namespace zhiyin::wechat
