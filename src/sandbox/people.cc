#include <algorithm>

#include "sandbox/official_account.h"

// Followers and tags. Since 2021-12-27 the platform tells neither name nor picture nor sex nor
// place.
namespace zhiyin::sandbox {
namespace {

constexpr std::size_t kPage = 10'000;
constexpr std::size_t kBatchGetMax = 100;
constexpr std::size_t kTagsMax = 100;
constexpr std::size_t kTagNameBytesMax = 30;
constexpr std::size_t kTagBatchMax = 50;
constexpr std::size_t kTagsPerPersonMax = 20;

}  // namespace

Json OfficialAccount::user_get(const ApiCall& call, const Json&, Instant now) {
  const auto from = call.query.find("next_openid");
  std::size_t at = 0;
  if (from != call.query.end() && !from->second.empty()) {
    const auto found = by_openid_.find(from->second);
    if (found == by_openid_.end()) return refuse(40003, "invalid openid", now);
    at = found->second + 1;
  }
  Json openids = Json::array();
  std::string last;
  for (; at < people_.size() && openids.if_array()->size() < kPage; ++at) {
    if (!people_[at].following) continue;
    last = people_[at].openid;
    openids.push(last);
  }
  Json answer = Json::object();
  const std::size_t count = openids.if_array()->size();
  answer.set("total", followers());
  answer.set("count", count);
  if (count > 0) {  // the last page has no `data`
    Json data = Json::object();
    data.set("openid", std::move(openids));
    answer.set("data", std::move(data));
  }
  answer.set("next_openid", last);
  return answer;
}

Json OfficialAccount::describe(const Follower& follower) const {
  Json person = Json::object();
  person.set("subscribe", follower.following ? 1 : 0);
  person.set("openid", follower.openid);
  if (!follower.following) return person;
  person.set("language", "zh_CN");
  person.set("subscribe_time", follower.followed_at.us / 1'000'000);
  person.set("unionid", follower.unionid);
  person.set("remark", "");
  person.set("groupid", follower.tags.empty() ? 0 : follower.tags.front());
  Json tags = Json::array();
  for (const std::int64_t tag : follower.tags) tags.push(tag);
  person.set("tagid_list", std::move(tags));
  person.set("subscribe_scene", follower.scene);
  person.set("qr_scene", 0);
  person.set("qr_scene_str", follower.qr_scene);
  return person;
}

Json OfficialAccount::user_info(const ApiCall& call, const Json&, Instant now) {
  const auto openid = call.query.find("openid");
  const Follower* follower = openid == call.query.end() ? nullptr : find(openid->second);
  return follower == nullptr ? refuse(40003, "invalid openid", now) : describe(*follower);
}

Json OfficialAccount::user_info_batch(const ApiCall&, const Json& body, Instant now) {
  const Json::Array* list = body["user_list"].if_array();
  if (list == nullptr || list->empty()) return refuse(40031, "invalid openid list", now);
  if (list->size() > kBatchGetMax) return refuse(40032, "invalid openid list size", now);
  Json people = Json::array();
  for (const Json& one : *list) {
    const Follower* follower = find(one["openid"].string_or(""));
    if (follower == nullptr) return refuse(40003, "invalid openid", now);
    people.push(describe(*follower));
  }
  Json answer = Json::object();
  answer.set("user_info_list", std::move(people));
  return answer;
}

OfficialAccount::Tag* OfficialAccount::find_tag(std::int64_t id) {
  const auto found = std::ranges::find(tags_, id, &Tag::id);
  return found == tags_.end() ? nullptr : &*found;
}

bool OfficialAccount::is_taken(std::string_view tag_name) const {
  return std::ranges::find(tags_, tag_name, &Tag::name) != tags_.end();
}

Json OfficialAccount::tag_create(const ApiCall&, const Json& body, Instant now) {
  const std::string name(body["tag"]["name"].string_or(""));
  if (name.size() > kTagNameBytesMax) return refuse(45158, "tag name too long", now);
  if (name.empty() || is_taken(name)) {
    return refuse(45157, "invalid tag name", now);
  }
  if (tags_.size() >= kTagsMax) return refuse(45056, "too many tag now, no need to add new", now);
  tags_.push_back({++last_tag_id_, name});
  Json tag = Json::object();
  tag.set("id", last_tag_id_);
  tag.set("name", name);
  Json answer = Json::object();
  answer.set("tag", std::move(tag));
  return answer;
}

Json OfficialAccount::tag_list(const ApiCall&, const Json&, Instant) {
  Json list = Json::array();
  for (const Tag& tag : tags_) {
    Json one = Json::object();
    one.set("id", tag.id);
    one.set("name", tag.name);
    one.set("count", std::ranges::count_if(people_, [&](const Follower& follower) {
              return std::ranges::find(follower.tags, tag.id) != follower.tags.end();
            }));
    list.push(std::move(one));
  }
  Json answer = Json::object();
  answer.set("tags", std::move(list));
  return answer;
}

Json OfficialAccount::tag_update(const ApiCall&, const Json& body, Instant now) {
  Tag* tag = find_tag(body["tag"]["id"].int_or(0));
  const std::string name(body["tag"]["name"].string_or(""));
  if (tag == nullptr) return refuse(45159, "invalid tag id", now);
  if (name.size() > kTagNameBytesMax) return refuse(45158, "tag name too long", now);
  if (name.empty() || (tag->name != name && is_taken(name))) {
    return refuse(45157, "invalid tag name", now);
  }
  tag->name = name;
  return api_ok();
}

Json OfficialAccount::tag_delete(const ApiCall&, const Json& body, Instant now) {
  const std::int64_t id = body["tag"]["id"].int_or(0);
  if (id >= 0 && id <= 2) return refuse(45058, "can't modify sys tag", now);
  if (find_tag(id) == nullptr) return refuse(45159, "invalid tag id", now);
  std::erase_if(tags_, [&](const Tag& tag) { return tag.id == id; });
  for (Follower& follower : people_) std::erase(follower.tags, id);
  return api_ok();
}

Json OfficialAccount::tag_members(const ApiCall&, const Json& body, Instant now) {
  const std::int64_t id = body["tagid"].int_or(0);
  if (find_tag(id) == nullptr) return refuse(45159, "invalid tag id", now);
  const std::string_view from = body["next_openid"].string_or("");
  const auto start = by_openid_.find(from);
  Json openids = Json::array();
  std::string last;
  for (std::size_t at = start == by_openid_.end() ? 0 : start->second + 1;
       at < people_.size() && openids.if_array()->size() < kPage; ++at) {
    const Follower& follower = people_[at];
    if (!follower.following || std::ranges::find(follower.tags, id) == follower.tags.end())
      continue;
    last = follower.openid;
    openids.push(last);
  }
  Json answer = Json::object();
  answer.set("count", openids.if_array()->size());
  if (!last.empty()) {
    Json data = Json::object();
    data.set("openid", std::move(openids));
    answer.set("data", std::move(data));
    answer.set("next_openid", last);
  }
  return answer;
}

Json OfficialAccount::set_tag(const Json& body, bool on, Instant now) {
  const std::int64_t id = body["tagid"].int_or(0);
  const Json::Array* list = body["openid_list"].if_array();
  if (list == nullptr || list->empty()) return refuse(40031, "invalid openid list", now);
  if (list->size() > kTagBatchMax) return refuse(40032, "invalid openid list size", now);
  if (find_tag(id) == nullptr) return refuse(45159, "invalid tag id", now);
  std::vector<Follower*> people;
  for (const Json& openid : *list) {
    Follower* follower = find(openid.string_or(""));
    if (follower == nullptr) return refuse(40003, "invalid openid", now);
    const bool has = std::ranges::find(follower->tags, id) != follower->tags.end();
    if (on && !has && follower->tags.size() >= kTagsPerPersonMax) {
      return refuse(45059, "user's tag list is full", now);
    }
    people.push_back(follower);
  }
  for (Follower* follower : people) {
    std::erase(follower->tags, id);
    if (on) follower->tags.push_back(id);
  }
  return api_ok();
}

Json OfficialAccount::tag_people(const ApiCall&, const Json& body, Instant now) {
  return set_tag(body, true, now);
}

Json OfficialAccount::untag_people(const ApiCall&, const Json& body, Instant now) {
  return set_tag(body, false, now);
}

Json OfficialAccount::tags_of(const ApiCall&, const Json& body, Instant now) {
  const Follower* follower = find(body["openid"].string_or(""));
  if (follower == nullptr) return refuse(40003, "invalid openid", now);
  Json tags = Json::array();
  for (const std::int64_t tag : follower->tags) tags.push(tag);
  Json answer = Json::object();
  answer.set("tagid_list", std::move(tags));
  return answer;
}

}  // namespace zhiyin::sandbox
