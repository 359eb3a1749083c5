// For people who look after recommendation: how a list came about, versions beside each other, the
// map of the catalogue, the items with their figures.
#include <algorithm>
#include <charconv>

#include "audience/identity_ref.h"
#include "base/crypto.h"
#include "recommend/catalogue_map.h"
#include "recommend/list_inspection.h"
#include "recommend/version_comparison.h"
#include "server/item_overview.h"
#include "server/recommend_inspector.h"
#include "server/recommend_wire.h"
#include "server/routes.h"

namespace zhiyin::server {
namespace {

/// A whole number of the query.
Result<std::size_t> count_of(const http::Request& r, std::string_view name, std::size_t otherwise,
                             std::size_t least, std::size_t most) {
  const auto given = r.query.find(name);
  if (given == r.query.end()) return otherwise;
  const std::string& text = given->second;
  std::size_t value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc() || end != text.data() + text.size() || value < least || value > most) {
    return fail_field(name, "'{}' is not a number from {} to {}", text.substr(0, 20), least, most);
  }
  return value;
}

/// Parameters that no other route understands are refused with their name.
Result<void> check_query(const http::Request& r, std::initializer_list<std::string_view> known) {
  for (const auto& [name, value] : r.query) {
    if (std::ranges::find(known, name) == known.end())
      return fail_field(name.substr(0, 64), "is not a known parameter");
  }
  return {};
}

Json obstacle_json(recommend::Obstacle obstacle) {
  if (obstacle == recommend::Obstacle::kNone) return {};
  const auto words = recommend::words_of(obstacle);
  return Json().set("rule", recommend::name_of(obstacle)).set("zh", words.zh).set("en", words.en);
}

Json inspected_json(const std::vector<recommend::InspectedItem>& items) {
  Json out = Json::array();
  for (const recommend::InspectedItem& one : items)
    out.push(item_json(one.item).set("removed", obstacle_json(one.obstacle)));
  return out;
}

Json to_json_inspection(const recommend::ListInspection& list) {
  Json sources = Json::array();
  for (const recommend::InspectedSource& source : list.sources) {
    sources.push(Json()
                     .set("source", source.source)
                     .set("candidates", source.candidates)
                     .set("items", inspected_json(source.best)));
  }
  Json removed = Json::array();
  for (const recommend::ObstacleCount& one : list.removed)
    removed.push(obstacle_json(one.obstacle).set("count", one.count));
  Json stages = Json::array();
  for (const recommend::InspectedStage& stage : list.stages)
    stages.push(Json().set("stage", stage.stage).set("items", inspected_json(stage.items)));
  Json interests = Json::array();
  for (const auto& [tag, weight] : list.interests)
    interests.push(Json().set("tag", tag).set("weight", weight));
  return Json()
      .set("candidates", list.candidates)
      .set("removed", std::move(removed))
      .set("sources", std::move(sources))
      .set("stages", std::move(stages))
      .set("interests", std::move(interests))
      .set("history", list.history)
      .set("fallback", list.fallback);
}

/// A person, or for an identity that never did anything a cold one.
Result<audience::PersonView> view_of(Services& s, const std::string& ref) {
  const auto person = s.people.resolve(ref);
  if (person) return s.people.view(*person);
  if (person.error().code == ErrorCode::kNotFound && ref.contains(':'))
    return audience::PersonView();
  return std::unexpected(person.error());
}

ApiResult inspect(Services& s, RecommendInspector& inspector, http::Request& r) {
  constexpr std::size_t kDepth = 20;
  ZHIYIN_TRY(const std::size_t depth,
             count_of(r, "depth", kDepth, 1, recommend::kInspectionDepthMax));
  const std::string wanted(r.query_or("version", ""));
  http::Request rest;  // what every list understands
  rest.query = r.query;
  rest.query.erase("depth");
  rest.query.erase("version");
  ZHIYIN_TRY(ListBody body, list_body_of(rest));
  body.explain = true;
  ZHIYIN_TRY(auto asked, to_request(body, s.clock.now()));
  ZHIYIN_TRY(const auto person, view_of(s, r.path_parameters["person"]));
  ZHIYIN_TRY(const auto version, inspector.version(wanted));
  if (person.id.value.empty() && body.account.empty()) {
    if (const auto identity = audience::parse_identity(r.path_parameters["person"]))
      asked.rules.accounts = std::vector{identity->account};
  }
  ZHIYIN_TRY(const auto prepared,
             s.recommendations.prepared(person, std::move(asked), body.account,
                                        version.recommender->candidates().has_accounts()));
  const recommend::RecommendRequest& request = prepared.request;
  ZHIYIN_TRY(const auto list, version.recommender->inspect(person, request, depth));
  Json out = Json()
                 .set("person", person.id.value.empty() ? Json() : Json(person.id.value))
                 .set("model", version.record.id)
                 .set("as_of", to_json(request.now))
                 .set("n", request.n);
  const Json inspection = to_json_inspection(list);
  for (const auto& [name, value] : *inspection.if_object()) out.set(name, value);
  return http::Response::json(out);
}

Json interval_json(const statistics::MeanInterval& mean) {
  return Json()
      .set("mean", mean.mean)
      .set("low", mean.interval.low)
      .set("high", mean.interval.high);
}

/// People all over the range of ids, the same for the same seed: ids are hashes, so each step from
/// a drawn place finds an arbitrary one.
Result<std::vector<audience::PersonView>> sample_people(Services& s, std::size_t count,
                                                        std::size_t seed) {
  std::vector<PersonId> found;
  ZHIYIN_TRY(const std::int64_t all, s.people.count());
  if (static_cast<std::size_t>(all) <= count) {
    ZHIYIN_TRY(found, s.people.list(PersonId(), count));
  } else {
    constexpr std::string_view kDigits = "abcdefghijklmnopqrstuvwxyz234567";
    const std::size_t tries_max = 3 * count;
    for (std::size_t i = 0; i < tries_max && found.size() < count; ++i) {
      std::uint64_t bits = crypto::xxh64(fmt::format("{}:{}", seed, i));
      std::string place = "p_";
      for (int d = 0; d < 12; ++d, bits /= 32) place += kDigits[bits % 32];
      ZHIYIN_TRY(const auto next, s.people.list(PersonId(place), 1));
      if (!next.empty() && std::ranges::find(found, next[0]) == found.end())
        found.push_back(next[0]);
    }
  }
  constexpr std::size_t kActivity = 5000;
  std::vector<audience::PersonView> out;
  for (const PersonId& person : found) {
    auto view = s.people.view(person, kActivity);
    if (!view && view.error().code == ErrorCode::kNotFound) continue;  // erased just now
    if (!view) return std::unexpected(std::move(view.error()));
    out.push_back(std::move(*view));
  }
  return out;
}

Json version_json(const InspectedVersion& version, const recommend::VersionLists& lists) {
  const model::ModelRecord& record = version.record;
  Json sources = Json::object();
  for (const auto& [source, count] : lists.sources) sources.set(source, count);
  return Json()
      .set("id", record.id)
      .set("trained_at", record.version > 0 ? to_json(record.created_at) : Json())
      .set("active", record.active)
      .set("settings", record.settings)
      .set("metrics", record.metrics)
      .set("sources", std::move(sources))
      .set("items", lists.items)
      .set("fallbacks", lists.fallbacks);
}

Json later_json(const recommend::LaterQuality& later, Instant since, std::size_t n) {
  // Below this a normal interval says little.
  constexpr std::size_t kPeopleMin = 30;
  Json out =
      Json().set("since", to_json(since)).set("people", later.people).set("wanted", later.wanted);
  if (later.people < kPeopleMin) {
    return out.set("refused", fmt::format("{} people of the sample liked something new since; at "
                                          "least {} are needed",
                                          later.people, kPeopleMin));
  }
  const std::string ndcg = fmt::format("ndcg@{}", n);
  const std::string recall = fmt::format("recall@{}", n);
  Json figures = Json::array();
  for (std::size_t v = 0; v < later.ndcg.size(); ++v) {
    figures.push(
        Json().set(ndcg, interval_json(later.ndcg[v])).set(recall, interval_json(later.recall[v])));
  }
  out.set("versions", std::move(figures));
  if (later.ndcg_difference) {
    out.set("difference", Json()
                              .set(ndcg, interval_json(*later.ndcg_difference))
                              .set(recall, interval_json(*later.recall_difference)));
  }
  return out;
}

Json names_json(const std::vector<recommend::RecommendedItem>& items) {
  Json out = Json::array();
  for (const recommend::RecommendedItem& one : items) {
    out.push(Json()
                 .set("kind", one.item.kind)
                 .set("id", one.item.id)
                 .set("title", one.title)
                 .set("source", one.source));
  }
  return out;
}

/// Those whose lists differ most.
Json examples_json(std::vector<recommend::ListPair> pairs) {
  constexpr std::size_t kExamples = 5;
  std::ranges::stable_sort(pairs, {}, &recommend::ListPair::overlap);
  if (pairs.size() > kExamples) pairs.resize(kExamples);
  Json out = Json::array();
  for (const recommend::ListPair& pair : pairs) {
    out.push(Json()
                 .set("person", pair.person.value)
                 .set("overlap", pair.overlap)
                 .set("lists",
                      Json::array().push(names_json(pair.first)).push(names_json(pair.second))));
  }
  return out;
}

ApiResult compare(Services& s, RecommendInspector& inspector, http::Request& r) {
  ZHIYIN_TRY_VOID(check_query(r, {"version", "with", "people", "n", "seed"}));
  constexpr std::size_t kPeople = 200;
  constexpr std::size_t kPeopleMax = 2000;
  ZHIYIN_TRY(const std::size_t people, count_of(r, "people", kPeople, 1, kPeopleMax));
  ZHIYIN_TRY(const std::size_t n, count_of(r, "n", 10, 1, 100));
  ZHIYIN_TRY(const std::size_t seed, count_of(r, "seed", 1, 0, 1'000'000'000));
  std::vector<InspectedVersion> versions;
  std::vector<const recommend::Recommender*> recommenders;
  Instant learnt_until{0};
  for (const std::string_view name : {"version", "with"}) {
    const std::string_view id = r.query_or(name, "");
    if (name == "with" && id.empty()) continue;
    auto version = inspector.version(id);
    if (!version) return std::unexpected(within(std::string(name), std::move(version.error())));
    if (version->record.version == 0)
      return fail(ErrorCode::kNotFound, "version: no recommender has been trained yet");
    learnt_until = std::max(learnt_until, version->record.created_at);
    recommenders.push_back(version->recommender.get());
    versions.push_back(std::move(*version));
  }
  ZHIYIN_TRY(const auto views, sample_people(s, people, seed));
  recommend::RecommendRequest request;
  request.n = n;
  request.now = s.clock.now();
  ZHIYIN_TRY(auto found, recommend::compare_versions(recommenders, views, request, learnt_until));
  Json list = Json::array();
  for (std::size_t v = 0; v < versions.size(); ++v)
    list.push(version_json(versions[v], found.versions[v]));
  Json out = Json().set("people", views.size()).set("n", n).set("versions", std::move(list));
  if (versions.size() > 1) {
    out.set("overlap", interval_json(found.overlap))
        .set("identical", found.identical)
        .set("examples", examples_json(std::move(found.pairs)));
  }
  return http::Response::json(out.set("later", later_json(found.later, learnt_until, n)));
}

ApiResult map(RecommendInspector& inspector, http::Request& r) {
  ZHIYIN_TRY_VOID(check_query(r, {"by", "kinds", "limit", "version"}));
  constexpr std::size_t kPoints = 2000;
  constexpr std::size_t kPointsMax = 5000;
  ZHIYIN_TRY(const std::size_t limit, count_of(r, "limit", kPoints, 1, kPointsMax));
  ZHIYIN_TRY(const auto by, recommend::map_by_of(r.query_or("by", "behaviour")));
  http::Request of_kinds;
  if (const auto kinds = r.query.find("kinds"); kinds != r.query.end())
    of_kinds.query.insert(*kinds);
  ZHIYIN_TRY(const ListBody body, list_body_of(of_kinds));
  ZHIYIN_TRY(const auto version, inspector.version(r.query_or("version", "")));
  const recommend::Recommender& recommender = *version.recommender;
  ZHIYIN_TRY(const auto found,
             recommend::map_catalogue(by, recommender.model(), recommender.candidates(), body.kinds,
                                      limit));
  constexpr std::size_t kTags = 5;
  Json points = Json::array();
  for (std::size_t i = 0; i < found.candidates.size(); ++i) {
    const std::uint32_t candidate = found.candidates[i];
    const recommend::CandidateItem& item = recommender.candidates().item(candidate);
    Json tags = Json::array();
    for (std::size_t t = 0; t < std::min(kTags, item.tags.size()); ++t)
      tags.push(item.tags[t].first);
    points.push(Json()
                    .set("kind", item.ref.kind)
                    .set("id", item.ref.id)
                    .set("title", item.title)
                    .set("category", item.category)
                    .set("tags", std::move(tags))
                    .set("popularity", recommender.candidates().popularity(candidate))
                    .set("x", static_cast<double>(found.plane.places[i][0]))
                    .set("y", static_cast<double>(found.plane.places[i][1])));
  }
  return http::Response::json(
      Json()
          .set("by", recommend::name_of(by))
          .set("model", version.record.id)
          .set("items", std::move(points))
          .set("left_out", found.left_out)
          .set("beyond", found.beyond)
          .set("shares", Json::array().push(found.plane.shares[0]).push(found.plane.shares[1])));
}

/// Of each, in order.
Result<std::vector<std::vector<catalogue::ItemStat>>> statistics_of(
    Services& s, const std::vector<ingest::ItemRef>& items) {
  std::vector<std::vector<catalogue::ItemStat>> out;
  ZHIYIN_TRY_VOID(s.state.read([&](storage::Session& db) -> Result<void> {
    out.clear();
    for (const ingest::ItemRef& item : items) {
      ZHIYIN_TRY(out.emplace_back(), catalogue::statistics_of(db, item));
    }
    return {};
  }));
  return out;
}

ApiResult items_overview(Services& s, http::Request& r) {
  ZHIYIN_TRY_VOID(check_query(r, {"kind", "tag", "category", "q", "status", "limit", "after"}));
  ZHIYIN_TRY(const std::size_t limit, list_limit(r));
  ItemSelection selection{std::string(r.query_or("kind", "")), std::string(r.query_or("tag", "")),
                          std::string(r.query_or("category", "")), std::string(r.query_or("q", "")),
                          std::nullopt};
  if (const auto status = r.query_or("status", ""); !status.empty()) {
    ZHIYIN_TRY(selection.status, item_status_of(status));
  }
  const Instant now = s.clock.now();
  ZHIYIN_TRY(const auto index, s.items.index());
  ZHIYIN_TRY(const auto page, select_items(*index, selection, r.query_or("after", ""), limit, now));
  std::vector<ingest::ItemRef> refs;
  for (const catalogue::IndexedItem* item : page.items) refs.push_back(item->ref);
  ZHIYIN_TRY(auto people, people_of_items(s.warehouse, refs));
  ZHIYIN_TRY(const auto statistics, statistics_of(s, refs));
  Json items = Json::array();
  for (std::size_t i = 0; i < refs.size(); ++i)
    items.push(overview_json(*page.items[i], statistics[i], people[refs[i]], now));
  return http::Response::json(Json()
                                  .set("items", std::move(items))
                                  .set("total", page.total)
                                  .set("next", page.next ? Json(*page.next) : Json())
                                  .set("by_status", to_json(page.by_status))
                                  .set("by_kind", to_json(page.by_kind)));
}

/// What goes with an item by the active version, not noted as shown.
Result<Json> similar_json(RecommendInspector& inspector, const ingest::ItemRef& item, Instant now) {
  recommend::RecommendRequest request;
  request.n = 8;
  request.now = now;
  ZHIYIN_TRY(const auto version, inspector.version(""));
  const auto found = version.recommender->similar(item, request);
  if (!found && found.error().code == ErrorCode::kNotFound) return Json::array();  // no candidate
  if (!found) return std::unexpected(found.error());
  Json out = Json::array();
  for (const recommend::RecommendedItem& one : found->items) out.push(item_json(one));
  return out;
}

ApiResult item_statistics(Services& s, RecommendInspector& inspector, http::Request& r) {
  constexpr int kDays = 30;
  const ingest::ItemRef ref{r.path_parameters["kind"], r.path_parameters["id"]};
  ZHIYIN_TRY(const auto index, s.items.index());
  const catalogue::IndexedItem* const item = index->find(ref);
  if (item == nullptr)
    return fail(ErrorCode::kNotFound, "item: there is no {}/{}", ref.kind, ref.id.substr(0, 80));
  const Instant now = s.clock.now();
  ZHIYIN_TRY(auto people, people_of_items(s.warehouse, {ref}));
  ZHIYIN_TRY(const auto statistics, statistics_of(s, {ref}));
  ZHIYIN_TRY(const Json report, item_report(s.warehouse, ref, now, kDays));
  Json out = overview_json(*item, statistics[0], people[ref], now);
  for (const auto& [name, value] : *report.if_object()) out.set(name, value);
  ZHIYIN_TRY(Json similar, similar_json(inspector, ref, now));
  return http::Response::json(out.set("similar", std::move(similar)));
}

}  // namespace

void add_recommend_inspect_routes(Api& api, Services& s) {
  const auto inspector = std::make_shared<RecommendInspector>(s.models, s.recommendations);
  api.route("GET", "/v1/recommend/compare", Role::kAnalyst,
            "Two versions of the recommender beside each other, for a sample of people",
            [&s, inspector](http::Request& r, const Caller&) { return compare(s, *inspector, r); });
  api.route("GET", "/v1/recommend/map", Role::kAnalyst,
            "The catalogue as a map: what is alike lies near",
            [inspector](http::Request& r, const Caller&) { return map(*inspector, r); });
  api.route("GET", "/v1/recommend/{person}/inspect", Role::kAnalyst,
            "How a person's list comes about: sources, rules, stages",
            [&s, inspector](http::Request& r, const Caller&) { return inspect(s, *inspector, r); });
  api.route("GET", "/v1/items/statistics", Role::kAnalyst,
            "The catalogue with status and figures of each item",
            [&s](http::Request& r, const Caller&) { return items_overview(s, r); });
  api.route("GET", "/v1/items/{kind}/{id}/statistics", Role::kAnalyst,
            "One item's figures by kind of event and by day",
            [&s, inspector](http::Request& r, const Caller&) {
              return item_statistics(s, *inspector, r);
            });
}

}  // namespace zhiyin::server
