#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "text/detail/shingles.h"
#include "text/near_duplicate.h"

/// How signatures are cut into the keys that they are looked up by.
namespace zhiyin::text::detail {

inline constexpr std::size_t kBands = 8, kBandRows = kMinHashSlots / kBands;
inline constexpr std::size_t kFingerprintTables = 4;

inline std::uint64_t band_key(const MinHash& signature, std::size_t band) {
  std::uint64_t key = band + 1;
  for (std::size_t row = 0; row < kBandRows; ++row)
    key = key << 16 | signature.slots[band * kBandRows + row];
  return mixed(key);
}

/// 16 bits of a fingerprint.
inline std::uint16_t fingerprint_part(std::uint64_t fingerprint, std::size_t number) {
  return static_cast<std::uint16_t>(fingerprint >> (16 * (number % kFingerprintTables)));
}

/// Each text once, with the better similarity where two ways found it; the most similar first.
void best_first(std::vector<NearDuplicate>& found, std::size_t most);
/// Options within their ranges.
NearDuplicateOptions within_range(NearDuplicateOptions options);

}  // namespace zhiyin::text::detail
