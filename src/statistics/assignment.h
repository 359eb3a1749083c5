#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

/// Who gets which variant, by hash. Defined on UTF-8 bytes; pure, thread-safe.
namespace zhiyin::statistics {

/// FNV-1a, 32 bits.
std::uint32_t fnv1a32(std::string_view bytes);

/// The numbers are stored: never change them.
enum class HashVersion : int { kOne = 1, kTwo = 2 };

/// In [0, 1): version 1 in steps of 1/1000, version 2 (unbiased between experiments) of 1/10000.
double assignment_hash(std::string_view seed, std::string_view value,
                       HashVersion version = HashVersion::kTwo);

/// Half-open: [begin, end).
struct HashRange {
  double begin = 0;
  double end = 0;
  [[nodiscard]] bool contains(double hash) const { return hash >= begin && hash < end; }
};

/// Whether `value` belongs to this range of a namespace (mutually exclusive experiments).
bool in_namespace(std::string_view value, std::string_view name, HashRange range);

/// One range per arm; `coverage` (cut to [0, 1]) keeps the first share of each arm's own range.
/// Weights that are not finite, negative or do not add up to 1 (within 0.01) become equal.
std::vector<HashRange> variant_ranges(std::span<const double> weights, double coverage = 1);

/// The arm whose range holds the hash; none when it is not covered.
std::optional<std::size_t> choose_variant(std::span<const HashRange> ranges, double hash);

/// True for the `share` of units that a campaign holds out (version 2, the campaign's id as seed).
bool is_held_out(std::string_view campaign, std::string_view unit, double share);

}  // namespace zhiyin::statistics
