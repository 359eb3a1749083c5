#include "wechat/token_store.h"

#include <algorithm>

#include "base/time.h"
#include "wechat/error_table.h"

namespace zhiyin::wechat {
namespace {

using storage::as_int;
using storage::as_text;
using storage::Blob;
using storage::Row;
using storage::Session;
using storage::Value;

constexpr Duration kRenewBefore = std::chrono::minutes(5);

// Times of tokens are the domain's, `lease_until` is the database's. `fetches` counts what was
// kept, so that a late result does not overwrite a newer one.
constexpr storage::Migration kMigrations[] = {
    {"wechat-010-access-token",
     "CREATE TABLE access_token (account TEXT PRIMARY KEY, settings BYTEA NOT NULL, token BYTEA, "
     "renew_at BIGINT NOT NULL, expires_at BIGINT NOT NULL, refresh_token BYTEA, "
     "refresh_expires_at BIGINT NOT NULL, forced_at BIGINT NOT NULL, forced_day BIGINT NOT NULL, "
     "forced_count BIGINT NOT NULL, errcode BIGINT NOT NULL, error TEXT NOT NULL, "
     "error_until BIGINT NOT NULL, fetches BIGINT NOT NULL, holder TEXT NOT NULL, "
     "lease_until BIGINT NOT NULL)"}};

std::string context_of(const AccountId& account) { return "access token:" + account.value; }

std::int64_t platform_day(const Policy& policy, Instant now) {
  const auto zone = TimeZone::create(policy.quota_zone);
  return local_day(now, zone ? *zone : TimeZone::shanghai());
}

SendError remembered(std::int64_t errcode, std::string message, Family family) {
  const PlatformError& known = platform_error(errcode, family);
  SendError e;
  e.code = errcode == 0 ? ErrorCode::kUnavailable : known.code;
  e.errcode = errcode;
  e.error_class = known.error_class == ErrorClass::kQuota ? ErrorClass::kQuota : ErrorClass::kNever;
  e.message = std::move(message);
  return e;
}

}  // namespace

struct TokenStore::Stored {
  std::string settings;
  SharedToken token;
  Secret refresh_token;
  Instant refresh_expires_at;
  ForcedRefreshes forced;
  std::int64_t errcode = 0;
  std::string error;
  Instant error_until;
  std::int64_t fetches = 0;
  std::string holder;
  Instant lease_until;
};

bool ForcedRefreshes::take(const Policy& policy, Instant now) {
  const std::int64_t today = platform_day(policy, now);
  const std::int64_t so_far = day == today ? count : 0;
  if (at && now - *at < policy.token_force_gap) return false;
  if (so_far >= policy.token_forces_per_day) return false;
  at = now;
  day = today;
  count = so_far + 1;
  return true;
}

SharedToken shared(const FetchedToken& fetched, Instant now) {
  const Instant end = now + fetched.life;
  return {fetched.token, end - std::min<Duration>(kRenewBefore, fetched.life / 2), end};
}

std::span<const storage::Migration> TokenStore::migrations() { return kMigrations; }

Result<Secret> TokenStore::unsealed(const AccountId& account, const Value& cell) const {
  if (storage::is_null(cell)) return Secret();
  return vault_.unseal_secret(as_text(cell), context_of(account));
}

Value TokenStore::sealed(const AccountId& account, const Secret& secret) const {
  if (secret.empty()) return Value();
  return Blob{vault_.seal_secret(secret, context_of(account))};
}

Result<Instant> TokenStore::lease_time(Session& session) const {
  return settings_.now ? settings_.now(session) : session.now();
}

Result<std::optional<TokenStore::Stored>> TokenStore::find(Session& session,
                                                           const AccountId& account) const {
  ZHIYIN_TRY(const storage::Rows rows,
             session.query("SELECT settings, token, renew_at, expires_at, refresh_token, "
                           "refresh_expires_at, forced_at, forced_day, forced_count, errcode, "
                           "error, error_until, fetches, holder, lease_until FROM access_token "
                           "WHERE account = ?1",
                           {Value(account.value)}));
  if (rows.rows.empty()) return std::optional<Stored>();
  const Row& row = rows.rows[0];
  Stored s;
  s.settings = as_text(row[0]);
  ZHIYIN_TRY(s.token.token, unsealed(account, row[1]));
  s.token.renew_at = {as_int(row[2])};
  s.token.expires_at = {as_int(row[3])};
  ZHIYIN_TRY(s.refresh_token, unsealed(account, row[4]));
  s.refresh_expires_at = {as_int(row[5])};
  if (as_int(row[6]) != 0) s.forced.at = Instant{as_int(row[6])};
  s.forced.day = as_int(row[7]);
  s.forced.count = as_int(row[8]);
  s.errcode = as_int(row[9]);
  s.error = as_text(row[10]);
  s.error_until = {as_int(row[11])};
  s.fetches = as_int(row[12]);
  s.holder = as_text(row[13]);
  s.lease_until = {as_int(row[14])};
  return std::optional(std::move(s));
}

Result<TokenClaim> TokenStore::claim(const TokenKey& key, const std::optional<Secret>& rejected,
                                     Instant now) {
  TokenClaim claim;
  ZHIYIN_TRY_VOID(state_.write([&](Session& session) -> Result<void> {
    claim = {};
    ZHIYIN_TRY(const Instant time, lease_time(session));
    ZHIYIN_TRY(std::optional<Stored> stored, find(session, key.account));
    const bool is_ours = stored && stored->settings == key.settings;
    if (is_ours) {
      const bool is_other = !rejected || stored->token.token != *rejected;
      if (is_other && !stored->token.token.empty() && now < stored->token.expires_at)
        claim.token = stored->token;
      if (!claim.token.token.empty() && now < claim.token.renew_at) {
        claim.kind = TokenClaim::Kind::kTake;
        return {};
      }
      if (now < stored->error_until) {
        claim.kind = TokenClaim::Kind::kRefused;
        claim.error = remembered(stored->errcode, stored->error, key.family);
        claim.error->retry_after = stored->error_until - now;  // of another process's pause
        return {};
      }
      const bool is_held = !stored->holder.empty() && stored->holder != settings_.holder;
      if (is_held && time < stored->lease_until) return {};  // kWait
      claim.refresh_token = stored->refresh_token;
      claim.fetches = stored->fetches;
      claim.follows_lost_fetch = !stored->holder.empty();
    }
    claim.kind = TokenClaim::Kind::kFetch;
    const std::int64_t until = (time + settings_.lease).us;
    if (is_ours) {
      ZHIYIN_TRY_VOID(session.execute(
          "UPDATE access_token SET holder = ?2, lease_until = ?3 WHERE account = ?1",
          {Value(key.account.value), Value(settings_.holder), Value(until)}));
      return {};
    }
    // Other settings: what was known is of no use, but how often force was used.
    ZHIYIN_TRY_VOID(session.execute(
        "INSERT INTO access_token (account, settings, token, renew_at, expires_at, refresh_token, "
        "refresh_expires_at, forced_at, forced_day, forced_count, errcode, error, error_until, "
        "fetches, holder, lease_until) VALUES (?1, ?2, NULL, 0, 0, NULL, 0, 0, 0, 0, 0, '', 0, 0, "
        "?3, ?4) ON CONFLICT (account) DO UPDATE SET settings = ?2, token = NULL, renew_at = 0, "
        "expires_at = 0, refresh_token = NULL, refresh_expires_at = 0, errcode = 0, error = '', "
        "error_until = 0, fetches = 0, holder = ?3, lease_until = ?4",
        {Value(key.account.value), Value(Blob{key.settings}), Value(settings_.holder),
         Value(until)}));
    return {};
  }));
  return claim;
}

Result<SharedToken> TokenStore::keep(const TokenKey& key, const TokenClaim& claim,
                                     const FetchedToken& fetched, Instant now) {
  const SharedToken fresh = shared(fetched, now);
  SharedToken kept;
  ZHIYIN_TRY_VOID(state_.write([&](Session& session) -> Result<void> {
    kept = fresh;
    ZHIYIN_TRY(const std::int64_t rows,
               session.execute(
                   "UPDATE access_token SET token = ?4, renew_at = ?5, expires_at = ?6, "
                   "errcode = 0, error = '', error_until = 0, fetches = fetches + 1, holder = '', "
                   "lease_until = 0 WHERE account = ?1 AND settings = ?2 AND fetches = ?3",
                   {Value(key.account.value), Value(Blob{key.settings}), Value(claim.fetches),
                    sealed(key.account, fresh.token), Value(fresh.renew_at.us),
                    Value(fresh.expires_at.us)}));
    if (rows == 0) {
      ZHIYIN_TRY(const std::optional<Stored> stored, find(session, key.account));
      if (stored && stored->settings == key.settings && !stored->token.token.empty() &&
          now < stored->token.expires_at)
        kept = stored->token;
      return {};
    }
    if (fetched.refresh_token.empty()) return {};
    const Instant end = fetched.refresh_life ? now + *fetched.refresh_life : Instant{};
    ZHIYIN_TRY_VOID(session.execute(
        "UPDATE access_token SET refresh_token = ?2, refresh_expires_at = ?3 WHERE account = ?1",
        {Value(key.account.value), sealed(key.account, fetched.refresh_token), Value(end.us)}));
    return {};
  }));
  return kept;
}

Result<void> TokenStore::give_up(const TokenKey& key, const SendError& error,
                                 std::optional<Instant> until) {
  return state_.write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(session.execute(
        "UPDATE access_token SET errcode = ?4, error = ?5, error_until = ?6, holder = '', "
        "lease_until = 0 WHERE account = ?1 AND settings = ?2 AND holder = ?3",
        {Value(key.account.value), Value(Blob{key.settings}), Value(settings_.holder),
         Value(error.errcode), Value(error.message), Value(until ? until->us : 0)}));
    return {};
  });
}

Result<bool> TokenStore::may_force(const TokenKey& key, const Policy& policy, Instant now) {
  bool may = false;
  ZHIYIN_TRY_VOID(state_.write([&](Session& session) -> Result<void> {
    may = false;
    ZHIYIN_TRY(std::optional<Stored> stored, find(session, key.account));
    if (!stored) return {};
    may = stored->forced.take(policy, now);
    if (!may) return {};
    ZHIYIN_TRY_VOID(session.execute(
        "UPDATE access_token SET forced_at = ?2, forced_day = ?3, forced_count = ?4 "
        "WHERE account = ?1",
        {Value(key.account.value), Value(now.us), Value(stored->forced.day),
         Value(stored->forced.count)}));
    return {};
  }));
  return may;
}

Result<void> TokenStore::forget(const AccountId& account) {
  return state_.write([&](Session& session) -> Result<void> {
    ZHIYIN_TRY_VOID(session.execute(
        "UPDATE access_token SET token = NULL, renew_at = 0, expires_at = 0, errcode = 0, "
        "error = '', error_until = 0 WHERE account = ?1",
        {Value(account.value)}));
    return {};
  });
}

Result<TokenState> TokenStore::look(const AccountId& account, const Policy& policy,
                                    Instant now) const {
  TokenState out;
  ZHIYIN_TRY_VOID(state_.read([&](Session& session) -> Result<void> {
    ZHIYIN_TRY(const std::optional<Stored> stored, find(session, account));
    if (!stored) return {};
    if (!stored->token.token.empty()) out.expires_at = stored->token.expires_at;
    if (stored->refresh_expires_at.us != 0) out.refresh_expires_at = stored->refresh_expires_at;
    if (stored->forced.day == platform_day(policy, now)) out.forced_today = stored->forced.count;
    out.error = stored->error;
    return {};
  }));
  return out;
}

}  // namespace zhiyin::wechat
