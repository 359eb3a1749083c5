#include <algorithm>

#include "sandbox/account_state.h"

// Followers, tags, the blacklist. Since 2021-12-27 the platform tells neither name nor picture nor
// sex nor place.
namespace zhiyin::sandbox {
namespace {

constexpr std::size_t kPage = 10'000;
constexpr std::size_t kTagsMax = 100;
constexpr std::size_t kTagsPerPersonMax = 20;
constexpr std::int64_t kTagMembersToDelete = 100'000;
constexpr std::int64_t kOwnTags = 2;  // 0 to 2 are the platform's

bool has_tag(const Follower& follower, std::int64_t id) {
  return std::ranges::find(follower.tags, id) != follower.tags.end();
}

/// A page of those followers for whom `belongs` is true, behind `after`; empty begins. kPage people
/// at most. The last page has no `data`.
template <class Belongs>
Json page_of(const AccountState& account, std::size_t begin, Belongs belongs) {
  Json openids = Json::array();
  std::string last;
  const std::vector<Follower>& people = account.people.list();
  for (std::size_t at = begin; at < people.size() && openids.if_array()->size() < kPage; ++at) {
    if (!belongs(people[at])) continue;
    last = people[at].openid;
    openids.push(last);
  }
  Json answer = Json::object();
  const std::size_t count = openids.if_array()->size();
  answer.set("count", count);
  if (count > 0) {
    Json data = Json::object();
    data.set("openid", std::move(openids));
    answer.set("data", std::move(data));
  }
  answer.set("next_openid", last);
  return answer;
}

/// Where the page behind that openid begins; absent when nobody has it.
std::optional<std::size_t> behind(const AccountState& account, const std::string& openid) {
  if (openid.empty()) return 0;
  const std::size_t at = account.people.position(openid);
  return at == account.people.list().size() ? std::nullopt : std::optional(at + 1);
}

Answer user_get(AccountState& account, const Call& call) {
  const auto begin = behind(account, call.text("next_openid"));
  if (!begin) return account.refuse(40003, call.now);
  Json answer = Json::object();
  answer.set("total", account.people.following());
  const Json page = page_of(account, *begin, [](const Follower& f) { return f.following; });
  for (const auto& [name, value] : *page.if_object()) answer.set(name, value);
  return answer;
}

Json describe(const Follower& follower) {
  Json person = Json::object();
  person.set("subscribe", follower.following ? 1 : 0);
  person.set("openid", follower.openid);
  if (!follower.following) return person;
  person.set("language", "zh_CN");
  person.set("subscribe_time", seconds_of(follower.followed_at));
  person.set("unionid", follower.unionid);
  person.set("remark", follower.remark);
  person.set("groupid", follower.tags.empty() ? 0 : follower.tags.front());
  Json tags = Json::array();
  for (const std::int64_t tag : follower.tags) tags.push(tag);
  person.set("tagid_list", std::move(tags));
  person.set("subscribe_scene", follower.scene);
  person.set("qr_scene", 0);
  person.set("qr_scene_str", follower.qr_scene);
  return person;
}

Answer user_info(AccountState& account, const Call& call) {
  const Follower* follower = account.people.find(call.text("openid"));
  if (follower == nullptr) return account.refuse(40003, call.now);
  return describe(*follower);
}

Answer user_info_batch(AccountState& account, const Call& call) {
  Json people = Json::array();
  for (const Json& one : *call.body["user_list"].if_array()) {
    const Follower* follower = account.people.find(one["openid"].string_or(""));
    if (follower == nullptr) return account.refuse(40003, call.now);
    people.push(describe(*follower));
  }
  Json answer = Json::object();
  answer.set("user_info_list", std::move(people));
  return answer;
}

Answer remark(AccountState& account, const Call& call) {
  Follower* follower = account.people.find(call.text("openid"));
  if (follower == nullptr) return account.refuse(40003, call.now);
  follower->remark = call.text("remark");
  return api_ok();
}

/// After a move between accounts. The sandbox knows of none: nobody has moved.
Answer change_openid(AccountState&, const Call& call) {
  Json results = Json::array();
  for (const Json& openid : *call.body["openid_list"].if_array()) {
    Json one = Json::object();
    one.set("ori_openid", openid);
    one.set("err_msg", "ori_openid error");
    results.push(std::move(one));
  }
  Json answer = api_ok();
  answer.set("result_list", std::move(results));
  return answer;
}

bool is_taken(const AccountState& account, std::string_view name) {
  return std::ranges::find(account.tags.list, name, &TagState::Tag::name) !=
         account.tags.list.end();
}

Answer tag_create(AccountState& account, const Call& call) {
  const std::string name = text_of(call.body["tag"]["name"]);
  if (is_taken(account, name)) return account.refuse(45157, call.now);
  if (account.tags.list.size() >= kTagsMax) return account.refuse(45056, call.now);
  account.tags.list.push_back({++account.tags.last_id, name});
  Json tag = Json::object();
  tag.set("id", account.tags.last_id);
  tag.set("name", name);
  Json answer = Json::object();
  answer.set("tag", std::move(tag));
  return answer;
}

std::int64_t members_of(const AccountState& account, std::int64_t tag) {
  return std::ranges::count_if(account.people.list(),
                               [&](const Follower& f) { return has_tag(f, tag); });
}

Answer tag_list(AccountState& account, const Call&) {
  Json list = Json::array();
  for (const TagState::Tag& tag : account.tags.list) {
    Json one = Json::object();
    one.set("id", tag.id);
    one.set("name", tag.name);
    one.set("count", members_of(account, tag.id));
    list.push(std::move(one));
  }
  Json answer = Json::object();
  answer.set("tags", std::move(list));
  return answer;
}

Answer tag_update(AccountState& account, const Call& call) {
  const std::int64_t id = number_of(call.body["tag"]["id"]);
  if (id >= 0 && id <= kOwnTags) return account.refuse(45058, call.now);
  TagState::Tag* tag = account.tags.find(id);
  const std::string name = text_of(call.body["tag"]["name"]);
  if (tag == nullptr) return account.refuse(45159, call.now);
  if (tag->name != name && is_taken(account, name)) return account.refuse(45157, call.now);
  tag->name = name;
  return api_ok();
}

Answer tag_delete(AccountState& account, const Call& call) {
  const std::int64_t id = number_of(call.body["tag"]["id"]);
  if (id >= 0 && id <= kOwnTags) return account.refuse(45058, call.now);
  if (account.tags.find(id) == nullptr) return account.refuse(45159, call.now);
  if (members_of(account, id) > kTagMembersToDelete) return account.refuse(45057, call.now);
  std::erase_if(account.tags.list, [&](const TagState::Tag& tag) { return tag.id == id; });
  for (Follower& follower : account.people.list()) std::erase(follower.tags, id);
  return api_ok();
}

Answer tag_members(AccountState& account, const Call& call) {
  const std::int64_t id = call.number("tagid");
  if (account.tags.find(id) == nullptr) return account.refuse(45159, call.now);
  const auto begin = behind(account, call.text("next_openid"));
  if (!begin) return account.refuse(40003, call.now);
  return page_of(account, *begin, [&](const Follower& f) { return f.following && has_tag(f, id); });
}

Answer set_tag(AccountState& account, const Call& call, bool on) {
  const std::int64_t id = call.number("tagid");
  if (account.tags.find(id) == nullptr) return account.refuse(45159, call.now);
  std::vector<Follower*> people;
  for (const Json& openid : *call.body["openid_list"].if_array()) {
    Follower* follower = account.people.find(openid.string_or(""));
    if (follower == nullptr) return account.refuse(40003, call.now);
    if (!follower->following) return account.refuse(49003, call.now);
    if (on && !has_tag(*follower, id) && follower->tags.size() >= kTagsPerPersonMax)
      return account.refuse(45059, call.now);
    people.push_back(follower);
  }
  for (Follower* follower : people) {
    std::erase(follower->tags, id);
    if (on) follower->tags.push_back(id);
  }
  return api_ok();
}

Answer tag_people(AccountState& account, const Call& call) { return set_tag(account, call, true); }
Answer untag_people(AccountState& account, const Call& call) {
  return set_tag(account, call, false);
}

Answer tags_of(AccountState& account, const Call& call) {
  const Follower* follower = account.people.find(call.text("openid"));
  if (follower == nullptr) return account.refuse(40003, call.now);
  Json tags = Json::array();
  for (const std::int64_t tag : follower->tags) tags.push(tag);
  Json answer = Json::object();
  answer.set("tagid_list", std::move(tags));
  return answer;
}

Answer blacklist(AccountState& account, const Call& call) {
  const auto begin = behind(account, call.text("begin_openid"));
  if (!begin) return account.refuse(40003, call.now);
  Json answer = Json::object();
  answer.set("total", std::ranges::count_if(account.people.list(), &Follower::blacklisted));
  const Json page = page_of(account, *begin, [](const Follower& f) { return f.blacklisted; });
  for (const auto& [name, value] : *page.if_object()) answer.set(name, value);
  return answer;
}

Answer set_blacklisted(AccountState& account, const Call& call, bool on) {
  std::vector<Follower*> people;
  for (const Json& openid : *call.body["openid_list"].if_array()) {
    Follower* follower = account.people.find(openid.string_or(""));
    if (follower == nullptr) return account.refuse(40003, call.now);
    people.push_back(follower);
  }
  for (Follower* follower : people) follower->blacklisted = on;
  return api_ok();
}

Answer blacklist_add(AccountState& account, const Call& call) {
  return set_blacklisted(account, call, true);
}
Answer blacklist_remove(AccountState& account, const Call& call) {
  return set_blacklisted(account, call, false);
}

}  // namespace

std::vector<Endpoint> people_endpoints() {
  const std::string kPerson =
      "subscribe:n openid language subscribe_time:n unionid remark groupid:n tagid_list[]:n "
      "subscribe_scene qr_scene:n qr_scene_str";
  constexpr std::int64_t kOpenidMax = 128;
  const Field tag_name = bytes("tag.name", 1, 30, 45158).or_missing(45157);
  const Field tag_id = number("tag.id", 0, kAnyNumber, 45159);
  const Field tagid = number("tagid", 0, kAnyNumber, 45159);
  const std::vector<Field> tagging = {list("openid_list", 1, 50, 40032).or_missing(40031),
                                      text("openid_list[]", 1, kOpenidMax, 40003), tagid};
  const std::vector<Field> blocking = {list("openid_list", 1, 20, 40032).or_missing(40031),
                                       text("openid_list[]", 1, kOpenidMax, 40003)};
  return {
      {.method = "GET",
       .path = "/cgi-bin/user/get",
       .summary = "Followers, 10,000 a page",
       .handler = user_get,
       .answers = "total:n count:n data{openid[]} next_openid",
       .fields = {text("next_openid", 0, kOpenidMax, 40003)},
       .access = kOfficialOnly,
       .per_day = 500},
      {.method = "GET",
       .path = "/cgi-bin/user/info",
       .summary = "One follower",
       .handler = user_info,
       .answers = kPerson,
       .fields = {text("openid", 1, kOpenidMax, 40003),
                  one_of("lang", "zh_CN zh_TW en").optional()},
       .access = kOfficialOnly,
       .per_day = 5'000'000},
      {.method = "POST",
       .path = "/cgi-bin/user/info/batchget",
       .summary = "Up to 100 followers",
       .handler = user_info_batch,
       .answers = "user_info_list[]{" + kPerson + "}",
       .fields = {list("user_list", 1, 100, 40032).or_missing(40031),
                  text("user_list[].openid", 1, kOpenidMax, 40003)},
       .access = kOfficialOnly,
       .per_day = 5'000'000,
       .counted_as = "/cgi-bin/user/info"},
      {.method = "POST",
       .path = "/cgi-bin/user/info/updateremark",
       .summary = "The account's note on a follower",
       .handler = remark,
       .fields = {text("openid", 1, kOpenidMax, 40003), text("remark", 0, 29)},
       .access = kOfficialOnly | kVerified | kServiceOnly,
       .per_day = 10'000},
      {.method = "POST",
       .path = "/cgi-bin/changeopenid",
       .summary = "New openids after a move of the account",
       .handler = change_openid,
       .answers = "result_list[]{ori_openid err_msg}",
       .fields = {text("from_appid", 1, 64, 40013),
                  list("openid_list", 1, 100, 40032).or_missing(40031)},
       .access = kOfficialOnly},
      {.method = "POST",
       .path = "/cgi-bin/tags/create",
       .summary = "Makes a tag; up to 100",
       .handler = tag_create,
       .answers = "tag{id:n name}",
       .fields = {tag_name},
       .access = kOfficialOnly,
       .per_day = 1'000,
       .errors = {45056, 45157}},
      {.method = "GET",
       .path = "/cgi-bin/tags/get",
       .summary = "All tags with their sizes",
       .handler = tag_list,
       .answers = "tags[]{id:n name count:n}",
       .access = kOfficialOnly,
       .per_day = 1'000},
      {.method = "POST",
       .path = "/cgi-bin/tags/update",
       .summary = "Renames a tag",
       .handler = tag_update,
       .fields = {tag_id, tag_name},
       .access = kOfficialOnly,
       .per_day = 1'000,
       .errors = {45058, 45157}},
      {.method = "POST",
       .path = "/cgi-bin/tags/delete",
       .summary = "Deletes a tag",
       .handler = tag_delete,
       .fields = {tag_id},
       .access = kOfficialOnly,
       .per_day = 1'000,
       .errors = {45057, 45058}},
      {.method = "POST",
       .path = "/cgi-bin/user/tag/get",
       .summary = "Followers with a tag, 10,000 a page",
       .handler = tag_members,
       .answers = "count:n data{openid[]} next_openid",
       .fields = {tagid, text("next_openid", 0, kOpenidMax, 40003)},
       .access = kOfficialOnly,
       .per_day = 1'000},
      {.method = "POST",
       .path = "/cgi-bin/tags/members/batchtagging",
       .summary = "Gives up to 50 followers a tag; a person has up to 20",
       .handler = tag_people,
       .fields = tagging,
       .access = kOfficialOnly,
       .per_day = 100'000,
       .errors = {45059, 49003}},
      {.method = "POST",
       .path = "/cgi-bin/tags/members/batchuntagging",
       .summary = "Takes a tag from up to 50 followers",
       .handler = untag_people,
       .fields = tagging,
       .access = kOfficialOnly,
       .per_day = 100'000,
       .counted_as = "/cgi-bin/tags/members/batchtagging",
       .errors = {49003}},
      {.method = "POST",
       .path = "/cgi-bin/tags/getidlist",
       .summary = "The tags of one follower",
       .handler = tags_of,
       .answers = "tagid_list[]:n",
       .fields = {text("openid", 1, kOpenidMax, 40003)},
       .access = kOfficialOnly,
       .per_day = 1'000},
      {.method = "POST",
       .path = "/cgi-bin/tags/members/getblacklist",
       .summary = "Blocked people, 10,000 a page",
       .handler = blacklist,
       .answers = "total:n count:n data{openid[]} next_openid",
       .fields = {text("begin_openid", 0, kOpenidMax, 40003)},
       .access = kOfficialOnly},
      {.method = "POST",
       .path = "/cgi-bin/tags/members/batchblacklist",
       .summary = "Blocks up to 20 people",
       .handler = blacklist_add,
       .fields = blocking,
       .access = kOfficialOnly},
      {.method = "POST",
       .path = "/cgi-bin/tags/members/batchunblacklist",
       .summary = "Unblocks up to 20 people",
       .handler = blacklist_remove,
       .fields = blocking,
       .access = kOfficialOnly},
  };
}

}  // namespace zhiyin::sandbox
