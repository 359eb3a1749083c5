#pragma once

#include <string_view>

#include "delivery/unmeasured_touch.h"
#include "wechat/platform_api.h"

/// Touches outside campaigns.
namespace zhiyin::delivery::detail {

inline constexpr std::string_view kDirectCampaign = "direct";  // campaigns have ids of another form

inline Touch direct_touch(TouchId id, const AccountId& account, ChannelKind channel, Instant now) {
  return unmeasured_touch(std::move(id), CampaignId(std::string(kDirectCampaign)), account, channel,
                          now);
}

inline TouchState state_of(const wechat::Outcome<wechat::ApiAnswer>& answer) {
  if (answer) return TouchState::kSent;
  return answer.error().outcome_unknown() ? TouchState::kUnknown : TouchState::kFailed;
}

}  // namespace zhiyin::delivery::detail
