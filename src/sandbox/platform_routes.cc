#include "sandbox/platform_routes.h"

#include <fmt/format.h>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "http/await.h"
#include "sandbox/logins.h"
#include "sandbox/openapi.h"

namespace zhiyin::sandbox {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kUsualBodyMax = 12 << 20;  // a video of 10 MB in its form
/// Where the interface lies.
constexpr std::string_view kPrefixes[] = {"/cgi-bin", "/customservice", "/datacube", "/oauth",
                                          "/sns",     "/v3.0",          "/wxa",      "/wxaapi"};

http::Task<http::Response> answer_call(Platform& platform, http::Request& request) {
  ApiCall call{request.method, request.path, request.query, std::move(request.body),
               std::string(http::header(request.headers, "Content-Type"))};
  PlatformAnswer got = platform.call(call);
  if (got.delay_ms > 0) {
    asio::steady_timer timer(co_await asio::this_coro::executor,
                             std::chrono::milliseconds(got.delay_ms));
    co_await timer.async_wait(asio::use_awaitable);
  }
  if (got.hang_up) co_return http::Response::hang_up();
  const bool is_json = got.content_type.empty();
  if (is_json && got.body.is_null())
    co_return http::Response::problem({ErrorCode::kNotFound, "no such path", {}});
  http::Response response =
      is_json ? http::Response::json(got.body) : http::Response::text(got.bytes, got.content_type);
  response.status = got.status;  // errors of the interface too come with status 200
  response.headers = std::move(got.headers);
  response.cut_short = got.half_sent;
  co_return response;
}

http::Response redirect(std::string to) {
  http::Response response = http::Response::text("");
  response.status = 302;
  response.headers.emplace_back("Location", std::move(to));
  return response;
}

http::Response refuse_page(std::string_view text) {
  http::Response response =
      http::Response::text(fmt::format("<h1>{}</h1>", text), "text/html; charset=utf-8");
  response.status = 400;
  return response;
}

/// The page on which a person signs in. Everybody agrees at once. `openid` (the sandbox's own
/// parameter) says who it is; without it, the first who follows.
http::Response sign_in(Platform& platform, const http::Request& request) {
  const std::string to(request.query_or("redirect_uri", ""));
  const std::string_view scope = request.query_or("scope", "");
  if (to.empty() || request.query_or("response_type", "") != "code")
    return refuse_page("redirect_uri 参数错误 / redirect_uri or response_type is wrong");
  if (scope != "snsapi_base" && scope != "snsapi_userinfo" && scope != "snsapi_login")
    return refuse_page("Scope 参数错误或没有 Scope 权限 / scope is wrong");
  const auto code = platform.with(request.query_or("appid", ""),
                                  [&](AccountState& account, Instant now) -> Result<std::string> {
                                    std::string openid(request.query_or("openid", ""));
                                    for (const Follower& person : account.people.list()) {
                                      if (openid.empty() && person.following)
                                        openid = person.openid;
                                    }
                                    if (account.people.find(openid) == nullptr)
                                      return fail_field("openid", "nobody has it");
                                    return issue_code(account, "oauth", openid, scope, now);
                                  });
  if (!code) return refuse_page(code.error().text());
  if (!*code) return refuse_page(code->error().text());
  return redirect(fmt::format("{}{}code={}&state={}", to,
                              to.find('?') == std::string::npos ? '?' : '&', **code,
                              http::percent_encode(request.query_or("state", ""))));
}

/// The page on which the owner of an advertiser grants access.
http::Response grant_ads(Platform& platform, const http::Request& request) {
  const std::string to(request.query_or("redirect_uri", ""));
  const auto code = platform.with(
      request.query_or("client_id", ""),
      [](AccountState& account, Instant now) { return issue_code(account, "ads", "", "", now); });
  if (!code || to.empty()) return refuse_page("client_id or redirect_uri is wrong");
  return redirect(fmt::format("{}{}authorization_code={}&state={}", to,
                              to.find('?') == std::string::npos ? '?' : '&', *code,
                              http::percent_encode(request.query_or("state", ""))));
}

/// The picture of a scene code: of a bad ticket there is none.
http::Response show_code(Platform& platform, const http::Request& request) {
  if (!platform.has_ticket(request.query_or("ticket", ""))) {
    http::Response response = http::Response::text("");
    response.status = 404;
    return response;
  }
  return http::Response::text(one_dot_png(), "image/png");
}

}  // namespace

void add_platform_routes(http::Router& router, Platform& platform) {
  Platform* p = &platform;
  const auto page = [&](std::string_view path,
                        http::Response (*work)(Platform&, const http::Request&)) {
    router.add("GET", path, [p, work](http::Request& request) -> http::Task<http::Response> {
      co_return work(*p, request);
    });
  };
  page("/connect/oauth2/authorize", sign_in);
  page("/connect/qrconnect", sign_in);
  page("/oauth/authorize", grant_ads);
  page("/cgi-bin/showqrcode", show_code);
  router.add("GET", "/sandbox/openapi.json",
             [](http::Request& request) -> http::Task<http::Response> {
               const auto family = family_named(request.query_or("platform", ""));
               if (!family) co_return http::Response::problem(family.error());
               co_return http::Response::json(describe_platform(*family));
             });
  const auto call = [p](http::Request& request) { return answer_call(*p, request); };
  for (const Endpoint& endpoint : endpoints()) {
    if (endpoint.body_max > kUsualBodyMax)
      router.add(endpoint.method, endpoint.path, call, endpoint.body_max);
  }
  for (const std::string_view prefix : kPrefixes) {
    for (const std::string_view method : {"GET", "POST"})
      router.add(method, fmt::format("{}/{{path...}}", prefix), call, kUsualBodyMax);
  }
}

}  // namespace zhiyin::sandbox
