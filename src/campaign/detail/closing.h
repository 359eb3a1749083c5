#pragma once

#include "campaign/detail/work.h"

namespace zhiyin::campaign::detail {

/// Ends a stopped campaign, a slice at a time: cancels what is planned, closes what is open as
/// unknown (nobody is at it while this runs). True when nothing is left.
Result<bool> close_stopped(const EngineParts& parts, const CampaignId& id);

/// True when touches of the campaign are planned or sending.
Result<bool> has_work_left(storage::Session& session, const CampaignId& id);

/// Touches cancelled per transaction.
inline constexpr std::size_t kCancelSlice = 20'000;

}  // namespace zhiyin::campaign::detail
