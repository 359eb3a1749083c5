// The product's clients on replies as the platform's documentation shows them, quirks included:
// numbers as texts, members that are missing on the last page, JSON where a file was asked for. The
// file: tests/fixtures/wechat_replies.json.
#include <gmock/gmock.h>

#include "base/file.h"
#include "wechat/articles.h"
#include "wechat/client.h"
#include "wechat/diagnosis.h"
#include "wechat/insight.h"
#include "wechat/media.h"
#include "wechat/menus.h"
#include "wechat/messages.h"
#include "wechat/mini_program.h"
#include "wechat/qr.h"
#include "wechat/safety.h"
#include "wechat/staff.h"
#include "wechat/tencent_ads.h"
#include "wechat/test_platform.h"
#include "wechat/users.h"
#include "wechat/web_login.h"
#include "wechat/wecom.h"

namespace zhiyin::wechat {
namespace {

class RecordedRepliesTest : public PlatformTest {
 protected:
  RecordedRepliesTest() {
    constexpr std::size_t kFileBytesMax = 1 << 20;
    const auto text =
        read_file(ZHIYIN_SOURCE_DIR "/tests/fixtures/wechat_replies.json", kFileBytesMax);
    EXPECT_TRUE(text) << "the fixture is not there";
    replies_ = text ? parse_json(*text).value_or(Json()) : Json();
    corp_.token_kind = TokenKind::kWecom;
    ads_.token_kind = TokenKind::kAds;
    ads_.refresh_token = Secret("refresh");
    corp_.base_url = ads_.base_url = "http://platform.test";
    platform_.token = [](const http::ClientRequest& request) {
      const bool is_ads = request.url.find("/oauth/token") != std::string::npos;
      return is_ads
                 ? answer_json(
                       R"({"code":0,"data":{"access_token":"AT","access_token_expires_in":86400}})")
                 : answer_token("AT");
    };
  }

  /// From now on the platform gives that reply, at its path only.
  void given(std::string_view name) {
    for (const Json& one : *replies_.if_array()) {
      if (one["case"].string_or("") != name) continue;
      platform_.other = [one](const http::ClientRequest& request) {
        EXPECT_NE(request.url.find(std::string(one["path"].string_or(""))), std::string::npos)
            << request.url;
        http::ClientResponse response{200, {}, one["reply"].dump()};
        response.headers.emplace_back("Content-Type",
                                      one["content_type"].string_or("application/json"));
        return PlatformAnswer(std::move(response));
      };
      return;
    }
    FAIL() << "no reply is called " << name;
  }
  template <class Ask, class Answer>
  Answer read(std::string_view name, const Method<Ask, Answer>& method,
              const std::type_identity_t<Ask>& asked = {}) {
    return read_as(account_, name, method, asked);
  }
  template <class Ask, class Answer>
  Answer read_as(const ApiAccount& account, std::string_view name,
                 const Method<Ask, Answer>& method, const std::type_identity_t<Ask>& asked) {
    given(name);
    auto outcome = call_and_wait(client_, account, method, asked);
    EXPECT_TRUE(outcome) << name << ": " << outcome.error().message;
    return outcome ? std::move(*outcome) : Answer();
  }

  Json replies_;
  ApiAccount corp_ = test_account(), ads_ = test_account();
  OfficialAccountClient official_{platform_, tokens_, metrics_, null_logger(), official_settings()};

 private:
  OfficialAccountClient::Settings official_settings() {
    OfficialAccountClient::Settings s;
    s.base_url = "http://platform.test";
    s.sleep = [](std::chrono::milliseconds) {};
    return s;
  }
};

TEST_F(RecordedRepliesTest, People) {
  given("user_list_page");
  const auto page = official_.followers_and_wait(account_, "");
  ASSERT_TRUE(page);
  EXPECT_THAT(page->openids, testing::ElementsAre("OPENID1", "OPENID2"));
  given("user_list_end");
  const auto end = official_.followers_and_wait(account_, "NEXT_OPENID");
  ASSERT_TRUE(end);
  EXPECT_TRUE(end->openids.empty());
  EXPECT_EQ(end->next_openid, "");
  const UserInfoAnswer user = read("user_info", kUserInfo, {.openid = "o6"});
  EXPECT_EQ(user.qr_scene, "98765");  // a number there, a text of the same member elsewhere
  EXPECT_THAT(user.tagid_list, testing::ElementsAre(128, 2));
  EXPECT_FALSE(read("user_info_gone", kUserInfo, {.openid = "ot"}).subscribe);
  EXPECT_EQ(read("tags", kTagsGet).tags.at(2).count, 5);
  EXPECT_TRUE(read("tag_users_empty", kTagUsers, {.tagid = 127}).data.openid.empty());
}

TEST_F(RecordedRepliesTest, FilesAndArticles) {
  given("thumb");
  const auto thumb =
      upload_media_and_wait(client_, account_, "thumb", Upload{"a.jpg", {}, "bytes"});
  ASSERT_TRUE(thumb);
  EXPECT_EQ(thumb->thumb_media_id, "THUMB_ID");
  EXPECT_EQ(thumb->created_at, 1'380'000'000);
  const ApiAnswer video = read("media_video", kMediaGet, {.media_id = "M"});
  EXPECT_THAT(video.json["video_url"].string_or(""), testing::StartsWith("http://"));
  EXPECT_EQ(read("material_count", kMaterialCount).news_count, 4);
  EXPECT_EQ(read("draft", kDraftGet, {.media_id = "M"}).news_item.at(0).title, "TITLE");
  const PublishState done = read("publish_done", kPublishGet, {.publish_id = "100000001"});
  EXPECT_EQ(done.publish_status, 0);
  EXPECT_EQ(done.article_detail.item.at(0).article_url, "ARTICLE_URL");
  const PublishState refused = read("publish_refused", kPublishGet, {.publish_id = "100000001"});
  EXPECT_EQ(refused.publish_status, 4);
  EXPECT_THAT(refused.fail_idx, testing::ElementsAre(1, 2));
  const Comment comment = read("comments", kCommentList, {.msg_data_id = 1}).comment.at(0);
  EXPECT_EQ(comment.create_time, 1'500'000'000);
  EXPECT_EQ(comment.reply->content, "REPLY");
}

TEST_F(RecordedRepliesTest, Messages) {
  given("mass_repeated");
  const auto receipt =
      official_.mass_send_and_wait(account_, {"oA", "oB"}, {.text = "x", .client_msg_id = "c"});
  ASSERT_TRUE(receipt) << "a repetition is a success";
  EXPECT_TRUE(receipt->already_sent);
  EXPECT_EQ(receipt->msg_id, "1000000003");
  EXPECT_EQ(read("mass_speed", kMassSpeedGet).realspeed, 15);
  given("template_data_wrong");
  const auto wrong = official_.send_template_and_wait(
      account_,
      {.openid = "oA", .template_id = "T", .client_msg_id = "c", .data = {{"thing2", "x"}}});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().errcode, 47003);
  EXPECT_EQ(wrong.error().rid, "5f9fbcd9-0d3c1d5a-16f5b1a1");
  const auto staff = read("staff", kKfList).kf_list;
  EXPECT_EQ(staff.at(0).kf_id, "1001");
  EXPECT_EQ(staff.at(1).invite_status, "waiting");
  const Menus menus = read("menus", kMenuGet);
  EXPECT_EQ(menus.menu.menuid, "208396938");
  EXPECT_EQ(menus.conditionalmenu.at(0).matchrule->client_platform_type, "2");
  EXPECT_EQ(read("code", kQrCreate, channel_code("a", std::chrono::minutes(1))).expire_seconds, 60);
}

TEST_F(RecordedRepliesTest, SignInAndMiniPrograms) {
  const LoginToken login = read("snapshot_login", kLoginToken, {.code = "C"});
  EXPECT_TRUE(login.is_snapshotuser);  // never to be stored as a person
  EXPECT_EQ(login.unionid, "UNIONID");
  EXPECT_EQ(read("phone", kPhoneNumber, {.code = "C"}).phone_info.countryCode, "86");
  const TextCheck check =
      read("text_check", kTextCheck, {.openid = "o", .scene = 2, .content = "x"});
  EXPECT_EQ(check.result.suggest, "risky");
  EXPECT_EQ(check.detail.at(1).keyword, "命中的关键词");
  EXPECT_EQ(read("quota", kMethodQuota, {.cgi_path = "/cgi-bin/user/get"}).quota.remain, 0);
  EXPECT_EQ(read("retained", kMiniRetained, {"20170313", "20170313"}).visit_uv.at(0).value, 55'500);
}

TEST_F(RecordedRepliesTest, WecomAndAds) {
  const auto results =
      read_as(corp_, "wecom_results", kWecomMassResult, {.msgid = "M", .userid = "zhangsan"});
  EXPECT_EQ(results.next_cursor, "CURSOR");
  EXPECT_EQ(results.send_list.at(0).status, 1);
  EXPECT_EQ(read_as(corp_, "wecom_moment", kWecomMomentResult, {.jobid = "J"}).result->moment_id,
            "xxxx");
  const auto page = read_as(ads_, "ads_page", kAdsAdgroups, {.account_id = 1});
  EXPECT_EQ(page.list.at(0).daily_budget, 20'000);
  EXPECT_EQ(page.page_info.total_number, 1);
  given("ads_replayed");
  const auto replayed = call_and_wait(client_, ads_, kAdsAdgroups, {.account_id = 1});
  ASSERT_FALSE(replayed);
  EXPECT_EQ(replayed.error().errcode, 12100);
}

TEST_F(RecordedRepliesTest, ABusyPlatformIsAskedAgainAndThenReported) {
  given("busy");
  const auto outcome = call_and_wait(client_, account_, kTagsGet, {});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().errcode, -1);
  EXPECT_EQ(platform_.count("/cgi-bin/tags/get"), 3u);
}

}  // namespace
}  // namespace zhiyin::wechat
