#pragma once

#include <optional>
#include <string_view>

#include "delivery/touch.h"
#include "storage/value.h"

namespace zhiyin::delivery::detail {

/// The columns of `touch` in the order that `touch_from` reads.
inline constexpr std::string_view kTouchColumns =
    "id, campaign, person, identity, part, account, channel, state, rule, is_test, decided_at, "
    "due_at, sent_at, clicked_at, idempotency_key, provider_id, error, attempt, is_uncertain, "
    "batch, quota_period, template";

Touch touch_from(const storage::Row& row);
std::vector<Touch> touches_from(const storage::Rows& rows);

storage::Value instant_or_null(const std::optional<Instant>& t);

}  // namespace zhiyin::delivery::detail
