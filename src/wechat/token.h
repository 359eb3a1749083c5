#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/secret.h"
#include "http/client.h"
#include "http/task.h"
#include "wechat/call.h"
#include "wechat/token_store.h"

namespace zhiyin::wechat {

/// Access tokens by account. One fetch at a time per account, whoever asks, and with a store
/// whatever process; renewed five minutes before it expires (domain time), and while that fails the
/// old one serves until its end. A settings error (wrong secret, address not allowed) is remembered
/// for half a minute, or as long as the platform says (89506: a day): it cannot burn the day's
/// quota, nor what patience the administrator has.
/// Thread-safe.
class TokenKeeper {
 public:
  /// All must outlive the keeper. `base_url` is used for accounts that have none. Without a store
  /// the tokens are this object's alone, and gone with it.
  TokenKeeper(http::Client& client, const Clock& clock, MetricsRegistry& metrics, Logger& logger,
              std::string base_url = std::string(kPlatformUrl), TokenStore* store = nullptr);
  ~TokenKeeper();
  TokenKeeper(const TokenKeeper&) = delete;
  TokenKeeper& operator=(const TokenKeeper&) = delete;

  http::Task<Outcome<Secret>> get(ApiAccount account);
  /// After the platform refused `rejected`: a token that differs from it, or an error. Asks without
  /// force first (somebody else may have renewed it); forces as seldom as the policy says.
  http::Task<Outcome<Secret>> replace(ApiAccount account, Secret rejected);

  Outcome<Secret> get_and_wait(const ApiAccount& account);
  Outcome<Secret> replace_and_wait(const ApiAccount& account, const Secret& rejected);

  /// What the code of an owner's authorisation is worth (Tencent Ads); one use. The caller keeps
  /// the refresh token in the account. Blocks.
  Outcome<FetchedToken> grant_and_wait(const ApiAccount& account, const Secret& code,
                                       std::string_view redirect_uri);

  /// Domain time, by which tokens live.
  [[nodiscard]] Instant now() const;

  /// Drops what is known about an account (its settings were changed or are being checked).
  void forget(const AccountId& account);

 private:
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

}  // namespace zhiyin::wechat
