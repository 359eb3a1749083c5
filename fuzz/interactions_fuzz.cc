// Files of users and items.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "base/utf8.h"
#include "recommend/interaction_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto pairs = zhiyin::recommend::parse_interactions(text, "pairs.csv");
  if (!pairs) {
    ZHIYIN_CHECK(pairs.error().message.starts_with("pairs.csv: line "));
    return 0;
  }
  // Each pair takes a byte of its item and one that ends it.
  ZHIYIN_CHECK(pairs->size() <= size / 2 + 1);
  for (const auto& [user, item] : *pairs) {
    ZHIYIN_CHECK(!user.empty() && !item.empty());
    ZHIYIN_CHECK(zhiyin::utf8::is_valid(user) && zhiyin::utf8::is_valid(item));
  }
  return 0;
}
