#pragma once

#include <string>
#include <vector>

#include "wechat/callback.h"

namespace zhiyin::wechat {

/// What a person decided about one template of subscribe messages, or what became of one message.
struct SubscribeNote {
  enum class Kind { kAccepted, kRejected, kSent, kFailed };
  Kind kind = Kind::kAccepted;
  std::string template_id;
  std::string msg_id;  ///< kSent and kFailed
  std::string error;   ///< kFailed, as sent
};

/// The notes of `subscribe_msg_popup_event`, `…change_event` and `…sent_event`; none for anything
/// else. The platform sends the list at the root or below the event's own element, and a single
/// entry without its list: all four shapes are read. Pure.
std::vector<SubscribeNote> subscribe_notes(const Callback& callback);

}  // namespace zhiyin::wechat
