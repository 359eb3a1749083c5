// What editors choose: their lists, and each of them as a list for everybody.
#include "server/editor_list_view.h"
#include "server/recommend_wire.h"
#include "server/routes.h"
#include "server/sent_back.h"

namespace zhiyin::server {
namespace {

using catalogue::EditorList;
using catalogue::StoredEditorList;

/// kNotFound; kPermissionDenied when the caller is limited to other accounts than the list's.
Result<StoredEditorList> found(Services& s, const http::Request& r, const Caller& caller) {
  ZHIYIN_TRY(auto stored, s.recommendations.editor_lists().get(r.path_parameters.at("id")));
  ZHIYIN_TRY_VOID(check_account(caller, stored.list.account));
  return stored;
}

Result<http::Response> shown(Services& s, const StoredEditorList& stored, int status) {
  ZHIYIN_TRY(const auto index, s.items.index());
  auto response =
      http::Response::json(editor_list_json(stored, *index, s.clock.now(), true), status);
  response.headers.emplace_back("ETag", fmt::format("\"{}\"", stored.version));
  return response;
}

ApiResult list(Services& s, const http::Request& r, const Caller& caller) {
  ZHIYIN_TRY(const std::size_t limit, list_limit(r));
  const std::string_view after = r.query_or("after", "");
  ZHIYIN_TRY(const auto all, s.recommendations.editor_lists().list());
  ZHIYIN_TRY(const auto index, s.items.index());
  const Instant now = s.clock.now();
  Json items = Json::array();
  Json next;
  std::int64_t total = 0;
  for (const StoredEditorList& one : all) {
    if (!check_account(caller, one.list.account)) continue;
    ++total;
    if (one.list.id <= after) continue;
    if (items.if_array()->size() < limit) {
      items.push(editor_list_json(one, *index, now, false));
    } else if (next.is_null()) {
      next = items.if_array()->back()["id"];
    }
  }
  return http::Response::json(
      Json().set("items", std::move(items)).set("total", total).set("next", std::move(next)));
}

ApiResult put(Services& s, const EditorList& list, const http::Request& r, const Caller& caller) {
  ZHIYIN_TRY_VOID(check_account(caller, list.account));
  auto& lists = s.recommendations.editor_lists();
  if (const auto before = lists.get(list.id)) {
    ZHIYIN_TRY_VOID(check_account(caller, before->list.account));
  } else if (!caller.accounts.empty() && before.error().code != ErrorCode::kNotFound) {
    // One that cannot be read may be another account's.
    return std::unexpected(before.error());
  }
  ZHIYIN_TRY(const auto version, if_match(r));
  ZHIYIN_TRY(const auto stored, lists.put(list, version, caller.name, s.clock.now()));
  return shown(s, stored, stored.version == 1 ? 201 : 200);
}

ApiResult remove(Services& s, const http::Request& r, const Caller& caller) {
  ZHIYIN_TRY(const auto version, if_match(r));
  // One that cannot be read may be removed by whoever may do everything.
  if (!caller.accounts.empty()) ZHIYIN_TRY_VOID(found(s, r, caller));
  ZHIYIN_TRY_VOID(s.recommendations.editor_lists().remove(r.path_parameters.at("id"), version));
  return http::Response::json(Json::object());
}

ApiResult serve(Services& s, http::Request& r, const Caller& caller) {
  ZHIYIN_TRY(const ListBody body, list_body_of(r));
  if (body.explore > 0)
    return fail_field("explore",
                      "is no part of a list that editors chose: nothing of it is left to chance");
  ZHIYIN_TRY(const auto request, request_of(body, caller, s.clock.now()));
  ZHIYIN_TRY(const auto answer,
             s.recommendations.edited(r.path_parameters["id"], request, {body.account}));
  return http::Response::json(to_json_answer(answer));
}

}  // namespace

void add_editor_list_routes(Api& api, Services& s) {
  api.route("GET", "/v1/recommend/editor/{id}", of_account(Role::kIngest),
            "What editors chose, in their order",
            [&s](http::Request& r, const Caller& c) { return serve(s, r, c); });
  api.route("GET", "/v1/recommend/editor-lists", of_account(Role::kAnalyst),
            "Editors' lists, and how they stand",
            [&s](http::Request& r, const Caller& c) { return list(s, r, c); });
  api.route("GET", "/v1/recommend/editor-lists/{id}", of_account(Role::kAnalyst),
            "One of them, with the status of each item",
            [&s](http::Request& r, const Caller& c) -> ApiResult {
              ZHIYIN_TRY(const auto stored, found(s, r, c));
              return shown(s, stored, 200);
            });
  api.route_with_id<EditorList>(
      "PUT", "/v1/recommend/editor-lists/{id}", of_account(Role::kOperator),
      "Create or (with If-Match) change an editors' list",
      [&s](const EditorList& list, http::Request& r, const Caller& c) {
        return put(s, list, r, c);
      },
      [&s](const Json& body, const Caller&) { return editor_list_sent_back(s, body); });
  api.route("DELETE", "/v1/recommend/editor-lists/{id}", of_account(Role::kOperator),
            "Remove an editors' list",
            [&s](http::Request& r, const Caller& c) { return remove(s, r, c); });
}

}  // namespace zhiyin::server
