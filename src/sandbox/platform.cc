#include "sandbox/platform.h"

#include <algorithm>

namespace zhiyin::sandbox {
namespace {

std::string_view query_of(const ApiCall& call, std::string_view name) {
  const auto found = call.query.find(name);
  return found == call.query.end() ? std::string_view() : found->second;
}

/// The AppID of a call for a token.
std::string app_id_of(const ApiCall& call) {
  if (call.path == "/cgi-bin/token") return std::string(query_of(call, "appid"));
  const Result<Json> body = parse_json(call.body);
  return body ? std::string((*body)["appid"].string_or("")) : std::string();
}

}  // namespace

Platform::Platform(const Clock& clock, std::uint64_t seed)
    : clock_(clock), seed_(seed), random_(seed ^ 0x2545f4914f6cdd1dULL) {}

void Platform::add(SandboxAccount account) {
  MutexLock lock(mutex_);
  accounts_.push_back(
      std::make_unique<OfficialAccount>(std::move(account), seed_ + accounts_.size()));
}

Json Platform::refuse(int code, std::string_view text) {
  return api_error(code, text, clock_.now(), random_);
}

OfficialAccount* Platform::find(std::string_view app_id) {
  const auto found = std::ranges::find_if(
      accounts_, [&](const auto& account) { return account->account().app_id == app_id; });
  return found == accounts_.end() ? nullptr : found->get();
}

const OfficialAccount* Platform::find(std::string_view app_id) const {
  const auto found = std::ranges::find_if(
      accounts_, [&](const auto& account) { return account->account().app_id == app_id; });
  return found == accounts_.end() ? nullptr : found->get();
}

Json Platform::dispatch(const ApiCall& call) {
  const Instant now = clock_.now();
  if (call.path == "/cgi-bin/token" || call.path == "/cgi-bin/stable_token") {
    const std::string app_id = app_id_of(call);
    if (app_id.empty()) return refuse(41002, "appid missing");
    OfficialAccount* account = find(app_id);
    return account == nullptr ? refuse(40013, "invalid appid") : account->call(call, now);
  }
  const std::string_view token = query_of(call, "access_token");
  if (token.empty()) return refuse(41001, "access_token missing");
  for (const auto& account : accounts_) {
    switch (account->check_token(token, now)) {
      case TokenState::kValid:
        return account->call(call, now);
      case TokenState::kExpired:
        return refuse(42001, "access_token expired");
      case TokenState::kUnknown:
        break;
    }
  }
  return refuse(
      40001,
      "invalid credential, access_token is invalid or not latest, could get access_token by "
      "getStableAccessToken, more details at https://mmbizurl.cn/s/JtxxFh33r");
}

Fault Platform::next_fault(std::string_view path) {
  const auto found = std::ranges::find(faults_, path, &Fault::path);
  if (found == faults_.end()) return {.path = {}, .times = 0};
  Fault fault = *found;
  if (--found->times <= 0) faults_.erase(found);
  return fault;
}

PlatformAnswer Platform::call(const ApiCall& call) {
  if (!OfficialAccount::has_path(call.path)) return {};
  MutexLock lock(mutex_);
  const Fault fault = next_fault(call.path);
  PlatformAnswer answer;
  if (fault.times > 0 && fault.kind == FaultKind::kBusy) {
    answer.body = refuse(-1, "system error");
  } else if (fault.times > 0 && fault.kind == FaultKind::kErrcode) {
    answer.body = refuse(fault.errcode, "injected");
  } else if (fault.times > 0 && fault.kind == FaultKind::kCloseBefore) {
    answer.body = Json::object();
  } else {
    answer.body = dispatch(call);
  }
  answer.hang_up = fault.times > 0 &&
                   (fault.kind == FaultKind::kCloseBefore || fault.kind == FaultKind::kCloseAfter);
  answer.delay_ms = fault.times > 0 && fault.kind == FaultKind::kSlow ? fault.delay_ms : 0;
  ++calls_[call.path][static_cast<int>(answer.body["errcode"].int_or(0))];
  return answer;
}

void Platform::inject(Fault fault) {
  MutexLock lock(mutex_);
  faults_.push_back(std::move(fault));
}

void Platform::set_daily_limit(std::string_view path, std::int64_t limit) {
  MutexLock lock(mutex_);
  for (const auto& account : accounts_) account->quota().set_limit(path, limit);
}

void Platform::follow(std::string_view app_id, std::string_view openid, std::string_view unionid,
                      Instant at, std::string_view scene, std::string_view qr_scene) {
  MutexLock lock(mutex_);
  if (OfficialAccount* account = find(app_id))
    account->follow(openid, unionid, at, scene, qr_scene);
}

void Platform::unfollow(std::string_view app_id, std::string_view openid) {
  MutexLock lock(mutex_);
  if (OfficialAccount* account = find(app_id)) account->unfollow(openid);
}

void Platform::trigger(std::string_view app_id, std::string_view openid, Trigger trigger,
                       Instant at) {
  MutexLock lock(mutex_);
  if (OfficialAccount* account = find(app_id)) account->trigger(openid, trigger, at);
}

std::int64_t Platform::next_message_id(std::string_view app_id) {
  MutexLock lock(mutex_);
  OfficialAccount* account = find(app_id);
  return account == nullptr ? 0 : account->next_message_id();
}

std::vector<SentMessage> Platform::take_messages() {
  MutexLock lock(mutex_);
  std::vector<SentMessage> all;
  for (const auto& account : accounts_) {
    for (SentMessage& message : account->take_messages()) all.push_back(std::move(message));
  }
  return all;
}

std::vector<CallbackMessage> Platform::take_due_callbacks() {
  MutexLock lock(mutex_);
  std::vector<CallbackMessage> all;
  for (const auto& account : accounts_) {
    for (CallbackMessage& message : account->take_due_callbacks(clock_.now()))
      all.push_back(std::move(message));
  }
  return all;
}

std::size_t Platform::followers(std::string_view app_id) const {
  MutexLock lock(mutex_);
  const OfficialAccount* account = find(app_id);
  return account == nullptr ? 0 : account->followers();
}

bool Platform::follows(std::string_view app_id, std::string_view openid) const {
  MutexLock lock(mutex_);
  const OfficialAccount* account = find(app_id);
  return account != nullptr && account->follows(openid);
}

Json Platform::call_counts() const {
  MutexLock lock(mutex_);
  Json counts = Json::object();
  for (const auto& [path, by_code] : calls_) {
    Json codes = Json::object();
    for (const auto& [code, n] : by_code) codes.set(std::to_string(code), n);
    counts.set(path, std::move(codes));
  }
  return counts;
}

}  // namespace zhiyin::sandbox
