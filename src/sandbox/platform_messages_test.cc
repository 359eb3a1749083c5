#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sandbox/tests/platform_fixture.h"

namespace zhiyin::sandbox {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using testing::HasSubstr;

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
  EXPECT_EQ(code(post(path, t, R"({"touser":"oNobody","msgtype":"text","text":{"content":"x"}})")),
            40003);
  EXPECT_EQ(code(post(path, t, R"({"touser":"oPerson0","msgtype":"hologram"})")), 40008);
  EXPECT_EQ(
      code(post(path, t, R"({"touser":"oPerson0","msgtype":"news","news":{"articles":[{},{}]}})")),
      45008);
  platform_.unfollow(service_.app_id, openid(0));
  EXPECT_EQ(code(post(path, t, custom_body(0))), 43004);
  EXPECT_EQ(code(post(path, token(unverified_), custom_body(1))), 48001);
}

TEST_F(PlatformTest, NewsShowsItsAddress) {
  platform_.trigger(service_.app_id, openid(0), Trigger::kMessage, clock_.now());
  post(
      "/cgi-bin/message/custom/send", token(),
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
                fmt::format(R"({{"touser":"{}","template_id":"{}","client_msg_id":"{}",{}}})",
                            openid(person), id, client_id, kTemplateData));
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
  const std::string good =
      fmt::format(R"({{"touser":"oPerson0","template_id":"{}",{}}})",
                  "ORDERSHIP_sb_4QwLr8vY2nKd0uTzXc5mJh1pGfEaBs", kTemplateData);
  EXPECT_EQ(code(post(path, t, good)), 0);
  EXPECT_EQ(code(post(path, t, R"({"touser":"oPerson0","template_id":"none"})")), 40037);
  const Json missing = post(
      path, t,
      R"({"touser":"oPerson0","template_id":"ORDERSHIP_sb_4QwLr8vY2nKd0uTzXc5mJh1pGfEaBs","data":{}})");
  EXPECT_EQ(code(missing), 47003);
  EXPECT_THAT(std::string(missing["errmsg"].string_or("")),
              HasSubstr("data.character_string1.value"));
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
    EXPECT_EQ(
        code(post("/cgi-bin/message/mass/send", token(), mass_body({0, 1}, fmt::format("c{}", i)))),
        0);
    pass(kDay);
  }
  platform_.take_messages();
  platform_.take_due_callbacks();
  platform_.unfollow(service_.app_id, openid(3));
  EXPECT_EQ(code(post("/cgi-bin/message/mass/send", token(), mass_body({0, 1, 2, 3, 99}, "c5"))),
            0);
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
  EXPECT_EQ(
      code(post(
          path, t,
          R"({"touser":["oPerson0","oPerson1"],"msgtype":"mpnews","mpnews":{"media_id":"m"}})")),
      40007);
  EXPECT_EQ(code(post(path, token(subscription_), mass_body({0, 1}, "c"))), 48001);
  EXPECT_EQ(code(post(path, token(unverified_), mass_body({0, 1}, "c"))), 48001);
}

TEST_F(PlatformTest, MassSendToAllHappensOnceADay) {
  const std::string body =
      R"({"filter":{"is_to_all":true},"msgtype":"text","text":{"content":"大家好"},"clientmsgid":"k)";
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
    if (i == 60) {
      EXPECT_EQ(code(post("/cgi-bin/message/mass/send", token(), mass_body({0, 1}, "too fast"))),
                45011);
      pass(minutes(1));
    }
    ASSERT_EQ(
        code(post("/cgi-bin/message/mass/send", token(), mass_body({0, 1}, fmt::format("c{}", i)))),
        0)
        << i;
  }
  EXPECT_EQ(code(post("/cgi-bin/message/mass/send", token(), mass_body({0, 1}, "last"))), 45009);
  EXPECT_EQ(
      code(post("/cgi-bin/message/mass/sendall", token(), R"({"filter":{"is_to_all":true}})")),
      45009);
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
  EXPECT_EQ(code(post("/cgi-bin/message/mass/preview", t,
                      R"({"touser":"oPerson0","msgtype":"text","text":{"content":"试"}})")),
            0);
  EXPECT_EQ(platform_.take_messages().at(0).channel, "preview");
}

}  // namespace
}  // namespace zhiyin::sandbox
