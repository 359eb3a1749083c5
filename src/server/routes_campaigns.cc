// Campaigns and what they were worth.
#include "measurement/report.h"
#include "server/routes.h"
#include "server/sent_back.h"

namespace zhiyin::server {
namespace {

struct TestSendBody {
  std::vector<std::string> openids;
};
struct ResumeBody {
  std::optional<std::string> overdue;
};

ApiResult answer(const Result<campaign::Campaign>& campaign, int status = 200) {
  if (!campaign) return std::unexpected(campaign.error());
  http::Response response = http::Response::json(to_json(*campaign), status);
  response.headers.emplace_back("ETag", fmt::format("\"{}\"", campaign->version));
  return response;
}

CampaignId id_of(const http::Request& r) {
  return CampaignId(r.path_parameters.find("id")->second);
}

ApiResult list(Services& s, http::Request& r, const Caller& caller) {
  ZHIYIN_TRY(const std::size_t limit, list_limit(r));
  ZHIYIN_TRY(const auto campaigns,
             s.campaigns.list(CampaignId(std::string(r.query_or("after", ""))), limit));
  Json items = Json::array();
  for (const auto& campaign : campaigns) {
    if (check_account(caller, campaign.account.value)) items.push(to_json(campaign));
  }
  Json next;
  if (campaigns.size() == limit) next = campaigns.back().id.value;
  return http::Response::json(Json().set("items", std::move(items)).set("next", std::move(next)));
}

/// The campaign of the path, when the caller may use its account.
Result<campaign::Campaign> allowed(Services& s, http::Request& r, const Caller& caller) {
  ZHIYIN_TRY(auto campaign, s.campaigns.get(id_of(r)));
  ZHIYIN_TRY_VOID(check_account(caller, campaign.account.value));
  return campaign;
}

ApiResult put(Services& s, campaign::Campaign body, http::Request& r, const Caller& caller) {
  ZHIYIN_TRY_VOID(check_account(caller, body.account.value));
  if (const auto before = s.campaigns.get(id_of(r)))
    ZHIYIN_TRY_VOID(check_account(caller, before->account.value));
  ZHIYIN_TRY(const auto version, if_match(r));
  ZHIYIN_TRY_VOID(campaign::validate(body));
  ZHIYIN_TRY_VOID(s.engine.check_references(body));
  const auto stored = s.campaigns.put(std::move(body), version, s.clock.now());
  return answer(stored, stored && stored->version == 1 ? 201 : 200);
}

ApiResult resume(Services& s, const ResumeBody& body, const CampaignId& id) {
  std::optional<campaign::Overdue> overdue;
  if (body.overdue) {
    if (*body.overdue != "send" && *body.overdue != "skip") {
      return fail_field("overdue", "'{}' is neither send nor skip", body.overdue->substr(0, 20));
    }
    overdue = *body.overdue == "send" ? campaign::Overdue::kSend : campaign::Overdue::kSkip;
  }
  return answer(s.engine.resume(id, overdue));
}

ApiResult report(Services& s, http::Request& r, const Caller& caller) {
  ZHIYIN_TRY_VOID(allowed(s, r, caller));
  ZHIYIN_TRY_VOID(s.settle());
  ZHIYIN_TRY(const auto report,
             measurement::make_report(s.state, s.warehouse, id_of(r), s.clock.now()));
  if (r.query_or("format", "json") == "csv") {
    http::Response response =
        http::Response::text(measurement::report_csv(report), "text/csv; charset=utf-8");
    response.headers.emplace_back(
        "Content-Disposition",
        fmt::format("attachment; filename=\"report-{}.csv\"", id_of(r).value));
    return response;
  }
  return http::Response::json(to_json(report));
}

}  // namespace
}  // namespace zhiyin::server

namespace zhiyin {
template <>
struct Fields<server::TestSendBody> {
  [[maybe_unused]] static constexpr std::string_view name = "TestSend";
  static constexpr auto list =
      field_list(field("openids", &server::TestSendBody::openids, "to whom").length(1, 20));
};
template <>
struct Fields<server::ResumeBody> {
  [[maybe_unused]] static constexpr std::string_view name = "Resume";
  static constexpr auto list =
      field_list(field("overdue", &server::ResumeBody::overdue, "send or skip what is overdue"));
};
}  // namespace zhiyin

namespace zhiyin::server {

void add_campaign_routes(Api& api, Services& s) {
  const auto act = [&](std::string_view verb, std::string_view summary, auto function) {
    api.route("POST", fmt::format("/v1/campaigns/{{id}}/{}", verb), of_account(Role::kOperator),
              summary, [&s, function](http::Request& r, const Caller& caller) -> ApiResult {
                ZHIYIN_TRY_VOID(allowed(s, r, caller));
                auto outcome = function(r);
                s.wake_worker();
                return outcome;
              });
  };
  api.route("GET", "/v1/campaigns", of_account(Role::kAnalyst), "Campaigns",
            [&s](http::Request& r, const Caller& c) { return list(s, r, c); });
  api.route("GET", "/v1/campaigns/{id}", of_account(Role::kAnalyst), "One campaign",
            [&s](http::Request& r, const Caller& c) { return answer(allowed(s, r, c)); });
  api.route_with_id<campaign::Campaign>(
      "PUT", "/v1/campaigns/{id}", of_account(Role::kOperator),
      "Create or (with If-Match) change a draft",
      [&s](campaign::Campaign body, http::Request& r, const Caller& c) {
        return put(s, std::move(body), r, c);
      },
      [&s](const Json& body, const Caller& c) -> Result<Json> {
        ZHIYIN_TRY_VOID(check_account(c, body["account"].string_or("")));
        return campaign_sent_back(s, body);
      });
  api.route("DELETE", "/v1/campaigns/{id}", of_account(Role::kOperator), "Remove a draft",
            [&s](http::Request& r, const Caller& c) -> ApiResult {
              ZHIYIN_TRY_VOID(allowed(s, r, c));
              ZHIYIN_TRY_VOID(s.campaigns.remove(id_of(r)));
              return http::Response::json(Json::object());
            });
  act("dry-run", "Who would get what, who not and why", [&s](http::Request& r) -> ApiResult {
    ZHIYIN_TRY_VOID(s.settle());
    ZHIYIN_TRY(const auto dry, s.engine.dry_run(id_of(r)));
    return http::Response::json(to_json(dry));
  });
  act("start", "Start", [&s](http::Request& r) -> ApiResult {
    ZHIYIN_TRY_VOID(s.settle());
    return answer(s.engine.start(id_of(r)));
  });
  act("pause", "Pause", [&s](http::Request& r) { return answer(s.engine.pause(id_of(r))); });
  act("stop", "Stop for good", [&s](http::Request& r) { return answer(s.engine.stop(id_of(r))); });
  act("resume", "Resume; says what to do with what is overdue",
      [&s](http::Request& r) -> ApiResult {
        ZHIYIN_TRY(const Json json, parse_json(r.body.empty() ? "{}" : r.body));
        ZHIYIN_TRY(const auto body, from_json<ResumeBody>(json));
        return resume(s, body, id_of(r));
      });
  act("test-send", "Send to a few openids, outside the audience",
      [&s](http::Request& r) -> ApiResult {
        ZHIYIN_TRY(const Json json, parse_json(r.body));
        ZHIYIN_TRY(const auto body, from_json<TestSendBody>(json));
        ZHIYIN_TRY(const auto sends, s.engine.test_send(id_of(r), body.openids));
        return http::Response::json(Json().set("items", to_json(sends)));
      });
  api.route("GET", "/v1/campaigns/{id}/report", of_account(Role::kAnalyst),
            "Funnel and effect; format=csv downloads",
            [&s](http::Request& r, const Caller& c) { return report(s, r, c); });
  api.route("GET", "/v1/campaigns/{id}/touches.csv", of_account(Role::kAnalyst),
            "One row per touch", [&s](http::Request& r, const Caller& c) -> ApiResult {
              ZHIYIN_TRY_VOID(allowed(s, r, c));
              ZHIYIN_TRY(std::string csv, measurement::touches_csv(s.state, id_of(r)));
              http::Response response =
                  http::Response::text(std::move(csv), "text/csv; charset=utf-8");
              response.headers.emplace_back(
                  "Content-Disposition",
                  fmt::format("attachment; filename=\"touches-{}.csv\"", id_of(r).value));
              return response;
            });
  api.route("POST", "/v1/emergency-stop", of_account(Role::kOperator),
            "Stop every campaign (of the caller's accounts) now",
            [&s](http::Request&, const Caller& c) -> ApiResult {
              ZHIYIN_TRY(const auto stopped, s.engine.emergency_stop([&](const AccountId& account) {
                return check_account(c, account.value).has_value();
              }));
              return http::Response::json(Json().set("stopped", to_json(stopped)));
            });
}

}  // namespace zhiyin::server
