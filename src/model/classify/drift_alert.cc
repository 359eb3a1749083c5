#include "model/classify/drift_alert.h"

#include <algorithm>
#include <array>
#include <chrono>

namespace zhiyin::model {
namespace {

using statistics::Alert;
using statistics::AlertState;

/// Signals are indexes in units of `above`.
constexpr double kEscalateAt = 2;
constexpr double kCloseBelow = kShiftingAbove / kShiftedAbove;
constexpr auto kQuietFor = std::chrono::hours(24);

/// The index farthest above what it may be; one that chance alone may give counts as 0.
std::pair<double, DriftIndex> strongest(const DriftReference& reference,
                                        const DriftCounts& counts) {
  std::pair<double, DriftIndex> out{-1, {}};
  for (const DriftIndex& one : drift_indexes(reference, counts)) {
    const double psi = one.verdict == DriftVerdict::kFew ? 0 : one.psi;
    if (psi > out.first) out = {psi, one};
  }
  return out;
}

}  // namespace

Result<DriftAlert> drift_alert(const DriftReference& reference, std::span<const DriftDay> days,
                               const DriftAlertRule& rule) {
  DriftAlert out;
  if (rule.above <= 0 || reference.rows == 0) return out;
  ZHIYIN_TRY(Alert alert, Alert::create({.open_at = 1,
                                         .escalate_at = kEscalateAt,
                                         .close_below = kCloseBelow,
                                         .confirm = rule.days,
                                         .quiet_for = kQuietFor,
                                         .cool_down = Duration(0)}));
  for (const DriftDay& one : days) {
    if (one.counts.rows < std::max<std::int64_t>(rule.texts_min, 1)) continue;
    const auto [psi, index] = strongest(reference, one.counts);
    const auto event = alert.update(Instant{one.day * kDay.count()}, psi / rule.above);
    if (!event) return std::unexpected(event.error());
    if (*event == statistics::AlertEvent::kOpened) out.since = one.day;
    if (*event == statistics::AlertEvent::kClosed) out.since.reset();
    out.state = alert.state();
    out.day = one.day;
    out.index = index.name;
    out.psi = index.psi;
    ++out.days;
  }
  return out;
}

std::string_view to_string(AlertState state) {
  constexpr std::array<std::string_view, 4> kNames = {"idle", "open", "escalated", "quiet"};
  return kNames[static_cast<std::size_t>(state)];
}

}  // namespace zhiyin::model
