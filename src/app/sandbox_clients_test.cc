// Every call of the product's clients against the emulated platform, over HTTP: neither knows the
// other's tables, so an error in one of them shows.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/crypto.h"
#include "delivery/mass_tag.h"
#include "http/server.h"
#include "sandbox/platform_routes.h"
#include "sandbox/play.h"
#include "sandbox/tests/answer_check.h"
#include "wechat/articles.h"
#include "wechat/client.h"
#include "wechat/diagnosis.h"
#include "wechat/insight.h"
#include "wechat/media.h"
#include "wechat/menus.h"
#include "wechat/messages.h"
#include "wechat/mini_program.h"
#include "wechat/platform_client.h"
#include "wechat/qr.h"
#include "wechat/safety.h"
#include "wechat/staff.h"
#include "wechat/tencent_ads.h"
#include "wechat/users.h"
#include "wechat/web_login.h"
#include "wechat/wecom.h"
#include "wechat/wecom_groups.h"
#include "wechat/wecom_handover.h"

namespace zhiyin {
namespace {

using namespace wechat;  // NOLINT(google-build-using-namespace): the subject of every line here
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

const Instant kStart{1772294400LL * 1'000'000 + 12LL * 3600 * 1'000'000};  // noon, 2026-03-01
const std::string kJpeg = std::string("\xff\xd8\xff\xe0") + std::string(64, 'x');

class SandboxClientsTest : public testing::Test {
 protected:
  SandboxClientsTest() {
    const sandbox::SandboxAccount shop = sandbox::demo_account(1);
    platform_.add(shop);
    for (const sandbox::SandboxAccount& account : sandbox::companion_accounts(1)) {
      platform_.add(account);
      by_id_[account.id] = account;
    }
    by_id_["shop"] = shop;
    for (int i = 0; i < 5; ++i) {
      platform_.follow(shop.app_id, openid(i), "u" + std::to_string(i), kStart - kDay * 3,
                       "ADD_SCENE_SEARCH");
    }
    http::Router router;
    sandbox::add_platform_routes(router, platform_);
    server_ = std::move(*http::Server::start({}, std::move(router), {}, metrics_, null_logger()));
    base_ = fmt::format("http://127.0.0.1:{}", server_->port());
    tokens_ = std::make_unique<TokenKeeper>(*http_, clock_, metrics_, null_logger(), base_);
    PlatformClient::Settings settings;
    settings.base_url = base_;
    settings.sleep = [](std::chrono::milliseconds) {};
    client_ = std::make_unique<PlatformClient>(*http_, *tokens_, metrics_, null_logger(), settings);
    OfficialAccountClient::Settings official;
    official.base_url = base_;
    official.sleep = settings.sleep;
    official_ = std::make_unique<OfficialAccountClient>(*http_, *tokens_, metrics_, null_logger(),
                                                        official);
    shop_ = account("shop", TokenKind::kStable);
    mini_ = account("mini", TokenKind::kStable);
    corp_ = account("corp", TokenKind::kWecom);
    ads_ = account("ads", TokenKind::kAds);
  }

  ~SandboxClientsTest() override { EXPECT_THAT(answers_.faults(), testing::IsEmpty()); }

  static std::string openid(int i) { return "oPerson" + std::to_string(i); }
  ApiAccount account(const std::string& id, TokenKind kind) {
    ApiAccount a;
    a.id = AccountId(id);
    a.app_id = by_id_[id].app_id;
    a.app_secret = Secret(by_id_[id].app_secret);
    a.refresh_token = Secret(by_id_[id].refresh_token);
    a.base_url = base_;
    a.token_kind = kind;
    return a;
  }
  void pass(Duration d) { ASSERT_TRUE(clock_.advance_to(clock_.now() + d)); }
  Json play(sandbox::Play what) {
    const auto played = platform_.with(
        by_id_[what.account].app_id,
        [&](sandbox::AccountState& a, Instant now) { return sandbox::play(a, what, now); });
    EXPECT_TRUE(played && *played) << (played && !*played ? played->error().text() : "");
    return played && *played ? **played : Json();
  }
  std::string code(sandbox::Play what) {
    return std::string(play(std::move(what))["code"].string_or(""));
  }

  /// The answer; a failure of the test when there is none.
  template <class T>
  T expect(Outcome<T> outcome, std::string_view what) {
    EXPECT_TRUE(outcome) << what << ": " << outcome.error().errcode << " "
                         << outcome.error().message;
    return outcome ? std::move(*outcome) : T();
  }
  template <class Ask, class Answer>
  Answer ask(const ApiAccount& account, const Method<Ask, Answer>& method,
             const std::type_identity_t<Ask>& asked = {}) {
    return expect(call_and_wait(*client_, account, method, asked), method.endpoint.name);
  }
  /// The errcode of a call that the client lets through and the platform refuses.
  template <class Ask, class Answer>
  std::int64_t refused(const ApiAccount& account, const Method<Ask, Answer>& method,
                       const std::type_identity_t<Ask>& asked) {
    const auto outcome = call_and_wait(*client_, account, method, asked);
    return outcome ? 0 : outcome.error().errcode;
  }
  std::vector<sandbox::CallbackMessage> callbacks() { return platform_.take_due_callbacks(); }
  static bool has_event(const std::vector<sandbox::CallbackMessage>& list, std::string_view event) {
    return std::ranges::any_of(list, [&](const sandbox::CallbackMessage& m) {
      return !m.fields.empty() && m.fields.front().value == event;
    });
  }

  void call_people();
  std::string call_material();
  void call_articles(const std::string& cover);
  void call_messages();
  void call_templates();
  void call_mass(const std::string& cover);
  void call_staff();
  void call_menus();
  void call_codes();
  void call_logins();
  void call_mini_program();
  void call_insight();
  void call_diagnosis();
  void call_wecom_contacts();
  void call_wecom_groups();
  void call_wecom_handover();
  void call_wecom_tasks();
  void call_ads();

  SteppedClock clock_{kStart};
  sandbox::Platform platform_{clock_, 1};
  sandbox::AnswerCheck answers_{platform_};
  MetricsRegistry metrics_;
  std::map<std::string, sandbox::SandboxAccount> by_id_;
  std::string base_;
  std::unique_ptr<http::Client> http_ = http::Client::create({});
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<TokenKeeper> tokens_;
  std::unique_ptr<PlatformClient> client_;
  std::unique_ptr<OfficialAccountClient> official_;
  ApiAccount shop_, mini_, corp_, ads_;
};

void SandboxClientsTest::call_people() {
  const FollowerPage page = expect(official_->followers_and_wait(shop_, ""), "followers");
  EXPECT_EQ(page.openids.size(), 5u);
  EXPECT_EQ(page.total, 5);
  const auto infos = expect(official_->user_info_and_wait(shop_, {openid(0), openid(1)}), "infos");
  ASSERT_EQ(infos.size(), 2u);
  EXPECT_EQ(infos[1].unionid, "u1");
  ask(shop_, kUserRemark, {.openid = openid(0), .remark = "老客"});
  const UserInfoAnswer one = ask(shop_, kUserInfo, {.openid = openid(0)});
  EXPECT_TRUE(one.subscribe);
  EXPECT_EQ(one.remark, "老客");
  EXPECT_EQ(one.subscribe_scene, "ADD_SCENE_SEARCH");
  ask(shop_, kUserRemark, {.openid = openid(0), .remark = ""});
  EXPECT_EQ(ask(shop_, kUserInfo, {.openid = openid(0)}).remark, "") << "taken away";
  const auto moved = ask(shop_, kChangeOpenid, {.from_appid = "wxold", .openid_list = {openid(0)}});
  ASSERT_EQ(moved.result_list.size(), 1u);
  const std::int64_t tag = ask(shop_, kTagsCreate, {.tag = {.name = "常客"}}).tag.id.value_or(0);
  EXPECT_GE(tag, 100);
  ask(shop_, kTagsUpdate, {.tag = {.id = tag, .name = "贵客"}});
  ask(shop_, kTagsAdd, {.openid_list = {openid(0), openid(1), openid(2)}, .tagid = tag});
  ask(shop_, kTagsRemove, {.openid_list = {openid(2)}, .tagid = tag});
  const auto tags = ask(shop_, kTagsGet).tags;
  ASSERT_EQ(tags.size(), 1u);
  EXPECT_EQ(tags[0].name, "贵客");
  EXPECT_EQ(tags[0].count, 2);
  EXPECT_EQ(ask(shop_, kTagUsers, {.tagid = tag}).data.openid.size(), 2u);
  EXPECT_THAT(ask(shop_, kTagsOfUser, {.openid = openid(1)}).tagid_list, testing::ElementsAre(tag));
  ask(shop_, kTagsDelete, {.tag = {.id = tag}});
  EXPECT_TRUE(ask(shop_, kTagsGet).tags.empty());
  ask(shop_, kBlacklistAdd, {.openid_list = {openid(4)}});
  EXPECT_THAT(ask(shop_, kBlacklist, {}).data.openid, testing::ElementsAre(openid(4)));
  ask(shop_, kBlacklistRemove, {.openid_list = {openid(4)}});
  EXPECT_EQ(ask(shop_, kBlacklist, {}).total, 0);
}

std::string SandboxClientsTest::call_material() {
  const Upload picture{"a.jpg", {}, kJpeg};
  const auto temporary = expect(upload_media_and_wait(*client_, shop_, "image", picture), "upload");
  EXPECT_FALSE(temporary.media_id.empty());
  const ApiAnswer back = ask(shop_, kMediaGet, {.media_id = temporary.media_id});
  EXPECT_EQ(back.bytes, kJpeg);
  EXPECT_EQ(back.content_type, "image/jpeg");
  const auto voice = expect(
      upload_media_and_wait(*client_, shop_, "voice", Upload{"v.amr", {}, std::string(100, 'v')}),
      "voice");
  EXPECT_EQ(ask(shop_, kMediaRecording, {.media_id = voice.media_id}).content_type, "voice/speex");
  EXPECT_EQ(refused(shop_, kMediaRecording, {.media_id = temporary.media_id}), 40007);
  EXPECT_THAT(expect(upload_picture_and_wait(*client_, shop_, picture), "picture"),
              testing::HasSubstr("//mmbiz.qpic.cn/"));
  const auto permanent = expect(add_material_and_wait(*client_, shop_, "image", picture), "add");
  EXPECT_FALSE(permanent.url.empty());
  const auto video = expect(
      add_material_and_wait(*client_, shop_, "video", Upload{"v.mp4", {}, std::string(100, 'v')},
                            VideoDescription{"新品", "介绍"}),
      "video");
  EXPECT_EQ(ask(shop_, kMaterialGet, {.media_id = video.media_id}).json["title"].string_or(""),
            "新品");
  EXPECT_EQ(ask(shop_, kMaterialGet, {.media_id = permanent.media_id}).bytes, kJpeg);
  const MaterialPage list = ask(shop_, kMaterialList, {.type = "image"});
  EXPECT_EQ(list.total_count, 1);
  EXPECT_EQ(list.item.at(0).media_id, permanent.media_id);
  EXPECT_EQ(ask(shop_, kMaterialCount).video_count, 1);
  EXPECT_FALSE(
      ask(shop_, kMassVideo, {.media_id = video.media_id, .title = "新品", .description = "介绍"})
          .media_id.empty());
  ask(shop_, kMaterialDelete, {.media_id = video.media_id});
  EXPECT_EQ(refused(shop_, kMaterialGet, {.media_id = video.media_id}), 40007);
  pass(kDay * 3 + seconds(1));
  EXPECT_EQ(refused(shop_, kMediaGet, {.media_id = temporary.media_id}), 40007);
  return permanent.media_id;
}

DraftArticle article(const std::string& title, const std::string& cover) {
  DraftArticle a;
  a.title = title;
  a.content = "<p>手冲咖啡入门</p><script>alert(1)</script>";
  a.thumb_media_id = cover;
  a.need_open_comment = 1;
  return a;
}

void SandboxClientsTest::call_articles(const std::string& cover) {
  const std::string draft =
      ask(shop_, kDraftAdd, {.articles = {article("第一篇", cover)}}).media_id;
  const auto read = ask(shop_, kDraftGet, {.media_id = draft}).news_item;
  ASSERT_EQ(read.size(), 1u);
  EXPECT_EQ(read[0].content, "<p>手冲咖啡入门</p>");  // scripts are taken out
  EXPECT_EQ(read[0].digest, "手冲咖啡入门");
  ask(shop_, kDraftUpdate, {.media_id = draft, .articles = article("改过的", cover)});
  EXPECT_EQ(ask(shop_, kDraftList, {}).item.at(0).content.news_item.at(0).title, "改过的");
  EXPECT_EQ(ask(shop_, kDraftCount).total_count, 1);
  const std::string spare = ask(shop_, kDraftAdd, {.articles = {article("多余", cover)}}).media_id;
  ask(shop_, kDraftDelete, {.media_id = spare});

  const PublishReceipt receipt = ask(shop_, kPublish, {.media_id = draft});
  EXPECT_EQ(ask(shop_, kPublishGet, {.publish_id = receipt.publish_id}).publish_status, 1);
  EXPECT_EQ(refused(shop_, kDraftGet, {.media_id = draft}), 40007);  // used up
  callbacks();
  pass(minutes(1));
  EXPECT_TRUE(has_event(callbacks(), "PUBLISHJOBFINISH"));
  const PublishState state = ask(shop_, kPublishGet, {.publish_id = receipt.publish_id});
  EXPECT_EQ(state.publish_status, 0);
  ASSERT_EQ(state.article_detail.item.size(), 1u);
  EXPECT_EQ(ask(shop_, kPublishArticle, {.article_id = state.article_id}).news_item.size(), 1u);
  EXPECT_EQ(ask(shop_, kPublishList, {}).total_count, 1);

  pass(hours(3));
  const CommentAsk which{.msg_data_id = std::stoll(receipt.msg_data_id)};
  const auto comments = ask(shop_, kCommentList, {.msg_data_id = which.msg_data_id}).comment;
  ASSERT_EQ(comments.size(), 3u);
  const OneCommentAsk first{.msg_data_id = which.msg_data_id,
                            .user_comment_id = comments[0].user_comment_id};
  ask(shop_, kCommentElect, first);
  EXPECT_EQ(ask(shop_, kCommentList, {.msg_data_id = which.msg_data_id, .type = 2}).total, 1);
  ask(shop_, kCommentUnelect, first);
  const CommentReplyAsk reply{.msg_data_id = which.msg_data_id,
                              .user_comment_id = first.user_comment_id,
                              .content = "谢谢"};
  ask(shop_, kCommentReply, reply);
  EXPECT_EQ(refused(shop_, kCommentReply, reply), 88005);
  ask(shop_, kCommentReplyDelete, first);
  ask(shop_, kCommentDelete, first);
  EXPECT_EQ(refused(shop_, kCommentElect, first), 88008);
  ask(shop_, kCommentsClose, which);
  ask(shop_, kCommentsOpen, which);
  ask(shop_, kPublishDelete, {.article_id = state.article_id});
  EXPECT_EQ(ask(shop_, kPublishGet, {.publish_id = receipt.publish_id}).publish_status, 5);
}

void SandboxClientsTest::call_messages() {
  const CustomSendAsk hello{.touser = openid(0), .msgtype = "text", .text = TextContent{"您好"}};
  EXPECT_EQ(refused(shop_, kCustomSend, hello), 45015);
  play({.kind = "say", .account = "shop", .openid = openid(0), .text = "在吗"});
  ask(shop_, kTyping, {.touser = openid(0)});
  EXPECT_EQ(refused(shop_, kTyping, {.touser = openid(0)}), 45081);
  for (int i = 0; i < 5; ++i) ask(shop_, kCustomSend, hello);
  EXPECT_EQ(refused(shop_, kCustomSend, hello), 45047);
  const auto closed =
      official_->send_customer_service_and_wait(shop_, {openid(1), std::string("x"), true, ""});
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().errcode, 45015);

  const std::string added =
      ask(shop_, kSubscribeTemplateAdd, {.tid = "307", .kidList = {1, 2}}).priTmplId;
  const auto mine = ask(shop_, kSubscribeTemplates).data;
  ASSERT_EQ(mine.size(), 2u);
  EXPECT_EQ(ask(shop_, kSubscribeCategories).data.size(), 1u);
  const auto category = std::to_string(ask(shop_, kSubscribeCategories).data.at(0).id);
  EXPECT_EQ(ask(shop_, kSubscribeTitles, {.ids = category}).count, 3);
  EXPECT_EQ(ask(shop_, kSubscribeKeywords, {.tid = "307"}).data.size(), 4u);
  SubscribeBizAsk notice{.touser = openid(0), .template_id = added};
  notice.data = {{"thing1", {"会员日"}}, {"time2", {"2026年3月8日 10:00"}}};
  EXPECT_EQ(refused(shop_, kSubscribeBiz, notice), 43101);
  play({.kind = "grant", .account = "shop", .openid = openid(0), .template_id = added});
  ask(shop_, kSubscribeBiz, notice);
  EXPECT_EQ(refused(shop_, kSubscribeBiz, notice), 43101);  // one permission, one message
  callbacks();
  pass(seconds(3));
  EXPECT_TRUE(has_event(callbacks(), "subscribe_msg_sent_event"));
  ask(shop_, kSubscribeTemplateDelete, {.priTmplId = added});

  // In a mini-program.
  const std::string template_id = ask(mini_, kSubscribeTemplates).data.at(0).priTmplId;
  play({.kind = "enter", .account = "mini", .openid = "oMini1"});
  play({.kind = "grant", .account = "mini", .openid = "oMini1", .template_id = template_id});
  SubscribeAsk arrival{.touser = "oMini1", .template_id = template_id, .lang = "zh_CN"};
  arrival.data = {{"thing1", {"咖啡豆"}}, {"amount2", {"68元"}}, {"date3", {"2026-03-01"}}};
  ask(mini_, kSubscribe, arrival);
  ask(mini_, kCustomSend, {.touser = "oMini1", .msgtype = "text", .text = TextContent{"欢迎"}});
}

void SandboxClientsTest::call_templates() {
  const auto templates = expect(official_->templates_and_wait(shop_), "templates");
  ASSERT_EQ(templates.size(), 2u);
  TemplateMessage message{
      .openid = openid(1),
      .template_id = templates[0].template_id,
      .url = "https://shop.example/o/1",
      .client_msg_id = "order-1",
      .data = {{"character_string1", "A1"}, {"thing2", "咖啡豆"}, {"time3", "2026-03-01 12:00"}}};
  const std::string first = expect(official_->send_template_and_wait(shop_, message), "template");
  EXPECT_EQ(expect(official_->send_template_and_wait(shop_, message), "again"), first);
  callbacks();
  pass(seconds(4));
  EXPECT_TRUE(has_event(callbacks(), "TEMPLATESENDJOBFINISH"));
  ask(shop_, kIndustryGet);
  EXPECT_EQ(ask(shop_, kTemplatesBlocked, {.tmpl_msg_id = "1"}).msginfo.size(), 0u);
  const std::string added = ask(shop_, kTemplateAdd, {.template_id_short = "TM00015"}).template_id;
  TemplateOnceAsk once{.touser = openid(1), .template_id = added, .title = "提醒", .scene = 7};
  once.data.content.value = "您预约的活动就要开始了";
  EXPECT_EQ(refused(shop_, kTemplateOnce, once), 43101);
  play({.kind = "confirm_once",
        .account = "shop",
        .openid = openid(1),
        .template_id = added,
        .scene = 7});
  ask(shop_, kTemplateOnce, once);
  ask(shop_, kTemplateDelete, {.template_id = added});
  ask(shop_, kIndustrySet, {.industry_id1 = "1", .industry_id2 = "10"});
  EXPECT_TRUE(expect(official_->templates_and_wait(shop_), "templates").empty());
}

void SandboxClientsTest::call_mass(const std::string& cover) {
  const std::int64_t tag = ask(shop_, kTagsCreate, {.tag = {.name = "群发"}}).tag.id.value_or(0);
  ask(shop_, kTagsAdd, {.openid_list = {openid(0), openid(1), openid(2)}, .tagid = tag});
  MassMessage text{.text = "上新了", .client_msg_id = "mass-1"};
  const auto by_openid =
      expect(official_->mass_send_and_wait(shop_, {openid(0), openid(1)}, text), "mass_send");
  EXPECT_EQ(expect(official_->mass_status_and_wait(shop_, by_openid.msg_id), "status"),
            MassStatus::kSending);
  const std::string draft = ask(shop_, kDraftAdd, {.articles = {article("群发", cover)}}).media_id;
  const auto news = expect(
      official_->mass_send_to_tag_and_wait(
          shop_, tag,
          {.type = MassContentType::kNewsDraft, .media_id = draft, .client_msg_id = "mass-2"}),
      "mass_sendall");
  EXPECT_FALSE(news.msg_data_id.empty());
  callbacks();
  pass(minutes(3));
  EXPECT_TRUE(has_event(callbacks(), "MASSSENDJOBFINISH"));
  const auto again =
      expect(official_->mass_send_and_wait(shop_, {openid(0), openid(1)}, text), "again");
  EXPECT_TRUE(again.already_sent);
  EXPECT_EQ(again.msg_id, by_openid.msg_id);
  EXPECT_EQ(expect(official_->mass_status_and_wait(shop_, by_openid.msg_id), "status"),
            MassStatus::kSent);
  EXPECT_TRUE(official_->mass_preview_and_wait(shop_, openid(0), {.text = "预览"}));
  ask(shop_, kMassDelete, {.msg_id = std::stoll(news.msg_id)});
  EXPECT_EQ(expect(official_->mass_status_and_wait(shop_, news.msg_id), "status"),
            MassStatus::kDeleted);
  ask(shop_, kMassSpeedSet, {.speed = 3});
  EXPECT_EQ(ask(shop_, kMassSpeedGet).realspeed, 30);
}

void SandboxClientsTest::call_staff() {
  const std::string name = "lili@" + by_id_["shop"].original_id;
  ask(shop_, kKfAdd, {.kf_account = name, .nickname = "小李"});
  ask(shop_, kKfUpdate, {.kf_account = name, .nickname = "李丽"});
  ask(shop_, kKfInvite, {.kf_account = name, .invite_wx = "lili_wx"});
  EXPECT_EQ(ask(shop_, kKfList).kf_list.at(0).invite_status, "waiting");
  EXPECT_EQ(refused(shop_, kKfSessionCreate, {.kf_account = name, .openid = openid(0)}), 65402);
  pass(minutes(11));
  EXPECT_EQ(ask(shop_, kKfOnline).kf_online_list.size(), 1u);
  Result<ApiCall> picture =
      prepare_upload(kKfHeadImage.endpoint, shop_.policy, Json().set("kf_account", name), {},
                     "image", Upload{"a.jpg", {}, kJpeg});
  ASSERT_TRUE(picture) << picture.error().text();
  expect(client_->perform_and_wait(shop_, std::move(picture)), "headimg");
  play({.kind = "say", .account = "shop", .openid = openid(2), .text = "有人吗"});
  EXPECT_EQ(ask(shop_, kKfWaiting).waitcaselist.size(), 2u);
  ask(shop_, kKfSessionCreate, {.kf_account = name, .openid = openid(2)});
  EXPECT_EQ(ask(shop_, kKfSessionGet, {.openid = openid(2)}).kf_account, name);
  EXPECT_EQ(ask(shop_, kKfSessionList, {.kf_account = name}).sessionlist.size(), 1u);
  EXPECT_TRUE(has_event(callbacks(), "kf_create_session"));
  ask(shop_, kKfSessionClose, {.kf_account = name, .openid = openid(2)});
  const std::int64_t now = clock_.now().us / 1'000'000;
  const auto records = ask(shop_, kKfRecords, {.starttime = now - 60, .endtime = now}).recordlist;
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].text, "有人吗");
  ask(shop_, kKfDelete, {.kf_account = name});
  EXPECT_TRUE(ask(shop_, kKfList).kf_list.empty());
}

void SandboxClientsTest::call_menus() {
  MenuButton shop{.type = "view", .name = "商城", .url = "https://shop.example/"};
  MenuButton more{.name = "更多"};
  more.sub_button = {{.type = "click", .name = "优惠", .key = "COUPON"}};
  EXPECT_EQ(refused(shop_, kMenuGet, {}), 46003);
  ask(shop_, kMenuCreate, {.button = {shop, more}});
  const std::int64_t tag = ask(shop_, kTagsCreate, {.tag = {.name = "菜单"}}).tag.id.value_or(0);
  ask(shop_, kTagsAdd, {.openid_list = {openid(3)}, .tagid = tag});
  ConditionalMenuAsk some{.button = {shop}};
  some.matchrule.tag_id = std::to_string(tag);
  const std::string id = ask(shop_, kMenuConditionalAdd, some).menuid;
  EXPECT_EQ(ask(shop_, kMenuTry, {.user_id = openid(3)}).button.size(), 1u);
  EXPECT_EQ(ask(shop_, kMenuTry, {.user_id = openid(1)}).button.size(), 2u);
  const Menus all = ask(shop_, kMenuGet);
  EXPECT_EQ(all.menu.button.at(1).sub_button.at(0).key, "COUPON");
  EXPECT_EQ(all.conditionalmenu.at(0).menuid, id);
  EXPECT_EQ(ask(shop_, kMenuCurrent).is_menu_open, 1);
  ask(shop_, kMenuConditionalDelete, {.menuid = id});
  ask(shop_, kMenuDelete);
  EXPECT_EQ(refused(shop_, kMenuConditionalAdd, some), 65303);
}

void SandboxClientsTest::call_codes() {
  const QrCode code = ask(shop_, kQrCreate, channel_code("store_1", kDay));
  EXPECT_EQ(code.expire_seconds, 86'400);
  play({.kind = "scan", .account = "shop", .openid = "oNew", .ticket = code.ticket});
  const auto events = callbacks();
  EXPECT_TRUE(has_event(events, "subscribe"));
  EXPECT_EQ(ask(shop_, kUserInfo, {.openid = "oNew"}).qr_scene_str, "store_1");
  const auto picture = [&](const std::string& ticket) {
    http::ClientRequest request;
    request.url = base_ + "/cgi-bin/showqrcode?ticket=" + http::percent_encode(ticket);
    return http_->send_and_wait(std::move(request))->status;
  };
  EXPECT_EQ(picture(code.ticket), 200);
  pass(kDay);
  EXPECT_EQ(picture(code.ticket), 404);
  const std::string key = ask(shop_, kShorten, {.long_data = "loooong"}).short_key;
  EXPECT_EQ(ask(shop_, kShortFetch, {.short_key = key}).long_data, "loooong");
}

void SandboxClientsTest::call_logins() {
  const std::string signed_in =
      code({.kind = "sign_in", .account = "shop", .openid = openid(0), .scope = "snsapi_userinfo"});
  const LoginToken token = ask(shop_, kLoginToken, {.code = signed_in});
  EXPECT_EQ(token.openid, openid(0));
  EXPECT_EQ(token.unionid, "u0");
  EXPECT_EQ(refused(shop_, kLoginToken, {.code = signed_in}), 40163);
  ask(shop_, kLoginCheck, {.access_token = token.access_token, .openid = openid(0)});
  EXPECT_FALSE(ask(shop_, kLoginUser,
                   {.access_token = token.access_token, .openid = openid(0), .lang = "zh_CN"})
                   .nickname.empty());
  const LoginToken next = ask(shop_, kLoginRefresh, {.refresh_token = token.refresh_token});
  EXPECT_FALSE(next.access_token == token.access_token);
  JsTickets tickets(*client_, clock_);
  const JsConfig config = expect(tickets.config(shop_, "https://shop.example/a#b"), "js config");
  const Ticket ticket = ask(shop_, kTicket, {});
  EXPECT_EQ(config.signature,
            crypto::hex(crypto::sha1(
                fmt::format("jsapi_ticket={}&noncestr={}&timestamp={}&url=https://shop.example/a",
                            ticket.ticket.reveal(), config.nonceStr, config.timestamp))));
  // The page itself: everybody agrees and comes back with a code.
  http::ClientRequest request;
  request.url = base_ + "/connect/oauth2/authorize?appid=" + shop_.app_id +
                "&redirect_uri=https%3A%2F%2Fshop.example%2Fin&response_type=code&scope=snsapi_base"
                "&state=s1";
  const auto page = http_->send_and_wait(std::move(request));
  ASSERT_TRUE(page);
  EXPECT_EQ(page->status, 302);
  EXPECT_THAT(std::string(http::header(page->headers, "Location")),
              testing::MatchesRegex("https://shop.example/in\\?code=.+&state=s1"));
}

void SandboxClientsTest::call_mini_program() {
  const std::string js =
      code({.kind = "open_mini", .account = "mini", .openid = "oMini1", .unionid = "u0"});
  const MiniSession session = ask(mini_, kMiniLogin, {.js_code = js});
  EXPECT_EQ(session.openid, "oMini1");
  EXPECT_EQ(session.unionid, "u0");
  ask(mini_, kSessionCheck, session_ask("oMini1", session.session_key));
  const MiniSession fresh = ask(mini_, kSessionReset, session_ask("oMini1", session.session_key));
  EXPECT_EQ(refused(mini_, kSessionCheck, session_ask("oMini1", session.session_key)), 87009);
  ask(mini_, kSessionCheck, session_ask("oMini1", fresh.session_key));
  const std::string phone = code({.kind = "give_phone", .account = "mini", .openid = "oMini1"});
  EXPECT_EQ(ask(mini_, kPhoneNumber, {.code = phone}).phone_info.countryCode, "86");
  play({.kind = "pay", .account = "mini", .openid = "oMini1", .transaction_id = "T1"});
  EXPECT_EQ(ask(mini_, kPaidUnionid, {.openid = "oMini1", .transaction_id = "T1"}).unionid, "u0");
  const auto is_png = [](const ApiAnswer& a) { return a.bytes.starts_with("\x89PNG"); };
  EXPECT_TRUE(is_png(ask(mini_, kWxaCode, {.path = "pages/index/index"})));
  EXPECT_TRUE(is_png(ask(mini_, kWxaCodeUnlimited, {.scene = "c=1", .page = "pages/index/index"})));
  EXPECT_TRUE(is_png(ask(mini_, kWxaQrCode, {.path = "pages/index/index"})));
  const std::string link =
      ask(mini_, kUrlLink,
          {.path = "pages/item/item", .query = "id=1", .expire_type = 1, .expire_interval = 7})
          .url_link;
  const LinkQuery facts = ask(mini_, kUrlLinkQuery, {.url_link = link, .query_type = 1});
  EXPECT_EQ(facts.url_link_info->query, "id=1");
  EXPECT_GT(facts.quota_info->remain_visit_quota, 0);
  const std::string scheme =
      ask(mini_, kScheme, {.jump_wxa = SchemeTarget{.path = "pages/item/item"}}).openlink;
  EXPECT_EQ(ask(mini_, kSchemeQuery, {.scheme = scheme}).scheme_info->path, "pages/item/item");
  EXPECT_FALSE(ask(mini_, kMiniShortLink, {.page_url = "pages/index/index"}).link.empty());
  OrderUploadAsk order;
  order.order_key = {.order_number_type = 2, .transaction_id = "T1"};
  order.shipping_list = {{.tracking_no = "SF1", .express_company = "SF", .item_desc = "咖啡豆"}};
  order.upload_time = "2026-03-05T12:00:00+08:00";
  order.payer.openid = "oMini1";
  ask(mini_, kOrderUpload, order);
  play({.kind = "encrypt", .account = "mini", .hash = std::string(64, 'a')});
  EXPECT_TRUE(ask(mini_, kCheckEncrypted, {.encrypted_msg_hash = std::string(64, 'a')}).vaild);

  const TextCheck good =
      ask(mini_, kTextCheck, {.openid = "oMini1", .scene = 2, .content = "好喝"});
  EXPECT_EQ(good.result.suggest, "pass");
  EXPECT_EQ(
      ask(mini_, kTextCheck, {.openid = "oMini1", .scene = 2, .content = "来赌博吧"}).result.label,
      20006);
  const auto trace =
      ask(mini_, kMediaCheck,
          {.media_url = "https://shop.example/a.jpg", .scene = 2, .openid = "oMini1"});
  EXPECT_FALSE(trace.trace_id.empty());
  callbacks();
  pass(minutes(3));
  EXPECT_TRUE(has_event(callbacks(), "wxa_media_check"));
  ask(mini_, kUserRisk,
      {.appid = mini_.app_id, .openid = "oMini1", .scene = 1, .client_ip = "127.0.0.1"});
}

void SandboxClientsTest::call_insight() {
  const std::int64_t today = local_day(clock_.now(), TimeZone::shanghai());
  const std::string yesterday = sandbox::date_text(today - 1);
  const std::string week = sandbox::date_text(today - 7);
  const DatesAsk one{yesterday, yesterday}, seven{week, yesterday};
  EXPECT_FALSE(ask(shop_, kUserSummary, seven).list.empty());
  const auto cumulated = ask(shop_, kUserCumulate, seven).list;
  ASSERT_EQ(cumulated.size(), 7u);
  EXPECT_GE(cumulated.back().cumulate_user, 5);
  ask(shop_, kArticleSummary, one);
  ask(shop_, kArticleTotal, one);
  ask(shop_, kUserRead, one);
  EXPECT_EQ(ask(shop_, kUserReadHour, one).list.size(), 24u);
  ask(shop_, kUserShare, seven);
  ask(shop_, kUserShareHour, one);
  EXPECT_FALSE(ask(shop_, kArticleRead, one).is_delay);
  ask(shop_, kArticleShare, one);
  ask(shop_, kBizSummary, seven);
  ask(shop_, kArticleTotalDetail, one);
  EXPECT_FALSE(ask(shop_, kUpstream, seven).list.empty());
  ask(shop_, kUpstreamHour, one);
  ask(shop_, kUpstreamWeek, seven);
  ask(shop_, kUpstreamMonth, seven);
  ask(shop_, kUpstreamDist, seven);
  ask(shop_, kUpstreamDistWeek, seven);
  ask(shop_, kUpstreamDistMonth, seven);
  ask(shop_, kInterface, seven);
  ask(shop_, kInterfaceHour, one);

  const std::string day = sandbox::date_text(today - 1, true);
  const MiniDatesAsk mini_one{day, day};
  EXPECT_EQ(ask(mini_, kMiniSummary, mini_one).list.size(), 1u);
  ask(mini_, kMiniVisits, mini_one);
  ask(mini_, kMiniVisitsWeek, {"20260216", "20260222"});
  ask(mini_, kMiniVisitsMonth, {"20260201", "20260228"});
  ask(mini_, kMiniRetained, mini_one);
  ask(mini_, kMiniRetainedWeek, {"20260216", "20260222"});
  ask(mini_, kMiniRetainedMonth, {"20260201", "20260228"});
  EXPECT_EQ(ask(mini_, kMiniPages, mini_one).list.size(), 3u);
  EXPECT_EQ(ask(mini_, kMiniDistribution, mini_one).list.size(), 3u);
  EXPECT_EQ(ask(mini_, kMiniPortrait, {day, day}).visit_uv.size(), 6u);
}

void SandboxClientsTest::call_diagnosis() {
  const MethodLimits quota = ask(shop_, kMethodQuota, {.cgi_path = "/cgi-bin/user/get"});
  EXPECT_EQ(quota.quota.daily_limit, 500);
  EXPECT_GE(quota.quota.remain, 490);
  EXPECT_EQ(expect(official_->quota_and_wait(shop_, "/cgi-bin/menu/create"), "quota").daily_limit,
            1'000);
  ask(shop_, kMethodQuotaClear, {.cgi_path = "/cgi-bin/user/get"});
  ask(shop_, kQuotaClear, {.appid = shop_.app_id});
  ask(shop_, kQuotaClearBySecret);
  const auto failed = call_and_wait(*client_, shop_, kUserInfo, {.openid = "oNobody"});
  ASSERT_FALSE(failed);
  const RidAnswer request = ask(shop_, kRid, {.rid = failed.error().rid});
  // The platform tells it with the token; the client masks that.
  EXPECT_EQ(request.request.request_url, "access_token=***&lang=zh_CN&openid=oNobody");
  const auto raw = platform_.with(shop_.app_id, [](sandbox::AccountState& a, Instant) {
    return a.requests.entries.back().url;
  });
  EXPECT_THAT(*raw, testing::HasSubstr("access_token="));
  EXPECT_THAT(*raw, testing::Not(testing::HasSubstr("***")));
  EXPECT_FALSE(ask(shop_, kApiAddresses).ip_list.empty());
  EXPECT_FALSE(ask(shop_, kCallbackAddresses).ip_list.empty());
  EXPECT_EQ(ask(shop_, kCallbackCheck, {}).ping.size(), 1u);
}

void SandboxClientsTest::call_wecom_contacts() {
  for (int i = 0; i < 6; ++i) {
    play({.kind = "meet",
          .account = "corp",
          .userid = i % 2 == 0 ? "lili" : "zhaolei",
          .external_userid = "wmC" + std::to_string(i),
          .name = "客户",
          .unionid = "u" + std::to_string(i),
          .state = "store_1"});
  }
  EXPECT_TRUE(has_event(callbacks(), "change_external_contact"));
  EXPECT_EQ(ask(corp_, kWecomMembers).follow_user.size(), 6u);
  EXPECT_EQ(ask(corp_, kWecomContacts, {.userid = "lili"}).external_userid.size(), 3u);
  EXPECT_EQ(refused(corp_, kWecomContacts, {.userid = "chenjie"}), 84061);
  ask(corp_, kWecomRemark, {.userid = "lili", .external_userid = "wmC0", .remark = "老客"});
  ask(corp_, kWecomRemark,
      {.userid = "lili",
       .external_userid = "wmC0",
       .description = "常来",
       .remark_mobiles = {"13000000001"}});
  const auto noted = ask(corp_, kWecomContact, {.external_userid = "wmC0"}).follow_user.at(0);
  EXPECT_EQ(noted.remark, "老客") << "what is not said stays";
  EXPECT_EQ(noted.description, "常来");
  EXPECT_THAT(noted.remark_mobiles, testing::ElementsAre("13000000001"));
  ask(corp_, kWecomRemark,
      {.userid = "lili", .external_userid = "wmC0", .description = "", .remark_mobiles = {""}});
  const auto less = ask(corp_, kWecomContact, {.external_userid = "wmC0"}).follow_user.at(0);
  EXPECT_EQ(less.description, "");
  EXPECT_TRUE(less.remark_mobiles.empty());
  EXPECT_EQ(
      ask(corp_, kWecomContactByUnionid, {.unionid = "u1", .openid = openid(1)}).external_userid,
      "wmC1");
  const auto stranger =
      ask(corp_, kWecomContactByUnionid, {.unionid = "uNobody", .openid = openid(1)});
  EXPECT_EQ(stranger.external_userid, "");
  EXPECT_FALSE(stranger.pending_id.empty());
  const auto group =
      ask(corp_, kWecomTagAdd, {.group_name = "等级", .tag = {{.name = "金"}, {.name = "银"}}})
          .tag_group;
  ASSERT_EQ(group.tag.size(), 2u);
  ask(corp_, kWecomTagEdit, {.id = group.tag[1].id, .name = "铜"});
  ask(corp_, kWecomMarkTag,
      {.userid = "lili", .external_userid = "wmC0", .add_tag = {group.tag[0].id}});
  const auto contact = ask(corp_, kWecomContact, {.external_userid = "wmC0"});
  EXPECT_EQ(contact.external_contact.unionid, "u0");
  EXPECT_EQ(contact.follow_user.at(0).remark, "老客");
  EXPECT_EQ(contact.follow_user.at(0).state, "store_1");
  EXPECT_EQ(contact.follow_user.at(0).tags.at(0).tag_name, "金");
  const auto first = ask(corp_, kWecomContactsOf, {.userid_list = {"lili", "zhaolei"}, .limit = 4});
  EXPECT_EQ(first.external_contact_list.size(), 4u);
  EXPECT_EQ(ask(corp_, kWecomContactsOf,
                {.userid_list = {"lili", "zhaolei"}, .cursor = first.next_cursor, .limit = 4})
                .external_contact_list.size(),
            2u);
  EXPECT_EQ(ask(corp_, kWecomTags, {}).tag_group.at(0).tag.at(1).name, "铜");
  ask(corp_, kWecomTagDelete, {.tag_id = {group.tag[1].id}});
  const std::string way =
      ask(corp_, kWecomWayAdd, {.type = 1, .scene = 2, .state = "s1", .user = {"lili"}}).config_id;
  ask(corp_, kWecomWayUpdate, {.config_id = way, .state = "s2"});
  EXPECT_EQ(ask(corp_, kWecomWayGet, {.config_id = way}).contact_way.state, "s2");
  ask(corp_, kWecomWayUpdate, {.config_id = way, .remark = "门口"});
  ask(corp_, kWecomWayUpdate, {.config_id = way, .state = ""});
  EXPECT_EQ(ask(corp_, kWecomWayGet, {.config_id = way}).contact_way.state, "");
  EXPECT_EQ(ask(corp_, kWecomWayGet, {.config_id = way}).contact_way.remark, "门口");
  ask(corp_, kWecomWayAdd,
      {.type = 1, .scene = 2, .state = "brief", .is_temp = true, .user = {"lili"}});
  play({.kind = "meet",
        .account = "corp",
        .userid = "lili",
        .external_userid = "wmBrief",
        .state = "brief"});
  EXPECT_EQ(refused(corp_, kWecomCloseTemporary, {.userid = "lili", .external_userid = "wmC0"}),
            84061);
  ask(corp_, kWecomCloseTemporary, {.userid = "lili", .external_userid = "wmBrief"});
  EXPECT_EQ(refused(corp_, kWecomCloseTemporary, {.userid = "lili", .external_userid = "wmBrief"}),
            84061);
  ask(corp_, kWecomWayDelete, {.config_id = way});
  EXPECT_EQ(refused(corp_, kWecomWayGet, {.config_id = way}), 40058);
  const std::string chat = ask(corp_, kWecomGroups, {}).group_chat_list.at(0).chat_id;
  EXPECT_EQ(ask(corp_, kWecomGroup, {.chat_id = chat}).group_chat.owner, "lili");
  const std::int64_t now = clock_.now().us / 1'000'000;
  EXPECT_FALSE(
      ask(corp_, kWecomBehaviour, {.userid = {"lili"}, .start_time = now - 86'400, .end_time = now})
          .behavior_data.empty());
  EXPECT_EQ(ask(corp_, kWecomArchiveMembers, {}).ids.size(), 6u);
  EXPECT_EQ(
      ask(corp_, kWecomArchiveConsent, {.info = {{"lili", "wmC0"}}}).agreeinfo.at(0).agree_status,
      "Agree");
  ask(corp_, kWecomArchiveRoomConsent, {.roomid = chat});
  EXPECT_EQ(ask(corp_, kWecomArchiveRoom, {.roomid = chat}).members.size(), 2u);
}

void SandboxClientsTest::call_wecom_groups() {
  const std::string chat = ask(corp_, kWecomGroups, {}).group_chat_list.at(0).chat_id;
  const WecomWay code =
      ask(corp_, kWecomGroupWayAdd, {.remark = "收银台", .state = "till", .chat_id_list = {chat}});
  EXPECT_FALSE(code.qr_code.empty());
  const auto facts = ask(corp_, kWecomGroupWayGet, {.config_id = code.config_id}).join_way;
  EXPECT_EQ(facts.state, "till");
  EXPECT_EQ(facts.remark, "收银台");
  EXPECT_THAT(facts.chat_id_list, testing::ElementsAre(chat));
  ask(corp_, kWecomGroupWayUpdate,
      {.config_id = code.config_id, .room_base_name = "老客", .chat_id_list = {chat}});
  const auto anew = ask(corp_, kWecomGroupWayGet, {.config_id = code.config_id}).join_way;
  EXPECT_EQ(anew.room_base_name, "老客");
  EXPECT_EQ(anew.remark, "") << "what is not said is gone";
  EXPECT_EQ(refused(corp_, kWecomGroupWayUpdate,
                    {.config_id = code.config_id, .chat_id_list = {"wrNone"}}),
            90501);
  EXPECT_EQ(refused(corp_, kWecomWayGet, {.config_id = code.config_id}), 40058)
      << "a code into a group is no way to a member";
  EXPECT_EQ(refused(corp_, kWecomWayDelete, {.config_id = code.config_id}), 40058);
  ask(corp_, kWecomGroupWayDelete, {.config_id = code.config_id});
  EXPECT_EQ(refused(corp_, kWecomGroupWayGet, {.config_id = code.config_id}), 40058);

  const auto upload = [&](std::string_view kind, Upload file) {
    return expect(upload_media_and_wait(*client_, corp_, kind, std::move(file)), kind).media_id;
  };
  const std::string picture = upload("image", {"a.jpg", {}, kJpeg});
  const std::string id =
      ask(corp_, kWecomGroupWelcomeAdd,
          {.text = WecomText{"%NICKNAME%，欢迎"}, .image = WecomMedia{picture, ""}, .notify = 0})
          .template_id;
  const auto welcome = ask(corp_, kWecomGroupWelcomeGet, {.template_id = id});
  EXPECT_EQ(welcome.text->content, "%NICKNAME%，欢迎");
  EXPECT_EQ(welcome.image->media_id, picture);
  EXPECT_EQ(refused(corp_, kWecomGroupWelcomeAdd, {.image = WecomMedia{"none", ""}}), 40007);
  ask(corp_, kWecomGroupWelcomeEdit,
      {.template_id = id, .link = WecomLink{.title = "店铺", .url = "https://shop.example/"}});
  EXPECT_EQ(ask(corp_, kWecomGroupWelcomeGet, {.template_id = id}).link->title, "店铺");
  EXPECT_FALSE(ask(corp_, kWecomGroupWelcomeGet, {.template_id = id}).image);
  ask(corp_, kWecomGroupWelcomeEdit,
      {.template_id = id,
       .miniprogram = WecomMiniProgram{
           .title = "小店", .pic_media_id = picture, .appid = "wx1", .page = "pages/index"}});
  EXPECT_EQ(ask(corp_, kWecomGroupWelcomeGet, {.template_id = id}).miniprogram->page,
            "pages/index");
  const std::string sheet = upload("file", {"价目.xlsx", {}, "PK....."});
  ask(corp_, kWecomGroupWelcomeEdit, {.template_id = id, .file = WecomMedia{sheet, ""}});
  EXPECT_EQ(ask(corp_, kWecomGroupWelcomeGet, {.template_id = id}).file->media_id, sheet);
  const std::string film = upload("video", {"v.mp4", {}, std::string(100, 'v')});
  ask(corp_, kWecomGroupWelcomeEdit, {.template_id = id, .video = WecomMedia{film, ""}});
  EXPECT_EQ(ask(corp_, kWecomGroupWelcomeGet, {.template_id = id}).video->media_id, film);
  ask(corp_, kWecomGroupWelcomeDelete, {.template_id = id});
  EXPECT_EQ(refused(corp_, kWecomGroupWelcomeGet, {.template_id = id}), 40058);

  const std::int64_t yesterday = clock_.now().us / 1'000'000 - 86'400;
  const auto figures = ask(corp_, kWecomGroupFigures, {.day_begin_time = yesterday});
  EXPECT_EQ(figures.total, 1);
  EXPECT_EQ(figures.next_offset, 1);
  EXPECT_EQ(figures.items.at(0).owner, "lili");
  EXPECT_EQ(figures.items.at(0).data.chat_total, 1);
  EXPECT_EQ(figures.items.at(0).data.member_total, 2);
  const auto days = ask(corp_, kWecomGroupDays,
                        {.day_begin_time = yesterday - 6 * 86'400,
                         .day_end_time = yesterday,
                         .owner_filter = WecomOwnerFilter{{"lili"}}})
                        .items;
  ASSERT_EQ(days.size(), 7u);
  EXPECT_EQ(days[6].data.msg_total, figures.items.at(0).data.msg_total);
  EXPECT_EQ(refused(corp_, kWecomGroupFigures, {.day_begin_time = yesterday + 86'400}), 40058)
      << "today is not over";
  EXPECT_EQ(refused(corp_, kWecomGroupDays,
                    {.day_begin_time = yesterday, .owner_filter = WecomOwnerFilter{{"nobody"}}}),
            60111);
}

void SandboxClientsTest::call_wecom_handover() {
  const auto hand = [&](const std::string& from, const std::string& to,
                        std::vector<std::string> people) {
    return ask(corp_, kWecomHandover,
               {.handover_userid = from,
                .takeover_userid = to,
                .external_userid = std::move(people),
                .transfer_success_msg = "以后由王伟为您服务"})
        .customer;
  };
  const auto state_of = [&](const std::string& from, const std::string& to, std::size_t i) {
    return ask(corp_, kWecomHandoverResult, {.handover_userid = from, .takeover_userid = to})
        .customer.at(i)
        .status;
  };
  const auto first = hand("lili", "wangwei", {"wmC0", "wmC1", "wmNobody", "wmC2"});
  ASSERT_EQ(first.size(), 4u);
  EXPECT_EQ(first[0].errcode, 0);
  EXPECT_EQ(first[1].errcode, 40131) << "zhaolei's";
  EXPECT_EQ(first[2].errcode, 40096);
  EXPECT_EQ(hand("lili", "wangwei", {"wmC0"}).at(0).errcode, 40129) << "under way";
  EXPECT_EQ(state_of("lili", "wangwei", 0), 2);
  play({.kind = "decline", .account = "corp", .external_userid = "wmC2"});
  EXPECT_TRUE(has_event(callbacks(), "change_external_contact"));
  pass(kDay);
  EXPECT_EQ(state_of("lili", "wangwei", 0), 1);
  EXPECT_EQ(state_of("lili", "wangwei", 1), 3);
  EXPECT_TRUE(has_event(callbacks(), "change_external_contact"));
  const auto contact = ask(corp_, kWecomContact, {.external_userid = "wmC0"}).follow_user;
  ASSERT_EQ(contact.size(), 1u);
  EXPECT_EQ(contact[0].userid, "wangwei");
  EXPECT_EQ(contact[0].remark, "老客");
  EXPECT_EQ(hand("wangwei", "lili", {"wmC0"}).at(0).errcode, 0);
  pass(kDay);
  EXPECT_EQ(state_of("wangwei", "lili", 0), 1);
  EXPECT_EQ(hand("lili", "wangwei", {"wmC0"}).at(0).errcode, 40128) << "twice in 90 days";
  EXPECT_EQ(
      refused(
          corp_, kWecomHandover,
          {.handover_userid = "lili", .takeover_userid = "nobody", .external_userid = {"wmC0"}}),
      60111);
}

void SandboxClientsTest::call_wecom_tasks() {
  const std::string welcome(play({.kind = "meet",
                                  .account = "corp",
                                  .userid = "lili",
                                  .external_userid = "wmC9"})["welcome_code"]
                                .string_or(""));
  const std::string picture =
      expect(upload_media_and_wait(*client_, corp_, "image", Upload{"a.jpg", {}, kJpeg}), "media")
          .media_id;
  const std::string sheet =
      expect(upload_media_and_wait(*client_, corp_, "file", Upload{"价目.xlsx", {}, "PK....."}),
             "file")
          .media_id;
  ask(corp_, kWecomWelcome,
      {.welcome_code = welcome,
       .text = WecomText{"欢迎"},
       .attachments = {{.msgtype = "image", .image = WecomMedia{picture, ""}},
                       {.msgtype = "file", .file = WecomMedia{sheet, ""}}}});
  EXPECT_EQ(refused(corp_, kWecomWelcome,
                    {.welcome_code = welcome,
                     .attachments = {{.msgtype = "video", .video = WecomMedia{picture, ""}}}}),
            40007)
      << "a picture is no video";
  EXPECT_EQ(refused(corp_, kWecomWelcome, {.welcome_code = welcome, .text = WecomText{"欢迎"}}),
            41051);
  // lili confirms after ten minutes, zhaolei never.
  const auto task =
      ask(corp_, kWecomMassAdd,
          {.external_userid = {"wmC0", "wmC1", "wmNobody"}, .text = WecomText{"上新"}});
  EXPECT_THAT(task.fail_list, testing::ElementsAre("wmNobody"));
  const auto status = [&](const std::string& userid) {
    return ask(corp_, kWecomMassResult, {.msgid = task.msgid, .userid = userid})
        .send_list.at(0)
        .status;
  };
  EXPECT_EQ(status("lili"), 0);
  pass(minutes(15));
  EXPECT_EQ(status("lili"), 1);
  ask(corp_, kWecomMassRemind, {.msgid = task.msgid});
  pass(kDay * 5);
  EXPECT_EQ(status("zhaolei"), 0);
  const auto tasks = ask(corp_, kWecomMassTask, {.msgid = task.msgid}).task_list;
  ASSERT_EQ(tasks.size(), 2u);
  EXPECT_EQ(tasks[0].status, 2);
  EXPECT_EQ(tasks[1].status, 0);
  const std::int64_t now = clock_.now().us / 1'000'000;
  EXPECT_EQ(ask(corp_, kWecomMassList, {.start_time = now - 10 * 86'400, .end_time = now})
                .group_msg_list.size(),
            1u);
  ask(corp_, kWecomMassCancel, {.msgid = task.msgid});
  const std::string shown =
      expect(upload_attachment_and_wait(*client_, corp_, "image", Upload{"b.jpg", {}, kJpeg}),
             "attachment")
          .media_id;
  const std::string job =
      ask(corp_, kWecomMomentAdd,
          {.text = WecomText{"新品"},
           .attachments = {{.msgtype = "image", .image = WecomMedia{shown, ""}}}})
          .jobid;
  EXPECT_EQ(ask(corp_, kWecomMomentResult, {.jobid = job}).status, 2);
  pass(minutes(30));
  const WecomMomentState made = ask(corp_, kWecomMomentResult, {.jobid = job});
  ASSERT_EQ(made.status, 3);
  const std::string moment = made.result->moment_id;
  EXPECT_EQ(ask(corp_, kWecomMomentList, {.start_time = now, .end_time = now + 3600})
                .moment_list.at(0)
                .moment_id,
            moment);
  const auto posted = ask(corp_, kWecomMomentTask, {.moment_id = moment}).task_list;
  EXPECT_EQ(std::ranges::count(posted, 1, &WecomMomentTask::publish_status), 2);
  EXPECT_EQ(ask(corp_, kWecomMomentSendResult, {.moment_id = moment, .userid = "lili"})
                .customer_list.size(),
            4u);
  const auto echoes = ask(corp_, kWecomMomentComments, {.moment_id = moment, .userid = "lili"});
  EXPECT_LE(echoes.comment_list.size(), 4u);
  EXPECT_LE(echoes.like_list.size(), 4u);
  EXPECT_EQ(refused(corp_, kWecomMomentComments, {.moment_id = "none", .userid = "lili"}), 40058);
  WecomAppSendAsk note{.touser = "lili|nobody", .agentid = 1'000'002, .text = WecomText{"日报"}};
  const auto sent = ask(corp_, kWecomAppSend, note);
  EXPECT_EQ(sent.invaliduser, "nobody");
  EXPECT_EQ(ask(corp_, kWecomAppSend, note).msgid, sent.msgid);  // a repetition
  ask(corp_, kWecomAppRecall, {.msgid = sent.msgid});
  const auto tell = [&](std::string_view kind, auto fill) {
    WecomAppSendAsk other{.touser = "lili", .msgtype = std::string(kind), .agentid = 1'000'002};
    fill(other);
    return other;
  };
  // The files of the first welcome have gone by now.
  EXPECT_EQ(refused(corp_, kWecomAppSend,
                    tell("image", [&](auto& m) { m.image = WecomAppMedia{picture}; })),
            40007);
  ask(corp_, kWecomAppSend, tell("image", [&](auto& m) { m.image = WecomAppMedia{shown}; }));
  ask(corp_, kWecomAppSend, tell("news", [&](auto& m) {
        m.news = WecomNews{{{.title = "周报", .url = "https://example.com/w"}}};
      }));
  ask(corp_, kWecomAppSend, tell("mpnews", [&](auto& m) {
        m.mpnews =
            WecomMpNews{{{.title = "周报", .thumb_media_id = shown, .content = "<p>好</p>"}}};
      }));
  ask(corp_, kWecomAppSend, tell("miniprogram_notice", [&](auto& m) {
        m.miniprogram_notice = WecomMiniProgramNotice{
            .appid = "wx1", .title = "新的线索", .content_item = {{"客户", "甲"}}};
      }));
  ask(corp_, kWecomAppSend, tell("template_card", [&](auto& m) {
        m.template_card = Json().set("card_type", "text_notice");
      }));
}

void SandboxClientsTest::call_ads() {
  const std::int64_t id = ask(ads_, kAdsAccounts, {}).list.at(0).account_id;
  EXPECT_GT(ask(ads_, kAdsFunds, {.account_id = id}).list.at(0).balance, 0);
  AdsAdgroupAsk group{.account_id = id,
                      .adgroup_name = "春季",
                      .marketing_goal = "MARKETING_GOAL_PRODUCT_SALES",
                      .begin_date = "2026-03-01"};
  group.site_set = {"SITE_SET_MOMENTS"};
  group.daily_budget = 20'000;
  group.bid_amount = 100;
  const std::int64_t adgroup = ask(ads_, kAdsAdgroupAdd, group).adgroup_id;
  ask(ads_, kAdsAdgroupUpdate,
      {.account_id = id,
       .adgroup_id = adgroup,
       .adgroup_name = "春季上新",
       .end_date = "2026-06-01"});
  const auto budget =
      ask(ads_, kAdsBudget,
          {.account_id = id, .update_daily_budget_spec = {{adgroup, 30'000}, {adgroup, 100}}})
          .list;
  ASSERT_EQ(budget.size(), 2u);
  EXPECT_EQ(budget[0].code, 0);
  EXPECT_NE(budget[1].code, 0);  // below the least
  ask(ads_, kAdsBid, {.account_id = id, .update_bid_amount_spec = {{adgroup, 120}}});
  ask(ads_, kAdsStatus,
      {.account_id = id, .update_configured_status_spec = {{adgroup, "AD_STATUS_NORMAL"}}});
  const auto listed = ask(ads_, kAdsAdgroups, {.account_id = id}).list;
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0].adgroup_name, "春季上新");
  EXPECT_EQ(listed[0].daily_budget, 30'000);
  EXPECT_EQ(listed[0].end_date, "2026-06-01");
  ask(ads_, kAdsAdgroupUpdate, {.account_id = id, .adgroup_id = adgroup, .end_date = ""});
  EXPECT_EQ(ask(ads_, kAdsAdgroups, {.account_id = id}).list.at(0).end_date, "") << "for ever";
  const auto creative = [&](std::string_view title) {
    AdsCreativeAsk asked{.account_id = id, .adgroup_id = adgroup};
    asked.dynamic_creative_name = "创意";
    Json value = Json::object();
    value.set("value", Json().set("content", title));
    asked.creative_components.set("title", Json(Json::Array{std::move(value)}));
    return ask(ads_, kAdsCreativeAdd, asked).dynamic_creative_id;
  };
  const std::int64_t good = creative("春日咖啡"), bad = creative("刷单返利");
  pass(minutes(31));
  const auto creatives = ask(ads_, kAdsCreatives, {.account_id = id}).list;
  ASSERT_EQ(creatives.size(), 2u);
  EXPECT_EQ(creatives[0].system_status, "DYNAMIC_CREATIVE_STATUS_NORMAL");
  EXPECT_EQ(creatives[1].system_status, "DYNAMIC_CREATIVE_STATUS_DENIED");
  const auto reviews =
      ask(ads_, kAdsReviews, {.account_id = id, .dynamic_creative_id_list = {good, bad}}).list;
  EXPECT_THAT(reviews.at(1).element_result_list.dump(), testing::HasSubstr("DENIED"));
  const AdsImage image = expect(
      upload_ads_image_and_wait(*client_, ads_, id, Upload{"a.jpg", {}, kJpeg}), "ads image");
  EXPECT_FALSE(image.image_id.empty());
  pass(kDay * 2);
  // The first one was good for one use; keeping the next is the business of whoever keeps accounts.
  ads_.refresh_token = Secret(*platform_.with(
      ads_.app_id, [](sandbox::AccountState& a, Instant) { return a.ads.refresh_token; }));
  AdsReportAsk report{.account_id = id};
  const std::int64_t today = local_day(clock_.now(), TimeZone::shanghai());
  report.date_range = {sandbox::date_text(today - 2), sandbox::date_text(today - 1)};
  report.group_by = {"date", "adgroup_id"};
  report.fields = {"view_count", "valid_click_count", "cost", "ctr"};
  const auto lines = ask(ads_, kAdsDailyReport, report).list;
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_GT(lines[0].view_count, lines[0].valid_click_count);
  EXPECT_LE(lines[0].cost, 30'000);
  report.date_range = {sandbox::date_text(today - 1), sandbox::date_text(today - 1)};
  report.group_by = {"date", "hour"};
  EXPECT_EQ(ask(ads_, kAdsHourlyReport, report).list.size(), 24u);
  const std::int64_t set = ask(ads_, kAdsActionSetAdd,
                               {.account_id = id,
                                .type = "USER_ACTION_SET_TYPE_WECHAT",
                                .wechat_app_id = "wx1",
                                .name = "行为"})
                               .user_action_set_id;
  AdsAction bought{.action_time = clock_.now().us / 1'000'000,
                   .action_type = "PURCHASE",
                   .outer_action_id = "o1"};
  bought.user_id = {.wechat_openid = openid(0), .wechat_app_id = "wx1"};
  ask(ads_, kAdsActionsAdd, {.account_id = id, .user_action_set_id = set, .actions = {bought}});
  const std::int64_t audience =
      ask(ads_, kAdsAudienceAdd, {.account_id = id, .name = "老客"}).audience_id;
  expect(upload_audience_and_wait(
             *client_, ads_,
             {.account_id = id, .audience_id = audience, .user_id_type = "WECHAT_OPENID"},
             Upload{"p.txt", {}, "oA\noB\n"}),
         "audience file");
  pass(hours(2));
  EXPECT_EQ(ask(ads_, kAdsAudiences, {.account_id = id}).list.at(0).user_count, 2);
  ask(ads_, kAdsAdgroupDelete, {.account_id = id, .adgroup_id = adgroup});
  EXPECT_TRUE(ask(ads_, kAdsAdgroups, {.account_id = id}).list.empty());
  const auto rate = client_->perform_and_wait(ads_, prepare(kAdsFunds, ads_.policy, {id}));
  ASSERT_TRUE(rate);
  EXPECT_GT(ads_rate(rate->headers).per_minute_left, 0);
  EXPECT_GT(ads_rate(rate->headers).per_day_left, 0);
}

TEST_F(SandboxClientsTest, EveryCallOfTheClientsSucceedsOnTheSandbox) {
  call_people();
  const std::string cover = call_material();
  call_articles(cover);
  call_messages();
  call_templates();
  call_mass(cover);
  call_staff();
  call_menus();
  call_codes();
  call_logins();
  call_mini_program();
  call_insight();
  call_diagnosis();
  call_wecom_contacts();
  call_wecom_groups();
  call_wecom_tasks();
  call_wecom_handover();
  call_ads();
  const Json counts = platform_.call_counts();
  for (const Endpoint& e : endpoints()) {
    EXPECT_GT(counts[e.path]["0"].int_or(0), 0) << e.name << " " << e.path << " never succeeded";
  }
}

TEST_F(SandboxClientsTest, EveryEndpointOfTheClientsIsDescribed) {
  const std::map<Family, Json> documents = {
      {Family::kOfficial, sandbox::describe_platform(sandbox::Family::kOfficial)},
      {Family::kWecom, sandbox::describe_platform(sandbox::Family::kWecom)},
      {Family::kAds, sandbox::describe_platform(sandbox::Family::kAds)}};
  for (const Endpoint& e : endpoints()) {
    const Json* item = documents.at(e.family)["paths"].find(e.path);
    ASSERT_NE(item, nullptr) << e.path;
    // What the client posts must be taken as a POST; what it reads may be either.
    if (e.http_method == "GET") {
      EXPECT_NE(item->find("get"), nullptr) << e.path;
    }
    const Json& operation = item->find("get") ? (*item)["get"] : (*item)["post"];
    EXPECT_FALSE(operation["summary"].string_or("").empty()) << e.path;
    EXPECT_FALSE(operation["x-errors"].is_null()) << e.path;
  }
}

TEST_F(SandboxClientsTest, TokensAreRenewedWhenThePlatformDropsThem) {
  ask(shop_, kTagsGet);
  // Somebody else fetches twice by force: both tokens of that family are dead after five minutes.
  for (int i = 0; i < 2; ++i) {
    http::ClientRequest request;
    request.method = "POST";
    request.url = base_ + "/cgi-bin/stable_token";
    request.body = Json()
                       .set("grant_type", "client_credential")
                       .set("appid", shop_.app_id)
                       .set("secret", by_id_["shop"].app_secret)
                       .set("force_refresh", true)
                       .dump();
    ASSERT_EQ(http_->send_and_wait(std::move(request))->status, 200);
    pass(seconds(31));
  }
  pass(minutes(6));
  ask(shop_, kTagsGet);
  const Json counts = platform_.call_counts();
  EXPECT_EQ(counts["/cgi-bin/tags/get"]["40001"].int_or(0), 1);
  EXPECT_EQ(counts["/cgi-bin/tags/get"]["0"].int_or(0), 2);
}

TEST_F(SandboxClientsTest, FaultsAreMetAsTheClientsPromise) {
  using sandbox::FaultKind;
  const auto next = [&](FaultKind kind, std::string_view path) {
    platform_.inject({.path = std::string(path), .times = 1, .kind = kind, .delay_ms = 1});
  };
  // Reads are repeated by themselves.
  for (const FaultKind kind : {FaultKind::kBusy, FaultKind::kServerError, FaultKind::kCloseBefore,
                               FaultKind::kCloseAfter, FaultKind::kHalfSent, FaultKind::kSlow}) {
    next(kind, "/cgi-bin/tags/get");
    ask(shop_, kTagsGet);
  }
  // A message that may have gone out is not.
  play({.kind = "say", .account = "shop", .openid = openid(0), .text = "在吗"});
  const CustomSendAsk hello{.touser = openid(0), .msgtype = "text", .text = TextContent{"您好"}};
  for (const FaultKind kind : {FaultKind::kCloseAfter, FaultKind::kHalfSent}) {
    platform_.take_messages();
    next(kind, "/cgi-bin/message/custom/send");
    const auto outcome = call_and_wait(*client_, shop_, kCustomSend, hello);
    ASSERT_FALSE(outcome);
    EXPECT_TRUE(outcome.error().outcome_unknown());
    EXPECT_EQ(platform_.take_messages().size(), 1u);
  }
  next(FaultKind::kDayLimit, "*");
  EXPECT_EQ(refused(shop_, kCustomSend, hello), 45009);
}

TEST_F(SandboxClientsTest, FaultsOfWecomAndTencentAdsAreMetInTheirForms) {
  using sandbox::FaultKind;
  const std::int64_t id = ask(ads_, kAdsAccounts, {}).list.at(0).account_id;
  ask(corp_, kWecomMembers);
  const auto next = [&](FaultKind kind, std::string_view path, int errcode = 0) {
    platform_.inject({.path = std::string(path), .kind = kind, .errcode = errcode, .delay_ms = 1});
  };
  for (const FaultKind kind : {FaultKind::kBusy, FaultKind::kServerError, FaultKind::kCloseBefore,
                               FaultKind::kCloseAfter, FaultKind::kHalfSent, FaultKind::kSlow}) {
    next(kind, "/cgi-bin/externalcontact/get_follow_user_list");
    ask(corp_, kWecomMembers);
    next(kind, "/v3.0/funds/get");
    ask(ads_, kAdsFunds, {.account_id = id});
  }
  // What may have been made is not asked for twice, and is no success.
  AdsAudienceAsk audience{.account_id = id, .name = "老客"};
  const WecomMassAsk task{.external_userid = {"wmC0"}, .text = WecomText{"上新"}};
  for (const FaultKind kind :
       {FaultKind::kBusy, FaultKind::kServerError, FaultKind::kCloseAfter, FaultKind::kHalfSent}) {
    next(kind, "/v3.0/custom_audiences/add");
    const auto made = call_and_wait(*client_, ads_, kAdsAudienceAdd, audience);
    ASSERT_FALSE(made) << static_cast<int>(kind);
    EXPECT_TRUE(made.error().outcome_unknown()) << static_cast<int>(kind);
    next(kind, "/cgi-bin/externalcontact/add_msg_template");
    const auto added = call_and_wait(*client_, corp_, kWecomMassAdd, task);
    ASSERT_FALSE(added) << static_cast<int>(kind);
    EXPECT_TRUE(added.error().outcome_unknown()) << static_cast<int>(kind);
  }
  EXPECT_TRUE(platform_.faults().empty()) << "each was met once";
  // What is refused is an error with its code.
  next(FaultKind::kErrcode, "/v3.0/funds/get", 12203);
  EXPECT_EQ(refused(ads_, kAdsFunds, {.account_id = id}), 12203);
  next(FaultKind::kErrcode, "/cgi-bin/externalcontact/get_follow_user_list", 60020);
  EXPECT_EQ(refused(corp_, kWecomMembers, {}), 60020);
  next(FaultKind::kMinuteLimit, "/v3.0/funds/get");
  EXPECT_EQ(refused(ads_, kAdsFunds, {.account_id = id}), 11017);
  pass(minutes(2));
  next(FaultKind::kDayLimit, "/v3.0/funds/get");
  EXPECT_EQ(refused(ads_, kAdsFunds, {.account_id = id}), 11018);
}

TEST_F(SandboxClientsTest, ASubscriptionAccountReachesChosenPeopleThroughATagOnceADay) {
  sandbox::SandboxAccount paper = sandbox::demo_account(2);
  paper.id = "paper";
  paper.kind = sandbox::AccountKind::kSubscription;
  platform_.add(paper);
  by_id_["paper"] = paper;
  std::vector<std::string> people;
  for (int i = 0; i < 130; ++i) {
    people.push_back(openid(1000 + i));
    platform_.follow(paper.app_id, people.back(), "up" + std::to_string(i), kStart - kDay,
                     "ADD_SCENE_SEARCH");
  }
  const ApiAccount account = this->account("paper", TokenKind::kStable);
  EXPECT_FALSE(official_->mass_send_and_wait(account, {people[0], people[1]},
                                             {.text = "不行", .client_msg_id = "p-0"}))
      << "not by openids";
  const std::vector<std::string> chosen(people.begin(), people.begin() + 120);
  const auto tag = delivery::hold_mass_tag(*client_, account, chosen);
  ASSERT_TRUE(tag) << tag.error().message;
  EXPECT_EQ(tag->missing, 0U);
  const MassMessage text{.text = "本期要点", .client_msg_id = "p-1"};
  const auto sent =
      expect(official_->mass_send_to_tag_and_wait(account, tag->id, text), "mass_sendall");
  EXPECT_EQ(ask(account, kMassGet, {.msg_id = std::stoll(sent.msg_id)}).msg_status, "SENDING");
  const auto other = official_->mass_send_to_tag_and_wait(account, tag->id,
                                                          {.text = "再来", .client_msg_id = "p-2"});
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().errcode, 45028) << "one a day";
  pass(kDay);
  const std::vector<std::string> fewer(people.begin() + 100, people.end());
  const auto next = delivery::hold_mass_tag(*client_, account, fewer);
  ASSERT_TRUE(next) << next.error().message;
  EXPECT_EQ(next->id, tag->id);
  EXPECT_EQ(ask(account, kTagUsers, {.tagid = next->id}).data.openid.size(), 30U);
  EXPECT_TRUE(official_->mass_send_to_tag_and_wait(account, next->id,
                                                   {.text = "第二天", .client_msg_id = "p-3"}));
}

}  // namespace
}  // namespace zhiyin
