#pragma once

#include <array>
#include <span>
#include <string_view>

#include "base/error.h"

/// Recency, frequency, monetary value: scores from 1 (worst) to 5. Pure, thread-safe.
namespace zhiyin::statistics {

struct RfmValues {
  double recency = 0;    ///< days since the last order
  double frequency = 0;  ///< orders
  double monetary = 0;   ///< spend in all
};
/// Four cut points each, ascending. Stored with the scores, so that a later run scores the same
/// customer the same: quintiles that move would move people who did nothing.
struct RfmCuts {
  std::array<double, 4> recency{};
  std::array<double, 4> frequency{};
  std::array<double, 4> monetary{};
};
/// Quintiles, linear between order statistics. kInvalidArgument without customers or for a value
/// that is not finite or negative. Ties make the five groups unequal.
Result<RfmCuts> rfm_cuts(std::span<const RfmValues> customers);
/// kInvalidArgument, naming the list, unless cuts are finite and do not fall.
Result<void> check_cuts(const RfmCuts& cuts);

struct RfmScore {
  int recency = 1;
  int frequency = 1;
  int monetary = 1;
  bool operator==(const RfmScore&) const = default;
};
/// A value equal to a cut falls into the bin above it (for recency, where small is good, the worse
/// one).
RfmScore rfm_score(const RfmValues& values, const RfmCuts& cuts);

/// The named segments, first match wins; the last one takes everybody else.
struct RfmSegment {
  std::string_view name;
  std::string_view zh;
  std::array<int, 2> recency;  ///< lowest and highest score
  std::array<int, 2> frequency;
  std::array<int, 2> monetary;
};
std::span<const RfmSegment> rfm_segments();
const RfmSegment& rfm_segment(const RfmScore& score);

}  // namespace zhiyin::statistics
