#pragma once

#include <optional>

#include "ingest/event.h"
#include "wechat/callback.h"
#include "wechat/reply_rules.h"

namespace zhiyin::ingest {

/// The event that a callback reports, with the sender's openid as key identity and an event_id made
/// from the callback's dedup_key (so a repeated delivery is a duplicate in the log). Kinds: follow,
/// unfollow, scan, menu_click, menu_view, message, template_result, and `wechat.<event or message
/// type, lower case>` for everything else. Message texts and raw fields that may say something
/// about the person stand below `properties.personal`, which intake seals.
///
/// Nothing for callbacks without a person: mass_result (totals of a job; the delivery part takes
/// them from the callback itself), platform checks and notices without a sender. Pure.
std::optional<WireEvent> to_wire_event(const wechat::Callback& callback);

/// `consent.withdraw` or `consent.grant` when the text was an opt-out or opt-in word; nothing
/// otherwise. Pure.
std::optional<WireEvent> to_consent_event(const wechat::Callback& callback,
                                          const wechat::ReplyDecision& decision);

}  // namespace zhiyin::ingest
