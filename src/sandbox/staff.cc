#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "sandbox/account_state.h"
#include "sandbox/multipart.h"

// Customer-service staff of an official account: accounts, sessions, what was written.
namespace zhiyin::sandbox {
namespace {

constexpr std::size_t kMembersMax = 100;
constexpr std::size_t kRecordsKept = 100'000;
constexpr std::size_t kPictureBytesMax = 2 << 20;
constexpr Duration kInvitationLasts = kDay;
constexpr std::int64_t kDaySeconds = 86'400;

StaffState::Member* find_member(AccountState& account, std::string_view name) {
  auto& members = account.staff.members;
  const auto found = std::ranges::find(members, name, &StaffState::Member::account);
  return found == members.end() ? nullptr : &*found;
}

/// `name@gh_id` of this account, with a name of letters and digits.
int fault_of_name(const AccountState& account, const std::string& whole) {
  const std::size_t at = whole.find('@');
  if (at == std::string::npos || at == 0) return 61452;
  if (whole.substr(at + 1) != account.identity.original_id) return 61452;
  const std::string name = whole.substr(0, at);
  if (name.size() > 10) return 61454;
  const bool is_plain =
      std::ranges::all_of(name, [](unsigned char c) { return std::isalnum(c) || c == '_'; });
  return is_plain ? 0 : 61455;
}

Answer add(AccountState& account, const Call& call) {
  const std::string name = call.text("kf_account");
  if (const int fault = fault_of_name(account, name); fault != 0)
    return account.refuse(fault, call.now);
  if (find_member(account, name) != nullptr) return account.refuse(65406, call.now);
  if (account.staff.members.size() >= kMembersMax) return account.refuse(65405, call.now);
  StaffState::Member member;
  member.account = name;
  member.nickname = call.text("nickname");
  member.id = ++account.staff.last_id;
  account.staff.members.push_back(std::move(member));
  return api_ok();
}

Answer update(AccountState& account, const Call& call) {
  StaffState::Member* member = find_member(account, call.text("kf_account"));
  if (member == nullptr) return account.refuse(65401, call.now);
  member->nickname = call.text("nickname");
  return api_ok();
}

/// Who is invited accepts at the next sight of the list, after ten minutes.
constexpr Duration kAcceptsAfter = std::chrono::minutes(10);

void settle_invitations(AccountState& account, Instant now) {
  for (StaffState::Member& member : account.staff.members) {
    const Instant invited_at = member.invited_until - kInvitationLasts;
    if (member.invited.empty() || now - invited_at < kAcceptsAfter) continue;
    member.wechat_id = std::exchange(member.invited, {});
  }
}

Answer invite(AccountState& account, const Call& call) {
  settle_invitations(account, call.now);
  StaffState::Member* member = find_member(account, call.text("kf_account"));
  if (member == nullptr) return account.refuse(65401, call.now);
  if (!member->invited.empty()) return account.refuse(65407, call.now);
  member->invited = call.text("invite_wx");
  member->invited_until = call.now + kInvitationLasts;
  return api_ok();
}

Answer remove(AccountState& account, const Call& call) {
  const std::string name = call.text("kf_account");
  StaffState::Member* member = find_member(account, name);
  if (member == nullptr) return account.refuse(65401, call.now);
  std::erase_if(account.staff.sessions, [&](const auto& s) { return s.second.account == name; });
  std::erase_if(account.staff.members, [&](const auto& m) { return m.account == name; });
  return api_ok();
}

Answer picture(AccountState& account, const Call& call) {
  StaffState::Member* member = find_member(account, call.query("kf_account"));
  if (member == nullptr) return account.refuse(65401, call.now);
  const Result<Multipart> form = parse_multipart(call.http.body, call.http.content_type);
  if (!form || form->part != "media") return account.refuse(41005, call.now);
  if (form->bytes.size() > kPictureBytesMax) return account.refuse(40009, call.now);
  if (!form->bytes.starts_with("\xff\xd8\xff")) return account.refuse(61457, call.now);
  member->picture = fmt::format("http://mmbiz.qpic.cn/kf/{}/300", member->id);
  return api_ok();
}

Answer list_members(AccountState& account, const Call& call) {
  settle_invitations(account, call.now);
  Json list = Json::array();
  for (const StaffState::Member& member : account.staff.members) {
    Json one = Json::object();
    one.set("kf_account", member.account);
    one.set("kf_nick", member.nickname);
    one.set("kf_id", std::to_string(member.id));
    one.set("kf_headimgurl", member.picture);
    if (!member.wechat_id.empty()) one.set("kf_wx", member.wechat_id);
    if (!member.invited.empty()) {
      one.set("invite_wx", member.invited);
      one.set("invite_expire_time", seconds_of(member.invited_until));
      one.set("invite_status", call.now < member.invited_until ? "waiting" : "expired");
    }
    list.push(std::move(one));
  }
  Json answer = Json::object();
  answer.set("kf_list", std::move(list));
  return answer;
}

/// Who is bound to a person is online.
Answer list_online(AccountState& account, const Call& call) {
  settle_invitations(account, call.now);
  Json list = Json::array();
  for (const StaffState::Member& member : account.staff.members) {
    if (member.wechat_id.empty()) continue;
    Json one = Json::object();
    one.set("kf_account", member.account);
    one.set("status", 1);
    one.set("kf_id", std::to_string(member.id));
    one.set("accepted_case", std::ranges::count_if(account.staff.sessions, [&](const auto& s) {
              return s.second.account == member.account;
            }));
    list.push(std::move(one));
  }
  Json answer = Json::object();
  answer.set("kf_online_list", std::move(list));
  return answer;
}

Answer session_create(AccountState& account, const Call& call) {
  settle_invitations(account, call.now);
  const StaffState::Member* member = find_member(account, call.text("kf_account"));
  if (member == nullptr) return account.refuse(65401, call.now);
  if (member->wechat_id.empty()) return account.refuse(65402, call.now);
  const std::string openid = call.text("openid");
  if (account.people.find(openid) == nullptr) return account.refuse(40003, call.now);
  const auto held = account.staff.sessions.find(openid);
  if (held != account.staff.sessions.end() && held->second.account != member->account)
    return account.refuse(65414, call.now);
  account.staff.sessions[openid] = {member->account, call.now};
  account.staff.waiting.erase(openid);
  account.call_back(call.now, event_message(openid, call.now, "kf_create_session",
                                            {{"KfAccount", member->account, false, {}}}));
  return api_ok();
}

Answer session_close(AccountState& account, const Call& call) {
  const std::string openid = call.text("openid");
  const auto held = account.staff.sessions.find(openid);
  if (held == account.staff.sessions.end() || held->second.account != call.text("kf_account"))
    return account.refuse(65413, call.now);
  account.call_back(call.now, event_message(openid, call.now, "kf_close_session",
                                            {{"KfAccount", held->second.account, false, {}}}));
  account.staff.sessions.erase(held);
  return api_ok();
}

Answer session_get(AccountState& account, const Call& call) {
  const auto held = account.staff.sessions.find(call.text("openid"));
  const bool is_held = held != account.staff.sessions.end();
  Json answer = api_ok();
  answer.set("createtime", is_held ? seconds_of(held->second.at) : 0);
  answer.set("kf_account", is_held ? held->second.account : std::string());
  return answer;
}

Answer session_list(AccountState& account, const Call& call) {
  if (find_member(account, call.text("kf_account")) == nullptr)
    return account.refuse(65401, call.now);
  Json list = Json::array();
  for (const auto& [openid, session] : account.staff.sessions) {
    if (session.account != call.text("kf_account")) continue;
    Json one = Json::object();
    one.set("createtime", seconds_of(session.at));
    one.set("openid", openid);
    list.push(std::move(one));
  }
  Json answer = Json::object();
  answer.set("sessionlist", std::move(list));
  return answer;
}

Answer waiting(AccountState& account, const Call&) {
  constexpr std::size_t kShownMax = 100;
  Json list = Json::array();
  for (const auto& [openid, at] : account.staff.waiting) {
    if (list.if_array()->size() >= kShownMax) break;
    Json one = Json::object();
    one.set("latest_time", seconds_of(at));
    one.set("openid", openid);
    list.push(std::move(one));
  }
  Json answer = Json::object();
  answer.set("count", account.staff.waiting.size());
  answer.set("waitcaselist", std::move(list));
  return answer;
}

Answer records(AccountState& account, const Call& call) {
  const std::int64_t begin = call.number("starttime");
  const std::int64_t end = call.number("endtime");
  if (end < begin || end - begin > kDaySeconds) return account.refuse(65416, call.now);
  auto& all = account.staff.records;
  while (all.size() > kRecordsKept) all.pop_front();
  const auto first = static_cast<std::size_t>(call.number("msgid"));
  const auto most = static_cast<std::size_t>(call.number("number"));
  Json list = Json::array();
  std::size_t number = 0, last = first;
  for (const StaffState::Record& record : all) {
    const std::int64_t at = seconds_of(record.at);
    if (at < begin || at > end || ++number < first || list.if_array()->size() >= most) continue;
    Json one = Json::object();
    one.set("openid", record.openid);
    one.set("opercode", record.opercode);
    one.set("text", record.text);
    one.set("time", at);
    one.set("worker", record.worker);
    list.push(std::move(one));
    last = number + 1;
  }
  Json answer = Json::object();
  answer.set("number", list.if_array()->size());
  answer.set("msgid", last);
  answer.set("recordlist", std::move(list));
  return answer;
}

}  // namespace

std::vector<Endpoint> staff_endpoints() {
  constexpr unsigned kAccess = kVerified | kOfficialOnly;
  const Field name = text("kf_account", 1, 128, 61452);
  const Field nickname = text("nickname", 1, 16, 65403);
  const Field openid = text("openid", 1, 128, 40003);
  return {
      {.method = "POST",
       .path = "/customservice/kfaccount/add",
       .summary = "Adds a member of staff: name@gh_id",
       .handler = add,
       .fields = {name, nickname},
       .access = kAccess,
       .errors = {61452, 61454, 61455, 65405, 65406}},
      {.method = "POST",
       .path = "/customservice/kfaccount/update",
       .summary = "Renames a member of staff",
       .handler = update,
       .fields = {name, nickname},
       .access = kAccess,
       .errors = {65401}},
      {.method = "POST",
       .path = "/customservice/kfaccount/inviteworker",
       .summary = "Invites the person behind it, who accepts after ten minutes",
       .handler = invite,
       .fields = {name, text("invite_wx", 1, 64)},
       .access = kAccess,
       .errors = {65401, 65407}},
      {.method = "POST",
       .path = "/customservice/kfaccount/del",
       .summary = "Removes a member of staff",
       .handler = remove,
       .fields = {name},
       .access = kAccess,
       .errors = {65401},
       .takes_get = true},
      {.method = "POST",
       .path = "/customservice/kfaccount/uploadheadimg",
       .summary = "The picture of a member of staff (jpg)",
       .handler = picture,
       .access = kAccess,
       .errors = {40009, 41005, 61457, 65401},
       .query = {name},
       .file_part = "media",
       .body_max = kPictureBytesMax + (1 << 20)},
      {.method = "GET",
       .path = "/cgi-bin/customservice/getkflist",
       .summary = "All members of staff",
       .handler = list_members,
       .answers = "kf_list[]{kf_account kf_nick kf_id kf_headimgurl kf_wx invite_wx "
                  "invite_expire_time:n invite_status}",
       .access = kAccess},
      {.method = "GET",
       .path = "/cgi-bin/customservice/getonlinekflist",
       .summary = "Those who are online",
       .handler = list_online,
       .answers = "kf_online_list[]{kf_account status:n kf_id accepted_case:n}",
       .access = kAccess},
      {.method = "POST",
       .path = "/customservice/kfsession/create",
       .summary = "Gives a person's conversation to a member of staff",
       .handler = session_create,
       .fields = {name, openid},
       .access = kAccess,
       .errors = {65401, 65402, 65414}},
      {.method = "POST",
       .path = "/customservice/kfsession/close",
       .summary = "Ends such a conversation",
       .handler = session_close,
       .fields = {name, openid},
       .access = kAccess,
       .errors = {65413}},
      {.method = "GET",
       .path = "/customservice/kfsession/getsession",
       .summary = "Who holds a person's conversation",
       .handler = session_get,
       .answers = "createtime:n kf_account",
       .fields = {openid},
       .access = kAccess},
      {.method = "GET",
       .path = "/customservice/kfsession/getsessionlist",
       .summary = "The conversations of a member of staff",
       .handler = session_list,
       .answers = "sessionlist[]{createtime:n openid}",
       .fields = {name},
       .access = kAccess,
       .errors = {65401}},
      {.method = "GET",
       .path = "/customservice/kfsession/getwaitcase",
       .summary = "People who wait, up to 100",
       .handler = waiting,
       .answers = "count:n waitcaselist[]{latest_time:n openid}",
       .access = kAccess},
      {.method = "POST",
       .path = "/customservice/msgrecord/getmsglist",
       .summary = "What was written within a day",
       .handler = records,
       .answers = "number:n msgid:n recordlist[]{openid opercode:n text time:n worker}",
       .fields = {number("starttime", 1, kAnyNumber, 65416),
                  number("endtime", 1, kAnyNumber, 65416), number("msgid", 1, kAnyNumber, 61451),
                  number("number", 1, 10'000, 61451)},
       .access = kAccess,
       .errors = {65416}},
  };
}

}  // namespace zhiyin::sandbox
