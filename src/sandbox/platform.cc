#include "sandbox/platform.h"

#include <fmt/format.h>

#include <algorithm>

#include "sandbox/ads.h"
#include "sandbox/error_texts.h"

namespace zhiyin::sandbox {
namespace {

constexpr std::size_t kRequestsKept = 10'000;
constexpr std::size_t kRequestBytesKept = 4096;

std::string_view query_of(const ApiCall& call, std::string_view name) {
  const auto found = call.query.find(name);
  return found == call.query.end() ? std::string_view() : found->second;
}

Family family_of(AccountKind kind) {
  switch (kind) {
    case AccountKind::kWecom:
      return Family::kWecom;
    case AccountKind::kAdvertiser:
      return Family::kAds;
    case AccountKind::kSubscription:
    case AccountKind::kService:
    case AccountKind::kMiniProgram:
      break;
  }
  return Family::kOfficial;
}

/// The AppID, CorpID or client_id of a call without a token.
std::string id_of(const Endpoint& endpoint, const ApiCall& call) {
  switch (endpoint.caller) {
    case Caller::kAppSecretBody: {
      const Result<Json> body = parse_json(call.body);
      return body ? text_of((*body)["appid"]) : std::string();
    }
    case Caller::kCorpSecret:
      return std::string(query_of(call, "corpid"));
    case Caller::kClientSecret:
      return std::string(query_of(call, "client_id"));
    case Caller::kAppSecret:
    case Caller::kAppId:
    case Caller::kToken:
    case Caller::kUserToken:
      break;
  }
  return std::string(query_of(call, "appid"));
}

TokenState check_token(const AccountState& account, std::string_view token, Instant now) {
  return account.identity.kind == AccountKind::kAdvertiser ? check_ads_token(account, token, now)
                                                           : account.tokens.check(token, now);
}

/// What stands before the interface answers itself.
PlatformAnswer error_page(int status) {
  PlatformAnswer answer;
  answer.status = status;
  answer.content_type = "text/html";
  answer.bytes = fmt::format("<html><body><h1>{}</h1></body></html>", status);
  return answer;
}

/// The query as the account's owner may look at it later; the platform masks nothing in it.
std::string query_text(const ApiCall& call) {
  std::string text;
  for (const auto& [name, value] : call.query) {
    text += fmt::format("{}{}={}", text.empty() ? "" : "&", name,
                        std::string_view(value).substr(0, kRequestBytesKept));
  }
  return text;
}

}  // namespace

Platform::Platform(const Clock& clock, std::uint64_t seed)
    : clock_(clock), seed_(seed), random_(seed ^ 0x2545f4914f6cdd1dULL) {}

void Platform::add(SandboxAccount account) {
  MutexLock lock(mutex_);
  accounts_.push_back(std::make_unique<AccountState>(std::move(account), seed_ + accounts_.size()));
}

void Platform::keep_in(Journal journal) {
  MutexLock lock(mutex_);
  for (const auto& account : accounts_) journal.restore(*account);
  journal_.emplace(std::move(journal));
}

void Platform::watch(std::function<void(const Endpoint&, const PlatformAnswer&)> watcher) {
  MutexLock lock(mutex_);
  watcher_ = std::move(watcher);
}

void Platform::save(AccountState& account) {
  if (journal_ && !journal_->write(account, clock_.now())) is_lost_ = true;
}

Json Platform::refuse(int code) { return api_error(code, error_text(code), clock_.now(), random_); }

Json Platform::refuse_by(const Fault& fault, Family family) {
  const bool is_ads = family == Family::kAds;
  int code = fault.errcode;
  if (fault.kind == FaultKind::kBusy) code = is_ads ? kAdsBusy : -1;
  if (fault.kind == FaultKind::kDayLimit) code = is_ads ? kAdsDayUsedUp : 45009;
  if (fault.kind == FaultKind::kMinuteLimit) code = is_ads ? kAdsMinuteUsedUp : 45011;
  if (!is_ads) return refuse(code);
  const auto advertiser = std::ranges::find_if(accounts_, [](const auto& account) {
    return family_of(account->identity.kind) == Family::kAds;
  });
  return advertiser == accounts_.end() ? refuse(code) : ads_error(**advertiser, code).body;
}

AccountState* Platform::find(std::string_view app_id) {
  const auto found = std::ranges::find_if(
      accounts_, [&](const auto& account) { return account->identity.app_id == app_id; });
  return found == accounts_.end() ? nullptr : found->get();
}

const AccountState* Platform::find(std::string_view app_id) const {
  const auto found = std::ranges::find_if(
      accounts_, [&](const auto& account) { return account->identity.app_id == app_id; });
  return found == accounts_.end() ? nullptr : found->get();
}

Family Platform::family_of_caller(const ApiCall& call) const {
  const std::string_view token = query_of(call, "access_token");
  const auto owner = std::ranges::find_if(accounts_, [&](const auto& account) {
    return check_token(*account, token, clock_.now()) != TokenState::kUnknown;
  });
  return owner == accounts_.end() ? Family::kOfficial : family_of((*owner)->identity.kind);
}

Answer Platform::dispatch(const Endpoint& endpoint, const ApiCall& call) {
  if (endpoint.caller == Caller::kToken) return dispatch_by_token(endpoint, call);
  if (endpoint.caller == Caller::kUserToken) return dispatch_by_user(endpoint, call);
  const std::string id = id_of(endpoint, call);
  if (id.empty()) return refuse(endpoint.family == Family::kWecom ? 40013 : 41002);
  AccountState* account = find(id);
  if (account == nullptr || family_of(account->identity.kind) != endpoint.family)
    return refuse(40013);
  asked_ = account;
  return account->answer(endpoint, call, clock_.now());
}

Answer Platform::dispatch_by_token(const Endpoint& endpoint, const ApiCall& call) {
  const Instant now = clock_.now();
  const std::string_view token = query_of(call, "access_token");
  const bool is_ads = endpoint.family == Family::kAds;
  TokenState best = TokenState::kUnknown;
  AccountState* advertiser = nullptr;
  for (const auto& account : accounts_) {
    if (family_of(account->identity.kind) != endpoint.family) continue;
    if (is_ads) advertiser = account.get();
    const TokenState state =
        token.empty() ? TokenState::kUnknown : check_token(*account, token, now);
    if (state == TokenState::kValid) {
      asked_ = account.get();
      return account->answer(endpoint, call, now);
    }
    if (state == TokenState::kExpired) best = state;
  }
  if (advertiser != nullptr) {
    return ads_error(*advertiser, token.empty()                  ? kAdsTokenMissing
                                  : best == TokenState::kExpired ? kAdsTokenExpired
                                                                 : kAdsTokenInvalid);
  }
  if (token.empty()) return refuse(41001);
  if (best == TokenState::kExpired) return refuse(42001);
  return refuse(endpoint.family == Family::kWecom ? 40014 : 40001);
}

/// A person's token belongs to the account at which they signed in.
Answer Platform::dispatch_by_user(const Endpoint& endpoint, const ApiCall& call) {
  const std::string_view token = query_of(call, "access_token");
  for (const auto& account : accounts_) {
    if (!account->logins.user_tokens.contains(token)) continue;
    asked_ = account.get();
    return account->answer(endpoint, call, clock_.now());
  }
  return refuse(token.empty() ? 41001 : 40001);
}

Fault Platform::next_fault(std::string_view path) {
  const auto found = std::ranges::find_if(
      faults_, [&](const Fault& fault) { return fault.path == path || fault.path == "*"; });
  if (found == faults_.end()) return {.path = {}, .times = 0};
  Fault fault = *found;
  if (--found->times <= 0) faults_.erase(found);
  return fault;
}

void Platform::remember(const ApiCall& call, const Json& body) {
  const std::string_view text = body["errmsg"].string_or("");
  const std::size_t at = text.find(" rid: ");
  if (asked_ == nullptr || at == std::string_view::npos) return;
  auto& entries = asked_->requests.entries;
  if (entries.size() >= kRequestsKept) entries.pop_front();
  entries.push_back({std::string(text.substr(at + 6)), query_text(call),
                     call.body.substr(0, kRequestBytesKept), body.dump(), clock_.now()});
}

PlatformAnswer Platform::call(const ApiCall& call) {
  MutexLock lock(mutex_);
  const Endpoint* endpoint = find_endpoint(call.path, family_of_caller(call));
  if (endpoint == nullptr) return {};
  if (call.body.size() > endpoint->body_max) return error_page(413);
  const Fault fault = next_fault(call.path);
  const FaultKind kind = fault.times > 0 ? fault.kind : FaultKind{};
  asked_ = nullptr;
  PlatformAnswer answer;
  switch (kind) {
    case FaultKind::kBusy:
    case FaultKind::kErrcode:
    case FaultKind::kDayLimit:
    case FaultKind::kMinuteLimit:
      answer.body = refuse_by(fault, endpoint->family);
      break;
    case FaultKind::kServerError:
      answer = error_page(fault.status);
      break;
    case FaultKind::kCloseBefore:
      answer.body = Json::object();
      break;
    default: {
      Answer made = dispatch(*endpoint, call);
      remember(call, made.body);
      answer.body = std::move(made.body);
      answer.bytes = std::move(made.bytes);
      answer.content_type = std::move(made.content_type);
      answer.headers = std::move(made.headers);
    }
  }
  if (asked_ != nullptr) save(*asked_);
  if (is_lost_) return error_page(500);
  if (watcher_) watcher_(*endpoint, answer);
  answer.hang_up = kind == FaultKind::kCloseBefore || kind == FaultKind::kCloseAfter;
  answer.half_sent = kind == FaultKind::kHalfSent;
  answer.delay_ms = kind == FaultKind::kSlow ? fault.delay_ms : 0;
  const Json& code = answer.body.find("code") ? answer.body["code"] : answer.body["errcode"];
  ++calls_[call.path]
          [kind == FaultKind::kServerError ? fault.status : static_cast<int>(code.int_or(0))];
  return answer;
}

void Platform::inject(Fault fault) {
  MutexLock lock(mutex_);
  faults_.push_back(std::move(fault));
}

void Platform::clear_faults() {
  MutexLock lock(mutex_);
  faults_.clear();
}

std::vector<Fault> Platform::faults() const {
  MutexLock lock(mutex_);
  return faults_;
}

void Platform::set_daily_limit(std::string_view path, std::int64_t limit) {
  MutexLock lock(mutex_);
  for (const auto& account : accounts_) account->quota.set_daily_limit(path, limit);
}

void Platform::set_minute_limit(std::string_view path, std::int64_t limit) {
  MutexLock lock(mutex_);
  for (const auto& account : accounts_) account->quota.set_minute_limit(path, limit);
}

void Platform::follow(std::string_view app_id, std::string_view openid, std::string_view unionid,
                      Instant at, std::string_view scene, std::string_view qr_scene) {
  MutexLock lock(mutex_);
  AccountState* account = find(app_id);
  if (account == nullptr) return;
  account->follow(openid, unionid, at, scene, qr_scene);
  save(*account);
}

void Platform::unfollow(std::string_view app_id, std::string_view openid) {
  MutexLock lock(mutex_);
  AccountState* account = find(app_id);
  if (account == nullptr) return;
  account->unfollow(openid, clock_.now());
  save(*account);
}

void Platform::trigger(std::string_view app_id, std::string_view openid, Trigger trigger,
                       Instant at) {
  MutexLock lock(mutex_);
  AccountState* account = find(app_id);
  if (account == nullptr) return;
  account->trigger(openid, trigger, at);
  save(*account);
}

std::int64_t Platform::next_message_id(std::string_view app_id) {
  MutexLock lock(mutex_);
  AccountState* account = find(app_id);
  return account == nullptr ? 0 : account->next_message_id();
}

std::vector<SentMessage> Platform::take_messages() {
  MutexLock lock(mutex_);
  std::vector<SentMessage> all;
  for (const auto& account : accounts_) {
    std::ranges::move(std::exchange(account->messages, {}), std::back_inserter(all));
  }
  return all;
}

std::vector<CallbackMessage> Platform::take_due_callbacks() {
  MutexLock lock(mutex_);
  std::vector<CallbackMessage> all;
  for (const auto& account : accounts_) {
    std::ranges::move(account->take_due_callbacks(clock_.now()), std::back_inserter(all));
  }
  return all;
}

bool Platform::has_ticket(std::string_view ticket) const {
  MutexLock lock(mutex_);
  return std::ranges::any_of(accounts_, [&](const auto& account) {
    const auto found = account->codes.by_ticket.find(ticket);
    return found != account->codes.by_ticket.end() &&
           (!found->second.ends_at || clock_.now() < *found->second.ends_at);
  });
}

std::size_t Platform::followers(std::string_view app_id) const {
  MutexLock lock(mutex_);
  const AccountState* account = find(app_id);
  return account == nullptr ? 0 : account->people.following();
}

bool Platform::follows(std::string_view app_id, std::string_view openid) const {
  MutexLock lock(mutex_);
  const AccountState* account = find(app_id);
  const Follower* follower = account == nullptr ? nullptr : account->people.find(openid);
  return follower != nullptr && follower->following;
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
