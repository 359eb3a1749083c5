#pragma once

#include <string>

#include "base/json.h"
#include "server/services.h"
#include "wechat/web_login.h"

/// What pages and mini-programs of the account's owner need of WeChat. Session keys and tokens of
/// people are used here and kept nowhere. All but `login_page` block on the platform.
namespace zhiyin::server {

/// `{"url"}`: where a browser signs in. `scope` is base (silent), profile or qr (a desktop's
/// browser).
Result<Json> login_page(Services& services, const AccountId& account, std::string_view redirect_uri,
                        std::string_view scope, std::string_view state);

/// Who brought the code of that page, or of a mini-program's `wx.login`:
/// `{"openid","unionid","snapshot"}`, with `nickname` and `picture` where the person agreed to it.
/// `snapshot`: a made-up identity of a page's preview, not a person.
Result<Json> login(Services& services, const AccountId& account, const std::string& code);

/// `{"url","reserved"}`: where a person confirms one one-time message. `reserved` is this page's
/// own; it comes back with the person.
Result<Json> once_page(Services& services, const AccountId& account, std::string_view template_id,
                       std::int64_t scene, std::string_view redirect_uri);

/// What came back from there.
struct OnceConfirmation {
  std::string openid, template_id;
  std::int64_t scene = 0;
  std::string action;  ///< confirm or cancel
  std::string reserved;
};

/// Takes it down: `{"recorded"}`. One confirmation for one page, however often it is reported; a
/// cancelled one is none. Written to the log like what the platform reports.
Result<Json> take_once_confirmation(Services& services, const AccountId& account,
                                    const OnceConfirmation& confirmation);

/// `{"phone","country_code"}` for the code of a mini-program's button. Personal: it is logged
/// nowhere.
Result<Json> phone_number(Services& services, const AccountId& account, const std::string& code);

/// What the page at `url` gives to `wx.config`.
Result<Json> js_config(Services& services, wechat::JsTickets& tickets, const AccountId& account,
                       std::string_view url);

/// `{"url"}`: where the owner of an advertiser grants access to us.
Result<Json> authorisation_page(Services& services, const AccountId& account,
                                std::string_view redirect_uri, std::string_view state);

/// Takes the code that came back from there and keeps what it is worth, as the account's refresh
/// token: `{"account","authorised","ends_at"}`. `redirect_uri` as it was for the page.
Result<Json> authorise(Services& services, const AccountId& account, const std::string& code,
                       std::string_view redirect_uri);

}  // namespace zhiyin::server
