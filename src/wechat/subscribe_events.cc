#include "wechat/subscribe_events.h"

#include "wechat/detail/lenient.h"

namespace zhiyin::wechat {
namespace {

/// The element that holds the list in XML.
std::string_view holder_of(std::string_view event) {
  if (event == "subscribe_msg_popup_event") return "SubscribeMsgPopupEvent";
  if (event == "subscribe_msg_change_event") return "SubscribeMsgChangeEvent";
  if (event == "subscribe_msg_sent_event") return "SubscribeMsgSentEvent";
  return {};
}

SubscribeNote note_of(const Json& entry, bool is_result) {
  SubscribeNote note;
  note.template_id = lenient_text(entry["TemplateId"]);
  if (is_result) {
    note.msg_id = lenient_text(entry["MsgID"]);
    const bool is_sent = lenient_int(entry["ErrorCode"]) == 0;
    note.kind = is_sent ? SubscribeNote::Kind::kSent : SubscribeNote::Kind::kFailed;
    if (!is_sent) note.error = lenient_text(entry["ErrorStatus"]);
  } else if (lower(lenient_text(entry["SubscribeStatusString"])) != "accept") {
    note.kind = SubscribeNote::Kind::kRejected;
  }
  return note;
}

void add_notes(const Json& list, bool is_result, std::vector<SubscribeNote>& out) {
  if (const Json::Array* entries = list.if_array()) {
    for (const Json& entry : *entries) add_notes(entry, is_result, out);
  } else if (!list["TemplateId"].is_null()) {
    out.push_back(note_of(list, is_result));
  }
}

}  // namespace

std::vector<SubscribeNote> subscribe_notes(const Callback& callback) {
  const std::string event = lower(callback.event);
  const std::string_view holder = holder_of(event);
  std::vector<SubscribeNote> out;
  if (holder.empty()) return out;
  const bool is_result = event == "subscribe_msg_sent_event";
  const Json& nested = callback.fields[holder];
  // XML with several <List> elements inside one holder, or several holders, gives arrays.
  if (const Json::Array* holders = nested.if_array()) {
    for (const Json& one : *holders) add_notes(one["List"], is_result, out);
  } else {
    add_notes(nested["List"], is_result, out);
  }
  add_notes(callback.fields["List"], is_result, out);
  return out;
}

}  // namespace zhiyin::wechat
