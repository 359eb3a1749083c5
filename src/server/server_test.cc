#include <gmock/gmock.h>

#include "base/file.h"
#include "server/api.h"
#include "server/auth.h"
#include "server/runs.h"
#include "storage/testing.h"

namespace zhiyin::server {
namespace {

struct Bench {
  TempFolder folder;
  std::unique_ptr<storage::State> state;
  Bench() {
    state = storage::open_test_state(folder.path() / "state.db");
    std::vector<storage::Migration> migrations;
    for (const auto list : {Auth::migrations(), Audit::migrations(), Runs::migrations()}) {
      migrations.insert(migrations.end(), list.begin(), list.end());
    }
    EXPECT_TRUE(state->migrate(migrations));
  }
};

http::Request with_key(std::string key, std::string method = "GET") {
  http::Request request;
  request.method = std::move(method);
  request.headers.emplace_back("Authorization", "Bearer " + key);
  return request;
}

http::Request with_session(const Session& session, std::string method, std::string csrf) {
  http::Request request;
  request.method = std::move(method);
  request.headers.emplace_back("Cookie", "other=1; zhiyin_session=" + session.token.reveal());
  if (!csrf.empty()) request.headers.emplace_back("X-CSRF-Token", csrf);
  return request;
}

TEST(Auth, AKeyIsShownOnceAndActsUntilItIsRevoked) {
  Bench bench;
  Auth auth(*bench.state);
  const auto made = auth.create_key({"site", Role::kIngest, {"shop"}});
  ASSERT_TRUE(made);
  const std::string key((*made)["key"].string_or(""));
  const auto caller = auth.authenticate(with_key(key));
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->role, Role::kIngest);
  EXPECT_EQ(caller->accounts, std::vector<std::string>{"shop"});
  EXPECT_EQ(auth.list_keys()->dump().find(key), std::string::npos);
  EXPECT_EQ(auth.authenticate(with_key(key + "x")).error().code, ErrorCode::kPermissionDenied);
  ASSERT_TRUE(auth.remove_key((*made)["id"].string_or("")));
  EXPECT_FALSE(auth.authenticate(with_key(key)));
  EXPECT_EQ(auth.remove_key("none").error().code, ErrorCode::kNotFound);
}

TEST(Auth, ABrowserThatChangesSomethingNeedsItsToken) {
  Bench bench;
  Auth auth(*bench.state);
  ASSERT_TRUE(auth.create_user({"anna", Role::kOperator, "correct horse"}));
  EXPECT_EQ(auth.create_user({"anna", Role::kOperator, "correct horse"}).error().code, ErrorCode::kConflict);
  const auto session = auth.sign_in({"anna", "correct horse", {}}, "10.0.0.1");
  ASSERT_TRUE(session) << session.error().text();
  EXPECT_TRUE(auth.authenticate(with_session(*session, "GET", "")));
  EXPECT_FALSE(auth.authenticate(with_session(*session, "POST", "")));
  EXPECT_FALSE(auth.authenticate(with_session(*session, "POST", "guess")));
  EXPECT_TRUE(auth.authenticate(with_session(*session, "POST", session->csrf)));
  ASSERT_TRUE(auth.sign_out(with_session(*session, "DELETE", session->csrf)));
  EXPECT_FALSE(auth.authenticate(with_session(*session, "GET", "")));
}

TEST(Auth, SignInIsLimitedPerPeer) {
  Bench bench;
  Auth auth(*bench.state);
  for (int i = 0; i < Auth::kSignInTriesPerMinute; ++i) {
    EXPECT_EQ(auth.sign_in({{}, {}, "zy_wrong"}, "10.0.0.1").error().code, ErrorCode::kPermissionDenied);
  }
  EXPECT_EQ(auth.sign_in({{}, {}, "zy_wrong"}, "10.0.0.1").error().code, ErrorCode::kLimitReached);
  EXPECT_EQ(auth.sign_in({{}, {}, "zy_wrong"}, "10.0.0.2").error().code, ErrorCode::kPermissionDenied);
}

TEST(Runs, KeepResultErrorAndProgress) {
  Bench bench;
  auto runs = Runs::create(*bench.state);
  ASSERT_TRUE(runs);
  RunContext context;
  EXPECT_TRUE((*runs)->run_now("import", "a.csv", context, [](RunContext& c) -> Result<Json> {
    c.report(0.5, "half");
    return Json().set("rows", 3);
  }));
  EXPECT_FALSE((*runs)->run_now("import", "b.csv", context, [](RunContext&) -> Result<Json> { return fail_field("file", "is empty"); }));
  const Json list = *(*runs)->list(10, "");
  EXPECT_EQ(list["items"].if_array()->size(), 2U);
  EXPECT_EQ(list["items"].if_array()->at(0)["error"].string_or(""), "file: is empty");
  const Json done = *(*runs)->get(RunId(std::string(list["items"].if_array()->at(1)["id"].string_or(""))));
  EXPECT_EQ(done["result"]["rows"].int_or(0), 3);
  EXPECT_EQ(done["state"].string_or(""), "done");
}

TEST(Runs, ARunThatWasCutOffIsClosedAtTheNextStart) {
  Bench bench;
  ASSERT_TRUE(Runs::create(*bench.state));
  ASSERT_TRUE(bench.state->write([](storage::Session& db) -> Result<void> {
    ZHIYIN_TRY_VOID(db.execute("INSERT INTO run (id, kind, title, state, started_at) VALUES ('r_1', 'import', 'x', 'running', 1)"));
    return {};
  }));
  auto runs = Runs::create(*bench.state);
  EXPECT_EQ((*(*runs)->get(RunId("r_1")))["state"].string_or(""), "failed");
}

TEST(Api, DocumentListsRoutesWithTheirBodies) {
  Bench bench;
  Auth auth(*bench.state);
  Audit audit(*bench.state);
  ThreadPool pool(1, 10);
  http::Router router;
  Api api(router, pool, auth, audit);
  api.route_with<KeyRequest>("POST", "/v1/keys", Role::kAdmin, "Make a key",
                             [](KeyRequest, http::Request&, const Caller&) -> ApiResult { return http::Response::json(Json()); });
  api.describe("GET", "/v1/people/{person}", Role::kAnalyst, "Portrait");
  const Json document = api.document();
  EXPECT_EQ(document["openapi"].string_or(""), "3.1.0");
  EXPECT_EQ(document["paths"]["/v1/keys"]["post"]["requestBody"]["content"]["application/json"]["schema"]["required"].dump(), R"(["name","role"])");
  EXPECT_EQ(document["paths"]["/v1/people/{person}"]["get"]["parameters"].if_array()->size(), 1U);
}

TEST(Csv, CellsAreQuotedAndFormulasDefused) {
  EXPECT_EQ(csv_cell("a,b"), "\"a,b\"");
  EXPECT_EQ(csv_cell("=1+1"), "'=1+1");
  EXPECT_EQ(csv_cell("say \"hi\""), "\"say \"\"hi\"\"\"");
}

TEST(ListLimit, RefusesNonsense) {
  http::Request request;
  EXPECT_EQ(*list_limit(request), 50U);
  request.query["limit"] = "0";
  EXPECT_EQ(list_limit(request).error().field, "limit");
  request.query["limit"] = "1000";
  EXPECT_EQ(*list_limit(request), 1000U);
}

}  // namespace
}  // namespace zhiyin::server
