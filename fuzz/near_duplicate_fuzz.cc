// Files of near-duplicates from any bytes: refused, or searched without harm; the table's checksums
// are made to fit, so that what lies behind them is reached.
#include <xxhash.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "base/file.h"
#include "text/near_duplicate_table.h"

using namespace zhiyin;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  const auto short_text = text::signature_of("今天的外卖送得很快，味道也很不错");
  text::TextSignature long_text;
  long_text.fingerprint = 0x0123456789abcdef;
  if (const auto index = text::NearDuplicateIndex::from_bytes(bytes)) {
    (void)index->find(short_text, {}, 10);
    (void)index->find(long_text, {}, 10);
  }
  constexpr std::size_t kHeader = 64, kBodySum = 48, kHeaderSum = 56;
  if (bytes.size() >= kHeader) {
    std::memcpy(bytes.data(), "ZYNTABL\n\1\0\0\0", 12);
    std::uint64_t sum = XXH64(bytes.data() + kHeader, bytes.size() - kHeader, 0);
    std::memcpy(bytes.data() + kBodySum, &sum, sizeof sum);
    sum = XXH64(bytes.data(), kHeaderSum, 0);
    std::memcpy(bytes.data() + kHeaderSum, &sum, sizeof sum);
  }
  static const TempFolder folder;
  const auto path = folder.path() / "table";
  if (!write_file(path, bytes)) return 0;
  if (const auto table = text::NearDuplicateTable::open(path)) {
    (void)table->find(short_text, {.similarity_min = 0.3}, 10);
    (void)table->find(long_text, {}, 10);
  }
  return 0;
}
