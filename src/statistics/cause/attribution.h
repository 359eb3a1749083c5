#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/error.h"

/// Shares of conversions for the channels people came through. Attribution describes paths; it does
/// not measure effects: scale it to a total that an experiment measured. Pure, thread-safe.
namespace zhiyin::statistics {

/// The touches of one path in time order, as channel numbers, with their times (any unit; the end
/// is when the path converted or was looked at).
struct TouchPath {
  std::vector<std::uint32_t> channels;
  std::vector<double> times;  ///< ascending; empty where no rule needs them
  double end = 0;
  double conversions = 0;  ///< 0: did not convert; value of conversions otherwise
  double count = 1;        ///< how many people had this path
};

enum class AttributionRule { kLast, kFirst, kLinear, kPosition, kDecay, kShapley, kMarkov };

struct AttributionSettings {
  AttributionRule rule = AttributionRule::kLast;
  double ends_share = 0.4;  ///< position: of the first and of the last touch, up to 0.5
  double half_life = 7;     ///< decay: in the unit of the times
  /// The total that the channels' credits add up to: absent (NaN): all conversions.
  double total = 0;
  bool scale = false;  ///< whether `total` is used
};
inline constexpr std::uint32_t kShapleyChannelsMax = 20;
inline constexpr std::uint32_t kMarkovChannelsMax = 200;

/// Credit of each channel, 0 … channels - 1; >= 0, adding up to the total (all 0 without
/// conversions).
///
/// Shapley: the value of a set of channels is the conversions of paths that touch no other channel.
/// Markov: first-order chain from start over channels to conversion or loss; a channel's credit is
/// in proportion to the share of conversions lost when it is taken out (removal effect).
/// kInvalidArgument, naming the path, for channels out of range, empty paths, times that do not
/// ascend or are after the end, negative numbers; kLimitReached for Shapley or Markov over too many
/// channels.
Result<std::vector<double>> attribute(std::span<const TouchPath> paths, std::uint32_t channels,
                                      const AttributionSettings& settings);

}  // namespace zhiyin::statistics
