// Lists of items: for a person, a visitor, an item, everybody, many people at once.
#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>

#include "audience/identity_ref.h"
#include "base/random.h"
#include "base/utf8.h"
#include "ingest/event_view.h"
#include "server/recommend_batch.h"
#include "server/recommend_wire.h"
#include "server/routes.h"
#include "server/session_feedback.h"

namespace zhiyin::server {
namespace {

bool was_seen_on(const audience::PersonView& person, std::string_view account) {
  return std::ranges::any_of(person.activity,
                             [&](const audience::Activity& a) { return a.account == account; });
}

/// kNotFound when the caller is limited to accounts, and the person was never seen on the one asked
/// for.
Result<void> check_person(Services& s, const Caller& caller, const audience::PersonView& person,
                          std::string_view account) {
  if (caller.accounts.empty() || was_seen_on(person, account)) return {};
  if (s.people.reveal(person.id, account)) return {};
  return fail(ErrorCode::kNotFound, "person: nobody of that id on the account '{}'", account);
}

/// For whom a list is made; without an id: an identity that never did anything, a cold person.
struct Reader {
  std::optional<PersonId> person;
  audience::PersonView view;
};

Result<Reader> reader_of(Services& s, const Caller& caller, const std::string& ref,
                         std::string_view account) {
  Reader out;
  auto view = s.recommendations.view_of(s.people, ref);
  if (!view) {
    if (view.error().code == ErrorCode::kNotFound && ref.contains(':')) return out;
    return std::unexpected(std::move(view.error()));
  }
  out.view = std::move(*view);
  ZHIYIN_TRY_VOID(check_person(s, caller, out.view, account));
  out.person = out.view.id;
  return out;
}

/// Of whom only an identity is known: what is for the followers of its account.
void limit_to_identity(recommend::RecommendRequest& request, const Reader& reader,
                       std::string_view ref, std::string_view account) {
  if (reader.person || !account.empty()) return;
  if (const auto identity = audience::parse_identity(ref))
    request.rules.accounts = std::vector{identity->account};
}

Result<Json> list_for(Services& s, const Reader& reader, const recommend::RecommendRequest& request,
                      const ListBody& body) {
  ZHIYIN_TRY(const auto answer,
             s.recommendations.recommend(reader.view, request, {body.account, body.record}));
  return to_json_answer(answer,
                        Json().set("person", reader.person ? Json(reader.person->value) : Json()));
}

ApiResult for_person(Services& s, http::Request& r, const Caller& caller) {
  ZHIYIN_TRY(const ListBody body, list_body_of(r));
  ZHIYIN_TRY(auto request, request_of(body, caller, s.clock.now()));
  ZHIYIN_TRY(const Reader reader, reader_of(s, caller, r.path_parameters["person"], body.account));
  limit_to_identity(request, reader, r.path_parameters["person"], body.account);
  ZHIYIN_TRY(const auto answer, s.recommendations.recommend(reader.view, request, {body.account}));
  http::Response response;
  append_answer(response.body, answer, reader.person);
  return response;
}

/// The same, where that needs no waiting.
std::optional<ApiResult> for_person_at_once(Services& s, http::Request& r, const Caller& caller) {
  const auto body = list_body_of(r);
  if (!body) return ApiResult(std::unexpected(body.error()));
  const auto request = request_of(*body, caller, s.clock.now());
  if (!request) return ApiResult(std::unexpected(request.error()));
  const auto view = s.recommendations.known(s.people, r.path_parameters["person"]);
  if (!view || !(caller.accounts.empty() || was_seen_on(*view, body->account))) return std::nullopt;
  const auto answer = s.recommendations.recommend_at_once(*view, *request, {body->account});
  if (!answer) return std::nullopt;
  if (!*answer) return ApiResult(std::unexpected(answer->error()));
  http::Response response;
  append_answer(response.body, **answer, view->id);
  return ApiResult(std::move(response));
}

ApiResult for_session(Services& s, const ListBody& body, const Caller& caller) {
  if (!body.people.empty()) return fail_field("people", "belongs to a batch, not to a session");
  if (!body.segment.empty()) return fail_field("segment", "belongs to a batch, not to a session");
  if (!body.file.empty()) return fail_field("file", "belongs to a batch, not to a session");
  if (!utf8::is_valid(body.session) || body.session.find('\0') != std::string::npos)
    return fail_field("session", "is not UTF-8 text");
  ZHIYIN_TRY(const auto request, request_of(body, caller, s.clock.now()));
  audience::PersonView view;
  for (const SessionAct& act : body.events) {
    const std::string name = fmt::format("events[{}]", view.activity.size());
    if (!ingest::is_kind_name(act.kind))
      return fail_field(name + ".kind", "'{}' does not match [a-z][a-z0-9_.]{{0,63}}", act.kind);
    if (act.value < 0) return fail_field(name + ".value", "is {}, expected 0 or more", act.value);
    audience::Activity activity;
    activity.offset = static_cast<std::int64_t>(view.activity.size());
    activity.at = request.now;
    activity.kind = act.kind;
    activity.item = recommend::ItemRef{act.item.kind, act.item.id};
    activity.value = act.value;
    view.activity.push_back(std::move(activity));
  }
  ZHIYIN_TRY(const auto answer,
             s.recommendations.recommend(view, request, {body.account, body.record, body.session}));
  return http::Response::json(to_json_answer(answer));
}

ApiResult for_everybody(Services& s, http::Request& r, const Caller& caller,
                        Recommendations::Common which) {
  ZHIYIN_TRY(const ListBody body, list_body_of(r));
  ZHIYIN_TRY(const auto request, request_of(body, caller, s.clock.now()));
  recommend::ItemRef item;
  if (which == Recommendations::Common::kSimilar)
    item = {r.path_parameters["kind"], r.path_parameters["id"]};
  ZHIYIN_TRY(const auto answer, s.recommendations.common(which, item, request, {body.account}));
  return http::Response::json(to_json_answer(answer));
}

/// Whom a batch is for: ids and identities.
Result<std::vector<std::string>> people_of(Services& s, const ListBody& body) {
  if (!body.events.empty()) return fail_field("events", "belongs to a session, not to a batch");
  if (!body.session.empty()) return fail_field("session", "belongs to a session, not to a batch");
  if (!body.segment.empty() && !body.people.empty())
    return fail_field("segment", "is given beside people");
  if (!body.people.empty()) return body.people;
  if (body.segment.empty()) return fail_field("people", "is empty, and there is no segment");
  ZHIYIN_TRY_VOID(s.settle());
  ZHIYIN_TRY(const auto members, s.segments.members(SegmentId(body.segment), s.clock.now()));
  constexpr std::size_t kMembersMax = 10'000;
  if (members.size() > kMembersMax) {
    return fail(ErrorCode::kLimitReached, "segment: has {} members, one answer has at most {}",
                members.size(), kMembersMax);
  }
  std::vector<std::string> out;
  for (const PersonId& member : members) out.push_back(member.value);
  return out;
}

/// Of a segment into a file, by a run.
ApiResult into_file(Services& s, const ListBody& body, const Caller& caller) {
  ZHIYIN_TRY_VOID(check_batch(body));
  ZHIYIN_TRY(const auto request, request_of(body, caller, s.clock.now()));
  ZHIYIN_TRY_VOID(recommend::check_request(request));
  ZHIYIN_TRY_VOID(s.segments.get(SegmentId(body.segment)));
  const std::string id = fmt::format("{}.{}", uuid_v7(SystemClock().now()), body.file);
  ListBody named = body;
  if (named.place.empty()) named.place = "batch";
  ZHIYIN_TRY(const RunId run, start_batch(s, std::move(named), id));
  return http::Response::json(Json().set("run", run.value).set("batch", id), 202);
}

/// The path of a finished batch; kNotFound.
Result<std::filesystem::path> batch_file(Services& s, const http::Request& r) {
  const std::string& id = r.path_parameters.at("id");
  std::error_code ec;
  const bool plain = id.find_first_not_of("0123456789abcdef-.jsonlcv") == std::string::npos &&
                     (id.ends_with(".jsonl") || id.ends_with(".csv")) && !id.starts_with('.');
  const auto path = batch_folder(s) / (plain ? id : "none");
  if (plain && std::filesystem::is_regular_file(path, ec)) return path;
  if (plain && std::filesystem::exists(path.string() + ".progress", ec))
    return fail(ErrorCode::kNotFound, "batch: '{}' is not finished yet", id);
  return fail(ErrorCode::kNotFound, "batch: there is no '{}'", id.substr(0, 80));
}

/// A piece of the file that ends with a line.
ApiResult batch_piece(Services& s, http::Request& r) {
  ZHIYIN_TRY(const auto path, batch_file(s, r));
  constexpr std::int64_t kPiece = 8 << 20;
  std::int64_t offset = 0;
  const std::string_view given = r.query_or("offset", "0");
  const auto read = std::from_chars(given.data(), given.data() + given.size(), offset);
  if (read.ec != std::errc() || read.ptr != given.data() + given.size() || offset < 0)
    return fail_field("offset", "'{}' is not a number of bytes", given.substr(0, 40));
  std::ifstream file(path, std::ios::binary);
  file.seekg(offset);
  std::string bytes(static_cast<std::size_t>(kPiece), '\0');
  file.read(bytes.data(), kPiece);
  bytes.resize(static_cast<std::size_t>(std::max<std::streamsize>(0, file.gcount())));
  const bool more = static_cast<std::int64_t>(bytes.size()) == kPiece;
  if (more) bytes.resize(bytes.rfind('\n') + 1);
  auto response = http::Response::text(
      std::move(bytes), path.extension() == ".csv" ? "text/csv; charset=utf-8"
                                                   : "application/x-ndjson; charset=utf-8");
  if (more)
    response.headers.emplace_back(
        "Next-Offset", std::to_string(offset + static_cast<std::int64_t>(response.body.size())));
  return response;
}

ApiResult remove_batch(Services& s, http::Request& r) {
  ZHIYIN_TRY(const auto path, batch_file(s, r));
  std::error_code ec;
  std::filesystem::remove(path, ec);
  if (ec) return fail(ErrorCode::kUnavailable, "batch: {}", ec.message());
  return http::Response::json(Json::object());
}

ApiResult for_many(Services& s, const ListBody& body, const Caller& caller) {
  if (!body.file.empty()) return into_file(s, body, caller);
  ZHIYIN_TRY(const auto request, request_of(body, caller, s.clock.now()));
  ZHIYIN_TRY(const auto people, people_of(s, body));
  Json lists = Json::array();
  for (std::size_t i = 0; i < people.size(); ++i) {
    auto reader = reader_of(s, caller, people[i], body.account);
    if (!reader && !body.people.empty())
      return std::unexpected(within(fmt::format("people[{}]", i), std::move(reader.error())));
    if (!reader) return std::unexpected(std::move(reader.error()));
    recommend::RecommendRequest own = request;
    limit_to_identity(own, *reader, people[i], body.account);
    ZHIYIN_TRY(Json list, list_for(s, *reader, own, body));
    lists.push(std::move(list));
  }
  return http::Response::json(Json().set("lists", std::move(lists)));
}

/// Who the event is about: the identity that the caller names, or one of the person's on the
/// account.
Result<std::vector<ingest::Identity>> identities_of(Services& s, const FeedbackBody& body) {
  if (!body.person.starts_with("p_")) {
    auto identity = audience::parse_identity(body.person);
    if (!identity) return std::unexpected(within("person", std::move(identity.error())));
    return std::vector{std::move(*identity)};
  }
  const auto person = s.people.resolve(body.person);
  if (!person) return std::unexpected(within("person", person.error()));
  if (body.account.empty()) return fail_field("account", "is needed beside a person id");
  for (const std::string_view kind : ingest::kIdentityKinds) {
    auto identity = s.people.reveal(*person, body.account, kind);
    if (identity) return std::vector{std::move(*identity)};
    if (identity.error().code != ErrorCode::kNotFound) return std::unexpected(identity.error());
  }
  return fail(ErrorCode::kNotFound, "person: {} has no identity on the account '{}'",
              shortened(body.person), body.account);
}

/// Counts in learning only: nobody did it.
ApiResult take_session_feedback(Services& s, const FeedbackBody& body,
                                const ingest::WireEvent& event, const Caller& caller) {
  ZHIYIN_TRY_VOID(check_account(caller, body.account));
  const Instant now = s.clock.now();
  const Instant at = body.occurred_at.value_or(now);
  if (at > now || now - at >= kSessionsKept)
    return fail_field("occurred_at", "is not within the last {}", format_duration(kSessionsKept));
  ZHIYIN_TRY_VOID(
      note(s.grouped_writes, {body.session, *event.item, body.kind, body.value.value_or(0), at}));
  return http::Response::json(Json().set("status", "accepted"));
}

ApiResult take_feedback(Services& s, const FeedbackBody& body, const Caller& caller) {
  if (body.person.empty() == body.session.empty())
    return fail_field("person", "give either a person or a session");
  ZHIYIN_TRY(ingest::WireEvent event, to_event(body, s.clock.now()));
  if (!body.session.empty()) return take_session_feedback(s, body, event, caller);
  ZHIYIN_TRY(event.identities, identities_of(s, body));
  if (event.account.empty()) event.account = event.identities[0].account;
  ZHIYIN_TRY_VOID(check_account(caller, event.account));
  const std::string ref = body.person;
  ZHIYIN_TRY(const auto answers, s.intake.accept_and_wait({std::move(event)}, "feedback"));
  const ingest::Answer& answer = answers.at(0);
  if (answer.verdict == ingest::Verdict::kQuarantined)
    return fail(ErrorCode::kInvalidArgument, "feedback: {}", answer.reason);
  if (recommend::response_of(body.kind) == recommend::Response::kHide) {
    // Before its event has reached the person's history. Who never did anything else has none yet.
    if (const auto person = s.people.resolve(ref))
      s.recommendations.hide(*person, {body.item.kind, body.item.id});
  }
  return http::Response::json(to_json(answer));
}

}  // namespace

void add_recommend_routes(Api& api, Services& s) {
  if (const auto resumed = resume_batches(s); !resumed)
    s.logger.error("recommend", "batches_not_resumed", {{"reason", resumed.error().text()}});
  using Common = Recommendations::Common;
  const auto everybody = [&](std::string_view path, std::string_view summary, Common which) {
    api.route(
        "GET", path, of_account(Role::kIngest), summary,
        [&s, which](http::Request& r, const Caller& c) { return for_everybody(s, r, c, which); });
  };
  // Before {person}: the first that fits answers.
  everybody("/v1/recommend/popular", "What everybody looks at", Common::kPopular);
  everybody("/v1/recommend/latest", "The newest items", Common::kLatest);
  everybody("/v1/recommend/similar/{kind}/{id...}", "What goes with an item", Common::kSimilar);
  api.route_with<ListBody>("POST", "/v1/recommend/session", of_account(Role::kIngest),
                           "What a visitor of whom only this session is known would like",
                           [&s](const ListBody& body, http::Request&, const Caller& c) {
                             return for_session(s, body, c);
                           });
  api.route_with<ListBody>(
      "POST", "/v1/recommend/batch", Role::kOperator, "Lists for many people, or for a segment",
      [&s](const ListBody& body, http::Request&, const Caller& c) { return for_many(s, body, c); });
  api.route("GET", "/v1/recommend/batch/{id}", Role::kOperator,
            "A finished file, from `offset` on, in pieces of whole lines",
            [&s](http::Request& r, const Caller&) { return batch_piece(s, r); });
  api.route("DELETE", "/v1/recommend/batch/{id}", Role::kOperator, "Remove a finished file",
            [&s](http::Request& r, const Caller&) { return remove_batch(s, r); });
  api.route_with<FeedbackBody>(
      "POST", "/v1/recommend/feedback", of_account(Role::kIngest),
      "What somebody did with an item that was shown: an event like any other",
      [&s](const FeedbackBody& body, http::Request&, const Caller& c) {
        return take_feedback(s, body, c);
      });
  api.route_quick(
      "/v1/recommend/{person}", of_account(Role::kIngest), "What the person would like",
      [&s](http::Request& r, const Caller& c) { return for_person(s, r, c); },
      [&s](http::Request& r, const Caller& c) { return for_person_at_once(s, r, c); });
}

}  // namespace zhiyin::server
