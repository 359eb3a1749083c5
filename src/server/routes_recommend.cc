// Lists of items: for a person, a visitor, an item, everybody, many people at once.
#include <algorithm>
#include <optional>

#include "server/recommend_wire.h"
#include "server/routes.h"

namespace zhiyin::server {
namespace {

std::string_view place_of(const Caller& caller) { return caller.csrf.empty() ? "api" : "console"; }

/// kNotFound when the caller is limited to accounts, and the person was never seen on the one asked
/// for.
Result<void> check_person(Services& s, const Caller& caller, const audience::PersonView& person,
                          std::string_view account) {
  if (caller.accounts.empty() || s.people.reveal(person.id, account)) return {};
  const auto& did = person.activity;
  if (std::any_of(did.begin(), did.end(),
                  [&](const audience::Activity& a) { return a.account == account; }))
    return {};
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
  const auto person = s.people.resolve(ref);
  if (!person) {
    if (person.error().code == ErrorCode::kNotFound && ref.contains(':')) return out;
    return std::unexpected(person.error());
  }
  ZHIYIN_TRY(out.view, s.people.view(*person));
  ZHIYIN_TRY_VOID(check_person(s, caller, out.view, account));
  out.person = *person;
  return out;
}

Result<Json> list_for(Services& s, const Caller& caller, const Reader& reader,
                      const recommend::RecommendRequest& request, std::string_view account) {
  ZHIYIN_TRY(const auto answer,
             s.recommendations.recommend(reader.view, request, account, place_of(caller)));
  return to_json_answer(answer,
                        Json().set("person", reader.person ? Json(reader.person->value) : Json()));
}

ApiResult for_person(Services& s, http::Request& r, const Caller& caller) {
  ZHIYIN_TRY(const ListBody body, list_body_of(r));
  ZHIYIN_TRY(const auto request, to_request(body, s.clock.now()));
  ZHIYIN_TRY_VOID(check_account(caller, body.account));
  ZHIYIN_TRY(const Reader reader, reader_of(s, caller, r.path_parameters["person"], body.account));
  ZHIYIN_TRY(const Json list, list_for(s, caller, reader, request, body.account));
  return http::Response::json(list);
}

ApiResult for_session(Services& s, const ListBody& body, const Caller& caller) {
  if (!body.people.empty()) return fail_field("people", "belongs to a batch, not to a session");
  if (!body.segment.empty()) return fail_field("segment", "belongs to a batch, not to a session");
  ZHIYIN_TRY(const auto request, to_request(body, s.clock.now()));
  ZHIYIN_TRY_VOID(check_account(caller, body.account));
  audience::PersonView view;
  for (const SessionAct& act : body.events) {
    audience::Activity activity;
    activity.offset = static_cast<std::int64_t>(view.activity.size());
    activity.at = request.now;
    activity.kind = act.kind;
    activity.item = recommend::ItemRef{act.item.kind, act.item.id};
    activity.value = act.value;
    view.activity.push_back(std::move(activity));
  }
  ZHIYIN_TRY(const auto answer,
             s.recommendations.recommend(view, request, body.account, place_of(caller)));
  return http::Response::json(to_json_answer(answer));
}

ApiResult for_everybody(Services& s, http::Request& r, const Caller& caller,
                        Recommendations::Common which) {
  ZHIYIN_TRY(const ListBody body, list_body_of(r));
  ZHIYIN_TRY(auto request, to_request(body, s.clock.now()));
  ZHIYIN_TRY_VOID(check_account(caller, body.account));
  recommend::ItemRef item;
  if (which == Recommendations::Common::kSimilar)
    item = {r.path_parameters["kind"], r.path_parameters["id"]};
  ZHIYIN_TRY(const auto answer,
             s.recommendations.common(which, item, request, body.account, place_of(caller)));
  return http::Response::json(to_json_answer(answer));
}

/// Whom a batch is for: ids and identities.
Result<std::vector<std::string>> people_of(Services& s, const ListBody& body) {
  if (!body.events.empty()) return fail_field("events", "belongs to a session, not to a batch");
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

ApiResult for_many(Services& s, const ListBody& body, const Caller& caller) {
  ZHIYIN_TRY(const auto request, to_request(body, s.clock.now()));
  ZHIYIN_TRY_VOID(check_account(caller, body.account));
  ZHIYIN_TRY(const auto people, people_of(s, body));
  Json lists = Json::array();
  for (std::size_t i = 0; i < people.size(); ++i) {
    auto reader = reader_of(s, caller, people[i], body.account);
    if (!reader && !body.people.empty())
      return std::unexpected(within(fmt::format("people[{}]", i), std::move(reader.error())));
    if (!reader) return std::unexpected(std::move(reader.error()));
    ZHIYIN_TRY(Json list, list_for(s, caller, *reader, request, body.account));
    lists.push(std::move(list));
  }
  return http::Response::json(Json().set("lists", std::move(lists)));
}

}  // namespace

void add_recommend_routes(Api& api, Services& s) {
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
  api.route("GET", "/v1/recommend/{person}", of_account(Role::kIngest),
            "What the person would like",
            [&s](http::Request& r, const Caller& c) { return for_person(s, r, c); });
}

}  // namespace zhiyin::server
