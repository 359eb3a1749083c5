#include "delivery/answer_window.h"

#include <algorithm>

#include "base/check.h"

namespace zhiyin::delivery {

AnswerWindow::AnswerWindow(const AnswerTiming& timing, const AnswerRights& rights)
    : timing_(timing), rights_(rights) {}

void AnswerWindow::decide(AnswerDecision decision, Instant now) {
  ZHIYIN_CHECK(decision_ == AnswerDecision::kOpen);
  decision_ = decision;
  decided_at_ = now;
}

void AnswerWindow::release_all(Steps& steps, Give give) {
  for (const Parked& parked : parked_) steps.push_back({parked.callback, give});
  parked_.clear();
}

AnswerWindow::Steps AnswerWindow::arrive(int callback, Instant now) {
  ++arrivals_;
  switch (decision_) {
    case AnswerDecision::kPassive:  // what we gave was lost on its way
      return {{callback, Give::kAnswer}};
    case AnswerDecision::kNotice:
      return {{callback, Give::kNotice}};
    case AnswerDecision::kPush:
    case AnswerDecision::kAbandoned:
    case AnswerDecision::kFetched:
      return {{callback, Give::kAcknowledge}};
    case AnswerDecision::kOpen:
      break;
  }
  if (!rights_.passive) {
    decide(rights_.push ? AnswerDecision::kPush : AnswerDecision::kAbandoned, now);
    return {{callback, Give::kAcknowledge}};
  }
  if (has_answer_) {
    decide(AnswerDecision::kPassive, now);
    Steps steps = {{callback, Give::kAnswer}};
    release_all(steps, Give::kAcknowledge);
    return steps;
  }
  parked_.push_back({callback, arrivals_, now + timing_.wait - timing_.margin, now + timing_.wait,
                     arrivals_ >= timing_.attempts});
  return {};
}

AnswerWindow::Steps AnswerWindow::answer(Instant now) {
  ZHIYIN_CHECK(!has_answer_);
  has_answer_ = true;
  if (decision_ != AnswerDecision::kOpen) return {};
  // Of several the one that came last: the platform has given the earlier ones up.
  const bool is_here = !parked_.empty() && parked_.back().number == arrivals_;
  if (!is_here || !is_free(parked_.back(), now)) return tick(now);
  decide(AnswerDecision::kPassive, now);
  Steps steps = {{parked_.back().callback, Give::kAnswer}};
  parked_.pop_back();
  release_all(steps, Give::kAcknowledge);
  return steps;
}

void AnswerWindow::elsewhere(int arrivals, Instant now) {
  if (arrivals <= arrivals_) return;
  arrivals_ = arrivals;
  last_close_ = std::max(last_close_.value_or(now), now + timing_.wait);
}

AnswerWindow::Steps AnswerWindow::overrule(AnswerDecision decision, Instant now) {
  decide(decision, now);
  Steps steps;
  release_all(steps, Give::kAcknowledge);
  return steps;
}

/// How long after the last close it is clear that the platform does not come again.
Duration AnswerWindow::last_patience() const {
  return arrivals_ >= timing_.attempts ? Duration{0} : timing_.patience;
}

AnswerWindow::Steps AnswerWindow::tick(Instant now) {
  Steps steps;
  if (decision_ != AnswerDecision::kOpen) return steps;
  const auto past = [&](const Parked& p) { return !is_free(p, now); };
  if (rights_.push && std::ranges::any_of(parked_, past)) {
    decide(AnswerDecision::kPush, now);
    release_all(steps, Give::kAcknowledge);
    return steps;
  }
  const auto last = std::ranges::find_if(parked_, [&](const Parked& p) {
    return p.is_last && past(p) && now < p.closes_at;  // else nobody would hear it
  });
  if (last != parked_.end()) {
    decide(AnswerDecision::kNotice, now);
    steps.push_back({last->callback, Give::kNotice});
    parked_.erase(last);
    release_all(steps, Give::kAcknowledge);
    return steps;
  }
  for (auto at = parked_.begin(); at != parked_.end();) {
    if (now < at->closes_at) {
      ++at;
      continue;
    }
    last_close_ = std::max(last_close_.value_or(at->closes_at), at->closes_at);
    steps.push_back({at->callback, Give::kNothing});
    at = parked_.erase(at);
  }
  if (!parked_.empty() || !last_close_) return steps;
  if (now >= *last_close_ + last_patience()) decide(AnswerDecision::kAbandoned, now);
  return steps;
}

std::optional<Instant> AnswerWindow::due() const {
  if (decision_ != AnswerDecision::kOpen) return std::nullopt;
  std::optional<Instant> due;
  const auto at_most = [&](Instant at) { due = due ? std::min(*due, at) : at; };
  for (const Parked& parked : parked_) {
    at_most(rights_.push || parked.is_last ? parked.free_until : parked.closes_at);
  }
  if (parked_.empty() && last_close_) at_most(*last_close_ + last_patience());
  return due;
}

void AnswerWindow::fetched(Instant now) {
  ZHIYIN_CHECK(decision_ == AnswerDecision::kNotice || decision_ == AnswerDecision::kAbandoned);
  decision_ = AnswerDecision::kFetched;
  decided_at_ = now;
}

bool AnswerWindow::take_push() {
  if (decision_ != AnswerDecision::kPush || !has_answer_ || push_taken_) return false;
  push_taken_ = true;
  return true;
}

}  // namespace zhiyin::delivery
