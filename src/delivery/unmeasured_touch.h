#pragma once

#include <utility>

#include "delivery/touch.h"

namespace zhiyin::delivery {

/// A touch that is about to go out and whose outcome nobody knows until it has: a test, or a send
/// of its own, that no effect is measured by. `id` is its key, too. Whom it reaches is the
/// caller's.
inline Touch unmeasured_touch(TouchId id, CampaignId campaign, AccountId account,
                              ChannelKind channel, Instant now) {
  Touch touch;
  touch.id = std::move(id);
  touch.idempotency_key = touch.id.value;
  touch.campaign = std::move(campaign);
  touch.account = std::move(account);
  touch.channel = channel;
  touch.state = TouchState::kSending;
  touch.is_test = true;
  touch.is_uncertain = true;
  touch.decided_at = touch.due_at = now;
  touch.sent_at = now;
  touch.attempt = 1;
  return touch;
}

}  // namespace zhiyin::delivery
