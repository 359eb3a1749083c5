#include "base/visible_text.h"

#include <fmt/format.h>

#include "base/utf8.h"

namespace zhiyin {
namespace {

/// Of a character of `n` bytes at the beginning of `text`, which is UTF-8.
char32_t code_point(std::string_view text, std::size_t n) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (n == 1) return byte(0);
  char32_t c = byte(0) & (0x7fU >> n);
  for (std::size_t i = 1; i < n; ++i) c = c << 6 | (byte(i) & 0x3fU);
  return c;
}

bool acts_on_terminal(char32_t c) {
  const bool control = c < 0x20 || (c >= 0x7f && c < 0xa0);
  const bool direction = c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
                         (c >= 0x2066 && c <= 0x2069) || c == 0x2028 || c == 0x2029;
  return control || direction;
}

}  // namespace

std::string visible_text(std::string_view text, bool lines_stay) {
  constexpr std::size_t kCharacterBytesMax = 4;
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t n = 1;
    while (n <= kCharacterBytesMax && at + n <= text.size() &&
           !utf8::is_valid(text.substr(at, n))) {
      ++n;
    }
    if (n > kCharacterBytesMax || at + n > text.size()) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[at]));
      at += 1;
      continue;
    }
    const char32_t c = code_point(text.substr(at), n);
    if (!acts_on_terminal(c) || (lines_stay && c == '\n')) {
      out += text.substr(at, n);
    } else {
      out += c < 0x100 ? fmt::format("\\x{:02x}", static_cast<unsigned>(c))
                       : fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    }
    at += n;
  }
  return out;
}

}  // namespace zhiyin
