// Feeds from anywhere: RSS, Atom, JSON Feed, in whatever encoding they say. The first byte chooses
// the charset of the answer that they came with.
#include <cstdint>
#include <cstdlib>

#include "catalogue/feed.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace zhiyin::catalogue;
  if (size == 0) return 0;
  constexpr std::string_view kCharsets[] = {"", "", "", "utf-8", "gbk", "utf-16", "big5", "x"};
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto feed =
      parse_feed(text, {.url = "https://example.com/feed",
                        .charset = std::string(kCharsets[data[0] % std::size(kCharsets)])});
  if (!feed) return 0;
  for (const Item& item : feed->items) {
    if (!validate(item)) std::abort();
  }
  return 0;
}
