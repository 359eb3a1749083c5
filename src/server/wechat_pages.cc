#include "server/wechat_pages.h"

#include "base/crypto.h"
#include "delivery/delivery_projection.h"
#include "server/wechat_calls.h"
#include "wechat/mini_program.h"
#include "wechat/pages.h"
#include "wechat/tencent_ads.h"

namespace zhiyin::server {
namespace {

bool is_mini_program(const wechat::Account& account) {
  return account.kind == wechat::AccountKind::kMiniProgram;
}

bool is_official(const wechat::Account& account) {
  return account.kind == wechat::AccountKind::kService ||
         account.kind == wechat::AccountKind::kSubscription;
}

Result<wechat::Account> advertiser(Services& s, const AccountId& id) {
  ZHIYIN_TRY(wechat::Account account, s.accounts.get(id));
  if (account.token_kind != wechat::TokenKind::kAds)
    return fail_field("account", "'{}' is no advertiser (token_kind = ads)", id.value);
  return account;
}

Result<Json> mini_program_login(wechat::PlatformApi& platform, const wechat::ApiAccount& account,
                                const std::string& code) {
  const auto session = call_and_wait(platform, account, wechat::kMiniLogin, {code});
  if (!session) return std::unexpected(session.error().error());
  return Json()
      .set("openid", session->openid)
      .set("unionid", session->unionid)
      .set("snapshot", false);
}

}  // namespace

Result<Json> login_page(Services& s, const AccountId& id, std::string_view redirect_uri,
                        std::string_view scope, std::string_view state) {
  ZHIYIN_TRY(const wechat::Account account, s.accounts.get(id));
  if (!is_official(account))
    return fail_field("account", "'{}' is no official account: it has no such page", id.value);
  constexpr std::pair<std::string_view, wechat::LoginScope> kScopes[] = {
      {"base", wechat::LoginScope::kBase},
      {"profile", wechat::LoginScope::kProfile},
      {"qr", wechat::LoginScope::kQrLogin}};
  for (const auto& [name, value] : kScopes) {
    if (name != scope) continue;
    ZHIYIN_TRY(const std::string url,
               wechat::login_url(wechat::api_account(account), redirect_uri, value, state));
    return Json().set("url", wechat::page_at(platform_base(s, account), url));
  }
  return fail_field("scope", "'{}' is not one of base, profile, qr", scope.substr(0, 32));
}

Result<Json> login(Services& s, const AccountId& id, const std::string& code) {
  ZHIYIN_TRY(const wechat::Account account, s.accounts.get(id));
  ZHIYIN_TRY(wechat::PlatformApi * platform, platform_of(s));
  const wechat::ApiAccount api = wechat::api_account(account);
  if (is_mini_program(account)) return mini_program_login(*platform, api, code);
  if (!is_official(account))
    return fail_field("account", "'{}' is no official account or mini-program", id.value);
  const auto token = call_and_wait(*platform, api, wechat::kLoginToken, {code});
  if (!token) return std::unexpected(token.error().error());
  Json who = Json()
                 .set("openid", token->openid)
                 .set("unionid", token->unionid)
                 .set("snapshot", token->is_snapshotuser);
  const bool may_know_more = token->scope.find("snsapi_userinfo") != std::string::npos ||
                             token->scope.find("snsapi_login") != std::string::npos;
  if (!may_know_more) return who;
  const auto user = call_and_wait(*platform, api, wechat::kLoginUser,
                                  {token->access_token, token->openid, "zh_CN"});
  if (!user) return std::unexpected(user.error().error());
  if (!user->unionid.empty()) who.set("unionid", user->unionid);
  return who.set("nickname", user->nickname).set("picture", user->headimgurl);
}

Result<Json> once_page(Services& s, const AccountId& id, std::string_view template_id,
                       std::int64_t scene, std::string_view redirect_uri) {
  constexpr std::size_t kReservedBytes = 16;
  ZHIYIN_TRY(const wechat::Account account, s.accounts.get(id));
  if (!is_official(account))
    return fail_field("account", "'{}' is no official account: it has no such page", id.value);
  std::string reserved = crypto::hex(crypto::random_bytes(kReservedBytes));
  ZHIYIN_TRY(const std::string url, wechat::once_page_url(wechat::api_account(account), template_id,
                                                          scene, redirect_uri, reserved));
  return Json()
      .set("url", wechat::page_at(platform_base(s, account), url))
      .set("reserved", std::move(reserved));
}

Result<Json> take_once_confirmation(Services& s, const AccountId& id,
                                    const OnceConfirmation& confirmation) {
  ZHIYIN_TRY(const wechat::Account account, s.accounts.get(id));
  if (!is_official(account)) return fail_field("account", "'{}' is no official account", id.value);
  const bool is_confirmed = confirmation.action == "confirm";
  if (!is_confirmed && confirmation.action != "cancel")
    return fail_field("action", "'{}' is neither confirm nor cancel",
                      confirmation.action.substr(0, 32));
  if (!is_confirmed) return Json().set("recorded", false);
  ingest::WireEvent event;
  event.event_id = "once_" + crypto::hex(crypto::sha256(fmt::format(
                                 "{}\n{}\n{}\n{}", confirmation.openid, confirmation.template_id,
                                 confirmation.scene, confirmation.reserved)));
  event.account = id.value;
  event.identities.push_back({id.value, "openid", confirmation.openid});
  event.kind = delivery::kOnceConfirmed;
  event.properties =
      Json().set("template_id", confirmation.template_id).set("scene", confirmation.scene);
  event.occurred_at = s.clock.now();
  ZHIYIN_TRY(const std::vector<ingest::Answer> answers,
             s.intake.accept_and_wait({std::move(event)}, "wechat"));
  const ingest::Answer& answer = answers.at(0);
  if (answer.verdict == ingest::Verdict::kQuarantined)
    return fail(ErrorCode::kInvalidArgument, "confirmation: was not taken: {}", answer.reason);
  return Json().set("recorded", answer.verdict == ingest::Verdict::kAccepted);
}

Result<Json> phone_number(Services& s, const AccountId& id, const std::string& code) {
  ZHIYIN_TRY(const wechat::Account account, s.accounts.get(id));
  if (!is_mini_program(account)) return fail_field("account", "'{}' is no mini-program", id.value);
  ZHIYIN_TRY(wechat::PlatformApi * platform, platform_of(s));
  const auto answer =
      call_and_wait(*platform, wechat::api_account(account), wechat::kPhoneNumber, {code});
  if (!answer) return std::unexpected(answer.error().error());
  return Json()
      .set("phone", answer->phone_info.purePhoneNumber.reveal())
      .set("country_code", answer->phone_info.countryCode);
}

Result<Json> js_config(Services& s, wechat::JsTickets& tickets, const AccountId& id,
                       std::string_view url) {
  ZHIYIN_TRY(const wechat::Account account, s.accounts.get(id));
  if (!is_official(account)) return fail_field("account", "'{}' is no official account", id.value);
  if (!url.starts_with("http://") && !url.starts_with("https://"))
    return fail_field("url", "is not an http or https address");
  const auto config = tickets.config(wechat::api_account(account), url);
  if (!config) return std::unexpected(config.error().error());
  return wechat::to_wire(*config);
}

Result<Json> authorisation_page(Services& s, const AccountId& id, std::string_view redirect_uri,
                                std::string_view state) {
  ZHIYIN_TRY(const wechat::Account account, advertiser(s, id));
  if (!redirect_uri.starts_with("http://") && !redirect_uri.starts_with("https://"))
    return fail_field("redirect_uri", "is not an http or https address");
  const std::string url =
      wechat::ads_authorise_url(wechat::api_account(account), redirect_uri, state);
  return Json().set("url", wechat::page_at(platform_base(s, account), url));
}

Result<Json> authorise(Services& s, const AccountId& id, const std::string& code,
                       std::string_view redirect_uri) {
  ZHIYIN_TRY(const wechat::Account account, advertiser(s, id));
  if (code.empty()) return fail_field("code", "is missing");
  const auto grant =
      s.tokens.grant_and_wait(wechat::api_account(account), Secret(code), redirect_uri);
  if (!grant) return std::unexpected(grant.error().error());
  ZHIYIN_TRY_VOID(s.accounts.apply(
      Json().set("id", id.value).set("refresh_token", grant->refresh_token.reveal())));
  s.tokens.forget(id);
  const auto life = grant->refresh_life;
  return Json()
      .set("account", id.value)
      .set("authorised", true)
      .set("ends_at", life ? to_json(s.clock.now() + *life) : Json());
}

}  // namespace zhiyin::server
