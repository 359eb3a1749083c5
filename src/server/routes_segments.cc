// Segments: objects made by people, evaluated for all in the warehouse.
#include "audience/features.h"
#include "audience/segment_query.h"
#include "server/routes.h"
#include "server/sent_back.h"

namespace zhiyin::server {
namespace {

struct SegmentBody {
  SegmentId id;
  std::string name;
  Json tree;
  bool live = false;
};
struct PreviewBody {
  Json tree;
  std::size_t sample = 10;
};

Json segment_json(const audience::Segment& segment) {
  Json out;
  out.set("id", segment.id.value).set("name", segment.name).set("tree", segment.tree.to_json());
  out.set("version", segment.version).set("updated_at", to_json(segment.updated_at));
  out.set("live", segment.live);
  return out;
}

/// With the size: of a live segment as it is kept, else as it was found within the last minute.
/// `live_state` is `filled` or `filling` (`live_progress` says how far); while it is being filled
/// the size is asked for as of any other segment.
Result<Json> with_count(Services& s, const audience::Segment& segment, Instant now, bool ask) {
  Json out = segment_json(segment);
  ZHIYIN_TRY(const auto live, s.segments.live(segment.id, now));
  out.set("live_state", !live ? Json() : Json(live->filled ? "filled" : "filling"));
  out.set("live_progress", live ? Json(live->progress) : Json());
  if (live && live->filled) {
    out.set("count", live->members).set("as_of", to_json(live->as_of));
    return out;
  }
  if (!ask) return out;
  const auto count = s.segments.count(segment.id, now);
  out.set("count", count ? Json(count->count) : Json());
  out.set("as_of", count ? to_json(count->as_of) : Json());
  return out;
}

ApiResult list(Services& s) {
  ZHIYIN_TRY(const auto segments, s.segments.list());
  const Instant now = s.clock.now();
  Json items = Json::array();
  for (const auto& segment : segments) {
    ZHIYIN_TRY(Json one, with_count(s, segment, now, true));
    items.push(std::move(one));
  }
  return http::Response::json(Json().set("items", std::move(items)).set("next", Json()));
}

ApiResult put(Services& s, SegmentBody body, http::Request& r) {
  audience::SegmentDefinition definition{body.id, body.name, body.tree, body.live};
  ZHIYIN_TRY(const auto version, if_match(r));
  ZHIYIN_TRY(const auto segment, s.segments.put(definition, version, s.clock.now()));
  http::Response response =
      http::Response::json(segment_json(segment), segment.version == 1 ? 201 : 200);
  response.headers.emplace_back("ETag", fmt::format("\"{}\"", segment.version));
  return response;
}

ApiResult preview(Services& s, const PreviewBody& body) {
  auto tree = audience::SegmentTree::from_json(body.tree);
  if (!tree) return std::unexpected(within("tree", tree.error()));
  ZHIYIN_TRY_VOID(s.settle());
  ZHIYIN_TRY(const auto preview, s.segments.preview(*tree, s.clock.now(), body.sample));
  ZHIYIN_TRY(const auto people, s.people.summaries(preview.sample));
  Json sample = Json::array();
  for (const auto& person : people) {
    sample.push(Json()
                    .set("id", person.id.value)
                    .set("events", person.events)
                    .set("last_seen", to_json(person.last_seen)));
  }
  return http::Response::json(Json()
                                  .set("count", preview.count)
                                  .set("as_of", to_json(preview.as_of))
                                  .set("sample", std::move(sample)));
}

/// kConflict when a campaign that is not over names the segment.
Result<void> check_unused(Services& s, const SegmentId& id) {
  CampaignId after;
  constexpr std::size_t kPage = 1000;
  for (;;) {
    ZHIYIN_TRY(const auto page, s.campaigns.list(after, kPage));
    for (const campaign::Campaign& c : page) {
      const bool over =
          c.state == campaign::CampaignState::kDone || c.state == campaign::CampaignState::kStopped;
      if (c.segment == id && !over) {
        return fail(ErrorCode::kConflict, "segment '{}' is used by campaign '{}' ({})", id.value,
                    c.id.value, enum_name(c.state));
      }
    }
    if (page.size() < kPage) return {};
    after = page.back().id;
  }
}

/// A page of a live segment's members, without a query over the warehouse.
ApiResult kept_members(Services& s, const SegmentId& id, const audience::LiveCount& live,
                       http::Request& r) {
  ZHIYIN_TRY(const std::size_t limit, list_limit(r));
  ZHIYIN_TRY(auto page, s.segments.live_members(id, r.query_or("after", ""), limit));
  Json items = Json::array();
  for (const PersonId& person : page.people) items.push(person.value);
  Json next;
  if (!page.next.empty()) next = std::move(page.next);
  return http::Response::json(Json()
                                  .set("items", std::move(items))
                                  .set("count", live.members)
                                  .set("as_of", to_json(live.as_of))
                                  .set("next", std::move(next)));
}

ApiResult members(Services& s, http::Request& r) {
  const SegmentId id(r.path_parameters["id"]);
  ZHIYIN_TRY(const auto live, s.segments.live(id, s.clock.now()));
  const bool csv_wanted = r.query_or("format", "json") == "csv";
  if (live && live->filled && !csv_wanted) return kept_members(s, id, *live, r);
  ZHIYIN_TRY_VOID(s.settle());
  const Instant now = s.clock.now();
  ZHIYIN_TRY(const auto people, s.segments.members(id, now));
  if (csv_wanted) {
    std::string csv = "person\n";
    for (const PersonId& person : people) csv += person.value + "\n";
    return csv_download(std::move(csv), fmt::format("segment-{}.csv", id.value));
  }
  ZHIYIN_TRY(const std::size_t limit, list_limit(r));
  const std::string after(r.query_or("after", ""));
  Json items = Json::array();
  Json next;
  for (const PersonId& person : people) {
    if (person.value <= after) continue;
    if (items.if_array()->size() == limit) {
      next = items.if_array()->back();
      break;
    }
    items.push(person.value);
  }
  return http::Response::json(Json()
                                  .set("items", std::move(items))
                                  .set("count", people.size())
                                  .set("as_of", to_json(now))
                                  .set("next", std::move(next)));
}

ApiResult features(Services& s) {
  Json list = Json::array();
  for (const audience::Feature& feature : audience::features()) {
    list.push(Json()
                  .set("name", feature.name)
                  .set("unit", feature.unit)
                  .set("help", feature.help_zh)
                  .set("help_en", feature.help_en));
  }
  Json kinds = Json::array();
  for (const ingest::CoreKind& kind : ingest::core_kinds()) {
    if (!kind.name.starts_with("touch."))
      kinds.push(Json().set("name", kind.name).set("unit", kind.value_unit));
  }
  ZHIYIN_TRY(const auto tags, s.items.tags(500));
  ZHIYIN_TRY(const auto traits, s.people.trait_names(200));
  return http::Response::json(Json()
                                  .set("features", std::move(list))
                                  .set("kinds", std::move(kinds))
                                  .set("tags", to_json(tags))
                                  .set("traits", to_json(traits)));
}

}  // namespace
}  // namespace zhiyin::server

namespace zhiyin {
template <>
struct Fields<server::SegmentBody> {
  using B = server::SegmentBody;
  static constexpr std::string_view name = "Segment";
  static constexpr auto list = field_list(
      field("id", &B::id, "as in the path"), field("name", &B::name, "for people").length(1, 200),
      field("tree", &B::tree, "condition tree"),
      field("live", &B::live, "whether members are kept with each event").optional());
};
template <>
struct Fields<server::PreviewBody> {
  using B = server::PreviewBody;
  static constexpr std::string_view name = "SegmentPreview";
  static constexpr auto list =
      field_list(field("tree", &B::tree, "condition tree"),
                 field("sample", &B::sample, "how many people to show").range(0, 200).optional());
};
}  // namespace zhiyin

namespace zhiyin::server {

void add_segment_routes(Api& api, Services& s) {
  api.route("GET", "/v1/segments", of_account(Role::kAnalyst), "Segments with their sizes",
            [&s](http::Request&, const Caller&) { return list(s); });
  api.route_with<PreviewBody>(
      "POST", "/v1/segments/preview", Role::kAnalyst, "Size and sample of a tree",
      [&s](PreviewBody body, http::Request&, const Caller&) { return preview(s, body); });
  api.route("GET", "/v1/segments/{id}", of_account(Role::kAnalyst), "One segment",
            [&s](http::Request& r, const Caller&) -> ApiResult {
              ZHIYIN_TRY(const auto segment, s.segments.get(SegmentId(r.path_parameters["id"])));
              ZHIYIN_TRY(Json one, with_count(s, segment, s.clock.now(), false));
              return http::Response::json(std::move(one));
            });
  api.route_with_id<SegmentBody>(
      "PUT", "/v1/segments/{id}", Role::kOperator, "Create or (with If-Match) change a segment",
      [&s](SegmentBody body, http::Request& r, const Caller&) {
        return put(s, std::move(body), r);
      },
      [&s](const Json& body, const Caller&) { return segment_sent_back(s, body); });
  api.route("DELETE", "/v1/segments/{id}", Role::kOperator, "Remove a segment",
            [&s](http::Request& r, const Caller&) -> ApiResult {
              ZHIYIN_TRY(const auto version, if_match(r));
              const SegmentId id(r.path_parameters["id"]);
              ZHIYIN_TRY_VOID(check_unused(s, id));
              ZHIYIN_TRY_VOID(s.segments.remove(id, version));
              return http::Response::json(Json::object());
            });
  api.route("GET", "/v1/segments/{id}/members", Role::kAnalyst,
            "Who is in it; format=csv downloads",
            [&s](http::Request& r, const Caller&) { return members(s, r); });
  api.route("GET", "/v1/features", of_account(Role::kAnalyst), "What a segment may use",
            [&s](http::Request&, const Caller&) { return features(s); });
}

}  // namespace zhiyin::server
