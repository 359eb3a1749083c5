#include "sandbox/reply_window.h"

#include <algorithm>

namespace zhiyin::sandbox {

void ReplyWindow::open(Trigger trigger, Instant at) {
  const bool message = trigger == Trigger::kMessage;
  const int granted = message ? 5 : trigger == Trigger::kEnterSession ? 2 : 3;
  const Instant end = at + (message ? Duration(std::chrono::hours(48)) : std::chrono::minutes(1));
  const bool still_open = at < until_;
  left_ = still_open ? std::max(left_, granted) : granted;
  until_ = still_open ? std::max(until_, end) : end;
}

ReplyWindow::Verdict ReplyWindow::take(Instant now) {
  if (now >= until_) return Verdict::kClosed;
  if (left_ == 0) return Verdict::kUsedUp;
  --left_;
  return Verdict::kOpen;
}

}  // namespace zhiyin::sandbox
