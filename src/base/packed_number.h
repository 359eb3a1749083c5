#pragma once

#include <cstdint>
#include <string>

namespace zhiyin {

/// Whole numbers of seven bits a byte, the lowest first, small ones short: for bytes that this
/// process packed itself and keeps in memory (nothing here looks for their end).
inline constexpr unsigned kPackedBits = 7;
inline constexpr unsigned kPackedMore = 128;  ///< set in every byte but the last

inline void put_packed(std::string& out, std::uint64_t value) {
  for (; value >= kPackedMore; value >>= kPackedBits)
    out += static_cast<char>(value % kPackedMore + kPackedMore);
  out += static_cast<char>(value);
}

/// Moves `at` behind the number.
inline std::uint64_t take_packed(const char*& at) {
  std::uint64_t value = 0;
  for (unsigned shift = 0;; shift += kPackedBits) {
    const auto byte = static_cast<unsigned char>(*at++);
    value |= std::uint64_t{byte % kPackedMore} << shift;
    if (byte < kPackedMore) return value;
  }
}

}  // namespace zhiyin
