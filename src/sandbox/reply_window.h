#pragma once

#include "base/time.h"

namespace zhiyin::sandbox {

/// What a person did that lets the account write to them.
enum class Trigger { kMessage, kMenuTap, kFollow, kScan, kEnterSession };

/// How many customer-service messages a person may still get, and until when: 5 in 48 hours after a
/// message, 3 in a minute after a menu tap, a follow or a scan, 2 in a minute after a
/// mini-program's conversation was opened. A new trigger does not add: of what is left and what it
/// grants, the larger counts. A pure value.
class ReplyWindow {
 public:
  enum class Verdict { kOpen, kClosed, kUsedUp };

  ReplyWindow() = default;
  /// As it was before, by `left_at_all` and `until`.
  ReplyWindow(int left, Instant until) : left_(left), until_(until) {}

  void open(Trigger trigger, Instant at);
  /// kOpen takes one message off.
  Verdict take(Instant now);
  [[nodiscard]] int left_at_all() const { return left_; }
  [[nodiscard]] Instant until() const { return until_; }
  [[nodiscard]] int left(Instant now) const { return now < until_ ? left_ : 0; }

 private:
  int left_ = 0;
  Instant until_;
};

}  // namespace zhiyin::sandbox
