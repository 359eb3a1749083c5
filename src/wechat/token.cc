#include "wechat/token.h"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <future>
#include <map>
#include <optional>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "base/thread_pool.h"
#include "http/await.h"
#include "wechat/detail/exchange.h"
#include "wechat/detail/token_request.h"

namespace zhiyin::wechat {
namespace {

constexpr Duration kRemember =
    std::chrono::seconds(30);            // how long a settings error answers by itself
constexpr Duration kRememberMax = kDay;  // the longest that the platform states
constexpr Duration kLookAgain = std::chrono::seconds(1);  // while another process renews
constexpr std::chrono::milliseconds kPause{200};          // between two claims, real time
constexpr int kPausesMax = 600;                           // far above a lease
constexpr std::size_t kStoreQueueMax = 4096;

using Joined = std::move_only_function<void(Outcome<Secret>)>;

/// What is known about one account's token. Shared by the keeper and those who wait for a fetch
/// that is under way when the account is forgotten.
struct Entry {
  std::string fingerprint;
  Mutex mutex;
  SharedToken token ZHIYIN_GUARDED_BY(mutex);
  ForcedRefreshes forced ZHIYIN_GUARDED_BY(mutex);  // where no store counts them
  std::optional<SendError> settings_error ZHIYIN_GUARDED_BY(mutex);
  Instant settings_error_until ZHIYIN_GUARDED_BY(mutex);
  bool fetching ZHIYIN_GUARDED_BY(mutex) = false;
  std::vector<Joined> joined ZHIYIN_GUARDED_BY(mutex);
};
using EntryPointer = std::shared_ptr<Entry>;

/// Until when an error of a fetch answers by itself; nothing where another try may help.
std::optional<Instant> remembered_until(const SendError& error, Instant now) {
  if (error.error_class != ErrorClass::kNever && error.error_class != ErrorClass::kQuota)
    return std::nullopt;
  return now + std::clamp<Duration>(error.retry_after.value_or(kRemember), kRemember, kRememberMax);
}

SendError still_rejected() {
  return not_sent(ErrorCode::kUnavailable, "微信接口 token：仍是被拒绝的 access_token");
}

SendError store_failed(const Error& error) {
  return not_sent(error.code, fmt::format("微信接口 token：本机的存储不可用（{}）", error.message));
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
  Inner(http::Client& c, const Clock& k, MetricsRegistry& m, Logger& l, std::string base,
        TokenStore* s)
      : client(c), clock(k), metrics(m), logger(l), base_url(std::move(base)), store(s) {
    constexpr std::size_t kThreads = 1;
    if (store != nullptr) aside.emplace(kThreads, kStoreQueueMax);
  }

  EntryPointer entry_of(const ApiAccount& account) {
    std::string fingerprint = token_settings(account);
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
    const bool is_other = !rejected || entry.token.token != *rejected;
    if (!entry.token.token.empty() && is_other && now < entry.token.renew_at)
      return Outcome<Secret>(entry.token.token);
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
    Outcome<Secret> outcome = std::unexpected(SendError{});
    if (store != nullptr) {
      outcome = co_await lead_shared(waiting, std::move(account), entry, std::move(rejected));
    } else {
      const Asked asked{account, {}, rejected};
      Outcome<FetchedToken> fetched = co_await fetch_other(waiting, asked, entry);
      outcome = fetched ? take(*entry, shared(*fetched, clock.now()), rejected)
                        : refuse(account, *entry, fetched.error(), rejected);
    }
    flight.land(outcome);
    co_return outcome;
  }

  /// Agrees with the other processes on who fetches.
  http::Task<Outcome<Secret>> lead_shared(Waiting waiting, ApiAccount account, EntryPointer entry,
                                          std::optional<Secret> rejected) {
    const TokenKey key{account.id, entry->fingerprint, family_of(account.token_kind)};
    for (int pauses = 0; pauses < kPausesMax; ++pauses) {
      std::function<Result<TokenClaim>()> claim = [this, &key, &rejected] {
        return store->claim(key, rejected, clock.now());
      };
      Result<TokenClaim> claimed = co_await with_store(waiting, std::move(claim));
      if (!claimed) co_return refuse(account, *entry, store_failed(claimed.error()), rejected);
      switch (claimed->kind) {
        case TokenClaim::Kind::kTake:
          co_return take(*entry, claimed->token, rejected);
        case TokenClaim::Kind::kRefused:
          co_return refuse(account, *entry, *claimed->error, rejected);
        case TokenClaim::Kind::kWait:
          if (!claimed->token.token.empty()) {  // good enough while another one renews
            claimed->token.renew_at = std::min(claimed->token.expires_at, clock.now() + kLookAgain);
            co_return take(*entry, claimed->token, rejected);
          }
          co_await pause(waiting);
          continue;
        case TokenClaim::Kind::kFetch:
          break;
      }
      const Asked asked{std::move(account), std::move(*claimed), std::move(rejected)};
      Outcome<Secret> outcome = co_await fetch_shared(waiting, asked, entry, key);
      co_return outcome;
    }
    co_return std::unexpected(
        not_sent(ErrorCode::kUnavailable, "微信接口 token：另一个进程一直在获取，没有结果"));
  }

  /// Who asks, and what was found in the store.
  struct Asked {
    ApiAccount account;
    TokenClaim claim;
    std::optional<Secret> rejected;
  };

  http::Task<Outcome<Secret>> fetch_shared(Waiting waiting, const Asked& asked, EntryPointer entry,
                                           const TokenKey& key) {
    Outcome<FetchedToken> fetched = co_await fetch_other(waiting, asked, entry);
    if (!fetched) {
      SendError error = std::move(fetched.error());
      const bool may_be_lost = asked.claim.follows_lost_fetch &&
                               asked.account.token_kind == TokenKind::kAds &&
                               error.error_class == ErrorClass::kNever;
      if (may_be_lost)
        error.message += "；上次续期在写入新的 refresh_token 之前中断，请重新授权并填入新的";
      const std::optional<Instant> until = remembered_until(error, clock.now());
      std::function<Result<void>()> give_up = [this, &key, &error, until] {
        return store->give_up(key, error, until);
      };
      const Result<void> given_up = co_await with_store(waiting, std::move(give_up));
      if (!given_up)
        logger.error("wechat", "token_lease_kept", {{"reason", given_up.error().text()}});
      co_return refuse(asked.account, *entry, error, asked.rejected);
    }
    std::function<Result<SharedToken>()> keep = [this, &key, &asked, &fetched] {
      return store->keep(key, asked.claim, *fetched, clock.now());
    };
    const Result<SharedToken> kept = co_await with_store(waiting, std::move(keep));
    if (!kept) {
      // Of use to this process, although no other one can have it, nor the next run.
      logger.error("wechat", "token_not_kept",
                   {{"account", asked.account.id}, {"reason", kept.error().text()}});
      co_return take(*entry, shared(*fetched, clock.now()), asked.rejected);
    }
    co_return take(*entry, *kept, asked.rejected);
  }

  /// A token that differs from the rejected one where that can be had.
  http::Task<Outcome<FetchedToken>> fetch_other(Waiting waiting, const Asked& asked,
                                                EntryPointer entry) {
    Outcome<FetchedToken> fetched = co_await fetch(waiting, asked, false);
    const bool is_rejected_one = fetched && asked.rejected && fetched->token == *asked.rejected;
    if (!is_rejected_one || asked.account.token_kind != TokenKind::kStable) co_return fetched;
    const bool may = co_await may_force(waiting, asked.account, entry);
    if (!may) co_return fetched;
    metrics
        .counter("zhiyin_wechat_token_forces_total", "Access tokens ended before their time",
                 fmt::format("account=\"{}\"", asked.account.id.value))
        .add();
    Outcome<FetchedToken> forced = co_await fetch(waiting, asked, true);
    co_return forced;
  }

  [[nodiscard]] std::string_view base_of(const ApiAccount& account) const {
    const Family family = family_of(account.token_kind);
    if (!account.base_url.empty()) return trimmed_base(account.base_url);
    return family == Family::kOfficial ? trimmed_base(base_url) : default_base(family);
  }

  http::Task<Outcome<FetchedToken>> fetch(Waiting waiting, const Asked& asked, bool force) {
    const ApiAccount& account = asked.account;
    const Family family = family_of(account.token_kind);
    http::ClientRequest request =
        token_request(account, base_of(account), asked.claim.refresh_token, force);
    HttpOutcome answer = co_await exchange(client, waiting, std::move(request));
    if (answer) hide(answer->body, account.app_secret);
    Outcome<FetchedToken> fetched = read_token(interpret(answer, "token", family));
    if (!fetched) {  // a good answer may give the same one again
      hide(fetched.error().message, account.refresh_token);
      hide(fetched.error().message, asked.claim.refresh_token);
    }
    metrics
        .counter("zhiyin_wechat_token_fetches_total", "Access tokens fetched",
                 fetched ? "outcome=\"ok\"" : "outcome=\"error\"")
        .add();
    co_return fetched;
  }

  http::Task<bool> may_force(Waiting waiting, const ApiAccount& account, EntryPointer entry) {
    if (store == nullptr) {
      MutexLock lock(entry->mutex);
      co_return entry->forced.take(account.policy, clock.now());
    }
    std::function<Result<bool>()> count = [this, &account, &entry] {
      const TokenKey key{account.id, entry->fingerprint, family_of(account.token_kind)};
      return store->may_force(key, account.policy, clock.now());
    };
    const Result<bool> may = co_await with_store(waiting, std::move(count));
    co_return may.value_or(false);
  }

  /// Takes over what was fetched, here or by another process; what those who asked get.
  static Outcome<Secret> take(Entry& entry, const SharedToken& token,
                              const std::optional<Secret>& rejected) {
    MutexLock lock(entry.mutex);
    entry.token = token;
    entry.settings_error.reset();
    if (rejected && token.token == *rejected) return std::unexpected(still_rejected());
    return token.token;
  }

  /// What those who asked get when there is nothing new: the old one, as long as it serves.
  Outcome<Secret> refuse(const ApiAccount& account, Entry& entry, const SendError& error,
                         const std::optional<Secret>& rejected) const {
    logger.warning("wechat", "token_fetch_failed",
                   {{"account", account.id}, {"errcode", error.errcode}, {"error", error.message}});
    MutexLock lock(entry.mutex);
    const Instant now = clock.now();
    SharedToken& old = entry.token;
    const bool is_usable =
        !old.token.empty() && now < old.expires_at && (!rejected || old.token != *rejected);
    if (is_usable) {  // try again a little later
      old.renew_at =
          std::min(old.expires_at, remembered_until(error, now).value_or(now + kRemember));
      return old.token;
    }
    if (const std::optional<Instant> until = remembered_until(error, now)) {
      entry.settings_error = error;
      entry.settings_error_until = *until;
    }
    return std::unexpected(error);
  }

  /// Runs what blocks on state, beside the threads of coroutines. What it refers to lives in the
  /// coroutine that waits for it.
  template <class T>
  http::Task<Result<T>> with_store(Waiting waiting, std::function<Result<T>()> work) {
    if (waiting == Waiting::kBlock) co_return work();
    using Done = std::move_only_function<void(Result<T>)>;
    auto start = [this, &work](Done done) {
      // A queue of this length means that the state does not answer: then this thread waits.
      auto shared_done =
          std::make_shared<Done>(std::move(done));  // of the queue, or of this thread
      if (!aside->try_submit([&work, shared_done] { (*shared_done)(work()); }))
        (*shared_done)(work());
    };
    Result<T> result = co_await http::from_callback<Result<T>>(std::move(start));
    co_return result;
  }

  http::Task<void> pause(Waiting waiting) {
    if (store->settings().pause) {
      store->settings().pause();
    } else if (waiting == Waiting::kBlock) {
      std::this_thread::sleep_for(kPause);
    } else {
      boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, kPause);
      co_await timer.async_wait(boost::asio::use_awaitable);
    }
  }

  http::Client& client;
  const Clock& clock;
  MetricsRegistry& metrics;
  Logger& logger;
  const std::string base_url;
  TokenStore* const store;  // null: nothing is shared
  Mutex mutex;
  std::map<AccountId, EntryPointer> entries
      ZHIYIN_GUARDED_BY(mutex);     // as many as there are accounts
  std::optional<ThreadPool> aside;  // for what blocks on the store
};

TokenKeeper::TokenKeeper(http::Client& client, const Clock& clock, MetricsRegistry& metrics,
                         Logger& logger, std::string base_url, TokenStore* store)
    : inner_(std::make_unique<Inner>(client, clock, metrics, logger, std::move(base_url), store)) {}
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

Outcome<FetchedToken> TokenKeeper::grant_and_wait(const ApiAccount& account, const Secret& code,
                                                  std::string_view redirect_uri) {
  HttpOutcome answer = inner_->client.send_and_wait(
      grant_request(account, inner_->base_of(account), code, redirect_uri));
  if (answer) {
    hide(answer->body, account.app_secret);
    hide(answer->body, code);
  }
  Outcome<FetchedToken> granted =
      read_token(interpret(answer, "oauth/token", family_of(account.token_kind)));
  if (granted && granted->refresh_token.empty()) {
    return std::unexpected(
        not_sent(ErrorCode::kUnavailable, "微信接口 oauth/token：应答里没有 refresh_token"));
  }
  return granted;
}

Instant TokenKeeper::now() const { return inner_->clock.now(); }

void TokenKeeper::forget(const AccountId& account) {
  {
    MutexLock lock(inner_->mutex);
    inner_->entries.erase(account);
  }
  if (inner_->store == nullptr) return;
  if (const Result<void> done = inner_->store->forget(account); !done)
    inner_->logger.warning("wechat", "token_not_forgotten", {{"reason", done.error().text()}});
}

}  // namespace zhiyin::wechat
