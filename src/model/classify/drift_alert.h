#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "model/classify/drift.h"
#include "statistics/change/alert.h"

namespace zhiyin::model {

/// When somebody is told that a model reads or answers other than it was trained to.
struct DriftAlertRule {
  double above = kShiftedAbove;  ///< of any index; 0: never
  std::int64_t texts_min = 200;  ///< a day of fewer says nothing
  int days = 2;                  ///< that say something, one after another, all above it
};

/// The counts of one day. Days are whole numbers, in any zone.
struct DriftDay {
  std::int64_t day = 0;
  DriftCounts counts;
};

struct DriftAlert {
  statistics::AlertState state = statistics::AlertState::kIdle;
  std::optional<std::int64_t> since;  ///< the day on which it opened, unless idle
  std::int64_t days = 0;              ///< that said something
  /// Of the last day that said something: the index farthest above what it may be.
  std::optional<std::int64_t> day;
  std::string_view index;
  double psi = 0;

  [[nodiscard]] bool open() const { return state != statistics::AlertState::kIdle; }
};

/// What the days of a model, ascending, come to: opens after `rule.days` days in a row with an
/// index above `rule.above` that is also above twice what chance gives so few texts; escalates
/// above twice that; closes after two days in a row on which all are below 0.4 of it. The same days
/// always give the same alert: nothing is kept. kInvalidArgument for days that do not ascend.
/// Requires counts of this reference.
Result<DriftAlert> drift_alert(const DriftReference& reference, std::span<const DriftDay> days,
                               const DriftAlertRule& rule);

/// idle, open, escalated or quiet (open still, and below the lower border).
std::string_view to_string(statistics::AlertState state);

}  // namespace zhiyin::model
