// The whole sandbox over HTTP, against a small server that plays the part of Zhiyin.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "http/client.h"
#include "sandbox/callback.h"
#include "sandbox/run.h"
#include "sandbox/tests/trial_server.h"

namespace zhiyin::sandbox {
namespace {

using testing::HasSubstr;

const Instant kStart{1772294400LL * 1000000};  // 2026-03-01 00:00 in Shanghai

class SandboxTest : public testing::Test {
 protected:
  explicit SandboxTest(std::size_t people = 100) {
    SandboxSettings settings;
    settings.port = 0;
    settings.people = people;
    settings.seed = 11;
    settings.start = kStart;
    sandbox_ = std::move(*Sandbox::start(settings, null_logger()));
    trial_ = std::make_unique<TrialServer>(demo_account(11));
  }

  [[nodiscard]] std::string url() const {
    return fmt::format("http://127.0.0.1:{}", sandbox_->port());
  }
  http::ClientResponse call(const std::string& method, const std::string& path,
                            const std::string& body = "") {
    http::ClientRequest request;
    request.method = method;
    request.url = url() + path;
    request.body = body;
    request.timeout = std::chrono::minutes(2);
    auto response = client_->send_and_wait(std::move(request));
    return response ? std::move(*response) : http::ClientResponse{};
  }
  Json ask(const std::string& method, const std::string& path, const std::string& body = "") {
    const http::ClientResponse response = call(method, path, body);
    EXPECT_EQ(response.status, 200) << response.body;
    return parse_json(response.body).value_or(Json());
  }
  Json connect() {
    return ask(
        "POST", "/sandbox/connect",
        fmt::format(R"({{"url":"{}/","admin_key":"admin","ingest_key":"ingest"}})", trial_->url()));
  }

  std::unique_ptr<Sandbox> sandbox_;
  std::unique_ptr<TrialServer> trial_;
  std::unique_ptr<http::Client> client_ = http::Client::create({});
};

TEST_F(SandboxTest, AccountIsWhatTheServerTakes) {
  const Json account = ask("GET", "/sandbox/account");
  EXPECT_EQ(account["id"].string_or(""), "shop");
  EXPECT_EQ(account["kind"].string_or(""), "service");
  EXPECT_EQ(account["mode"].string_or(""), "secure");
  EXPECT_EQ(account["encoding_aes_key"].string_or("").size(), 43u);
  EXPECT_EQ(account["base_url"].string_or(""), url());
}

TEST_F(SandboxTest, ConnectingChecksTheCallbackAddress) {
  const Json out = connect();
  EXPECT_TRUE(out["verified"].bool_or(false)) << out.dump();
  EXPECT_EQ(out["callback_url"].string_or(""), trial_->url() + "/wechat/shop");
}

TEST_F(SandboxTest, TheOtherAccountsAreThereAndThingsHappenAtThem) {
  const Json accounts = ask("GET", "/sandbox/accounts");
  ASSERT_EQ(accounts.if_array()->size(), 4u);
  const Json& corp = accounts.if_array()->at(2);
  EXPECT_EQ(corp["kind"].string_or(""), "wecom");
  EXPECT_EQ(corp["token_kind"].string_or(""), "wecom");
  EXPECT_EQ(corp.find("refresh_token"), nullptr);
  EXPECT_FALSE(accounts.if_array()->at(3)["refresh_token"].string_or("").empty());
  const Json met =
      ask("POST", "/sandbox/play",
          R"({"account":"corp","kind":"meet","userid":"lili","external_userid":"wm1"})");
  EXPECT_FALSE(met["welcome_code"].string_or("").empty());
  EXPECT_EQ(call("POST", "/sandbox/play",
                 R"({"account":"corp","kind":"meet","userid":"nobody",)"
                 R"("external_userid":"wm1"})")
                .status,
            400);
  EXPECT_EQ(call("POST", "/sandbox/play", R"({"account":"other","kind":"say"})").status, 400);
  EXPECT_EQ(call("POST", "/sandbox/play", R"({"account":"shop","kind":"dance"})").status, 400);
}

TEST_F(SandboxTest, CompanionsGetTheirCallbacksWhenTheServerKnowsThem) {
  ask("POST", "/sandbox/connect",
      fmt::format(R"({{"url":"{}","admin_key":"admin","companions":["corp","mini"],"json":true}})",
                  trial_->url()));
  ask("POST", "/sandbox/play",
      R"({"account":"corp","kind":"meet","userid":"lili","external_userid":"wm1"})");
  EXPECT_EQ(trial_->seen().company_callbacks, 1u);
  ask("POST", "/sandbox/play", R"({"account":"mini","kind":"say","openid":"oM","text":"hi"})");
  EXPECT_EQ(trial_->seen().json_callbacks, 1u);
}

TEST_F(SandboxTest, CallbacksComeTwiceAndInOtherOrderOnDemand) {
  EXPECT_EQ(call("POST", "/sandbox/mischief", R"({"duplicate_share":1})").status, 409);
  connect();
  EXPECT_EQ(call("POST", "/sandbox/mischief", R"({"duplicate_share":2})").status, 400);
  ask("POST", "/sandbox/mischief", R"({"duplicate_share":1,"swap_share":1})");
  const Json report = ask("POST", "/sandbox/advance", R"({"by":"3d"})")["callback_counts"];
  EXPECT_EQ(report["duplicates"].int_or(0), report["messages"].int_or(-1));
  EXPECT_GT(report["out_of_order"].int_or(0), 0);
}

TEST_F(SandboxTest, FaultsCutAnswersOrGiveServerErrors) {
  ask("POST", "/sandbox/inject", R"({"path":"*","kind":"server_error","status":502})");
  EXPECT_EQ(ask("GET", "/sandbox/faults")["faults"].if_array()->size(), 1u);
  EXPECT_EQ(call("GET", "/cgi-bin/token").status, 502);
  ask("POST", "/sandbox/inject", R"({"path":"/cgi-bin/token","kind":"half_sent"})");
  http::ClientRequest request;
  request.method = "POST";  // not repeated by the client itself
  request.url = url() + "/cgi-bin/token";
  const auto cut = client_->send_and_wait(std::move(request));
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().progress, http::SendProgress::kOutcomeUnknown);
  EXPECT_EQ(call("GET", "/cgi-bin/token").status, 200);
  ask("POST", "/sandbox/inject", R"({"path":"/cgi-bin/token","kind":"busy","times":9})");
  EXPECT_TRUE(ask("POST", "/sandbox/faults/clear")["faults"].if_array()->empty());
}

TEST_F(SandboxTest, TheDescriptionIsServed) {
  EXPECT_EQ(ask("GET", "/sandbox/openapi.json")["openapi"].string_or(""), "3.1.0");
  EXPECT_NE(ask("GET", "/sandbox/openapi.json?platform=wecom")["paths"].find("/cgi-bin/gettoken"),
            nullptr);
  EXPECT_EQ(call("GET", "/sandbox/openapi.json?platform=qq").status, 400);
}

TEST_F(SandboxTest, NothingMovesWithoutAServerOrWithBadInput) {
  EXPECT_EQ(call("POST", "/sandbox/advance", R"({"by":"1d"})").status, 409);
  connect();
  EXPECT_EQ(call("POST", "/sandbox/advance", R"({})").status, 400);
  EXPECT_EQ(call("POST", "/sandbox/advance", R"({"by":"1d","to":"2026-04-01"})").status, 400);
  EXPECT_EQ(call("POST", "/sandbox/advance", R"({"to":"2026-02-01T00:00:00Z"})").status, 400);
  EXPECT_THAT(call("POST", "/sandbox/advance", R"({"bye":"1d"})").body, HasSubstr("by"));
  EXPECT_EQ(call("POST", "/sandbox/inject", R"({"path":"/cgi-bin/none","kind":"busy"})").status,
            400);
  EXPECT_EQ(call("POST", "/sandbox/inject", R"({"path":"/cgi-bin/token","kind":"bang"})").status,
            400);
}

class BusySandboxTest : public SandboxTest {
 protected:
  BusySandboxTest() : SandboxTest(400) {}
};

TEST_F(BusySandboxTest, TwoWeeksReachTheServerAndAMessageComesBackWithItsEffect) {
  connect();
  const std::string noon = "2026-03-06T10:00:00+08:00";
  trial_->plan_mass(*parse_time(noon, TimeZone::shanghai()), url());
  const Json report = ask("POST", "/sandbox/advance", R"({"by":"14d"})");
  const TrialServer::Seen seen = trial_->seen();

  EXPECT_EQ(report["now"].string_or(""), "2026-03-15T00:00:00+08:00");
  EXPECT_EQ(report["steps"].int_or(0), 56);
  EXPECT_GT(seen.events.size(), 4'000u);
  EXPECT_EQ(static_cast<std::int64_t>(seen.events.size()), report["events"].int_or(0));
  EXPECT_EQ(seen.from_the_future, 0u);
  EXPECT_EQ(seen.bad_callbacks, 0u);
  EXPECT_EQ(report["callback_counts"]["bad_answers"].int_or(-1), 0);
  EXPECT_EQ(report["callback_counts"]["duplicates_answered_otherwise"].int_or(-1), 0);
  EXPECT_GT(report["callback_counts"]["duplicates"].int_or(0), 0);
  EXPECT_GT(seen.callback_events.at("text"), 20u);
  EXPECT_GT(seen.callback_events.at("CLICK"), 20u);
  EXPECT_GT(seen.callback_events.at("subscribe"), 3u);
  EXPECT_GE(report["callback_counts"]["replied"].int_or(0), 3);

  // The mass message: told to the platform by the server, read by people, its links opened.
  EXPECT_GE(seen.callback_events.at("MASSSENDJOBFINISH"), 1u);
  EXPECT_EQ(xml_text(seen.mass_report, "TotalCount"), std::to_string(seen.targets.size()));
  EXPECT_GT(seen.links, seen.targets.size() / 10);
  EXPECT_EQ(report["links_opened"].int_or(0), static_cast<std::int64_t>(seen.links));
  std::size_t clicks = 0;
  std::set<std::string> buyers;
  const Instant sent = *parse_time(noon, TimeZone::shanghai());
  for (const Json& event : seen.events) {
    const Json& identity = event["identities"].if_array()->at(0);
    EXPECT_EQ(identity["kind"].string_or(""), "openid");
    const std::string openid(identity["value"].string_or(""));
    const Instant at = *parse_time(event["occurred_at"].string_or(""), TimeZone::shanghai());
    if (event["kind"].string_or("") == "purchase") {
      EXPECT_EQ(event["item"]["kind"].string_or(""), "product");
      EXPECT_GT(event["value"].int_or(0), 0);
      if (at > sent && at <= sent + kDay * 7) buyers.insert(openid);
    }
    if (event["properties"]["campaign"].string_or("") != "spring") continue;
    ++clicks;
    EXPECT_TRUE(seen.targets.contains(openid));
    EXPECT_EQ(event["kind"].string_or(""), "click");
    EXPECT_EQ(event["item"]["id"].string_or(""), "p003");
    EXPECT_EQ(event["properties"]["touch"].string_or(""), "t_1");
    EXPECT_GT(at, sent);
  }
  EXPECT_EQ(clicks, seen.links);

  const Json truth = ask("GET", "/sandbox/truth");
  const Json& message = truth["messages"].if_array()->at(0);
  EXPECT_EQ(message["clientmsgid"].string_or(""), "spring-0");
  EXPECT_EQ(message["campaign"].string_or(""), "spring");
  EXPECT_EQ(message["at"].string_or(""), "2026-03-06T12:00:00+08:00");  // the end of the step
  EXPECT_GT(message["recipients"].int_or(0), 200);
  EXPECT_LE(message["recipients"].int_or(0), static_cast<std::int64_t>(seen.targets.size()));
  EXPECT_GT(message["true_effect"].number_or(0), 0.06);
  EXPECT_EQ(truth["campaigns"].if_array()->at(0)["recipients"].int_or(0),
            message["recipients"].int_or(0));
  // What happened agrees with what is stated: about 250 people, standard error 2.4 points.
  double bought = 0;
  for (const std::string& openid : seen.targets) bought += buyers.contains(openid) ? 1 : 0;
  EXPECT_NEAR(bought / static_cast<double>(seen.targets.size()),
              message["treated_rate"].number_or(0), 0.08);
}

TEST_F(SandboxTest, AnAdvanceThatFailedGoesOnAndLosesNothing) {
  connect();
  trial_->fail_events(1);
  EXPECT_EQ(call("POST", "/sandbox/advance", R"({"to":"2026-03-02T00:00:00+08:00"})").status, 503);
  EXPECT_GT(ask("GET", "/sandbox/status")["waiting"]["events"].int_or(0), 0);
  ask("POST", "/sandbox/advance", R"({"to":"2026-03-02T00:00:00+08:00"})");
  const std::size_t with_failure = trial_->seen().events.size();

  SandboxSettings settings;
  settings.port = 0;
  settings.people = 100;
  settings.seed = 11;
  settings.start = kStart;
  sandbox_ = std::move(*Sandbox::start(settings, null_logger()));
  trial_ = std::make_unique<TrialServer>(demo_account(11));
  connect();
  ask("POST", "/sandbox/advance", R"({"to":"2026-03-02T00:00:00+08:00"})");
  EXPECT_EQ(trial_->seen().events.size(), with_failure);
}

TEST_F(SandboxTest, DeedsByHandReachTheServerAtOnce) {
  connect();
  const std::string token(
      ask("GET", fmt::format("/cgi-bin/token?grant_type=client_credential&appid={}&secret={}",
                             demo_account(11).app_id, demo_account(11).app_secret))["access_token"]
          .string_or(""));
  const std::string openid(ask("GET", "/cgi-bin/user/get?access_token=" + token)["data"]["openid"]
                               .if_array()
                               ->at(0)
                               .string_or(""));
  const Json said = ask("POST", "/sandbox/act",
                        fmt::format(R"({{"openid":"{}","kind":"message","text":"你好"}})", openid));
  EXPECT_EQ(said["callback_counts"]["acknowledged"].int_or(0), 1);
  ask("POST", "/sandbox/act", fmt::format(R"({{"openid":"{}","kind":"unfollow"}})", openid));
  EXPECT_EQ(call("POST", "/sandbox/act",
                 fmt::format(R"({{"openid":"{}","kind":"message","text":"x"}})", openid))
                .status,
            409);
  const Json back =
      ask("POST", "/sandbox/act", fmt::format(R"({{"openid":"{}","kind":"follow"}})", openid));
  EXPECT_EQ(back["reply"].string_or(""), "欢迎来到知音小店");
  const TrialServer::Seen seen = trial_->seen();
  EXPECT_EQ(seen.callback_events.at("text"), 1u);
  EXPECT_EQ(seen.callback_events.at("unsubscribe"), 1u);
  EXPECT_EQ(call("POST", "/sandbox/act", R"({"openid":"oNobody","kind":"follow"})").status, 404);
  EXPECT_EQ(call("POST", "/sandbox/act", R"({"openid":"oNobody","kind":"dance"})").status, 400);
  EXPECT_GT(ask("GET", "/sandbox/people/" + openid)["visits_per_day"].number_or(0), 0);
}

TEST_F(SandboxTest, HangsUpOnInjectedCalls) {
  ask("POST", "/sandbox/inject", R"({"path":"/cgi-bin/token","kind":"close_before"})");
  http::ClientRequest request;
  request.method = "POST";
  request.url = url() + "/cgi-bin/token";
  const auto response = client_->send_and_wait(std::move(request));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().progress, http::SendProgress::kOutcomeUnknown);
  EXPECT_EQ(ask("GET", "/cgi-bin/token?appid=x")["errcode"].int_or(0), 40013);
  EXPECT_EQ(call("GET", "/cgi-bin/never/heard").status, 404);
}

TEST_F(SandboxTest, PagesAndLibraryAreServed) {
  connect();
  const http::ClientResponse page = call("GET", "/page/a001?openid=o%3C/script%3E");
  EXPECT_EQ(page.status, 200);
  EXPECT_THAT(page.body, HasSubstr(trial_->url() + "/zhiyin.js"));
  EXPECT_EQ(page.body.find("o</script>"), std::string::npos);
  EXPECT_EQ(call("GET", "/page/none").status, 404);
  const http::ClientResponse csv = call("GET", "/sandbox/library.csv");
  EXPECT_THAT(csv.body, HasSubstr(url() + "/page/a001"));
  EXPECT_EQ(std::ranges::count(csv.body, '\n'), 301);
}

TEST(SandboxSettings, OutOfRangeIsRefusedByName) {
  SandboxSettings settings;
  settings.port = 0;
  settings.people = 0;
  EXPECT_EQ(Sandbox::start(settings, null_logger()).error().field, "people");
  settings.people = 5;
  settings.activity = -1;
  EXPECT_EQ(Sandbox::start(settings, null_logger()).error().field, "activity");
}

TEST(RunSandbox, StopsWhenAsked) {
  SandboxSettings settings;
  settings.port = 0;
  settings.people = 5;
  settings.start = kStart;
  std::stop_source stop;
  std::uint16_t port = 0;
  const auto outcome = run_sandbox(settings, null_logger(), stop.get_token(), [&](std::uint16_t p) {
    port = p;
    stop.request_stop();
  });
  EXPECT_TRUE(outcome);
  EXPECT_NE(port, 0);
}

}  // namespace
}  // namespace zhiyin::sandbox
