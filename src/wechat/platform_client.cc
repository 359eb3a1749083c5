#include "wechat/platform_client.h"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <map>
#include <thread>

#include "base/crypto.h"
#include "base/mutex.h"
#include "base/random.h"
#include "base/thread_pool.h"
#include "http/await.h"
#include "http/message.h"
#include "wechat/detail/exchange.h"
#include "wechat/pace.h"
#include "wechat/tencent_ads.h"

namespace zhiyin::wechat {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kBudgetThreads = 2;
constexpr std::size_t kBudgetQueueMax = 10'000;

/// Whether the same call may go out again by itself.
bool may_repeat(const SendError& error, bool idempotent) {
  const bool is_transient =
      error.error_class == ErrorClass::kRetry ||
      (error.error_class == ErrorClass::kTransport &&
       (error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kDeadline));
  if (!is_transient || error.retry_after)
    return false;  // a stated wait is the caller's: it is in domain time
  return idempotent || !error.outcome_unknown();
}

SendError rejected_input(const Error& error) {
  SendError e;
  e.code = error.code;
  e.error_class = ErrorClass::kNever;
  e.message = error.text();
  return e;
}

std::string_view outcome_label(const Outcome<ApiAnswer>& outcome) {
  if (outcome) return "ok";
  if (outcome.error().error_class == ErrorClass::kTransport) {
    return outcome.error().outcome_unknown() ? "unknown" : "not_sent";
  }
  return to_string(outcome.error().error_class);
}

/// What the query says of who asks, as `&a=b`.
std::string credentials(const ApiAccount& account, const Endpoint& endpoint, const Secret& token,
                        Instant now) {
  switch (endpoint.credential) {
    case Credential::kAccessToken: {
      std::string out = "&access_token=" + http::percent_encode(token.reveal());
      if (endpoint.family == Family::kAds)
        out += fmt::format("&timestamp={}&nonce={}", now.us / 1'000'000,
                           crypto::hex(crypto::random_bytes(8)));
      return out;
    }
    case Credential::kAppSecret:
      return fmt::format("&appid={}&secret={}", http::percent_encode(account.app_id),
                         http::percent_encode(account.app_secret.reveal()));
    case Credential::kAppId:
      return "&appid=" + http::percent_encode(account.app_id);
    case Credential::kAppSecretBody:
    case Credential::kUserToken:
      return {};
  }
  return {};
}

}  // namespace

struct PlatformClient::Inner {
  Inner(http::Client& c, TokenKeeper& t, MetricsRegistry& m, Logger& l, Settings s)
      : client(c), tokens(t), metrics(m), logger(l), settings(std::move(s)), random(settings.seed) {
    if (settings.budget != nullptr) aside.emplace(kBudgetThreads, kBudgetQueueMax);
  }

  /// The whole call: token, pace, exchange, repeats.
  http::Task<Outcome<ApiAnswer>> call(Waiting waiting, ApiAccount account,
                                      Result<ApiCall> prepared) {
    if (!prepared) co_return std::unexpected(rejected_input(prepared.error()));
    const ApiCall call = std::move(*prepared);
    if (family_of(account.token_kind) != call.endpoint->family) {
      Error other{ErrorCode::kInvalidArgument,
                  fmt::format("'{}' is no call for an account with tokens of the kind {}",
                              call.endpoint->name, enum_name(account.token_kind)),
                  "method"};
      co_return std::unexpected(rejected_input(other));
    }
    std::optional<Secret> rejected;
    bool was_uncertain = false;
    for (int attempt = 1;;) {
      if (std::optional<SendError> closed = pace.enter(account, *call.endpoint, tokens.now())) {
        if (was_uncertain) closed->progress = http::SendProgress::kOutcomeUnknown;
        count(*call.endpoint, to_string(closed->error_class));
        co_return std::unexpected(std::move(*closed));
      }
      std::optional<SendError> used_up =
          co_await take_from_budget(waiting, account, *call.endpoint);
      if (used_up) {
        if (was_uncertain) used_up->progress = http::SendProgress::kOutcomeUnknown;
        count(*call.endpoint, to_string(used_up->error_class));
        co_return std::unexpected(std::move(*used_up));
      }
      Outcome<Secret> token = Secret();
      if (call.endpoint->credential == Credential::kAccessToken) {
        Outcome<Secret> obtained = co_await obtain_token(waiting, account, rejected);
        token = std::move(obtained);
      }
      Outcome<ApiAnswer> answer = std::unexpected(SendError{});
      if (token) {
        answer = co_await once(waiting, account, call, *token);
      } else {
        answer = std::unexpected(std::move(token.error()));
      }
      if (answer) {
        const std::string_view name = call.endpoint->name;
        if (name == "clear_quota" || name == "clear_quota_by_secret" || name == "quota_clear") {
          pace.forget(account.id);
          co_await forget_days(waiting, account.id);
        }
        co_return answer;
      }
      SendError error = std::move(answer.error());
      pace.note(account, *call.endpoint, error, tokens.now());
      if (token && !token->empty() && error.error_class == ErrorClass::kToken && !rejected) {
        rejected = *token;  // once: a second refusal is not a matter of the token's age
        continue;
      }
      was_uncertain = was_uncertain || error.outcome_unknown();
      if (!may_repeat(error, call.may_be_repeated()) || attempt >= settings.attempts_max) {
        // An earlier attempt that may have got through outweighs a later clear refusal.
        if (was_uncertain) error.progress = http::SendProgress::kOutcomeUnknown;
        report(account, call, error);
        co_return std::unexpected(std::move(error));
      }
      co_await pause(waiting, backoff(attempt));
      ++attempt;
    }
  }

  /// From the day or month of all processes, where the method has a number.
  http::Task<std::optional<SendError>> take_from_budget(Waiting waiting, const ApiAccount& account,
                                                        const Endpoint& endpoint) {
    const MethodBudget budget = budget_of(account.policy, endpoint);
    if (settings.budget == nullptr || budget.limit <= 0) co_return std::nullopt;
    const Instant now = tokens.now();
    std::function<Result<bool>()> work = [&]() -> Result<bool> {
      ZHIYIN_TRY(const TimeZone zone, TimeZone::create(account.policy.quota_zone));
      return settings.budget->take(account.id, budget, now, zone);
    };
    Result<bool> taken = true;
    if (waiting == Waiting::kBlock) {
      taken = work();
    } else {
      Result<bool> outcome = co_await beside(std::move(work));
      taken = std::move(outcome);
    }
    if (!taken) {
      logger.warning("wechat", "call_not_counted",
                     {{"account", account.id}, {"error", taken.error().text()}});
    } else if (!*taken) {
      co_return budget_used_up(account, endpoint, now);
    }
    co_return std::nullopt;
  }

  /// The platform has reset its counters.
  http::Task<void> forget_days(Waiting waiting, AccountId account) {
    if (settings.budget == nullptr) co_return;
    std::function<Result<bool>()> work = [&]() -> Result<bool> {
      ZHIYIN_TRY_VOID(settings.budget->forget(account));
      return true;
    };
    Result<bool> done = true;
    if (waiting == Waiting::kBlock) {
      done = work();
    } else {
      Result<bool> outcome = co_await beside(std::move(work));
      done = std::move(outcome);
    }
    if (!done) {
      logger.warning("wechat", "calls_not_forgotten",
                     {{"account", account}, {"error", done.error().text()}});
    }
  }

  /// Runs what blocks on state beside the threads of coroutines. What it refers to lives in the
  /// coroutine that waits for it.
  http::Task<Result<bool>> beside(std::function<Result<bool>()> work) {
    using Done = std::move_only_function<void(Result<bool>)>;
    auto start = [this, &work](Done done) {
      // A queue of this length means that the state does not answer: then this thread waits.
      auto shared_done = std::make_shared<Done>(std::move(done));
      if (!aside->try_submit([&work, shared_done] { (*shared_done)(work()); }))
        (*shared_done)(work());
    };
    Result<bool> result = co_await http::from_callback<Result<bool>>(std::move(start));
    co_return result;
  }

  http::Task<Outcome<Secret>> obtain_token(Waiting waiting, ApiAccount account,
                                           std::optional<Secret> rejected) {
    if (waiting == Waiting::kBlock) {
      co_return rejected ? tokens.replace_and_wait(account, *rejected)
                         : tokens.get_and_wait(account);
    }
    if (rejected) {
      Outcome<Secret> replaced = co_await tokens.replace(std::move(account), std::move(*rejected));
      co_return replaced;
    }
    Outcome<Secret> token = co_await tokens.get(std::move(account));
    co_return token;
  }

  http::Task<Outcome<ApiAnswer>> once(Waiting waiting, const ApiAccount& account,
                                      const ApiCall& call, const Secret& token) {
    const std::string base(base_of(account, *call.endpoint));
    co_await pause(waiting, wait_for_turn(base));
    http::ClientRequest request = request_of(account, call, base, token);
    const auto begin = std::chrono::steady_clock::now();
    HttpOutcome outcome = co_await exchange(client, waiting, std::move(request));
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    if (outcome) {
      hide(outcome->body, token);
      hide(outcome->body, account.app_secret);
    }
    Outcome<ApiAnswer> answer = interpret(outcome, *call.endpoint);
    if (outcome && call.endpoint->family == Family::kAds) {
      const AdsRate rate = ads_rate(outcome->headers);
      pace.told(account, *call.endpoint, rate.per_minute_left, rate.per_day_left, tokens.now());
    }
    metrics
        .latency("zhiyin_wechat_call_seconds", "Time of calls to the platform",
                 fmt::format("method=\"{}\"", call.endpoint->name))
        .observe(took.count());
    count(*call.endpoint, outcome_label(answer));
    co_return answer;
  }

  http::ClientRequest request_of(const ApiAccount& account, const ApiCall& call,
                                 std::string_view base, const Secret& token) const {
    http::ClientRequest request;
    request.method = call.endpoint->http_method;
    std::string query = credentials(account, *call.endpoint, token, tokens.now());
    query += call.query;
    if (!query.empty()) query[0] = '?';
    request.url = fmt::format("{}{}{}", base, call.endpoint->path, query);
    const bool carries_file = call.content_type.starts_with("multipart/");
    request.timeout = carries_file ? settings.upload_timeout : settings.timeout;
    request.body = call.body;
    request.body_file = call.body_file;
    request.body_end = call.body_end;
    if (call.endpoint->credential == Credential::kAppSecretBody) {
      request.body =
          Json().set("appid", account.app_id).set("appsecret", account.app_secret.reveal()).dump();
    }
    if (!request.body.empty()) request.headers.emplace_back("Content-Type", call.content_type);
    return request;
  }

  void count(const Endpoint& endpoint, std::string_view outcome) {
    metrics
        .counter("zhiyin_wechat_calls_total", "Calls to the platform",
                 fmt::format("method=\"{}\",outcome=\"{}\"", endpoint.name, outcome))
        .add();
  }

  /// The account's own address, or the installation's (which official accounts have one of).
  std::string_view base_of(const ApiAccount& account, const Endpoint& endpoint) const {
    if (!account.base_url.empty()) return trimmed_base(account.base_url);
    if (endpoint.family == Family::kOfficial) return trimmed_base(settings.base_url);
    return default_base(endpoint.family);
  }

  /// Real time, not the domain's: a peer recovers by the wall clock.
  http::Task<void> pause(Waiting waiting, milliseconds d) {
    if (d.count() <= 0) co_return;
    if (settings.sleep) {
      settings.sleep(d);
    } else if (waiting == Waiting::kBlock) {
      std::this_thread::sleep_for(d);
    } else {
      boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, d);
      co_await timer.async_wait(boost::asio::use_awaitable);
    }
  }

  /// Doubles from `backoff_first` up to `backoff_max`; half of it is jitter.
  milliseconds backoff(int attempt) {
    const int doublings = std::min(attempt - 1, 20);
    const auto full = std::min<double>(
        static_cast<double>(settings.backoff_first.count()) * static_cast<double>(1 << doublings),
        static_cast<double>(settings.backoff_max.count()));
    MutexLock lock(mutex);
    return milliseconds(static_cast<std::int64_t>(full * (0.5 + random.uniform() / 2)));
  }

  /// How long to wait until this host may be called again; takes the place.
  milliseconds wait_for_turn(const std::string& host) {
    if (settings.calls_per_second <= 0) return milliseconds(0);
    const auto gap = std::chrono::duration_cast<std::chrono::steady_clock::duration>(
        std::chrono::duration<double>(1 / settings.calls_per_second));
    const auto now = std::chrono::steady_clock::now();
    MutexLock lock(mutex);
    constexpr std::size_t kHostsMax = 1024;
    if (next_turn.size() >= kHostsMax) next_turn.clear();
    auto& turn = next_turn[host];
    turn = std::max(turn, now);
    const auto wait = turn - now;
    turn += gap;
    return std::chrono::duration_cast<milliseconds>(wait);
  }

  void report(const ApiAccount& account, const ApiCall& call, const SendError& error) {
    if (error.errcode != 0 && platform_error(error.errcode, call.endpoint->family).alerts) {
      logger.error("wechat", "call_refused",
                   {{"account", account.id},
                    {"call", call.endpoint->name},
                    {"errcode", error.errcode},
                    {"rid", error.rid},
                    {"error", error.message}});
    } else if (error.error_class == ErrorClass::kTransport ||
               error.error_class == ErrorClass::kRetry) {
      logger.warning("wechat", "call_failed",
                     {{"account", account.id},
                      {"call", call.endpoint->name},
                      {"unknown", error.outcome_unknown()},
                      {"error", error.message}});
    } else {
      logger.debug("wechat", "call_refused",
                   {{"account", account.id},
                    {"call", call.endpoint->name},
                    {"errcode", error.errcode},
                    {"rid", error.rid}});
    }
  }

  http::Client& client;
  TokenKeeper& tokens;
  MetricsRegistry& metrics;
  Logger& logger;
  const Settings settings;
  Pace pace;
  Mutex mutex;
  Random random ZHIYIN_GUARDED_BY(mutex);
  std::map<std::string, std::chrono::steady_clock::time_point> next_turn ZHIYIN_GUARDED_BY(mutex);
  std::optional<ThreadPool> aside;  // for what blocks on the budget
};

PlatformClient::PlatformClient(http::Client& client, TokenKeeper& tokens, MetricsRegistry& metrics,
                               Logger& logger, Settings settings)
    : inner_(std::make_unique<Inner>(client, tokens, metrics, logger, std::move(settings))) {}
PlatformClient::~PlatformClient() = default;

http::Task<Outcome<ApiAnswer>> PlatformClient::perform(ApiAccount account, Result<ApiCall> call) {
  return inner_->call(Waiting::kSuspend, std::move(account), std::move(call));
}

Outcome<ApiAnswer> PlatformClient::perform_and_wait(const ApiAccount& account,
                                                    Result<ApiCall> call) {
  return run_here(inner_->call(Waiting::kBlock, account, std::move(call)));
}

}  // namespace zhiyin::wechat
