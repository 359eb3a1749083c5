#include "text/code_point.h"

namespace zhiyin::text {

namespace detail {

CodePoint code_point_beyond_ascii(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) -> std::uint32_t {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0;
  };
  const auto continues = [&](std::size_t i) { return (byte(i) & 0xc0) == 0x80; };
  const std::uint32_t first = byte(0);
  if (first >= 0xe0 && first < 0xf0 && continues(1) && continues(2)) {
    const char32_t value = (first & 0x0f) << 12 | (byte(1) & 0x3f) << 6 | (byte(2) & 0x3f);
    if (value >= 0x800 && (value < 0xd800 || value > 0xdfff)) return {value, 3, true};
  } else if (first >= 0xc2 && first < 0xe0 && continues(1)) {
    return {(first & 0x1f) << 6 | (byte(1) & 0x3f), 2, true};
  } else if (first >= 0xf0 && first < 0xf5 && continues(1) && continues(2) && continues(3)) {
    const char32_t value =
        (first & 0x07) << 18 | (byte(1) & 0x3f) << 12 | (byte(2) & 0x3f) << 6 | (byte(3) & 0x3f);
    if (value >= 0x10000 && value <= 0x10ffff) return {value, 4, true};
  }
  return {};
}

}  // namespace detail

std::u32string code_points(std::string_view text) {
  std::u32string out;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = code_point_at(text, at);
    out += point.value;
    at += point.bytes;
  }
  return out;
}

void append_utf8(std::string& out, char32_t value) {
  const auto tail = [&](int shift) { out += static_cast<char>(0x80 | (value >> shift & 0x3f)); };
  if (value < 0x80) {
    out += static_cast<char>(value);
  } else if (value < 0x800) {
    out += static_cast<char>(0xc0 | value >> 6);
    tail(0);
  } else if (value < 0x10000) {
    out += static_cast<char>(0xe0 | value >> 12);
    tail(6), tail(0);
  } else {
    out += static_cast<char>(0xf0 | value >> 18);
    tail(12), tail(6), tail(0);
  }
}

}  // namespace zhiyin::text
