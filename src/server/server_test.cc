#include <gmock/gmock.h>

#include "base/file.h"
#include "server/api.h"
#include "server/auth.h"
#include "server/readiness.h"
#include "server/request_checks.h"
#include "server/runs.h"
#include "server/sent_back.h"
#include "storage/move_mark.h"
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
  EXPECT_EQ(auth.create_user({"anna", Role::kOperator, "correct horse"}).error().code,
            ErrorCode::kConflict);
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
    EXPECT_EQ(auth.sign_in({{}, {}, "zy_wrong"}, "10.0.0.1").error().code,
              ErrorCode::kPermissionDenied);
  }
  EXPECT_EQ(auth.sign_in({{}, {}, "zy_wrong"}, "10.0.0.1").error().code, ErrorCode::kLimitReached);
  EXPECT_EQ(auth.sign_in({{}, {}, "zy_wrong"}, "10.0.0.2").error().code,
            ErrorCode::kPermissionDenied);
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
  EXPECT_FALSE((*runs)->run_now("import", "b.csv", context, [](RunContext&) -> Result<Json> {
    return fail_field("file", "is empty");
  }));
  const Json list = *(*runs)->list(10, "");
  EXPECT_EQ(list["items"].if_array()->size(), 2U);
  EXPECT_EQ(list["items"].if_array()->at(0)["error"].string_or(""), "file: is empty");
  const Json done =
      *(*runs)->get(RunId(std::string(list["items"].if_array()->at(1)["id"].string_or(""))));
  EXPECT_EQ(done["result"]["rows"].int_or(0), 3);
  EXPECT_EQ(done["state"].string_or(""), "done");
}

TEST(Runs, ARunThatWasCutOffIsClosedAtTheNextStart) {
  Bench bench;
  ASSERT_TRUE(Runs::create(*bench.state));
  ASSERT_TRUE(bench.state->write([](storage::Session& db) -> Result<void> {
    ZHIYIN_TRY_VOID(
        db.execute("INSERT INTO run (id, kind, title, state, started_at) VALUES ('r_1', 'import', "
                   "'x', 'running', 1)"));
    return {};
  }));
  auto runs = Runs::create(*bench.state);
  EXPECT_EQ((*(*runs)->get(RunId("r_1")))["state"].string_or(""), "failed");
}

/// Two processes on one state, whose leases end by hand.
struct TwoProcesses {
  Bench bench;
  Instant now{1'700'000'000'000'000};
  std::unique_ptr<storage::Membership> a;
  std::unique_ptr<storage::Membership> b;
  TwoProcesses() {
    EXPECT_TRUE(bench.state->migrate(storage::Membership::migrations()));
    EXPECT_TRUE(bench.state->migrate(storage::move_migrations()));
    a = join("a");
    b = join("b");
  }
  std::unique_ptr<storage::Membership> join(const std::string& place) {
    storage::Membership::Settings settings;
    settings.place = settings.name = place;
    settings.lease = std::chrono::seconds(10);
    settings.now = [this](storage::Session&) { return Result<Instant>(now); };
    auto joined = storage::Membership::join(*bench.state, null_logger(), settings);
    EXPECT_TRUE(joined) << joined.error().text();
    return std::move(*joined);
  }
};

TEST(Runs, AnotherProcessShowsAndCancelsThem) {
  TwoProcesses two;
  auto here = Runs::create(*two.bench.state, two.a.get());
  auto there = Runs::create(*two.bench.state, two.b.get());
  ASSERT_TRUE(here && there);
  RunContext context;
  EXPECT_FALSE((*here)->run_now("import", "a.csv", context, [&](RunContext& c) -> Result<Json> {
    c.report(0.25, "a quarter");
    EXPECT_TRUE((*here)->beat());
    EXPECT_TRUE((*there)->beat());
    const auto shown = (*there)->get(c.id());
    EXPECT_EQ((*shown)["state"].string_or(""), "running");
    EXPECT_EQ((*shown)["progress"].number_or(0), 0.25);
    EXPECT_EQ((*shown)["detail"].string_or(""), "a quarter");
    EXPECT_FALSE(c.cancelled());
    EXPECT_TRUE((*there)->cancel(c.id()));
    EXPECT_TRUE((*here)->beat());
    EXPECT_TRUE(c.cancelled());
    return fail(ErrorCode::kConflict, "cancelled");
  }));
  EXPECT_EQ((*(*there)->get(context.id()))["state"].string_or(""), "cancelled");
  EXPECT_EQ((*there)->cancel(context.id()).error().code, ErrorCode::kConflict);
}

TEST(Runs, OnlyThoseOfTheDeadAreClosed) {
  TwoProcesses two;
  auto here = Runs::create(*two.bench.state, two.a.get());
  ASSERT_TRUE(here);
  RunContext context;
  EXPECT_TRUE((*here)->run_now("import", "a.csv", context, [&](RunContext& c) -> Result<Json> {
    auto there = Runs::create(*two.bench.state, two.b.get());  // starts while a's run is under way
    EXPECT_TRUE(there);
    EXPECT_EQ((*(*there)->get(c.id()))["state"].string_or(""), "running");
    two.now = two.now + std::chrono::seconds(11);
    EXPECT_TRUE(two.b->beat());  // a is dead to it
    EXPECT_TRUE((*there)->beat());
    EXPECT_EQ((*(*there)->get(c.id()))["state"].string_or(""), "failed");
    return Json();
  }));
  EXPECT_EQ((*(*here)->get(context.id()))["state"].string_or(""), "done")
      << "it lived after all, and says so";
}

TEST(Api, DocumentListsRoutesWithTheirBodies) {
  Bench bench;
  Auth auth(*bench.state);
  Audit audit(*bench.state);
  ThreadPool pool(1, 10);
  http::Router router;
  Api api(router, pool, auth, audit);
  api.route_with<KeyRequest>("POST", "/v1/keys", Role::kAdmin, "Make a key",
                             [](KeyRequest, http::Request&, const Caller&) -> ApiResult {
                               return http::Response::json(Json());
                             });
  api.describe("GET", "/v1/people/{person}", Role::kAnalyst, "Portrait");
  const Json document = api.document();
  EXPECT_EQ(document["openapi"].string_or(""), "3.1.0");
  EXPECT_EQ(document["paths"]["/v1/keys"]["post"]["requestBody"]["content"]["application/json"]
                    ["schema"]["required"]
                        .dump(),
            R"(["name","role"])");
  EXPECT_EQ(document["paths"]["/v1/people/{person}"]["get"]["parameters"].if_array()->size(), 1U);
}

TEST(Csv, CellsAreQuotedAndFormulasDefused) {
  EXPECT_EQ(csv_cell("a,b"), "\"a,b\"");
  EXPECT_EQ(csv_cell("=1+1"), "'=1+1");
  EXPECT_EQ(csv_cell("say \"hi\""), "\"say \"\"hi\"\"\"");
}

/// A log that answers every append as it is told.
class ToldLog final : public storage::EventLog {
 public:
  Result<void> outcome;
  bool readable = true;
  void append(storage::Stream, std::vector<storage::NewRecord>, Done done) override {
    done(outcome);
  }
  Result<std::vector<storage::StoredRecord>> read(storage::Stream, const storage::Positions&,
                                                  std::size_t) override {
    return {};
  }
  Result<storage::Positions> end(storage::Stream) override {
    if (!readable) return fail(ErrorCode::kUnavailable, "event log: is away");
    return storage::Positions{};
  }
  Result<void> trim(storage::Stream, const storage::Positions&) override { return {}; }
  void set_wake(std::function<void(storage::Stream)>) override {}
};

TEST(Readiness, SaysWhyNot) {
  Bench bench;
  Readiness readiness;
  auto told = std::make_unique<ToldLog>();
  ToldLog& inner = *told;
  const auto log = watched(std::move(told), readiness);
  const auto now = std::chrono::steady_clock::now;
  const auto reasons = [&](std::chrono::seconds later = {}) {
    return readiness.reasons(*bench.state, *log, now() + later);
  };
  EXPECT_THAT(reasons(), testing::IsEmpty());

  const auto append = [&] {
    return log->append_and_wait(storage::Stream::kEvents, {{0, "x"}}).has_value();
  };
  inner.outcome = fail(ErrorCode::kUnavailable, "event log: the disk is full");
  EXPECT_FALSE(append());
  EXPECT_THAT(reasons(), testing::ElementsAre("event log: refuses appends"));
  EXPECT_THAT(reasons(Readiness::kRefusalCounts), testing::IsEmpty())
      << "who gets no events could never recover";
  inner.outcome = {};
  EXPECT_TRUE(append());
  EXPECT_THAT(reasons(), testing::IsEmpty());
  inner.outcome = fail(ErrorCode::kInvalidArgument, "event log: partition is 99");
  EXPECT_FALSE(append());
  EXPECT_THAT(reasons(), testing::IsEmpty()) << "the caller's mistake";

  inner.readable = false;
  EXPECT_THAT(reasons(), testing::ElementsAre("event log: cannot be read"));
  inner.readable = true;
  readiness.set_held(true);
  EXPECT_THAT(reasons(), testing::ElementsAre(testing::StartsWith("projections: ")));
  readiness.set_held(false);
  readiness.set_draining();
  EXPECT_THAT(reasons(), testing::ElementsAre("server: is stopping"));
}

TEST(Readiness, WithoutWorkersNobodyDealsWithWhatIsTaken) {
  Bench bench;
  Readiness readiness;
  ToldLog log;
  EXPECT_THAT(readiness.reasons(*bench.state, log), testing::IsEmpty());
  readiness.set_without_workers();
  EXPECT_THAT(readiness.reasons(*bench.state, log),
              testing::ElementsAre(testing::HasSubstr("workers")));
}

TEST(Readiness, NeedsAStateThatCanBeRead) {
  const TempFolder folder;
  const auto empty = storage::open_test_state(folder.path() / "state.db");
  Readiness readiness;
  ToldLog log;
  EXPECT_THAT(readiness.reasons(*empty, log), testing::ElementsAre("state: cannot be read"));
}

TEST(RequestChecks, KeysAndUsers) {
  const auto field_of = [](const auto& request) {
    const auto checked = check(request);
    return checked ? std::string("ok") : checked.error().field;
  };
  EXPECT_EQ(field_of(KeyRequest{"site", Role::kPage, {"shop", "school.2"}}), "ok");
  EXPECT_EQ(field_of(KeyRequest{"site", Role::kPage, {"shop", "bad id"}}), "accounts[1]");
  EXPECT_EQ(field_of(KeyRequest{"  ", Role::kPage, {}}), "name");
  EXPECT_EQ(field_of(UserRequest{"anna\n", Role::kAdmin, "correct horse"}), "name");
  EXPECT_EQ(field_of(UserRequest{"anna", Role::kAnalyst, "correct horse"}), "ok");
  for (const Role role : {Role::kPage, Role::kIngest})
    EXPECT_EQ(field_of(UserRequest{"anna", role, "correct horse"}), "role");
}

TEST(SentBack, WhatOnlyTheServerSetsMustBeAsItIsStored) {
  constexpr std::string_view kReadOnly[] = {"version", "note"};
  constexpr std::string_view kMeasured[] = {"count"};
  const Json stored = Json().set("version", 3).set("note", "").set("count", 7).set("name", "a");
  const Json changed = Json().set("name", "b").set("version", 3).set("count", 9).set("note", "");
  EXPECT_EQ(sent_back(changed, stored, kReadOnly, kMeasured).value(), Json().set("name", "b"));
  const auto refused = [&](const Json& body, const Json& there) {
    const auto out = sent_back(body, there, kReadOnly, kMeasured);
    return out ? "" : out.error().field;
  };
  EXPECT_EQ(refused(Json().set("version", 4), stored), "version");
  EXPECT_EQ(refused(Json().set("note", "x"), stored), "note");
  EXPECT_EQ(refused(Json().set("version", 3), {}), "version") << "nothing is stored yet";
  EXPECT_EQ(refused(Json().set("version", Json()), {}), "");
  // What nobody knows is left for the binding to refuse.
  EXPECT_EQ(sent_back(Json().set("nmae", 1), stored, kReadOnly).value(), Json().set("nmae", 1));
}

TEST(ListAfter, IsANumberOrAbsent) {
  http::Request request;
  EXPECT_EQ(*list_after(request), 0);
  request.query["after"] = "17";
  EXPECT_EQ(*list_after(request), 17);
  for (const char* bad : {"abc", "7x", "-1", "99999999999999999999"}) {
    request.query["after"] = bad;
    EXPECT_EQ(list_after(request).error().field, "after") << bad;
  }
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
