#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sandbox/tests/platform_fixture.h"

namespace zhiyin::sandbox {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

TEST_F(PlatformTest, PlainTokensReplaceEachOtherWithFiveMinutesOverlap) {
  const std::string first = token();
  EXPECT_EQ(use(first), 0);
  const std::string second = token();
  EXPECT_NE(first, second);
  pass(minutes(5) - seconds(1));
  EXPECT_EQ(use(first), 0);
  pass(seconds(1));
  EXPECT_EQ(use(first), 40001);
  EXPECT_EQ(use(second), 0);
}

TEST_F(PlatformTest, TokensExpireAfterTwoHours) {
  const std::string text = token();
  pass(seconds(7199));
  EXPECT_EQ(use(text), 0);
  pass(seconds(1));
  EXPECT_EQ(use(text), 42001);
}

TEST_F(PlatformTest, StableTokenStaysUntilFiveMinutesBeforeItsEnd) {
  const std::string first(stable_token()["access_token"].string_or(""));
  pass(hours(1));
  EXPECT_EQ(stable_token()["access_token"].string_or(""), first);
  EXPECT_EQ(stable_token()["expires_in"].int_or(0), 3600);
  pass(minutes(55));
  const std::string second(stable_token()["access_token"].string_or(""));
  EXPECT_NE(first, second);
  EXPECT_EQ(use(first), 0);
  pass(minutes(5));
  EXPECT_NE(use(first), 0);
  EXPECT_EQ(use(second), 0);
}

TEST_F(PlatformTest, ForcedRefreshNeedsThirtySecondsAndHappensTwentyTimesADay) {
  std::string last(stable_token()["access_token"].string_or(""));
  std::string next(stable_token(true)["access_token"].string_or(""));
  EXPECT_NE(next, last);
  EXPECT_EQ(stable_token(true)["access_token"].string_or(""), next);  // too soon: ignored
  for (int i = 0; i < 19; ++i) {
    pass(seconds(30));
    last = next;
    next = stable_token(true)["access_token"].string_or("");
    EXPECT_NE(next, last) << i;
  }
  pass(seconds(30));
  EXPECT_EQ(stable_token(true)["access_token"].string_or(""), next);
}

TEST_F(PlatformTest, FamiliesOfTokensAreIndependent) {
  const std::string stable(stable_token()["access_token"].string_or(""));
  token();
  token();
  pass(minutes(6));
  EXPECT_EQ(use(stable), 0);
}

TEST_F(PlatformTest, ErrorsComeInThePlatformsOrderWithARequestId) {
  EXPECT_EQ(
      code(get("/cgi-bin/token", {{"grant_type", "x"}, {"appid", "wxother"}, {"secret", "x"}})),
      40013);
  EXPECT_EQ(code(get("/cgi-bin/token", {{"grant_type", "x"}, {"appid", service_.app_id}})), 40002);
  EXPECT_EQ(
      code(get("/cgi-bin/token",
               {{"grant_type", "client_credential"}, {"appid", service_.app_id}, {"secret", "x"}})),
      40125);
  EXPECT_EQ(code(get("/cgi-bin/token", {})), 41002);
  EXPECT_EQ(code(get("/cgi-bin/user/get", {})), 41001);
  const Json bad = get("/cgi-bin/user/get", {{"access_token", "nonsense"}});
  EXPECT_EQ(code(bad), 40001);
  EXPECT_THAT(std::string(bad["errmsg"].string_or("")),
              testing::MatchesRegex("invalid credential, access_token is invalid or not latest.* "
                                    "rid: [0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}"));
  EXPECT_TRUE(platform_.call({"GET", "/cgi-bin/nothing", {}, ""}).body.is_null());
  EXPECT_EQ(code(post("/cgi-bin/message/custom/send", token(), "{\"a\":")), 47001);
  EXPECT_EQ(code(get("/cgi-bin/message/custom/send", {{"access_token", token()}})), 43002);
}

TEST_F(PlatformTest, DailyQuotaRunsOutAndRollsAtMidnightInShanghai) {
  platform_.set_daily_limit("/cgi-bin/user/get", 3);
  pass(hours(23) + minutes(30));
  const std::string t = token();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(use(t), 0);
  EXPECT_EQ(use(t), 45009);
  const Json quota = post("/cgi-bin/openapi/quota/get", t, R"({"cgi_path":"/cgi-bin/user/get"})");
  EXPECT_EQ(quota["quota"]["daily_limit"].int_or(0), 3);
  EXPECT_EQ(quota["quota"]["remain"].int_or(-1), 0);
  EXPECT_EQ(code(post("/cgi-bin/openapi/quota/get", t, R"({"cgi_path":"/x"})")), 76021);
  pass(minutes(30));
  EXPECT_EQ(use(t), 0);
}

TEST_F(PlatformTest, QuotaCanBeClearedTenTimesAMonth) {
  platform_.set_daily_limit("/cgi-bin/user/get", 1);
  const std::string t = token();
  const std::string body = fmt::format(R"({{"appid":"{}"}})", service_.app_id);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(use(t), 0);
    EXPECT_EQ(use(t), 45009);
    EXPECT_EQ(code(post("/cgi-bin/clear_quota", t, body)), 0);
  }
  EXPECT_EQ(code(post("/cgi-bin/clear_quota", t, body)), 48006);
  EXPECT_EQ(code(post("/cgi-bin/clear_quota", t, R"({"appid":"wxother"})")), 40013);
}

TEST_F(PlatformTest, UserListPagesAtTenThousandAndTheLastPageHasNoData) {
  for (int i = 5; i < 10'003; ++i)
    platform_.follow(service_.app_id, openid(i), "u", kStart, "ADD_SCENE_SEARCH");
  platform_.unfollow(service_.app_id, openid(7));
  const std::string t = token();
  const Json first = get("/cgi-bin/user/get", {{"access_token", t}, {"next_openid", ""}});
  EXPECT_EQ(first["total"].int_or(0), 10'002);
  EXPECT_EQ(first["count"].int_or(0), 10'000);
  const std::string next(first["next_openid"].string_or(""));
  const Json second = get("/cgi-bin/user/get", {{"access_token", t}, {"next_openid", next}});
  EXPECT_EQ(second["count"].int_or(0), 2);
  const Json third =
      get("/cgi-bin/user/get",
          {{"access_token", t}, {"next_openid", std::string(second["next_openid"].string_or(""))}});
  EXPECT_EQ(third["count"].int_or(-1), 0);
  EXPECT_TRUE(third["data"].is_null());
  EXPECT_EQ(code(get("/cgi-bin/user/get", {{"access_token", t}, {"next_openid", "oNobody"}})),
            40003);
}

TEST_F(PlatformTest, UserInfoTellsNeitherNameNorPicture) {
  const std::string t = token();
  platform_.unfollow(service_.app_id, openid(1));
  const Json zero = get("/cgi-bin/user/info", {{"access_token", t}, {"openid", openid(0)}});
  EXPECT_EQ(zero["subscribe"].int_or(0), 1);
  EXPECT_EQ(zero["unionid"].string_or(""), "u0");
  EXPECT_EQ(zero["subscribe_time"].int_or(0), (kStart - kDay).us / 1'000'000);
  EXPECT_TRUE(zero["nickname"].is_null());
  EXPECT_TRUE(zero["headimgurl"].is_null());
  const Json batch = post("/cgi-bin/user/info/batchget", t,
                          fmt::format(R"({{"user_list":[{{"openid":"{}"}},{{"openid":"{}"}}]}})",
                                      openid(0), openid(1)));
  EXPECT_EQ((*batch["user_info_list"].if_array())[1].dump(),
            R"({"subscribe":0,"openid":"oPerson1"})");
  std::string many = "{\"user_list\":[";
  for (int i = 0; i < 101; ++i)
    many += fmt::format("{}{{\"openid\":\"{}\"}}", i == 0 ? "" : ",", openid(0));
  EXPECT_EQ(code(post("/cgi-bin/user/info/batchget", t, many + "]}")), 40032);
}

TEST_F(PlatformTest, TagsAreMadeGivenAndSentTo) {
  const std::string t = token();
  const Json made = post("/cgi-bin/tags/create", t, R"({"tag":{"name":"常客"}})");
  const std::int64_t id = made["tag"]["id"].int_or(0);
  EXPECT_EQ(id, 100);
  EXPECT_EQ(code(post("/cgi-bin/tags/create", t, R"({"tag":{"name":"常客"}})")), 45157);
  EXPECT_EQ(code(post("/cgi-bin/tags/create", t, R"({"tag":{"name":"一二三四五六七八九十一"}})")),
            45158);
  EXPECT_EQ(code(post("/cgi-bin/tags/members/batchtagging", t,
                      fmt::format(R"({{"openid_list":["{}","{}"],"tagid":{}}})", openid(0),
                                  openid(2), id))),
            0);
  EXPECT_EQ(code(post("/cgi-bin/tags/members/batchtagging", t,
                      R"({"openid_list":["oPerson0"],"tagid":7})")),
            45159);
  const Json members =
      post("/cgi-bin/user/tag/get", t, fmt::format(R"({{"tagid":{},"next_openid":""}})", id));
  EXPECT_EQ(members["count"].int_or(0), 2);
  EXPECT_EQ(
      (*get("/cgi-bin/tags/get", {{"access_token", t}})["tags"].if_array())[0]["count"].int_or(0),
      2);
  const Json sent = post(
      "/cgi-bin/message/mass/sendall", t,
      fmt::format(
          R"({{"filter":{{"is_to_all":false,"tag_id":{}}},"msgtype":"text","text":{{"content":"x"}}}})",
          id));
  EXPECT_EQ(code(sent), 0);
  EXPECT_EQ(platform_.take_messages().at(0).targeted, 2u);
}

TEST_F(PlatformTest, InjectedFaultsHitTheNamedPathSoManyTimes) {
  platform_.inject({.path = "/cgi-bin/user/get", .times = 2, .kind = FaultKind::kBusy});
  platform_.inject(
      {.path = "/cgi-bin/user/get", .times = 1, .kind = FaultKind::kErrcode, .errcode = 48004});
  const std::string t = token();
  EXPECT_EQ(use(t), -1);
  EXPECT_EQ(use(t), -1);
  EXPECT_EQ(use(t), 48004);
  EXPECT_EQ(use(t), 0);
}

TEST_F(PlatformTest, HangingUpBeforeDoesNothingAndAfterDoesItAll) {
  const std::string t = token();
  const auto send = [&](const std::string& id) {
    return platform_.call(
        {"POST", "/cgi-bin/message/mass/send", {{"access_token", t}}, mass_body({0, 1}, id)});
  };
  platform_.inject({.path = "/cgi-bin/message/mass/send", .kind = FaultKind::kCloseBefore});
  EXPECT_TRUE(send("a").hang_up);
  EXPECT_TRUE(platform_.take_messages().empty());
  platform_.inject({.path = "/cgi-bin/message/mass/send", .kind = FaultKind::kCloseAfter});
  EXPECT_TRUE(send("b").hang_up);
  EXPECT_EQ(platform_.take_messages().size(), 1u);
  platform_.inject({.path = "/cgi-bin/message/mass/send", .kind = FaultKind::kSlow, .delay_ms = 9});
  EXPECT_EQ(send("c").delay_ms, 9);
  EXPECT_EQ(platform_.take_messages().size(), 1u);
}

}  // namespace
}  // namespace zhiyin::sandbox
