#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "http/message.h"
#include "wechat/account.h"
#include "wechat/callback.h"
#include "wechat/callback_store.h"
#include "wechat/reply_rules.h"

namespace zhiyin::wechat {

/// `GET/POST /wechat/{account}`: verifies, deduplicates, hands over, answers. Blocks on state, so
/// it belongs on a pool (`Router::add_blocking`). Thread-safe.
class CallbackEndpoint {
 public:
  /// Takes over what happened: appends the events and returns once they are synced. Runs before the
  /// callback counts as processed; an error makes the platform deliver again (503). May run twice
  /// for one callback after a crash or in a race, so it must be repeatable (event ids from the
  /// dedup_key).
  using Process =
      std::function<Result<void>(const Account&, const Callback&, const ReplyDecision&)>;

  /// All must outlive the endpoint.
  CallbackEndpoint(Accounts& accounts, CallbackStore& store, const Clock& clock,
                   MetricsRegistry& metrics, Logger& logger, Process process);

  /// The account is the path parameter `account`.
  http::Response handle(const http::Request& request);

  /// When a valid request of this account last arrived, in any process and before any restart, to
  /// the minute; for whoever checks the set-up.
  [[nodiscard]] std::optional<Instant> last_seen(const AccountId& account) const;

 private:
  http::Response answer_check(const CallbackRules& rules, const CallbackQuery& query);
  http::Response answer_message(const Account& account, const CallbackRules& rules,
                                const CallbackQuery& query, std::string_view body);
  http::Response refuse(const AccountId& account, const CallbackError& error);
  void mark_seen(const AccountId& account);

  Accounts& accounts_;
  CallbackStore& store_;
  const Clock& clock_;
  MetricsRegistry& metrics_;
  Logger& logger_;
  Process process_;
  mutable Mutex mutex_;
  std::map<AccountId, Instant> seen_ ZHIYIN_GUARDED_BY(mutex_);
};

}  // namespace zhiyin::wechat
