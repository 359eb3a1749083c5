#include "wechat/client.h"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <map>
#include <set>
#include <thread>

#include "base/mutex.h"
#include "base/random.h"
#include "http/message.h"
#include "wechat/detail/exchange.h"
#include "wechat/detail/requests.h"

namespace zhiyin::wechat {
namespace {

using std::chrono::milliseconds;

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

std::string_view outcome_label(const Outcome<Json>& outcome) {
  if (outcome) return "ok";
  if (outcome.error().error_class == ErrorClass::kTransport) {
    return outcome.error().outcome_unknown() ? "unknown" : "not_sent";
  }
  return to_string(outcome.error().error_class);
}

}  // namespace

struct OfficialAccountClient::Inner {
  Inner(http::Client& c, TokenKeeper& t, MetricsRegistry& m, Logger& l, Settings s)
      : client(c),
        tokens(t),
        metrics(m),
        logger(l),
        settings(std::move(s)),
        random(settings.seed) {}

  /// The whole call: token, pace, exchange, repeats.
  http::Task<Outcome<Json>> call(Waiting waiting, ApiAccount account, Result<ApiCall> prepared) {
    if (!prepared) co_return std::unexpected(rejected_input(prepared.error()));
    const ApiCall call = std::move(*prepared);
    std::optional<Secret> rejected;
    bool was_uncertain = false;
    for (int attempt = 1;;) {
      Outcome<Secret> token = co_await obtain_token(waiting, account, rejected);
      Outcome<Json> answer = std::unexpected(SendError{});
      if (token) {
        answer = co_await once(waiting, account, call, *token);
      } else {
        answer = std::unexpected(std::move(token.error()));
      }
      if (answer) co_return answer;
      SendError error = std::move(answer.error());
      if (token && error.error_class == ErrorClass::kToken && !rejected) {
        rejected = *token;  // once: a second refusal is not a matter of the token's age
        continue;
      }
      was_uncertain = was_uncertain || error.outcome_unknown();
      if (!may_repeat(error, call.idempotent) || attempt >= settings.attempts_max) {
        // An earlier attempt that may have got through outweighs a later clear refusal.
        if (was_uncertain) error.progress = http::SendProgress::kOutcomeUnknown;
        report(account, call, error);
        co_return std::unexpected(std::move(error));
      }
      co_await pause(waiting, backoff(attempt));
      ++attempt;
    }
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

  http::Task<Outcome<Json>> once(Waiting waiting, const ApiAccount& account, const ApiCall& call,
                                 const Secret& token) {
    const std::string base(
        trimmed_base(account.base_url.empty() ? settings.base_url : account.base_url));
    co_await pause(waiting, wait_for_turn(base));
    http::ClientRequest request;
    request.method = call.http_method;
    request.url = fmt::format("{}{}?access_token={}{}", base, call.path,
                              http::percent_encode(token.reveal()), call.query);
    request.timeout = settings.timeout;
    if (!call.body.empty()) {
      request.headers.emplace_back("Content-Type", "application/json; charset=utf-8");
      request.body = call.body;
    }
    const auto begin = std::chrono::steady_clock::now();
    HttpOutcome outcome = co_await exchange(client, waiting, std::move(request));
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    Outcome<Json> answer = interpret(outcome, call.name);
    metrics
        .latency("zhiyin_wechat_call_seconds", "Time of calls to the platform",
                 fmt::format("method=\"{}\"", call.name))
        .observe(took.count());
    metrics
        .counter("zhiyin_wechat_calls_total", "Calls to the platform",
                 fmt::format("method=\"{}\",outcome=\"{}\"", call.name, outcome_label(answer)))
        .add();
    co_return answer;
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
    if (error.errcode != 0 && platform_error(error.errcode).alerts) {
      logger.error("wechat", "call_refused",
                   {{"account", account.id},
                    {"call", call.name},
                    {"errcode", error.errcode},
                    {"rid", error.rid},
                    {"error", error.message}});
    } else if (error.error_class == ErrorClass::kTransport ||
               error.error_class == ErrorClass::kRetry) {
      logger.warning("wechat", "call_failed",
                     {{"account", account.id},
                      {"call", call.name},
                      {"unknown", error.outcome_unknown()},
                      {"error", error.message}});
    } else {
      logger.debug("wechat", "call_refused",
                   {{"account", account.id},
                    {"call", call.name},
                    {"errcode", error.errcode},
                    {"rid", error.rid}});
    }
  }

  /// A call whose answer `read` turns into a T.
  template <class T, class Read>
  http::Task<Outcome<T>> typed(Waiting waiting, ApiAccount account, Result<ApiCall> prepared,
                               Read read) {
    Outcome<Json> answer = co_await call(waiting, std::move(account), std::move(prepared));
    if (!answer) co_return std::unexpected(std::move(answer.error()));
    if constexpr (std::is_void_v<T>) {
      co_return Outcome<void>();
    } else {
      co_return Outcome<T>(read(*answer));
    }
  }

  http::Task<Outcome<FollowerPage>> followers(Waiting w, ApiAccount a, const std::string& after) {
    Result<ApiCall> prepared = followers_call(after);
    return typed<FollowerPage>(w, std::move(a), std::move(prepared),
                               [after](const Json& j) { return read_followers(j, after); });
  }
  http::Task<Outcome<std::vector<UserInfo>>> user_info(Waiting w, ApiAccount a,
                                                       const std::vector<std::string>& openids) {
    Result<ApiCall> prepared = user_info_call(a.policy, openids);
    return typed<std::vector<UserInfo>>(w, std::move(a), std::move(prepared), read_user_info);
  }
  http::Task<Outcome<void>> send_customer_service(Waiting w, ApiAccount a,
                                                  const CustomerServiceMessage& m) {
    Result<ApiCall> prepared = customer_service_call(a.policy, m);
    return typed<void>(w, std::move(a), std::move(prepared), nullptr);
  }
  http::Task<Outcome<std::string>> send_template(Waiting w, ApiAccount a,
                                                 const TemplateMessage& m) {
    Result<ApiCall> prepared = template_call(a.policy, m);
    return typed<std::string>(w, std::move(a), std::move(prepared), read_template_msgid);
  }
  http::Task<Outcome<MassReceipt>> mass_send(Waiting w, ApiAccount a,
                                             const std::vector<std::string>& openids,
                                             const MassMessage& m) {
    Result<ApiCall> prepared = mass_send_call(a.policy, openids, m);
    return typed<MassReceipt>(w, std::move(a), std::move(prepared), read_mass_receipt);
  }
  http::Task<Outcome<MassReceipt>> mass_send_to_tag(Waiting w, ApiAccount a,
                                                    std::optional<std::int64_t> tag,
                                                    const MassMessage& m) {
    Result<ApiCall> prepared = mass_tag_call(a.policy, tag, m);
    return typed<MassReceipt>(w, std::move(a), std::move(prepared), read_mass_receipt);
  }
  http::Task<Outcome<void>> mass_preview(Waiting w, ApiAccount a, const std::string& openid,
                                         const MassMessage& m) {
    Result<ApiCall> prepared = mass_preview_call(a.policy, openid, m);
    return typed<void>(w, std::move(a), std::move(prepared), nullptr);
  }
  http::Task<Outcome<MassStatus>> mass_status(Waiting w, ApiAccount a, const std::string& msg_id) {
    return typed<MassStatus>(w, std::move(a), mass_status_call(msg_id), read_mass_status);
  }
  http::Task<Outcome<std::vector<TemplateDescription>>> templates(Waiting w, ApiAccount a) {
    return typed<std::vector<TemplateDescription>>(w, std::move(a), templates_call(),
                                                   read_templates);
  }
  http::Task<Outcome<QuotaUse>> quota(Waiting w, ApiAccount a, const std::string& path) {
    return typed<QuotaUse>(w, std::move(a), quota_call(path), read_quota);
  }

  http::Client& client;
  TokenKeeper& tokens;
  MetricsRegistry& metrics;
  Logger& logger;
  const Settings settings;
  Mutex mutex;
  Random random ZHIYIN_GUARDED_BY(mutex);
  std::map<std::string, std::chrono::steady_clock::time_point> next_turn ZHIYIN_GUARDED_BY(mutex);
};

OfficialAccountClient::OfficialAccountClient(http::Client& client, TokenKeeper& tokens,
                                             MetricsRegistry& metrics, Logger& logger,
                                             Settings settings)
    : inner_(std::make_unique<Inner>(client, tokens, metrics, logger, std::move(settings))) {}
OfficialAccountClient::~OfficialAccountClient() = default;

using W = Waiting;

http::Task<Outcome<FollowerPage>> OfficialAccountClient::followers(ApiAccount a,
                                                                   std::string after) {
  return inner_->followers(W::kSuspend, std::move(a), after);
}
http::Task<Outcome<std::vector<UserInfo>>> OfficialAccountClient::user_info(
    ApiAccount a, std::vector<std::string> openids) {
  return inner_->user_info(W::kSuspend, std::move(a), openids);
}
http::Task<Outcome<void>> OfficialAccountClient::send_customer_service(ApiAccount a,
                                                                       CustomerServiceMessage m) {
  return inner_->send_customer_service(W::kSuspend, std::move(a), m);
}
http::Task<Outcome<std::string>> OfficialAccountClient::send_template(ApiAccount a,
                                                                      TemplateMessage m) {
  return inner_->send_template(W::kSuspend, std::move(a), m);
}
http::Task<Outcome<MassReceipt>> OfficialAccountClient::mass_send(ApiAccount a,
                                                                  std::vector<std::string> openids,
                                                                  MassMessage m) {
  return inner_->mass_send(W::kSuspend, std::move(a), openids, m);
}
http::Task<Outcome<MassReceipt>> OfficialAccountClient::mass_send_to_tag(
    ApiAccount a, std::optional<std::int64_t> tag_id, MassMessage m) {
  return inner_->mass_send_to_tag(W::kSuspend, std::move(a), tag_id, m);
}
http::Task<Outcome<void>> OfficialAccountClient::mass_preview(ApiAccount a, std::string openid,
                                                              MassMessage m) {
  return inner_->mass_preview(W::kSuspend, std::move(a), openid, m);
}
http::Task<Outcome<MassStatus>> OfficialAccountClient::mass_status(ApiAccount a,
                                                                   std::string msg_id) {
  return inner_->mass_status(W::kSuspend, std::move(a), msg_id);
}
http::Task<Outcome<std::vector<TemplateDescription>>> OfficialAccountClient::templates(
    ApiAccount a) {
  return inner_->templates(W::kSuspend, std::move(a));
}
http::Task<Outcome<QuotaUse>> OfficialAccountClient::quota(ApiAccount a, std::string path) {
  return inner_->quota(W::kSuspend, std::move(a), path);
}

Outcome<FollowerPage> OfficialAccountClient::followers_and_wait(const ApiAccount& a,
                                                                std::string after) {
  return run_here(inner_->followers(W::kBlock, a, after));
}
Outcome<std::vector<UserInfo>> OfficialAccountClient::user_info_and_wait(
    const ApiAccount& a, std::vector<std::string> openids) {
  return run_here(inner_->user_info(W::kBlock, a, openids));
}
Outcome<void> OfficialAccountClient::send_customer_service_and_wait(const ApiAccount& a,
                                                                    CustomerServiceMessage m) {
  return run_here(inner_->send_customer_service(W::kBlock, a, m));
}
Outcome<std::string> OfficialAccountClient::send_template_and_wait(const ApiAccount& a,
                                                                   TemplateMessage m) {
  return run_here(inner_->send_template(W::kBlock, a, m));
}
Outcome<MassReceipt> OfficialAccountClient::mass_send_and_wait(const ApiAccount& a,
                                                               std::vector<std::string> openids,
                                                               MassMessage m) {
  return run_here(inner_->mass_send(W::kBlock, a, openids, m));
}
Outcome<MassReceipt> OfficialAccountClient::mass_send_to_tag_and_wait(
    const ApiAccount& a, std::optional<std::int64_t> tag_id, MassMessage m) {
  return run_here(inner_->mass_send_to_tag(W::kBlock, a, tag_id, m));
}
Outcome<void> OfficialAccountClient::mass_preview_and_wait(const ApiAccount& a, std::string openid,
                                                           MassMessage m) {
  return run_here(inner_->mass_preview(W::kBlock, a, openid, m));
}
Outcome<MassStatus> OfficialAccountClient::mass_status_and_wait(const ApiAccount& a,
                                                                std::string msg_id) {
  return run_here(inner_->mass_status(W::kBlock, a, msg_id));
}
Outcome<std::vector<TemplateDescription>> OfficialAccountClient::templates_and_wait(
    const ApiAccount& a) {
  return run_here(inner_->templates(W::kBlock, a));
}
Outcome<QuotaUse> OfficialAccountClient::quota_and_wait(const ApiAccount& a, std::string path) {
  return run_here(inner_->quota(W::kBlock, a, path));
}

Outcome<std::int64_t> each_follower_page(OfficialAccountApi& api, const ApiAccount& account,
                                         const std::function<bool(const FollowerPage&)>& visit) {
  std::int64_t visited = 0;
  std::set<std::string> seen;
  std::string after;
  while (true) {
    Outcome<FollowerPage> page = api.followers_and_wait(account, after);
    if (!page) return std::unexpected(std::move(page.error()));
    visited += static_cast<std::int64_t>(page->openids.size());
    if (!page->openids.empty() && !visit(*page)) return visited;
    const bool is_all = page->total > 0 && visited >= page->total;
    if (page->next_openid.empty() || is_all) return visited;
    if (!seen.insert(page->next_openid).second) {
      SendError e;
      e.code = ErrorCode::kInternal;
      e.message = "微信接口 user_get：分页出现循环";
      return std::unexpected(std::move(e));
    }
    after = page->next_openid;
  }
}

}  // namespace zhiyin::wechat
