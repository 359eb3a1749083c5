#include "server/recommend_wire.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "base/nearest.h"
#include "server/api.h"

namespace zhiyin::server {
namespace {

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    if (end > 0) out.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

Result<std::vector<ItemName>> items_of(std::string_view name, std::string_view text) {
  std::vector<ItemName> out;
  for (const std::string& word : words_of(text)) {
    const std::size_t slash = word.find('/');
    if (slash == 0 || slash == word.npos || slash + 1 == word.size())
      return fail_field(name, "'{}' is not KIND/ID", word.substr(0, 64));
    out.push_back({word.substr(0, slash), word.substr(slash + 1)});
  }
  return out;
}

/// A number of the query as a JSON number, so that the body's own bounds check it.
Result<void> add_number(Json& body, const http::Request& r, std::string_view name) {
  const auto given = r.query.find(name);
  if (given == r.query.end()) return {};
  const std::string_view text = given->second;
  const char* const end = text.data() + text.size();
  std::int64_t whole = 0;
  if (const auto found = std::from_chars(text.data(), end, whole);
      found.ec == std::errc() && found.ptr == end) {
    body.set(name, whole);
    return {};
  }
  double value = 0;
  const auto found = std::from_chars(text.data(), end, value);
  if (found.ec != std::errc() || found.ptr != end)
    return fail_field(name, "'{}' is not a number", text.substr(0, 20));
  body.set(name, value);
  return {};
}

constexpr std::string_view kNumbers[] = {"n",         "price_min",    "price_max",
                                         "diversity", "author_max",   "category_max",
                                         "topic_max", "campaign_max", "explore"};
constexpr std::string_view kParameters[] = {"n",
                                            "kind",
                                            "kinds",
                                            "categories",
                                            "exclude",
                                            "eligible",
                                            "pinned",
                                            "price_min",
                                            "price_max",
                                            "diversity",
                                            "rerank",
                                            "author_max",
                                            "category_max",
                                            "explore",
                                            "explain",
                                            "account",
                                            "time",
                                            "device",
                                            "channel",
                                            "place",
                                            "topics",
                                            "sentiments",
                                            "exclude_topics",
                                            "exclude_sentiments",
                                            "topic_max",
                                            "campaign_max",
                                            "return_after"};

Result<void> check_names(const http::Request& r) {
  for (const auto& [name, value] : r.query) {
    if (std::ranges::find(kParameters, name) != std::end(kParameters)) continue;
    const std::string_view near = nearest_name(name, kParameters);
    const std::string shown = name.substr(0, 64);
    if (near.empty()) return fail_field(shown, "is not a known parameter");
    return fail_field(shown, "is not a known parameter; did you mean '{}'?", near);
  }
  if (r.query.contains("kind") && r.query.contains("kinds"))
    return fail_field("kind", "is given beside kinds");
  return {};
}

std::vector<recommend::ItemRef> refs_of(const std::vector<ItemName>& items) {
  std::vector<recommend::ItemRef> out;
  for (const ItemName& item : items) out.push_back({item.kind, item.id});
  return out;
}

/// UUIDv7 (RFC 9562) of a time within 30 days before `now`: the form in which impressions are
/// named.
bool is_impression_id(std::string_view id, Instant now) {
  constexpr std::string_view kForm = "xxxxxxxx-xxxx-7xxx-xxxx-xxxxxxxxxxxx";
  if (id.size() != kForm.size()) return false;
  std::int64_t milliseconds = 0;
  for (std::size_t i = 0; i < id.size(); ++i) {
    const char c = id[i];
    if (kForm[i] != 'x') {
      if (c != kForm[i]) return false;
      continue;
    }
    const bool digit = c >= '0' && c <= '9';
    if (!digit && !(c >= 'a' && c <= 'f')) return false;
    constexpr std::size_t kTimeEnds = 13;
    if (i < kTimeEnds) milliseconds = milliseconds * 16 + (digit ? c - '0' : c - 'a' + 10);
  }
  const Instant made{milliseconds * 1000};
  return made <= now + ingest::kAheadMax && now - made <= 30 * kDay;
}

}  // namespace

Result<recommend::RecommendRequest> to_request(const ListBody& body, Instant now) {
  if (body.rerank != "mmr" && body.rerank != "dpp")
    return fail_field("rerank", "'{}' is not mmr or dpp", body.rerank);
  recommend::RecommendRequest out;
  out.n = static_cast<std::size_t>(body.n);
  out.now = now;
  out.rules.kinds = body.kinds;
  out.rules.categories = body.categories;
  out.rules.topics = body.topics;
  out.rules.sentiments = body.sentiments;
  out.rules.exclude_topics = body.exclude_topics;
  out.rules.exclude_sentiments = body.exclude_sentiments;
  out.rules.exclude = refs_of(body.exclude);
  if (body.eligible) out.rules.eligible = refs_of(*body.eligible);
  out.rules.price_min_fen = body.price_min;
  out.rules.price_max_fen = body.price_max;
  out.pinned = refs_of(body.pinned);
  out.diversity = body.diversity;
  out.rerank = body.rerank == "mmr" ? recommend::Rerank::kMmr : recommend::Rerank::kDpp;
  out.author_max = static_cast<std::size_t>(body.author_max);
  out.category_max = static_cast<std::size_t>(body.category_max);
  out.topic_max = static_cast<std::size_t>(body.topic_max);
  out.campaign_max = static_cast<std::size_t>(body.campaign_max);
  out.rules.return_after = body.return_after;
  out.explore = static_cast<std::size_t>(body.explore);
  out.explain = body.explain;
  out.context = {body.time, body.device, body.channel, body.place};
  return out;
}

Result<ingest::WireEvent> to_event(const FeedbackBody& body, Instant now) {
  // What says nothing about the item, or only the platform knows, comes by POST /v1/events.
  const auto response = recommend::response_of(body.kind);
  const bool known = (response && !recommend::is_of_account(*response)) || body.kind == "rating" ||
                     body.kind == "show";
  if (!known)
    return fail_field("kind", "'{}' is not one of {}, rating, show", body.kind,
                      fmt::join(recommend::item_response_kinds(), ", "));
  if (!body.impression.empty() && !is_impression_id(body.impression, now))
    return fail_field("impression", "'{}' is not the impression of an answer of the last 30 days",
                      body.impression);
  ingest::WireEvent out;
  out.event_id = body.event_id;
  out.account = body.account;
  out.kind = body.kind;
  out.item = ingest::ItemRef{body.item.kind, body.item.id};
  out.value = body.value;
  out.occurred_at = body.occurred_at;
  if (!body.impression.empty()) out.properties.set("impression", body.impression);
  return out;
}

namespace {

Result<ListBody> parse_query(const http::Request& request) {
  ZHIYIN_TRY_VOID(check_names(request));
  Json numbers = Json::object();
  for (const std::string_view name : kNumbers) ZHIYIN_TRY_VOID(add_number(numbers, request, name));
  ZHIYIN_TRY(ListBody out, from_json<ListBody>(numbers));
  out.kinds = words_of(request.query_or("kinds", request.query_or("kind", "")));
  out.categories = words_of(request.query_or("categories", ""));
  out.topics = words_of(request.query_or("topics", ""));
  out.sentiments = words_of(request.query_or("sentiments", ""));
  out.exclude_topics = words_of(request.query_or("exclude_topics", ""));
  out.exclude_sentiments = words_of(request.query_or("exclude_sentiments", ""));
  ZHIYIN_TRY(out.exclude, items_of("exclude", request.query_or("exclude", "")));
  ZHIYIN_TRY(out.pinned, items_of("pinned", request.query_or("pinned", "")));
  // Given without a name it leaves nothing, as an empty array of a body does.
  if (const auto eligible = request.query.find("eligible"); eligible != request.query.end()) {
    ZHIYIN_TRY(out.eligible, items_of("eligible", eligible->second));
  }
  out.rerank = request.query_or("rerank", "mmr");
  const std::string_view explain = request.query_or("explain", "false");
  if (explain != "true" && explain != "false")
    return fail_field("explain", "'{}' is not true or false", explain.substr(0, 20));
  out.explain = explain == "true";
  out.account = request.query_or("account", "");
  out.device = request.query_or("device", "");
  out.channel = request.query_or("channel", "");
  out.place = request.query_or("place", "");
  for (const auto& [name, text] :
       {std::pair("device", &out.device), std::pair("channel", &out.channel),
        std::pair("place", &out.place)}) {
    constexpr std::size_t kBytesMax = 64;
    if (text->size() > kBytesMax)
      return fail_field(name, "has {} bytes, at most {}", text->size(), kBytesMax);
  }
  if (const auto after = request.query.find("return_after"); after != request.query.end()) {
    auto read = parse_duration(after->second);
    if (!read) return fail_field("return_after", "{}", read.error().message);
    out.return_after = *read;
  }
  if (const auto time = request.query.find("time"); time != request.query.end()) {
    auto read = parse_time(time->second, TimeZone::shanghai());
    if (!read) return fail_field("time", "{}", read.error().message);
    out.time = *read;
  }
  return out;
}

/// What stands behind the path.
std::string_view query_of(const http::Request& request) {
  const std::string_view target = request.target;
  return target.substr(std::min(target.find('?'), target.size()));
}

}  // namespace

Result<ListBody> list_body_of(const http::Request& request) {
  // Pages ask with the same words again and again: each thread remembers its last ones.
  struct Last {
    std::string query;
    ListBody body;
  };
  thread_local std::optional<Last> last;
  constexpr std::size_t kRememberedMax = 1024;
  const std::string_view query = query_of(request);
  if (query.empty()) return parse_query(request);  // also made by hand, without a target
  if (last && last->query == query) return last->body;
  ZHIYIN_TRY(ListBody body, parse_query(request));
  if (query.size() <= kRememberedMax) last = Last{std::string(query), body};
  return body;
}

namespace {

/// Null where nothing is known of any.
Json responses_of(const recommend::RecommendedItem& item) {
  Json out;
  for (std::size_t r = 0; r < recommend::kResponses; ++r) {
    if (item.responses[r] > 0)
      out.set(recommend::response_name(static_cast<recommend::Response>(r)), item.responses[r]);
  }
  return out;
}

}  // namespace

Result<recommend::RecommendRequest> request_of(const ListBody& body, const Caller& caller,
                                               Instant now) {
  ZHIYIN_TRY(auto out, to_request(body, now));
  if (out.context.place.empty()) out.context.place = caller.csrf.empty() ? "api" : "console";
  ZHIYIN_TRY_VOID(check_account(caller, body.account));
  return out;
}

Json item_json(const recommend::RecommendedItem& item) {
  Json one;
  one.set("item",
          Json().set("kind", item.item.kind).set("id", item.item.id).set("title", item.title));
  one.set("score", item.score).set("reason", item.reason).set("reason_en", item.reason_en);
  one.set("source", item.source).set("propensity", item.propensity);
  if (item.value) one.set("value", *item.value);
  if (item.team > 0) one.set("team", static_cast<std::int64_t>(item.team));
  if (Json responses = responses_of(item); !responses.is_null())
    one.set("responses", std::move(responses));
  if (!item.value_terms.empty()) {
    Json parts = Json::array();
    for (const auto& [input, share] : item.value_terms)
      parts.push(Json().set("input", input).set("share", share));
    one.set("value_terms", std::move(parts));
  }
  if (item.terms.empty()) return one;
  Json terms = Json::array();
  for (const recommend::ScoreTerm& term : item.terms) {
    terms.push(
        Json()
            .set(
                "item",
                Json().set("kind", term.item.kind).set("id", term.item.id).set("title", term.title))
            .set("share", term.share));
  }
  one.set("terms", std::move(terms));
  return one;
}

namespace {

/// Of an A/B test.
std::string_view group_name(recommend::AbGroup group) {
  return group == recommend::AbGroup::kB ? "B" : "A";
}

}  // namespace

Json to_json_answer(const Recommendations::Answer& answer, Json out) {
  Json items = Json::array();
  for (const recommend::RecommendedItem& item : answer.response.items) items.push(item_json(item));
  out.set("items", std::move(items))
      .set("model", answer.model_id)
      .set("ranker", answer.ranker_id.empty() ? Json() : Json(answer.ranker_id))
      .set("impression", answer.impression_id.empty() ? Json() : Json(answer.impression_id))
      .set("fallback", answer.response.fallback);
  if (answer.group != recommend::AbGroup::kNone) out.set("group", group_name(answer.group));
  if (!answer.response.tired.empty()) {
    Json tired = Json::array();
    for (const recommend::ItemRef& ref : answer.response.tired)
      tired.push(Json().set("kind", ref.kind).set("id", ref.id));
    out.set("tired", std::move(tired));
  }
  return out;
}

namespace {

void append_member(std::string& out, std::string_view name, std::string_view text) {
  out.append(name);
  append_json_string(out, text);
}

void append_member(std::string& out, std::string_view name, double number) {
  out.append(name);
  append_json_number(out, number);
}

void append_item(std::string& out, const recommend::RecommendedItem& item) {
  if (!item.terms.empty() || !item.value_terms.empty() ||
      std::ranges::any_of(item.responses, [](double p) { return p > 0; })) {
    out += item_json(item).dump();
    return;
  }
  append_member(out, R"({"item":{"kind":)", item.item.kind);
  append_member(out, R"(,"id":)", item.item.id);
  append_member(out, R"(,"title":)", item.title);
  append_member(out, R"(},"score":)", item.score);
  append_member(out, R"(,"reason":)", item.reason);
  append_member(out, R"(,"reason_en":)", item.reason_en);
  append_member(out, R"(,"source":)", item.source);
  append_member(out, R"(,"propensity":)", item.propensity);
  if (item.value) append_member(out, R"(,"value":)", *item.value);
  if (item.team > 0) fmt::format_to(std::back_inserter(out), R"(,"team":{})", item.team);
  out += '}';
}

}  // namespace

void append_answer(std::string& out, const Recommendations::Answer& answer,
                   const std::optional<PersonId>& person) {
  if (!answer.response.tired.empty()) {
    out +=
        to_json_answer(answer, Json().set("person", person ? Json(person->value) : Json())).dump();
    return;
  }
  const auto append_name = [&](std::string_view name, const std::string& id) {
    out.append(name);
    if (id.empty()) {
      out += "null";
    } else {
      append_json_string(out, id);
    }
  };
  constexpr std::size_t kItemBytes = 350;  // about, in UTF-8 of Chinese
  out.reserve(out.size() + kItemBytes * (1 + answer.response.items.size()));
  append_name(R"({"person":)", person ? person->value : std::string());
  out += R"(,"items":[)";
  for (std::size_t i = 0; i < answer.response.items.size(); ++i) {
    if (i > 0) out += ',';
    append_item(out, answer.response.items[i]);
  }
  append_member(out, R"(],"model":)", answer.model_id);
  append_name(R"(,"ranker":)", answer.ranker_id);
  append_name(R"(,"impression":)", answer.impression_id);
  out += answer.response.fallback ? R"(,"fallback":true)" : R"(,"fallback":false)";
  if (answer.group != recommend::AbGroup::kNone)
    append_member(out, R"(,"group":)", group_name(answer.group));
  out += '}';
}

}  // namespace zhiyin::server
