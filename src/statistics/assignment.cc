#include "statistics/assignment.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace zhiyin::statistics {

std::uint32_t fnv1a32(std::string_view bytes) {
  std::uint32_t hash = 0x811c9dc5U;
  for (const char c : bytes) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x01000193U;
  }
  return hash;
}

double assignment_hash(std::string_view seed, std::string_view value, HashVersion version) {
  if (version == HashVersion::kOne) {
    return fnv1a32(std::string(value).append(seed)) % 1000 / 1000.0;
  }
  const std::uint32_t inner = fnv1a32(std::string(seed).append(value));
  return fnv1a32(std::to_string(inner)) % 10000 / 10000.0;
}

bool in_namespace(std::string_view value, std::string_view name, HashRange range) {
  return range.contains(assignment_hash("__" + std::string(name), value, HashVersion::kOne));
}

std::vector<HashRange> variant_ranges(std::span<const double> weights, double coverage) {
  const double share = std::isnan(coverage) ? 1 : std::clamp(coverage, 0.0, 1.0);
  double sum = 0;
  bool usable = true;
  for (const double w : weights) {
    usable = usable && std::isfinite(w) && w >= 0;
    sum += w;
  }
  usable = usable && sum >= 0.99 && sum <= 1.01;
  std::vector<HashRange> out;
  double begin = 0;
  for (const double w : weights) {
    const double width = usable ? w : 1.0 / static_cast<double>(weights.size());
    out.push_back({begin, begin + share * width});
    begin += width;
  }
  return out;
}

std::optional<std::size_t> choose_variant(std::span<const HashRange> ranges, double hash) {
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    if (ranges[i].contains(hash)) return i;
  }
  return std::nullopt;
}

bool is_held_out(std::string_view campaign, std::string_view unit, double share) {
  return assignment_hash(campaign, unit, HashVersion::kTwo) < share;
}

}  // namespace zhiyin::statistics
