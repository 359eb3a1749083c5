#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "recommend/recommender.h"
#include "statistics/interval.h"

namespace zhiyin::recommend {

/// Whether an item may be added to what is listed.
using Fits = std::function<bool(const RecommendedItem&, std::span<const RecommendedItem> listed)>;

/// One list out of two (team-draft interleaving; Radlinski, Kurup, Joachims, CIKM 2008): in each
/// round a coin decides which team chooses first, and each adds its best item that is not there
/// yet, and that `fits` (empty: all do) what is listed, for rules of a whole list: once refused it
/// comes no more. At most `n` items, with `team` 1 or 2, and `propensity` the probability of the
/// item for its place given those before it: 1/2 where the coin decided between two, else what it
/// was. The same seed gives the same list. Pure.
std::vector<RecommendedItem> interleave(std::span<const RecommendedItem> in_use,
                                        std::span<const RecommendedItem> rival, std::size_t n,
                                        std::uint64_t seed, const Fits& fits = {});

/// What one person's interleaved lists brought to each team: sums of the owner's weights.
struct TeamCredit {
  double in_use = 0;
  double rival = 0;
};

struct InterleavingResult {
  std::size_t people = 0;
  std::size_t for_rival = 0;   ///< people whose responses brought the rival more
  std::size_t for_in_use = 0;  ///< … and the versions in use
  double difference = 0;       ///< mean over people of rival - in use
  double se = 0;
  statistics::Interval interval;  ///< 95 %, Student's t, one value a person
  double p = 1;                   ///< two-sided
};

/// kUnsupported, with the figures, for fewer than two people, or when nothing differs.
Result<InterleavingResult> compare_teams(std::span<const TeamCredit> people);

}  // namespace zhiyin::recommend
