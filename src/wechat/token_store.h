#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/secret.h"
#include "storage/state.h"
#include "storage/vault.h"
#include "wechat/call.h"

namespace zhiyin::wechat {

/// How often the platform was asked to end a token before its time. It takes such a wish a few
/// times a day and ignores those that come too close (`Policy::token_forces_per_day`,
/// `token_force_gap`). A pure value; domain time.
struct ForcedRefreshes {
  std::optional<Instant> at;  ///< the last one
  std::int64_t day = 0;       ///< the platform's day of the last one
  std::int64_t count = 0;     ///< on that day
  /// Counts one more, or leaves all as it is when that would be too early or too often.
  bool take(const Policy& policy, Instant now);
};

/// What a fetch brought.
struct FetchedToken {
  Secret token;
  Duration life{};
  Secret refresh_token = {};  ///< of Tencent Ads; empty: the one in use stays
  std::optional<Duration> refresh_life = {};
};

/// A token as processes share it. Times by the domain's clock.
struct SharedToken {
  Secret token;
  Instant renew_at;
  Instant expires_at;
};

/// Whose token is meant, and by which settings: other settings make another token.
struct TokenKey {
  AccountId account;
  std::string settings;  ///< a hash of what the platform is asked with
  Family family = Family::kOfficial;
};

/// What to do for a token.
struct TokenClaim {
  enum class Kind {
    kTake,    ///< `token` is good
    kFetch,   ///< nobody else fetches as long as the lease lasts: fetch, then `keep` or `give_up`
    kWait,    ///< another process fetches; ask again
    kRefused  ///< the platform refused the settings a moment ago: `error`
  };
  Kind kind = Kind::kWait;
  SharedToken token = {};  ///< kWait: of use until it expires; may be empty
  std::optional<SendError> error = {};
  Secret refresh_token = {};        ///< kFetch: newer than that of the settings; may be empty
  std::int64_t fetches = 0;         ///< kFetch: for `keep`
  bool follows_lost_fetch = false;  ///< kFetch: an earlier one never told what it had brought
};

/// What an operator may know of an account's token.
struct TokenState {
  std::optional<Instant> expires_at = {};
  std::optional<Instant> refresh_expires_at = {};
  std::int64_t forced_today = 0;
  std::string error = {};  ///< of the last fetch; empty: none
};

/// The access tokens of all accounts in state (table `access_token`), sealed by the installation's
/// key, so that processes share one token instead of ending each other's: who wants to fetch takes
/// a lease first, and whoever comes meanwhile waits for what it brings. What a restart finds here
/// need not be fetched again; refresh tokens that the platform has replaced are kept before their
/// access token is used for anything. Thread-safe; blocks on state.
class TokenStore {
 public:
  struct Settings {
    /// Of this process: stays the same when it is started again, so that it need not wait for
    /// itself.
    std::string holder = "one";
    /// By the database's clock. Longer than two calls of the platform take at most.
    Duration lease = std::chrono::seconds(25);
    std::function<Result<Instant>(storage::Session&)> now = {};  ///< absent: the database's clock
    /// Called instead of a pause before a claim is repeated; absent: really waits. For tests.
    std::function<void()> pause = {};
  };
  static std::span<const storage::Migration> migrations();

  /// Both must outlive it.
  TokenStore(storage::State& state, const storage::Vault& vault, Settings settings)
      : state_(state), vault_(vault), settings_(std::move(settings)) {}

  /// `rejected`: the platform has refused that one. `now`: domain time.
  Result<TokenClaim> claim(const TokenKey& key, const std::optional<Secret>& rejected, Instant now);
  /// Stores what a fetch brought and ends the lease. Another token comes back when others have
  /// fetched since, because the lease was over.
  Result<SharedToken> keep(const TokenKey& key, const TokenClaim& claim,
                           const FetchedToken& fetched, Instant now);
  /// Ends the lease without a token. An error with `until` answers claims up to then.
  Result<void> give_up(const TokenKey& key, const SendError& error, std::optional<Instant> until);
  /// Whether the platform may be asked to end the token now: counted before it is asked.
  Result<bool> may_force(const TokenKey& key, const Policy& policy, Instant now);
  /// Drops token and error, not what lasts: the refresh token and how often force was used.
  Result<void> forget(const AccountId& account);

  [[nodiscard]] Result<TokenState> look(const AccountId& account, const Policy& policy,
                                        Instant now) const;
  [[nodiscard]] const Settings& settings() const { return settings_; }

 private:
  struct Stored;
  Result<std::optional<Stored>> find(storage::Session& session, const AccountId& account) const;
  Result<Secret> unsealed(const AccountId& account, const storage::Value& cell) const;
  storage::Value sealed(const AccountId& account, const Secret& secret) const;
  Result<Instant> lease_time(storage::Session& session) const;

  storage::State& state_;
  const storage::Vault& vault_;
  const Settings settings_;
};

/// When a token fetched at `now` is renewed: five minutes before its end, or at half of a short
/// life. Pure.
SharedToken shared(const FetchedToken& fetched, Instant now);

}  // namespace zhiyin::wechat
