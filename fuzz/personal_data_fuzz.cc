// Personal data in any bytes: spans in order on character boundaries, and what was masked comes
// back as it was.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "text/code_point.h"
#include "text/near_duplicate.h"
#include "text/personal_data.h"

using namespace zhiyin;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view given(reinterpret_cast<const char*>(data), size);
  const auto spans = text::find_personal_data(given);
  std::size_t last = 0, at = 0, number = 0;
  const auto walk_to = [&](std::size_t byte) {
    while (at < byte) at += text::code_point_at(given, at).bytes, ++number;
    ZHIYIN_CHECK(at == byte);
  };
  for (const text::PersonalSpan& span : spans) {
    ZHIYIN_CHECK(span.byte_begin >= last && span.byte_begin < span.byte_end);
    ZHIYIN_CHECK(span.byte_end <= given.size());
    walk_to(span.byte_begin);
    ZHIYIN_CHECK(number == span.char_begin);
    walk_to(span.byte_end);
    ZHIYIN_CHECK(number == span.char_end);
    last = span.byte_end;
  }
  auto mask = text::PersonalMask::create("abcd");
  const std::string masked = mask->mask(given, spans);
  ZHIYIN_CHECK(mask->unmask(masked) == given);
  ZHIYIN_CHECK(text::shortened(given, spans).size() <= 5 * given.size() + 5);
  ZHIYIN_CHECK(text::simhash(given) == text::simhash(given));
  ZHIYIN_CHECK(text::min_hash(given) == text::min_hash(given));
  return 0;
}
