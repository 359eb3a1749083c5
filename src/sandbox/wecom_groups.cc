#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/crypto.h"
#include "sandbox/material.h"
#include "sandbox/wecom.h"

// WeCom: group chats with customers, the codes into them, their welcomes and their figures.
namespace zhiyin::sandbox {
namespace {

constexpr std::size_t kWelcomesMax = 100;
constexpr std::int64_t kFiguresDays = 180;
constexpr std::int64_t kDaySeconds = 86'400;

Answer chats(AccountState& account, const Call& call) {
  const Json::Array* owners = call.body["owner_filter"]["userid_list"].if_array();
  const std::size_t begin = begin_of(call);
  const auto most = static_cast<std::size_t>(call.number("limit"));
  Json list = Json::array();
  std::size_t at = 0, end = 0;
  for (const WecomState::Chat& chat : account.wecom.chats) {
    const bool is_asked =
        owners == nullptr || owners->empty() ||
        std::ranges::any_of(*owners, [&](const Json& o) { return text_of(o) == chat.owner; });
    if (!is_asked || at++ < begin || list.if_array()->size() >= most) continue;
    end = at;
    Json one = Json::object();
    one.set("chat_id", chat.id);
    one.set("status", 0);
    list.push(std::move(one));
  }
  Json answer = api_ok();
  answer.set("group_chat_list", std::move(list));
  if (const std::string next = cursor_at(end, at); !next.empty()) answer.set("next_cursor", next);
  return answer;
}

Answer chat(AccountState& account, const Call& call) {
  const WecomState::Chat* found = find_chat(account, call.text("chat_id"));
  if (found == nullptr) return account.refuse(90501, call.now);
  const bool with_names = call.number("need_name") == 1;
  Json people = Json::array();
  for (const auto& [id, at] : found->members) {
    const WecomState::Member* colleague = find_colleague(account, id);
    const WecomState::Contact* customer = find_contact(account, id);
    Json one = Json::object();
    one.set("userid", id);
    one.set("type", colleague != nullptr ? 1 : 2);
    one.set("join_time", seconds_of(at));
    one.set("join_scene", colleague != nullptr ? 1 : 3);
    if (customer != nullptr && !customer->unionid.empty()) one.set("unionid", customer->unionid);
    if (with_names) one.set("name", colleague != nullptr ? colleague->name : customer->name);
    people.push(std::move(one));
  }
  Json admin = Json::object();
  admin.set("userid", found->owner);
  Json group = Json::object();
  group.set("chat_id", found->id);
  group.set("name", found->name);
  group.set("owner", found->owner);
  group.set("create_time", seconds_of(found->at));
  group.set("notice", found->notice);
  group.set("member_list", std::move(people));
  group.set("admin_list", Json(Json::Array{std::move(admin)}));
  Json answer = api_ok();
  answer.set("group_chat", std::move(group));
  return answer;
}

// Codes into groups.

WecomState::Way* find_code(AccountState& account, const Call& call) {
  auto& ways = account.wecom.ways;
  const auto found = std::ranges::find(ways, call.text("config_id"), &WecomState::Way::id);
  return found == ways.end() || !found->is_group ? nullptr : &*found;
}

/// Takes what a code is to be; the error, 0 when there is none.
int read_code(AccountState& account, const Call& call, WecomState::Way& way) {
  std::vector<std::string> chats;
  for (const Json& id : *call.body["chat_id_list"].if_array()) {
    if (find_chat(account, text_of(id)) == nullptr) return 90501;
    chats.push_back(text_of(id));
  }
  way.is_group = true;
  way.chats = std::move(chats);
  way.scene = static_cast<int>(call.number("scene"));
  way.remark = call.text("remark");
  way.state = call.text("state");
  way.makes_rooms = call.number("auto_create_room", 1) == 1;
  way.room_name = call.text("room_base_name");
  way.room_number = call.number("room_base_id");
  return 0;
}

Answer code_add(AccountState& account, const Call& call) {
  WecomState::Way way;
  if (const int fault = read_code(account, call, way); fault != 0)
    return account.refuse(fault, call.now);
  return keep_way(account, std::move(way), call.now);
}

Answer code_get(AccountState& account, const Call& call) {
  const WecomState::Way* way = find_code(account, call);
  if (way == nullptr) return account.refuse(40058, call.now, "config_id");
  Json chats = Json::array();
  for (const std::string& id : way->chats) chats.push(id);
  Json facts = Json::object();
  facts.set("config_id", way->id);
  facts.set("scene", way->scene);
  facts.set("remark", way->remark);
  facts.set("auto_create_room", way->makes_rooms ? 1 : 0);
  facts.set("room_base_name", way->room_name);
  facts.set("room_base_id", way->room_number);
  facts.set("chat_id_list", std::move(chats));
  facts.set("qr_code", way->qr_code);
  facts.set("state", way->state);
  Json answer = api_ok();
  answer.set("join_way", std::move(facts));
  return answer;
}

/// Whatever is not said again is gone.
Answer code_update(AccountState& account, const Call& call) {
  WecomState::Way* way = find_code(account, call);
  if (way == nullptr) return account.refuse(40058, call.now, "config_id");
  const int fault = read_code(account, call, *way);
  return fault == 0 ? Answer(api_ok()) : Answer(account.refuse(fault, call.now));
}

Answer code_delete(AccountState& account, const Call& call) {
  const WecomState::Way* way = find_code(account, call);
  if (way == nullptr) return account.refuse(40058, call.now, "config_id");
  auto& ways = account.wecom.ways;
  ways.erase(ways.begin() + (way - ways.data()));
  return api_ok();
}

// Welcomes of groups: templates, which members choose for their groups.

/// The error of a welcome; 0: none. One of the members after the text at most counts, in this
/// order; what of it must be there is as in messages (unverified).
int fault_of_welcome(const AccountState& account, const Json& body, Instant now) {
  const auto has_media = [&](std::string_view member, std::string_view kind) {
    return has_file(account, text_of(body[kind][member]), kind, now);
  };
  if (body["image"].if_object() != nullptr)
    return has_media("media_id", "image") || !text_of(body["image"]["pic_url"]).empty() ? 0 : 40007;
  if (body["link"].if_object() != nullptr)
    return text_of(body["link"]["title"]).empty() || text_of(body["link"]["url"]).empty() ? 40058
                                                                                          : 0;
  if (const Json& page = body["miniprogram"]; page.if_object() != nullptr) {
    for (const std::string_view member : {"title", "appid", "page"}) {
      if (text_of(page[member]).empty()) return 40058;
    }
    return has_file(account, text_of(page["pic_media_id"]), "image", now) ? 0 : 40007;
  }
  if (body["file"].if_object() != nullptr) return has_media("media_id", "file") ? 0 : 40007;
  if (body["video"].if_object() != nullptr) return has_media("media_id", "video") ? 0 : 40007;
  return text_of(body["text"]["content"]).empty() ? 40058 : 0;
}

constexpr std::string_view kWelcomeParts[] = {"text",        "image", "link",
                                              "miniprogram", "file",  "video"};

/// What is kept of a welcome.
Json welcome_of(const Json& body) {
  Json kept = Json::object();
  for (const std::string_view part : kWelcomeParts) {
    if (const Json* found = body.find(part); found != nullptr && found->if_object() != nullptr)
      kept.set(part, *found);
  }
  return kept;
}

WecomState::GroupWelcome* find_welcome(AccountState& account, const Call& call) {
  auto& all = account.wecom.group_welcomes;
  const auto found =
      std::ranges::find(all, call.text("template_id"), &WecomState::GroupWelcome::id);
  return found == all.end() ? nullptr : &*found;
}

Answer welcome_add(AccountState& account, const Call& call) {
  if (const int fault = fault_of_welcome(account, call.body, call.now); fault != 0)
    return account.refuse(fault, call.now);
  auto& all = account.wecom.group_welcomes;
  if (all.size() >= kWelcomesMax) return account.refuse(41055, call.now);
  all.push_back({"msg" + account.make_name(28), welcome_of(call.body)});
  Json answer = api_ok();
  answer.set("template_id", all.back().id);
  return answer;
}

Answer welcome_edit(AccountState& account, const Call& call) {
  WecomState::GroupWelcome* found = find_welcome(account, call);
  if (found == nullptr) return account.refuse(40058, call.now, "template_id");
  if (const int fault = fault_of_welcome(account, call.body, call.now); fault != 0)
    return account.refuse(fault, call.now);
  found->content = welcome_of(call.body);
  return api_ok();
}

Answer welcome_get(AccountState& account, const Call& call) {
  const WecomState::GroupWelcome* found = find_welcome(account, call);
  if (found == nullptr) return account.refuse(40058, call.now, "template_id");
  Json answer = api_ok();
  for (const auto& [name, value] : *found->content.if_object()) answer.set(name, value);
  return answer;
}

Answer welcome_delete(AccountState& account, const Call& call) {
  const std::string id = call.text("template_id");
  if (std::erase_if(account.wecom.group_welcomes, [&](const auto& w) { return w.id == id; }) == 0)
    return account.refuse(40058, call.now, "template_id");
  return api_ok();
}

// Figures. What was written in a group is made up from its name and the day.

struct GroupFigures {
  std::int64_t new_chats = 0, chats = 0, talking_chats = 0, new_members = 0, members = 0,
               talking_members = 0, messages = 0;
};

/// Adds what there is to say of a chat on the days of [begin, end).
void add_chat(GroupFigures& figures, const WecomState::Chat& chat, std::int64_t begin,
              std::int64_t end) {
  if (seconds_of(chat.at) >= end) return;
  ++figures.chats;
  if (seconds_of(chat.at) >= begin) ++figures.new_chats;
  std::int64_t members = 0;
  for (const auto& member : chat.members) {
    const std::int64_t joined = seconds_of(member.second);
    if (joined >= end) continue;
    ++members;
    if (joined >= begin) ++figures.new_members;
  }
  figures.members += members;
  const std::uint64_t draw = crypto::xxh64(fmt::format("{} {} {}", chat.id, begin, end));
  const auto messages = static_cast<std::int64_t>(draw % 40);
  figures.messages += messages;
  if (messages == 0) return;
  ++figures.talking_chats;
  figures.talking_members += std::min(members, messages);
}

Json describe(const GroupFigures& figures) {
  Json out = Json::object();
  out.set("new_chat_cnt", figures.new_chats);
  out.set("chat_total", figures.chats);
  out.set("chat_has_msg", figures.talking_chats);
  out.set("new_member_cnt", figures.new_members);
  out.set("member_total", figures.members);
  out.set("member_has_msg", figures.talking_members);
  out.set("msg_total", figures.messages);
  return out;
}

struct FiguresAsk {
  std::int64_t begin = 0, end = 0;  ///< whole days, in seconds
  std::vector<std::string> owners;
};

/// The days and owners of a call, from 180 days ago to yesterday; the error, 0 when there is none.
int read_figures(AccountState& account, const Call& call, FiguresAsk& ask) {
  constexpr std::int64_t kShanghai = 8 * 3600;
  const auto day_of = [](std::int64_t second) {
    return (second + kShanghai) / kDaySeconds * kDaySeconds - kShanghai;
  };
  const std::int64_t today = day_of(seconds_of(call.now));
  const std::int64_t begin = call.number("day_begin_time");
  ask.begin = day_of(begin);
  ask.end = day_of(call.number("day_end_time", begin)) + kDaySeconds;
  if (ask.begin >= ask.end || ask.end > today || ask.begin < today - kFiguresDays * kDaySeconds)
    return 40058;
  const Json::Array* owners = call.body["owner_filter"]["userid_list"].if_array();
  for (const Json& owner : owners != nullptr ? *owners : Json::Array()) {
    if (find_colleague(account, text_of(owner)) == nullptr) return 60111;
    ask.owners.push_back(text_of(owner));
  }
  if (!ask.owners.empty()) return 0;
  for (const WecomState::Chat& chat : account.wecom.chats) {
    if (std::ranges::find(ask.owners, chat.owner) == ask.owners.end())
      ask.owners.push_back(chat.owner);
  }
  return 0;
}

GroupFigures figures_of(const AccountState& account, const std::vector<std::string>& owners,
                        std::int64_t begin, std::int64_t end) {
  GroupFigures figures;
  for (const WecomState::Chat& chat : account.wecom.chats) {
    if (std::ranges::find(owners, chat.owner) != owners.end()) add_chat(figures, chat, begin, end);
  }
  return figures;
}

Answer figures_by_owner(AccountState& account, const Call& call) {
  FiguresAsk ask;
  if (const int fault = read_figures(account, call, ask); fault != 0)
    return account.refuse(fault, call.now);
  std::vector<std::pair<std::string, GroupFigures>> rows;
  for (const std::string& owner : ask.owners)
    rows.emplace_back(owner, figures_of(account, {owner}, ask.begin, ask.end));
  const std::int64_t order = call.number("order_by", 1);
  const bool rises = call.number("order_asc") == 1;
  const auto rank = [&](const auto& row) {
    const GroupFigures& f = row.second;
    return order == 1 ? f.new_chats : order == 2 ? f.chats : order == 3 ? f.new_members : f.members;
  };
  std::ranges::stable_sort(rows, [&](const auto& a, const auto& b) {
    return rises ? rank(a) < rank(b) : rank(b) < rank(a);
  });
  const auto begin = static_cast<std::size_t>(call.number("offset"));
  const auto most = static_cast<std::size_t>(call.number("limit", 500));
  Json items = Json::array();
  std::size_t next = begin;
  for (; next < rows.size() && next - begin < most; ++next) {
    Json one = Json::object();
    one.set("owner", rows[next].first);
    one.set("data", describe(rows[next].second));
    items.push(std::move(one));
  }
  Json answer = api_ok();
  answer.set("total", rows.size());
  answer.set("next_offset", next);
  answer.set("items", std::move(items));
  return answer;
}

Answer figures_by_day(AccountState& account, const Call& call) {
  FiguresAsk ask;
  if (const int fault = read_figures(account, call, ask); fault != 0)
    return account.refuse(fault, call.now);
  Json items = Json::array();
  for (std::int64_t day = ask.begin; day < ask.end; day += kDaySeconds) {
    Json one = Json::object();
    one.set("stat_time", day);
    one.set("data", describe(figures_of(account, ask.owners, day, day + kDaySeconds)));
    items.push(std::move(one));
  }
  Json answer = api_ok();
  answer.set("items", std::move(items));
  return answer;
}

}  // namespace

std::vector<Endpoint> group_endpoints() {
  const std::string kFigures =
      "new_chat_cnt:n chat_total:n chat_has_msg:n new_member_cnt:n member_total:n member_has_msg:n "
      "msg_total:n";
  const Field config = bytes("config_id", 1, 64);
  const Field template_id = bytes("template_id", 1, 64);
  const Field cursor = bytes("cursor", 0, 256);
  const Field owners = list("owner_filter?.userid_list", 0, 100);
  const std::vector<Field> code = {number("scene", 1, 2),
                                   text("remark", 0, 30),
                                   number("auto_create_room", 0, 1).optional(),
                                   text("room_base_name", 0, 40),
                                   number("room_base_id", 1, kAnyNumber).optional(),
                                   list("chat_id_list", 1, 5),
                                   bytes("state", 0, 30)};
  const std::vector<Field> days = {number("day_begin_time", 1, kAnyNumber),
                                   number("day_end_time", 1, kAnyNumber).optional(), owners};
  const auto with = [](std::vector<Field> fields, std::vector<Field> more) {
    std::ranges::move(more, std::back_inserter(fields));
    return fields;
  };
  // The platform's bytes of a welcome's text are from memory of its documentation.
  const Field words = bytes("text?.content", 0, 3000, 45002);
  return {
      wecom_post(
          "/cgi-bin/externalcontact/groupchat/list", "Group chats with customers", chats,
          "group_chat_list[]{chat_id status:n} next_cursor",
          {number("status_filter", 0, 3).optional(), owners, cursor, number("limit", 1, 1000)}),
      wecom_post("/cgi-bin/externalcontact/groupchat/get", "A group chat and who is in it", chat,
                 "group_chat{chat_id name owner create_time:n notice member_list[]{userid type:n "
                 "join_time:n join_scene:n unionid name} admin_list[]{userid}}",
                 {bytes("chat_id", 1, 64), number("need_name", 0, 1).optional()}, {90501}),
      wecom_post("/cgi-bin/externalcontact/groupchat/add_join_way",
                 "A code by which people join a group", code_add, "config_id qr_code", code,
                 {81017, 90501}),
      wecom_post("/cgi-bin/externalcontact/groupchat/get_join_way", "Such a code", code_get,
                 "join_way{config_id scene:n remark auto_create_room:n room_base_name "
                 "room_base_id:n chat_id_list[] qr_code state}",
                 {config}),
      wecom_post("/cgi-bin/externalcontact/groupchat/update_join_way",
                 "Writes such a code anew: what is not said is gone", code_update, "",
                 with({config}, code), {90501}),
      wecom_post("/cgi-bin/externalcontact/groupchat/del_join_way", "Deletes such a code",
                 code_delete, "", {config}),
      wecom_post("/cgi-bin/externalcontact/group_welcome_template/add",
                 "A welcome that members may choose for their groups; 100 at most", welcome_add,
                 "template_id", {words, number("notify", 0, 1).optional()}, {40007, 41055}),
      wecom_post("/cgi-bin/externalcontact/group_welcome_template/edit",
                 "Writes such a welcome anew", welcome_edit, "", {template_id, words}, {40007}),
      wecom_post("/cgi-bin/externalcontact/group_welcome_template/get", "Such a welcome",
                 welcome_get,
                 "text{content} image{media_id pic_url} link{title picurl desc url} "
                 "miniprogram{title pic_media_id appid page} file{media_id} video{media_id}",
                 {template_id}),
      wecom_post("/cgi-bin/externalcontact/group_welcome_template/del", "Deletes such a welcome",
                 welcome_delete, "", {template_id}),
      wecom_post(
          "/cgi-bin/externalcontact/groupchat/statistic",
          "Figures of group chats by owner, within 180 days to yesterday", figures_by_owner,
          "total:n next_offset:n items[]{owner data{" + kFigures + "}}",
          with(days,
               {number("order_by", 1, 4).optional(), number("order_asc", 0, 1).optional(),
                number("offset", 0, kAnyNumber).optional(), number("limit", 1, 1000).optional()}),
          {60111}),
      wecom_post("/cgi-bin/externalcontact/groupchat/statistic_group_by_day", "The same by day",
                 figures_by_day, "items[]{stat_time:n data{" + kFigures + "}}", days, {60111}),
  };
}

}  // namespace zhiyin::sandbox
