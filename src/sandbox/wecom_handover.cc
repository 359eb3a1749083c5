#include <algorithm>

#include "sandbox/wecom.h"

// WeCom: contacts that change hands, from a member who goes on working to another. They do so by
// themselves after a day, unless the contact declines. Codes of what is refused for one contact are
// from memory of the platform's documentation.
namespace zhiyin::sandbox {
namespace {

constexpr Duration kHandoverTakes = kDay;
constexpr std::size_t kHandoversMax = 2;
constexpr Duration kHandoversWithin = kDay * 90;
constexpr std::size_t kPage = 1000;
constexpr int kTooOften = 40128;
constexpr int kUnderWay = 40129;
constexpr int kSameMember = 40130;
constexpr int kNotTheirs = 40131;

CallbackMessage told(const WecomState::Handover& handover, std::string_view change,
                     const std::string& userid, CallbackField more, Instant at) {
  std::vector<CallbackField> fields = {{"ChangeType", std::string(change), false, {}},
                                       {"UserID", userid, false, {}},
                                       {"ExternalUserID", handover.external_userid, false, {}}};
  if (!more.name.empty()) fields.push_back(std::move(more));
  return event_message("sys", at, "change_external_contact", std::move(fields));
}

/// The contact is the other member's from now on, with what was noted of it.
void finish(AccountState& account, WecomState::Handover& handover) {
  WecomState::Contact* contact = find_contact(account, handover.external_userid);
  WecomState::Follow* before = find_follow(*contact, handover.from);
  if (before == nullptr) return;  // parted meanwhile: it stays waiting
  handover.status = 1;
  handover.done_at = handover.at + kHandoverTakes;
  const bool is_known = find_follow(*contact, handover.to) != nullptr;
  if (is_known) {
    std::erase_if(contact->follows, [&](const auto& f) { return f.userid == handover.from; });
  } else {
    before->userid = handover.to;
    before->at = handover.done_at;
    account.call_back(handover.done_at,
                      told(handover, "add_external_contact", handover.to, {}, handover.done_at));
  }
  account.call_back(handover.done_at,
                    told(handover, "del_external_contact", handover.from,
                         {"Source", "DELETE_BY_TRANSFER", false, {}}, handover.done_at));
}

/// Why a contact cannot change hands; 0: it can.
int fault_of(AccountState& account, const std::string& external_userid, const std::string& from,
             Instant now) {
  WecomState::Contact* contact = find_contact(account, external_userid);
  if (contact == nullptr) return 40096;
  const bool is_under_way = std::ranges::any_of(account.wecom.handovers, [&](const auto& h) {
    return h.external_userid == external_userid && h.status == 2;
  });
  if (is_under_way) return kUnderWay;
  if (find_follow(*contact, from) == nullptr) return kNotTheirs;
  const auto recent = std::ranges::count_if(
      contact->handovers, [&](Instant at) { return now - at < kHandoversWithin; });
  return static_cast<std::size_t>(recent) < kHandoversMax ? 0 : kTooOften;
}

Answer hand_over(AccountState& account, const Call& call) {
  settle_handovers(account, call.now);
  const std::string from = call.text("handover_userid");
  const std::string to = call.text("takeover_userid");
  for (const std::string& userid : {from, to}) {
    if (find_colleague(account, userid) == nullptr) return account.refuse(60111, call.now, userid);
  }
  Json customers = Json::array();
  for (const Json& id : *call.body["external_userid"].if_array()) {
    const std::string external_userid = text_of(id);
    const int fault = from == to ? kSameMember : fault_of(account, external_userid, from, call.now);
    Json one = Json::object();
    one.set("external_userid", external_userid);
    one.set("errcode", fault);
    customers.push(std::move(one));
    if (fault != 0) continue;
    find_contact(account, external_userid)->handovers.push_back(call.now);
    account.wecom.handovers.push_back(
        {from, to, external_userid, call.text("transfer_success_msg"), call.now, {}, 2});
  }
  Json answer = api_ok();
  answer.set("customer", std::move(customers));
  return answer;
}

Answer handover_result(AccountState& account, const Call& call) {
  settle_handovers(account, call.now);
  const std::string from = call.text("handover_userid");
  const std::string to = call.text("takeover_userid");
  for (const std::string& userid : {from, to}) {
    if (find_colleague(account, userid) == nullptr) return account.refuse(60111, call.now, userid);
  }
  const std::size_t begin = begin_of(call);
  Json customers = Json::array();
  std::size_t at = 0, end = 0;
  for (const WecomState::Handover& handover : account.wecom.handovers) {
    if (handover.from != from || handover.to != to) continue;
    if (at++ < begin || customers.if_array()->size() >= kPage) continue;
    end = at;
    Json one = Json::object();
    one.set("external_userid", handover.external_userid);
    one.set("status", handover.status);
    one.set("takeover_time", handover.status == 1 ? seconds_of(handover.done_at) : 0);
    customers.push(std::move(one));
  }
  Json answer = api_ok();
  answer.set("customer", std::move(customers));
  answer.set("next_cursor", cursor_at(end, at));
  return answer;
}

}  // namespace

void settle_handovers(AccountState& account, Instant now) {
  for (WecomState::Handover& handover : account.wecom.handovers) {
    if (handover.status == 2 && now - handover.at >= kHandoverTakes) finish(account, handover);
  }
}

bool decline_handover(AccountState& account, std::string_view external_userid, Instant now) {
  settle_handovers(account, now);
  for (WecomState::Handover& handover : account.wecom.handovers) {
    if (handover.external_userid != external_userid || handover.status != 2) continue;
    handover.status = 3;
    account.call_back(now, told(handover, "transfer_fail", handover.to,
                                {"FailReason", "customer_refused", false, {}}, now));
    return true;
  }
  return false;
}

std::vector<Endpoint> handover_endpoints() {
  const Field from = bytes("handover_userid", 1, 64);
  const Field to = bytes("takeover_userid", 1, 64);
  return {
      wecom_post("/cgi-bin/externalcontact/transfer_customer",
                 "Hands up to 100 contacts over to another member, each twice in 90 days",
                 hand_over, "customer[]{external_userid errcode:n}",
                 {from, to, list("external_userid", 1, 100), text("transfer_success_msg", 0, 200)},
                 {60111}),
      wecom_post("/cgi-bin/externalcontact/transfer_result",
                 "What became of it: 1 done, 2 waiting, 3 the contact declined", handover_result,
                 "customer[]{external_userid status:n takeover_time:n} next_cursor",
                 {from, to, bytes("cursor", 0, 256)}, {60111}),
  };
}

}  // namespace zhiyin::sandbox
