// Lists of items: for a person, a visitor, an item, everybody, many people at once.
#include <algorithm>

#include "server/recommend_wire.h"
#include "server/routes.h"

namespace zhiyin::server {
namespace {

constexpr std::size_t kHistoryMax = 1000;

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

ApiResult for_person(Services& s, http::Request& r, const Caller& caller) {
  ZHIYIN_TRY(const ListBody body, list_body_of(r));
  ZHIYIN_TRY(const auto request, to_request(body, s.clock.now()));
  ZHIYIN_TRY_VOID(check_account(caller, body.account));
  audience::PersonView view;
  const std::string& ref = r.path_parameters["person"];
  auto person = s.people.resolve(ref);
  if (person) {
    ZHIYIN_TRY(view, s.people.view(*person, kHistoryMax));
    ZHIYIN_TRY_VOID(check_person(s, caller, view, body.account));
  } else if (person.error().code != ErrorCode::kNotFound || !ref.contains(':')) {
    return std::unexpected(person.error());
  }  // an identity that never did anything is a cold person, not an error
  ZHIYIN_TRY(const auto answer,
             s.recommendations.recommend(view, request, body.account, place_of(caller)));
  return http::Response::json(
      to_json_answer(answer, Json().set("person", person ? Json(person->value) : Json())));
}

ApiResult for_session(Services& s, const ListBody& body, const Caller& caller) {
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

Result<std::vector<PersonId>> people_of(Services& s, const ListBody& body) {
  if (!body.segment.empty() && !body.people.empty())
    return fail_field("segment", "is given beside people");
  std::vector<PersonId> out;
  if (!body.segment.empty()) {
    ZHIYIN_TRY_VOID(s.settle());
    ZHIYIN_TRY(out, s.segments.members(SegmentId(body.segment), s.clock.now()));
    constexpr std::size_t kMembersMax = 10'000;
    if (out.size() > kMembersMax) {
      return fail(ErrorCode::kLimitReached,
                  "segment: has {} members, one answer has at most {}; zhiyin recommend --segment "
                  "writes a file",
                  out.size(), kMembersMax);
    }
    return out;
  }
  for (std::size_t i = 0; i < body.people.size(); ++i) {
    auto person = s.people.resolve(body.people[i]);
    if (!person)
      return std::unexpected(within(fmt::format("people[{}]", i), std::move(person.error())));
    out.push_back(std::move(*person));
  }
  return out;
}

ApiResult for_many(Services& s, const ListBody& body, const Caller& caller) {
  ZHIYIN_TRY(const auto request, to_request(body, s.clock.now()));
  ZHIYIN_TRY_VOID(check_account(caller, body.account));
  ZHIYIN_TRY(const auto people, people_of(s, body));
  Json lists = Json::array();
  for (const PersonId& person : people) {
    ZHIYIN_TRY(const auto view, s.people.view(person, kHistoryMax));
    ZHIYIN_TRY_VOID(check_person(s, caller, view, body.account));
    ZHIYIN_TRY(const auto answer,
               s.recommendations.recommend(view, request, body.account, place_of(caller)));
    lists.push(to_json_answer(answer, Json().set("person", person.value)));
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
  everybody("/v1/recommend/similar/{kind}/{id}", "What goes with an item", Common::kSimilar);
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
