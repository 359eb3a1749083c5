#include <fmt/format.h>

#include <algorithm>

#include "base/crypto.h"
#include "sandbox/official_account.h"

// Mass sends: one message to a tag, to all, or to a list of people.
namespace zhiyin::sandbox {
namespace {

constexpr std::size_t kOpenidsMin = 2;
constexpr std::size_t kOpenidsMax = 10'000;
constexpr std::size_t kClientIdBytesMax = 64;
constexpr std::size_t kTextBytesMax = 2048;
constexpr int kPerPersonAndMonth = 4;
constexpr Duration kRepeatWindow = kDay;
constexpr Duration kJobMemory = kDay * 60;
constexpr Duration kRepeatPause = std::chrono::minutes(1);
constexpr Duration kJobDelay = std::chrono::minutes(2);
constexpr double kLostOnTheWay = 0.004;

}  // namespace

bool OfficialAccount::may_receive_mass(Follower& follower, Instant now) {
  if (!follower.following) return false;
  const int month = shanghai_month(now);
  if (follower.mass_month != month) {
    follower.mass_month = month;
    follower.mass_in_month = 0;
  }
  // Subscription accounts are held by one send a day instead.
  return account_.kind == AccountKind::kSubscription || follower.mass_in_month < kPerPersonAndMonth;
}

std::optional<Json> OfficialAccount::repetition_of(const std::string& client_id, Instant now) {
  std::erase_if(jobs_, [&](const MassJob& job) { return now - job.at > kJobMemory; });
  const auto known = std::ranges::find_if(jobs_, [&](const MassJob& job) {
    return job.client_id == client_id && now - job.at < kRepeatWindow;
  });
  if (known == jobs_.end()) return std::nullopt;
  if (now - known->at < kRepeatPause) return refuse(45066, "same clientmsgid retry too fast", now);
  Json answer = refuse(45065, "clientmsgid exist", now);
  answer.set("msg_id", known->id);
  return answer;
}

OfficialAccount::MassJob* OfficialAccount::find_job(const Json& body) {
  // Clients send the number as a number or as text.
  const Json& given = body["msg_id"];
  const std::string text = given.if_string() ? *given.if_string() : std::to_string(given.int_or(0));
  const auto job =
      std::ranges::find_if(jobs_, [&](const MassJob& j) { return std::to_string(j.id) == text; });
  return job == jobs_.end() ? nullptr : &*job;
}

Json OfficialAccount::start_mass(const Json& body, const std::vector<Follower*>& scope,
                                 std::size_t targeted, const std::string& client_id, Instant now) {
  const std::string_view type = body["msgtype"].string_or("");
  if (type == "image" || type == "voice" || type == "mpvideo" || type == "mpnews") {
    return refuse(40007, "invalid media_id", now);  // there is no media store
  }
  if (type != "text") return refuse(40008, "invalid message type", now);
  const std::string text(body["text"]["content"].string_or(""));
  if (text.empty()) return refuse(44004, "empty content", now);
  if (text.size() > kTextBytesMax) return refuse(45002, "content size out of limit", now);

  SentMessage message;
  message.channel = "mass";
  message.id = next_message_id();
  message.client_id = std::string(body["clientmsgid"].string_or(""));
  message.at = now;
  message.text = text;
  message.link = first_link(text);
  message.targeted = targeted;
  std::size_t filtered = 0;
  for (Follower* follower : scope) {
    if (!may_receive_mass(*follower, now)) continue;
    ++filtered;
    if (random_.uniform() < kLostOnTheWay) continue;
    ++follower->mass_in_month;
    message.recipients.push_back(follower->openid);
  }
  const std::size_t sent = message.recipients.size();
  jobs_.push_back({message.id, client_id, std::string(type), now, now + kJobDelay, sent == 0});
  const auto number = [](std::size_t n) { return std::to_string(n); };
  call_back(now + kJobDelay,
            event_message("mphelper", now + kJobDelay, "MASSSENDJOBFINISH",
                          {{"MsgID", std::to_string(message.id), true},
                           {"Status", sent > 0 ? "send success" : "send fail", false},
                           {"TotalCount", number(targeted), true},
                           {"FilterCount", number(filtered), true},
                           {"SentCount", number(sent), true},
                           {"ErrorCount", number(filtered - sent), true}}));
  Json answer = Json::object();
  answer.set("errcode", 0);
  answer.set("errmsg", "send job submission success");
  answer.set("msg_id", message.id);
  hand_over(std::move(message));
  return answer;
}

Json OfficialAccount::mass_send(const ApiCall&, const Json& body, Instant now) {
  const Json::Array* list = body["touser"].if_array();
  if (list == nullptr || list->size() < kOpenidsMin) {
    return refuse(40130, "invalid openid list size, at least two openid", now);
  }
  if (list->size() > kOpenidsMax) return refuse(40032, "invalid openid list size", now);
  const std::string client_id(body["clientmsgid"].string_or(""));
  if (client_id.size() > kClientIdBytesMax)
    return refuse(45067, "clientmsgid size out of limit", now);
  std::string scope_text;
  std::vector<Follower*> scope;
  for (const Json& openid : *list) {
    scope_text += openid.string_or("");
    if (Follower* follower = find(openid.string_or(""))) scope.push_back(follower);
  }
  std::ranges::sort(scope);
  const auto surplus = std::ranges::unique(scope);
  scope.erase(surplus.begin(), surplus.end());
  if (scope.empty()) return refuse(40003, "invalid openid", now);
  // Without an id of the caller, scope and content stand for it.
  const std::string key =
      client_id.empty()
          ? crypto::hex(crypto::sha1(scope_text + body[body["msgtype"].string_or("")].dump()))
          : client_id;
  if (auto answer = repetition_of(key, now)) return std::move(*answer);
  return start_mass(body, scope, list->size(), key, now);
}

Json OfficialAccount::mass_send_all(const ApiCall&, const Json& body, Instant now) {
  const bool to_all = body["filter"]["is_to_all"].bool_or(false);
  const std::int64_t tag = body["filter"]["tag_id"].int_or(0);
  if (!to_all && find_tag(tag) == nullptr) return refuse(45159, "invalid tag id", now);
  const std::string client_id(body["clientmsgid"].string_or(""));
  if (client_id.size() > kClientIdBytesMax)
    return refuse(45067, "clientmsgid size out of limit", now);
  const std::string key =
      client_id.empty() ? crypto::hex(crypto::sha1(body["filter"].dump() +
                                                   body[body["msgtype"].string_or("")].dump()))
                        : client_id;
  if (auto answer = repetition_of(key, now)) return std::move(*answer);
  const std::int64_t today = local_day(now, TimeZone::shanghai());
  const bool once_a_day = to_all || account_.kind == AccountKind::kSubscription;
  if (once_a_day && mass_to_all_day_ == today) return refuse(45028, "has no masssend quota", now);
  std::vector<Follower*> scope;
  for (Follower& follower : people_) {
    const bool tagged = std::ranges::find(follower.tags, tag) != follower.tags.end();
    if (follower.following && (to_all || tagged)) scope.push_back(&follower);
  }
  Json answer = start_mass(body, scope, scope.size(), key, now);
  if (once_a_day && answer["errcode"].int_or(-1) == 0) mass_to_all_day_ = today;
  return answer;
}

Json OfficialAccount::mass_preview(const ApiCall&, const Json& body, Instant now) {
  Follower* follower = find(body["touser"].string_or(""));
  if (follower == nullptr) return refuse(40003, "invalid openid", now);
  if (body["msgtype"].string_or("") != "text") return refuse(40007, "invalid media_id", now);
  const std::string text(body["text"]["content"].string_or(""));
  if (text.empty()) return refuse(44004, "empty content", now);
  if (!follower->following) return refuse(43004, "require subscribe", now);
  SentMessage message;
  message.channel = "preview";
  message.id = next_message_id();
  message.at = now;
  message.text = text;
  message.link = first_link(text);
  message.targeted = 1;
  message.recipients = {follower->openid};
  Json answer = Json::object();
  answer.set("errcode", 0);
  answer.set("errmsg", "preview success");
  answer.set("msg_id", message.id);
  hand_over(std::move(message));
  return answer;
}

Json OfficialAccount::mass_get(const ApiCall&, const Json& body, Instant now) {
  const MassJob* job = find_job(body);
  if (job == nullptr) return refuse(40059, "invalid msg id", now);
  const std::string_view outcome = job->failed ? "SEND_FAIL" : "SEND_SUCCESS";
  Json answer = Json::object();
  answer.set("msg_id", job->id);
  answer.set("msg_status", now < job->finished_at ? "SENDING" : outcome);
  return answer;
}

Json OfficialAccount::mass_delete(const ApiCall&, const Json& body, Instant now) {
  const MassJob* job = find_job(body);
  if (job == nullptr) return refuse(40059, "invalid msg id", now);
  // Only the page of an article or a video can be withdrawn, and texts have none.
  return refuse(40008, "invalid message type", now);
}

}  // namespace zhiyin::sandbox
