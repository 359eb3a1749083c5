#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

namespace zhiyin::ingest::detail {

/// Bytes of a file, unpacked and turned into UTF-8 on the way. Not thread-safe.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// Up to `n` bytes into `to`; 0 at the end. kDataLoss when the file is damaged or cut short.
  virtual Result<std::size_t> read(char* to, std::size_t n) = 0;
  /// Bytes of the file itself that were used so far.
  [[nodiscard]] virtual std::int64_t bytes_done() const = 0;
};

enum class Packing { kNone, kGzip, kZstd };

/// Opens `path`, unpacking it. `encoding` as in TableFormat; anything that iconv does not know
/// fails with kUnsupported.
Result<std::unique_ptr<ByteSource>> open_bytes(const std::filesystem::path& path, Packing packing,
                                               std::string_view encoding);

/// Unpacks a file to its end: kDataLoss when its bytes are damaged, which often shows at the end
/// only. Cut short is no damage: what came before is right. `go_on` is asked now and then; false
/// ends it without a verdict.
Result<void> check_packed(const std::filesystem::path& path, Packing packing,
                          const std::function<bool()>& go_on);

}  // namespace zhiyin::ingest::detail
