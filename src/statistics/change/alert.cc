#include "statistics/change/alert.h"

#include <cmath>

namespace zhiyin::statistics {

Result<Alert> Alert::create(const Settings& s) {
  if (!(s.close_below < s.open_at)) {
    return fail_field("close_below", "is {}, not below open_at {}", s.close_below, s.open_at);
  }
  if (!(s.open_at < s.escalate_at)) {
    return fail_field("escalate_at", "is {}, not above open_at {}", s.escalate_at, s.open_at);
  }
  if (s.confirm < 1) return fail_field("confirm", "is {}, below 1", s.confirm);
  if (s.quiet_for.count() < 0) return fail_field("quiet_for", "is negative");
  if (s.cool_down.count() < 0) return fail_field("cool_down", "is negative");
  return Alert(s);
}

Result<std::optional<AlertEvent>> Alert::update(Instant at, double signal) {
  if (std::isnan(signal)) return fail_field("signal", "is not a number");
  if (last_ && at < *last_) {
    return fail_field("at", "is {} after {}: out of order", format_utc(at), format_utc(*last_));
  }
  last_ = at;
  return state_ == AlertState::kIdle ? while_idle(at, signal) : while_open(at, signal);
}

std::optional<AlertEvent> Alert::while_idle(Instant at, double signal) {
  in_a_row_ = signal >= settings_.open_at ? in_a_row_ + 1 : 0;
  if (in_a_row_ < settings_.confirm) return std::nullopt;
  const bool strong = signal >= settings_.escalate_at;
  const bool cooling = closed_at_ && at - *closed_at_ < settings_.cool_down;
  if (cooling && !strong) return std::nullopt;
  state_ = AlertState::kOpen;
  escalated_ = false;
  opened_at_ = at;
  in_a_row_ = 0;
  return AlertEvent::kOpened;
}

std::optional<AlertEvent> Alert::while_open(Instant at, double signal) {
  if (signal >= settings_.escalate_at && !escalated_) {
    escalated_ = true;
    state_ = AlertState::kEscalated;
    return AlertEvent::kEscalated;
  }
  if (signal >= settings_.close_below) {
    state_ = escalated_ ? AlertState::kEscalated : AlertState::kOpen;
    return std::nullopt;
  }
  if (state_ != AlertState::kQuiet) {
    state_ = AlertState::kQuiet;
    quiet_since_ = at;
  }
  if (at - quiet_since_ < settings_.quiet_for) return std::nullopt;
  state_ = AlertState::kIdle;
  closed_at_ = at;
  return AlertEvent::kClosed;
}

}  // namespace zhiyin::statistics
