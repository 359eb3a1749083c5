#include "wechat/callback_endpoint.h"

#include <algorithm>
#include <utility>

namespace zhiyin::wechat {
namespace {

http::Response plain_text(int status, std::string body) {
  http::Response response;
  response.status = status;
  response.body = std::move(body);
  response.content_type = "text/plain; charset=utf-8";
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  return response;
}

http::Response reply_body(std::string body) {
  const char first = body.empty() ? ' ' : body.front();
  http::Response response = plain_text(200, std::move(body));
  if (first == '<') response.content_type = "text/xml; charset=utf-8";
  if (first == '{') response.content_type = "application/json; charset=utf-8";
  return response;
}

}  // namespace

CallbackEndpoint::CallbackEndpoint(Accounts& accounts, CallbackStore& store, const Clock& clock,
                                   MetricsRegistry& metrics, Logger& logger, Process process)
    : accounts_(accounts),
      store_(store),
      clock_(clock),
      metrics_(metrics),
      logger_(logger),
      process_(std::move(process)) {}

http::Response CallbackEndpoint::handle(const http::Request& request) {
  const auto found = request.path_parameters.find("account");
  const Result<Account> account =
      accounts_.get(AccountId(found == request.path_parameters.end() ? "" : found->second));
  if (!account) {
    if (account.error().code == ErrorCode::kNotFound) return plain_text(404, "unknown account");
    logger_.error("wechat", "account_unreadable", {{"error", account.error().text()}});
    return plain_text(503, "not available");
  }
  const Result<CallbackRules> rules = callback_rules(*account);
  if (!rules) {
    logger_.error("wechat", "callback_not_set_up",
                  {{"account", account->id}, {"error", rules.error().text()}});
    return plain_text(403, "callbacks of this account are not set up");
  }
  const CallbackQuery query = callback_query(request.query);
  if (request.method == "POST") return answer_message(*account, *rules, query, request.body);
  return answer_check(*rules, query);
}

http::Response CallbackEndpoint::answer_check(const CallbackRules& rules,
                                              const CallbackQuery& query) {
  std::expected<std::string, CallbackError> echo = verify_callback_url(rules, query, clock_.now());
  if (!echo) return refuse(rules.account, echo.error());
  mark_seen(rules.account);
  logger_.info("wechat", "callback_url_verified", {{"account", rules.account}});
  return plain_text(200, std::move(*echo));
}

http::Response CallbackEndpoint::answer_message(const Account& account, const CallbackRules& rules,
                                                const CallbackQuery& query, std::string_view body) {
  const std::expected<Callback, CallbackError> callback =
      open_callback(rules, query, body, clock_.now());
  if (!callback) return refuse(account.id, callback.error());
  mark_seen(account.id);
  const auto give = [&](const GivenAnswer& answer) {
    Result<std::string> rendered =
        render_reply(rules, *callback, answer.reply, answer.at, make_reply_entropy());
    // What was taken over stays so, whatever becomes of the answer.
    return reply_body(rendered ? std::move(*rendered) : std::string("success"));
  };
  const auto unavailable = [&](const Error& error) {
    logger_.error("wechat", "callback_not_taken",
                  {{"account", account.id}, {"error", error.text()}});
    return plain_text(503, "not available");
  };
  if (callback->kind == CallbackKind::kPlatformCheck) return plain_text(200, "success");

  Result<std::optional<GivenAnswer>> earlier = store_.find(*callback);
  if (!earlier) return unavailable(earlier.error());
  const std::string labels = fmt::format("account=\"{}\"", account.id.value);
  if (*earlier) {
    metrics_
        .counter("zhiyin_wechat_callbacks_repeated_total",
                 "Callbacks delivered again and answered alike", labels)
        .add();
    return give(**earlier);
  }
  const ReplyDecision decision = decide_reply(account.reply_rules, *callback);
  if (Result<void> taken = process_(account, *callback, decision); !taken)
    return unavailable(taken.error());
  const Result<GivenAnswer> answer = store_.record(*callback, decision.reply, clock_.now());
  if (!answer) return unavailable(answer.error());
  metrics_.counter("zhiyin_wechat_callbacks_total", "Callbacks processed", labels).add();
  return give(*answer);
}

http::Response CallbackEndpoint::refuse(const AccountId& account, const CallbackError& error) {
  metrics_
      .counter("zhiyin_wechat_callbacks_refused_total", "Callbacks refused",
               fmt::format("account=\"{}\",reason=\"{}\"", account.value, to_string(error.refusal)))
      .add();
  logger_.warning(
      "wechat", "callback_refused",
      {{"account", account}, {"reason", to_string(error.refusal)}, {"error", error.error.message}});
  return plain_text(http_status(error.refusal), std::string(to_string(error.refusal)));
}

void CallbackEndpoint::mark_seen(const AccountId& account) {
  constexpr Duration kStoredEvery = std::chrono::minutes(1);
  const Instant now = clock_.now();
  {
    MutexLock lock(mutex_);
    const auto [seen, is_first] = seen_.try_emplace(account, now);
    if (!is_first && now - seen->second < kStoredEvery) return;
    seen->second = now;
  }
  if (const Result<void> stored = store_.note_request(account, now); !stored) {
    logger_.warning("wechat", "callback_time_not_stored",
                    {{"account", account}, {"error", stored.error().text()}});
  }
}

std::optional<Instant> CallbackEndpoint::last_seen(const AccountId& account) const {
  const Result<std::optional<Instant>> stored = store_.last_request(account);
  MutexLock lock(mutex_);
  const auto here = seen_.find(account);
  if (here == seen_.end()) return stored.value_or(std::nullopt);
  if (!stored || !*stored) return here->second;
  return std::max(**stored, here->second);
}

}  // namespace zhiyin::wechat
