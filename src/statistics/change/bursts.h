#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/error.h"

/// Bursts in streams (Kleinberg 2002), by exact dynamic programming. Pure, thread-safe.
namespace zhiyin::statistics {

struct Burst {
  int level = 1;      ///< 1 and up; bursts of higher levels lie within those of lower ones
  double begin = 0;   ///< time of the first event, or index of the first batch
  double end = 0;     ///< of the last
  double weight = 0;  ///< what the burst saves against the level below; larger: stronger
};
struct BurstSettings {
  double base = 2;   ///< s: how much faster each level is; above 1
  double gamma = 1;  ///< cost of a level up, times ln n; above 0
};
/// Of event times. The number of levels is ceil(1 + log_s T + log_s(1/smallest gap)), at most
/// kBurstLevelsMax. Ordered by begin, then level. kInvalidArgument with fewer than three times (one
/// gap has nothing to be shorter than), times that do not ascend strictly, or settings out of
/// range.
inline constexpr std::size_t kBurstLevelsMax = 60;
Result<std::vector<Burst>> find_bursts(std::span<const double> times,
                                       const BurstSettings& settings);

/// Of batches (days): `relevant[i]` of `all[i]` documents are about the matter. Two levels.
/// kInvalidArgument, naming the batch, unless 0 <= relevant <= all; also when nothing is relevant,
/// and with fewer than two batches.
Result<std::vector<Burst>> find_batch_bursts(std::span<const double> relevant,
                                             std::span<const double> all,
                                             const BurstSettings& settings);

}  // namespace zhiyin::statistics
