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
constexpr std::uint32_t kFnvPrime = 0x01000193U;

/// FNV-1a goes byte by byte, so a text may come in pieces.
std::uint32_t fnv1a32_more(std::uint32_t hash, std::string_view bytes) {
  for (const char c : bytes) {
    hash ^= static_cast<unsigned char>(c);
    hash *= kFnvPrime;
  }
  return hash;
}

}  // namespace

std::uint32_t fnv1a32(std::string_view bytes) { return fnv1a32_more(kFnvBasis, bytes); }

namespace {

/// What hashing a decimal text needs: numbers below 2^32 are `head`, their millions, and two groups
/// of three digits.
struct DecimalTables {
  static constexpr std::uint32_t kMillion = 1000000;
  std::array<std::uint32_t, (0xffffffffU / kMillion) + 1> head{};  ///< hash of the text
  std::array<std::uint32_t, 1000> digits{};  ///< text: first in the lowest byte
};

constexpr DecimalTables make_decimal_tables() {
  DecimalTables out;
  for (std::uint32_t n = 0; n < out.head.size(); ++n) {
    std::uint32_t hash = kFnvBasis;
    for (std::uint32_t unit = n >= 1000  ? 1000
                              : n >= 100 ? 100
                              : n >= 10  ? 10
                                         : 1;
         unit > 0; unit /= 10) {
      hash = (hash ^ ('0' + n / unit % 10)) * kFnvPrime;
    }
    out.head[n] = hash;
  }
  for (std::uint32_t n = 0; n < out.digits.size(); ++n) {
    out.digits[n] = ('0' + n / 100) | ('0' + n / 10 % 10) << 8 | ('0' + n % 10) << 16;
  }
  return out;
}

constexpr DecimalTables kDecimal = make_decimal_tables();

std::uint32_t fnv1a32_three(std::uint32_t hash, std::uint32_t text) {
  hash = (hash ^ (text & 0xff)) * kFnvPrime;
  hash = (hash ^ (text >> 8 & 0xff)) * kFnvPrime;
  return (hash ^ text >> 16) * kFnvPrime;
}

/// FNV-1a of the decimal text of `number`.
std::uint32_t fnv1a32_decimal(std::uint32_t number) {
  if (number < DecimalTables::kMillion) {
    std::array<char, 10> text;
    const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
    return fnv1a32({text.data(), end});
  }
  const std::uint32_t rest = number % DecimalTables::kMillion;
  const std::uint32_t hash =
      fnv1a32_three(kDecimal.head[number / DecimalTables::kMillion], kDecimal.digits[rest / 1000]);
  return fnv1a32_three(hash, kDecimal.digits[rest % 1000]);
}

double hash_two(std::uint32_t inner) { return fnv1a32_decimal(inner) % 10000 / 10000.0; }

/// A hash waits for itself byte by byte; four side by side keep the processor busy. Named one by
/// one, so that they stay in registers.
struct Four {
  std::uint32_t a, b, c, d;
};
constexpr std::size_t kFour = 4;

std::uint32_t fnv1a32_byte(std::uint32_t hash, char c) {
  return (hash ^ static_cast<unsigned char>(c)) * kFnvPrime;
}

/// Goes on with the bytes of texts[0] to texts[3].
Four fnv1a32_four(Four h, const std::string_view* texts) {
  const std::size_t common =
      std::min({texts[0].size(), texts[1].size(), texts[2].size(), texts[3].size()});
  const char* const a = texts[0].data();
  const char* const b = texts[1].data();
  const char* const c = texts[2].data();
  const char* const d = texts[3].data();
  for (std::size_t i = 0; i < common; ++i) {
    h.a = fnv1a32_byte(h.a, a[i]);
    h.b = fnv1a32_byte(h.b, b[i]);
    h.c = fnv1a32_byte(h.c, c[i]);
    h.d = fnv1a32_byte(h.d, d[i]);
  }
  return {fnv1a32_more(h.a, texts[0].substr(common)), fnv1a32_more(h.b, texts[1].substr(common)),
          fnv1a32_more(h.c, texts[2].substr(common)), fnv1a32_more(h.d, texts[3].substr(common))};
}

double hash_one(std::uint32_t hash) { return hash % 1000 / 1000.0; }

}  // namespace

double assignment_hash(std::string_view seed, std::string_view value, HashVersion version) {
  if (version == HashVersion::kOne) {
    return hash_one(fnv1a32_more(fnv1a32(value), seed));
  }
  return hash_two(fnv1a32_more(fnv1a32(seed), value));
}

void assignment_hashes(std::string_view seed, std::span<const std::string_view> values,
                       std::span<double> out, HashVersion version) {
  ZHIYIN_CHECK(values.size() == out.size());
  std::size_t i = 0;
  if (version == HashVersion::kOne) {
    const std::array<std::string_view, kFour> seeds{seed, seed, seed, seed};
    for (; i + kFour <= values.size(); i += kFour) {
      const Four begun = fnv1a32_four({kFnvBasis, kFnvBasis, kFnvBasis, kFnvBasis}, &values[i]);
      const Four h = fnv1a32_four(begun, seeds.data());
      out[i] = hash_one(h.a);
      out[i + 1] = hash_one(h.b);
      out[i + 2] = hash_one(h.c);
      out[i + 3] = hash_one(h.d);
    }
  } else {
    const std::uint32_t begun = fnv1a32(seed);  // the same for all
    for (; i + kFour <= values.size(); i += kFour) {
      const Four h = fnv1a32_four({begun, begun, begun, begun}, &values[i]);
      out[i] = hash_two(h.a);
      out[i + 1] = hash_two(h.b);
      out[i + 2] = hash_two(h.c);
      out[i + 3] = hash_two(h.d);
    }
  }
  for (; i < values.size(); ++i) out[i] = assignment_hash(seed, values[i], version);
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

std::string holdout_seed(const Holdouts& holdouts, HoldoutLevel level) {
  if (level == HoldoutLevel::kOrganisation) {
    return std::string("__organisation:").append(holdouts.organisation);
  }
  if (level == HoldoutLevel::kProgramme) {
    return std::string("__programme:").append(holdouts.programme);
  }
  return std::string(holdouts.campaign);
}

HoldoutLevel holdout_level(const Holdouts& holdouts, std::string_view unit) {
  const std::pair<HoldoutLevel, double> levels[] = {
      {HoldoutLevel::kOrganisation, holdouts.organisation_share},
      {HoldoutLevel::kProgramme, holdouts.programme_share},
      {HoldoutLevel::kCampaign, holdouts.campaign_share}};
  for (const auto& [level, share] : levels) {
    if (share > 0 && is_held_out(holdout_seed(holdouts, level), unit, share)) return level;
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
