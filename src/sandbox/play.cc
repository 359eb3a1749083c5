#include "sandbox/play.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "sandbox/logins.h"
#include "sandbox/wecom.h"

namespace zhiyin::sandbox {
namespace {

Json code_json(std::string_view name, std::string code) {
  Json out = Json::object();
  out.set(name, std::move(code));
  return out;
}

/// The person; who was never here before becomes known.
Result<Follower*> person_of(AccountState& account, const Play& what) {
  if (what.openid.empty()) return fail_field("openid", "is missing");
  if (account.identity.kind == AccountKind::kMiniProgram) return &account.people.at(what.openid);
  Follower* person = account.people.find(what.openid);
  if (person == nullptr) return fail_field("openid", "nobody of this account has it");
  return person;
}

/// A permission for subscribe messages, given or taken back.
Result<Json> set_grant(AccountState& account, const Play& what, bool is_given, Instant now) {
  ZHIYIN_TRY(Follower * person, person_of(account, what));
  const auto& list = account.subscriptions.list;
  if (std::ranges::find(list, what.template_id, &SubscriptionState::Template::id) == list.end())
    return fail_field("template_id", "is none of this account's");
  int& left = person->grants[what.template_id];
  left = is_given ? left + 1 : 0;
  note_person(account, *person);
  const std::string_view status = is_given ? "accept" : "reject";
  CallbackField entry{"List",
                      {},
                      false,
                      {{"TemplateId", what.template_id, false, {}},
                       {"SubscribeStatusString", std::string(status), false, {}}}};
  if (is_given) entry.children.push_back({"PopupScene", "0", true, {}});
  const bool is_popup = is_given;
  account.call_back(
      now, event_message(person->openid, now,
                         is_popup ? "subscribe_msg_popup_event" : "subscribe_msg_change_event",
                         {{is_popup ? "SubscribeMsgPopupEvent" : "SubscribeMsgChangeEvent",
                           {},
                           false,
                           {std::move(entry)}}}));
  Json out = Json::object();
  out.set("left", left);
  return out;
}

Result<Json> confirm_once(AccountState& account, const Play& what) {
  ZHIYIN_TRY(const Follower* person, person_of(account, what));
  ++account.templates
        .confirmations[fmt::format("{}\n{}\n{}", person->openid, what.template_id, what.scene)];
  return Json::object();
}

Result<Json> say(AccountState& account, const Play& what, Instant now) {
  ZHIYIN_TRY(const Follower* person, person_of(account, what));
  if (what.text.empty()) return fail_field("text", "is missing");
  account.trigger(person->openid, Trigger::kMessage, now);
  account.staff.records.push_back({person->openid, what.text, {}, 2003, now});
  account.call_back(now, text_message(person->openid, now, what.text, account.next_message_id()));
  return Json::object();
}

constexpr int kFieldDepthMax = 4;
constexpr std::size_t kFieldsBytesMax = 16 << 10;

/// The members of an object as fields; each element of a list stands under the list's name.
Result<std::vector<CallbackField>> callback_fields(const Json& object, int depth) {
  const Json::Object* members = object.if_object();
  if (members == nullptr) return fail_field("fields", "is not an object");
  if (depth > kFieldDepthMax)
    return fail_field("fields", "is deeper than {} levels", kFieldDepthMax);
  std::vector<CallbackField> out;
  for (const auto& [name, value] : *members) {
    const bool is_name = !name.empty() && std::ranges::all_of(name, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    });
    if (!is_name) return fail_field("fields", "'{}' is no name of a field", name.substr(0, 64));
    const Json::Array* list = value.if_array();
    for (const Json& one : list != nullptr ? *list : Json::Array{value}) {
      CallbackField field{name, text_of(one), one.if_int() != nullptr, {}};
      if (one.if_object() != nullptr) {
        ZHIYIN_TRY(field.children, callback_fields(one, depth + 1));
      }
      out.push_back(std::move(field));
    }
  }
  return out;
}

/// What somebody's action opens, by what is told of it.
std::optional<Trigger> trigger_of(std::string_view msg_type, const Json& fields) {
  if (msg_type != "event") return Trigger::kMessage;
  const std::string event = text_of(fields["Event"]);
  if (event == "CLICK" || event == "scancode_push" || event == "scancode_waitmsg")
    return Trigger::kMenuTap;
  if (event == "user_enter_tempsession") return Trigger::kEnterSession;
  return std::nullopt;
}

/// Any callback: people send more than words.
Result<Json> deliver(AccountState& account, const Play& what, Instant now) {
  const bool is_company = account.identity.kind == AccountKind::kWecom;  // whose senders are staff
  if (what.openid.empty()) return fail_field("openid", "is missing");
  if (!is_company) {
    ZHIYIN_TRY_VOID(person_of(account, what));
  }
  if (what.msg_type.empty()) return fail_field("msg_type", "is missing");
  if (what.fields.dump().size() > kFieldsBytesMax)
    return fail_field("fields", "is longer than {} bytes", kFieldsBytesMax);
  CallbackMessage message;
  message.openid = what.openid;
  message.created_at = now;
  message.msg_type = what.msg_type;
  ZHIYIN_TRY(message.fields, callback_fields(what.fields, 1));
  const bool has_id = what.msg_type == "event" || what.fields.find("MsgId") != nullptr;
  if (!has_id)
    message.fields.push_back({"MsgId", std::to_string(account.next_message_id()), true, {}});
  if (const auto opens = trigger_of(what.msg_type, what.fields); opens && !is_company)
    account.trigger(what.openid, *opens, now);
  account.call_back(now, std::move(message));
  return Json::object();
}

Result<Json> enter(AccountState& account, const Play& what, Instant now) {
  ZHIYIN_TRY(const Follower* person, person_of(account, what));
  account.trigger(person->openid, Trigger::kEnterSession, now);
  account.call_back(now, event_message(person->openid, now, "user_enter_tempsession",
                                       {{"SessionFrom", "sandbox", false, {}}}));
  return Json::object();
}

Result<Json> scan(AccountState& account, const Play& what, Instant now) {
  const auto code = account.codes.by_ticket.find(what.ticket);
  if (code == account.codes.by_ticket.end())
    return fail_field("ticket", "is none of this account's");
  if (code->second.ends_at && now >= *code->second.ends_at)
    return fail(ErrorCode::kConflict, "sandbox: the code is no longer valid");
  if (what.openid.empty()) return fail_field("openid", "is missing");
  const std::string scene = code->second.scene;
  const Follower* person = account.people.find(what.openid);
  const bool follows = person != nullptr && person->following;
  if (follows) {
    account.trigger(what.openid, Trigger::kScan, now);
  } else {
    const std::string unionid = person == nullptr ? what.unionid : person->unionid;
    account.follow(what.openid, unionid, now, "ADD_SCENE_QR_CODE", scene);
  }
  account.call_back(now,
                    event_message(what.openid, now, follows ? "SCAN" : "subscribe",
                                  {{"EventKey", follows ? scene : "qrscene_" + scene, false, {}},
                                   {"Ticket", what.ticket, false, {}}}));
  Json out = Json::object();
  out.set("event", follows ? "SCAN" : "subscribe");
  out.set("scene", scene);
  return out;
}

Result<Json> meet_member(AccountState& account, const Play& what, Instant now) {
  if (what.external_userid.empty()) return fail_field("external_userid", "is missing");
  std::string code =
      meet(account, what.userid, what.external_userid,
           what.name.empty() ? what.external_userid : what.name, what.unionid, what.state, now);
  if (code.empty()) return fail_field("userid", "there is no such member");
  return code_json("welcome_code", std::move(code));
}

}  // namespace

Result<Json> play(AccountState& account, const Play& what, Instant now) {
  const auto issue = [&](std::string_view kind) -> Result<Json> {
    ZHIYIN_TRY(Follower * person, person_of(account, what));
    person->last_seen = now;
    if (!what.unionid.empty()) person->unionid = what.unionid;
    return code_json("code", issue_code(account, kind, person->openid, what.scope, now));
  };
  if (what.kind == "sign_in") return issue("oauth");
  if (what.kind == "open_mini") return issue("js");
  if (what.kind == "give_phone") return issue("phone");
  if (what.kind == "grant") return set_grant(account, what, true, now);
  if (what.kind == "refuse") return set_grant(account, what, false, now);
  if (what.kind == "confirm_once") return confirm_once(account, what);
  if (what.kind == "say") return say(account, what, now);
  if (what.kind == "deliver") return deliver(account, what, now);
  if (what.kind == "enter") return enter(account, what, now);
  if (what.kind == "scan") return scan(account, what, now);
  if (what.kind == "meet") return meet_member(account, what, now);
  if (what.kind == "part") {
    part(account, what.userid, what.external_userid, now);
    return Json::object();
  }
  if (what.kind == "decline") {
    if (!decline_handover(account, what.external_userid, now))
      return fail_field("external_userid", "is not on its way to another member");
    return Json::object();
  }
  if (what.kind == "pay") {
    ZHIYIN_TRY(const Follower* person, person_of(account, what));
    if (what.transaction_id.empty()) return fail_field("transaction_id", "is missing");
    account.mini.orders[what.transaction_id] = {person->openid, now, 0, false};
    return Json::object();
  }
  if (what.kind == "encrypt") {
    account.mini.encrypted[what.hash] = now;
    return Json::object();
  }
  return fail_field("kind",
                    "'{}' is none of sign_in, open_mini, give_phone, grant, refuse, "
                    "confirm_once, say, deliver, enter, scan, pay, encrypt, meet, part, decline",
                    what.kind);
}

}  // namespace zhiyin::sandbox
