#pragma once

#include <string_view>

#include "delivery/touch.h"
#include "wechat/platform_api.h"

/// Touches outside campaigns.
namespace zhiyin::delivery::detail {

inline constexpr std::string_view kDirectCampaign = "direct";  // campaigns have ids of another form

/// One that is about to go out and whose outcome nobody knows until it has; a test, not measured.
/// `id` is its key, too.
inline Touch direct_touch(TouchId id, const AccountId& account, ChannelKind channel, Instant now) {
  Touch touch;
  touch.id = std::move(id);
  touch.idempotency_key = touch.id.value;
  touch.campaign = CampaignId(std::string(kDirectCampaign));
  touch.account = account;
  touch.channel = channel;
  touch.state = TouchState::kSending;
  touch.is_test = true;
  touch.is_uncertain = true;
  touch.decided_at = touch.due_at = now;
  touch.sent_at = now;
  touch.attempt = 1;
  return touch;
}

inline TouchState state_of(const wechat::Outcome<wechat::ApiAnswer>& answer) {
  if (answer) return TouchState::kSent;
  return answer.error().outcome_unknown() ? TouchState::kUnknown : TouchState::kFailed;
}

}  // namespace zhiyin::delivery::detail
