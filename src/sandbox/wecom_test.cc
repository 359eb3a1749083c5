// WeCom's rules about groups and about contacts that change hands.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sandbox/play.h"
#include "sandbox/tests/answer_check.h"
#include "sandbox/tests/platform_fixture.h"

namespace zhiyin::sandbox {
namespace {

constexpr std::int64_t kDaySeconds = 86'400;

class WecomTest : public PlatformTest {
 protected:
  WecomTest() {
    for (SandboxAccount& account : companion_accounts(1)) {
      if (account.id == "corp") corp_ = account;
      platform_.add(std::move(account));
    }
    pass(std::chrono::hours(12));
  }
  ~WecomTest() override { EXPECT_THAT(answers_.faults(), testing::IsEmpty()); }

  Json ask(std::string_view path, std::string_view body) {
    const Json got =
        get("/cgi-bin/gettoken", {{"corpid", corp_.app_id}, {"corpsecret", corp_.app_secret}});
    return post(fmt::format("/cgi-bin/externalcontact/{}", path),
                std::string(got["access_token"].string_or("")), body);
  }
  std::int64_t asked(std::string_view path, std::string_view body) { return code(ask(path, body)); }
  void meet(const std::string& userid, const std::string& who) {
    play_of({.kind = "meet", .account = "corp", .userid = userid, .external_userid = who});
  }
  /// Whether it could be.
  bool play_of(const Play& what) {
    const auto played = platform_.with(
        corp_.app_id, [&](AccountState& a, Instant now) { return play(a, what, now); });
    return played && *played;
  }
  std::string chat() {
    return text_of(
        ask("groupchat/list", R"({"limit":10})")["group_chat_list"].if_array()->front()["chat_id"]);
  }
  /// The errcode of one contact on its way.
  std::int64_t hand(std::string_view from, std::string_view to, std::string_view who) {
    return ask("transfer_customer",
               fmt::format(R"({{"handover_userid":"{}","takeover_userid":"{}",)"
                           R"("external_userid":["{}"]}})",
                           from, to, who))["customer"]
        .if_array()
        ->front()["errcode"]
        .int_or(-1);
  }
  std::string told() {
    std::string all;
    for (const CallbackMessage& message : platform_.take_due_callbacks()) {
      all += fmt::format("{}/{} ", field_of(message, "ChangeType"), field_of(message, "UserID"));
    }
    return all;
  }

  SandboxAccount corp_;
  AnswerCheck answers_{platform_};
};

TEST_F(WecomTest, CodesIntoGroupsHaveTheirBounds) {
  const std::string id = chat();
  const auto add = [&](const std::string& more) {
    return asked("groupchat/add_join_way",
                 fmt::format(R"({{"scene":2,"chat_id_list":["{}"]{}}})", id, more));
  };
  EXPECT_EQ(add(""), 0);
  EXPECT_EQ(add(fmt::format(R"(,"state":"{}")", std::string(31, 'x'))), 40058);
  EXPECT_EQ(add(fmt::format(R"(,"room_base_name":"{}")", std::string(41, 'x'))), 40058);
  EXPECT_EQ(asked("groupchat/add_join_way", R"({"scene":3,"chat_id_list":["a"]})"), 40058);
  EXPECT_EQ(asked("groupchat/add_join_way", R"({"scene":2,"chat_id_list":[]})"), 40058);
  EXPECT_EQ(
      asked("groupchat/add_join_way", R"({"scene":2,"chat_id_list":["1","2","3","4","5","6"]})"),
      40058);
  // Of a mini-program there is no picture.
  EXPECT_EQ(ask("groupchat/add_join_way", fmt::format(R"({{"scene":1,"chat_id_list":["{}"]}})", id))
                .find("qr_code"),
            nullptr);
}

TEST_F(WecomTest, ACompanyHasAHundredWelcomesOfGroups) {
  const std::string_view body = R"({"text":{"content":"欢迎"}})";
  std::string last;
  for (int i = 0; i < 100; ++i)
    last = text_of(ask("group_welcome_template/add", body)["template_id"]);
  EXPECT_EQ(asked("group_welcome_template/add", body), 41055);
  EXPECT_EQ(asked("group_welcome_template/del", fmt::format(R"({{"template_id":"{}"}})", last)), 0);
  EXPECT_EQ(asked("group_welcome_template/add", body), 0);
  EXPECT_EQ(asked("group_welcome_template/add", "{}"), 40058) << "nothing is said";
}

TEST_F(WecomTest, AWelcomeIsCheckedByWhatItHolds) {
  const auto add = [&](std::string_view body) { return asked("group_welcome_template/add", body); };
  EXPECT_EQ(add(R"({"text":{"content":""}})"), 40058);
  EXPECT_EQ(add(fmt::format(R"({{"text":{{"content":"{}"}}}})", std::string(3001, 'x'))), 45002);
  EXPECT_EQ(add(R"({"image":{"pic_url":"http://p"}})"), 0);
  EXPECT_EQ(add(R"({"image":{}})"), 40007);
  EXPECT_EQ(add(R"({"link":{"title":"t"}})"), 40058);
  EXPECT_EQ(add(R"({"miniprogram":{"title":"t","appid":"a","page":"p"}})"), 40007);
  EXPECT_EQ(add(R"({"video":{"media_id":"none"}})"), 40007);
  EXPECT_EQ(add(R"({"text":{"content":"x"},"notify":2})"), 40058);
}

TEST_F(WecomTest, FiguresReachFrom180DaysAgoToYesterday) {
  const std::int64_t now = clock_.now().us / 1'000'000;
  const auto days = [&](std::int64_t begin, std::int64_t end) {
    return ask("groupchat/statistic_group_by_day",
               fmt::format(R"({{"day_begin_time":{},"day_end_time":{}}})",
                           now - begin * kDaySeconds, now - end * kDaySeconds));
  };
  EXPECT_EQ(days(180, 1)["items"].if_array()->size(), 180U);
  EXPECT_EQ(code(days(181, 1)), 40058);
  EXPECT_EQ(code(days(2, 0)), 40058);
  EXPECT_EQ(code(days(1, 2)), 40058);
  EXPECT_EQ(days(5, 3), days(5, 3));
  const std::int64_t founded = 1'704'067'200;  // of the group: long before
  EXPECT_LT(founded, now - 180 * kDaySeconds);
  const Json week = days(7, 1);
  for (const Json& day : *week["items"].if_array()) {
    EXPECT_EQ(day["data"]["chat_total"].int_or(0), 1);
    EXPECT_EQ(day["data"]["new_chat_cnt"].int_or(-1), 0);
  }
  const std::string body = fmt::format(R"({{"day_begin_time":{},"offset":1}})", now - kDaySeconds);
  const Json beyond = ask("groupchat/statistic", body);
  EXPECT_EQ(beyond["total"].int_or(0), 1);
  EXPECT_TRUE(beyond["items"].if_array()->empty());
}

TEST_F(WecomTest, AContactChangesHandsAfterADayAndIsAskedTwiceIn90) {
  meet("lili", "wm1");
  told();
  EXPECT_EQ(hand("lili", "lili", "wm1"), 40130);
  EXPECT_EQ(hand("wangwei", "lili", "wm1"), 40131);
  EXPECT_EQ(hand("lili", "wangwei", "wm1"), 0);
  EXPECT_EQ(hand("lili", "wangwei", "wm1"), 40129);
  pass(kDay - std::chrono::seconds(1));
  EXPECT_EQ(told(), "");
  pass(std::chrono::seconds(1));
  EXPECT_EQ(hand("wangwei", "lili", "wm1"), 0);
  EXPECT_EQ(told(), "add_external_contact/wangwei del_external_contact/lili ");
  EXPECT_TRUE(play_of({.kind = "decline", .account = "corp", .external_userid = "wm1"}));
  EXPECT_EQ(told(), "transfer_fail/lili ");
  EXPECT_FALSE(play_of({.kind = "decline", .account = "corp", .external_userid = "wm1"}));
  EXPECT_EQ(hand("wangwei", "lili", "wm1"), 40128);
  pass(kDay * 90);
  EXPECT_EQ(hand("wangwei", "lili", "wm1"), 0);
}

TEST_F(WecomTest, WhoPartsMeanwhileChangesNoHands) {
  meet("lili", "wm1");
  EXPECT_EQ(hand("lili", "wangwei", "wm1"), 0);
  play_of({.kind = "part", .account = "corp", .userid = "lili", .external_userid = "wm1"});
  pass(kDay * 2);
  const Json result =
      ask("transfer_result", R"({"handover_userid":"lili","takeover_userid":"wangwei"})");
  EXPECT_EQ(result["customer"].if_array()->front()["status"].int_or(0), 2);
}

}  // namespace
}  // namespace zhiyin::sandbox
