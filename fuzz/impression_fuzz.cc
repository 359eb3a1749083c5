// Records of what was shown. The checksum is put right, or nothing would ever get past it.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/crypto.h"
#include "recommend/impression.h"

using namespace zhiyin;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  static_cast<void>(recommend::decode_impression(bytes));
  const std::uint64_t sum = crypto::xxh64(bytes);
  constexpr int kChecksumBits = 64;
  for (int i = 0; i < kChecksumBits; i += 8) bytes += static_cast<char>(sum >> i & 255);
  const auto read = recommend::decode_impression(bytes);
  // There is one way to write a record of the newest version.
  if (read && bytes[0] == 2 && bytes.size() <= storage::kRecordBytesMax)
    ZHIYIN_CHECK(recommend::encode_impression(*read) == bytes);
  return 0;
}
