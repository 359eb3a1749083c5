// Events in: the intake, the quarantine, the page snippet, tracked links.
#include <algorithm>
#include <array>
#include <set>

#include "http/await.h"
#include "server/assets.h"
#include "server/request_checks.h"
#include "server/routes.h"

namespace zhiyin::server {
namespace {

constexpr std::size_t kEventsBodyMax = 32 << 20;
constexpr std::size_t kCollectBodyMax = 256 << 10;

/// What a public key on a web page may not claim.
constexpr std::array<std::string_view, 9> kNotFromPages = {
    "trait.set",  "consent.grant", "consent.withdraw", "follow", "unfollow", "message",
    "menu_click", "scan",          "template_result"};

/// A page sees one reader, so it may name one identity of a kind: two of them would join two
/// people.
Result<void> check_page_identities(const Json& event) {
  const Json::Array* identities = event["identities"].if_array();
  if (identities == nullptr) return {};
  std::set<std::string_view> kinds;
  for (const Json& identity : *identities) {
    const std::string_view kind = identity["kind"].string_or("");
    if (!kinds.insert(kind).second) {
      return fail(ErrorCode::kPermissionDenied, "identities: a page may name one {}, not two",
                  kind.substr(0, 64));
    }
  }
  return {};
}

http::Response intake_response(const Result<std::vector<ingest::Answer>>& answers) {
  if (!answers) return http::Response::problem(answers.error());
  std::array<std::int64_t, 3> counts{};
  std::string body = "{\"events\":[";
  for (const ingest::Answer& answer : *answers) {
    if (body.back() == '}') body += ',';
    body += "{\"event_id\":";
    append_json_string(body, answer.event_id);
    body += ",\"status\":\"";
    body += enum_name(answer.verdict);
    body += '"';
    if (!answer.reason.empty()) {
      body += ",\"reason\":";
      append_json_string(body, answer.reason);
    }
    body += '}';
    ++counts[static_cast<std::size_t>(answer.verdict)];
  }
  body += fmt::format("],\"accepted\":{},\"duplicate\":{},\"quarantined\":{}}}", counts[0],
                      counts[1], counts[2]);
  http::Response response;
  response.body = std::move(body);
  return response;
}

http::Task<http::Response> accept(Services& services, std::string body,
                                  ingest::Intake::Origin origin) {
  using Answers = Result<std::vector<ingest::Answer>>;
  // A named start, moved: g++ 12 destroys temporaries in a co_await twice.
  std::move_only_function<void(std::move_only_function<void(Answers)>)> start =
      [&services, b = std::move(body),
       o = std::move(origin)](std::move_only_function<void(Answers)> done) mutable {
        services.intake.accept_body(std::move(b), o, std::move(done));
      };
  Answers answers = co_await http::from_callback<Answers>(std::move(start));
  co_return intake_response(answers);
}

http::Task<http::Response> post_events(Services& services, http::Request& request) {
  const auto caller = services.auth.authenticate(request);
  if (!caller) co_return unauthorised(caller.error());
  if (caller->role < Role::kIngest) {
    co_return http::Response::problem(
        {ErrorCode::kPermissionDenied, "a page's key may only POST /v1/collect", {}});
  }
  ingest::Intake::Origin origin{"api", caller->accounts, false};
  co_return co_await accept(services, std::move(request.body), std::move(origin));
}

/// Refuses a body in which a page claims what only the platform or the owner may say.
Result<void> check_page_events(std::string_view body) {
  ZHIYIN_TRY(const Json json, parse_json(body, kCollectBodyMax));
  const Json::Array one = {json};
  for (const Json& event : json.if_array() ? *json.if_array() : one) {
    const std::string_view kind = event["kind"].string_or("");
    ZHIYIN_TRY_VOID(check_page_identities(event));
    if (kind.starts_with("touch.") || kind.starts_with("wechat.") ||
        std::find(kNotFromPages.begin(), kNotFromPages.end(), kind) != kNotFromPages.end()) {
      return fail(ErrorCode::kPermissionDenied, "kind: a page may not send '{}'",
                  kind.substr(0, 64));
    }
  }
  return {};
}

/// What a request for which a browser is expected says about who made it.
ingest::Agent browser_of(const http::Request& request) {
  std::string_view purpose;
  for (const std::string_view name : {"Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"}) {
    if (purpose.empty()) purpose = http::header(request.headers, name);
  }
  return ingest::browser_agent_of({http::header(request.headers, "User-Agent"), purpose});
}

http::Task<http::Response> collect(Services& services, http::Request& request) {
  request.headers.emplace_back("Authorization",
                               fmt::format("Bearer {}", request.query_or("key", "")));
  http::Response response;
  const auto caller = services.auth.authenticate(request);
  if (!caller) {
    response = unauthorised(caller.error());
  } else if (auto checked = check_page_events(request.body); !checked) {
    response = http::Response::problem(checked.error());
  } else {
    // A server or an app may post here with a library; a crawler that runs scripts is no reader.
    const ingest::Agent agent = browser_of(request);
    const bool bot = agent != ingest::Agent::kReader && agent != ingest::Agent::kLibrary;
    if (bot) count_bot(services, agent, 1);
    ingest::Intake::Origin origin{"page", caller->accounts, bot};
    response = co_await accept(services, std::move(request.body), std::move(origin));
  }
  response.headers.emplace_back("Access-Control-Allow-Origin", "*");
  co_return response;
}

/// One event of a page that runs no scripts. The picture is the answer, whatever the event was
/// worth.
http::Task<http::Response> pixel(Services& services, http::Request& request) {
  const std::string_view item = request.query_or("item", "");
  const std::size_t colon = item.find(':');
  Json event;
  event.set("account", request.query_or("account", ""))
      .set("kind", request.query_or("kind", "view"));
  event.set(
      "identities",
      Json::Array{Json().set("kind", "anonymous_id").set("value", request.query_or("aid", ""))});
  if (colon != std::string_view::npos)
    event.set("item", Json().set("kind", item.substr(0, colon)).set("id", item.substr(colon + 1)));
  if (const std::string_view id = request.query_or("id", ""); !id.empty())
    event.set("event_id", id);
  request.body = event.dump();
  http::Response response = co_await collect(services, request);
  if (response.status >= 300) co_return response;
  co_return as_pixel(std::move(response));
}

http::Response script(std::string_view file) {
  auto text = read_asset(fmt::format("sdk/dist/{}", file));
  if (!text) return http::Response::problem(text.error());
  return http::Response::text(std::move(*text), "text/javascript; charset=utf-8");
}

ApiResult list_quarantine(Services& services, http::Request& request) {
  ZHIYIN_TRY(const std::size_t limit, list_limit(request));
  ZHIYIN_TRY(const std::int64_t before, list_after(request));
  ZHIYIN_TRY(const auto entries,
             services.quarantine.list(request.query_or("source", ""), before, limit));
  ZHIYIN_TRY(const std::int64_t total, services.quarantine.count(request.query_or("source", "")));
  Json next;
  if (entries.size() == limit) next = std::to_string(entries.back().id);
  return http::Response::json(
      Json().set("items", to_json(entries)).set("total", total).set("next", std::move(next)));
}

ApiResult resubmit(Services& services, http::Request& request) {
  std::optional<Json> corrected;
  if (!request.body.empty()) {
    ZHIYIN_TRY(corrected, parse_json(request.body));
  }
  ZHIYIN_TRY(const ingest::Answer answer,
             services.quarantine.resubmit(
                 services.intake, std::atoll(request.path_parameters["id"].c_str()), corrected));
  return http::Response::json(to_json(answer));
}

http::Response follow_link(Services& services, http::Request& request) {
  auto followed = services.links.follow(request.path_parameters["code"], services.clock.now());
  if (!followed) return http::Response::problem(followed.error());
  if (followed->event) {
    std::vector<ingest::WireEvent> events;
    events.push_back(std::move(*followed->event));
    const ingest::Agent agent = browser_of(request);
    const bool bot = agent != ingest::Agent::kReader || request.method == "HEAD";
    if (bot) count_bot(services, agent, 1);
    services.intake.accept(std::move(events), {}, {"link", {}, bot},
                           [](auto) {});  // the visitor does not wait for the disk
  }
  http::Response response = http::Response::text("");
  response.status = 302;
  response.headers.emplace_back("Location", followed->location);
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

}  // namespace

http::Response as_pixel(http::Response response) {
  constexpr std::string_view kGif(
      "GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,"
      "\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02"
      "D\x01\x00;",
      43);
  response.body = kGif;
  response.content_type = "image/gif";
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

void add_event_routes(Api& api, http::Router& router, Services& services) {
  router.add(
      "POST", "/v1/events", [&services](http::Request& r) { return post_events(services, r); },
      kEventsBodyMax);
  api.describe("POST", "/v1/events", Role::kIngest,
               "Send events: a JSON array, one object, or NDJSON; optionally gzip",
               Json().set("type", Json::Array{"array", "object"}));
  router.add(
      "POST", "/v1/collect", [&services](http::Request& r) { return collect(services, r); },
      kCollectBodyMax);
  api.describe("POST", "/v1/collect", std::nullopt,
               "Events of the page snippet; `key` in the query is public");
  router.add("OPTIONS", "/v1/collect", [](http::Request&) -> http::Task<http::Response> {
    http::Response response = http::Response::text("");
    response.status = 204;
    response.headers = {{"Access-Control-Allow-Origin", "*"},
                        {"Access-Control-Allow-Headers", "Content-Type"},
                        {"Access-Control-Allow-Methods", "POST"}};
    co_return response;
  });
  router.add("GET", "/zhiyin.js",
             [](http::Request&) -> http::Task<http::Response> { co_return script("zhiyin.js"); });
  router.add("GET", "/zhiyin-mini.js", [](http::Request&) -> http::Task<http::Response> {
    co_return script("zhiyin-mini.js");
  });
  router.add("GET", "/v1/pixel.gif", [&services](http::Request& r) { return pixel(services, r); });
  api.describe("GET", "/zhiyin.js", std::nullopt, "The tracking SDK for web pages");
  api.describe("GET", "/zhiyin-mini.js", std::nullopt, "The tracking SDK for mini-programs");
  api.describe("GET", "/v1/pixel.gif", std::nullopt,
               "One event as a picture, for pages without scripts: key, account, kind, item, aid "
               "in the query");
  api.route("GET", "/l/{code}", std::nullopt, "Follow a tracked link",
            [&services](http::Request& r, const Caller&) -> ApiResult {
              return follow_link(services, r);
            });
  api.route("GET", "/v1/quarantine", Role::kOperator, "Events that broke a rule",
            [&services](http::Request& r, const Caller&) { return list_quarantine(services, r); });
  api.route("POST", "/v1/quarantine/{id}/resubmit", Role::kOperator,
            "Send one again, corrected or as it is",
            [&services](http::Request& r, const Caller&) { return resubmit(services, r); });
  api.route(
      "DELETE", "/v1/quarantine/{id}", Role::kOperator, "Throw one away",
      [&services](http::Request& r, const Caller&) -> ApiResult {
        ZHIYIN_TRY_VOID(services.quarantine.remove(std::atoll(r.path_parameters["id"].c_str())));
        return http::Response::json(Json::object());
      });
}

}  // namespace zhiyin::server
