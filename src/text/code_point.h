#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace zhiyin::text {

/// What stands for bytes that are not UTF-8 where a code point is asked for.
constexpr char32_t kReplacement = 0xfffd;

/// A code point and the bytes it takes (1 to 4).
struct CodePoint {
  char32_t value = kReplacement;
  std::uint8_t bytes = 1;
  /// False: the byte at this place does not begin well-formed UTF-8 (surrogates and overlong forms
  /// included). `value` is then kReplacement and `bytes` is 1, so every text is walked to its end
  /// and no byte is passed over.
  bool well_formed = false;
};

namespace detail {
CodePoint code_point_beyond_ascii(std::string_view text, std::size_t at);
}

/// The code point at byte `at`. Requires at < text.size(). Any bytes are taken.
inline CodePoint code_point_at(std::string_view text, std::size_t at) {
  const auto first = static_cast<unsigned char>(text[at]);
  if (first < 0x80) return {first, 1, true};
  return detail::code_point_beyond_ascii(text, at);
}

/// Appends `value` as UTF-8. Requires a Unicode scalar value (no surrogate, at most U+10FFFF).
void append_utf8(std::string& out, char32_t value);

/// All code points of `text`; any bytes are taken, as code_point_at() does.
std::u32string code_points(std::string_view text);

/// A byte that continues a code point: no boundary of a character lies before it.
constexpr bool is_continuation_byte(char byte) {
  return (static_cast<unsigned char>(byte) & 0xc0) == 0x80;
}

}  // namespace zhiyin::text
