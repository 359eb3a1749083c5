#pragma once

#include <optional>

#include "base/time.h"

namespace zhiyin::statistics {

/// The numbers are stored: never change them.
enum class AlertState : int {
  kIdle = 0,       ///< nothing is going on
  kOpen = 1,       ///< somebody was told
  kEscalated = 2,  ///< told again, louder
  kQuiet = 3,      ///< still open, but the signal is below the lower threshold
};
enum class AlertEvent : int { kOpened = 1, kEscalated = 2, kClosed = 3 };

/// From a signal that flickers to alerts that do not: one event, one alert. Opens above one
/// threshold, closes below a lower one (hysteresis) and only after it has stayed there, and does
/// not open again while it cools down, unless the signal is strong enough to escalate. A pure value
/// but for `update`; not thread-safe.
class Alert {
 public:
  struct Settings {
    double open_at = 4;      ///< signal, for instance -log10 p
    double escalate_at = 8;  ///< above open_at
    double close_below = 2;  ///< below open_at
    int confirm = 1;         ///< values in a row at or above open_at before it opens
    Duration quiet_for = std::chrono::hours(1);  ///< below close_below before it closes
    Duration cool_down = std::chrono::hours(6);  ///< after closing
  };
  /// kInvalidArgument unless close_below < open_at < escalate_at, confirm >= 1, durations >= 0.
  static Result<Alert> create(const Settings& settings);

  /// What to tell somebody, mostly nothing. kInvalidArgument for a time before the last one or a
  /// signal that is NaN.
  Result<std::optional<AlertEvent>> update(Instant at, double signal);
  [[nodiscard]] AlertState state() const { return state_; }
  /// When the present alert opened; meaningless when idle.
  [[nodiscard]] Instant opened_at() const { return opened_at_; }

 private:
  explicit Alert(const Settings& settings) : settings_(settings) {}
  std::optional<AlertEvent> while_idle(Instant at, double signal);
  std::optional<AlertEvent> while_open(Instant at, double signal);

  Settings settings_;
  AlertState state_ = AlertState::kIdle;
  bool escalated_ = false;  ///< the present alert has been, also when quiet now
  int in_a_row_ = 0;
  Instant opened_at_;
  Instant quiet_since_;
  std::optional<Instant> closed_at_;
  std::optional<Instant> last_;
};

}  // namespace zhiyin::statistics
