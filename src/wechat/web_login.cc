#include "wechat/web_login.h"

#include <algorithm>

#include "base/crypto.h"
#include "http/message.h"
#include "wechat/crypto.h"

namespace zhiyin::wechat {

Result<std::string> login_url(const ApiAccount& account, std::string_view redirect_uri,
                              LoginScope scope, std::string_view state) {
  constexpr std::size_t kStateMax = 128;
  const auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  if (state.size() > kStateMax || !std::ranges::all_of(state, is_allowed))
    return fail_field("state", "is not up to {} letters and digits", kStateMax);
  if (!redirect_uri.starts_with("http://") && !redirect_uri.starts_with("https://"))
    return fail_field("redirect_uri", "is not an http or https address");
  const std::string_view page =
      scope == LoginScope::kQrLogin ? "connect/qrconnect" : "connect/oauth2/authorize";
  const std::string_view name = scope == LoginScope::kBase       ? "snsapi_base"
                                : scope == LoginScope::kProfile ? "snsapi_userinfo"
                                                                 : "snsapi_login";
  return fmt::format(
      "https://open.weixin.qq.com/{}?appid={}&redirect_uri={}&response_type=code&scope={}&state={}"
      "#wechat_redirect",
      page, http::percent_encode(account.app_id), http::percent_encode(redirect_uri), name, state);
}

Outcome<Secret> JsTickets::get(const ApiAccount& account, const std::string& type) {
  constexpr Duration kRenewBefore = std::chrono::minutes(5);
  constexpr std::int64_t kLifeSecondsMax = 86'400;
  MutexLock lock(mutex_);  // held while fetching: one fetch at a time
  Kept& kept = kept_[{account.id, type}];
  if (!kept.ticket.empty() && clock_.now() < kept.renew_at) return kept.ticket;
  Outcome<Ticket> fetched = call_and_wait(platform_, account, kTicket, {type});
  if (!fetched) return std::unexpected(std::move(fetched.error()));
  const Duration life =
      std::chrono::seconds(std::clamp<std::int64_t>(fetched->expires_in, 0, kLifeSecondsMax));
  kept.ticket = fetched->ticket;
  kept.renew_at = clock_.now() + life - std::min<Duration>(kRenewBefore, life / 2);
  return kept.ticket;
}

Outcome<JsConfig> JsTickets::config(const ApiAccount& account, std::string_view url) {
  Outcome<Secret> ticket = get(account);
  if (!ticket) return std::unexpected(std::move(ticket.error()));
  JsConfig config;
  config.appId = account.app_id;
  config.timestamp = clock_.now().us / 1'000'000;
  config.nonceStr = crypto::hex(crypto::random_bytes(8));
  config.signature =
      js_sdk_signature(ticket->reveal(), config.nonceStr, std::to_string(config.timestamp), url);
  return config;
}

}  // namespace zhiyin::wechat
