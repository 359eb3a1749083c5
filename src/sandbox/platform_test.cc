#include "sandbox/platform.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace zhiyin::sandbox {
namespace {

using testing::HasSubstr;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

const Instant kStart{1772294400LL * 1000000};  // 2026-03-01 00:00 in Shanghai

class PlatformTest : public testing::Test {
 protected:
  PlatformTest() : platform_(clock_, 1) {
    platform_.add(service_);
    subscription_.kind = AccountKind::kSubscription;
    platform_.add(subscription_);
    unverified_.verified = false;
    platform_.add(unverified_);
    for (int i = 0; i < 5; ++i) {
      platform_.follow(service_.app_id, openid(i), "u" + std::to_string(i), kStart - kDay, "ADD_SCENE_SEARCH");
      platform_.follow(subscription_.app_id, openid(i), "u", kStart - kDay, "ADD_SCENE_SEARCH");
      platform_.follow(unverified_.app_id, openid(i), "u", kStart - kDay, "ADD_SCENE_SEARCH");
    }
  }

  static std::string openid(int i) { return "oPerson" + std::to_string(i); }

  Json get(const std::string& path, std::map<std::string, std::string, std::less<>> query) {
    return platform_.call({"GET", path, std::move(query), ""}).body;
  }
  Json post(const std::string& path, const std::string& token, std::string_view body) {
    return platform_.call({"POST", path, {{"access_token", token}}, std::string(body)}).body;
  }
  Json new_token(const SandboxAccount& account) {
    return get("/cgi-bin/token", {{"grant_type", "client_credential"},
                                  {"appid", account.app_id},
                                  {"secret", account.app_secret}});
  }
  Json stable_token(bool force = false) {
    Json body = Json::object();
    body.set("grant_type", "client_credential");
    body.set("appid", service_.app_id);
    body.set("secret", service_.app_secret);
    body.set("force_refresh", force);
    return post("/cgi-bin/stable_token", "", body.dump());
  }
  std::string token(const SandboxAccount& account) {
    return std::string(new_token(account)["access_token"].string_or(""));
  }
  std::string token() { return token(service_); }
  /// 0 when the token is good.
  std::int64_t use(const std::string& text) {
    return get("/cgi-bin/user/get", {{"access_token", text}})["errcode"].int_or(0);
  }
  static std::int64_t code(const Json& answer) { return answer["errcode"].int_or(0); }
  void pass(Duration d) { ASSERT_TRUE(clock_.advance_to(clock_.now() + d)); }
  std::string mass_body(const std::vector<int>& people, const std::string& client_id, const std::string& text = "上新") {
    Json openids = Json::array();
    for (const int i : people) openids.push(openid(i));
    Json body = Json::object();
    body.set("touser", std::move(openids));
    body.set("msgtype", "text");
    body.set("text", Json(Json::Object{{"content", text}}));
    if (!client_id.empty()) body.set("clientmsgid", client_id);
    return body.dump();
  }
  std::string custom_body(int person, const std::string& text = "您好") {
    return fmt::format(R"({{"touser":"{}","msgtype":"text","text":{{"content":"{}"}},"aimsgcontext":{{"is_ai_msg":1}}}})",
                       openid(person), text);
  }
  static std::string field_of(const CallbackMessage& message, std::string_view name) {
    for (const CallbackField& field : message.fields) {
      if (field.name == name) return field.value;
    }
    return {};
  }

  SteppedClock clock_{kStart};
  SandboxAccount service_ = demo_account(1);
  SandboxAccount subscription_ = demo_account(2);
  SandboxAccount unverified_ = demo_account(3);
  Platform platform_;
};

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
  EXPECT_EQ(code(get("/cgi-bin/token", {{"grant_type", "x"}, {"appid", "wxother"}, {"secret", "x"}})), 40013);
  EXPECT_EQ(code(get("/cgi-bin/token", {{"grant_type", "x"}, {"appid", service_.app_id}})), 40002);
  EXPECT_EQ(code(get("/cgi-bin/token", {{"grant_type", "client_credential"}, {"appid", service_.app_id}, {"secret", "x"}})), 40125);
  EXPECT_EQ(code(get("/cgi-bin/token", {})), 41002);
  EXPECT_EQ(code(get("/cgi-bin/user/get", {})), 41001);
  const Json bad = get("/cgi-bin/user/get", {{"access_token", "nonsense"}});
  EXPECT_EQ(code(bad), 40001);
  EXPECT_THAT(std::string(bad["errmsg"].string_or("")),
              testing::MatchesRegex("invalid credential, access_token is invalid or not latest.* rid: [0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}"));
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
  for (int i = 5; i < 10'003; ++i) platform_.follow(service_.app_id, openid(i), "u", kStart, "ADD_SCENE_SEARCH");
  platform_.unfollow(service_.app_id, openid(7));
  const std::string t = token();
  const Json first = get("/cgi-bin/user/get", {{"access_token", t}, {"next_openid", ""}});
  EXPECT_EQ(first["total"].int_or(0), 10'002);
  EXPECT_EQ(first["count"].int_or(0), 10'000);
  const std::string next(first["next_openid"].string_or(""));
  const Json second = get("/cgi-bin/user/get", {{"access_token", t}, {"next_openid", next}});
  EXPECT_EQ(second["count"].int_or(0), 2);
  const Json third = get("/cgi-bin/user/get",
                         {{"access_token", t}, {"next_openid", std::string(second["next_openid"].string_or(""))}});
  EXPECT_EQ(third["count"].int_or(-1), 0);
  EXPECT_TRUE(third["data"].is_null());
  EXPECT_EQ(code(get("/cgi-bin/user/get", {{"access_token", t}, {"next_openid", "oNobody"}})), 40003);
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
                          fmt::format(R"({{"user_list":[{{"openid":"{}"}},{{"openid":"{}"}}]}})", openid(0), openid(1)));
  EXPECT_EQ((*batch["user_info_list"].if_array())[1].dump(), R"({"subscribe":0,"openid":"oPerson1"})");
  std::string many = "{\"user_list\":[";
  for (int i = 0; i < 101; ++i) many += fmt::format("{}{{\"openid\":\"{}\"}}", i == 0 ? "" : ",", openid(0));
  EXPECT_EQ(code(post("/cgi-bin/user/info/batchget", t, many + "]}")), 40032);
}

TEST_F(PlatformTest, TagsAreMadeGivenAndSentTo) {
  const std::string t = token();
  const Json made = post("/cgi-bin/tags/create", t, R"({"tag":{"name":"常客"}})");
  const std::int64_t id = made["tag"]["id"].int_or(0);
  EXPECT_EQ(id, 100);
  EXPECT_EQ(code(post("/cgi-bin/tags/create", t, R"({"tag":{"name":"常客"}})")), 45157);
  EXPECT_EQ(code(post("/cgi-bin/tags/create", t, R"({"tag":{"name":"一二三四五六七八九十一"}})")), 45158);
  EXPECT_EQ(code(post("/cgi-bin/tags/members/batchtagging", t,
                      fmt::format(R"({{"openid_list":["{}","{}"],"tagid":{}}})", openid(0), openid(2), id))), 0);
  EXPECT_EQ(code(post("/cgi-bin/tags/members/batchtagging", t, R"({"openid_list":["oPerson0"],"tagid":7})")), 45159);
  const Json members = post("/cgi-bin/user/tag/get", t, fmt::format(R"({{"tagid":{},"next_openid":""}})", id));
  EXPECT_EQ(members["count"].int_or(0), 2);
  EXPECT_EQ((*get("/cgi-bin/tags/get", {{"access_token", t}})["tags"].if_array())[0]["count"].int_or(0), 2);
  const Json sent = post("/cgi-bin/message/mass/sendall", t,
                         fmt::format(R"({{"filter":{{"is_to_all":false,"tag_id":{}}},"msgtype":"text","text":{{"content":"x"}}}})", id));
  EXPECT_EQ(code(sent), 0);
  EXPECT_EQ(platform_.take_messages().at(0).targeted, 2u);
}

TEST_F(PlatformTest, CustomerServiceWindowOpensByMessageForFiveIn48Hours) {
  const std::string path = "/cgi-bin/message/custom/send";
  EXPECT_EQ(code(post(path, token(), custom_body(0))), 45015);
  platform_.trigger(service_.app_id, openid(0), Trigger::kMessage, clock_.now());
  for (int i = 0; i < 5; ++i) EXPECT_EQ(code(post(path, token(), custom_body(0))), 0);
  EXPECT_EQ(code(post(path, token(), custom_body(0))), 45047);
  const std::vector<SentMessage> sent = platform_.take_messages();
  ASSERT_EQ(sent.size(), 5u);
  EXPECT_TRUE(sent[0].ai_label);
  platform_.trigger(service_.app_id, openid(0), Trigger::kMessage, clock_.now());
  EXPECT_EQ(code(post(path, token(), custom_body(0))), 0);
  pass(hours(48));
  EXPECT_EQ(code(post(path, token(), custom_body(0))), 45015);
}

TEST_F(PlatformTest, MenuTapsAndFollowsOpenAMinuteForThree) {
  const std::string path = "/cgi-bin/message/custom/send";
  platform_.trigger(service_.app_id, openid(0), Trigger::kMenuTap, clock_.now());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(code(post(path, token(), custom_body(0))), 0);
  EXPECT_EQ(code(post(path, token(), custom_body(0))), 45047);
  platform_.follow(service_.app_id, openid(9), "u9", clock_.now(), "ADD_SCENE_SEARCH");
  EXPECT_EQ(code(post(path, token(), custom_body(9))), 0);
  pass(minutes(1));
  EXPECT_EQ(code(post(path, token(), custom_body(9))), 45015);
}

TEST(ReplyWindow, ALaterTriggerNeverTakesAway) {
  ReplyWindow window;
  window.open(Trigger::kMessage, kStart);
  window.open(Trigger::kMenuTap, kStart + minutes(1));
  EXPECT_EQ(window.left(kStart + hours(47)), 5);
  EXPECT_EQ(window.left(kStart + hours(48)), 0);
}

TEST_F(PlatformTest, CustomerServiceRefusesWhatItMust) {
  const std::string path = "/cgi-bin/message/custom/send";
  const std::string t = token();
  platform_.trigger(service_.app_id, openid(0), Trigger::kMessage, clock_.now());
  EXPECT_EQ(code(post(path, t, custom_body(0, std::string(2049, 'x')))), 45002);
  EXPECT_EQ(code(post(path, t, custom_body(0, ""))), 44004);
  EXPECT_EQ(code(post(path, t, R"({"touser":"oNobody","msgtype":"text","text":{"content":"x"}})")), 40003);
  EXPECT_EQ(code(post(path, t, R"({"touser":"oPerson0","msgtype":"hologram"})")), 40008);
  EXPECT_EQ(code(post(path, t, R"({"touser":"oPerson0","msgtype":"news","news":{"articles":[{},{}]}})")), 45008);
  platform_.unfollow(service_.app_id, openid(0));
  EXPECT_EQ(code(post(path, t, custom_body(0))), 43004);
  EXPECT_EQ(code(post(path, token(unverified_), custom_body(1))), 48001);
}

TEST_F(PlatformTest, NewsShowsItsAddress) {
  platform_.trigger(service_.app_id, openid(0), Trigger::kMessage, clock_.now());
  post("/cgi-bin/message/custom/send", token(),
       R"({"touser":"oPerson0","msgtype":"news","news":{"articles":[{"title":"新品","description":"看看","url":"http://127.0.0.1/l/1"}]}})");
  EXPECT_EQ(platform_.take_messages().at(0).link, "http://127.0.0.1/l/1");
  EXPECT_EQ(first_link("新品http://127.0.0.1:80/l/Ab9，快来"), "http://127.0.0.1:80/l/Ab9");
  EXPECT_EQ(first_link("没有"), "");
}

constexpr std::string_view kTemplateData =
    R"("data":{"character_string1":{"value":"A1"},"thing2":{"value":"咖啡"},"time3":{"value":"2026-03-01"}})";

TEST_F(PlatformTest, TemplateMessagesAreIdempotentForTenMinutesAndReportLater) {
  const std::string t = token();
  const Json list = get("/cgi-bin/template/get_all_private_template", {{"access_token", t}});
  const std::string id((*list["template_list"].if_array())[0]["template_id"].string_or(""));
  const auto send = [&](int person, std::string_view client_id) {
    return post("/cgi-bin/message/template/send", t,
                fmt::format(R"({{"touser":"{}","template_id":"{}","client_msg_id":"{}",{}}})", openid(person), id, client_id, kTemplateData));
  };
  const std::int64_t first = send(0, "c1")["msgid"].int_or(0);
  EXPECT_EQ(send(0, "c1")["msgid"].int_or(0), first);
  EXPECT_NE(send(1, "c1")["msgid"].int_or(0), first);  // per person
  EXPECT_EQ(platform_.take_messages().size(), 2u);
  EXPECT_TRUE(platform_.take_due_callbacks().empty());
  pass(minutes(10));
  EXPECT_NE(send(0, "c1")["msgid"].int_or(0), first);
  const std::vector<CallbackMessage> due = platform_.take_due_callbacks();
  ASSERT_EQ(due.size(), 2u);
  EXPECT_EQ(field_of(due[0], "Event"), "TEMPLATESENDJOBFINISH");
  EXPECT_EQ(field_of(due[0], "MsgID"), std::to_string(first));
  EXPECT_THAT(field_of(due[0], "Status"), testing::AnyOf("success", "failed:user block"));
}

TEST_F(PlatformTest, TemplateMessagesNeedFollowersDataAndAVerifiedServiceAccount) {
  const std::string t = token();
  const std::string path = "/cgi-bin/message/template/send";
  const std::string good = fmt::format(R"({{"touser":"oPerson0","template_id":"{}",{}}})",
                                       "ORDERSHIP_sb_4QwLr8vY2nKd0uTzXc5mJh1pGfEaBs", kTemplateData);
  EXPECT_EQ(code(post(path, t, good)), 0);
  EXPECT_EQ(code(post(path, t, R"({"touser":"oPerson0","template_id":"none"})")), 40037);
  const Json missing = post(path, t, R"({"touser":"oPerson0","template_id":"ORDERSHIP_sb_4QwLr8vY2nKd0uTzXc5mJh1pGfEaBs","data":{}})");
  EXPECT_EQ(code(missing), 47003);
  EXPECT_THAT(std::string(missing["errmsg"].string_or("")), HasSubstr("data.character_string1.value"));
  EXPECT_EQ(code(post(path, token(subscription_), good)), 48001);
  platform_.unfollow(service_.app_id, openid(0));
  EXPECT_EQ(code(post(path, t, good)), 43004);
}

TEST_F(PlatformTest, MassSendRepeatedWithTheSameIdGivesTheFirstMessage) {
  const std::string t = token();
  const std::string path = "/cgi-bin/message/mass/send";
  const Json first = post(path, t, mass_body({0, 1, 2}, "camp-1"));
  EXPECT_EQ(code(first), 0);
  EXPECT_EQ(code(post(path, t, mass_body({0, 1, 2}, "camp-1"))), 45066);  // within a minute
  pass(minutes(1));
  const Json again = post(path, t, mass_body({0, 1, 2}, "camp-1"));
  EXPECT_EQ(code(again), 45065);
  EXPECT_EQ(again["msg_id"].int_or(-1), first["msg_id"].int_or(0));
  EXPECT_EQ(platform_.take_messages().size(), 1u);
  pass(hours(24));
  EXPECT_EQ(code(post(path, token(), mass_body({0, 1, 2}, "camp-1"))), 0);
}

TEST_F(PlatformTest, MassSendWithoutIdIsRecognisedByScopeAndContent) {
  const std::string path = "/cgi-bin/message/mass/send";
  EXPECT_EQ(code(post(path, token(), mass_body({0, 1}, "", "a"))), 0);
  EXPECT_EQ(code(post(path, token(), mass_body({0, 1}, "", "b"))), 0);
  EXPECT_EQ(code(post(path, token(), mass_body({0, 2}, "", "a"))), 0);
  EXPECT_EQ(code(post(path, token(), mass_body({0, 1}, "", "a"))), 45066);
}

TEST_F(PlatformTest, AFifthMassMessageInACalendarMonthDoesNotArrive) {
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(code(post("/cgi-bin/message/mass/send", token(), mass_body({0, 1}, fmt::format("c{}", i)))), 0);
    pass(kDay);
  }
  platform_.take_messages();
  platform_.take_due_callbacks();
  platform_.unfollow(service_.app_id, openid(3));
  EXPECT_EQ(code(post("/cgi-bin/message/mass/send", token(), mass_body({0, 1, 2, 3, 99}, "c5"))), 0);
  EXPECT_THAT(platform_.take_messages().at(0).recipients, testing::ElementsAre(openid(2)));
  pass(minutes(2));
  const CallbackMessage report = platform_.take_due_callbacks().at(0);
  EXPECT_EQ(field_of(report, "Event"), "MASSSENDJOBFINISH");
  EXPECT_EQ(field_of(report, "Status"), "send success");
  EXPECT_EQ(field_of(report, "TotalCount"), "5");
  EXPECT_EQ(field_of(report, "FilterCount"), "1");
  EXPECT_EQ(field_of(report, "SentCount"), "1");
  EXPECT_EQ(field_of(report, "ErrorCount"), "0");
  ASSERT_TRUE(clock_.advance_to(kStart + kDay * 31));  // 1 April
  EXPECT_EQ(code(post("/cgi-bin/message/mass/send", token(), mass_body({0, 1}, "c6"))), 0);
  EXPECT_EQ(platform_.take_messages().at(0).recipients.size(), 2u);
}

TEST_F(PlatformTest, MassSendChecksItsInputAndTheAccount) {
  const std::string t = token();
  const std::string path = "/cgi-bin/message/mass/send";
  EXPECT_EQ(code(post(path, t, mass_body({0}, "c"))), 40130);
  EXPECT_EQ(code(post(path, t, mass_body({0, 1}, std::string(65, 'x')))), 45067);
  EXPECT_EQ(code(post(path, t, mass_body({0, 1}, "c", ""))), 44004);
  EXPECT_EQ(code(post(path, t, mass_body({98, 99}, "c"))), 40003);
  EXPECT_EQ(code(post(path, t, R"({"touser":["oPerson0","oPerson1"],"msgtype":"mpnews","mpnews":{"media_id":"m"}})")), 40007);
  EXPECT_EQ(code(post(path, token(subscription_), mass_body({0, 1}, "c"))), 48001);
  EXPECT_EQ(code(post(path, token(unverified_), mass_body({0, 1}, "c"))), 48001);
}

TEST_F(PlatformTest, MassSendToAllHappensOnceADay) {
  const std::string body = R"({"filter":{"is_to_all":true},"msgtype":"text","text":{"content":"大家好"},"clientmsgid":"k)";
  const std::string path = "/cgi-bin/message/mass/sendall";
  for (const SandboxAccount& account : {service_, subscription_}) {
    EXPECT_EQ(code(post(path, token(account), body + "1\"}")), 0);
    EXPECT_EQ(code(post(path, token(account), body + "2\"}")), 45028);
  }
  pass(kDay);
  EXPECT_EQ(code(post(path, token(), body + "3\"}")), 0);
}

TEST_F(PlatformTest, MassCallsShareAHundredADay) {
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(code(post("/cgi-bin/message/mass/send", token(), mass_body({0, 1}, fmt::format("c{}", i)))), 0) << i;
  }
  EXPECT_EQ(code(post("/cgi-bin/message/mass/send", token(), mass_body({0, 1}, "last"))), 45009);
  EXPECT_EQ(code(post("/cgi-bin/message/mass/sendall", token(), R"({"filter":{"is_to_all":true}})")), 45009);
}

TEST_F(PlatformTest, MassStatusPreviewAndDelete) {
  const std::string t = token();
  const Json sent = post("/cgi-bin/message/mass/send", t, mass_body({0, 1}, "c"));
  const std::string ask = fmt::format(R"({{"msg_id":{}}})", sent["msg_id"].int_or(0));
  EXPECT_EQ(post("/cgi-bin/message/mass/get", t, ask)["msg_status"].string_or(""), "SENDING");
  pass(minutes(2));
  EXPECT_EQ(post("/cgi-bin/message/mass/get", t, ask)["msg_status"].string_or(""), "SEND_SUCCESS");
  EXPECT_EQ(code(post("/cgi-bin/message/mass/get", t, R"({"msg_id":"1"})")), 40059);
  EXPECT_EQ(code(post("/cgi-bin/message/mass/delete", t, ask)), 40008);
  platform_.take_messages();
  EXPECT_EQ(code(post("/cgi-bin/message/mass/preview", t, R"({"touser":"oPerson0","msgtype":"text","text":{"content":"试"}})")), 0);
  EXPECT_EQ(platform_.take_messages().at(0).channel, "preview");
}

TEST_F(PlatformTest, InjectedFaultsHitTheNamedPathSoManyTimes) {
  platform_.inject({.path = "/cgi-bin/user/get", .times = 2, .kind = FaultKind::kBusy});
  platform_.inject({.path = "/cgi-bin/user/get", .times = 1, .kind = FaultKind::kErrcode, .errcode = 48004});
  const std::string t = token();
  EXPECT_EQ(use(t), -1);
  EXPECT_EQ(use(t), -1);
  EXPECT_EQ(use(t), 48004);
  EXPECT_EQ(use(t), 0);
}

TEST_F(PlatformTest, HangingUpBeforeDoesNothingAndAfterDoesItAll) {
  const std::string t = token();
  const auto send = [&](const std::string& id) {
    return platform_.call({"POST", "/cgi-bin/message/mass/send", {{"access_token", t}}, mass_body({0, 1}, id)});
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
