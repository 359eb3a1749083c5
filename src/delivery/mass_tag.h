#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "wechat/platform_api.h"

namespace zhiyin::delivery {

/// The tag that mass sends of an account go through, on the platform.
inline constexpr std::string_view kMassTagName = "知音群发";

/// A tag that holds the people of a mass send and nobody else.
struct MassTag {
  std::int64_t id = 0;
  std::size_t missing = 0;  ///< of those asked for: people whom the platform does not let into it
};

/// For accounts that may send to a tag only (subscription accounts): brings the account's tag
/// `kMassTagName` to hold `openids`, people who follow, and nobody else. Fifty people a call, and
/// only what differs from what it holds, so asking again goes on where the last one ended. It is
/// read once more at the end: an error when it holds anybody who was not asked for, or nobody.
/// Errors say that nothing was sent, which is true of the message. Requires that nobody else
/// changes the tag meanwhile. Blocks.
wechat::Outcome<MassTag> hold_mass_tag(wechat::PlatformApi& platform,
                                       const wechat::ApiAccount& account,
                                       std::span<const std::string> openids);

}  // namespace zhiyin::delivery
