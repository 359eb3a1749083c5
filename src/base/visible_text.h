#pragma once

#include <string>
#include <string_view>

namespace zhiyin {

/// The text with control characters (of C0 and C1, and those that turn the direction of writing)
/// and bytes that are not UTF-8 as `\x1b` or `\u202e`: texts of others, on their way to a terminal.
/// Line ends stay where `lines_stay`.
std::string visible_text(std::string_view text, bool lines_stay = false);

}  // namespace zhiyin
