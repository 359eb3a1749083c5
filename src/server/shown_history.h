#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "recommend/ranker_training.h"
#include "server/services.h"

namespace zhiyin::server {

/// What was shown and what followed, read for training and for judging policies.
struct ShownHistory {
  std::vector<recommend::ShownList> lists;  ///< to people of today, the newest lists_max
  std::vector<recommend::FeedbackRow> feedback;
  std::unordered_map<std::string, std::uint32_t> people;  ///< the numbers of those of the lists
  std::size_t without_person =
      0;                       ///< lists for nameless sessions, everybody, and people who are gone
  std::size_t unreadable = 0;  ///< records of the stream
  std::size_t left_out = 0;    ///< lists beyond lists_max, the oldest
  /// Of the stream: in each partition before the first list shown after `unfinished_after`.
  storage::Positions resume{};
};

struct HistoryRange {
  Instant after;  ///< lists shown later than this …
  Instant as_of;  ///< … up to this, and responses up to this
  std::size_t lists_max = 500'000;
  bool explored_only = false;  ///< only lists with a place left to chance
  std::string ab = {};         ///< only lists of the A/B test of this version; empty: all
  Duration did_before{0};      ///< responses from so long before the first list on
  storage::Positions from{};   ///< of the stream: what lies before is not read
  Instant unfinished_after{std::numeric_limits<std::int64_t>::max()};  ///< see ShownHistory::resume
};

/// Reads the impressions stream to its end, and the warehouse's events. About 1.5 KB for a list of
/// ten. kDeadline when `go_on` says false.
Result<ShownHistory> read_shown_history(Services& services, const HistoryRange& range,
                                        const std::function<bool(std::string)>& go_on);

}  // namespace zhiyin::server
