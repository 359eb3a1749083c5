// Accounts, their check-up, and WeChat's callback.
#include <charconv>

#include "http/await.h"
#include "server/account_hold.h"
#include "server/jobs.h"
#include "server/routes.h"
#include "server/sent_back.h"

namespace zhiyin::server {
namespace {

Json check(std::string_view name, bool ok, std::string detail) {
  return Json().set("name", name).set("ok", ok).set("detail", std::move(detail));
}

http::Response answer(const wechat::Account& account, int status = 200) {
  http::Response response = http::Response::json(to_json(wechat::view(account)), status);
  response.headers.emplace_back("ETag", fmt::format("\"{}\"", account.version));
  return response;
}

ApiResult check_account_settings(Services& s, const AccountId& id) {
  ZHIYIN_TRY(const wechat::Account account, s.accounts.get(id));
  const std::string url = fmt::format("{}/wechat/{}", s.public_url, id.value);
  const auto rules = wechat::callback_rules(account);
  const wechat::CallbackHealth health = s.callbacks.health(id);
  const std::optional<Instant>& seen = health.last_at;
  Json checks = Json::array();
  checks.push(
      check("callback_settings", rules.has_value(),
            rules ? "Token 与密钥已保存 / token and key are stored" : rules.error().text()));
  checks.push(check("callback_seen", seen.has_value(),
                    seen ? "已收到微信的请求 / a request from WeChat arrived"
                         : "还没有收到微信的请求：在公众平台填写上面的地址并提交 / nothing arrived "
                           "yet: enter the address above on the platform and submit"));
  // Only what nothing good has followed still says something.
  const bool refused = health.refused_at && (!seen || *health.refused_at > *seen);
  if (refused) {
    checks.push(check("callback_refused", false,
                      fmt::format("最近一次请求被拒绝 / the last request was refused: {}: {}",
                                  health.refusal, health.detail)));
  }
  bool token_ok = false;
  if (account.app_secret.empty()) {
    checks.push(check("access_token", false, "没有 AppSecret / the AppSecret is missing"));
  } else {
    s.tokens.forget(id);
    const auto token = s.tokens.get_and_wait(wechat::api_account(account));
    token_ok = token.has_value();
    checks.push(
        check("access_token", token_ok, token_ok ? "已取得 / obtained" : token.error().message));
  }
  if (token_ok) {
    ZHIYIN_TRY(const auto sends, try_release(s, account));
    if (sends) checks.push(check("sends", sends->ok, sends->detail));
  }
  Json out;
  out.set("callback_url", url);
  out.set("callback_seen_at", seen ? to_json(*seen) : Json());
  out.set("token_ok", token_ok);
  out.set("checks", std::move(checks));
  return http::Response::json(out);
}

/// The coroutine waits, no thread does: an answer may take seconds.
http::Task<http::Response> answer_callback(Services& s, http::Request& r) {
  // A named start, moved: g++ 12 destroys temporaries in a co_await twice.
  std::move_only_function<void(std::move_only_function<void(http::Response)>)> start =
      [&s, &r](std::move_only_function<void(http::Response)> done) {
        s.callbacks.accept(std::move(r), std::move(done));
      };
  co_return co_await http::from_callback<http::Response>(std::move(start));
}

Result<std::size_t> limit_of(const http::Request& r) {
  constexpr std::size_t kDefault = 50;
  const std::string_view text = r.query_or("limit", "");
  if (text.empty()) return kDefault;
  std::size_t limit = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (error != std::errc() || end != text.data() + text.size() || limit < 1 ||
      limit > wechat::CallbackStore::kListMax) {
    return fail_field("limit", "'{}' is not 1 to {}", text.substr(0, 32),
                      wechat::CallbackStore::kListMax);
  }
  return limit;
}

/// `next` of the page before: MICROSECONDS:KEY.
Result<wechat::ListPlace> place_of(const http::Request& r) {
  const std::string_view after = r.query_or("after", "");
  wechat::ListPlace place;
  if (after.empty()) return place;
  const auto [end, ec] = std::from_chars(after.data(), after.data() + after.size(), place.at.us);
  if (ec != std::errc() || end == after.data() + after.size() || *end != ':')
    return fail_field("after", "'{}' is no `next` of a page of this list", after.substr(0, 80));
  place.key = std::string(end + 1, after.data() + after.size());
  return place;
}

/// `at`: of an entry's place in the list.
template <class T, class At>
http::Response list_of(const std::vector<T>& items, std::size_t limit, At at) {
  Json out = Json::array();
  for (const T& item : items) out.push(to_json(item));
  Json next;
  if (items.size() == limit) next = fmt::format("{}:{}", at(items.back()).us, items.back().key);
  return http::Response::json(Json().set("items", std::move(out)).set("next", std::move(next)));
}

AccountId id_of(http::Request& r) { return AccountId(r.path_parameters["id"]); }

ApiResult put_account(Services& s, wechat::AccountInput body, http::Request& r,
                      const Caller& caller) {
  ZHIYIN_TRY_VOID(check_account(caller, body.id.value));
  ZHIYIN_TRY(const auto version, if_match(r));
  ZHIYIN_TRY(const auto account,
             version ? s.accounts.put(body, *version) : s.accounts.create(body));
  s.tokens.forget(account.id);
  return answer(account, version ? 200 : 201);
}

}  // namespace

void add_account_routes(Api& api, http::Router& router, Services& s) {
  const auto callback = [&s](http::Request& r) { return answer_callback(s, r); };
  router.add("GET", "/wechat/{account}", callback);
  router.add("POST", "/wechat/{account}", callback, wechat::kCallbackBytesMax);
  api.describe("GET", "/wechat/{account}", std::nullopt, "WeChat checks the callback address");
  api.describe("POST", "/wechat/{account}", std::nullopt, "WeChat delivers a message or event");

  api.route(
      "GET", "/v1/accounts", of_account(Role::kAnalyst), "Accounts",
      [&s](http::Request&, const Caller& caller) -> ApiResult {
        ZHIYIN_TRY(const auto accounts, s.accounts.list());
        Json items = Json::array();
        for (const wechat::Account& account : accounts) {
          if (check_account(caller, account.id.value)) items.push(to_json(wechat::view(account)));
        }
        return http::Response::json(Json().set("items", std::move(items)).set("next", Json()));
      });
  api.route_with<wechat::AccountInput>(
      "POST", "/v1/accounts", Role::kAdmin, "Connect an account",
      [&s](wechat::AccountInput body, http::Request&, const Caller&) -> ApiResult {
        ZHIYIN_TRY(const auto account, s.accounts.create(body));
        return answer(account, 201);
      });
  api.route("GET", "/v1/accounts/{id}", of_account(Role::kAdmin), "One account",
            [&s](http::Request& r, const Caller& caller) -> ApiResult {
              ZHIYIN_TRY_VOID(check_account(caller, id_of(r).value));
              ZHIYIN_TRY(const auto account, s.accounts.get(id_of(r)));
              return answer(account);
            });
  api.route_with_id<wechat::AccountInput>(
      "PUT", "/v1/accounts/{id}", of_account(Role::kAdmin),
      "Connect or (with If-Match) change an account; absent secrets stay",
      [&s](wechat::AccountInput body, http::Request& r, const Caller& c) {
        return put_account(s, std::move(body), r, c);
      },
      [&s](const Json& body, const Caller& c) -> Result<Json> {
        ZHIYIN_TRY_VOID(check_account(c, body["id"].string_or("")));
        return account_sent_back(s, body);
      });
  api.route("DELETE", "/v1/accounts/{id}", of_account(Role::kAdmin),
            "Forget an account and its secrets",
            [&s](http::Request& r, const Caller& caller) -> ApiResult {
              ZHIYIN_TRY_VOID(check_account(caller, id_of(r).value));
              ZHIYIN_TRY(const auto version, if_match(r));
              ZHIYIN_TRY_VOID(s.accounts.remove(id_of(r), version));
              return http::Response::json(Json::object());
            });
  api.route("GET", "/v1/accounts/{id}/callbacks", of_account(Role::kOperator),
            "Callbacks of the last 24 hours, newest first, senders shortened",
            [&s](http::Request& r, const Caller& caller) -> ApiResult {
              ZHIYIN_TRY_VOID(check_account(caller, id_of(r).value));
              ZHIYIN_TRY(const std::size_t limit, limit_of(r));
              s.callbacks.settle();
              ZHIYIN_TRY(const auto place, place_of(r));
              ZHIYIN_TRY(const auto recent, s.callbacks.store().recent(id_of(r), limit, place));
              return list_of(recent, limit, [](const auto& one) { return one.at; });
            });
  api.route("GET", "/v1/accounts/{id}/notices", of_account(Role::kOperator),
            "What WeChat told the owner: publishing, audits, changes of groups; when it stopped "
            "the account; newest first",
            [&s](http::Request& r, const Caller& caller) -> ApiResult {
              ZHIYIN_TRY_VOID(check_account(caller, id_of(r).value));
              ZHIYIN_TRY(const std::size_t limit, limit_of(r));
              ZHIYIN_TRY(const auto place, place_of(r));
              ZHIYIN_TRY(const auto notices, account_notices(s, id_of(r), limit, place));
              return list_of(notices, limit, [](const auto& one) { return one.at; });
            });
  api.route("GET", "/v1/accounts/{id}/answers", of_account(Role::kOperator),
            "How messages were answered that could not be answered at once, newest first",
            [&s](http::Request& r, const Caller& caller) -> ApiResult {
              ZHIYIN_TRY_VOID(check_account(caller, id_of(r).value));
              ZHIYIN_TRY(const std::size_t limit, limit_of(r));
              ZHIYIN_TRY(const auto place, place_of(r));
              ZHIYIN_TRY(const auto answers, s.answers.log().list(id_of(r), limit, place));
              return list_of(answers, limit, [](const auto& one) { return one.opened_at; });
            });
  api.route("POST", "/v1/accounts/{id}/check", of_account(Role::kAdmin),
            "Check callback and access token; an account that is held is released when WeChat "
            "answers it again",
            [&s](http::Request& r, const Caller& caller) -> ApiResult {
              ZHIYIN_TRY_VOID(check_account(caller, id_of(r).value));
              return check_account_settings(s, id_of(r));
            });
  api.route("POST", "/v1/accounts/{id}/release", of_account(Role::kOperator),
            "Let an account send again that WeChat had stopped",
            [&s](http::Request& r, const Caller& caller) -> ApiResult {
              ZHIYIN_TRY_VOID(check_account(caller, id_of(r).value));
              ZHIYIN_TRY(const Json released, release_account(s, id_of(r), caller.name));
              return http::Response::json(released);
            });
  api.route(
      "POST", "/v1/accounts/{id}/sync", of_account(Role::kOperator),
      "Read the follower list (a run)", [&s](http::Request& r, const Caller& caller) -> ApiResult {
        const AccountId id = id_of(r);
        ZHIYIN_TRY_VOID(check_account(caller, id.value));
        ZHIYIN_TRY_VOID(s.accounts.get(id));
        ZHIYIN_TRY(const RunId run, s.runs.start("sync", id.value, [&s, id](RunContext& context) {
          return sync_account(s, id, context);
        }));
        return http::Response::json(Json().set("run", run.value), 202);
      });
}

}  // namespace zhiyin::server
