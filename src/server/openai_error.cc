#include "server/openai_error.h"

namespace zhiyin::server {
namespace {

/// Clients choose by the status; the type is for people.
std::string_view type_of(int status) {
  constexpr int kUnauthorised = 401, kForbidden = 403, kTooMany = 429, kServer = 500;
  if (status >= kServer) return "server_error";
  if (status == kUnauthorised) return "authentication_error";
  if (status == kForbidden) return "permission_error";
  if (status == kTooMany) return "rate_limit_error";
  return "invalid_request_error";
}

}  // namespace

void to_openai_error(http::Response& response) {
  const auto problem = parse_json(response.body);
  if (!problem || (*problem)["detail"].if_string() == nullptr) return;
  Json error = Json()
                   .set("message", (*problem)["detail"])
                   .set("type", type_of(response.status))
                   .set("param", (*problem)["field"])
                   .set("code", (*problem)["code"]);
  http::Response formed = http::Response::json(Json().set("error", std::move(error)));
  response.body = std::move(formed.body);
  response.content_type = std::move(formed.content_type);
}

}  // namespace zhiyin::server
