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

struct Caller;

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
  std::int64_t topic_max = 0;
  std::int64_t campaign_max = 0;
  std::int64_t explore = 0;
  bool explain = false;
  std::string account;
  std::vector<std::string> topics;
  std::vector<std::string> sentiments;
  std::vector<std::string> exclude_topics;
  std::vector<std::string> exclude_sentiments;
  std::optional<Duration> return_after;  ///< absent: what was dealt with comes no more
  std::optional<Instant> time;           ///< of the reader's day; absent: now
  std::string device;
  std::string channel;
  std::string place;                ///< empty: `api`, `console` or `cli`
  std::string session;              ///< of a session: its name, to learn from its feedback
  std::vector<SessionAct> events;   ///< of a session, oldest first
  std::vector<std::string> people;  ///< of a batch
  std::string segment;              ///< of a batch, instead of people
  std::string file;    ///< of a batch for a segment: `jsonl` or `csv`; empty: the answer
  bool record = true;  ///< of a session or batch: the lists count as shown
};

/// The body of POST /v1/recommend/feedback.
struct FeedbackBody {
  std::string person;   ///< or
  std::string session;  ///< the name that the session's lists were asked with
  ItemName item;
  std::string kind;
  std::string impression;
  std::optional<std::int64_t> value;
  std::string account;
  std::string event_id;
  std::optional<Instant> occurred_at;
};
/// The event that it is, without identities. kInvalidArgument names the member: the kind is no
/// response to an item, or the impression is no id of ours.
Result<ingest::WireEvent> to_event(const FeedbackBody& body, Instant now);

/// kInvalidArgument names the member.
Result<recommend::RecommendRequest> to_request(const ListBody& body, Instant now);
/// The same from a query: n, kind or kinds, categories, exclude, eligible and pinned (`kind/id`,
/// separated by commas), price_min, price_max, diversity, rerank, author_max, category_max,
/// topic_max, campaign_max, return_after, explore, explain, account, topics, sentiments,
/// exclude_topics, exclude_sentiments, time, device, channel, place. kInvalidArgument names the
/// parameter; unknown ones are refused.
Result<ListBody> list_body_of(const http::Request& request);

/// The request of who asks: their place where none is named. kPermissionDenied when the caller is
/// limited to other accounts.
Result<recommend::RecommendRequest> request_of(const ListBody& body, const Caller& caller,
                                               Instant now);

/// {"item","score","source","reason","reason_en","propensity","value","terms","responses"} (the
/// last three where there are any)
Json item_json(const recommend::RecommendedItem& item);
/// {"items":[item_json],"model","ranker","impression","fallback","group","tired"}, after the
/// members that `out` already has.
Json to_json_answer(const Recommendations::Answer& answer, Json out = Json::object());
/// The bytes of to_json_answer(answer) with the member `person` (null: nobody), appended without
/// making the tree: there are thousands of them a second, and a file has millions.
void append_answer(std::string& out, const Recommendations::Answer& answer,
                   const std::optional<PersonId>& person);

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
      field("topic_max", &B::topic_max, "items whose text is about one topic (0: any number)")
          .range(0, 300)
          .optional(),
      field("campaign_max", &B::campaign_max, "items of one campaign (0: any number)")
          .range(0, 300)
          .optional(),
      field("return_after", &B::return_after,
            "what the person dealt with longer ago may come back (7d); absent: never"),
      field("explore", &B::explore, "places for fresh items chosen by chance, at most n / 5")
          .range(0, 60)
          .optional(),
      field("explain", &B::explain, "the terms of each score").optional(),
      field("account", &B::account,
            "whose followers it is for: no items of other accounts; noted with what was shown")
          .length(0, 64)
          .optional(),
      field("topics", &B::topics, "only items whose text is about these").length(0, 100).optional(),
      field("sentiments", &B::sentiments, "only items whose text sounds so")
          .length(0, 20)
          .optional(),
      field("exclude_topics", &B::exclude_topics, "no items about these").length(0, 100).optional(),
      field("exclude_sentiments", &B::exclude_sentiments, "no items that sound so")
          .length(0, 20)
          .optional(),
      field("time", &B::time, "when it is shown, for the hour of day; absent: now"),
      field("device", &B::device, "ios, android, desktop, …").length(0, 64).optional(),
      field("channel", &B::channel, "official_account, mini_program, web, …")
          .length(0, 64)
          .optional(),
      field("place", &B::place, "where it is shown: home, menu, …").length(0, 64).optional(),
      field("session", &B::session, "session: a name without personal data, for its feedback")
          .length(0, 64)
          .optional(),
      field("events", &B::events, "session: what the visitor did, oldest first")
          .length(0, 1000)
          .optional(),
      field("people", &B::people, "batch: whom").length(0, 1000).optional(),
      field("segment", &B::segment, "batch: the members of a segment, instead of people")
          .length(0, 64)
          .optional(),
      field("file", &B::file, "batch for a segment: jsonl or csv, written by a run")
          .length(0, 8)
          .optional(),
      field("record", &B::record, "session, batch: whether the lists count as shown (true)")
          .optional());
};
template <>
struct zhiyin::Fields<zhiyin::server::FeedbackBody> {
  using B = zhiyin::server::FeedbackBody;
  static constexpr std::string_view name = "Feedback";
  static constexpr auto list = field_list(
      field("person", &B::person, "person id or KIND:ACCOUNT:VALUE; or session")
          .length(0, 400)
          .optional(),
      field("session", &B::session, "the name of the session that the list was for")
          .length(0, 64)
          .optional(),
      field("item", &B::item, "what it is about"),
      field("kind", &B::kind, "read, click, like, share, purchase, hide, not_interested, …")
          .length(1, 64),
      field("impression", &B::impression, "of the answer that listed the item")
          .length(0, 64)
          .optional(),
      field("value", &B::value, "as of an event: seconds read, fen paid"),
      field("account", &B::account, "needed beside a person id").length(0, 64).optional(),
      field("event_id", &B::event_id, "makes it repeatable")
          .length(0, ingest::kEventIdBytesMax)
          .optional(),
      field("occurred_at", &B::occurred_at, "absent: now"));
};
