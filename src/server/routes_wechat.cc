// What is asked of WeChat on behalf of people and programs; quotas.
#include <charconv>

#include "server/routes.h"
#include "server/wechat_calls.h"
#include "server/wechat_draft.h"
#include "server/wechat_pages.h"

namespace zhiyin::server {
namespace {

/// For the account of the path, which the caller may see.
ApiHandler on_account(std::function<Result<Json>(const AccountId&, http::Request&)> work) {
  return [work = std::move(work)](http::Request& r, const Caller& caller) -> ApiResult {
    const AccountId id(r.path_parameters["id"]);
    ZHIYIN_TRY_VOID(check_account(caller, id.value));
    ZHIYIN_TRY(const Json answer, work(id, r));
    return http::Response::json(answer);
  };
}

/// The same with a bound body.
template <class Body>
std::function<ApiResult(Body, http::Request&, const Caller&)> on_account_with(
    std::function<Result<Json>(const AccountId&, Body)> work) {
  return [work = std::move(work)](Body body, http::Request& r, const Caller& caller) -> ApiResult {
    const AccountId id(r.path_parameters["id"]);
    ZHIYIN_TRY_VOID(check_account(caller, id.value));
    ZHIYIN_TRY(const Json answer, work(id, std::move(body)));
    return http::Response::json(answer);
  };
}

std::string asked(http::Request& r, std::string_view name, std::string_view otherwise = "") {
  return std::string(r.query_or(name, otherwise));
}

Result<std::int64_t> number_of(http::Request& r, std::string_view name) {
  const std::string text = asked(r, name);
  std::int64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error == std::errc() && end == text.data() + text.size()) return n;
  return fail_field(name, "'{}' is not a number", text.substr(0, 32));
}

/// `?account=`, which the caller may see; nothing: all of them.
Result<std::optional<AccountId>> asked_account(http::Request& r, const Caller& caller) {
  const std::string account(r.query_or("account", ""));
  ZHIYIN_TRY_VOID(check_account(caller, account));
  return account.empty() ? std::optional<AccountId>() : AccountId(account);
}

/// A message and whom it is for.
struct SendBody {
  std::string openid;
  Json message;
};

struct ChannelBody {
  std::string channel;
  std::optional<Duration> life;
};

struct CodeBody {
  std::string code;
};

struct AuthorisationBody {
  std::string code, redirect_uri;
};

}  // namespace

}  // namespace zhiyin::server

namespace zhiyin {

template <>
struct Fields<server::SendBody> {
  using S = server::SendBody;
  static constexpr std::string_view name = "WechatSend";
  static constexpr auto list =
      field_list(field("openid", &S::openid, "the follower").length(1, 128),
                 field("message", &S::message,
                       "msgtype and its content, or template_id and data, as WeChat names them"));
};

template <>
struct Fields<server::MarkdownDraft> {
  using S = server::MarkdownDraft;
  static constexpr std::string_view name = "WechatDraft";
  static constexpr auto list = field_list(
      field("markdown", &S::markdown, "the article; its first heading is the title")
          .length(1, 512 << 10),
      field("title", &S::title, "instead of the first heading").length(0, 256).optional(),
      field("cover", &S::cover, "media_id of a permanent picture").length(1, 256),
      field("author", &S::author, "up to 16 characters").length(0, 64).optional());
};

template <>
struct Fields<server::ChannelBody> {
  using S = server::ChannelBody;
  static constexpr std::string_view name = "WechatChannelCode";
  static constexpr auto list = field_list(
      field("channel", &S::channel, "what scans and follows carry as their scene").length(1, 64),
      field("for", &S::life, "how long it lives, up to 30d; absent: permanent"));
};

template <>
struct Fields<server::CodeBody> {
  using S = server::CodeBody;
  static constexpr std::string_view name = "WechatCode";
  static constexpr auto list =
      field_list(field("code", &S::code, "from WeChat; one use, 5 minutes").length(1, 512));
};

template <>
struct Fields<server::OnceConfirmation> {
  using S = server::OnceConfirmation;
  static constexpr std::string_view name = "OnceConfirmation";
  static constexpr auto list = field_list(
      field("openid", &S::openid, "as the page brought it").length(1, 128),
      field("template_id", &S::template_id, "as the page brought it").length(1, 128),
      field("scene", &S::scene, "as the page brought it").range(0, 10'000),
      field("action", &S::action, "confirm or cancel").length(1, 16),
      field("reserved", &S::reserved, "of the page: one confirmation for each").length(1, 128));
};

template <>
struct Fields<server::AuthorisationBody> {
  using S = server::AuthorisationBody;
  static constexpr std::string_view name = "AdsAuthorisation";
  static constexpr auto list = field_list(
      field("code", &S::code, "authorization_code of the owner's page; one use").length(1, 512),
      field("redirect_uri", &S::redirect_uri, "as it was for the page").length(1, 1024));
};

}  // namespace zhiyin

namespace zhiyin::server {

namespace {

/// Pages and mini-programs of the account's owner.
void add_page_routes(Api& api, Services& s) {
  api.route(
      "GET", "/v1/accounts/{id}/login-page", of_account(Role::kOperator),
      "Where a browser signs in with WeChat: ?redirect_uri=, scope=base, profile or qr, state=",
      on_account([&s](const AccountId& id, http::Request& r) {
        return login_page(s, id, asked(r, "redirect_uri"), asked(r, "scope", "base"),
                          asked(r, "state"));
      }));
  api.route_with<CodeBody>(
      "POST", "/v1/accounts/{id}/login", of_account(Role::kOperator),
      "Who brought a code of the sign-in page, or of a mini-program's wx.login",
      on_account_with<CodeBody>(
          [&s](const AccountId& id, const CodeBody& b) { return login(s, id, b.code); }));
  api.route_with<CodeBody>("POST", "/v1/accounts/{id}/phone", of_account(Role::kOperator),
                           "The phone number for the code of a mini-program's button",
                           on_account_with<CodeBody>([&s](const AccountId& id, const CodeBody& b) {
                             return phone_number(s, id, b.code);
                           }));
  api.route("GET", "/v1/accounts/{id}/once-page", of_account(Role::kIngest),
            "Where a person confirms one one-time message: ?template_id=, scene=, redirect_uri=",
            on_account([&s](const AccountId& id, http::Request& r) -> Result<Json> {
              ZHIYIN_TRY(const std::int64_t scene, number_of(r, "scene"));
              return once_page(s, id, asked(r, "template_id"), scene, asked(r, "redirect_uri"));
            }));
  api.route_with<OnceConfirmation>(
      "POST", "/v1/accounts/{id}/once-confirmations", of_account(Role::kIngest),
      "What came back from that page: a confirmation allows one message",
      on_account_with<OnceConfirmation>([&s](const AccountId& id, const OnceConfirmation& b) {
        return take_once_confirmation(s, id, b);
      }));
  if (wechat::PlatformApi* platform = s.wechat.platform()) {
    // Of this route alone.
    auto tickets = std::make_shared<wechat::JsTickets>(*platform, s.clock);
    api.route("GET", "/v1/accounts/{id}/js-config", of_account(Role::kIngest),
              "What the page at ?url= gives to wx.config; holds no secret",
              on_account([&s, tickets](const AccountId& id, http::Request& r) {
                return js_config(s, *tickets, id, asked(r, "url"));
              }));
  }
  api.route("GET", "/v1/accounts/{id}/authorisation", of_account(Role::kAdmin),
            "Where the owner of an advertiser grants access: ?redirect_uri=, state=",
            on_account([&s](const AccountId& id, http::Request& r) {
              return authorisation_page(s, id, asked(r, "redirect_uri"), asked(r, "state"));
            }));
  api.route_with<AuthorisationBody>(
      "POST", "/v1/accounts/{id}/authorisation", of_account(Role::kAdmin),
      "Take the code that came back from there, and keep what it is worth",
      on_account_with<AuthorisationBody>([&s](const AccountId& id, const AuthorisationBody& b) {
        return authorise(s, id, b.code, b.redirect_uri);
      }));
}

/// What an operator makes: files, drafts, codes, tasks for members of a company.
void add_making_routes(Api& api, Services& s) {
  constexpr std::size_t kFileMax = 21 << 20;  // the largest but files of audiences: see the command
  api.route("POST", "/v1/accounts/{id}/uploads", of_account(Role::kOperator),
            "A file for WeChat, as the body: ?as=media, material, picture, attachment, portrait, "
            "ad_picture or audience, name=, type=",
            on_account([&s](const AccountId& id, http::Request& r) -> Result<Json> {
              ZHIYIN_TRY(const UploadAsk ask,
                         upload_ask([&r](std::string_view name) { return asked(r, name); }));
              const std::string name = asked(r, "name");
              if (name.empty()) return fail_field("name", "is missing: its ending tells the kind");
              return wechat_upload(s, id, ask, {name, {}, std::move(r.body)});
            }),
            kFileMax);
  api.route_with<MarkdownDraft>(
      "POST", "/v1/accounts/{id}/drafts", of_account(Role::kOperator),
      "A draft of one article from Markdown",
      on_account_with<MarkdownDraft>(
          [&s](const AccountId& id, const MarkdownDraft& b) { return wechat_draft(s, id, b); }));
  api.route_with<ChannelBody>(
      "POST", "/v1/accounts/{id}/codes", of_account(Role::kOperator),
      "A QR code whose scans and follows carry the channel as their scene",
      on_account_with<ChannelBody>([&s](const AccountId& id, const ChannelBody& b) {
        return wechat_channel_code(s, id, b.channel, b.life);
      }));
  api.route("POST", "/v1/accounts/{id}/wecom/{what}", of_account(Role::kOperator),
            "What members of a company send: task, moment, welcome, message; the body has WeCom's "
            "own names",
            on_account([&s](const AccountId& id, http::Request& r) -> Result<Json> {
              ZHIYIN_TRY(const Json body, parse_json(r.body));
              return wechat_staff(s, id, r.path_parameters["what"], body);
            }));
}

}  // namespace

void add_wechat_routes(Api& api, Services& s) {
  add_page_routes(api, s);
  add_making_routes(api, s);
  api.route("GET", "/v1/quota", of_account(Role::kAnalyst),
            "What is left of the accounts' budgets, and what was used for nothing",
            [&s](http::Request& r, const Caller& caller) -> ApiResult {
              ZHIYIN_TRY(const auto account, asked_account(r, caller));
              ZHIYIN_TRY(const Json quota, wechat_quota(s, account));
              return http::Response::json(quota);
            });
  api.route("GET", "/v1/wechat/jobs", of_account(Role::kAnalyst),
            "The newest mass sends, with the platform's reports",
            [&s](http::Request& r, const Caller& caller) -> ApiResult {
              ZHIYIN_TRY(const auto account, asked_account(r, caller));
              ZHIYIN_TRY(const Json jobs, wechat_jobs(s, account));
              return http::Response::json(jobs);
            });
  api.route("GET", "/v1/wechat/callbacks", of_account(Role::kAnalyst),
            "What WeChat delivered last, without contents",
            [&s](http::Request& r, const Caller& caller) -> ApiResult {
              ZHIYIN_TRY(const auto account, asked_account(r, caller));
              ZHIYIN_TRY(const Json arrivals, wechat_arrivals(s, account));
              return http::Response::json(arrivals);
            });
  api.route("GET", "/v1/wechat/methods", of_account(Role::kOperator),
            "Methods of WeChat that may be called by name, with their bodies",
            [](http::Request&, const Caller&) -> ApiResult {
              return http::Response::json(wechat_methods());
            });
  api.route("POST", "/v1/accounts/{id}/wechat/{method}", of_account(Role::kOperator),
            "Call a method of WeChat; the body has the platform's own names",
            [&s](http::Request& r, const Caller& caller) -> ApiResult {
              const AccountId id(r.path_parameters["id"]);
              ZHIYIN_TRY_VOID(check_account(caller, id.value));
              ZHIYIN_TRY(const Json body,
                         r.body.empty() ? Result<Json>(Json::object()) : parse_json(r.body));
              return wechat_call(s, id, r.path_parameters["method"], body);
            });
  api.route_with<SendBody>("POST", "/v1/accounts/{id}/send", of_account(Role::kOperator),
                           "One message to one person, through the quota ledger",
                           on_account_with<SendBody>([&s](const AccountId& id, const SendBody& b) {
                             return wechat_send(s, id, b.openid, b.message);
                           }));
  api.route("GET", "/v1/accounts/{id}/conversations/{openid}", of_account(Role::kOperator),
            "A person's customer-service window, permissions and what was sent",
            on_account([&s](const AccountId& id, http::Request& r) {
              return wechat_conversation(s, id, r.path_parameters["openid"]);
            }));
}

}  // namespace zhiyin::server
