#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_binding.h"
#include "base/thread_pool.h"
#include "http/server.h"
#include "http/streaming.h"
#include "server/auth.h"

namespace zhiyin::server {

using ApiResult = Result<http::Response>;
using ApiHandler = std::function<ApiResult(http::Request&, const Caller&)>;

/// Answers where that needs no waiting; see http::Router::add_blocking.
using QuickHandler = std::function<std::optional<ApiResult>(http::Request&, const Caller&)>;

using StreamHandler = std::function<void(http::Request&, const Caller&, const http::Reply&)>;

/// What a caller who is limited to accounts may use: by default nothing that concerns the whole
/// installation.
enum class Reach {
  kInstallation,  ///< people, models, users and the like: refused to limited callers
  kAccount,  ///< the handler compares the account (`check_account`), or the answer holds nothing of
             ///< an account
};

/// Who may use a route. `role` empty: everyone (the caller is then anonymous).
struct Access {
  std::optional<Role> role;
  Reach reach = Reach::kInstallation;
  Access(std::nullopt_t) : reach(Reach::kAccount) {}  // NOLINT(google-explicit-constructor)
  Access(Role needed, Reach within = Reach::kInstallation)
      : role(needed), reach(within) {}  // NOLINT(google-explicit-constructor)
};
/// A route for callers of an account too.
inline Access of_account(Role needed) { return {needed, Reach::kAccount}; }

/// What every route of the interface goes through: who asks and may they, binding of the body,
/// problems, audit of what changes something, and the entry in /openapi.json. Built before the
/// server starts.
class Api {
 public:
  /// All must outlive the router's server.
  Api(http::Router& router, ThreadPool& pool, Auth& auth, Audit& audit)
      : router_(router), pool_(pool), auth_(auth), audit_(audit) {}

  /// `pool`: whose threads run it, instead of those given to the constructor; must outlive the
  /// router's server.
  void route(std::string_view method, std::string_view pattern, Access access,
             std::string_view summary, ApiHandler handler, std::size_t body_max = 1 << 20,
             Json body_schema = {}, bool body_required = true, ThreadPool* pool = nullptr);

  /// A GET that `quick` answers at once where it can, and `handler` where it cannot. Not audited.
  void route_quick(std::string_view pattern, Access access, std::string_view summary,
                   ApiHandler handler, QuickHandler quick);

  /// A route whose handler replies while it may still be making the body; see http/streaming.h. Not
  /// audited: for questions, which change nothing.
  void route_streaming(std::string_view method, std::string_view pattern, Access access,
                       std::string_view summary, ThreadPool& pool, StreamHandler handler,
                       std::size_t body_max, Json body_schema);

  /// A route whose body is a bound struct.
  template <class Body>
  void route_with(std::string_view method, std::string_view pattern, Access access,
                  std::string_view summary,
                  std::function<ApiResult(Body, http::Request&, const Caller&)> handler) {
    auto bind = [handler = std::move(handler)](http::Request& request,
                                               const Caller& caller) -> ApiResult {
      ZHIYIN_TRY(const Json json, parse_json(request.body));
      ZHIYIN_TRY(Body body, from_json<Body>(json));
      return handler(std::move(body), request, caller);
    };
    route(method, pattern, access, summary, std::move(bind), 1 << 20, json_schema<Body>());
  }

  using Prepare = std::function<Result<Json>(const Json& body, const Caller&)>;
  /// A route with a path parameter `id` whose body is a bound struct with a member `id`, which may
  /// be absent; another one than the path's is refused. `prepare`, when given, sees the body first.
  template <class Body>
  void route_with_id(std::string_view method, std::string_view pattern, Access access,
                     std::string_view summary,
                     std::function<ApiResult(Body, http::Request&, const Caller&)> handler,
                     Prepare prepare = {}) {
    auto bind = [handler = std::move(handler), prepare = std::move(prepare)](
                    http::Request& request, const Caller& caller) -> ApiResult {
      ZHIYIN_TRY(Json json, parse_json(request.body));
      ZHIYIN_TRY_VOID(take_id(json, request.path_parameters["id"]));
      if (prepare) {
        ZHIYIN_TRY(json, prepare(json, caller));
      }
      ZHIYIN_TRY(Body body, from_json<Body>(json));
      return handler(std::move(body), request, caller);
    };
    route(method, pattern, access, summary, std::move(bind), 1 << 20, json_schema<Body>());
  }

  /// A route that is served elsewhere (asynchronously); only its description.
  void describe(std::string_view method, std::string_view pattern, std::optional<Role> role,
                std::string_view summary, Json body_schema = {});

  /// Refusals on this path have the form of OpenAI's interface, whoever refuses (openai_error.h).
  void refuse_as_openai(std::string_view path);

  /// OpenAPI 3.1.
  [[nodiscard]] Json document() const;

  /// For http::Server: a large body is only read from a caller who may send it.
  [[nodiscard]] std::optional<http::Response> admit(const http::Request& request,
                                                    const http::Router::Route& route) const;

 private:
  struct Entry {
    std::string method;
    std::string pattern;
    std::optional<Role> role;
    std::string summary;
    Json schema;
    bool body_required = true;
  };
  static Result<void> take_id(Json& body, const std::string& id);
  /// Who asks, when they may.
  std::expected<Caller, http::Response> admitted(const Access& access,
                                                 const http::Request& request) const;
  http::Response answer(const ApiHandler& handler, const Access& access, http::Request& request);
  std::optional<http::Response> answer_quickly(const QuickHandler& handler, const Access& access,
                                               http::Request& request);

  http::Router& router_;
  ThreadPool& pool_;
  Auth& auth_;
  Audit& audit_;
  [[nodiscard]] static http::Response too_low(const Caller& caller, Role needed);
  std::vector<Entry> entries_;
};

/// The answer when `Auth::authenticate` failed: 401, unless it could not be checked.
http::Response unauthorised(const Error& error);
/// `limit` of a list request: 1 to 1000, 50 when absent; kInvalidArgument otherwise.
Result<std::size_t> list_limit(const http::Request& request);
/// The If-Match header as a version; empty when absent.
Result<std::optional<std::int64_t>> if_match(const http::Request& request);
/// kPermissionDenied when the caller is limited to other accounts.
Result<void> check_account(const Caller& caller, std::string_view account);
/// RFC 4180 cell: quoted when needed; a leading = + - @ is defused, since people open such files in
/// spreadsheets.
std::string csv_cell(std::string_view text);
http::Response csv_download(std::string body, std::string_view file_name);

}  // namespace zhiyin::server
