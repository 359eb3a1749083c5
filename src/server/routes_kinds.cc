// The event catalogue: what kinds of events there are, declared and seen.
#include <algorithm>
#include <map>

#include "server/kinds.h"
#include "server/routes.h"

namespace zhiyin::server {
namespace {

ApiResult get(Services& s, http::Request& r) {
  std::int64_t version = 0;
  if (const std::string text(r.query_or("version", "")); !text.empty()) {
    version = std::atoll(text.c_str());
    if (version < 1) return fail_field("version", "'{}' is no version number", text.substr(0, 32));
  }
  ZHIYIN_TRY(const auto kind, s.kinds.get(r.path_parameters["name"], version));
  http::Response response = http::Response::json(to_json(kind));
  response.headers.emplace_back("ETag", fmt::format("\"{}\"", kind.version));
  return response;
}

ApiResult put(Services& s, http::Request& r) {
  ZHIYIN_TRY(Json json, parse_json(r.body));
  if (json.if_object() != nullptr) json.set("name", r.path_parameters["name"]);
  ZHIYIN_TRY(auto kind, from_json<ingest::KindDefinition>(json));
  ZHIYIN_TRY(const auto version, if_match(r));
  ZHIYIN_TRY(const auto stored, s.kinds.put(std::move(kind), version));
  http::Response response = http::Response::json(to_json(stored));
  response.headers.emplace_back("ETag", fmt::format("\"{}\"", stored.version));
  return response;
}

}  // namespace

Result<Json> kinds_json(Services& services) {
  ZHIYIN_TRY(const auto declared, services.kinds.list());
  ZHIYIN_TRY(const auto seen, services.kinds.seen());
  std::map<std::string, Json> by_name;
  for (const auto& kind : seen) {
    Json one = to_json(kind);
    one.set("declared", false);
    by_name.emplace(kind.kind, std::move(one));
  }
  for (const auto& kind : declared) {
    Json& one = by_name[kind.name];
    if (one.is_null()) one.set("kind", kind.name).set("events", 0).set("bots", 0);
    one.set("declared", true)
        .set("version", kind.version)
        .set("description", kind.description)
        .set("owner", kind.owner);
  }
  Json items = Json::array();
  for (auto& [name, one] : by_name) {
    const auto& core = ingest::core_kinds();
    one.set("core", std::ranges::any_of(core, [&](const auto& c) { return c.name == name; }));
    items.push(std::move(one));
  }
  return Json()
      .set("items", std::move(items))
      .set("unknown_kinds", services.options.text("intake.unknown_kinds"));
}

void add_kind_routes(Api& api, Services& s) {
  api.route("GET", "/v1/kinds", Role::kAnalyst, "Kinds of events, declared and seen, with counts",
            [&s](http::Request&, const Caller&) -> ApiResult {
              ZHIYIN_TRY(Json json, kinds_json(s));
              return http::Response::json(json);
            });
  api.route("GET", "/v1/kinds/{name}", Role::kAnalyst,
            "A declared kind; `version` in the query for an earlier one",
            [&s](http::Request& r, const Caller&) { return get(s, r); });
  api.route(
      "PUT", "/v1/kinds/{name}", Role::kOperator, "Declare a kind or (with If-Match) change it",
      [&s](http::Request& r, const Caller&) { return put(s, r); }, 1 << 20,
      json_schema<ingest::KindDefinition>());
  api.route("DELETE", "/v1/kinds/{name}", Role::kOperator, "Undeclare a kind",
            [&s](http::Request& r, const Caller&) -> ApiResult {
              ZHIYIN_TRY(const auto version, if_match(r));
              ZHIYIN_TRY_VOID(s.kinds.remove(r.path_parameters["name"], version));
              return http::Response::json(Json::object());
            });
  api.route_with<ingest::QuarantineFilter>(
      "POST", "/v1/quarantine/resubmit", Role::kOperator,
      "Send refused events again, all that match",
      [&s](ingest::QuarantineFilter filter, http::Request&, const Caller&) -> ApiResult {
        ZHIYIN_TRY(const auto outcome,
                   s.quarantine.resubmit_all(s.intake, filter, [](double) { return true; }));
        return http::Response::json(to_json(outcome));
      });
}

}  // namespace zhiyin::server
