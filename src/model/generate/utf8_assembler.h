#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace zhiyin::model {

/// Makes whole characters of bytes that come in odd pieces. What is no UTF-8 becomes U+FFFD, one
/// per byte, and is counted. Not thread-safe.
class Utf8Assembler {
 public:
  /// The characters that are complete now.
  std::string feed(std::string_view bytes);
  /// At the end: bytes of a character that was cut off are dropped. True when there were some.
  bool finish();
  /// Bytes that were replaced so far.
  [[nodiscard]] std::size_t bad_bytes() const { return bad_bytes_; }

 private:
  std::string held_;  // the beginning of a character: at most 3 bytes
  std::size_t bad_bytes_ = 0;
};

}  // namespace zhiyin::model
