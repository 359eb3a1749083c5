#pragma once

#include "ingest/bots.h"
#include "server/api.h"
#include "server/services.h"

namespace zhiyin::server {

/// The routes of docs/api.md, by area. `services` must outlive the router's server.
void add_event_routes(Api& api, http::Router& router, Services& services);
void add_tracking_routes(Api& api, http::Router& router, Services& services);
void add_kind_routes(Api& api, Services& services);
void add_access_routes(Api& api, Services& services);
void add_account_routes(Api& api, http::Router& router, Services& services);
void add_wechat_routes(Api& api, Services& services);
void add_people_routes(Api& api, Services& services);
/// Before the other routes of recommendation, for lists may be named `inspect`.
void add_editor_list_routes(Api& api, Services& services);
/// How lists come about, versions beside each other, the map, the items with their figures. Before
/// add_recommend_routes: the first route that fits answers.
void add_recommend_inspect_routes(Api& api, Services& services);
void add_recommend_routes(Api& api, Services& services);
void add_segment_routes(Api& api, Services& services);
void add_campaign_routes(Api& api, Services& services);
/// `pool` runs the generators: they may take long, and are not to keep others waiting.
void add_chat_routes(Api& api, ThreadPool& pool, Services& services);
/// `pool` waits for the encoder, so that others need not.
void add_language_routes(Api& api, ThreadPool& pool, Services& services);
void add_report_routes(Api& api, Services& services);
void add_run_routes(Api& api, Services& services);
void add_system_routes(Api& api, http::Router& router, ThreadPool& pool, Services& services);

/// The same answer with a picture of one transparent pixel, not to be kept.
http::Response as_pixel(http::Response response);

/// Counts in /metrics what a machine sent.
void count_bot(Services& services, ingest::Agent agent, std::int64_t n);

}  // namespace zhiyin::server
