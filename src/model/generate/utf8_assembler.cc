#include "model/generate/utf8_assembler.h"

#include "base/utf8.h"

namespace zhiyin::model {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";

/// Bytes of the character that begins with `first`; 0 when none begins so.
std::size_t length_from(unsigned char first) {
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return 2;
  if (first >= 0xe0 && first <= 0xef) return 3;
  if (first >= 0xf0 && first <= 0xf4) return 4;
  return 0;
}

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

/// Whether `text`, shorter than its first byte says, can still become a character.
bool may_become_whole(std::string_view text) {
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (!is_continuation(text[i])) return false;
  }
  if (text.size() < 2) return true;
  const auto first = static_cast<unsigned char>(text[0]);
  const auto second = static_cast<unsigned char>(text[1]);
  if (first == 0xe0) return second >= 0xa0;
  if (first == 0xed) return second < 0xa0;  // no surrogates
  if (first == 0xf0) return second >= 0x90;
  if (first == 0xf4) return second < 0x90;
  return true;
}

}  // namespace

std::string Utf8Assembler::feed(std::string_view bytes) {
  std::string joined;
  std::string_view text = bytes;
  if (!held_.empty()) {
    joined = held_ + std::string(bytes);
    held_.clear();
    text = joined;
  }
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t n = length_from(static_cast<unsigned char>(text[0]));
    if (n > text.size() && may_become_whole(text)) {
      held_ = text;
      break;
    }
    const bool whole = n != 0 && n <= text.size() && utf8::is_valid(text.substr(0, n));
    out += whole ? text.substr(0, n) : kReplacement;
    if (!whole) ++bad_bytes_;
    text.remove_prefix(whole ? n : 1);
  }
  return out;
}

bool Utf8Assembler::finish() {
  const bool cut = !held_.empty();
  held_.clear();
  return cut;
}

}  // namespace zhiyin::model
