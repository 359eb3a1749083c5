// Segment's tracking calls, so that existing analytics SDKs work by changing their host.
// docs/tracking.md.
#include <algorithm>
#include <array>

#include "base/crypto.h"
#include "http/await.h"
#include "ingest/bots.h"
#include "ingest/segment_protocol.h"
#include "server/routes.h"

namespace zhiyin::server {
namespace {

constexpr std::size_t kBodyMax = 4 << 20;

/// The calls and the paths below /v1 under which SDKs send them; analytics.js uses the short ones.
constexpr std::pair<std::string_view, std::string_view> kPaths[] = {
    {"identify", "identify"}, {"track", "track"}, {"page", "page"},   {"screen", "screen"},
    {"group", "group"},       {"alias", "alias"}, {"batch", "batch"}, {"import", "import"},
    {"identify", "i"},        {"track", "t"},     {"page", "p"},      {"screen", "s"},
    {"group", "g"},           {"alias", "a"},     {"batch", "b"}};

constexpr std::string_view kPixelCalls[] = {"identify", "track", "page",
                                            "screen",   "group", "alias"};

/// User name of Basic authentication.
std::string basic_user(const http::Request& request) {
  constexpr std::string_view kScheme = "basic ";  // in any case of letters (RFC 7235)
  const std::string_view header = http::header(request.headers, "Authorization");
  const bool basic =
      std::ranges::equal(header.substr(0, kScheme.size()), kScheme, [](char given, char lower) {
        return (given >= 'A' && given <= 'Z' ? given + 32 : given) == lower;
      });
  if (!basic) return {};
  const auto plain = crypto::unbase64(header.substr(kScheme.size()));
  return plain ? plain->substr(0, plain->find(':')) : std::string();
}

/// Who writes, and for which account. Browsers cannot set headers where they beacon, so the key may
/// stand in body or query.
struct Writer {
  Caller caller;
  std::string account;
};

Result<Writer> writer_of(Services& services, http::Request& request, const Json& body) {
  std::string key = basic_user(request);
  if (key.empty()) key = ingest::write_key_in(body);
  if (key.empty()) key = request.query_or("writeKey", "");
  if (!key.empty()) {
    request.headers.insert(request.headers.begin(),
                           {"Authorization", "Bearer " + key});  // the first of a name counts
  }
  ZHIYIN_TRY(Caller caller, services.auth.authenticate(request));
  if (caller.role > Role::kIngest) {
    return fail(ErrorCode::kInvalidArgument,
                "write key: {} has the role {}; make one of the role ingest or page", caller.name,
                enum_name(caller.role));
  }
  if (caller.accounts.size() != 1) {
    return fail(ErrorCode::kInvalidArgument,
                "write key: {} is limited to {} accounts; a write key belongs to exactly one "
                "(zhiyin key create --account)",
                caller.name,
                caller.accounts.empty() ? "no" : std::to_string(caller.accounts.size()));
  }
  std::string account = caller.accounts[0];
  return Writer{std::move(caller), std::move(account)};
}

/// One answer of the intake to all events of one origin: readers, or machines.
struct Share {
  std::vector<ingest::WireEvent> events;
  std::vector<ingest::RefusedEvent> refused;
};

using Answers = Result<std::vector<ingest::Answer>>;

http::Task<Answers> take(Services& services, Share share, ingest::Intake::Origin origin) {
  std::move_only_function<void(std::move_only_function<void(Answers)>)> start =
      [&services, s = std::move(share),
       o = std::move(origin)](std::move_only_function<void(Answers)> done) mutable {
        services.intake.accept(std::move(s.events), std::move(s.refused), o, std::move(done));
      };
  co_return co_await http::from_callback<Answers>(std::move(start));
}

http::Response failed(const Error& error, int status) {
  http::Response response = http::Response::json(
      Json().set("success", false).set("code", to_string(error.code)).set("message", error.text()),
      status);
  return response;
}

int status_for(const Error& error) {
  constexpr int kUnauthorised = 401;
  return error.code == ErrorCode::kPermissionDenied ? kUnauthorised : http::status_of(error.code);
}

/// Calls by who made them. A server's own User-Agent says nothing about the person; a page's does.
std::array<Share, 2> shares_of(Services& services, std::vector<ingest::TrackedCall> calls,
                               const http::Request& request, bool public_key) {
  const ingest::Agent of_request =
      public_key ? ingest::browser_agent_of({http::header(request.headers, "User-Agent"),
                                             http::header(request.headers, "Sec-Purpose")})
                 : ingest::Agent::kReader;
  std::array<Share, 2> shares;
  for (ingest::TrackedCall& call : calls) {
    const ingest::Agent agent =
        call.user_agent.empty() ? of_request : ingest::agent_of(call.user_agent);
    const bool bot = agent != ingest::Agent::kReader && agent != ingest::Agent::kLibrary;
    if (bot) count_bot(services, agent, 1);
    Share& share = shares[bot ? 1 : 0];
    if (call.event) share.events.push_back(std::move(*call.event));
    if (call.refused) share.refused.push_back(std::move(*call.refused));
  }
  return shares;
}

http::Task<http::Response> post_call(Services& services, std::string_view call,
                                     http::Request& request) {
  const auto body = parse_json(request.body, kBodyMax);
  if (!body)
    co_return failed(
        {ErrorCode::kInvalidArgument, "body: is not JSON: " + body.error().message, {}}, 400);
  const auto writer = writer_of(services, request, *body);
  if (!writer) co_return failed(writer.error(), status_for(writer.error()));
  ingest::TrackingSettings settings;
  settings.account = writer->account;
  settings.public_key = writer->caller.role == Role::kPage;
  auto calls = ingest::read_tracking(*body, call, settings);
  // 400 is what SDKs take for "do not send this again".
  if (!calls) co_return failed(calls.error(), 400);
  auto shares = shares_of(services, std::move(*calls), request, settings.public_key);
  for (std::size_t bot = 0; bot < shares.size(); ++bot) {
    if (shares[bot].events.empty() && shares[bot].refused.empty()) continue;
    ingest::Intake::Origin origin{"tracking", writer->caller.accounts, bot == 1};
    Share share = std::move(shares[bot]);
    const Answers answers = co_await take(services, std::move(share), std::move(origin));
    // Nothing of the body counts as taken; what was is known by its messageId when it comes again.
    if (!answers) co_return failed(answers.error(), http::status_of(answers.error().code));
  }
  co_return http::Response::json(Json().set("success", true));
}

http::Task<http::Response> answer(Services& services, std::string_view call,
                                  http::Request& request) {
  http::Response response = co_await post_call(services, call, request);
  response.headers.emplace_back("Access-Control-Allow-Origin", "*");
  co_return response;
}

/// The call that a picture's address carries: JSON in base64, of either alphabet, where a `+` may
/// have become a blank on the way.
Result<std::string> call_in(const http::Request& request) {
  std::string data(request.query_or("data", ""));
  if (data.empty()) return fail_field("data", "is missing: the call as JSON in base64");
  for (char& c : data) c = c == '-' || c == ' ' ? '+' : c == '_' ? '/' : c;
  auto body = crypto::unbase64(data);
  if (!body) return fail_field("data", "is not base64");
  return body;
}

/// For what runs no scripts: mails, and pages that allow none.
http::Task<http::Response> pixel_call(Services& services, http::Request& request) {
  const std::string name = request.path_parameters["call"];
  const auto* const known =
      std::ranges::find(kPixelCalls, std::string_view(name).substr(0, name.find('.')));
  if (known == std::end(kPixelCalls))
    co_return failed({ErrorCode::kNotFound, "there is no such call", {}}, 404);
  auto body = call_in(request);
  if (!body) co_return failed(body.error(), 400);
  request.body = std::move(*body);
  http::Response response = co_await answer(services, *known, request);
  if (response.status >= 300) co_return response;
  co_return as_pixel(std::move(response));
}

http::Task<http::Response> preflight(http::Request&) {
  http::Response response = http::Response::text("");
  response.status = 204;
  response.headers = {{"Access-Control-Allow-Origin", "*"},
                      {"Access-Control-Allow-Headers",
                       "Authorization, Content-Type, Content-Encoding, AnonymousId"},
                      {"Access-Control-Allow-Methods", "POST"}};
  co_return response;
}

}  // namespace

void count_bot(Services& services, ingest::Agent agent, std::int64_t n) {
  services.metrics
      .counter("zhiyin_events_of_bots_total",
               "Events that were kept as bot.KIND, by what sent them",
               fmt::format("agent=\"{}\"", ingest::agent_name(agent)))
      .add(n);
}

void add_tracking_routes(Api& api, http::Router& router, Services& services) {
  for (const auto& [call, path] : kPaths) {
    const std::string pattern = "/v1/" + std::string(path);
    router.add(
        "POST", pattern, [&services, c = call](http::Request& r) { return answer(services, c, r); },
        kBodyMax);
    router.add("OPTIONS", pattern, [](http::Request& r) { return preflight(r); });
    if (call == path) {
      api.describe(
          "POST", pattern, std::nullopt,
          fmt::format("Segment's call `{}`; the write key as Basic user name or in the body",
                      call));
    }
  }
  router.add("GET", "/v1/pixel/{call}",
             [&services](http::Request& r) { return pixel_call(services, r); });
  api.describe(
      "GET", "/v1/pixel/{call}", std::nullopt,
      "Segment's calls as a picture: the call as JSON in base64 in `data`, with `writeKey`");
  router.add(
      "POST", "/beacon/v1/batch",
      [&services](http::Request& r) { return answer(services, "batch", r); }, kBodyMax);
}

}  // namespace zhiyin::server
