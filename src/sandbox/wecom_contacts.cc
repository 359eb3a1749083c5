#include <fmt/format.h>

#include <algorithm>

#include "base/crypto.h"
#include "sandbox/wecom.h"

// WeCom: members and their external contacts, ways to meet, tags, the archive.
namespace zhiyin::sandbox {
namespace {

constexpr Duration kWelcomeLife = std::chrono::seconds(20);
constexpr std::size_t kTagsMax = 10'000;
constexpr std::size_t kFollowersPage = 500;
constexpr std::int64_t kBehaviourDays = 30;
constexpr std::int64_t kDaySeconds = 86'400;

Json describe(const WecomState::Contact& contact) {
  Json out = Json::object();
  out.set("external_userid", contact.id);
  out.set("name", contact.name);
  out.set("type", contact.type);
  out.set("avatar", "");
  out.set("gender", 0);
  if (!contact.unionid.empty()) out.set("unionid", contact.unionid);
  return out;
}

Json strings(const std::vector<std::string>& list) {
  Json out = Json::array();
  for (const std::string& text : list) out.push(text);
  return out;
}

const WecomState::Tag* find_tag(const AccountState& account, std::string_view id,
                                const WecomState::TagGroup** group = nullptr) {
  for (const WecomState::TagGroup& one : account.wecom.groups) {
    const auto tag = std::ranges::find(one.tags, id, &WecomState::Tag::id);
    if (tag == one.tags.end()) continue;
    if (group != nullptr) *group = &one;
    return &*tag;
  }
  return nullptr;
}

Json describe(const AccountState& account, const WecomState::Follow& follow, bool tags_by_name) {
  Json out = Json::object();
  out.set("userid", follow.userid);
  out.set("remark", follow.remark);
  out.set("description", follow.description);
  out.set("createtime", seconds_of(follow.at));
  out.set("remark_corp_name", follow.company);
  out.set("remark_mobiles", strings(follow.mobiles));
  out.set("oper_userid", follow.userid);
  out.set("add_way", follow.add_way);
  if (!follow.state.empty()) out.set("state", follow.state);
  if (!tags_by_name) {
    out.set("tag_id", strings(follow.tags));
    return out;
  }
  Json tags = Json::array();
  for (const std::string& id : follow.tags) {
    const WecomState::TagGroup* group = nullptr;
    const WecomState::Tag* tag = find_tag(account, id, &group);
    if (tag == nullptr) continue;
    Json one = Json::object();
    one.set("group_name", group->name);
    one.set("tag_name", tag->name);
    one.set("tag_id", tag->id);
    one.set("type", 1);
    tags.push(std::move(one));
  }
  out.set("tags", std::move(tags));
  return out;
}

Answer members(AccountState& account, const Call&) {
  Json list = Json::array();
  for (const WecomState::Member& member : account.wecom.members) list.push(member.userid);
  Json answer = api_ok();
  answer.set("follow_user", std::move(list));
  return answer;
}

Answer contacts(AccountState& account, const Call& call) {
  settle_handovers(account, call.now);
  const std::string userid = call.text("userid");
  if (find_colleague(account, userid) == nullptr) return account.refuse(60111, call.now);
  Json list = Json::array();
  for (WecomState::Contact& contact : account.wecom.contacts) {
    if (find_follow(contact, userid) != nullptr) list.push(contact.id);
  }
  if (list.if_array()->empty()) return account.refuse(84061, call.now);
  Json answer = api_ok();
  answer.set("external_userid", std::move(list));
  return answer;
}

Answer contact(AccountState& account, const Call& call) {
  settle_handovers(account, call.now);
  const WecomState::Contact* found = find_contact(account, call.text("external_userid"));
  if (found == nullptr) return account.refuse(40096, call.now);
  if (found->follows.empty()) return account.refuse(84061, call.now);
  Json follows = Json::array();
  const std::size_t begin = begin_of(call);
  const std::size_t end = std::min(begin + kFollowersPage, found->follows.size());
  for (std::size_t i = begin; i < end; ++i)
    follows.push(describe(account, found->follows[i], true));
  Json answer = api_ok();
  answer.set("external_contact", describe(*found));
  answer.set("follow_user", std::move(follows));
  if (const std::string next = cursor_at(end, found->follows.size()); !next.empty())
    answer.set("next_cursor", next);
  return answer;
}

Answer contacts_of(AccountState& account, const Call& call) {
  settle_handovers(account, call.now);
  std::vector<std::string> userids;
  for (const Json& userid : *call.body["userid_list"].if_array()) {
    if (find_colleague(account, text_of(userid)) == nullptr)
      return account.refuse(60111, call.now, text_of(userid));
    userids.push_back(text_of(userid));
  }
  const std::size_t begin = begin_of(call);
  const auto most = static_cast<std::size_t>(call.number("limit", 50));
  Json list = Json::array();
  std::size_t at = 0, end = 0;
  for (WecomState::Contact& one : account.wecom.contacts) {
    for (const WecomState::Follow& follow : one.follows) {
      if (std::ranges::find(userids, follow.userid) == userids.end()) continue;
      if (at++ < begin || list.if_array()->size() >= most) continue;
      end = at;
      Json line = Json::object();
      line.set("external_contact", describe(one));
      line.set("follow_info", describe(account, follow, false));
      list.push(std::move(line));
    }
  }
  if (list.if_array()->empty() && begin == 0) return account.refuse(84061, call.now);
  Json answer = api_ok();
  answer.set("external_contact_list", std::move(list));
  answer.set("next_cursor", cursor_at(end, at));
  return answer;
}

Answer remark(AccountState& account, const Call& call) {
  WecomState::Contact* found = find_contact(account, call.text("external_userid"));
  if (found == nullptr) return account.refuse(40096, call.now);
  WecomState::Follow* follow = find_follow(*found, call.text("userid"));
  if (follow == nullptr) return account.refuse(84061, call.now);
  const auto take = [&](std::string_view name, std::string& into) {
    if (call.body.find(name) != nullptr) into = call.text(name);
  };
  take("remark", follow->remark);
  take("description", follow->description);
  take("remark_company", follow->company);
  if (const Json::Array* mobiles = call.body["remark_mobiles"].if_array()) {
    follow->mobiles.clear();
    for (const Json& mobile : *mobiles) {  // an empty one alone takes all away
      if (!text_of(mobile).empty()) follow->mobiles.push_back(text_of(mobile));
    }
  }
  return api_ok();
}

/// The contact behind the unionid of a mini-program or official account of the same owner. Who is
/// no contact has no external_userid; the platform tells a pending_id then (unverified).
Answer by_unionid(AccountState& account, const Call& call) {
  const auto& all = account.wecom.contacts;
  const auto found = std::ranges::find(all, call.text("unionid"), &WecomState::Contact::unionid);
  Json answer = api_ok();
  if (found != all.end()) {
    answer.set("external_userid", found->id);
  } else {
    answer.set("pending_id", crypto::hex(crypto::sha1(call.text("unionid"))));
  }
  return answer;
}

// Ways to meet.

WecomState::Way* find_way(AccountState& account, std::string_view id) {
  auto& ways = account.wecom.ways;
  const auto found = std::ranges::find(ways, id, &WecomState::Way::id);
  return found == ways.end() ? nullptr : &*found;
}

/// Reads the members of a way; false when one of them does not exist.
bool read_users(AccountState& account, const Json& body, std::vector<std::string>& users) {
  const Json::Array* list = body["user"].if_array();
  if (list == nullptr) return true;
  users.clear();
  for (const Json& user : *list) {
    if (find_colleague(account, text_of(user)) == nullptr) return false;
    users.push_back(text_of(user));
  }
  return true;
}

Answer way_add(AccountState& account, const Call& call) {
  WecomState::Way way;
  way.type = static_cast<int>(call.number("type"));
  way.scene = static_cast<int>(call.number("scene"));
  way.state = call.text("state");
  way.remark = call.text("remark");
  way.skip_verify = call.body["skip_verify"].bool_or(true);
  way.is_temporary = flag_of(call.body["is_temp"]);
  if (!read_users(account, call.body, way.users)) return account.refuse(60111, call.now, "user");
  const Json::Array* parties = call.body["party"].if_array();
  const bool has_parties = parties != nullptr && !parties->empty();
  if ((way.users.empty() && !has_parties) || (way.type == 1 && way.users.size() > 1))
    return account.refuse(40058, call.now, "user");
  return keep_way(account, std::move(way), call.now);
}

Answer way_get(AccountState& account, const Call& call) {
  const WecomState::Way* way = find_way(account, call.text("config_id"));
  if (way == nullptr || way->is_group) return account.refuse(40058, call.now, "config_id");
  Json facts = Json::object();
  facts.set("config_id", way->id);
  facts.set("type", way->type);
  facts.set("scene", way->scene);
  facts.set("style", 1);
  facts.set("remark", way->remark);
  facts.set("skip_verify", way->skip_verify);
  facts.set("is_temp", way->is_temporary);
  facts.set("state", way->state);
  facts.set("qr_code", way->qr_code);
  facts.set("user", strings(way->users));
  facts.set("party", Json::array());
  Json answer = api_ok();
  answer.set("contact_way", std::move(facts));
  return answer;
}

Answer way_update(AccountState& account, const Call& call) {
  WecomState::Way* way = find_way(account, call.text("config_id"));
  if (way == nullptr || way->is_group) return account.refuse(40058, call.now, "config_id");
  std::vector<std::string> users = way->users;
  if (!read_users(account, call.body, users)) return account.refuse(60111, call.now, "user");
  if (way->type == 1 && users.size() != 1) return account.refuse(40058, call.now, "user");
  way->users = std::move(users);
  if (call.body.find("state") != nullptr) way->state = call.text("state");
  if (call.body.find("remark") != nullptr) way->remark = call.text("remark");
  if (call.body.find("skip_verify") != nullptr)
    way->skip_verify = flag_of(call.body["skip_verify"]);
  return api_ok();
}

Answer way_delete(AccountState& account, const Call& call) {
  const std::string id = call.text("config_id");
  const auto is_meant = [&](const WecomState::Way& way) { return way.id == id && !way.is_group; };
  if (std::erase_if(account.wecom.ways, is_meant) == 0)
    return account.refuse(40058, call.now, "config_id");
  return api_ok();
}

/// Ends a chat that began by a temporary way. The code where there is none is unverified.
Answer close_temporary(AccountState& account, const Call& call) {
  const std::string userid = call.text("userid");
  if (find_colleague(account, userid) == nullptr) return account.refuse(60111, call.now, "userid");
  WecomState::Contact* found = find_contact(account, call.text("external_userid"));
  if (found == nullptr) return account.refuse(40096, call.now);
  WecomState::Follow* follow = find_follow(*found, userid);
  if (follow == nullptr || !follow->is_temporary) return account.refuse(84061, call.now);
  std::erase_if(found->follows, [&](const auto& f) { return f.userid == userid; });
  return api_ok();
}

// Tags.

Json describe(const WecomState::TagGroup& group, const Json::Array* only) {
  Json tags = Json::array();
  for (const WecomState::Tag& tag : group.tags) {
    const bool is_asked = only == nullptr || std::ranges::any_of(*only, [&](const Json& id) {
                            return text_of(id) == tag.id;
                          });
    if (!is_asked) continue;
    Json one = Json::object();
    one.set("id", tag.id);
    one.set("name", tag.name);
    one.set("create_time", seconds_of(tag.at));
    one.set("order", tag.order);
    tags.push(std::move(one));
  }
  Json out = Json::object();
  out.set("group_id", group.id);
  out.set("group_name", group.name);
  out.set("create_time", seconds_of(group.at));
  out.set("order", group.order);
  out.set("tag", std::move(tags));
  return out;
}

Answer tags(AccountState& account, const Call& call) {
  const auto given = [&](std::string_view name) {
    const Json::Array* list = call.body[name].if_array();
    return list != nullptr && !list->empty() ? list : nullptr;
  };
  const Json::Array* by_tag = given("tag_id");
  const Json::Array* by_group = by_tag == nullptr ? given("group_id") : nullptr;
  Json list = Json::array();
  for (const WecomState::TagGroup& group : account.wecom.groups) {
    const bool is_asked =
        by_group == nullptr ||
        std::ranges::any_of(*by_group, [&](const Json& id) { return text_of(id) == group.id; });
    if (!is_asked) continue;
    Json one = describe(group, by_tag);
    if (by_tag == nullptr || !one["tag"].if_array()->empty()) list.push(std::move(one));
  }
  Json answer = api_ok();
  answer.set("tag_group", std::move(list));
  return answer;
}

std::string tag_id(AccountState& account) { return "et" + account.make_name(30); }

Answer tag_add(AccountState& account, const Call& call) {
  const std::string group_id = call.text("group_id");
  const std::string group_name = call.text("group_name");
  auto& groups = account.wecom.groups;
  auto group = std::ranges::find_if(groups, [&](const WecomState::TagGroup& g) {
    return group_id.empty() ? g.name == group_name : g.id == group_id;
  });
  if (group == groups.end() && (!group_id.empty() || group_name.empty()))
    return account.refuse(40068, call.now, "group_id");
  std::size_t all = 0;
  for (const WecomState::TagGroup& g : groups) all += g.tags.size();
  const Json::Array& wanted = *call.body["tag"].if_array();
  if (all + wanted.size() > kTagsMax) return account.refuse(81017, call.now);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const std::string name = text_of(wanted[i]["name"]);
    const bool is_there =
        group != groups.end() &&
        std::ranges::find(group->tags, name, &WecomState::Tag::name) != group->tags.end();
    const bool is_twice =
        std::any_of(wanted.begin(), wanted.begin() + static_cast<std::ptrdiff_t>(i),
                    [&](const Json& w) { return text_of(w["name"]) == name; });
    if (is_there || is_twice) return account.refuse(40071, call.now, name);
  }
  if (group == groups.end()) {
    groups.push_back({tag_id(account), group_name, call.number("order"), call.now, {}});
    group = std::prev(groups.end());
  }
  Json::Array added;
  for (const Json& one : wanted) {
    group->tags.push_back(
        {tag_id(account), text_of(one["name"]), number_of(one["order"]), call.now});
    added.emplace_back(group->tags.back().id);
  }
  Json answer = api_ok();
  answer.set("tag_group", describe(*group, &added));
  return answer;
}

Answer tag_edit(AccountState& account, const Call& call) {
  const std::string id = call.text("id");
  const std::string name = call.text("name");
  for (WecomState::TagGroup& group : account.wecom.groups) {
    if (group.id == id) {
      if (!name.empty()) group.name = name;
      group.order = call.number("order", group.order);
      return api_ok();
    }
    const auto tag = std::ranges::find(group.tags, id, &WecomState::Tag::id);
    if (tag == group.tags.end()) continue;
    const auto same = std::ranges::find(group.tags, name, &WecomState::Tag::name);
    if (same != group.tags.end() && same != tag) return account.refuse(40071, call.now);
    if (!name.empty()) tag->name = name;
    tag->order = call.number("order", tag->order);
    return api_ok();
  }
  return account.refuse(40068, call.now);
}

Answer tag_delete(AccountState& account, const Call& call) {
  const auto names = [&](std::string_view member, const std::string& id) {
    const Json::Array* list = call.body[member].if_array();
    return list != nullptr &&
           std::ranges::any_of(*list, [&](const Json& one) { return text_of(one) == id; });
  };
  std::vector<std::string> gone;
  std::size_t removed = 0;
  for (WecomState::TagGroup& group : account.wecom.groups) {
    const bool whole = names("group_id", group.id);
    removed += std::erase_if(group.tags, [&](const WecomState::Tag& tag) {
      if (!whole && !names("tag_id", tag.id)) return false;
      gone.push_back(tag.id);
      return true;
    });
  }
  // A group without tags goes too.
  removed += std::erase_if(account.wecom.groups, [](const auto& g) { return g.tags.empty(); });
  if (removed == 0) return account.refuse(40068, call.now);
  for (WecomState::Contact& one : account.wecom.contacts) {
    for (WecomState::Follow& follow : one.follows) {
      std::erase_if(follow.tags, [&](const std::string& tag) {
        return std::ranges::find(gone, tag) != gone.end();
      });
    }
  }
  return api_ok();
}

Answer mark_tag(AccountState& account, const Call& call) {
  WecomState::Contact* found = find_contact(account, call.text("external_userid"));
  if (found == nullptr) return account.refuse(40096, call.now);
  WecomState::Follow* follow = find_follow(*found, call.text("userid"));
  if (follow == nullptr) return account.refuse(84061, call.now);
  const auto each = [&](std::string_view name, auto&& work) {
    const Json::Array* list = call.body[name].if_array();
    for (const Json& id : list != nullptr ? *list : Json::Array()) {
      if (find_tag(account, text_of(id)) == nullptr) return false;
      work(text_of(id));
    }
    return true;
  };
  const auto nothing = [](const std::string&) {};
  if (!each("add_tag", nothing) || !each("remove_tag", nothing))
    return account.refuse(40068, call.now);
  each("add_tag", [&](const std::string& id) {
    std::erase(follow->tags, id);
    follow->tags.push_back(id);
  });
  each("remove_tag", [&](const std::string& id) { std::erase(follow->tags, id); });
  return api_ok();
}

// How members deal with customers, and the archive.

Answer behaviour(AccountState& account, const Call& call) {
  const std::int64_t begin = call.number("start_time");
  const std::int64_t end = call.number("end_time");
  if (end < begin || end - begin > kBehaviourDays * kDaySeconds)
    return account.refuse(40058, call.now, "end_time");
  const Json::Array* users = call.body["userid"].if_array();
  std::vector<std::string> userids;
  for (const Json& user : users != nullptr ? *users : Json::Array()) {
    if (find_colleague(account, text_of(user)) == nullptr) return account.refuse(60111, call.now);
    userids.push_back(text_of(user));
  }
  if (userids.empty()) {
    for (const WecomState::Member& member : account.wecom.members) userids.push_back(member.userid);
  }
  Json rows = Json::array();
  for (std::int64_t at = begin - begin % kDaySeconds; at <= end; at += kDaySeconds) {
    std::int64_t chats = 0, messages = 0, fresh = 0;
    for (const std::string& userid : userids) {
      const std::uint64_t draw = crypto::xxh64(fmt::format("{} {}", userid, at));
      chats += static_cast<std::int64_t>(draw % 9);
      messages += static_cast<std::int64_t>(draw / 16 % 60);
    }
    for (WecomState::Contact& one : account.wecom.contacts) {
      for (const WecomState::Follow& follow : one.follows) {
        const std::int64_t since = seconds_of(follow.at) - at;
        const bool counts = std::ranges::find(userids, follow.userid) != userids.end();
        if (counts && since >= 0 && since < kDaySeconds) ++fresh;
      }
    }
    Json row = Json::object();
    row.set("stat_time", at);
    row.set("chat_cnt", chats);
    row.set("message_cnt", messages);
    row.set("reply_percentage", 71.43);
    row.set("avg_reply_time", 4);
    row.set("negative_feedback_cnt", 0);
    row.set("new_apply_cnt", fresh);
    row.set("new_contact_cnt", fresh);
    rows.push(std::move(row));
  }
  Json answer = api_ok();
  answer.set("behavior_data", std::move(rows));
  return answer;
}

Answer archive_members(AccountState& account, const Call&) {
  Json ids = Json::array();
  for (const WecomState::Member& member : account.wecom.members) ids.push(member.userid);
  Json answer = api_ok();
  answer.set("ids", std::move(ids));
  return answer;
}

Json consent(const AccountState& account, const std::string& userid, const std::string& external,
             Instant at) {
  Json one = Json::object();
  if (!userid.empty()) one.set("userid", userid);
  one.set("exteranalopenid", external);  // the platform's spelling
  one.set("agree_status",
          account.wecom.archive_disagreed.contains(external) ? "Disagree" : "Agree");
  one.set("status_change_time", seconds_of(at));
  return one;
}

Answer archive_consent(AccountState& account, const Call& call) {
  Json list = Json::array();
  for (const Json& pair : *call.body["info"].if_array()) {
    WecomState::Contact* found = find_contact(account, text_of(pair["exteranalopenid"]));
    if (found == nullptr) return account.refuse(40096, call.now);
    const WecomState::Follow* follow = find_follow(*found, text_of(pair["userid"]));
    if (follow == nullptr) return account.refuse(84061, call.now);
    list.push(consent(account, follow->userid, found->id, follow->at));
  }
  Json answer = api_ok();
  answer.set("agreeinfo", std::move(list));
  return answer;
}

Answer archive_room_consent(AccountState& account, const Call& call) {
  const WecomState::Chat* found = find_chat(account, call.text("roomid"));
  if (found == nullptr) return account.refuse(90501, call.now);
  Json list = Json::array();
  for (const auto& [id, at] : found->members) {
    if (find_contact(account, id) != nullptr) list.push(consent(account, "", id, at));
  }
  Json answer = api_ok();
  answer.set("agreeinfo", std::move(list));
  return answer;
}

Answer archive_room(AccountState& account, const Call& call) {
  const WecomState::Chat* found = find_chat(account, call.text("roomid"));
  if (found == nullptr) return account.refuse(90501, call.now);
  Json people = Json::array();
  for (const auto& [id, at] : found->members) {
    if (find_colleague(account, id) == nullptr) continue;
    Json one = Json::object();
    one.set("memberid", id);
    one.set("jointime", seconds_of(at));
    people.push(std::move(one));
  }
  Json answer = api_ok();
  answer.set("roomname", found->name);
  answer.set("creator", found->owner);
  answer.set("room_create_time", seconds_of(found->at));
  answer.set("notice", found->notice);
  answer.set("members", std::move(people));
  return answer;
}

}  // namespace

WecomState::Member* find_colleague(AccountState& account, std::string_view userid) {
  auto& all = account.wecom.members;
  const auto found = std::ranges::find(all, userid, &WecomState::Member::userid);
  return found == all.end() ? nullptr : &*found;
}

WecomState::Contact* find_contact(AccountState& account, std::string_view external_userid) {
  const auto found = account.wecom.by_contact.find(external_userid);
  return found == account.wecom.by_contact.end() ? nullptr : &account.wecom.contacts[found->second];
}

WecomState::Follow* find_follow(WecomState::Contact& contact, std::string_view userid) {
  const auto found = std::ranges::find(contact.follows, userid, &WecomState::Follow::userid);
  return found == contact.follows.end() ? nullptr : &*found;
}

WecomState::Chat* find_chat(AccountState& account, std::string_view chat_id) {
  auto& all = account.wecom.chats;
  const auto found = std::ranges::find(all, chat_id, &WecomState::Chat::id);
  return found == all.end() ? nullptr : &*found;
}

Answer keep_way(AccountState& account, WecomState::Way way, Instant now) {
  constexpr std::size_t kWaysMax = 500'000;  // of members and groups together
  if (account.wecom.ways.size() >= kWaysMax) return account.refuse(81017, now);
  way.id = crypto::hex(crypto::sha1(account.make_name(32))).substr(0, 32);
  way.qr_code = "http://p.qpic.cn/wwhead/" + account.make_name(24) + "/0";
  Json answer = api_ok();
  answer.set("config_id", way.id);
  if (way.scene == 2) answer.set("qr_code", way.qr_code);
  account.wecom.ways.push_back(std::move(way));
  return answer;
}

std::string meet(AccountState& account, std::string_view userid, std::string_view external_userid,
                 std::string_view name, std::string_view unionid, std::string_view state,
                 Instant at) {
  if (find_colleague(account, userid) == nullptr) return {};
  WecomState& wecom = account.wecom;
  if (find_contact(account, external_userid) == nullptr) {
    wecom.by_contact.emplace(external_userid, wecom.contacts.size());
    WecomState::Contact added;
    added.id = external_userid;
    added.name = name;
    added.unionid = unionid;
    wecom.contacts.push_back(std::move(added));
  }
  WecomState::Contact& contact = *find_contact(account, external_userid);
  if (find_follow(contact, userid) == nullptr) {
    WecomState::Follow follow;
    follow.userid = userid;
    follow.remark = contact.name;
    follow.state = state;
    follow.at = at;
    follow.is_temporary = std::ranges::any_of(wecom.ways, [&](const WecomState::Way& way) {
      return way.is_temporary && !state.empty() && way.state == state;
    });
    contact.follows.push_back(std::move(follow));
  }
  const std::string code = account.make_name(43);
  wecom.welcomes[code] = {at + kWelcomeLife, std::string(external_userid), false};
  std::vector<CallbackField> fields = {{"ChangeType", "add_external_contact", false, {}},
                                       {"UserID", std::string(userid), false, {}},
                                       {"ExternalUserID", std::string(external_userid), false, {}}};
  if (!state.empty()) fields.push_back({"State", std::string(state), false, {}});
  fields.push_back({"WelcomeCode", code, false, {}});
  account.call_back(at, event_message("sys", at, "change_external_contact", std::move(fields)));
  return code;
}

void part(AccountState& account, std::string_view userid, std::string_view external_userid,
          Instant at) {
  WecomState::Contact* contact = find_contact(account, external_userid);
  if (contact == nullptr) return;
  const auto gone =
      std::erase_if(contact->follows, [&](const auto& f) { return f.userid == userid; });
  if (gone == 0) return;
  account.call_back(at,
                    event_message("sys", at, "change_external_contact",
                                  {{"ChangeType", "del_follow_user", false, {}},
                                   {"UserID", std::string(userid), false, {}},
                                   {"ExternalUserID", std::string(external_userid), false, {}}}));
}

std::size_t begin_of(const Call& call) {
  const std::string cursor = call.text("cursor");
  return static_cast<std::size_t>(std::max<std::int64_t>(0, number_of(Json(cursor))));
}

std::string cursor_at(std::size_t end, std::size_t size) {
  return end < size && end > 0 ? std::to_string(end) : std::string();
}

Endpoint wecom_get(std::string_view path, std::string_view summary, Handler handler,
                   std::string answers, std::vector<Field> fields, std::vector<int> errors) {
  return {.method = "GET",
          .path = path,
          .summary = summary,
          .handler = handler,
          .answers = std::move(answers),
          .fields = std::move(fields),
          .errors = std::move(errors),
          .family = Family::kWecom};
}

Endpoint wecom_post(std::string_view path, std::string_view summary, Handler handler,
                    std::string answers, std::vector<Field> fields, std::vector<int> errors) {
  Endpoint endpoint =
      wecom_get(path, summary, handler, std::move(answers), std::move(fields), std::move(errors));
  endpoint.method = "POST";
  return endpoint;
}

std::vector<Endpoint> contact_endpoints() {
  const std::string kContact = "external_userid name type:n avatar gender:n unionid";
  const std::string kFollow =
      "userid remark description createtime:n remark_corp_name remark_mobiles[] oper_userid "
      "add_way:n state";
  const std::string kTagGroup =
      "group_id group_name create_time:n order:n tag[]{id name create_time:n order:n}";
  const Field userid = bytes("userid", 1, 64);
  const Field external = bytes("external_userid", 1, 64, 40096);
  const Field config = bytes("config_id", 1, 64);
  const Field cursor = bytes("cursor", 0, 256);
  const Field room = bytes("roomid", 1, 64);
  return {
      wecom_get("/cgi-bin/externalcontact/get_follow_user_list", "Members who look after customers",
                members, "follow_user[]", {}),
      wecom_get("/cgi-bin/externalcontact/list", "The contacts of a member", contacts,
                "external_userid[]", {userid}, {60111, 84061}),
      wecom_get("/cgi-bin/externalcontact/get", "A contact and who knows them", contact,
                "external_contact{" + kContact + "} follow_user[]{" + kFollow +
                    " tags[]{group_name tag_name tag_id type:n}} next_cursor",
                {external, cursor}, {84061}),
      wecom_post("/cgi-bin/externalcontact/batch/get_by_user", "The contacts of up to 100 members",
                 contacts_of,
                 "external_contact_list[]{external_contact{" + kContact + "} follow_info{" +
                     kFollow + " tag_id[]}} next_cursor",
                 {list("userid_list", 1, 100), cursor, number("limit", 1, 100).optional()},
                 {60111, 84061}),
      wecom_post("/cgi-bin/externalcontact/remark", "What a member notes of a contact", remark, "",
                 {userid, external, text("remark", 0, 20), text("description", 0, 150),
                  text("remark_company", 0, 20), list("remark_mobiles", 0, 5)},
                 {84061}),
      wecom_post(
          "/cgi-bin/externalcontact/add_contact_way", "A code by which people meet members",
          way_add, "config_id qr_code",
          {number("type", 1, 2), number("scene", 1, 2), text("remark", 0, 30),
           bytes("state", 0, 30), list("user", 0, 100), flag("skip_verify"), flag("is_temp")},
          {60111, 81017}),
      wecom_post("/cgi-bin/externalcontact/get_contact_way", "Such a code", way_get,
                 "contact_way{config_id type:n scene:n style:n remark skip_verify:b is_temp:b "
                 "state qr_code user[] party[]:n}",
                 {config}),
      wecom_post("/cgi-bin/externalcontact/update_contact_way", "Changes such a code", way_update,
                 "", {config, text("remark", 0, 30), bytes("state", 0, 30), list("user", 0, 100)},
                 {60111}),
      wecom_post("/cgi-bin/externalcontact/del_contact_way", "Deletes such a code", way_delete, "",
                 {config}),
      wecom_post("/cgi-bin/externalcontact/close_temp_chat",
                 "Ends a chat that began by a code with is_temp", close_temporary, "",
                 {userid, external}, {60111, 84061}),
      wecom_post("/cgi-bin/idconvert/unionid_to_external_userid",
                 "The contact behind a unionid of the same owner", by_unionid,
                 "external_userid pending_id",
                 {bytes("unionid", 1, 128), bytes("openid", 1, 128),
                  number("subject_type", 0, 1).optional()}),
      wecom_post("/cgi-bin/externalcontact/get_corp_tag_list", "The company's tags by group", tags,
                 "tag_group[]{" + kTagGroup + "}",
                 {list("tag_id", 0, 100), list("group_id", 0, 100)}),
      wecom_post("/cgi-bin/externalcontact/add_corp_tag", "Adds tags to a group, or a group",
                 tag_add, "tag_group{" + kTagGroup + "}",
                 {bytes("group_id", 0, 64), text("group_name", 0, 30), list("tag", 1, 100),
                  text("tag[].name", 1, 30, 40071)},
                 {40068, 40071, 81017}),
      wecom_post("/cgi-bin/externalcontact/edit_corp_tag", "Renames a tag or a group", tag_edit, "",
                 {bytes("id", 1, 64), text("name", 0, 30, 40071)}, {40068}),
      wecom_post("/cgi-bin/externalcontact/del_corp_tag", "Deletes tags and groups", tag_delete, "",
                 {list("tag_id", 0, 100), list("group_id", 0, 100)}, {40068}),
      wecom_post("/cgi-bin/externalcontact/mark_tag",
                 "A member gives a contact tags, or takes them", mark_tag, "",
                 {userid, external, list("add_tag", 0, 100), list("remove_tag", 0, 100)},
                 {40068, 84061}),
      wecom_post("/cgi-bin/externalcontact/get_user_behavior_data",
                 "How members deal with customers", behaviour,
                 "behavior_data[]{stat_time:n chat_cnt:n message_cnt:n reply_percentage:d "
                 "avg_reply_time:n negative_feedback_cnt:n new_apply_cnt:n new_contact_cnt:n}",
                 {list("userid", 0, 100), list("partyid", 0, 100),
                  number("start_time", 1, kAnyNumber), number("end_time", 1, kAnyNumber)},
                 {60111}),
      wecom_post("/cgi-bin/msgaudit/get_permit_user_list",
                 "Members whose conversations are archived", archive_members, "ids[]",
                 {number("type", 1, 3).optional()}),
      wecom_post("/cgi-bin/msgaudit/check_single_agree", "Whether contacts agreed to the archive",
                 archive_consent,
                 "agreeinfo[]{userid exteranalopenid agree_status status_change_time:n}",
                 {list("info", 1, 100)}, {40096, 84061}),
      wecom_post("/cgi-bin/msgaudit/check_room_agree", "The same for a group", archive_room_consent,
                 "agreeinfo[]{exteranalopenid agree_status status_change_time:n}", {room}, {90501}),
      wecom_post("/cgi-bin/msgaudit/groupchat/get", "An inner group", archive_room,
                 "roomname creator room_create_time:n notice members[]{memberid jointime:n}",
                 {room}, {90501}),
  };
}

}  // namespace zhiyin::sandbox
