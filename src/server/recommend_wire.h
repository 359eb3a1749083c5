#pragma once

#include <string>
#include <vector>

#include "base/json_binding.h"
#include "http/message.h"
#include "ingest/event.h"
#include "recommend/recommender.h"
#include "server/recommendations.h"

/// Requests for and answers with recommendations, on the wire.
namespace zhiyin::server {

/// An item by kind and id.
struct ItemName {
  std::string kind;
  std::string id;
};
/// Something that a visitor did in this session.
struct SessionAct {
  std::string kind;
  ItemName item;
  std::int64_t value = 0;
};

/// The body of POST /v1/recommend/session and /batch; its members up to `explain` are what every
/// list understands.
struct ListBody {
  std::int64_t n = 10;
  std::vector<std::string> kinds;
  std::vector<std::string> categories;
  std::vector<ItemName> exclude;
  std::optional<std::vector<ItemName>> eligible;
  std::vector<ItemName> pinned;
  std::optional<std::int64_t> price_min;
  std::optional<std::int64_t> price_max;
  double diversity = 0;
  std::string rerank = "mmr";
  std::int64_t author_max = 0;
  std::int64_t category_max = 0;
  std::int64_t explore = 0;
  bool explain = false;
  std::string account;
  std::vector<SessionAct> events;   ///< of a session, oldest first
  std::vector<std::string> people;  ///< of a batch
  std::string segment;              ///< of a batch, instead of people
};

/// kInvalidArgument names the member.
Result<recommend::RecommendRequest> to_request(const ListBody& body, Instant now);
/// The same from a query: n, kind or kinds, categories, exclude, eligible and pinned (`kind/id`,
/// separated by commas), price_min, price_max, diversity, rerank, author_max, category_max,
/// explore, explain, account. kInvalidArgument names the parameter; unknown ones are refused.
Result<ListBody> list_body_of(const http::Request& request);

/// {"item","score","source","reason","reason_en","propensity","terms" (where there are any)}
Json item_json(const recommend::RecommendedItem& item);
/// {"items":[{"item","score","source","reason","reason_en","propensity","terms"}],"model","fallback"},
/// after the members that `out` already has.
Json to_json_answer(const Recommendations::Answer& answer, Json out = Json::object());

}  // namespace zhiyin::server

template <>
struct zhiyin::Fields<zhiyin::server::ItemName> {
  using N = zhiyin::server::ItemName;
  static constexpr std::string_view name = "ItemName";
  static constexpr auto list =
      field_list(field("kind", &N::kind, "article, product, …").length(1, 32),
                 field("id", &N::id, "unique within its kind").length(1, ingest::kItemIdBytesMax));
};
template <>
struct zhiyin::Fields<zhiyin::server::SessionAct> {
  using A = zhiyin::server::SessionAct;
  static constexpr std::string_view name = "SessionAct";
  static constexpr auto list =
      field_list(field("kind", &A::kind, "kind of the event: read, like, …").length(1, 64),
                 field("item", &A::item, "what it was about"),
                 field("value", &A::value, "as of an event").optional());
};
template <>
struct zhiyin::Fields<zhiyin::server::ListBody> {
  using B = zhiyin::server::ListBody;
  static constexpr std::string_view name = "ListBody";
  static constexpr auto list = field_list(
      field("n", &B::n, "how many (10)").range(1, recommend::kListMax).optional(),
      field("kinds", &B::kinds, "only items of these kinds").length(0, 32).optional(),
      field("categories", &B::categories, "only items of these categories")
          .length(0, 100)
          .optional(),
      field("exclude", &B::exclude, "never these items").length(0, 10'000).optional(),
      field("eligible", &B::eligible, "only these items").length(0, 10'000),
      field("pinned", &B::pinned, "stand first, where the rules allow them")
          .length(0, 300)
          .optional(),
      field("price_min", &B::price_min, "in fen").range(0, 1e12),
      field("price_max", &B::price_max, "in fen").range(0, 1e12),
      field("diversity", &B::diversity, "0: by quality alone … 1: by difference alone")
          .range(0, 1)
          .optional(),
      field("rerank", &B::rerank, "mmr or dpp: how variety is made").length(0, 8).optional(),
      field("author_max", &B::author_max, "items of one author (0: any number)")
          .range(0, 300)
          .optional(),
      field("category_max", &B::category_max, "items of one category (0: any number)")
          .range(0, 300)
          .optional(),
      field("explore", &B::explore, "places for fresh items chosen by chance, at most n / 5")
          .range(0, 60)
          .optional(),
      field("explain", &B::explain, "the terms of each score").optional(),
      field("account", &B::account, "for the record of what was shown").length(0, 64).optional(),
      field("events", &B::events, "session: what the visitor did, oldest first")
          .length(0, 1000)
          .optional(),
      field("people", &B::people, "batch: whom").length(0, 1000).optional(),
      field("segment", &B::segment, "batch: the members of a segment, instead of people")
          .length(0, 64)
          .optional());
};
