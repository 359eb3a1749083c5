#include "server/api.h"

#include <algorithm>
#include <charconv>

#include "base/check.h"
#include "server/openai_error.h"

namespace zhiyin::server {

void Api::route(std::string_view method, std::string_view pattern, Access access,
                std::string_view summary, ApiHandler handler, std::size_t body_max,
                Json body_schema, bool body_required, ThreadPool* pool) {
  describe(method, pattern, access.role, summary, std::move(body_schema));
  entries_.back().body_required = body_required;
  router_.add_blocking(
      method, pattern, pool != nullptr ? *pool : pool_,
      [this, access, handler = std::move(handler)](http::Request& request) {
        return answer(handler, access, request);
      },
      body_max);
}

void Api::route_quick(std::string_view pattern, Access access, std::string_view summary,
                      ApiHandler handler, QuickHandler quick) {
  describe("GET", pattern, access.role, summary);
  router_.add_blocking(
      "GET", pattern, pool_,
      [this, access, handler = std::move(handler)](http::Request& request) {
        return answer(handler, access, request);
      },
      std::size_t{1} << 20,
      [this, access, quick = std::move(quick)](http::Request& request) {
        return answer_quickly(quick, access, request);
      });
}

void Api::route_streaming(std::string_view method, std::string_view pattern, Access access,
                          std::string_view summary, ThreadPool& pool, StreamHandler handler,
                          std::size_t body_max, Json body_schema) {
  describe(method, pattern, access.role, summary, std::move(body_schema));
  http::add_streaming(
      router_, method, pattern, pool,
      [this, access, handler = std::move(handler)](http::Request& request,
                                                   const http::Reply& reply) {
        const auto caller = admitted(access, request);
        if (!caller) return reply(caller.error());
        handler(request, *caller, reply);
      },
      body_max);
}

void Api::refuse_as_openai(std::string_view path) { router_.form_problems(path, to_openai_error); }

void Api::describe(std::string_view method, std::string_view pattern, std::optional<Role> role,
                   std::string_view summary, Json body_schema) {
  entries_.push_back({std::string(method), std::string(pattern), role, std::string(summary),
                      std::move(body_schema)});
}

namespace {

/// Whatever changes something, and data that leaves in bulk; not questions that come as POST.
bool belongs_in_audit(const http::Request& request) {
  const std::string_view path = request.path;
  if (request.method == "GET" || request.method == "HEAD") return path.ends_with(".csv");
  return !path.ends_with("/preview") && !path.ends_with("/dry-run") &&
         !path.starts_with("/v1/reports/") && path != "/v1/analyze" && path != "/v1/embeddings" &&
         path != "/v1/duplicates" &&
         !(path.starts_with("/v1/duplicates/indexes/") && path.ends_with("/search"));
}

/// The text with the raw value of an identity in the path (`openid:shop:oABC…`) shortened: erasing
/// a person leaves the audit log alone, so it must not hold one.
std::string without_identities(const http::Request& request, std::string text) {
  constexpr std::size_t kShown = 4;
  for (const auto& [name, value] : request.path_parameters) {
    const std::size_t colon = value.find(':', std::min(value.find(':'), value.size() - 1) + 1);
    if (name != "person" || colon == std::string::npos) continue;
    const std::string shown = value.substr(0, colon + 1 + kShown) + "…";
    for (std::size_t at = text.find(value); at != std::string::npos;
         at = text.find(value, at + shown.size())) {
      text.replace(at, value.size(), shown);
    }
    const std::size_t person = text.find("/people/");  // percent-encoded, it is not the value
    if (person == std::string::npos || text.find(shown) != std::string::npos) continue;
    const std::size_t from = person + std::string_view("/people/").size();
    text.replace(from, std::min(text.find('/', from), text.size()) - from, shown);
  }
  return text;
}

}  // namespace

Result<void> Api::take_id(Json& body, const std::string& id) {
  if (body.if_object() == nullptr) return {};
  const Json& given = body["id"];
  if (!given.is_null() && given.string_or("") != id)
    return fail_field("id", "is not '{}', as the path says", id);
  body.set("id", id);
  return {};
}

std::expected<Caller, http::Response> Api::admitted(const Access& access,
                                                    const http::Request& request) const {
  Caller caller;
  caller.name = "anonymous";
  if (!access.role) return caller;
  auto known = auth_.authenticate(request);
  if (!known) return std::unexpected(unauthorised(known.error()));
  caller = std::move(*known);
  if (caller.role < *access.role) return std::unexpected(too_low(caller, *access.role));
  if (!caller.accounts.empty() && access.reach == Reach::kInstallation) {
    return std::unexpected(http::Response::problem(
        {ErrorCode::kPermissionDenied,
         fmt::format("{} is limited to accounts; this concerns the whole installation",
                     caller.name),
         {}}));
  }
  return caller;
}

http::Response Api::answer(const ApiHandler& handler, const Access& access,
                           http::Request& request) {
  const std::optional<Role> role = access.role;
  const auto admission = admitted(access, request);
  if (!admission) return admission.error();
  const Caller& caller = *admission;
  auto outcome = handler(request, caller);
  http::Response response =
      outcome ? std::move(*outcome) : http::Response::problem(outcome.error());
  if (belongs_in_audit(request) && role && *role > Role::kIngest) {
    (void)audit_.record(
        caller.name, request.method + " " + without_identities(request, request.path),
        response.status, outcome ? "" : without_identities(request, outcome.error().text()));
  }
  return response;
}

std::optional<http::Response> Api::answer_quickly(const QuickHandler& handler, const Access& access,
                                                  http::Request& request) {
  if (!access.role) return std::nullopt;
  const std::optional<Caller> caller = auth_.known(request);
  // Refusals are the other way's, and not in a hurry.
  if (!caller || caller->role < *access.role) return std::nullopt;
  if (!caller->accounts.empty() && access.reach == Reach::kInstallation) return std::nullopt;
  auto outcome = handler(request, *caller);
  if (!outcome) return std::nullopt;
  return *outcome ? std::move(**outcome) : http::Response::problem(outcome->error());
}

http::Response Api::too_low(const Caller& caller, Role needed) {
  return http::Response::problem(
      {ErrorCode::kPermissionDenied,
       fmt::format("this needs the role {}, {} has {}", enum_name(needed), caller.name,
                   enum_name(caller.role)),
       {}});
}

std::optional<http::Response> Api::admit(const http::Request& request,
                                         const http::Router::Route& route) const {
  constexpr std::size_t kLarge = std::size_t{1} << 20;
  if (route.body_max <= kLarge) return std::nullopt;
  const auto entry = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) {
    return e.method == route.method && e.pattern == route.pattern;
  });
  if (entry == entries_.end() || !entry->role) return std::nullopt;
  const auto caller = auth_.authenticate(request);
  if (!caller) return unauthorised(caller.error());
  if (caller->role < *entry->role) return too_low(*caller, *entry->role);
  return std::nullopt;
}

Json Api::document() const {
  Json paths = Json::object();
  for (const Entry& entry : entries_) {
    Json operation;
    operation.set("summary", entry.summary);
    if (entry.role) {
      operation.set("description", fmt::format("Role: {}", enum_name(*entry.role)));
      operation.set("security", Json::Array{Json().set("key", Json::array())});
    }
    Json parameters = Json::array();
    std::string path;
    std::string_view rest = entry.pattern;
    while (!rest.empty()) {  // `{path...}` is our spelling; the document knows `{path}`
      const std::size_t open = rest.find('{');
      path += rest.substr(0, open);
      if (open == std::string_view::npos) break;
      const std::size_t close = rest.find('}', open);
      std::string_view name = rest.substr(open + 1, close - open - 1);
      if (name.ends_with("...")) name.remove_suffix(3);
      path += fmt::format("{{{}}}", name);
      parameters.push(Json()
                          .set("name", name)
                          .set("in", "path")
                          .set("required", true)
                          .set("schema", Json().set("type", "string")));
      rest.remove_prefix(close + 1);
    }
    if (!parameters.if_array()->empty()) operation.set("parameters", std::move(parameters));
    if (!entry.schema.is_null()) {
      operation.set(
          "requestBody",
          Json()
              .set("required", entry.body_required)
              .set("content", Json().set("application/json", Json().set("schema", entry.schema))));
    }
    Json problem =
        Json()
            .set("description", "RFC 9457 problem details")
            .set("content",
                 Json().set(
                     "application/problem+json",
                     Json().set("schema", Json().set("$ref", "#/components/schemas/Problem"))));
    operation.set(
        "responses",
        Json().set("200", Json().set("description", "done")).set("default", std::move(problem)));
    std::string method = entry.method;
    std::transform(method.begin(), method.end(), method.begin(),
                   [](unsigned char c) { return std::tolower(c); });
    Json item = paths[path];
    item.set(method, std::move(operation));
    paths.set(path, std::move(item));
  }
  Json problem_schema = *parse_json(
      R"({"type":"object","properties":{"type":{"type":"string"},"title":{"type":"string"},"status":{"type":"integer"},)"
      R"("code":{"type":"string"},"detail":{"type":"string"},"field":{"type":"string"}}})");
  Json components;
  components.set("schemas", Json().set("Problem", std::move(problem_schema)));
  components.set("securitySchemes",
                 Json().set("key", Json().set("type", "http").set("scheme", "bearer")));
  Json document;
  document.set("openapi", "3.1.0");
  document.set("info", Json().set("title", "Zhiyin").set("version", ZHIYIN_VERSION));
  document.set("paths", std::move(paths));
  document.set("components", std::move(components));
  return document;
}

http::Response unauthorised(const Error& error) {
  constexpr int kUnauthorised = 401;
  if (error.code != ErrorCode::kPermissionDenied) return http::Response::problem(error);
  return http::Response::problem(error, kUnauthorised);
}

Result<std::size_t> list_limit(const http::Request& request) {
  constexpr std::size_t kDefault = 50;
  constexpr std::size_t kMax = 1000;
  const std::string_view text = request.query_or("limit", "");
  if (text.empty()) return kDefault;
  std::size_t n = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (ec != std::errc() || end != text.data() + text.size() || n < 1 || n > kMax) {
    return fail_field("limit", "'{}' is no integer between 1 and {}", text.substr(0, 32), kMax);
  }
  return n;
}

Result<std::optional<std::int64_t>> if_match(const http::Request& request) {
  std::string_view text = http::header(request.headers, "If-Match");
  if (text.empty()) return std::optional<std::int64_t>();
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"')
    text = text.substr(1, text.size() - 2);
  std::int64_t version = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), version);
  if (ec != std::errc() || end != text.data() + text.size()) {
    return fail_field("If-Match", "'{}' is no version number", text.substr(0, 32));
  }
  return std::optional(version);
}

Result<void> check_account(const Caller& caller, std::string_view account) {
  if (caller.accounts.empty() ||
      std::find(caller.accounts.begin(), caller.accounts.end(), account) != caller.accounts.end()) {
    return {};
  }
  if (account.empty()) {
    return fail(ErrorCode::kPermissionDenied,
                "{} may use some accounts only: say which one (account=ID)", caller.name);
  }
  return fail(ErrorCode::kPermissionDenied, "{} may not use the account '{}'", caller.name,
              account.substr(0, 80));
}

std::string csv_cell(std::string_view text) {
  std::string cell(text);
  if (!cell.empty() && std::string_view("=+-@").find(cell[0]) != std::string_view::npos)
    cell.insert(0, "'");
  if (cell.find_first_of(",\"\n\r") == std::string::npos) return cell;
  std::string out = "\"";
  for (const char c : cell) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

http::Response csv_download(std::string body, std::string_view file_name) {
  http::Response response =
      http::Response::text("\xef\xbb\xbf" + std::move(body), "text/csv; charset=utf-8");
  response.headers.emplace_back("Content-Disposition",
                                fmt::format("attachment; filename=\"{}\"", file_name));
  return response;
}

}  // namespace zhiyin::server
