#include "ingest/detail/encoding.h"

#include <iconv.h>

#include <algorithm>
#include <string>

#include "base/utf8.h"

namespace zhiyin::ingest::detail {
namespace {

// Lines with wrong bytes, up to which a file counts as UTF-8 with damaged rows: their share, and
// how many there may be in any case.
constexpr double kWrongLinesMax = 0.1;
constexpr std::size_t kWrongLinesAlways = 10;
// Share of the bytes beyond ASCII that are no UTF-8, from which another encoding is thought of. Of
// Chinese in GB18030 it is about four fifths, as some of its pairs happen to be UTF-8.
constexpr double kForeignBytesMin = 0.4;
// Share of the characters in GB18030 that are usual ones. Of Big5 read as GB18030 it is about a
// third.
constexpr double kUsualMin = 0.75;
constexpr std::size_t kUsualCharactersMin = 2;

unsigned char byte_at(std::string_view text, std::size_t i) {
  return static_cast<unsigned char>(text[i]);
}

// Length of the well-formed UTF-8 character at `at`, 0 when there is none.
std::size_t utf8_length(std::string_view text, std::size_t at) {
  constexpr std::size_t kBytesMax = 4;
  for (std::size_t n = 1; n <= kBytesMax && at + n <= text.size(); ++n) {
    if (utf8::is_valid(text.substr(at, n))) return n;
  }
  return 0;
}

struct Utf8Evidence {
  std::size_t beyond_ascii = 0;  // bytes
  std::size_t wrong = 0;         // bytes
  std::size_t lines = 0;
  std::size_t wrong_lines = 0;

  [[nodiscard]] bool foreign() const {
    return static_cast<double>(wrong) >= kForeignBytesMin * static_cast<double>(beyond_ascii);
  }
  // Not here and there a row, but everywhere.
  [[nodiscard]] bool everywhere() const {
    return static_cast<double>(wrong_lines) > kWrongLinesMax * static_cast<double>(lines);
  }
};

Utf8Evidence look_for_utf8(std::string_view text) {
  Utf8Evidence seen;
  bool wrong_here = false;
  for (std::size_t i = 0; i < text.size();) {
    if (byte_at(text, i) < 0x80) {
      if (text[i] == '\n') {
        ++seen.lines;
        seen.wrong_lines += wrong_here ? 1 : 0;
        wrong_here = false;
      }
      ++i;
      continue;
    }
    const std::size_t n = utf8_length(text, i);
    seen.beyond_ascii += std::max<std::size_t>(1, n);
    if (n == 0) {
      ++seen.wrong;
      wrong_here = true;
    }
    i += std::max<std::size_t>(1, n);
  }
  ++seen.lines;
  seen.wrong_lines += wrong_here ? 1 : 0;
  return seen;
}

// Of the common Chinese characters and of full-width punctuation: the pairs that GB2312 had.
bool is_usual_pair(unsigned char first, unsigned char second) {
  return second >= 0xa1 && second <= 0xfe &&
         ((first >= 0xb0 && first <= 0xf7) || first == 0xa1 || first == 0xa3);
}

bool looks_like_gb18030(std::string_view text) {
  std::size_t usual = 0;
  std::size_t others = 0;  // rare characters and bytes that are none
  for (std::size_t i = 0; i < text.size();) {
    if (byte_at(text, i) < 0x80) {
      ++i;
      continue;
    }
    const unsigned char second = i + 1 < text.size() ? byte_at(text, i + 1) : 0;
    const bool pair = byte_at(text, i) >= 0x81 && byte_at(text, i) <= 0xfe && second >= 0x40 &&
                      second != 0x7f && second <= 0xfe;
    ++(pair && is_usual_pair(byte_at(text, i), second) ? usual : others);
    i += pair ? 2 : 1;
  }
  return usual >= kUsualCharactersMin &&
         static_cast<double>(usual) >= kUsualMin * static_cast<double>(usual + others);
}

bool converts(std::string_view text, const char* encoding) {
  const iconv_t converter = iconv_open("UTF-8", encoding);
  if (converter == reinterpret_cast<iconv_t>(-1)) return false;  // NOLINT: what iconv_open returns
  std::string in(text);
  std::string out(text.size() * 4 + 16, '\0');
  char* from = in.data();
  char* to = out.data();
  std::size_t left = in.size();
  std::size_t room = out.size();
  const bool fits = iconv(converter, &from, &left, &to, &room) != static_cast<std::size_t>(-1);
  iconv_close(converter);
  return fits;
}

}  // namespace

EncodingGuess guess_encoding(std::string_view sample) {
  if (sample.starts_with("\xff\xfe") || sample.starts_with("\xfe\xff")) return {"utf-16", true};
  if (sample.size() >= 4 && sample[1] == '\0' && sample[3] == '\0') return {"utf-16le", false};
  // Cut behind a line, so that no character is broken.
  const std::string_view text = sample.substr(0, std::min(sample.size(), sample.rfind('\n')));
  if (utf8::is_valid(text)) return {"utf-8", true};
  const Utf8Evidence seen = look_for_utf8(text);
  if (seen.foreign() && looks_like_gb18030(text)) return {"gb18030", true};
  if (!seen.everywhere()) return {"utf-8", true};
  std::string_view other;
  if (converts(text, "BIG5")) other = "big5";
  if (other.empty() && converts(text, "GB18030")) other = "gb18030";
  if (seen.foreign() && !other.empty() && seen.beyond_ascii > seen.wrong_lines * 2)
    return {other, false};
  if (seen.wrong_lines <= kWrongLinesAlways) return {"utf-8", true};
  return {other, false};
}

}  // namespace zhiyin::ingest::detail
