#include "wechat/wecom_groups.h"

#include <gmock/gmock.h>

#include "wechat/test_platform.h"
#include "wechat/wecom_handover.h"

namespace zhiyin::wechat {
namespace {

class WecomGroups : public PlatformTest {
 protected:
  void SetUp() override {
    account_.app_id = "ww6a112864f8022910";
    account_.token_kind = TokenKind::kWecom;
    account_.base_url = "http://work.test";
  }
};

TEST_F(WecomGroups, ACodeIsReadAndWrittenAnew) {
  answers(R"({"errcode":0,"join_way":{"config_id":"c1","scene":2,"remark":"till",)"
          R"("auto_create_room":1,"room_base_name":"g","room_base_id":10,)"
          R"("chat_id_list":["wr1","wr2"],"qr_code":"http://q","state":"s"}})");
  const auto code = ask(kWecomGroupWayGet, {"c1"});
  ASSERT_TRUE(code);
  EXPECT_EQ(code->join_way.room_base_id, 10);
  EXPECT_EQ(code->join_way.chat_id_list.at(1), "wr2");
  answers(R"({"errcode":0})");
  WecomGroupWayUpdateAsk update{.config_id = "c1", .chat_id_list = {"wr1"}};
  ASSERT_TRUE(ask(kWecomGroupWayUpdate, update));
  EXPECT_EQ(sent("update_join_way").body, R"({"config_id":"c1","scene":2,"chat_id_list":["wr1"]})");
  update.chat_id_list = {"1", "2", "3", "4", "5", "6"};
  EXPECT_EQ(refused_field(kWecomGroupWayUpdate, update), "chat_id_list");
  update = {.config_id = "c1", .state = std::string(31, 'x'), .chat_id_list = {"wr1"}};
  EXPECT_EQ(refused_field(kWecomGroupWayUpdate, update), "state");
  EXPECT_EQ(refused_field(kWecomGroupWayDelete, {}), "config_id");
}

TEST_F(WecomGroups, AWelcomeHasATextAndOneThingMoreAtMost) {
  EXPECT_EQ(refused_field(kWecomGroupWelcomeAdd, {}), "text");
  EXPECT_EQ(refused_field(kWecomGroupWelcomeAdd, {.text = WecomText{std::string(3001, 'x')}}),
            "text.content");
  EXPECT_EQ(refused_field(kWecomGroupWelcomeAdd,
                          {.image = WecomMedia{"m", ""}, .video = WecomMedia{"m", ""}}),
            "video");
  EXPECT_EQ(refused_field(kWecomGroupWelcomeAdd, {.image = WecomMedia{}}), "image.media_id");
  EXPECT_EQ(refused_field(kWecomGroupWelcomeAdd, {.link = WecomLink{.title = "t"}}), "link.url");
  EXPECT_EQ(refused_field(kWecomGroupWelcomeAdd,
                          {.miniprogram = WecomMiniProgram{.title = "t", .appid = "wx1"}}),
            "miniprogram.pic_media_id");
  EXPECT_EQ(refused_field(kWecomGroupWelcomeEdit, {.text = WecomText{"x"}}), "template_id");
  answers(R"({"errcode":0,"errmsg":"ok","template_id":"msgT"})");
  const auto made = ask(kWecomGroupWelcomeAdd, {.text = WecomText{"欢迎"}, .notify = 0});
  ASSERT_TRUE(made);
  EXPECT_EQ(made->template_id, "msgT");
  EXPECT_EQ(sent("group_welcome_template/add").body, R"({"text":{"content":"欢迎"},"notify":0})");
  refuses(41055);
  EXPECT_EQ(ask(kWecomGroupWelcomeAdd, {.text = WecomText{"x"}}).error().code,
            ErrorCode::kLimitReached);
}

TEST_F(WecomGroups, FiguresComeByOwnerAndByDay) {
  answers(R"({"errcode":0,"total":2,"next_offset":2,"items":[{"owner":"a","data":)"
          R"({"new_chat_cnt":2,"chat_total":3,"chat_has_msg":1,"new_member_cnt":4,)"
          R"("member_total":9,"member_has_msg":5,"msg_total":60}}]})");
  const auto owners = ask(kWecomGroupFigures, {.day_begin_time = 1'600'272'000});
  ASSERT_TRUE(owners);
  EXPECT_EQ(owners->items.at(0).data.member_has_msg, 5);
  EXPECT_EQ(owners->next_offset, 2);
  answers(R"({"errcode":0,"items":[{"stat_time":1600272000,"data":{"msg_total":7}}]})");
  const auto days =
      ask(kWecomGroupDays, {.day_begin_time = 1'600'272'000, .day_end_time = 1'600'358'400});
  ASSERT_TRUE(days);
  EXPECT_EQ(days->items.at(0).data.msg_total, 7);
  EXPECT_EQ(refused_field(kWecomGroupFigures, {}), "day_begin_time");
  EXPECT_EQ(refused_field(kWecomGroupDays, {.day_begin_time = 10, .day_end_time = 9}),
            "day_end_time");
  EXPECT_EQ(
      refused_field(kWecomGroupDays, {.day_begin_time = 10, .day_end_time = 10 + 181 * 86'400}),
      "day_end_time");
  EXPECT_EQ(refused_field(kWecomGroupFigures, {.day_begin_time = 10, .order_by = 5}), "order_by");
  EXPECT_EQ(refused_field(kWecomGroupFigures, {.day_begin_time = 10, .limit = 1'001}), "limit");
}

TEST_F(WecomGroups, ContactsChangeHandsEachWithItsOwnOutcome) {
  WecomHandoverAsk hand{.handover_userid = "a", .takeover_userid = "b", .external_userid = {"w1"}};
  answers(R"({"errcode":0,"customer":[{"external_userid":"w1","errcode":40096}]})");
  const auto made = ask(kWecomHandover, hand);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->customer.at(0).errcode, 40096);
  answers(R"({"errcode":0,"customer":[{"external_userid":"w1","status":3,"takeover_time":0}],)"
          R"("next_cursor":"N"})");
  const auto state = ask(kWecomHandoverResult, {"a", "b", ""});
  ASSERT_TRUE(state);
  EXPECT_EQ(state->customer.at(0).status, 3);
  EXPECT_EQ(state->next_cursor, "N");
  hand.takeover_userid = "a";
  EXPECT_EQ(refused_field(kWecomHandover, hand), "takeover_userid");
  hand.takeover_userid = "b";
  hand.transfer_success_msg = std::string(201, 'x');
  EXPECT_EQ(refused_field(kWecomHandover, hand), "transfer_success_msg");
  hand = {.handover_userid = "a", .takeover_userid = "b"};
  EXPECT_EQ(refused_field(kWecomHandover, hand), "external_userid");
}

TEST_F(WecomGroups, WhoEchoedAMomentAndWhoIsBehindAUnionid) {
  answers(R"({"errcode":0,"comment_list":[{"external_userid":"wm1","create_time":5},)"
          R"({"userid":"a","create_time":6}],"like_list":[]})");
  const auto echoes = ask(kWecomMomentComments, {"mom1", "a"});
  ASSERT_TRUE(echoes);
  EXPECT_EQ(echoes->comment_list.at(1).userid, "a");
  EXPECT_TRUE(echoes->like_list.empty());
  answers(R"({"errcode":0,"external_userid":"wm1"})");
  EXPECT_EQ(ask(kWecomContactByUnionid, {.unionid = "u", .openid = "oA"})->external_userid, "wm1");
  EXPECT_EQ(refused_field(kWecomContactByUnionid, {.unionid = "u"}), "openid");
  EXPECT_EQ(refused_field(kWecomCloseTemporary, {.userid = "a"}), "external_userid");
}

}  // namespace
}  // namespace zhiyin::wechat
