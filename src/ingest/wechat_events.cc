#include "ingest/wechat_events.h"

#include <algorithm>
#include <span>
#include <string>
#include <string_view>

#include "base/utf8.h"
#include "wechat/callback_fields.h"
#include "wechat/subscribe_events.h"

namespace zhiyin::ingest {
namespace {

using wechat::Callback;
using wechat::CallbackKind;

constexpr std::size_t kTextBytesMax = 8 << 10;
constexpr std::size_t kRawBytesMax = 12 << 10;  // leaves room below kPropertiesBytesMax

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return out;
}

/// `wechat.` or `wecom.` and the platform's name of it, within the rules for kinds.
std::string other_kind(const Callback& c) {
  std::string name = lower(c.event.empty() ? c.msg_type : c.event);
  const std::string_view change = c.fields["ChangeType"].string_or("");
  if (c.wecom && !change.empty()) name = lower(change);
  for (char& ch : name) {
    const bool is_allowed = (ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') || ch == '_';
    if (!is_allowed) ch = '_';
  }
  return ((c.wecom ? "wecom." : "wechat.") + name).substr(0, kKindBytesMax);
}

std::string kind_of(const Callback& c) {
  if (wechat::is_message(c.kind)) return "message";
  switch (c.kind) {
    case CallbackKind::kFollow:  // of WeCom a member of staff who sees an application
      return c.wecom ? other_kind(c) : "follow";
    case CallbackKind::kUnfollow:
      return c.wecom ? other_kind(c) : "unfollow";
    case CallbackKind::kScan:
      return "scan";
    case CallbackKind::kMenuClick:
      return "menu_click";
    case CallbackKind::kMenuView:
      return "menu_view";
    case CallbackKind::kTemplateResult:
      return "template_result";
    default:
      return other_kind(c);
  }
}

/// Whether all that the platform documents of such a callback has a place of its own in the event.
bool has_own_form(const Callback& c) {
  return c.kind == CallbackKind::kText || c.kind == CallbackKind::kFollow ||
         c.kind == CallbackKind::kUnfollow || c.kind == CallbackKind::kScan ||
         c.kind == CallbackKind::kTemplateResult;
}

/// Everything as sent that is not already elsewhere in the event.
Json raw_fields(const Callback& c) {
  Json out = Json::object();
  const Json::Object* fields = c.fields.if_object();
  if (fields == nullptr) return out;
  constexpr std::string_view kElsewhere[] = {"ToUserName", "FromUserName", "CreateTime", "MsgType",
                                             "Event",      "Content",      "Encrypt"};
  constexpr std::string_view kInOwnForm[] = {"EventKey", "Ticket",    "MsgId",     "MsgID",
                                             "Status",   "MsgDataId", "BusinessId"};
  const auto is_in = [](std::span<const std::string_view> names, std::string_view name) {
    return std::ranges::find(names, name) != names.end();
  };
  for (const Json::Member& member : *fields) {
    const bool is_elsewhere =
        is_in(kElsewhere, member.first) || (has_own_form(c) && is_in(kInOwnForm, member.first));
    if (!is_elsewhere) out.set(member.first, member.second);
  }
  return out;
}

/// The members that intake seals: what the person wrote, the fields of tables that are about the
/// person
/// (`typed`), and whatever else was sent.
Json personal_of(const Callback& c, const Json& typed, bool& was_cut) {
  Json personal = Json::object();
  if (!c.content.empty()) {
    const std::string_view text = utf8::truncate(c.content, kTextBytesMax);
    was_cut = text.size() < c.content.size();
    personal.set("text", text);
  }
  for (const Json::Member& field : *typed.if_object()) personal.set(field.first, field.second);
  Json raw = raw_fields(c);
  if (raw.if_object()->empty()) return personal;
  if (raw.dump().size() + personal.dump().size() > kRawBytesMax) {
    was_cut = true;
  } else {
    personal.set("raw", std::move(raw));
  }
  return personal;
}

/// Which templates of subscribe messages the person accepted or refused, and what became of those
/// sent: nothing about the person but that.
void add_subscribe_notes(Json& properties, const Callback& c) {
  using Kind = wechat::SubscribeNote::Kind;
  constexpr std::size_t kNotesMax = 32;
  Json notes = Json::array();
  for (const wechat::SubscribeNote& note : wechat::subscribe_notes(c)) {
    if (notes.if_array()->size() == kNotesMax) break;
    const std::string_view status = note.kind == Kind::kAccepted   ? "accept"
                                    : note.kind == Kind::kRejected ? "reject"
                                    : note.kind == Kind::kSent     ? "sent"
                                                                   : "failed";
    Json one = Json().set("template", utf8::truncate(note.template_id, 128)).set("status", status);
    if (!note.msg_id.empty()) one.set("msg_id", utf8::truncate(note.msg_id, 64));
    notes.push(std::move(one));
  }
  if (!notes.if_array()->empty()) properties.set("templates", std::move(notes));
}

/// What the menu and scene keys of the operator say; nothing about the person.
void add_own_terms(Json& properties, const Callback& c) {
  constexpr std::size_t kKeyBytesMax = 1024;
  const std::string_view key = utf8::truncate(c.event_key, kKeyBytesMax);
  switch (c.kind) {
    case CallbackKind::kFollow:
    case CallbackKind::kScan:
      if (!key.empty()) properties.set("scene", key);
      if (!c.ticket.empty()) properties.set("ticket", utf8::truncate(c.ticket, kKeyBytesMax));
      break;
    case CallbackKind::kMenuClick:
      properties.set("key", key);
      properties.set("menu", c.event.empty() ? std::string("msgmenu") : lower(c.event));
      break;
    case CallbackKind::kMenuView:
      properties.set("url", key);
      properties.set("menu", lower(c.event));
      break;
    case CallbackKind::kTemplateResult: {
      std::string status =
          c.status;  // the platform writes `failed:user block` and `failed: system failed`
      std::erase(status, ' ');
      properties.set("msg_id", utf8::truncate(c.msg_id, kKeyBytesMax));
      properties.set("status", utf8::truncate(status, kKeyBytesMax));
      break;
    }
    case CallbackKind::kOther:
      add_subscribe_notes(properties, c);
      break;
    default:
      if (wechat::is_message(c.kind)) properties.set("message_type", lower(c.msg_type));
      break;
  }
}

/// Of WeCom the customer where there is one, else the member of staff.
Identity key_identity(const Callback& c) {
  if (!c.wecom) return {c.account.value, "openid", c.from_openid};
  const std::string_view customer = c.fields["ExternalUserID"].string_or("");
  if (!customer.empty()) return {c.account.value, "external_userid", std::string(customer)};
  return {c.account.value, "user_id", c.from_openid};
}

WireEvent event_of(const Callback& c, std::string event_id, std::string kind) {
  WireEvent event;
  event.event_id = std::move(event_id);
  event.account = c.account.value;
  event.identities.push_back(key_identity(c));
  event.kind = std::move(kind);
  event.occurred_at = c.create_time;
  return event;
}

}  // namespace

std::optional<WireEvent> to_wire_event(const Callback& callback) {
  if (callback.kind == CallbackKind::kMassResult || callback.kind == CallbackKind::kPlatformCheck ||
      callback.kind == CallbackKind::kNotice || callback.from_openid.empty()) {
    return std::nullopt;
  }
  WireEvent event = event_of(callback, "wx_" + callback.dedup_key, kind_of(callback));
  Json properties = Json::object();
  add_own_terms(properties, callback);
  const wechat::CallbackFields typed = wechat::callback_fields(callback);
  for (const Json::Member& field : *typed.open.if_object()) {
    if (properties.find(field.first) == nullptr) properties.set(field.first, field.second);
  }
  bool was_cut = false;
  Json personal = personal_of(callback, typed.personal, was_cut);
  if (!personal.if_object()->empty()) properties.set("personal", std::move(personal));
  if (was_cut) properties.set("truncated", true);
  if (!properties.if_object()->empty()) event.properties = std::move(properties);
  return event;
}

std::optional<WireEvent> to_consent_event(const Callback& callback,
                                          const wechat::ReplyDecision& decision) {
  const bool withdraws = decision.reason == wechat::ReplyReason::kOptOut;
  if (!withdraws && decision.reason != wechat::ReplyReason::kOptIn) return std::nullopt;
  if (callback.from_openid.empty()) return std::nullopt;
  WireEvent event = event_of(callback, "wx_" + callback.dedup_key + ".consent",
                             withdraws ? "consent.withdraw" : "consent.grant");
  event.properties = Json::object();  // without a purpose: all of them
  event.properties.set("source", "keyword");
  return event;
}

}  // namespace zhiyin::ingest
