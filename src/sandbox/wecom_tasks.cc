#include <fmt/format.h>

#include <algorithm>

#include "base/crypto.h"
#include "base/utf8.h"
#include "sandbox/material.h"
#include "sandbox/wecom.h"

// WeCom: messages to contacts and to members. A mass message and a moment are tasks, which members
// confirm at once, late or never.
namespace zhiyin::sandbox {
namespace {

constexpr int kPerContactAndMonth = 4;
constexpr std::size_t kRemindersPerDay = 3;
constexpr Duration kConfirmsWhenReminded = std::chrono::hours(1);
constexpr Duration kMomentTakes = std::chrono::minutes(1);
constexpr Duration kRecallWithin = kDay;
constexpr std::int64_t kMonthSeconds = 31LL * 86'400;

/// The error of an attachment; 0: none.
int fault_of_attachment(const AccountState& account, const Json& one, Instant now) {
  const std::string type = text_of(one["msgtype"]);
  const Json& what = one[type];
  if (what.if_object() == nullptr) return 40058;
  const auto has = [&](std::string_view member, std::string_view kind) {
    return has_file(account, text_of(what[member]), kind, now);
  };
  if (type == "link" && text_of(what["url"]).empty()) return 40058;
  if (type == "image" && text_of(what["pic_url"]).empty() && !has("media_id", "image"))
    return 40007;
  if ((type == "video" || type == "file") && !has("media_id", type)) return 40007;
  if (type != "miniprogram") return 0;
  for (const std::string_view member : {"title", "appid", "page"}) {
    if (text_of(what[member]).empty()) return 40058;
  }
  return has("pic_media_id", "image") ? 0 : 40007;
}

/// The error of a text with attachments; 0: none.
int fault_of_content(const AccountState& account, const Json& body, Instant now) {
  const Json::Array* attachments = body["attachments"].if_array();
  const bool has_attachments = attachments != nullptr && !attachments->empty();
  if (text_of(body["text"]["content"]).empty() && !has_attachments) return 40058;
  for (const Json& one : has_attachments ? *attachments : Json::Array()) {
    if (const int fault = fault_of_attachment(account, one, now); fault != 0) return fault;
  }
  return 0;
}

void hand_over(AccountState& account, std::string_view channel, std::string text,
               std::vector<std::string> people, Instant at) {
  SentMessage message;
  message.channel = channel;
  message.id = account.next_message_id();
  message.at = at;
  message.link = first_link(text);
  message.text = std::move(text);
  message.targeted = people.size();
  message.recipients = std::move(people);
  account.hand_over(std::move(message));
}

Answer welcome(AccountState& account, const Call& call) {
  if (const int fault = fault_of_content(account, call.body, call.now); fault != 0)
    return account.refuse(fault, call.now);
  const auto found = account.wecom.welcomes.find(call.text("welcome_code"));
  if (found == account.wecom.welcomes.end() || call.now > found->second.ends_at)
    return account.refuse(41050, call.now);
  if (found->second.used) return account.refuse(41051, call.now);
  found->second.used = true;
  hand_over(account, "welcome", text_of(call.body["text"]["content"]),
            {found->second.external_userid}, call.now);
  return api_ok();
}

/// When a member confirms something of `at`; absent: never.
std::optional<Instant> confirms_at(const WecomState::Member& member, Instant at,
                                   const std::vector<Instant>& reminders) {
  if (!member.confirms_after) return std::nullopt;
  Instant when = at + *member.confirms_after;
  for (const Instant reminder : reminders) when = std::min(when, reminder + kConfirmsWhenReminded);
  return when;
}

/// A member confirmed: the messages go out to who may still have them.
void confirm(AccountState& account, WecomState::Task& task, const std::string& userid, Instant at) {
  task.confirmed.insert(userid);
  std::vector<std::string> reached;
  for (WecomState::Result& result : task.results) {
    if (result.userid != userid || result.status != 0) continue;
    result.at = at;
    if (!result.chat_id.empty()) {
      result.status = 1;
      continue;
    }
    WecomState::Contact& contact = *find_contact(account, result.external_userid);
    if (find_follow(contact, userid) == nullptr) {
      result.status = 2;  // no friend any more
      continue;
    }
    if (const int month = shanghai_month(at); contact.month != month) {
      contact.month = month;
      contact.messages_in_month = 0;
    }
    result.status = contact.messages_in_month < kPerContactAndMonth ? 1 : 3;
    if (result.status != 1) continue;
    ++contact.messages_in_month;
    reached.push_back(result.external_userid);
  }
  if (!reached.empty()) hand_over(account, "wecom", task.text, std::move(reached), at);
}

/// Whatever members have confirmed by now, in the order in which they did.
void settle(AccountState& account, Instant now) {
  struct Due {
    Instant at;
    std::size_t task;
    std::string userid;
  };
  std::vector<Due> due;
  for (std::size_t i = 0; i < account.wecom.tasks.size(); ++i) {
    const WecomState::Task& task = account.wecom.tasks[i];
    if (task.cancelled) continue;
    for (const std::string& userid : task.members) {
      if (task.confirmed.contains(userid)) continue;
      const auto at = confirms_at(*find_colleague(account, userid), task.at, task.reminders);
      if (at && *at <= now) due.push_back({*at, i, userid});
    }
  }
  std::ranges::stable_sort(due, {}, &Due::at);
  for (const Due& one : due) confirm(account, account.wecom.tasks[one.task], one.userid, one.at);
}

/// Whether a contact has, of each list of the filter, one tag.
bool passes(const WecomState::Follow& follow, const Json& filter) {
  const Json::Array* groups = filter["group_list"].if_array();
  if (groups == nullptr) return true;
  return std::ranges::all_of(*groups, [&](const Json& group) {
    const Json::Array* tags = group["tag_list"].if_array();
    return tags == nullptr || std::ranges::any_of(*tags, [&](const Json& tag) {
             return std::ranges::find(follow.tags, text_of(tag)) != follow.tags.end();
           });
  });
}

/// Adds who is meant to a task; returns those who are nobody's contact.
Json assign_contacts(AccountState& account, const Json& body, WecomState::Task& task) {
  const std::string sender = text_of(body["sender"]);
  Json failed = Json::array();
  const auto assign = [&](WecomState::Contact& contact) {
    for (const WecomState::Follow& follow : contact.follows) {
      if ((!sender.empty() && follow.userid != sender) || !passes(follow, body["tag_filter"]))
        continue;
      task.results.push_back({contact.id, {}, follow.userid, 0, {}});
      return true;
    }
    return false;
  };
  const Json::Array* wanted = body["external_userid"].if_array();
  if (wanted == nullptr || wanted->empty()) {
    for (WecomState::Contact& contact : account.wecom.contacts) assign(contact);
    return failed;
  }
  for (const Json& id : *wanted) {
    WecomState::Contact* contact = find_contact(account, text_of(id));
    if (contact == nullptr || !assign(*contact)) failed.push(id);
  }
  return failed;
}

Json assign_chats(AccountState& account, const Json& body, WecomState::Task& task) {
  const Json::Array* wanted = body["chat_id_list"].if_array();
  for (const WecomState::Chat& chat : account.wecom.chats) {
    const bool is_wanted =
        wanted == nullptr || wanted->empty() ||
        std::ranges::any_of(*wanted, [&](const Json& id) { return text_of(id) == chat.id; });
    if (is_wanted && chat.owner == text_of(body["sender"]))
      task.results.push_back({{}, chat.id, chat.owner, 0, {}});
  }
  return Json::array();
}

Answer mass_add(AccountState& account, const Call& call) {
  settle(account, call.now);
  if (const int fault = fault_of_content(account, call.body, call.now); fault != 0)
    return account.refuse(fault, call.now);
  const std::string sender = call.text("sender");
  if (!sender.empty() && find_colleague(account, sender) == nullptr)
    return account.refuse(60111, call.now);
  WecomState::Task task;
  task.chat_type = call.text("chat_type").empty() ? "single" : call.text("chat_type");
  const bool to_chats = task.chat_type == "group";
  if (to_chats && sender.empty()) return account.refuse(40058, call.now, "sender");
  Json failed =
      to_chats ? assign_chats(account, call.body, task) : assign_contacts(account, call.body, task);
  if (task.results.empty()) return account.refuse(to_chats ? 90501 : 84061, call.now);
  task.id = "msg" + account.make_name(28);
  task.text = text_of(call.body["text"]["content"]);
  task.at = call.now;
  for (const WecomState::Result& result : task.results) {
    if (std::ranges::find(task.members, result.userid) == task.members.end())
      task.members.push_back(result.userid);
  }
  Json answer = api_ok();
  answer.set("fail_list", std::move(failed));
  answer.set("msgid", task.id);
  account.wecom.tasks.push_back(std::move(task));
  return answer;
}

WecomState::Task* find_task(AccountState& account, const Call& call) {
  settle(account, call.now);
  auto& tasks = account.wecom.tasks;
  const auto found = std::ranges::find(tasks, call.text("msgid"), &WecomState::Task::id);
  return found == tasks.end() ? nullptr : &*found;
}

Answer mass_remind(AccountState& account, const Call& call) {
  WecomState::Task* task = find_task(account, call);
  if (task == nullptr) return account.refuse(40058, call.now, "msgid");
  const auto today =
      std::ranges::count_if(task->reminders, [&](Instant at) { return call.now - at < kDay; });
  if (static_cast<std::size_t>(today) >= kRemindersPerDay) return account.refuse(45009, call.now);
  task->reminders.push_back(call.now);
  return api_ok();
}

Answer mass_cancel(AccountState& account, const Call& call) {
  WecomState::Task* task = find_task(account, call);
  if (task == nullptr) return account.refuse(40058, call.now, "msgid");
  task->cancelled = true;
  return api_ok();
}

/// A page of what members made within a month, tasks or moments: of those that `is_meant`;
/// `describe` adds what is particular to one.
template <class Made, class IsMeant, class Describe>
Answer list_made(AccountState& account, const Call& call, const std::vector<Made>& all,
                 std::string_view member, std::int64_t page, IsMeant is_meant, Describe describe) {
  const std::int64_t from = call.number("start_time");
  const std::int64_t to = call.number("end_time");
  if (to < from || to - from > kMonthSeconds) return account.refuse(40058, call.now, "end_time");
  const std::size_t begin = begin_of(call);
  const auto most = static_cast<std::size_t>(call.number("limit", page));
  Json list = Json::array();
  std::size_t at = 0, end = 0;
  for (const Made& made : all) {
    const std::int64_t second = seconds_of(made.at);
    if (!is_meant(made) || second < from || second > to) continue;
    if (at++ < begin || list.if_array()->size() >= most) continue;
    end = at;
    Json words = Json::object();
    words.set("content", made.text);
    Json one = Json::object();
    one.set("creator", made.members.front());
    one.set("create_time", second);
    one.set("create_type", 0);
    one.set("text", std::move(words));
    describe(made, one);
    list.push(std::move(one));
  }
  Json answer = api_ok();
  answer.set("next_cursor", cursor_at(end, at));
  answer.set(std::string(member), std::move(list));
  return answer;
}

/// Whether a list asks for what that member made. What members make by themselves is not emulated:
/// all of it is the company's.
template <class Made>
bool is_asked(const Call& call, const Made& made) {
  constexpr std::int64_t kPersonal = 1;
  const std::string creator = call.text("creator");
  return call.number("filter_type") != kPersonal &&
         (creator.empty() || creator == made.members.front());
}

Answer mass_list(AccountState& account, const Call& call) {
  settle(account, call.now);
  const std::string type = call.text("chat_type");
  return list_made(
      account, call, account.wecom.tasks, "group_msg_list", 50,
      [&](const WecomState::Task& task) { return task.chat_type == type && is_asked(call, task); },
      [](const WecomState::Task& task, Json& one) { one.set("msgid", task.id); });
}

Answer mass_task(AccountState& account, const Call& call) {
  const WecomState::Task* task = find_task(account, call);
  if (task == nullptr) return account.refuse(40058, call.now, "msgid");
  const std::size_t begin = begin_of(call);
  const auto most = static_cast<std::size_t>(call.number("limit", 500));
  const std::size_t end = std::min(begin + most, task->members.size());
  Json list = Json::array();
  for (std::size_t i = begin; i < end; ++i) {
    const std::string& userid = task->members[i];
    const bool is_done = task->confirmed.contains(userid);
    Json one = Json::object();
    one.set("userid", userid);
    one.set("status", is_done ? 2 : 0);
    if (is_done) {
      const auto at = confirms_at(*find_colleague(account, userid), task->at, task->reminders);
      one.set("send_time", seconds_of(at.value_or(task->at)));
    }
    list.push(std::move(one));
  }
  Json answer = api_ok();
  answer.set("task_list", std::move(list));
  answer.set("next_cursor", cursor_at(end, task->members.size()));
  return answer;
}

Answer mass_result(AccountState& account, const Call& call) {
  const WecomState::Task* task = find_task(account, call);
  if (task == nullptr) return account.refuse(40058, call.now, "msgid");
  const std::size_t begin = begin_of(call);
  const auto most = static_cast<std::size_t>(call.number("limit", 500));
  Json list = Json::array();
  std::size_t at = 0, end = 0;
  for (const WecomState::Result& result : task->results) {
    if (result.userid != call.text("userid")) continue;
    if (at++ < begin || list.if_array()->size() >= most) continue;
    end = at;
    Json one = Json::object();
    if (!result.external_userid.empty()) one.set("external_userid", result.external_userid);
    if (!result.chat_id.empty()) one.set("chat_id", result.chat_id);
    one.set("userid", result.userid);
    one.set("status", result.status);
    if (result.status == 1) one.set("send_time", seconds_of(result.at));
    list.push(std::move(one));
  }
  Json answer = api_ok();
  answer.set("next_cursor", cursor_at(end, at));
  answer.set("send_list", std::move(list));
  return answer;
}

// Moments.

Answer moment_add(AccountState& account, const Call& call) {
  if (const int fault = fault_of_content(account, call.body, call.now); fault != 0)
    return account.refuse(fault, call.now);
  WecomState::Moment moment;
  moment.text = text_of(call.body["text"]["content"]);
  const Json& range = call.body["visible_range"];
  const Json::Array* senders = range["sender_list"]["user_list"].if_array();
  for (const Json& sender : senders != nullptr ? *senders : Json::Array()) {
    if (find_colleague(account, text_of(sender)) == nullptr) return account.refuse(60111, call.now);
    moment.members.push_back(text_of(sender));
  }
  if (moment.members.empty()) {
    for (const WecomState::Member& member : account.wecom.members)
      moment.members.push_back(member.userid);
  }
  const Json::Array* tags = range["external_contact_list"]["tag_list"].if_array();
  for (const Json& tag : tags != nullptr ? *tags : Json::Array())
    moment.tags.push_back(text_of(tag));
  moment.id = "mom" + account.make_name(28);
  moment.job = account.make_name(32);
  moment.at = call.now;
  Json answer = api_ok();
  answer.set("jobid", moment.job);
  account.wecom.moments.push_back(std::move(moment));
  return answer;
}

Answer moment_result(AccountState& account, const Call& call) {
  const auto& moments = account.wecom.moments;
  const auto found = std::ranges::find(moments, call.text("jobid"), &WecomState::Moment::job);
  if (found == moments.end()) return account.refuse(40058, call.now, "jobid");
  const bool is_done = call.now >= found->at + kMomentTakes;
  Json answer = api_ok();
  answer.set("status", is_done ? 3 : 2);
  answer.set("type", "add_moment_task");
  if (is_done) {
    Json result = Json::object();
    result.set("errcode", 0);
    result.set("errmsg", "ok");
    result.set("moment_id", found->id);
    answer.set("result", std::move(result));
  }
  return answer;
}

Answer moment_list(AccountState& account, const Call& call) {
  return list_made(
      account, call, account.wecom.moments, "moment_list", 20,
      [&](const WecomState::Moment& moment) {
        return call.now >= moment.at + kMomentTakes && is_asked(call, moment);
      },
      [](const WecomState::Moment& moment, Json& one) {
        one.set("moment_id", moment.id);
        one.set("visible_type", moment.tags.empty() ? 1 : 0);
      });
}

const WecomState::Moment* find_moment(AccountState& account, const Call& call) {
  const auto& moments = account.wecom.moments;
  const auto found = std::ranges::find(moments, call.text("moment_id"), &WecomState::Moment::id);
  return found == moments.end() || call.now < found->at + kMomentTakes ? nullptr : &*found;
}

bool has_published(AccountState& account, const WecomState::Moment& moment,
                   const std::string& userid, Instant now) {
  const bool is_asked = std::ranges::find(moment.members, userid) != moment.members.end();
  const auto at =
      is_asked ? confirms_at(*find_colleague(account, userid), moment.at, {}) : std::nullopt;
  return at && *at <= now;
}

Answer moment_task(AccountState& account, const Call& call) {
  const WecomState::Moment* moment = find_moment(account, call);
  if (moment == nullptr) return account.refuse(40058, call.now, "moment_id");
  const std::size_t begin = begin_of(call);
  const auto most = static_cast<std::size_t>(call.number("limit", 500));
  const std::size_t end = std::min(begin + most, moment->members.size());
  Json list = Json::array();
  for (std::size_t i = begin; i < end; ++i) {
    Json one = Json::object();
    one.set("userid", moment->members[i]);
    one.set("publish_status",
            has_published(account, *moment, moment->members[i], call.now) ? 1 : 0);
    list.push(std::move(one));
  }
  Json answer = api_ok();
  answer.set("next_cursor", cursor_at(end, moment->members.size()));
  answer.set("task_list", std::move(list));
  return answer;
}

bool sees(const WecomState::Follow& follow, const WecomState::Moment& moment) {
  return moment.tags.empty() || std::ranges::any_of(moment.tags, [&](const std::string& tag) {
           return std::ranges::find(follow.tags, tag) != follow.tags.end();
         });
}

Answer moment_send_result(AccountState& account, const Call& call) {
  const WecomState::Moment* moment = find_moment(account, call);
  if (moment == nullptr) return account.refuse(40058, call.now, "moment_id");
  const std::string userid = call.text("userid");
  const std::size_t begin = begin_of(call);
  const auto most = static_cast<std::size_t>(call.number("limit", 3000));
  Json list = Json::array();
  std::size_t at = 0, end = 0;
  for (WecomState::Contact& contact : account.wecom.contacts) {
    const WecomState::Follow* follow = find_follow(contact, userid);
    if (follow == nullptr || !has_published(account, *moment, userid, call.now)) continue;
    if (!sees(*follow, *moment) || at++ < begin || list.if_array()->size() >= most) continue;
    end = at;
    Json one = Json::object();
    one.set("external_userid", contact.id);
    list.push(std::move(one));
  }
  Json answer = api_ok();
  answer.set("next_cursor", cursor_at(end, at));
  answer.set("customer_list", std::move(list));
  return answer;
}

/// Who said something under a member's moment, or liked it: made up from the names of both.
Answer moment_comments(AccountState& account, const Call& call) {
  constexpr std::int64_t kAfter = 600;
  const WecomState::Moment* moment = find_moment(account, call);
  if (moment == nullptr) return account.refuse(40058, call.now, "moment_id");
  const std::string userid = call.text("userid");
  if (find_colleague(account, userid) == nullptr) return account.refuse(60111, call.now);
  Json comments = Json::array(), likes = Json::array();
  if (has_published(account, *moment, userid, call.now)) {
    for (WecomState::Contact& contact : account.wecom.contacts) {
      const WecomState::Follow* follow = find_follow(contact, userid);
      if (follow == nullptr || !sees(*follow, *moment)) continue;
      const std::uint64_t draw = crypto::xxh64(moment->id + contact.id);
      const std::int64_t at = seconds_of(moment->at) + kAfter;
      Json one = Json::object();
      one.set("external_userid", contact.id);
      one.set("create_time", std::min(at, seconds_of(call.now)));
      if (draw % 2 == 0) likes.push(one);
      if (draw % 3 == 0) comments.push(std::move(one));
    }
  }
  Json answer = api_ok();
  answer.set("comment_list", std::move(comments));
  answer.set("like_list", std::move(likes));
  return answer;
}

// Messages of the application to members.

std::vector<std::string> parts_of(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= text.size() && !text.empty();) {
    const std::size_t end = std::min(text.find('|', at), text.size());
    parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

std::string joined(const std::vector<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts) out += out.empty() ? part : "|" + part;
  return out;
}

Answer app_send(AccountState& account, const Call& call) {
  constexpr std::size_t kMembersMax = 1000;
  constexpr std::size_t kPartiesMax = 100;
  if (call.number("agentid") != account.wecom.agent_id) return account.refuse(40056, call.now);
  const std::string type = call.text("msgtype");
  if (call.body[type].if_object() == nullptr) return account.refuse(40008, call.now);
  const bool is_file = type == "image" || type == "voice" || type == "video" || type == "file";
  if (is_file && !has_file(account, text_of(call.body[type]["media_id"]), type, call.now))
    return account.refuse(40007, call.now);
  const std::string whole = call.text("touser");
  std::vector<std::string> reached, unknown, parties = parts_of(call.text("toparty"));
  if (parts_of(whole).size() > kMembersMax || parties.size() > kPartiesMax)
    return account.refuse(81017, call.now);
  for (const WecomState::Member& member : account.wecom.members) {
    const bool by_party =
        std::ranges::find(parties, std::to_string(member.department)) != parties.end();
    if (whole == "@all" || by_party) reached.push_back(member.userid);
  }
  for (const std::string& userid : whole == "@all" ? std::vector<std::string>() : parts_of(whole)) {
    if (find_colleague(account, userid) == nullptr) {
      unknown.push_back(userid);
    } else if (std::ranges::find(reached, userid) == reached.end()) {
      reached.push_back(userid);
    }
  }
  if (reached.empty()) return account.refuse(81013, call.now);
  const std::string digest = crypto::hex(
      crypto::sha1(fmt::format("{}\n{}\n{}", whole, call.text("toparty"), call.body[type].dump())));
  auto& sent = account.wecom.app_messages;
  const auto earlier = std::ranges::find_if(sent, [&](const WecomState::AppMessage& m) {
    return m.digest == digest && call.now - m.at < std::chrono::seconds(m.remembered_s);
  });
  Json answer = api_ok();
  answer.set("invaliduser", joined(unknown));
  if (earlier != sent.end()) {
    answer.set("msgid", earlier->id);
    return answer;
  }
  const bool is_checked = call.number("enable_duplicate_check") == 1;
  const std::int64_t remembered = is_checked ? call.number("duplicate_check_interval", 1800) : 0;
  sent.push_back({account.make_name(43), digest, call.now, remembered, false});
  answer.set("msgid", sent.back().id);
  hand_over(account, "wecom_app", text_of(call.body[type]["content"]), std::move(reached),
            call.now);
  return answer;
}

Answer app_recall(AccountState& account, const Call& call) {
  auto& sent = account.wecom.app_messages;
  const auto found = std::ranges::find(sent, call.text("msgid"), &WecomState::AppMessage::id);
  if (found == sent.end() || call.now - found->at > kRecallWithin)
    return account.refuse(40059, call.now);
  found->recalled = true;
  return api_ok();
}

}  // namespace

std::vector<Endpoint> task_endpoints() {
  const Field cursor = bytes("cursor", 0, 256);
  const Field msgid = bytes("msgid", 1, 64);
  const Field moment = bytes("moment_id", 1, 64);
  const Field userid = bytes("userid", 1, 64);
  const Field attachments = list("attachments", 0, 9);
  const Field kind = one_of("attachments[].msgtype", "image link miniprogram video file");
  const Field words = bytes("text?.content", 0, 4000, 45002);
  const auto up_to = [](std::int64_t most) { return number("limit", 1, most).optional(); };
  Endpoint moment_job = wecom_post(
      "/cgi-bin/externalcontact/get_moment_task_result", "What became of making a moment",
      moment_result, "status:n type result{errcode:n errmsg moment_id}", {bytes("jobid", 1, 64)});
  moment_job.method = "GET";
  return {
      wecom_post("/cgi-bin/externalcontact/send_welcome_msg",
                 "A first message: once, within 20 seconds of the event", welcome, "",
                 {bytes("welcome_code", 1, 256, 41050), words, attachments, kind},
                 {40007, 41050, 41051}),
      wecom_post(
          "/cgi-bin/externalcontact/add_msg_template",
          "A task for members, which they confirm; a contact gets 4 of these a month", mass_add,
          "fail_list[] msgid",
          {one_of("chat_type", "single group").optional(), list("external_userid", 0, 10'000),
           list("chat_id_list", 0, 2'000), bytes("sender", 0, 64), words, attachments, kind},
          {40007, 60111, 84061, 90501}),
      wecom_post("/cgi-bin/externalcontact/remind_groupmsg_send",
                 "Reminds members, three times in 24 hours", mass_remind, "", {msgid}, {45009}),
      wecom_post("/cgi-bin/externalcontact/cancel_groupmsg_send",
                 "Who has not confirmed no longer can", mass_cancel, "", {msgid}),
      wecom_post(
          "/cgi-bin/externalcontact/get_groupmsg_list_v2", "Tasks of a month", mass_list,
          "next_cursor group_msg_list[]{creator create_time:n create_type:n text{content} msgid}",
          {one_of("chat_type", "single group"), number("start_time", 1, kAnyNumber),
           number("end_time", 1, kAnyNumber), number("filter_type", 0, 2).optional(),
           bytes("creator", 0, 64), up_to(100), cursor}),
      wecom_post("/cgi-bin/externalcontact/get_groupmsg_task", "Which members have confirmed",
                 mass_task, "task_list[]{userid status:n send_time:n} next_cursor",
                 {msgid, up_to(1000), cursor}),
      wecom_post("/cgi-bin/externalcontact/get_groupmsg_send_result",
                 "What became of each contact: 1 sent, 2 no friend, 3 has had other messages",
                 mass_result,
                 "next_cursor send_list[]{external_userid chat_id userid status:n send_time:n}",
                 {msgid, userid, up_to(1000), cursor}),
      wecom_post("/cgi-bin/externalcontact/add_moment_task", "A moment that members publish",
                 moment_add, "jobid", {text("text?.content", 0, 2000, 45002), attachments, kind},
                 {40007, 60111}),
      moment_job,
      wecom_post(
          "/cgi-bin/externalcontact/get_moment_list", "Moments of a month", moment_list,
          "next_cursor moment_list[]{creator create_time:n create_type:n text{content} moment_id "
          "visible_type:n}",
          {number("start_time", 1, kAnyNumber), number("end_time", 1, kAnyNumber),
           number("filter_type", 0, 2).optional(), bytes("creator", 0, 64), up_to(100), cursor}),
      wecom_post("/cgi-bin/externalcontact/get_moment_task", "Which members have published",
                 moment_task, "next_cursor task_list[]{userid publish_status:n}",
                 {moment, up_to(1000), cursor}),
      wecom_post("/cgi-bin/externalcontact/get_moment_send_result", "Who sees a member's moment",
                 moment_send_result, "next_cursor customer_list[]{external_userid}",
                 {moment, userid, up_to(5000), cursor}),
      wecom_post("/cgi-bin/externalcontact/get_moment_comments",
                 "Who commented or liked a member's moment", moment_comments,
                 "comment_list[]{external_userid create_time:n} like_list[]{external_userid "
                 "create_time:n}",
                 {moment, userid}, {60111}),
      wecom_post(
          "/cgi-bin/message/send", "A message of the application to members", app_send,
          "invaliduser msgid",
          {one_of("msgtype",
                  "text image voice video file textcard news mpnews markdown miniprogram_notice "
                  "template_card",
                  40008),
           number("agentid", 0, kAnyNumber, 40056), bytes("text?.content", 1, 2048, 45002),
           bytes("textcard?.title", 1, 128), bytes("textcard?.description", 1, 512),
           list("news?.articles", 1, 8), bytes("news?.articles[].title", 1, 128),
           list("mpnews?.articles", 1, 8), bytes("mpnews?.articles[].title", 1, 128),
           bytes("mpnews?.articles[].thumb_media_id", 1, 256, 40007),
           bytes("mpnews?.articles[].content", 1, 666 << 10),
           bytes("miniprogram_notice?.appid", 1, 64), text("miniprogram_notice?.title", 4, 12),
           list("miniprogram_notice?.content_item", 0, 10),
           number("duplicate_check_interval", 1, 14'400).optional()},
          {40007, 40056, 81013, 81017}),
      wecom_post("/cgi-bin/message/recall", "Takes such a message back, within 24 hours",
                 app_recall, "", {msgid}, {40059}),
  };
}

}  // namespace zhiyin::sandbox
