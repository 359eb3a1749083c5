// The overview, the clock, health, metrics, the API document, and the console's files.
#include "http/await.h"
#include "server/assets.h"
#include "server/data_health.h"
#include "server/doctor.h"
#include "server/request_checks.h"
#include "server/retention.h"
#include "server/routes.h"
#include "server/wechat_doctor.h"

namespace zhiyin::server {
namespace {

struct ClockBody {
  Instant to;
};
struct HoldBody {
  bool held = false;
};

/// All that are running or paused (up to 1000), and the newest of those that ended, as long as the
/// list is short.
Result<Json> campaigns_shown(Services& s) {
  constexpr std::size_t kMost = 1000;
  constexpr std::size_t kEndedUpTo = 100;
  ZHIYIN_TRY(const auto campaigns, s.campaigns.newest(kMost));
  Json shown = Json::array();
  for (std::size_t i = 0; i < campaigns.size(); ++i) {
    const campaign::CampaignState state = campaigns[i].state;
    const bool goes_on =
        state == campaign::CampaignState::kRunning || state == campaign::CampaignState::kPaused;
    if (!goes_on && i >= kEndedUpTo) break;
    shown.push(to_json(campaigns[i]));
  }
  return shown;
}

ApiResult overview(Services& s) {
  const Instant now = s.clock.now();
  constexpr std::int64_t kMinuteUs = 60'000'000;
  constexpr std::int64_t kMinutes = 60;
  ZHIYIN_TRY(
      const auto minutes,
      s.warehouse.query(
          "SELECT received_at - received_at % ? AS minute, COUNT(*) FROM events WHERE received_at "
          "> ? AND received_at <= ? AND kind NOT LIKE 'bot.%' GROUP BY 1 ORDER BY 1",
          {kMinuteUs, now.us - kMinutes * kMinuteUs, now.us}));
  std::map<std::int64_t, std::int64_t> counts;
  for (const auto& row : minutes.rows)
    counts[storage::as_int(row[0]) / kMinuteUs] = storage::as_int(row[1]);
  Json per_minute = Json::array();
  for (std::int64_t m = now.us / kMinuteUs - kMinutes + 1; m <= now.us / kMinuteUs; ++m) {
    per_minute.push(Json().set("at", to_json(Instant{m * kMinuteUs})).set("count", counts[m]));
  }
  ZHIYIN_TRY(
      const auto days,
      s.warehouse.query(
          "SELECT occurred_at - (occurred_at + 28800000000) % 86400000000 AS day, COUNT(*) FROM "
          "events WHERE occurred_at > ? AND kind NOT LIKE 'bot.%' GROUP BY 1 ORDER BY 1",
          {now.us - (60 * kDay).count()}));
  Json per_day = Json::array();
  for (const auto& row : days.rows) {
    per_day.push(Json()
                     .set("at", to_json(Instant{storage::as_int(row[0])}))
                     .set("count", storage::as_int(row[1])));
  }
  ZHIYIN_TRY(const auto kinds,
             s.warehouse.query("SELECT kind, COUNT(*) AS n FROM events WHERE kind NOT LIKE 'bot.%' "
                               "GROUP BY kind ORDER BY n DESC LIMIT 20"));
  ZHIYIN_TRY(const auto all,
             s.warehouse.query("SELECT COUNT(*) FROM events WHERE kind NOT LIKE 'bot.%'"));
  Json kind_counts = Json::array();
  for (const auto& row : kinds.rows) {
    kind_counts.push(
        Json().set("kind", storage::as_text(row[0])).set("count", storage::as_int(row[1])));
  }
  ZHIYIN_TRY(const std::int64_t people, s.people.count());
  ZHIYIN_TRY(const std::int64_t followers, s.people.followers());
  ZHIYIN_TRY(const Json runs, s.runs.list(8, ""));
  ZHIYIN_TRY(const Json campaigns, campaigns_shown(s));
  Json out;
  out.set("people", people)
      .set("followers", followers)
      .set("events_total", storage::as_int(all.rows.at(0).at(0)));
  out.set("events_per_minute", std::move(per_minute)).set("events_per_day", std::move(per_day));
  out.set("kinds", std::move(kind_counts)).set("runs", runs["items"]).set("campaigns", campaigns);
  out.set("lag", s.lag()).set("as_of", to_json(now));
  return http::Response::json(out);
}

ApiResult move_clock(Services& s, const ClockBody& body) {
  if (s.stepped == nullptr) {
    return fail(ErrorCode::kUnsupported,
                "clock: this installation runs on the system's clock; only clock = \"stepped\" can "
                "be moved");
  }
  ZHIYIN_TRY_VOID(s.stepped->advance_to(body.to));
  ZHIYIN_TRY_VOID(s.run_due_work());
  return http::Response::json(Json().set("now", to_json(s.clock.now())));
}

http::Response ready(Services& s) {
  const auto reasons = s.readiness.reasons(s.state, s.log);
  if (reasons.empty()) {
    // Not a reason to get no work: an earlier version serves.
    std::string text = "ready\n";
    for (const auto& t : s.recommendations.known_troubles())
      text += fmt::format("recommendations: {} cannot be read, {} serves\n", t.id, t.serving);
    return http::Response::text(std::move(text));
  }
  std::string text = "not ready\n";
  for (const std::string& reason : reasons) text += reason + "\n";
  http::Response response = http::Response::text(std::move(text));
  response.status = 503;
  return response;
}

http::Task<http::Response> serve_console(std::string path) {
  if (path.empty()) path = "index.html";
  if (path.starts_with("v1/")) {
    co_return http::Response::problem(
        {ErrorCode::kNotFound,
         fmt::format("no such path: /{}; /openapi.json lists them", path.substr(0, 200)),
         {}});
  }
  auto bytes = read_asset("console/dist/" + path);
  if (!bytes) {
    http::Response missing = http::Response::text("没有这个页面 / there is no such page\n");
    missing.status = 404;
    if (path == "index.html") {
      missing.body =
          "控制台尚未构建：运行 ./dev build / the console is not built: run ./dev build\n";
      missing.status = 503;
    }
    co_return missing;
  }
  http::Response response = http::Response::text(std::move(*bytes), std::string(media_type(path)));
  response.headers.emplace_back("Content-Security-Policy",
                                "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src "
                                "'self' data:; frame-ancestors 'none'");
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  response.headers.emplace_back("Cache-Control",
                                path == "index.html" ? "no-cache" : "public, max-age=86400");
  co_return response;
}

}  // namespace
}  // namespace zhiyin::server

namespace zhiyin {
template <>
struct Fields<server::ClockBody> {
  static constexpr std::string_view name = "Clock";
  static constexpr auto list = field_list(field("to", &server::ClockBody::to, "the new time"));
};
template <>
struct Fields<server::HoldBody> {
  static constexpr std::string_view name = "Hold";
  static constexpr auto list =
      field_list(field("held", &server::HoldBody::held, "whether to hold them back"));
};
}  // namespace zhiyin

namespace zhiyin::server {

void add_system_routes(Api& api, http::Router& router, ThreadPool& pool, Services& s) {
  api.route("GET", "/v1/overview", Role::kAnalyst, "What is going on",
            [&s](http::Request&, const Caller&) { return overview(s); });
  api.route("GET", "/v1/data", Role::kAnalyst,
            "How the data is doing: rate, lag, quality, quarantine, sizes",
            [&s](http::Request&, const Caller&) -> ApiResult {
              ZHIYIN_TRY(Json health, data_health(s));
              return http::Response::json(health);
            });
  api.route_with<ClockBody>(
      "POST", "/v1/clock", Role::kAdmin, "Move the stepped clock; answers when due work is done",
      [&s](ClockBody body, http::Request&, const Caller&) { return move_clock(s, body); });
  api.route_with<HoldBody>(
      "POST", "/v1/projections", Role::kAdmin, "Hold the projections back, or let them go on",
      [&s](HoldBody body, http::Request&, const Caller&) -> ApiResult {
        s.hold_projections(body.held);
        return http::Response::json(Json().set("held", body.held).set("lag", s.lag()));
      });
  api.route("GET", "/v1/processes", Role::kAdmin,
            "The processes of this installation, and what each of them does",
            [&s](http::Request&, const Caller&) -> ApiResult {
              ZHIYIN_TRY(const Json processes, s.processes());
              return http::Response::json(processes);
            });
  api.route("GET", "/v1/doctor", Role::kAdmin, "Checks of the installation",
            [&s](http::Request&, const Caller&) -> ApiResult {
              return http::Response::json(examine(s));
            });
  api.route("GET", "/v1/doctor/wechat", of_account(Role::kAdmin),
            "Checks of the connection to WeChat; asks the platform",
            [&s](http::Request& r, const Caller& caller) -> ApiResult {
              const std::string account(r.query_or("account", ""));
              ZHIYIN_TRY_VOID(check_account(caller, account));
              ZHIYIN_TRY(const Json found,
                         examine_wechat(
                             s, account.empty() ? std::optional<AccountId>() : AccountId(account)));
              return http::Response::json(found);
            });
  api.route("GET", "/v1/retention", Role::kAdmin, "Certificates of what was removed by age",
            [&s](http::Request& r, const Caller&) -> ApiResult {
              ZHIYIN_TRY(const std::size_t limit, list_limit(r));
              ZHIYIN_TRY(const std::int64_t after, list_after(r));
              ZHIYIN_TRY(const Json certificates, list_retention(s.state, after, limit));
              return http::Response::json(certificates);
            });
  api.route("POST", "/v1/retention", Role::kAdmin,
            "Remove what is older than the settings allow (a run); dry_run=1 only counts",
            [&s](http::Request& r, const Caller&) -> ApiResult {
              if (r.query_or("dry_run", "") == "1") {
                ZHIYIN_TRY(const Json counted, apply_retention(s, true));
                return http::Response::json(counted);
              }
              ZHIYIN_TRY(const RunId run, s.runs.start("retention", "", [&s](RunContext& c) {
                return apply_retention(s, false, &c);
              }));
              return http::Response::json(Json().set("run", run.value), 202);
            });
  router.add("GET", "/healthz", [](http::Request&) -> http::Task<http::Response> {
    co_return http::Response::text("ok\n");
  });
  router.add_blocking("GET", "/readyz", pool, [&s](http::Request&) { return ready(s); });
  router.add("GET", "/metrics", [&s](http::Request&) -> http::Task<http::Response> {
    co_return http::Response::text(s.metrics.text(), "text/plain; version=0.0.4; charset=utf-8");
  });
  router.add("GET", "/openapi.json", [&api](http::Request&) -> http::Task<http::Response> {
    static const std::string document = api.document().dump_pretty();
    co_return http::Response::text(document, "application/json");
  });
  router.add("GET", "/", [](http::Request&) { return serve_console({}); });
  router.add("GET", "/{path...}",
             [](http::Request& r) { return serve_console(r.path_parameters["path"]); });
}

}  // namespace zhiyin::server
