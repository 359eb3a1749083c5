// Texts: the first byte chooses what is made the same. The result is UTF-8, and every character of
// it leads to a place of the text, in order.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "base/utf8.h"
#include "text/code_point.h"
#include "text/normalise.h"

using namespace zhiyin;
using namespace zhiyin::text;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const unsigned choice = data[0];
  NormaliseOptions options{.nfkc = (choice & 1) != 0,
                           .fold_case = (choice & 2) != 0,
                           .simplify = (choice & 4) != 0,
                           .drop_invisible = (choice & 8) != 0,
                           .digit_styles = (choice & 16) != 0,
                           .unit_styles = (choice & 32) != 0,
                           .join_spaces = (choice & 64) != 0};
  options.emoji = static_cast<NormaliseOptions::Emoji>(choice % 3);
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto made = Normaliser(options).run(text);
  ZHIYIN_CHECK(made && utf8::is_valid(made->text));
  std::uint32_t before = 0;
  for (std::size_t at = 0; at < made->text.size();) {
    const std::size_t bytes = code_point_at(made->text, at).bytes;
    const ByteRange source =
        made->map.source(static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(at + bytes));
    ZHIYIN_CHECK(before <= source.begin && source.begin < source.end && source.end <= text.size());
    before = source.begin;
    at += bytes;
  }
  return 0;
}
