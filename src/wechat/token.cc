#include "wechat/token.h"

#include <algorithm>
#include <future>
#include <map>
#include <optional>
#include <vector>

#include "base/crypto.h"
#include "base/mutex.h"
#include "http/await.h"
#include "wechat/detail/exchange.h"
#include "wechat/detail/lenient.h"

namespace zhiyin::wechat {
namespace {

constexpr Duration kRenewBefore = std::chrono::minutes(5);
constexpr Duration kForceEvery =
    std::chrono::seconds(30);  // the platform ignores force more often than that
constexpr Duration kRemember =
    std::chrono::seconds(30);  // how long a settings error answers by itself
constexpr std::int64_t kLifeSecondsMax = 86'400;

using Joined = std::move_only_function<void(Outcome<Secret>)>;

struct Fetched {
  Secret token;
  Duration life;
};

/// What is known about one account's token. Shared by the keeper and those who wait for a fetch
/// that is under way when the account is forgotten.
struct Entry {
  std::string fingerprint;
  Mutex mutex;
  Secret token ZHIYIN_GUARDED_BY(mutex);
  Instant renew_at ZHIYIN_GUARDED_BY(mutex);
  Instant expires_at ZHIYIN_GUARDED_BY(mutex);
  std::optional<Instant> forced_at ZHIYIN_GUARDED_BY(mutex);
  std::optional<SendError> settings_error ZHIYIN_GUARDED_BY(mutex);
  Instant settings_error_until ZHIYIN_GUARDED_BY(mutex);
  bool fetching ZHIYIN_GUARDED_BY(mutex) = false;
  std::vector<Joined> joined ZHIYIN_GUARDED_BY(mutex);
};
using EntryPointer = std::shared_ptr<Entry>;

std::string fingerprint_of(const ApiAccount& a) {
  return crypto::sha256(fmt::format("{}\n{}\n{}\n{}\n{}", a.app_id, a.app_secret.reveal(),
                                    a.base_url, static_cast<int>(a.token_kind),
                                    a.refresh_token.reveal()));
}

SendError not_sent(ErrorCode code, std::string message) {
  SendError e;
  e.code = code;
  e.message = std::move(message);
  return e;
}

http::ClientRequest token_request(const ApiAccount& a, std::string_view base, bool force) {
  http::ClientRequest request;
  if (a.token_kind == TokenKind::kClassic) {
    request.url =
        fmt::format("{}/cgi-bin/token?grant_type=client_credential&appid={}&secret={}", base,
                    http::percent_encode(a.app_id), http::percent_encode(a.app_secret.reveal()));
    return request;
  }
  if (a.token_kind == TokenKind::kWecom) {
    request.url =
        fmt::format("{}/cgi-bin/gettoken?corpid={}&corpsecret={}", base,
                    http::percent_encode(a.app_id), http::percent_encode(a.app_secret.reveal()));
    return request;
  }
  if (a.token_kind == TokenKind::kAds) {
    request.url = fmt::format(
        "{}/oauth/token?client_id={}&client_secret={}&grant_type=refresh_token&refresh_token={}",
        base, http::percent_encode(a.app_id), http::percent_encode(a.app_secret.reveal()),
        http::percent_encode(a.refresh_token.reveal()));
    return request;
  }
  Json body = Json::object();
  body.set("grant_type", "client_credential");
  body.set("appid", a.app_id);
  body.set("secret", a.app_secret.reveal());
  if (force) body.set("force_refresh", true);
  request.method = "POST";
  request.url = fmt::format("{}/cgi-bin/stable_token", base);
  request.headers.emplace_back("Content-Type", "application/json; charset=utf-8");
  request.body = body.dump();
  return request;
}

Outcome<Fetched> read_token(Outcome<Json> answer) {
  if (!answer) {
    SendError e = std::move(answer.error());
    // Whatever became of it, the call for which the token was needed has not been sent.
    e.progress = http::SendProgress::kNothingSent;
    // At this address 40001 means a wrong secret: nothing to be renewed.
    if (e.error_class == ErrorClass::kToken) e.error_class = ErrorClass::kNever;
    return std::unexpected(std::move(e));
  }
  const std::string token = lenient_text((*answer)["access_token"]);
  const Json* stated = answer->find("access_token_expires_in");  // as Tencent Ads calls it
  const std::int64_t life = lenient_int(stated ? *stated : (*answer)["expires_in"]);
  if (token.empty() || life <= 0) {
    return std::unexpected(
        not_sent(ErrorCode::kUnavailable, "微信接口 token：应答里没有 access_token 或 expires_in"));
  }
  return Fetched{Secret(token), std::chrono::seconds(std::min(life, kLifeSecondsMax))};
}

/// Ends a fetch exactly once, also when its coroutine is dropped half-way, so that nobody waits for
/// ever.
class Flight {
 public:
  explicit Flight(EntryPointer entry) : entry_(std::move(entry)) {}
  Flight(const Flight&) = delete;
  Flight& operator=(const Flight&) = delete;
  ~Flight() {
    if (!landed_)
      land(std::unexpected(not_sent(ErrorCode::kUnavailable, "微信接口 token：获取被中断")));
  }
  void land(const Outcome<Secret>& outcome) {
    landed_ = true;
    std::vector<Joined> joined;
    {
      MutexLock lock(entry_->mutex);
      entry_->fetching = false;
      joined.swap(entry_->joined);
    }
    for (Joined& wake : joined) wake(outcome);
  }

 private:
  EntryPointer entry_;
  bool landed_ = false;
};

}  // namespace

struct TokenKeeper::Inner {
  Inner(http::Client& c, const Clock& k, MetricsRegistry& m, Logger& l, std::string base)
      : client(c), clock(k), metrics(m), logger(l), base_url(std::move(base)) {}

  EntryPointer entry_of(const ApiAccount& account) {
    std::string fingerprint = fingerprint_of(account);
    MutexLock lock(mutex);
    EntryPointer& entry = entries[account.id];
    if (!entry || entry->fingerprint != fingerprint) {
      entry = std::make_shared<Entry>();
      entry->fingerprint = std::move(fingerprint);
    }
    return entry;
  }

  /// What can be answered without a fetch.
  std::optional<Outcome<Secret>> known(Entry& entry, const std::optional<Secret>& rejected) const
      ZHIYIN_REQUIRES(entry.mutex) {
    const Instant now = clock.now();
    const bool is_other = !rejected || entry.token != *rejected;
    if (!entry.token.empty() && is_other && now < entry.renew_at)
      return Outcome<Secret>(entry.token);
    if (entry.settings_error && now < entry.settings_error_until)
      return Outcome<Secret>(std::unexpected(*entry.settings_error));
    return std::nullopt;
  }

  http::Task<Outcome<Secret>> obtain(Waiting waiting, ApiAccount account,
                                     std::optional<Secret> rejected) {
    if (account.token_kind == TokenKind::kAds && account.refresh_token.empty()) {
      co_return std::unexpected(
          not_sent(ErrorCode::kInvalidArgument, "account: refresh_token is missing"));
    }
    if (account.app_secret.empty()) {
      co_return std::unexpected(
          not_sent(ErrorCode::kInvalidArgument, "account: app_secret is missing"));
    }
    EntryPointer entry = entry_of(account);
    // Twice: who joined a fetch that brought the rejected token again must fetch for himself.
    for (int round = 0; round < 2; ++round) {
      bool leads = false;
      {
        MutexLock lock(entry->mutex);
        if (std::optional<Outcome<Secret>> answer = known(*entry, rejected))
          co_return std::move(*answer);
        leads = !entry->fetching;
        if (leads) entry->fetching = true;
      }
      if (leads) {
        Outcome<Secret> fetched = co_await lead(waiting, std::move(account), entry, rejected);
        co_return fetched;
      }
      Outcome<Secret> joined = co_await join(waiting, entry);
      const bool is_rejected_one = joined && rejected && *joined == *rejected;
      if (!is_rejected_one) co_return joined;
    }
    co_return std::unexpected(
        not_sent(ErrorCode::kUnavailable, "微信接口 token：仍是被拒绝的 access_token"));
  }

  http::Task<Outcome<Secret>> join(Waiting waiting, EntryPointer entry) {
    auto promise =
        std::make_shared<std::promise<Outcome<Secret>>>();  // of the waiter and the leader
    const auto wait_on = [this](Entry& e, Joined wake) {
      std::optional<Outcome<Secret>> landed;
      {
        MutexLock lock(e.mutex);
        if (e.fetching) {
          e.joined.push_back(std::move(wake));
          return;
        }
        landed = known(e, std::nullopt);
      }
      if (!landed)
        landed.emplace(
            std::unexpected(not_sent(ErrorCode::kUnavailable, "微信接口 token：获取失败")));
      wake(std::move(*landed));
    };
    if (waiting == Waiting::kBlock) {
      std::future<Outcome<Secret>> future = promise->get_future();
      wait_on(*entry,
              [promise](Outcome<Secret> outcome) { promise->set_value(std::move(outcome)); });
      co_return future.get();
    }
    Outcome<Secret> outcome = co_await http::from_callback<Outcome<Secret>>(
        [&wait_on, &entry](Joined wake) { wait_on(*entry, std::move(wake)); });
    co_return outcome;
  }

  http::Task<Outcome<Secret>> lead(Waiting waiting, ApiAccount account, EntryPointer entry,
                                   std::optional<Secret> rejected) {
    Flight flight(entry);
    Outcome<Fetched> fetched = co_await fetch(waiting, account, false);
    const bool is_rejected_one = fetched && rejected && fetched->token == *rejected;
    if (is_rejected_one && may_force(*entry)) {
      Outcome<Fetched> forced = co_await fetch(waiting, account, true);
      fetched = std::move(forced);
    }
    const Outcome<Secret> outcome = keep(account, *entry, fetched, rejected);
    flight.land(outcome);
    co_return outcome;
  }

  http::Task<Outcome<Fetched>> fetch(Waiting waiting, ApiAccount account, bool force) {
    const Family family = family_of(account.token_kind);
    const std::string_view base = !account.base_url.empty()     ? trimmed_base(account.base_url)
                                  : family == Family::kOfficial ? trimmed_base(base_url)
                                                                : default_base(family);
    http::ClientRequest request = token_request(account, base, force);
    HttpOutcome answer = co_await exchange(client, waiting, std::move(request));
    Outcome<Fetched> fetched = read_token(interpret(answer, "token", family));
    metrics
        .counter("zhiyin_wechat_token_fetches_total", "Access tokens fetched",
                 fetched ? "outcome=\"ok\"" : "outcome=\"error\"")
        .add();
    co_return fetched;
  }

  bool may_force(Entry& entry) const {
    MutexLock lock(entry.mutex);
    const Instant now = clock.now();
    if (entry.forced_at && now - *entry.forced_at < kForceEvery) return false;
    entry.forced_at = now;
    return true;
  }

  /// Stores what a fetch brought; returns what those who asked get.
  Outcome<Secret> keep(const ApiAccount& account, Entry& entry, const Outcome<Fetched>& fetched,
                       const std::optional<Secret>& rejected) const {
    MutexLock lock(entry.mutex);
    const Instant now = clock.now();
    if (fetched) {
      entry.token = fetched->token;
      entry.expires_at = now + fetched->life;
      // A token with little life left is renewed at half of it rather than at once and for ever.
      entry.renew_at = entry.expires_at - std::min<Duration>(kRenewBefore, fetched->life / 2);
      entry.settings_error.reset();
      if (rejected && entry.token == *rejected) {
        return std::unexpected(
            not_sent(ErrorCode::kUnavailable, "微信接口 token：仍是被拒绝的 access_token"));
      }
      return entry.token;
    }
    const SendError& error = fetched.error();
    logger.warning("wechat", "token_fetch_failed",
                   {{"account", account.id}, {"errcode", error.errcode}, {"error", error.message}});
    const bool is_usable =
        !entry.token.empty() && now < entry.expires_at && (!rejected || entry.token != *rejected);
    if (is_usable) {  // try again a little later
      entry.renew_at = std::min(entry.expires_at, now + kRemember);
      return entry.token;
    }
    if (error.error_class == ErrorClass::kNever || error.error_class == ErrorClass::kQuota) {
      entry.settings_error = error;
      entry.settings_error_until = now + kRemember;
    }
    return std::unexpected(error);
  }

  http::Client& client;
  const Clock& clock;
  MetricsRegistry& metrics;
  Logger& logger;
  const std::string base_url;
  Mutex mutex;
  std::map<AccountId, EntryPointer> entries
      ZHIYIN_GUARDED_BY(mutex);  // as many as there are accounts
};

TokenKeeper::TokenKeeper(http::Client& client, const Clock& clock, MetricsRegistry& metrics,
                         Logger& logger, std::string base_url)
    : inner_(std::make_unique<Inner>(client, clock, metrics, logger, std::move(base_url))) {}
TokenKeeper::~TokenKeeper() = default;

http::Task<Outcome<Secret>> TokenKeeper::get(ApiAccount account) {
  return inner_->obtain(Waiting::kSuspend, std::move(account), std::nullopt);
}
http::Task<Outcome<Secret>> TokenKeeper::replace(ApiAccount account, Secret rejected) {
  return inner_->obtain(Waiting::kSuspend, std::move(account), std::move(rejected));
}
Outcome<Secret> TokenKeeper::get_and_wait(const ApiAccount& account) {
  return run_here(inner_->obtain(Waiting::kBlock, account, std::nullopt));
}
Outcome<Secret> TokenKeeper::replace_and_wait(const ApiAccount& account, const Secret& rejected) {
  return run_here(inner_->obtain(Waiting::kBlock, account, rejected));
}

Instant TokenKeeper::now() const { return inner_->clock.now(); }

void TokenKeeper::forget(const AccountId& account) {
  MutexLock lock(inner_->mutex);
  inner_->entries.erase(account);
}

}  // namespace zhiyin::wechat
