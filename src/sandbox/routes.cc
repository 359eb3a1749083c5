#include "sandbox/routes.h"

#include <algorithm>

#include "http/await.h"
#include "sandbox/material.h"
#include "sandbox/page.h"
#include "sandbox/platform_routes.h"
#include "sandbox/play.h"

namespace zhiyin::sandbox {

/// Body of POST /sandbox/advance: one of the two.
struct AdvanceBody {
  std::optional<Instant> to;
  std::optional<Duration> by;
};

/// Body of POST /sandbox/limits: either, or both.
struct LimitBody {
  std::string path;
  std::optional<std::int64_t> daily_limit;
  std::optional<std::int64_t> minute_limit;
};

}  // namespace zhiyin::sandbox

namespace zhiyin {

template <>
struct Fields<sandbox::AdvanceBody> {
  using B = sandbox::AdvanceBody;
  static constexpr std::string_view name = "AdvanceBody";
  static constexpr auto list = field_list(field("to", &B::to, "moment to move to"),
                                          field("by", &B::by, "how far to move (1d)"));
};
template <>
struct Fields<sandbox::LimitBody> {
  using B = sandbox::LimitBody;
  static constexpr std::string_view name = "LimitBody";
  static constexpr auto list = field_list(
      field("path", &B::path, "path of the platform's interface").length(1, 128),
      field("daily_limit", &B::daily_limit, "calls a day, 0: no limit").range(0, 1e12),
      field("minute_limit", &B::minute_limit, "calls a minute, 0: no limit").range(0, 1e12));
};
template <>
struct Fields<sandbox::Deed> {
  using D = sandbox::Deed;
  static constexpr std::string_view name = "Deed";
  static constexpr auto list = field_list(
      field("openid", &D::openid, "who").length(1, 64),
      field("kind", &D::kind, "follow, unfollow, message, menu_click or scan").length(1, 32),
      field("text", &D::text, "text of a message, key of a menu click, scene of a scan")
          .length(0, 2048)
          .optional());
};

}  // namespace zhiyin

namespace zhiyin::sandbox {
namespace {

http::Response answer(const Result<Json>& result) {
  return result ? http::Response::json(*result) : http::Response::problem(result.error());
}

template <class Body>
Result<Body> read_body(const http::Request& request) {
  ZHIYIN_TRY(const Json json, parse_json(request.body));
  return from_json<Body>(json);
}

/// What the server's POST /v1/accounts takes.
Json account_json(const SandboxAccount& account, const http::Request& request) {
  Json out = zhiyin::to_json(account);
  for (const std::string_view name :
       {"original_id", "token", "encoding_aes_key", "refresh_token"}) {
    if (out[name].string_or("x").empty())
      std::erase_if(*out.if_object(), [&](const Json::Member& m) { return m.first == name; });
  }
  out.set("base_url", fmt::format("http://{}", http::header(request.headers, "Host")));
  return out;
}

/// All accounts: that of the population first.
Json accounts_json(const Simulation& simulation, const http::Request& request) {
  Json list = Json::array();
  list.push(account_json(simulation.settings().account, request));
  for (const SandboxAccount& account : simulation.companions())
    list.push(account_json(account, request));
  return list;
}

Json faults_json(Simulation& simulation) {
  Json list = Json::array();
  for (const Fault& fault : simulation.platform().faults()) list.push(zhiyin::to_json(fault));
  Json out = Json::object();
  out.set("faults", std::move(list));
  return out;
}

http::Response page(const Simulation& simulation, const http::Request& request) {
  const std::string& id = request.path_parameters.find("item")->second;
  const auto item = std::ranges::find(simulation.library(), id, &LibraryItem::id);
  if (item == simulation.library().end()) {
    return http::Response::problem({ErrorCode::kNotFound, "there is no such page", "item"});
  }
  const Json status = simulation.status();
  return http::Response::text(render_page(*item, {std::string(status["connected"].string_or("")),
                                                  std::string(status["page_key"].string_or("")),
                                                  simulation.settings().account.id,
                                                  std::string(request.query_or("openid", ""))}),
                              "text/html; charset=utf-8");
}

Result<Json> advance(Simulation& simulation, const http::Request& request) {
  ZHIYIN_TRY(const AdvanceBody body, read_body<AdvanceBody>(request));
  if (body.to.has_value() == body.by.has_value())
    return fail_field("to", "give either 'to' or 'by'");
  const Instant to = body.to ? *body.to : simulation.now() + *body.by;
  ZHIYIN_TRY(const AdvanceReport report, simulation.advance(to));
  Json out = to_json(report);
  out.set("now", format_time(simulation.now(), TimeZone::shanghai()));
  return out;
}

Result<Json> inject(Simulation& simulation, const http::Request& request) {
  ZHIYIN_TRY(Fault fault, read_body<Fault>(request));
  ZHIYIN_TRY_VOID(check_fault(fault));
  simulation.platform().inject(std::move(fault));
  return Json::object();
}

Result<Json> limit(Simulation& simulation, const http::Request& request) {
  ZHIYIN_TRY(const LimitBody body, read_body<LimitBody>(request));
  if (find_endpoint(body.path) == nullptr)
    return fail_field("path", "the platform has no such path");
  if (!body.daily_limit && !body.minute_limit)
    return fail_field("daily_limit", "is missing, and minute_limit too");
  if (body.daily_limit) simulation.platform().set_daily_limit(body.path, *body.daily_limit);
  if (body.minute_limit) simulation.platform().set_minute_limit(body.path, *body.minute_limit);
  return Json::object();
}

/// News of the library: made before there were drafts, so no call makes them.
Result<Json> put_news(Simulation& simulation, const http::Request& request) {
  ZHIYIN_TRY(const Json body, parse_json(request.body));
  const Json::Array* const articles = body["articles"].if_array();
  if (articles == nullptr || articles->empty())
    return fail_field("articles", "is no list of articles");
  ZHIYIN_TRY(const bool kept, simulation.platform().with(simulation.settings().account.app_id,
                                                         [&](AccountState& account, Instant now) {
                                                           return add_news(account, *articles, now);
                                                         }));
  if (!kept) return fail(ErrorCode::kLimitReached, "sandbox: the library has no room left");
  return Json::object();
}

void add_own_routes(http::Router& router, Simulation& simulation, ThreadPool& pool) {
  Simulation* s = &simulation;
  const auto get = [&](std::string_view path, auto handler) {
    router.add_blocking("GET", path, pool, handler);
  };
  const auto post = [&](std::string_view path, auto handler) {
    router.add_blocking("POST", path, pool, handler);
  };
  get("/sandbox/status", [s](http::Request&) { return http::Response::json(s->status()); });
  get("/sandbox/account", [s](http::Request& r) {
    return http::Response::json(account_json(s->settings().account, r));
  });
  get("/sandbox/accounts",
      [s](http::Request& r) { return http::Response::json(accounts_json(*s, r)); });
  get("/sandbox/faults", [s](http::Request&) { return http::Response::json(faults_json(*s)); });
  post("/sandbox/faults/clear", [s](http::Request&) {
    s->platform().clear_faults();
    return http::Response::json(faults_json(*s));
  });
  post("/sandbox/mischief", [s](http::Request& r) {
    auto body = read_body<CallbackMischief>(r);
    return body ? answer(s->set_mischief(*body)) : http::Response::problem(body.error());
  });
  post("/sandbox/play", [s](http::Request& r) {
    auto body = read_body<Play>(r);
    return body ? answer(s->play(*body)) : http::Response::problem(body.error());
  });
  get("/sandbox/truth", [s](http::Request&) { return answer(s->truth()); });
  get("/sandbox/messages", [s](http::Request&) { return answer(s->messages()); });
  get("/sandbox/people/{openid}", [s](http::Request& r) {
    return answer(s->person(r.path_parameters.find("openid")->second));
  });
  get("/sandbox/library.csv", [s](http::Request& r) {
    const std::string base = fmt::format("http://{}/page/", http::header(r.headers, "Host"));
    return http::Response::text(library_csv(s->library(), base), "text/csv; charset=utf-8");
  });
  post("/sandbox/connect", [s](http::Request& r) {
    auto body = read_body<ServerConnection>(r);
    return body ? answer(s->connect(std::move(*body))) : http::Response::problem(body.error());
  });
  post("/sandbox/advance", [s](http::Request& r) { return answer(advance(*s, r)); });
  post("/sandbox/act", [s](http::Request& r) {
    auto body = read_body<Deed>(r);
    return body ? answer(s->act(*body)) : http::Response::problem(body.error());
  });
  post("/sandbox/inject", [s](http::Request& r) { return answer(inject(*s, r)); });
  post("/sandbox/news", [s](http::Request& r) { return answer(put_news(*s, r)); });
  post("/sandbox/limits", [s](http::Request& r) { return answer(limit(*s, r)); });
  get("/page/{item}", [s](http::Request& r) { return page(*s, r); });
}

}  // namespace

http::Router make_router(Simulation& simulation, ThreadPool& pool) {
  http::Router router;
  // Not on the pool: the server calls the platform while an advance waits for the server.
  add_platform_routes(router, simulation.platform());
  router.add("GET", "/healthz", [](http::Request&) -> http::Task<http::Response> {
    co_return http::Response::text("ok\n");
  });
  add_own_routes(router, simulation, pool);
  return router;
}

}  // namespace zhiyin::sandbox
