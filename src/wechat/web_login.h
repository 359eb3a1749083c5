#pragma once

#include <map>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/secret.h"
#include "wechat/method.h"

/// Pages inside WeChat: signing in with WeChat (OAuth2) and permission for the JS-SDK.
namespace zhiyin::wechat {

enum class LoginScope { kBase, kProfile, kQrLogin };

/// The page to which a browser is sent, with its parameters in the order that the platform wants.
/// `state` up to 128 letters and digits; kQrLogin is for browsers outside WeChat. kInvalidArgument
/// with the field. Pure.
Result<std::string> login_url(const ApiAccount& account, std::string_view redirect_uri,
                              LoginScope scope, std::string_view state);

struct LoginCodeAsk {
  std::string code;  ///< one use, 5 minutes
  std::string grant_type = "authorization_code";
  static constexpr auto wire() {
    return field_list(member("code", &LoginCodeAsk::code, ""),
                      member("grant_type", &LoginCodeAsk::grant_type, ""));
  }
};
/// `is_snapshotuser`: a virtual identity from the preview of a page; never store it as a person.
struct LoginToken {
  Secret access_token, refresh_token;
  std::int64_t expires_in = 0;
  std::string openid, scope, unionid;
  bool is_snapshotuser = false;
  static constexpr auto wire() {
    using S = LoginToken;
    return field_list(member("access_token", &S::access_token, ""),
                      member("refresh_token", &S::refresh_token, ""),
                      member("expires_in", &S::expires_in, ""), member("openid", &S::openid, ""),
                      member("scope", &S::scope, ""), member("unionid", &S::unionid, ""),
                      member("is_snapshotuser", &S::is_snapshotuser, ""));
  }
};
struct LoginRefreshAsk {
  Secret refresh_token;
  std::string grant_type = "refresh_token";
  static constexpr auto wire() {
    return field_list(member("grant_type", &LoginRefreshAsk::grant_type, ""),
                      member("refresh_token", &LoginRefreshAsk::refresh_token, ""));
  }
};
struct LoginUserAsk {
  Secret access_token;
  std::string openid, lang;
  static constexpr auto wire() {
    using S = LoginUserAsk;
    return field_list(member("access_token", &S::access_token, ""),
                      member("openid", &S::openid, ""), member("lang", &S::lang, ""));
  }
};
struct LoginUser {
  std::string openid, nickname, headimgurl, unionid;
  std::vector<std::string> privilege;
  static constexpr auto wire() {
    using S = LoginUser;
    return field_list(member("openid", &S::openid, ""), member("nickname", &S::nickname, ""),
                      member("headimgurl", &S::headimgurl, ""), member("unionid", &S::unionid, ""),
                      member("privilege", &S::privilege, ""));
  }
};
inline constexpr Method<LoginCodeAsk, LoginToken> kLoginToken{endpoint("oauth_token")};
inline constexpr Method<LoginRefreshAsk, LoginToken> kLoginRefresh{endpoint("oauth_refresh")};
inline constexpr Method<LoginUserAsk, Nothing> kLoginCheck{endpoint("oauth_check")};
inline constexpr Method<LoginUserAsk, LoginUser> kLoginUser{endpoint("oauth_userinfo")};

/// The page on which a person confirms one one-time message (`TemplateOnceAsk`) of `template_id`
/// and `scene`. It goes back to `redirect_uri` with openid, template_id, action (confirm or
/// cancel), scene and `reserved`, which has up to 128 letters and digits. kInvalidArgument with the
/// field. Pure.
Result<std::string> once_page_url(const ApiAccount& account, std::string_view template_id,
                                  std::int64_t scene, std::string_view redirect_uri,
                                  std::string_view reserved);

struct TicketAsk {
  std::string type = "jsapi";  ///< or wx_card
  static constexpr auto wire() {
    return field_list(member("type", &TicketAsk::type, "jsapi or wx_card"));
  }
};
struct Ticket {
  Secret ticket;
  std::int64_t expires_in = 0;
  static constexpr auto wire() {
    return field_list(member("ticket", &Ticket::ticket, ""),
                      member("expires_in", &Ticket::expires_in, ""));
  }
};
inline constexpr Method<TicketAsk, Ticket> kTicket{endpoint("ticket_get")};

/// What a page gives to `wx.config`. Holds no secret.
struct JsConfig {
  std::string appId;
  std::int64_t timestamp = 0;
  std::string nonceStr, signature;
  static constexpr auto wire() {
    using S = JsConfig;
    return field_list(member("appId", &S::appId, ""), member("timestamp", &S::timestamp, ""),
                      member("nonceStr", &S::nonceStr, ""), member("signature", &S::signature, ""));
  }
};

/// JS-SDK tickets by account, in memory, renewed five minutes before they end (domain time); one
/// fetch at a time. Thread-safe; blocks while a ticket is fetched.
class JsTickets {
 public:
  /// Both must outlive this object.
  JsTickets(PlatformApi& platform, const Clock& clock) : platform_(platform), clock_(clock) {}

  Outcome<Secret> get(const ApiAccount& account, const std::string& type = "jsapi");
  /// The signature for the page at `url` (its part from `#` on is left out).
  Outcome<JsConfig> config(const ApiAccount& account, std::string_view url);

 private:
  struct Kept {
    Secret ticket;
    Instant renew_at;
  };
  PlatformApi& platform_;
  const Clock& clock_;
  Mutex mutex_;
  std::map<std::pair<AccountId, std::string>, Kept> kept_ ZHIYIN_GUARDED_BY(mutex_);
};

}  // namespace zhiyin::wechat
