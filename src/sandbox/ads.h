#pragma once

#include <optional>
#include <string_view>

#include "sandbox/account_state.h"

// Tencent Ads says what went wrong in its own way: `{code, message, message_cn, trace_id}`.
namespace zhiyin::sandbox {

inline constexpr int kAdsBusy = 10000;
inline constexpr int kAdsTokenExpired = 11000;
inline constexpr int kAdsTokenInvalid = 11002;
inline constexpr int kAdsTokenMissing = 11005;
inline constexpr int kAdsMinuteUsedUp = 11017;
inline constexpr int kAdsDayUsedUp = 11018;
inline constexpr int kAdsNonceUsed = 12100;
inline constexpr int kAdsTimestamp = 12101;
inline constexpr int kAdsParameter = 18001;

/// `field` names the parameter that is wrong, where there is one.
Answer ads_error(AccountState& account, int code, std::string_view field = {});
/// What every call needs beside its token: a timestamp within 300 seconds of the platform's clock,
/// and a nonce that was not used before. An answer when something is missing.
std::optional<Answer> check_ads_call(AccountState& account, const ApiCall& call, Instant now);
/// Adds how many calls are left to an answer.
void add_ads_rate(AccountState& account, const Endpoint& endpoint, Answer& answer, Instant now);
/// How good an access token is.
TokenState check_ads_token(const AccountState& account, std::string_view token, Instant now);

}  // namespace zhiyin::sandbox
