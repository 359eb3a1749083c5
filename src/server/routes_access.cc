// Who may come in: sessions, users, keys, audit.
#include "server/request_checks.h"
#include "server/routes.h"

namespace zhiyin::server {
namespace {

ApiResult session_state(Services& services, http::Request& request) {
  ZHIYIN_TRY(const Json users, services.auth.list_users());
  Json out;
  const auto caller = services.auth.authenticate(request);
  out.set("signed_in", caller.has_value());
  out.set("user", caller ? Json(caller->name) : Json());
  out.set("role", caller ? Json(enum_name(caller->role)) : Json());
  out.set("csrf", caller ? Json(caller->csrf) : Json());
  out.set("needs_setup", users["items"].if_array()->empty());
  out.set("version", ZHIYIN_VERSION);
  out.set("now", to_json(services.clock.now()));
  out.set("stepped_clock", services.stepped != nullptr);
  return http::Response::json(out);
}

ApiResult sign_in(Services& services, SignInRequest body, http::Request& request) {
  auto session = services.auth.sign_in(body, request.remote);
  if (!session) {
    // Not when there were too many tries: whoever sends them must not fill the disk.
    if (session.error().code == ErrorCode::kLimitReached) return std::unexpected(session.error());
    // Known, but not allowed to sign in: that names the field.
    const bool unknown =
        session.error().code == ErrorCode::kPermissionDenied && session.error().field.empty();
    const int status = unknown ? 401 : http::status_of(session.error().code);
    (void)services.audit.record(body.user ? "user:" + *body.user : "key", "sign-in", status,
                                session.error().text());
    return http::Response::problem(session.error(), status);
  }
  (void)services.audit.record(session->user, "sign-in", 200, "");
  Json out;
  out.set("signed_in", true)
      .set("user", session->user)
      .set("role", enum_name(session->role))
      .set("csrf", session->csrf);
  http::Response response = http::Response::json(out);
  const bool tls = !services.options.text("server.tls_certificate").empty() ||
                   services.public_url.starts_with("https://");
  response.headers.emplace_back(
      "Set-Cookie",
      fmt::format("zhiyin_session={}; HttpOnly; SameSite=Strict; Path=/; Max-Age={}{}",
                  session->token.reveal(), Auth::kSessionLife.count() / 1'000'000,
                  tls ? "; Secure" : ""));
  return response;
}

}  // namespace

void add_access_routes(Api& api, Services& s) {
  api.route("GET", "/v1/session", std::nullopt, "Whether this browser is signed in",
            [&s](http::Request& r, const Caller&) { return session_state(s, r); });
  api.route_with<SignInRequest>("POST", "/v1/session", std::nullopt, "Sign in",
                                [&s](SignInRequest body, http::Request& r, const Caller&) {
                                  return sign_in(s, std::move(body), r);
                                });
  api.route("DELETE", "/v1/session", of_account(Role::kIngest), "Sign out",
            [&s](http::Request& r, const Caller&) -> ApiResult {
              ZHIYIN_TRY_VOID(s.auth.sign_out(r));
              http::Response response = http::Response::json(Json::object());
              response.headers.emplace_back(
                  "Set-Cookie", "zhiyin_session=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0");
              return response;
            });
  api.route("GET", "/v1/users", Role::kAdmin, "Console users",
            [&s](http::Request&, const Caller&) -> ApiResult {
              ZHIYIN_TRY(const Json users, s.auth.list_users());
              return http::Response::json(users);
            });
  api.route_with<UserRequest>("POST", "/v1/users", Role::kAdmin, "Add a console user",
                              [&s](UserRequest body, http::Request&, const Caller&) -> ApiResult {
                                ZHIYIN_TRY_VOID(check(body));
                                ZHIYIN_TRY_VOID(s.auth.create_user(body));
                                return http::Response::json(Json().set("name", body.name), 201);
                              });
  api.route("DELETE", "/v1/users/{name}", Role::kAdmin, "Remove a console user",
            [&s](http::Request& r, const Caller&) -> ApiResult {
              ZHIYIN_TRY_VOID(s.auth.remove_user(r.path_parameters["name"]));
              return http::Response::json(Json::object());
            });
  api.route("GET", "/v1/keys", Role::kAdmin, "API keys",
            [&s](http::Request&, const Caller&) -> ApiResult {
              ZHIYIN_TRY(const Json keys, s.auth.list_keys());
              return http::Response::json(keys);
            });
  api.route_with<KeyRequest>("POST", "/v1/keys", Role::kAdmin, "Make an API key; it is shown once",
                             [&s](KeyRequest body, http::Request&, const Caller&) -> ApiResult {
                               ZHIYIN_TRY_VOID(check(body));
                               ZHIYIN_TRY(const Json key, s.auth.create_key(body));
                               return http::Response::json(key, 201);
                             });
  api.route("DELETE", "/v1/keys/{id}", Role::kAdmin, "Revoke an API key",
            [&s](http::Request& r, const Caller&) -> ApiResult {
              ZHIYIN_TRY_VOID(s.auth.remove_key(r.path_parameters["id"]));
              return http::Response::json(Json::object());
            });
  api.route("GET", "/v1/audit", Role::kAdmin, "Who did what",
            [&s](http::Request& r, const Caller&) -> ApiResult {
              ZHIYIN_TRY(const std::size_t limit, list_limit(r));
              ZHIYIN_TRY(const std::int64_t after, list_after(r));
              ZHIYIN_TRY(const Json entries, s.audit.list(after, limit));
              return http::Response::json(entries);
            });
}

}  // namespace zhiyin::server
