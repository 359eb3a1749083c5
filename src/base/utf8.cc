#include "base/utf8.h"

#include <simdjson.h>

#include <algorithm>

namespace zhiyin::utf8 {
namespace {
bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }
}  // namespace

bool is_valid(std::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

std::size_t length(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return !is_continuation(c); }));
}

std::string cleaned(std::string_view text) {
  if (is_valid(text) && text.find('\0') == std::string_view::npos) return std::string(text);
  constexpr std::string_view kReplacement = "\xef\xbf\xbd";
  constexpr std::size_t kCharacterBytesMax = 4;
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t n = 1;
    while (n <= kCharacterBytesMax && at + n <= text.size() && !is_valid(text.substr(at, n))) ++n;
    const bool good = n <= kCharacterBytesMax && at + n <= text.size() && text[at] != '\0';
    out += good ? text.substr(at, n) : kReplacement;
    at += good ? n : 1;
  }
  return out;
}

std::string_view truncate(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  std::size_t end = bytes_max;
  while (end > 0 && is_continuation(text[end])) --end;
  return text.substr(0, end);
}

}  // namespace zhiyin::utf8
