#pragma once

#include <string>
#include <string_view>

namespace zhiyin {

/// The text as it stands in HTML or XML, between tags or within quotes of either kind. Pure.
std::string html_escaped(std::string_view text);

}  // namespace zhiyin
