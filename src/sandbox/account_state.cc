#include "sandbox/official_account.h"

#include <fmt/format.h>

#include <algorithm>

namespace zhiyin::sandbox {
namespace {

constexpr std::size_t kMessagesWaitingMax = 1'000'000;

bool is_token_path(std::string_view path) {
  return path == "/cgi-bin/token" || path == "/cgi-bin/stable_token";
}

}  // namespace

Json api_ok() {
  Json ok = Json::object();
  ok.set("errcode", 0);
  ok.set("errmsg", "ok");
  return ok;
}

Json api_error(int code, std::string_view text, Instant now, Random& random) {
  Json error = Json::object();
  error.set("errcode", code);
  const auto seconds = static_cast<std::uint32_t>(now.us / 1'000'000);
  error.set("errmsg", fmt::format("{} rid: {:08x}-{:08x}-{:08x}", text, seconds,
                                  static_cast<std::uint32_t>(random.next()),
                                  static_cast<std::uint32_t>(random.next())));
  return error;
}

std::string first_link(std::string_view text) {
  const std::size_t at = std::min(text.find("http://"), text.find("https://"));
  if (at == std::string_view::npos) return {};
  // An address ends where its alphabet ends: Chinese text follows it without a space.
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:/?#[]@!$&()*+,;=%";
  const std::string_view rest = text.substr(at);
  return std::string(rest.substr(0, rest.find_first_not_of(kAlphabet)));
}

OfficialAccount::OfficialAccount(SandboxAccount account, std::uint64_t seed)
    : account_(std::move(account)),
      random_(seed ^ 0x9fb21c651e98df25ULL),
      tokens_(fmt::format("{} {}", account_.app_secret, seed)),
      quota_(default_daily_limits()) {}

const std::vector<OfficialAccount::Endpoint>& OfficialAccount::endpoints() {
  using A = OfficialAccount;
  static const std::vector<Endpoint> kEndpoints = {
      {"/cgi-bin/user/get", "GET", &A::user_get},
      {"/cgi-bin/user/info", "GET", &A::user_info},
      {"/cgi-bin/user/info/batchget", "POST", &A::user_info_batch},
      {"/cgi-bin/tags/create", "POST", &A::tag_create},
      {"/cgi-bin/tags/get", "GET", &A::tag_list},
      {"/cgi-bin/tags/update", "POST", &A::tag_update},
      {"/cgi-bin/tags/delete", "POST", &A::tag_delete},
      {"/cgi-bin/tags/getidlist", "POST", &A::tags_of},
      {"/cgi-bin/user/tag/get", "POST", &A::tag_members},
      {"/cgi-bin/tags/members/batchtagging", "POST", &A::tag_people},
      {"/cgi-bin/tags/members/batchuntagging", "POST", &A::untag_people},
      {"/cgi-bin/message/custom/send", "POST", &A::custom_send, true},
      {"/cgi-bin/message/template/send", "POST", &A::template_send, true, true},
      {"/cgi-bin/template/get_all_private_template", "GET", &A::template_list, true, true},
      {"/cgi-bin/message/mass/send", "POST", &A::mass_send, true, true},
      {"/cgi-bin/message/mass/sendall", "POST", &A::mass_send_all, true},
      {"/cgi-bin/message/mass/preview", "POST", &A::mass_preview, true},
      {"/cgi-bin/message/mass/get", "POST", &A::mass_get, true},
      {"/cgi-bin/message/mass/delete", "POST", &A::mass_delete, true},
      {"/cgi-bin/openapi/quota/get", "POST", &A::quota_get},
      {"/cgi-bin/clear_quota", "POST", &A::quota_clear},
  };
  return kEndpoints;
}

const OfficialAccount::Endpoint* OfficialAccount::find_endpoint(std::string_view path) {
  const auto found = std::ranges::find(endpoints(), path, &Endpoint::path);
  return found == endpoints().end() ? nullptr : &*found;
}

bool OfficialAccount::has_path(std::string_view path) {
  return is_token_path(path) || find_endpoint(path) != nullptr;
}

Json OfficialAccount::call(const ApiCall& call, Instant now) {
  if (call.path == "/cgi-bin/token") return token(call, now);
  if (call.path == "/cgi-bin/stable_token") return stable_token(call, now);
  const Endpoint* endpoint = find_endpoint(call.path);
  if (endpoint == nullptr) return refuse(48001, "api unauthorized", now);
  if (endpoint->http_method == "POST" && call.method != "POST")
    return refuse(43002, "require POST method", now);
  if (endpoint->http_method == "GET" && call.method != "GET" && call.method != "POST") {
    return refuse(43001, "require GET method", now);
  }
  if ((endpoint->verified_only && !account_.verified) ||
      (endpoint->service_only && account_.kind != AccountKind::kService)) {
    return refuse(48001, "api unauthorized", now);
  }
  if (!quota_.take(call.path, now)) return refuse(45009, "reach max api daily quota limit", now);
  Json body;
  if (endpoint->http_method == "POST") {
    if (call.body.empty()) return refuse(44002, "empty post data", now);
    Result<Json> parsed = parse_json(call.body);
    if (!parsed || parsed->if_object() == nullptr) return refuse(47001, "data format error", now);
    body = std::move(*parsed);
  }
  return (this->*endpoint->method)(call, body, now);
}

Json OfficialAccount::token(const ApiCall& call, Instant now) {
  const auto query = [&](std::string_view name) -> std::string_view {
    const auto found = call.query.find(name);
    return found == call.query.end() ? std::string_view() : found->second;
  };
  if (call.method != "GET" && call.method != "POST")
    return refuse(43001, "require GET method", now);
  if (query("grant_type") != "client_credential") return refuse(40002, "invalid grant_type", now);
  if (query("secret").empty()) return refuse(41004, "appsecret missing", now);
  if (query("secret") != account_.app_secret) return refuse(40125, "invalid appsecret", now);
  if (!quota_.take(call.path, now)) return refuse(45009, "reach max api daily quota limit", now);
  const TokenIssuer::Issued issued = tokens_.issue(now);
  Json answer = Json::object();
  answer.set("access_token", issued.token);
  answer.set("expires_in", issued.expires_in_s);
  return answer;
}

Json OfficialAccount::stable_token(const ApiCall& call, Instant now) {
  if (call.method != "POST") return refuse(43002, "require POST method", now);
  const Result<Json> body = parse_json(call.body);
  if (!body) return refuse(47001, "data format error", now);
  if ((*body)["grant_type"].string_or("") != "client_credential")
    return refuse(40002, "invalid grant_type", now);
  const std::string_view secret = (*body)["secret"].string_or("");
  if (secret.empty()) return refuse(41004, "appsecret missing", now);
  if (secret != account_.app_secret) return refuse(40125, "invalid appsecret", now);
  if (!quota_.take(call.path, now)) return refuse(45009, "reach max api daily quota limit", now);
  const TokenIssuer::Issued issued =
      tokens_.issue_stable(now, (*body)["force_refresh"].bool_or(false));
  Json answer = Json::object();
  answer.set("access_token", issued.token);
  answer.set("expires_in", issued.expires_in_s);
  return answer;
}

OfficialAccount::Follower* OfficialAccount::find(std::string_view openid) {
  const auto found = by_openid_.find(openid);
  return found == by_openid_.end() ? nullptr : &people_[found->second];
}

const OfficialAccount::Follower* OfficialAccount::find(std::string_view openid) const {
  const auto found = by_openid_.find(openid);
  return found == by_openid_.end() ? nullptr : &people_[found->second];
}

bool OfficialAccount::follows(std::string_view openid) const {
  const Follower* follower = find(openid);
  return follower != nullptr && follower->following;
}

std::size_t OfficialAccount::followers() const {
  return static_cast<std::size_t>(std::ranges::count_if(people_, &Follower::following));
}

void OfficialAccount::follow(std::string_view openid, std::string_view unionid, Instant at,
                             std::string_view scene, std::string_view qr_scene) {
  Follower* follower = find(openid);
  if (follower == nullptr) {
    by_openid_.emplace(openid, people_.size());
    follower = &people_.emplace_back();
    follower->openid = openid;
  }
  follower->unionid = unionid;
  follower->following = true;
  follower->followed_at = at;
  follower->scene = scene;
  follower->qr_scene = qr_scene;
  follower->window.open(Trigger::kFollow, at);
}

void OfficialAccount::unfollow(std::string_view openid) {
  Follower* follower = find(openid);
  if (follower == nullptr) return;
  follower->following = false;
  follower->tags.clear();
  follower->window = {};
}

void OfficialAccount::trigger(std::string_view openid, Trigger trigger, Instant at) {
  if (Follower* follower = find(openid)) follower->window.open(trigger, at);
}

void OfficialAccount::hand_over(SentMessage message) {
  message.app_id = account_.app_id;
  if (messages_.size() < kMessagesWaitingMax) messages_.push_back(std::move(message));
}

void OfficialAccount::call_back(Instant due_at, CallbackMessage message) {
  message.app_id = account_.app_id;
  const auto later = std::ranges::upper_bound(callbacks_, due_at, {}, &DueCallback::due_at);
  callbacks_.insert(later, {due_at, std::move(message)});
}

std::vector<CallbackMessage> OfficialAccount::take_due_callbacks(Instant now) {
  const auto end = std::ranges::upper_bound(callbacks_, now, {}, &DueCallback::due_at);
  std::vector<CallbackMessage> due;
  for (auto it = callbacks_.begin(); it != end; ++it) due.push_back(std::move(it->message));
  callbacks_.erase(callbacks_.begin(), end);
  return due;
}

}  // namespace zhiyin::sandbox
