#include "statistics/assignment.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string>

#include "base/check.h"

namespace zhiyin::statistics {

namespace {

constexpr std::uint32_t kFnvBasis = 0x811c9dc5U;

/// FNV-1a goes byte by byte, so a text may come in pieces.
std::uint32_t fnv1a32_more(std::uint32_t hash, std::string_view bytes) {
  for (const char c : bytes) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x01000193U;
  }
  return hash;
}

}  // namespace

std::uint32_t fnv1a32(std::string_view bytes) { return fnv1a32_more(kFnvBasis, bytes); }

namespace {

/// The hash of the decimal text of `inner`, in steps of 1/10000.
double hash_of_text(std::uint32_t inner) {
  std::array<char, 10> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), inner).ptr;
  return fnv1a32({text.data(), end}) % 10000 / 10000.0;
}

/// A hash waits for itself byte by byte; several side by side keep the processor busy.
constexpr std::size_t kLanes = 4;
using Lanes = std::array<std::string_view, kLanes>;

std::array<std::uint32_t, kLanes> fnv1a32_lanes(std::uint32_t begun, const Lanes& texts) {
  std::array<std::uint32_t, kLanes> hash;
  hash.fill(begun);
  std::size_t common = texts[0].size();
  for (const std::string_view t : texts) common = std::min(common, t.size());
  for (std::size_t i = 0; i < common; ++i) {
    for (std::size_t k = 0; k < kLanes; ++k) {
      hash[k] = (hash[k] ^ static_cast<unsigned char>(texts[k][i])) * 0x01000193U;
    }
  }
  for (std::size_t k = 0; k < kLanes; ++k) {
    hash[k] = fnv1a32_more(hash[k], texts[k].substr(common));
  }
  return hash;
}

/// FNV-1a of the decimal digits of each: always ten steps, of which leading zeros leave the hash as
/// it is, so that nothing depends on how many digits there are.
std::array<std::uint32_t, kLanes> digit_hashes(const std::array<std::uint32_t, kLanes>& numbers) {
  constexpr std::size_t kDigits = 10;
  std::array<std::array<std::uint32_t, kLanes>, kDigits> digits;
  std::array<std::uint32_t, kLanes> rest = numbers;
  for (std::size_t d = kDigits; d-- > 0;) {
    for (std::size_t k = 0; k < kLanes; ++k) {
      digits[d][k] = rest[k] % 10;
      rest[k] /= 10;
    }
  }
  std::array<std::uint32_t, kLanes> hash;
  hash.fill(kFnvBasis);
  std::array<std::uint32_t, kLanes> seen{};  // whether a digit other than 0 has come
  for (std::size_t d = 0; d < kDigits; ++d) {
    for (std::size_t k = 0; k < kLanes; ++k) {
      seen[k] |= digits[d][k] | static_cast<std::uint32_t>(d + 1 == kDigits);
      const std::uint32_t next = (hash[k] ^ ('0' + digits[d][k])) * 0x01000193U;
      hash[k] = seen[k] != 0 ? next : hash[k];
    }
  }
  return hash;
}

}  // namespace

double assignment_hash(std::string_view seed, std::string_view value, HashVersion version) {
  if (version == HashVersion::kOne) {
    return fnv1a32_more(fnv1a32(value), seed) % 1000 / 1000.0;
  }
  return hash_of_text(fnv1a32_more(fnv1a32(seed), value));
}

void assignment_hashes(std::string_view seed, std::span<const std::string_view> values,
                       std::span<double> out, HashVersion version) {
  ZHIYIN_CHECK(values.size() == out.size());
  if (version == HashVersion::kOne) {
    for (std::size_t i = 0; i < values.size(); ++i)
      out[i] = assignment_hash(seed, values[i], version);
    return;
  }
  const std::uint32_t begun = fnv1a32(seed);  // the same for all
  std::size_t i = 0;
  for (; i + kLanes <= values.size(); i += kLanes) {
    Lanes texts;
    std::ranges::copy(values.subspan(i, kLanes), texts.begin());
    const auto outer = digit_hashes(fnv1a32_lanes(begun, texts));
    for (std::size_t k = 0; k < kLanes; ++k) out[i + k] = outer[k] % 10000 / 10000.0;
  }
  for (; i < values.size(); ++i) out[i] = hash_of_text(fnv1a32_more(begun, values[i]));
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

HoldoutLevel holdout_level(const Holdouts& holdouts, std::string_view unit) {
  const auto held = [&](std::string_view level, std::string_view name, double share) {
    return share > 0 && is_held_out(std::string(level).append(name), unit, share);
  };
  if (held("__organisation:", holdouts.organisation, holdouts.organisation_share)) {
    return HoldoutLevel::kOrganisation;
  }
  if (held("__programme:", holdouts.programme, holdouts.programme_share)) {
    return HoldoutLevel::kProgramme;
  }
  if (is_held_out(holdouts.campaign, unit, holdouts.campaign_share)) {
    return HoldoutLevel::kCampaign;
  }
  return HoldoutLevel::kNone;
}

StickyChoice sticky_variant(const std::optional<StickyBucket>& stored, int version_min,
                            std::span<const HashRange> ranges, double hash) {
  if (stored) {
    if (stored->version < version_min) return {StickyOutcome::kBlocked, {}};
    if (stored->variant < ranges.size()) return {StickyOutcome::kKept, stored->variant};
  }
  const std::optional<std::size_t> variant = choose_variant(ranges, hash);
  if (!variant) return {StickyOutcome::kNotCovered, {}};
  return {StickyOutcome::kNew, variant};
}

}  // namespace zhiyin::statistics
