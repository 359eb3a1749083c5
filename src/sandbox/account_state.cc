#include "sandbox/account_state.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/crypto.h"
#include "sandbox/ads.h"
#include "sandbox/error_texts.h"
#include "sandbox/seeds.h"

namespace zhiyin::sandbox {
namespace {

constexpr std::size_t kMessagesWaitingMax = 1'000'000;
constexpr int kWrongFormat = 47001;
constexpr int kWrongWecomParameter = 40058;

/// The query as an object; lists and objects are written as JSON there.
Json query_object(const ApiCall& call) {
  Json out = Json::object();
  for (const auto& [name, value] : call.query) {
    const bool is_json = value.starts_with('[') || value.starts_with('{');
    Result<Json> parsed = is_json ? parse_json(value) : Result<Json>(Json(value));
    out.set(name, parsed ? std::move(*parsed) : Json(value));
  }
  return out;
}

/// Whether a letter beyond ASCII is written as \\uXXXX, which the platform refuses.
bool has_escaped_letters(std::string_view body) {
  for (std::size_t at = 0; (at = body.find('\\', at)) != std::string_view::npos; at += 2) {
    if (body.substr(at, 2) == "\\u" && body.substr(at, 4) != "\\u00") return true;
  }
  return false;
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

std::int64_t seconds_of(Instant t) { return t.us / 1'000'000; }

AccountState::AccountState(SandboxAccount who, std::uint64_t seed)
    : identity(std::move(who)),
      random(seed ^ 0x9fb21c651e98df25ULL),
      tokens(fmt::format("{} {}", identity.app_secret, seed)) {
  seed_account(*this);
}

Answer AccountState::answer(const Endpoint& endpoint, const ApiCall& call, Instant now) {
  const bool is_ads = endpoint.family == Family::kAds;
  const bool has_token = endpoint.caller == Caller::kToken;
  if (is_ads && has_token) {
    if (std::optional<Answer> refused = check_ads_call(*this, call, now))
      return std::move(*refused);
  }
  Answer made = answer_checked(endpoint, call, now);
  if (is_ads && has_token) add_ads_rate(*this, endpoint, made, now);
  return made;
}

Answer AccountState::answer_checked(const Endpoint& endpoint, const ApiCall& call, Instant now) {
  // What is to be read may be asked for by a POST as well.
  const bool is_get = call.method == "GET" && endpoint.takes_get;
  if (endpoint.method == "POST" && call.method != "POST" && !is_get) return refuse(43002, now);
  if (!may_call(endpoint)) return refuse(48001, now);
  const QuotaCounters::Verdict verdict = quota.take(endpoint, now);
  if (verdict != QuotaCounters::Verdict::kMay) {
    const bool is_day = verdict == QuotaCounters::Verdict::kDayUsedUp;
    if (endpoint.family == Family::kAds)
      return ads_error(*this, is_day ? kAdsDayUsedUp : kAdsMinuteUsedUp);
    return refuse(is_day ? 45009 : 45011, now);
  }
  const bool is_multipart = !endpoint.file_part.empty();
  const bool is_in_query = endpoint.method == "GET" || is_multipart || is_get;
  Json body = query_object(call);
  if (!is_in_query) {
    if (auto fault = find_fault(endpoint, endpoint.query, body, now)) return std::move(*fault);
    if (call.body.empty()) return refuse(44002, now);
    if (endpoint.family == Family::kOfficial && has_escaped_letters(call.body))
      return refuse(40033, now);
    Result<Json> parsed = parse_json(call.body);
    if (!parsed || parsed->if_object() == nullptr) return refuse(kWrongFormat, now);
    body = std::move(*parsed);
  }
  const std::vector<Field>& fields = is_multipart ? endpoint.query : endpoint.fields;
  if (auto fault = find_fault(endpoint, fields, body, now)) return std::move(*fault);
  return endpoint.handler(*this, Call{call, body, now});
}

bool AccountState::may_call(const Endpoint& endpoint) const {
  if (endpoint.family != Family::kOfficial) return true;
  if (identity.kind == AccountKind::kMiniProgram) return (endpoint.access & kOfficialOnly) == 0;
  const bool is_service = identity.kind == AccountKind::kService;
  const unsigned lacks =
      kMiniOnly | (identity.verified ? 0 : kVerified) | (is_service ? 0 : kServiceOnly);
  return (endpoint.access & lacks) == 0;
}

std::optional<Answer> AccountState::find_fault(const Endpoint& endpoint,
                                               std::span<const Field> fields, const Json& in,
                                               Instant now) {
  const auto fault = check_fields(fields, in);
  if (!fault) return std::nullopt;
  switch (endpoint.family) {
    case Family::kAds:
      return ads_error(*this, fault->error == 0 ? kAdsParameter : fault->error, fault->field);
    case Family::kWecom: {
      const bool is_general = fault->error == 0 || fault->error == kInvalidParameter;
      return refuse(is_general ? kWrongWecomParameter : fault->error, now, fault->field);
    }
    case Family::kOfficial:
      break;
  }
  return refuse(fault->error == 0 ? kWrongFormat : fault->error, now, fault->field);
}

Json AccountState::refuse(int code, Instant now, std::string_view hint) {
  const std::string_view words = error_text(code);
  return api_error(code,
                   hint.empty() ? std::string(words) : fmt::format("{} hint: [{}]", words, hint),
                   now, random);
}

void AccountState::follow(std::string_view openid, std::string_view unionid, Instant at,
                          std::string_view scene, std::string_view qr_scene) {
  Follower& follower = people.at(openid);
  if (!follower.following) figures.note_follow(at, scene);
  figures.note_callback(at);
  follower.unionid = unionid;
  follower.following = true;
  follower.followed_at = at;
  follower.last_seen = at;
  follower.scene = scene;
  follower.qr_scene = qr_scene;
  follower.window.open(Trigger::kFollow, at);
  note_person(*this, follower);
}

void AccountState::unfollow(std::string_view openid, Instant at) {
  Follower* follower = people.find(openid);
  if (follower == nullptr || !follower->following) return;
  figures.note_unfollow(at);
  figures.note_callback(at);
  follower->following = false;
  follower->tags.clear();
  follower->window = {};
  note_person(*this, *follower);
}

void AccountState::trigger(std::string_view openid, Trigger trigger, Instant at) {
  Follower* follower = people.find(openid);
  if (follower == nullptr) return;
  figures.note_callback(at);
  follower->last_seen = at;
  follower->window.open(trigger, at);
  note_person(*this, *follower);
  if (trigger != Trigger::kMessage) return;
  figures.note_message(at, people.position(openid));
  if (!staff.sessions.contains(std::string(openid))) staff.waiting[std::string(openid)] = at;
}

void AccountState::hand_over(SentMessage message) {
  message.app_id = identity.app_id;
  note_message(*this, message);
  if (messages.size() < kMessagesWaitingMax) messages.push_back(std::move(message));
}

void AccountState::call_back(Instant due_at, CallbackMessage message) {
  message.app_id = identity.app_id;
  const auto later = std::ranges::upper_bound(callbacks, due_at, {}, &DueCallback::due_at);
  callbacks.insert(later, {due_at, std::move(message)});
}

std::vector<CallbackMessage> AccountState::take_due_callbacks(Instant now) {
  const auto end = std::ranges::upper_bound(callbacks, now, {}, &DueCallback::due_at);
  std::vector<CallbackMessage> due;
  for (auto it = callbacks.begin(); it != end; ++it) due.push_back(std::move(it->message));
  callbacks.erase(callbacks.begin(), end);
  return due;
}

std::string AccountState::make_name(std::size_t length) {
  std::string name;
  for (int part = 0; name.size() < length; ++part) {
    name += crypto::base64url(crypto::hmac_sha256(
        identity.app_secret, fmt::format("{} {} {}", identity.app_id, names_made, part)));
  }
  ++names_made;
  name.resize(length);
  return name;
}

}  // namespace zhiyin::sandbox
