#pragma once

#include <optional>

#include "ingest/event.h"
#include "wechat/callback.h"
#include "wechat/reply_rules.h"

namespace zhiyin::ingest {

/// The event that a callback reports, with the person's openid as key identity (of WeCom the
/// customer's external_userid, else the member of staff as user_id) and an event_id made from the
/// callback's dedup_key (so a repeated delivery is a duplicate in the log). Kinds: follow,
/// unfollow, scan, menu_click, menu_view, message, template_result, and `wechat.<event or message
/// type, lower case>` for everything else; of WeCom's own events `wecom.<change or event>`. Fields
/// that the platform's tables name have their types (wechat/callback_fields.h). Message texts and
/// raw fields that may say something about the person stand below `properties.personal`, which
/// intake seals.
///
/// Nothing for callbacks without a person: mass_result (totals of a job; the delivery part takes
/// them from the callback itself), platform checks and notices (wechat/callback_notices.h). Pure.
std::optional<WireEvent> to_wire_event(const wechat::Callback& callback);

/// `consent.withdraw` or `consent.grant` when the text was an opt-out or opt-in word; nothing
/// otherwise. Pure.
std::optional<WireEvent> to_consent_event(const wechat::Callback& callback,
                                          const wechat::ReplyDecision& decision);

}  // namespace zhiyin::ingest
