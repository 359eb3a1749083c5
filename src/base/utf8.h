#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace zhiyin::utf8 {

/// True when `text` is well-formed UTF-8 (no surrogates, no overlong forms).
bool is_valid(std::string_view text);
/// Code points in well-formed text.
std::size_t length(std::string_view text);
/// The longest prefix of at most `bytes_max` bytes that does not cut a code point.
std::string_view truncate(std::string_view text, std::size_t bytes_max);

/// The text with U+FFFD for each zero byte and for what is not UTF-8: messages of others and cut
/// texts, on their way into storage.
std::string cleaned(std::string_view text);

}  // namespace zhiyin::utf8
