#pragma once

#include <string>
#include <string_view>

#include "http/client.h"
#include "wechat/platform_api.h"
#include "wechat/token_store.h"

/// How an access token is asked for, by kind. Pure.
namespace zhiyin::wechat {

/// A hash of what the platform is asked with: other settings make another token.
std::string token_settings(const ApiAccount& account);

/// `refresh_token` stands for that of the account (Tencent Ads replaces them). `force`: the
/// platform shall end the token in use.
http::ClientRequest token_request(const ApiAccount& account, std::string_view base,
                                  const Secret& refresh_token, bool force);

/// Exchanges the code of an owner's authorisation for tokens (Tencent Ads).
http::ClientRequest grant_request(const ApiAccount& account, std::string_view base,
                                  const Secret& code, std::string_view redirect_uri);

/// What came back. Whatever became of it, the call for which the token was needed has not been
/// sent.
Outcome<FetchedToken> read_token(Outcome<Json> answer);

/// An error of our own making: nothing was sent.
SendError not_sent(ErrorCode code, std::string message);

}  // namespace zhiyin::wechat
