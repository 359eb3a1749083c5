// People and what is known about them; the catalogue.
#include <algorithm>
#include <charconv>
#include <iterator>

#include "audience/erase.h"
#include "audience/interests.h"
#include "audience/portrait.h"
#include "audience/response_training.h"
#include "catalogue/item_readings.h"
#include "delivery/touch.h"
#include "ingest/warehouse_writer.h"
#include "server/erasures.h"
#include "server/recommend_job.h"
#include "server/routes.h"
#include "server/sent_back.h"

namespace zhiyin::server {
namespace {

Json item_json(const ingest::ItemRef& ref, const catalogue::ItemIndex& index) {
  return Json().set("kind", ref.kind).set("id", ref.id).set("title", index.title(ref));
}

/// Whom a request names: one person (or nobody) by `q`, the members of a segment, or everybody.
struct Filter {
  std::optional<std::vector<PersonId>> people;  ///< ascending; absent: everybody
  std::int64_t total = 0;
};

Result<Filter> read_filter(Services& s, http::Request& r) {
  Filter filter;
  if (const auto q = r.query_or("q", ""); !q.empty()) {
    auto& found = filter.people.emplace();
    auto person = s.people.resolve(q);
    if (person) {
      found.push_back(std::move(*person));
    } else if (person.error().code != ErrorCode::kNotFound) {
      return std::unexpected(within("q", std::move(person.error())));
    }
  } else if (const auto segment = r.query_or("segment", ""); !segment.empty()) {
    ZHIYIN_TRY_VOID(s.settle());
    ZHIYIN_TRY(filter.people, s.segments.members(SegmentId(std::string(segment)), s.clock.now()));
  } else {
    ZHIYIN_TRY(filter.total, s.people.count());
    return filter;
  }
  filter.total = static_cast<std::int64_t>(filter.people->size());
  return filter;
}

/// The next `limit` at most, in order of id.
Result<std::vector<PersonId>> page_of(Services& s, const Filter& filter, const PersonId& after,
                                      std::size_t limit) {
  if (!filter.people) return s.people.list(after, limit);
  const auto from = std::upper_bound(filter.people->begin(), filter.people->end(), after);
  const auto left = static_cast<std::size_t>(filter.people->end() - from);
  return std::vector<PersonId>(from, from + static_cast<std::ptrdiff_t>(std::min(limit, left)));
}

/// What a list shows of a person.
struct Line {
  audience::PersonSummary person;
  std::vector<std::string> interests;
};

Result<std::vector<Line>> lines_of(Services& s, std::span<const PersonId> people,
                                   const catalogue::ItemIndex& index) {
  constexpr std::size_t kActivityForList = 300;
  constexpr std::size_t kInterestsShown = 3;
  ZHIYIN_TRY(auto summaries, s.people.summaries(people));
  const Instant now = s.clock.now();
  const auto tags = [&](const ingest::ItemRef& ref) { return index.tags(ref); };
  std::vector<Line> lines;
  for (auto& person : summaries) {
    const auto view = s.people.view(person.id, kActivityForList);
    if (!view && view.error().code == ErrorCode::kNotFound) continue;  // erased just now
    if (!view) return std::unexpected(view.error());
    Line& line = lines.emplace_back(std::move(person));
    for (const auto& interest : audience::interests(*view, tags, now, kInterestsShown))
      line.interests.push_back(interest.tag);
  }
  return lines;
}

/// Everybody whom the filter leaves, read page by page: at once there are one page and the text.
ApiResult people_csv(Services& s, const Filter& filter) {
  constexpr std::int64_t kRowsMax = 1'000'000;
  constexpr std::size_t kPage = 1000;
  ZHIYIN_TRY(const auto index, s.items.index());
  std::string csv = "person,first_seen,last_seen,events,following,interests\n";
  PersonId after;
  std::int64_t rows = 0;
  for (std::size_t got = kPage; got == kPage && rows < kRowsMax;) {
    ZHIYIN_TRY(const auto page, page_of(s, filter, after, kPage));
    got = page.size();
    if (!page.empty()) after = page.back();
    ZHIYIN_TRY(const auto lines, lines_of(s, page, *index));
    for (const auto& [person, interests] : lines) {
      std::string words;
      for (const std::string& interest : interests) words += (words.empty() ? "" : " ") + interest;
      fmt::format_to(std::back_inserter(csv), "{},{},{},{},{},{}\n", person.id.value,
                     format_time(person.first_seen, TimeZone::shanghai()),
                     format_time(person.last_seen, TimeZone::shanghai()), person.events,
                     person.following.empty() ? "no" : "yes", csv_cell(words));
      ++rows;
    }
  }
  http::Response response = csv_download(std::move(csv), "people.csv");
  if (filter.total > kRowsMax)
    response.headers.emplace_back("X-Rows-Left-Out", std::to_string(filter.total - kRowsMax));
  return response;
}

ApiResult list_people(Services& s, http::Request& r) {
  ZHIYIN_TRY(const std::size_t limit, list_limit(r));
  ZHIYIN_TRY(const Filter filter, read_filter(s, r));
  if (r.query_or("format", "json") == "csv") return people_csv(s, filter);
  const PersonId after{std::string(r.query_or("after", ""))};
  ZHIYIN_TRY(const auto page, page_of(s, filter, after, limit));
  ZHIYIN_TRY(const auto index, s.items.index());
  ZHIYIN_TRY(const auto lines, lines_of(s, page, *index));
  Json items = Json::array();
  for (const auto& [person, interests] : lines) {
    Json one;
    one.set("id", person.id.value)
        .set("first_seen", to_json(person.first_seen))
        .set("last_seen", to_json(person.last_seen));
    one.set("events", person.events)
        .set("following", to_json(person.following))
        .set("interests", to_json(interests));
    items.push(std::move(one));
  }
  Json next;
  const bool last = filter.people && (page.empty() || page.back() == filter.people->back());
  if (page.size() == limit && !last) next = page.back().value;
  return http::Response::json(Json()
                                  .set("items", std::move(items))
                                  .set("total", filter.total)
                                  .set("next", std::move(next)));
}

ApiResult portrait(Services& s, http::Request& r) {
  ZHIYIN_TRY(const PersonId person, s.people.resolve(r.path_parameters["person"]));
  ZHIYIN_TRY(auto portrait,
             audience::portrait(s.people, s.items, &s.segments, person, s.clock.now()));
  const auto score = audience::response_score(s.models, s.people, person, s.clock.now());
  if (score && *score) portrait.response = **score;
  return http::Response::json(to_json(portrait));
}

ApiResult events(Services& s, http::Request& r) {
  ZHIYIN_TRY(const PersonId person, s.people.resolve(r.path_parameters["person"]));
  ZHIYIN_TRY(const std::size_t limit, list_limit(r));
  ZHIYIN_TRY(const auto page, s.people.events(person, r.query_or("after", ""), limit));
  ZHIYIN_TRY(const auto index, s.items.index());
  Json items = Json::array();
  for (const audience::Activity& a : page.activity) {
    Json one;
    one.set("at", to_json(a.at)).set("kind", a.kind);
    one.set("item", a.item ? item_json(*a.item, *index) : Json());
    one.set("value", a.value).set("account", a.account);
    one.set("properties",
            a.properties.empty() ? Json() : parse_json(a.properties).value_or(Json()));
    items.push(std::move(one));
  }
  return http::Response::json(
      Json().set("items", std::move(items)).set("next", page.next ? Json(*page.next) : Json()));
}

/// `next` of the page before: MICROSECONDS:TOUCH.
Result<delivery::TouchPlace> touch_place(std::string_view after) {
  delivery::TouchPlace place;
  if (after.empty()) return place;
  const auto [end, ec] =
      std::from_chars(after.data(), after.data() + after.size(), place.decided_at.us);
  if (ec != std::errc() || end == after.data() + after.size() || *end != ':') {
    return fail_field("after", "'{}' is no `next` of a page of touches", after.substr(0, 80));
  }
  place.id = TouchId(std::string(end + 1, after.data() + after.size()));
  return place;
}

ApiResult touches(Services& s, http::Request& r) {
  ZHIYIN_TRY(const PersonId person, s.people.resolve(r.path_parameters["person"]));
  ZHIYIN_TRY(const auto identities, s.people.identities(person));
  ZHIYIN_TRY(const std::size_t limit, list_limit(r));
  ZHIYIN_TRY(const delivery::TouchPlace after, touch_place(r.query_or("after", "")));
  std::vector<delivery::Touch> found;
  ZHIYIN_TRY_VOID(s.state.read([&](storage::Session& db) -> Result<void> {
    ZHIYIN_TRY(found, delivery::SendLedger::of_identities(db, identities, limit, after));
    return {};
  }));
  Json items = Json::array();
  for (const delivery::Touch& touch : found) {
    const auto words = delivery::rule_words(touch.rule);
    Json one;
    one.set("touch", touch.id.value)
        .set("campaign", touch.campaign.value)
        .set("channel", enum_name(touch.channel));
    one.set("state", enum_name(touch.state)).set("rule", enum_name(touch.rule));
    one.set("explanation", words.zh).set("explanation_en", words.en).set("error", touch.error);
    one.set("at", to_json(touch.sent_at.value_or(touch.decided_at)));
    one.set("clicked_at", touch.clicked_at ? to_json(*touch.clicked_at) : Json());
    items.push(std::move(one));
  }
  Json next;
  if (found.size() == limit)
    next = fmt::format("{}:{}", found.back().decided_at.us, found.back().id.value);
  return http::Response::json(Json().set("items", std::move(items)).set("next", std::move(next)));
}

ApiResult why(Services& s, http::Request& r) {
  ZHIYIN_TRY(const PersonId person, s.people.resolve(r.path_parameters["person"]));
  ZHIYIN_TRY(const auto membership,
             s.segments.why(SegmentId(r.path_parameters["segment"]), person, s.clock.now()));
  return http::Response::json(Json()
                                  .set("member", membership.member)
                                  .set("as_of", to_json(membership.as_of))
                                  .set("explanation", membership.explanation));
}

/// What was read out of an item's text.
Json reading_json(const catalogue::ItemReading& reading) {
  Json keywords = Json::array();
  for (const std::string& word : reading.keywords) keywords.push(word);
  const auto named = [](const std::string& name) { return name.empty() ? Json() : Json(name); };
  return Json()
      .set("keywords", std::move(keywords))
      .set("topic", named(reading.topic))
      .set("sentiment", named(reading.sentiment))
      .set("group", named(reading.group))
      .set("vector", !reading.vector.empty());
}

ApiResult put_items(Services& s, http::Request& r) {
  ZHIYIN_TRY(Json json, parse_json(r.body, 32 << 20));
  std::vector<catalogue::Item> items;
  // An item that was read can be changed and sent back; what was read out of its text is found
  // anew, and hiding it has calls of its own.
  static constexpr std::string_view kFoundAnew[] = {"reading", "hidden"};
  if (Json::Array* list = json.if_array()) {
    for (Json& one : *list) {
      ZHIYIN_TRY(one, sent_back(one, Json::object(), {}, kFoundAnew));
    }
    ZHIYIN_TRY(items, from_json<std::vector<catalogue::Item>>(json));
  } else {
    ZHIYIN_TRY(json, sent_back(json, Json::object(), {}, kFoundAnew));
    ZHIYIN_TRY(items.emplace_back(), from_json<catalogue::Item>(json));
  }
  ZHIYIN_TRY_VOID(s.items.put(items));
  return http::Response::json(Json().set("stored", items.size()), 201);
}

ApiResult list_items(Services& s, http::Request& r) {
  ZHIYIN_TRY(const std::size_t limit, list_limit(r));
  catalogue::ItemFilter filter;
  filter.kind = r.query_or("kind", "");
  filter.tag = r.query_or("tag", "");
  filter.category = r.query_or("category", "");
  filter.text = r.query_or("q", "");
  ZHIYIN_TRY(const auto page, s.items.list(filter, r.query_or("after", ""), limit));
  ZHIYIN_TRY(const std::int64_t total, s.items.count(filter));
  return http::Response::json(Json()
                                  .set("items", to_json(page.items))
                                  .set("total", total)
                                  .set("next", page.next ? Json(*page.next) : Json()));
}

/// What the warehouse still says of the identities: their events, by hash, with the clear part of
/// `properties`.
Result<std::int64_t> events_in_warehouse(Services& s,
                                         const std::vector<storage::IdentityHash>& identities) {
  std::int64_t events = 0;
  for (const storage::IdentityHash& identity : identities) {
    ZHIYIN_TRY(const auto rows, s.warehouse.query("SELECT COUNT(*) FROM events WHERE identity = ?",
                                                  {storage::to_hex(identity)}));
    events += storage::as_int(rows.rows.at(0).at(0));
  }
  return events;
}

/// Before the person is forgotten, so that it can be repeated when it is cut off.
Result<void> remove_events(Services& s, const std::vector<storage::IdentityHash>& identities) {
  return s.while_warehouse_stands([&]() -> Result<void> {
    for (const storage::IdentityHash& identity : identities) {
      ZHIYIN_TRY_VOID(
          s.warehouse.remove(ingest::events_table(), "identity = ?", {storage::to_hex(identity)}));
    }
    return {};
  });
}

/// How long clear properties of the person's events stay where they are.
std::string log_kept(const Services& s) {
  const Duration keep = s.options.duration("retention.log");
  return keep > Duration{0} ? format_duration(keep) : "for ever";
}
std::string warehouse_kept(const Services& s, std::int64_t events) {
  const std::string& rules = s.options.text("retention.events");
  return events == 0 ? "nothing" : rules.empty() ? "for ever" : rules;
}

ApiResult erase_person(Services& s, http::Request& r) {
  const std::string_view events = r.query_or("events", "keep");
  if (events != "keep" && events != "remove")
    return fail_field("events", "'{}' is neither keep nor remove", events.substr(0, 20));
  ZHIYIN_TRY_VOID(s.settle());  // what was acknowledged goes with the rest
  ZHIYIN_TRY(const PersonId person, s.people.resolve(r.path_parameters["person"]));
  ZHIYIN_TRY(const auto identities, s.people.identities(person));
  ZHIYIN_TRY(const std::int64_t before, events_in_warehouse(s, identities));
  if (events == "remove") ZHIYIN_TRY_VOID(remove_events(s, identities));
  ZHIYIN_TRY_VOID(s.recommendations.forget(person));
  ZHIYIN_TRY_VOID(forget_counted(s.kept_counts, s.people, person));
  ZHIYIN_TRY(const auto certificate,
             audience::erase(s.people, person, s.clock.now(), s.recommendations.recent()));
  ZHIYIN_TRY_VOID(s.settle());
  ZHIYIN_TRY(const std::int64_t left, events_in_warehouse(s, identities));
  return http::Response::json(
      audience::to_json(certificate)
          .set("warehouse_removed", before - left)
          .set("remains", Json()
                              .set("warehouse_events", left)
                              .set("warehouse_kept", warehouse_kept(s, left))
                              .set("log_kept", log_kept(s))));
}

}  // namespace

void add_people_routes(Api& api, Services& s) {
  api.route("GET", "/v1/people", Role::kAnalyst, "People; q, segment; format=csv: all of them",
            [&s](http::Request& r, const Caller&) { return list_people(s, r); });
  api.route("GET", "/v1/people/{person}", Role::kAnalyst, "One person's portrait",
            [&s](http::Request& r, const Caller&) { return portrait(s, r); });
  api.route("GET", "/v1/people/{person}/events", Role::kAnalyst, "What the person did",
            [&s](http::Request& r, const Caller&) { return events(s, r); });
  api.route("GET", "/v1/people/{person}/touches", Role::kAnalyst, "What was sent, and why not",
            [&s](http::Request& r, const Caller&) { return touches(s, r); });
  api.route("GET", "/v1/people/{person}/segments/{segment}", Role::kAnalyst, "Why in the segment",
            [&s](http::Request& r, const Caller&) { return why(s, r); });
  api.route("DELETE", "/v1/people/{person}", Role::kAdmin,
            "Erase a person; answers with a certificate",
            [&s](http::Request& r, const Caller&) { return erase_person(s, r); });
  api.route("GET", "/v1/erasures", Role::kAdmin,
            "What WeChat asked to be forgotten, newest first, with certificates",
            [&s](http::Request& r, const Caller&) -> ApiResult {
              ZHIYIN_TRY(const std::size_t limit, list_limit(r));
              ZHIYIN_TRY(const Json list, list_erasures(s.state, r.query_or("after", ""), limit));
              return http::Response::json(list);
            });
  api.route("GET", "/v1/items", of_account(Role::kAnalyst), "The catalogue",
            [&s](http::Request& r, const Caller&) { return list_items(s, r); });
  api.route(
      "POST", "/v1/items", Role::kOperator, "Add or replace items: one, or an array",
      [&s](http::Request& r, const Caller&) { return put_items(s, r); }, 32 << 20,
      json_schema<catalogue::Item>());
  api.route("GET", "/v1/items/{kind}/{id}", of_account(Role::kAnalyst), "One item",
            [&s](http::Request& r, const Caller&) -> ApiResult {
              const ingest::ItemRef ref{r.path_parameters["kind"], r.path_parameters["id"]};
              ZHIYIN_TRY(const auto item, s.items.get(ref));
              Json out = to_json(item);
              ZHIYIN_TRY(const auto index, s.items.index());
              const auto* const indexed = index->find(ref);
              out.set("hidden", indexed != nullptr && indexed->hidden);
              if (const auto reading = catalogue::ItemReadings(s.state).get(ref))
                out.set("reading", reading_json(*reading));
              return http::Response::json(out);
            });
  const auto hide = [&](std::string_view path, std::string_view summary, bool hidden) {
    api.route("POST", path, Role::kOperator, summary,
              [&s, hidden](http::Request& r, const Caller&) -> ApiResult {
                const ingest::ItemRef ref{r.path_parameters["kind"], r.path_parameters["id"]};
                ZHIYIN_TRY_VOID(s.items.hide(ref, hidden, s.clock.now()));
                return http::Response::json(
                    Json().set("kind", ref.kind).set("id", ref.id).set("hidden", hidden));
              });
  };
  hide("/v1/items/{kind}/{id}/hide", "Take an item out of all lists at once", true);
  hide("/v1/items/{kind}/{id}/unhide", "Let a hidden item back into lists", false);
  api.route("DELETE", "/v1/items/{kind}/{id}", Role::kOperator, "Remove an item",
            [&s](http::Request& r, const Caller&) -> ApiResult {
              ZHIYIN_TRY_VOID(s.items.remove({r.path_parameters["kind"], r.path_parameters["id"]}));
              return http::Response::json(Json::object());
            });
}

}  // namespace zhiyin::server
