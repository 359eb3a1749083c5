// Questions about what people did, answered by the warehouse.
#include "measurement/funnel.h"
#include "measurement/retention.h"
#include "server/routes.h"

namespace zhiyin::server {

void add_report_routes(Api& api, Services& s) {
  api.route_with<measurement::FunnelRequest>(
      "POST", "/v1/reports/funnel", Role::kAnalyst, "How many people go through steps in order",
      [&s](measurement::FunnelRequest body, http::Request&, const Caller&) -> ApiResult {
        ZHIYIN_TRY_VOID(measurement::check(body));
        ZHIYIN_TRY_VOID(s.settle());
        ZHIYIN_TRY(const auto result, measurement::make_funnel(s.warehouse, body));
        return http::Response::json(to_json(result));
      });
  api.route_with<measurement::RetentionRequest>(
      "POST", "/v1/reports/retention", Role::kAnalyst, "Who comes back how many periods later",
      [&s](measurement::RetentionRequest body, http::Request&, const Caller&) -> ApiResult {
        ZHIYIN_TRY_VOID(measurement::check(body));
        ZHIYIN_TRY_VOID(s.settle());
        ZHIYIN_TRY(const auto result, measurement::make_retention(s.warehouse, body));
        return http::Response::json(to_json(result));
      });
}

}  // namespace zhiyin::server
