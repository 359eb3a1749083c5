// What is asked of WeChat on behalf of people and programs; quotas.
#include "server/routes.h"
#include "server/wechat_calls.h"

namespace zhiyin::server {
namespace {

AccountId account_of(http::Request& r) { return AccountId(r.path_parameters["id"]); }

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

}  // namespace

}  // namespace zhiyin::server

namespace zhiyin {

template <>
struct Fields<server::SendBody> {
  using S = server::SendBody;
  static constexpr std::string_view name = "WechatSend";
  static constexpr auto list = std::make_tuple(
      field("openid", &S::openid, "the follower").length(1, 128),
      field("message", &S::message,
            "msgtype and its content, or template_id and data, as WeChat names them"));
};

}  // namespace zhiyin

namespace zhiyin::server {

void add_wechat_routes(Api& api, Services& s) {
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
              const AccountId id = account_of(r);
              ZHIYIN_TRY_VOID(check_account(caller, id.value));
              ZHIYIN_TRY(const Json body,
                         r.body.empty() ? Result<Json>(Json::object()) : parse_json(r.body));
              return wechat_call(s, id, r.path_parameters["method"], body);
            });
  api.route_with<SendBody>(
      "POST", "/v1/accounts/{id}/send", of_account(Role::kOperator),
      "One message to one person, through the quota ledger",
      [&s](SendBody body, http::Request& r, const Caller& caller) -> ApiResult {
        const AccountId id = account_of(r);
        ZHIYIN_TRY_VOID(check_account(caller, id.value));
        ZHIYIN_TRY(const Json result, wechat_send(s, id, body.openid, body.message));
        return http::Response::json(result);
      });
  api.route("GET", "/v1/accounts/{id}/conversations/{openid}", of_account(Role::kOperator),
            "A person's customer-service window, permissions and what was sent",
            [&s](http::Request& r, const Caller& caller) -> ApiResult {
              const AccountId id = account_of(r);
              ZHIYIN_TRY_VOID(check_account(caller, id.value));
              ZHIYIN_TRY(const Json conversation,
                         wechat_conversation(s, id, r.path_parameters["openid"]));
              return http::Response::json(conversation);
            });
}

}  // namespace zhiyin::server
