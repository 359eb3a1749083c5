#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
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

/// Of many values at once, which is faster: `out[i]` belongs to `values[i]`. Requires equal
/// lengths.
void assignment_hashes(std::string_view seed, std::span<const std::string_view> values,
                       std::span<double> out, HashVersion version = HashVersion::kTwo);

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

/// Three levels at which people are kept out, from the widest: of everything an organisation sends,
/// of one programme (a group of campaigns), of one campaign.
enum class HoldoutLevel : int { kNone = 0, kOrganisation = 1, kProgramme = 2, kCampaign = 3 };
/// Shares in [0, 1]; those of a lower level are of the people that the levels above left.
struct Holdouts {
  std::string_view organisation;  ///< names (ids), which seed the hashes
  std::string_view programme;
  std::string_view campaign;
  double organisation_share = 0;
  double programme_share = 0;
  double campaign_share = 0;
};
/// What seeds a level's hash (version 2). The campaign's is its id alone, as in `is_held_out`: who
/// is held out is stored and stays. An experiment of version 2 with the same seed would not be
/// independent of the holdout: the first arm would lose the people held out. Requires a level other
/// than kNone.
std::string holdout_seed(const Holdouts& holdouts, HoldoutLevel level);
/// The one level that keeps `unit` out, or none: a unit is never in two, so nobody is counted twice
/// and nobody held out above takes part below. The levels' hashes have seeds of their own and are
/// independent (unless a campaign is named like another level's seed); a share that grows keeps
/// those who were held out before.
HoldoutLevel holdout_level(const Holdouts& holdouts, std::string_view unit);

/// An assignment that was stored at first exposure.
struct StickyBucket {
  std::size_t variant = 0;
  int version = 0;  ///< of the experiment's buckets when it was stored
};
enum class StickyOutcome { kKept, kNew, kBlocked, kNotCovered };
struct StickyChoice {
  StickyOutcome outcome = StickyOutcome::kNotCovered;
  std::optional<std::size_t> variant;  ///< of kKept and kNew
};
/// Who has a bucket keeps its variant whatever weights and coverage have become. A bucket older
/// than `version_min` takes its unit out of the experiment (kBlocked); one of a variant that no
/// longer exists counts as none.
StickyChoice sticky_variant(const std::optional<StickyBucket>& stored, int version_min,
                            std::span<const HashRange> ranges, double hash);

}  // namespace zhiyin::statistics
