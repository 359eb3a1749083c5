#include "sandbox/play.h"

#include <fmt/format.h>

#include <algorithm>

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
  if (what.kind == "enter") return enter(account, what, now);
  if (what.kind == "scan") return scan(account, what, now);
  if (what.kind == "meet") return meet_member(account, what, now);
  if (what.kind == "part") {
    part(account, what.userid, what.external_userid, now);
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
                    "confirm_once, say, enter, scan, pay, encrypt, meet, part",
                    what.kind);
}

}  // namespace zhiyin::sandbox
