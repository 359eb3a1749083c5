#include "wechat/web_login.h"

#include <algorithm>

#include "base/crypto.h"
#include "http/message.h"
#include "wechat/crypto.h"

namespace zhiyin::wechat {

namespace {

Result<void> check_word(std::string_view field, std::string_view text, std::size_t least) {
  constexpr std::size_t kMost = 128;
  const auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  if (text.size() >= least && text.size() <= kMost && std::ranges::all_of(text, is_allowed))
    return {};
  return fail_field(field, "is not {} to {} letters and digits", least, kMost);
}

Result<void> check_address(std::string_view address) {
  if (address.starts_with("http://") || address.starts_with("https://")) return {};
  return fail_field("redirect_uri", "is not an http or https address");
}

}  // namespace

Result<std::string> once_page_url(const ApiAccount& account, std::string_view template_id,
                                  std::int64_t scene, std::string_view redirect_uri,
                                  std::string_view reserved) {
  constexpr std::size_t kTemplateIdMax = 128;
  constexpr std::int64_t kSceneMax = 10'000;
  if (template_id.empty() || template_id.size() > kTemplateIdMax)
    return fail_field("template_id", "has not 1 to {} bytes", kTemplateIdMax);
  if (scene < 0 || scene > kSceneMax)
    return fail_field("scene", "{} is not between 0 and {}", scene, kSceneMax);
  ZHIYIN_TRY_VOID(check_address(redirect_uri));
  ZHIYIN_TRY_VOID(check_word("reserved", reserved, 1));
  return fmt::format(
      "https://mp.weixin.qq.com/mp/subscribemsg?action=get_confirm&appid={}&scene={}"
      "&template_id={}&redirect_url={}&reserved={}#wechat_redirect",
      http::percent_encode(account.app_id), scene, http::percent_encode(template_id),
      http::percent_encode(redirect_uri), reserved);
}

Result<std::string> login_url(const ApiAccount& account, std::string_view redirect_uri,
                              LoginScope scope, std::string_view state) {
  ZHIYIN_TRY_VOID(check_word("state", state, 0));
  ZHIYIN_TRY_VOID(check_address(redirect_uri));
  const std::string_view page =
      scope == LoginScope::kQrLogin ? "connect/qrconnect" : "connect/oauth2/authorize";
  const std::string_view name = scope == LoginScope::kBase      ? "snsapi_base"
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
