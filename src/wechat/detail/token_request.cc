#include "wechat/detail/token_request.h"

#include <algorithm>

#include "base/crypto.h"
#include "http/message.h"
#include "wechat/detail/lenient.h"

namespace zhiyin::wechat {
namespace {

constexpr std::int64_t kLifeSecondsMax = 86'400;
constexpr std::int64_t kRefreshLifeSecondsMax = 366LL * 86'400;
// Two of them fit into the lease under which a token is fetched.
constexpr std::chrono::milliseconds kTimeout{10'000};

http::ClientRequest stable_request(const ApiAccount& a, std::string_view base, bool force) {
  http::ClientRequest request;
  Json body = Json::object();
  body.set("grant_type", "client_credential");
  body.set("appid", a.app_id);
  body.set("secret", a.app_secret.reveal());
  if (force) body.set("force_refresh", true);
  request.method = "POST";
  request.url = fmt::format("{}/cgi-bin/stable_token", base);
  request.headers.emplace_back("Content-Type", "application/json; charset=utf-8");
  request.body = body.dump();
  return request;
}

std::string address(const ApiAccount& a, std::string_view base, const Secret& refresh_token) {
  const std::string id = http::percent_encode(a.app_id);
  const std::string secret = http::percent_encode(a.app_secret.reveal());
  if (a.token_kind == TokenKind::kClassic) {
    return fmt::format("{}/cgi-bin/token?grant_type=client_credential&appid={}&secret={}", base, id,
                       secret);
  }
  if (a.token_kind == TokenKind::kWecom)
    return fmt::format("{}/cgi-bin/gettoken?corpid={}&corpsecret={}", base, id, secret);
  return fmt::format(
      "{}/oauth/token?client_id={}&client_secret={}&grant_type=refresh_token&refresh_token={}",
      base, id, secret, http::percent_encode(refresh_token.reveal()));
}

}  // namespace

std::string token_settings(const ApiAccount& a) {
  return crypto::sha256(fmt::format("{}\n{}\n{}\n{}\n{}", a.app_id, a.app_secret.reveal(),
                                    a.base_url, static_cast<int>(a.token_kind),
                                    a.refresh_token.reveal()));
}

http::ClientRequest token_request(const ApiAccount& account, std::string_view base,
                                  const Secret& refresh_token, bool force) {
  http::ClientRequest request;
  if (account.token_kind == TokenKind::kStable) {
    request = stable_request(account, base, force);
  } else {
    request.url =
        address(account, base, refresh_token.empty() ? account.refresh_token : refresh_token);
  }
  request.timeout = kTimeout;
  return request;
}

http::ClientRequest grant_request(const ApiAccount& a, std::string_view base, const Secret& code,
                                  std::string_view redirect_uri) {
  http::ClientRequest request;
  request.url = fmt::format(
      "{}/oauth/token?client_id={}&client_secret={}&grant_type=authorization_code"
      "&authorization_code={}&redirect_uri={}",
      base, http::percent_encode(a.app_id), http::percent_encode(a.app_secret.reveal()),
      http::percent_encode(code.reveal()), http::percent_encode(redirect_uri));
  request.timeout = kTimeout;
  return request;
}

SendError not_sent(ErrorCode code, std::string message) {
  SendError e;
  e.code = code;
  e.message = std::move(message);
  return e;
}

Outcome<FetchedToken> read_token(Outcome<Json> answer) {
  if (!answer) {
    SendError e = std::move(answer.error());
    e.progress = http::SendProgress::kNothingSent;
    // At this address 40001 means a wrong secret: nothing to be renewed.
    if (e.error_class == ErrorClass::kToken) e.error_class = ErrorClass::kNever;
    return std::unexpected(std::move(e));
  }
  const std::string token = lenient_text((*answer)["access_token"]);
  const Json* stated = answer->find("access_token_expires_in");  // as Tencent Ads calls it
  const std::int64_t life = lenient_int(stated ? *stated : (*answer)["expires_in"]);
  if (token.empty() || life <= 0) {
    return std::unexpected(
        not_sent(ErrorCode::kUnavailable, "微信接口 token：应答里没有 access_token 或 expires_in"));
  }
  FetchedToken fetched{Secret(token), std::chrono::seconds(std::min(life, kLifeSecondsMax))};
  fetched.refresh_token = Secret(lenient_text((*answer)["refresh_token"]));
  const std::int64_t refresh_life = lenient_int((*answer)["refresh_token_expires_in"]);
  if (refresh_life > 0)
    fetched.refresh_life = std::chrono::seconds(std::min(refresh_life, kRefreshLifeSecondsMax));
  return fetched;
}

}  // namespace zhiyin::wechat
