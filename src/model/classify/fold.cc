#include "model/classify/fold.h"

#include <algorithm>

namespace zhiyin::model {
namespace {

constexpr char32_t kReplacement = 0xFFFD;
constexpr char32_t kDropped = 0;

struct Decoded {
  char32_t point;
  std::uint32_t bytes;
};

/// One character of UTF-8; one byte of what is none.
Decoded decode(const unsigned char* p, std::size_t left) {
  const auto tail = [&](std::size_t i) { return (p[i] & 0xC0) == 0x80; };
  if (p[0] < 0x80) return {p[0], 1};
  if (p[0] >= 0xE0 && p[0] < 0xF0 && left >= 3 && tail(1) && tail(2)) {
    const char32_t c = (p[0] & 15U) << 12 | (p[1] & 63U) << 6 | (p[2] & 63U);
    if (c >= 0x800 && (c < 0xD800 || c > 0xDFFF)) return {c, 3};
  } else if (p[0] >= 0xC2 && p[0] < 0xE0 && left >= 2 && tail(1)) {
    return {(p[0] & 31U) << 6 | (p[1] & 63U), 2};
  } else if (p[0] >= 0xF0 && p[0] < 0xF5 && left >= 4 && tail(1) && tail(2) && tail(3)) {
    const char32_t c = (p[0] & 7U) << 18 | (p[1] & 63U) << 12 | (p[2] & 63U) << 6 | (p[3] & 63U);
    if (c >= 0x10000 && c <= 0x10FFFF) return {c, 4};
  }
  return {kReplacement, 1};
}

bool is_invisible(char32_t c) {
  return (c >= 0x200B && c <= 0x200F) || (c >= 0x202A && c <= 0x202E) ||
         (c >= 0x2060 && c <= 0x2064) || c == 0xFEFF || c == 0xAD || (c >= 0xFE00 && c <= 0xFE0F);
}

char32_t fold_ascii(char32_t c) {
  if (c >= 'A' && c <= 'Z') return c + 32;
  if (c <= ' ' || c == 0x7F) return ' ';
  return c;
}

char32_t fold_other(char32_t c) {
  if (c >= 0x4E00 && c <= 0x9FFF) return c;
  if (c >= 0xFF01 && c <= 0xFF5E) return fold_ascii(c - 0xFEE0);
  if (is_invisible(c)) return kDropped;
  if (c == 0x3000 || c == 0xA0 || c == 0x85 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
      c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x1680)
    return ' ';
  // Latin-1 and Latin Extended-A, Greek and Cyrillic: simple pairs.
  if (c >= 0xC0 && c <= 0xDE && c != 0xD7) return c + 32;
  if ((c >= 0x391 && c <= 0x3A9) || (c >= 0x410 && c <= 0x42F)) return c + 32;
  if (c >= 0x400 && c <= 0x40F) return c + 80;
  return c;
}

}  // namespace

void fold_text(std::string_view text, FoldedText& out, bool with_offsets) {
  out.points.clear();
  out.begins.clear();
  out.ends.clear();
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  out.points.reserve(std::min(text.size(), kFoldedPointsMax));
  for (std::size_t at = 0; at < text.size() && out.points.size() < kFoldedPointsMax;) {
    const Decoded next = decode(bytes + at, text.size() - at);
    const char32_t c = next.point < 0x80 ? fold_ascii(next.point) : fold_other(next.point);
    const std::size_t begin = at;
    at += next.bytes;
    if (c == kDropped) continue;
    if (c == ' ' && !out.points.empty() && out.points.back() == ' ') {
      if (with_offsets) out.ends.back() = static_cast<std::uint32_t>(at);
      continue;
    }
    out.points.push_back(c);
    if (with_offsets) {
      out.begins.push_back(static_cast<std::uint32_t>(begin));
      out.ends.push_back(static_cast<std::uint32_t>(at));
    }
  }
}

}  // namespace zhiyin::model
