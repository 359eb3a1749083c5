#include "wechat/wecom.h"

#include "wechat/tencent_ads.h"
#include "wechat/test_platform.h"

namespace zhiyin::wechat {
namespace {

class Wecom : public PlatformTest {
 protected:
  void SetUp() override {
    account_.app_id = "ww6a112864f8022910";
    account_.token_kind = TokenKind::kWecom;
    account_.base_url = "http://work.test";
  }
  static WecomMassAsk mass() {
    WecomMassAsk m;
    m.external_userid = {"wm1"};
    m.text = WecomText{"您好"};
    return m;
  }
};

TEST_F(Wecom, TokensAreOfOneApplication) {
  answers(R"({"errcode":0,"errmsg":"ok","follow_user":["zhangsan","lisi"]})");
  const auto members = ask(kWecomMembers, {});
  ASSERT_TRUE(members);
  EXPECT_EQ(members->follow_user.at(1), "lisi");
  EXPECT_EQ(sent("gettoken").url,
            "http://work.test/cgi-bin/gettoken?corpid=ww6a112864f8022910&corpsecret=the-secret");
  EXPECT_EQ(sent("get_follow_user_list").url,
            "http://work.test/cgi-bin/externalcontact/get_follow_user_list?access_token=AT");
  account_.base_url.clear();
  ASSERT_TRUE(ask(kWecomMembers, {}));
  EXPECT_TRUE(sent("gettoken").url.starts_with("https://qyapi.weixin.qq.com/"));
}

TEST_F(Wecom, CallsOfOtherPlatformsAreRefused) {
  const auto refused = ask(Method<Nothing, Nothing>{endpoint("tags_get")}, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  account_.token_kind = TokenKind::kStable;
  EXPECT_FALSE(ask(kWecomMembers, {}));
  EXPECT_EQ(platform_.count("http"), 0U);
}

TEST_F(Wecom, AnExpiredTokenIsReplacedOnce) {
  platform_.token = [n = 0](const auto&) mutable { return answer_token(fmt::format("T{}", ++n)); };
  answers({answer_json(R"({"errcode":42001,"errmsg":"access_token expired"})"),
           answer_json(R"({"errcode":0,"follow_user":[]})")});
  EXPECT_TRUE(ask(kWecomMembers, {}));
  EXPECT_NE(sent("get_follow_user_list").url.find("access_token=T2"), std::string::npos);
}

TEST_F(Wecom, ContactsAndWhatMembersKnowOfThem) {
  answers(R"({"errcode":0,"external_contact":{"external_userid":"wm1","name":"李四","type":1,)"
          R"("gender":1,"unionid":"u"},"follow_user":[{"userid":"rocky","remark":"李部长",)"
          R"("createtime":1525779812,"tags":[{"group_name":"g","tag_name":"t","tag_id":"et1",)"
          R"("type":1}],"remark_mobiles":["13000000001"],"add_way":1,"state":"shop-1"}],)"
          R"("next_cursor":"NEXT"})");
  const auto contact = ask(kWecomContact, {"wm1", ""});
  ASSERT_TRUE(contact);
  EXPECT_EQ(contact->follow_user.at(0).state, "shop-1");
  EXPECT_EQ(contact->follow_user.at(0).tags.at(0).tag_id, "et1");
  EXPECT_EQ(contact->next_cursor, "NEXT");
  answers(R"({"errcode":0,"external_contact_list":[{"external_contact":{"external_userid":"wm1"},)"
          R"("follow_info":{"userid":"rocky","tag_id":["et1"]}}],"next_cursor":""})");
  const auto page = ask(kWecomContactsOf, {{"rocky"}});
  ASSERT_TRUE(page);
  EXPECT_EQ(page->external_contact_list.at(0).follow_info.tag_id.at(0), "et1");
  EXPECT_EQ(refused_field(kWecomContactsOf, {std::vector<std::string>(101, "a")}), "userid_list");
  EXPECT_EQ(refused_field(kWecomContactsOf, {{"a"}, "", 101}), "limit");
  refuses(84061);
  EXPECT_EQ(ask(kWecomContacts, {"rocky"}).error().error_class, ErrorClass::kUser);
}

TEST_F(Wecom, WaysCarryAStateThatComesBack) {
  WecomWayAsk way;
  way.user = {"zhangsan"};
  way.state = "shop-1";
  answers(R"({"errcode":0,"config_id":"C","qr_code":"http://p.qpic.cn/x"})");
  const auto made = ask(kWecomWayAdd, way);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->config_id, "C");
  EXPECT_EQ(sent("add_contact_way").body,
            R"({"type":1,"scene":2,"state":"shop-1","user":["zhangsan"]})");
  way.user = {"a", "b"};
  EXPECT_EQ(refused_field(kWecomWayAdd, way), "user");
  way.user.clear();
  EXPECT_EQ(refused_field(kWecomWayAdd, way), "user");
  way.state = std::string(31, 's');
  EXPECT_EQ(refused_field(kWecomWayAdd, way), "state");
}

TEST_F(Wecom, MassSendsAreTasksThatMembersConfirm) {
  answers(R"({"errcode":0,"fail_list":["wmBAD"],"msgid":"msgGCAAAXtWyujaWJHDDGi0mAAAA"})");
  const auto receipt = ask(kWecomMassAdd, mass());
  ASSERT_TRUE(receipt);
  EXPECT_EQ(receipt->fail_list.at(0), "wmBAD");
  answers(R"({"errcode":0,"next_cursor":"","task_list":[{"userid":"zhangsan","status":2,)"
          R"("send_time":1552536375},{"userid":"lisi","status":0}]})");
  const auto tasks = ask(kWecomMassTask, {receipt->msgid});
  ASSERT_TRUE(tasks);
  EXPECT_EQ(tasks->task_list.at(0).status, 2);
  EXPECT_EQ(tasks->task_list.at(1).send_time, 0);
  answers(R"({"errcode":0,"send_list":[{"external_userid":"wm1","userid":"zhangsan","status":1,)"
          R"("send_time":1},{"external_userid":"wm2","userid":"zhangsan","status":3}]})");
  const auto results = ask(kWecomMassResult, {receipt->msgid, "zhangsan"});
  ASSERT_TRUE(results);
  EXPECT_EQ(results->send_list.at(1).status, 3);
  answers({answer_silence(http::SendProgress::kOutcomeUnknown)});
  EXPECT_TRUE(ask(kWecomMassAdd, mass()).error().outcome_unknown());
  EXPECT_EQ(platform_.count("add_msg_template"), 2U);
}

TEST_F(Wecom, FilesGoToTheCompanysPlatform) {
  answers(R"({"errcode":0,"errmsg":"ok","type":"image","media_id":"M","created_at":"1380000000"})");
  const Upload png{"a.png", {}, "\x89PNG12"};
  const auto media = upload_media_and_wait(client_, account_, "image", png);
  ASSERT_TRUE(media) << media.error().message;
  EXPECT_EQ(media->media_id, "M");
  EXPECT_EQ(media->created_at, 1'380'000'000);
  EXPECT_TRUE(sent("media/upload").url.ends_with("&type=image")) << sent("media/upload").url;
  EXPECT_NE(sent("media/upload").body.find("name=\"media\"; filename=\"a.png\"; filelength=6"),
            std::string::npos);
  const Upload sheet{"list.xlsx", {}, "PK....."};
  EXPECT_TRUE(upload_media_and_wait(client_, account_, "file", sheet));
  ASSERT_TRUE(upload_attachment_and_wait(client_, account_, "image", png));
  EXPECT_TRUE(sent("upload_attachment").url.ends_with("&media_type=image&attachment_type=1"));
  for (const auto& [type, file] :
       {std::pair<std::string, Upload>{"image", {"a.gif", {}, "GIF8..."}},
        std::pair<std::string, Upload>{"image", {"a.png", {}, "12345"}},  // 5 bytes are too few
        std::pair<std::string, Upload>{"voice", {"a.mp3", {}, "......."}},
        std::pair<std::string, Upload>{"file", {"a.zip", {}, std::string((20 << 20) + 1, 'x')}},
        std::pair<std::string, Upload>{"thumb", {"a.jpg", {}, "......."}}}) {
    const auto refused = upload_media_and_wait(client_, account_, type, file);
    ASSERT_FALSE(refused) << type << " " << file.name;
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_FALSE(upload_attachment_and_wait(client_, account_, "voice", {"a.amr", {}, "......."}));
}

TEST_F(Wecom, BoundsOfMassSends) {
  WecomMassAsk m = mass();
  m.external_userid.assign(10'001, "wm");
  EXPECT_EQ(refused_field(kWecomMassAdd, m), "external_userid");
  m = mass();
  m.text->content = std::string(4'001, 'x');
  EXPECT_EQ(refused_field(kWecomMassAdd, m), "text.content");
  m.text.reset();
  EXPECT_EQ(refused_field(kWecomMassAdd, m), "text");
  WecomAttachment link;
  link.msgtype = "link";
  link.link = WecomLink{"t", "", "", "http://u"};
  m.attachments = std::vector(9, link);
  EXPECT_EQ(refused_field(kWecomMassAdd, m), "");
  m.attachments.push_back(link);
  EXPECT_EQ(refused_field(kWecomMassAdd, m), "attachments");
  m.attachments = {link};
  m.attachments[0].msgtype = "image";
  EXPECT_EQ(refused_field(kWecomMassAdd, m), "attachments[0].image");
  WecomAttachment picture{.msgtype = "image", .image = WecomMedia{}};
  m.attachments = {picture};
  EXPECT_EQ(refused_field(kWecomMassAdd, m), "attachments[0].image.media_id");
  m.attachments[0].image->media_id = "M";
  EXPECT_EQ(refused_field(kWecomMassAdd, m), "");
  m.attachments = {
      {.msgtype = "miniprogram", .miniprogram = WecomMiniProgram{"t", "", "wx1", "p"}}};
  EXPECT_EQ(refused_field(kWecomMassAdd, m), "attachments[0].miniprogram.pic_media_id");
  m = mass();
  m.chat_type = "group";
  EXPECT_EQ(refused_field(kWecomMassAdd, m), "sender");
  EXPECT_EQ(refused_field(kWecomMassList, {"single", 1'000, 1'000 + 32 * 86'400}), "end_time");
  EXPECT_EQ(refused_field(kWecomMassResult, {"m", "u", 1'001}), "limit");
}

TEST_F(Wecom, WelcomesAreSentOnceAndALateOneIsOfNoConsequence) {
  const WecomWelcomeAsk welcome{"CODE", WecomText{"欢迎"}, {}};
  for (const auto& [code, error_class] :
       {std::pair{41050, ErrorClass::kNever}, std::pair{41051, ErrorClass::kIgnore}}) {
    refuses(code);
    const auto outcome = ask(kWecomWelcome, welcome);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().error_class, error_class) << code;
  }
  EXPECT_EQ(refused_field(kWecomWelcome, {"CODE", {}, {}}), "text");
  EXPECT_EQ(refused_field(kWecomWelcome, {"", WecomText{"x"}, {}}), "welcome_code");
}

TEST_F(Wecom, TagsGroupsMomentsBehaviourAndArchive) {
  answers(R"({"errcode":0,"tag_group":[{"group_id":"g","group_name":"n","create_time":1,"order":1,)"
          R"("tag":[{"id":"t","name":"x","create_time":1,"order":2}]}]})");
  EXPECT_EQ(ask(kWecomTags, {})->tag_group.at(0).tag.at(0).id, "t");
  EXPECT_EQ(refused_field(kWecomMarkTag, {"u", "wm1", {}, {}}), "add_tag");
  answers(R"({"errcode":0,"group_chat":{"chat_id":"c","name":"n","owner":"o","create_time":1,)"
          R"("member_list":[{"userid":"wm1","type":2,"join_time":2,"join_scene":3,"name":"x"}]}})");
  EXPECT_EQ(ask(kWecomGroup, {"c"})->group_chat.member_list.at(0).type, 2);
  EXPECT_EQ(refused_field(kWecomGroups, {.limit = 1'001}), "limit");
  answers(R"({"errcode":0,"jobid":"J"})");
  EXPECT_EQ(ask(kWecomMomentAdd, {WecomText{"x"}, {}, {}})->jobid, "J");
  answers(R"({"errcode":0,"status":3,"type":"add_moment_task","result":{"errcode":0,)"
          R"("moment_id":"M"}})");
  EXPECT_EQ(ask(kWecomMomentResult, {"J"})->result->moment_id, "M");
  answers(R"({"errcode":0,"behavior_data":[{"stat_time":1536508800,"chat_cnt":100,)"
          R"("message_cnt":80,"reply_percentage":60.25,"avg_reply_time":1}]})");
  EXPECT_EQ(ask(kWecomBehaviour, {{"u"}, {}, 1, 2})->behavior_data.at(0).reply_percentage, 60.25);
  EXPECT_EQ(refused_field(kWecomBehaviour, {{"u"}, {}, 1, 1 + 31 * 86'400}), "end_time");
  answers(R"({"errcode":0,"agreeinfo":[{"status_change_time":1562766651,"userid":"u",)"
          R"("exteranalopenid":"wm1","agree_status":"Agree"}]})");
  EXPECT_EQ(ask(kWecomArchiveConsent, {{{"u", "wm1"}}})->agreeinfo.at(0).agree_status, "Agree");
}

TEST_F(Wecom, MessagesOfAnApplicationAreRepeatedUnderTheDuplicateCheck) {
  WecomAppSendAsk m;
  m.touser = "a|b";
  m.agentid = 1;
  m.text = WecomText{"x"};
  answers({answer_silence(http::SendProgress::kOutcomeUnknown),
           answer_json(R"({"errcode":0,"invaliduser":"b","msgid":"m"})")});
  const auto receipt = ask(kWecomAppSend, m);
  ASSERT_TRUE(receipt);
  EXPECT_EQ(receipt->invaliduser, "b");
  EXPECT_EQ(platform_.count("message/send"), 2U);
  m.enable_duplicate_check = 0;
  EXPECT_EQ(refused_field(kWecomAppSend, m), "enable_duplicate_check");
  m.enable_duplicate_check = 1;
  m.touser.clear();
  EXPECT_EQ(refused_field(kWecomAppSend, m), "touser");
  m.touser = "a";
  m.text->content = std::string(2'049, 'x');
  EXPECT_EQ(refused_field(kWecomAppSend, m), "text.content");
}

TEST_F(Wecom, EveryKindOfAMessageOfAnApplicationHasItsContent) {
  WecomAppSendAsk whole;
  whole.touser = "a";
  whole.text = whole.markdown = WecomText{"x"};
  whole.image = whole.voice = whole.video = whole.file = WecomAppMedia{"M"};
  whole.textcard = WecomTextCard{"t", "d", "https://u", ""};
  whole.news = WecomNews{{{.title = "t", .url = "https://u"}}};
  whole.mpnews = WecomMpNews{{{.title = "t", .thumb_media_id = "M", .content = "c"}}};
  whole.miniprogram_notice = WecomMiniProgramNotice{.appid = "wx1", .title = "新的线索"};
  whole.template_card = Json().set("card_type", "text_notice");
  const auto rule = std::ranges::find_if(rules_of("wecom_app_send"),
                                         [](const Rule& r) { return r.path == "msgtype"; });
  std::string_view kinds = rule->words;
  const Json everything = to_wire(whole);
  int seen = 0;
  while (!kinds.empty()) {
    const std::size_t end = std::min(kinds.find(' '), kinds.size());
    const std::string kind(kinds.substr(0, end));
    kinds.remove_prefix(std::min(end + 1, kinds.size()));
    Json one = Json().set("touser", "a").set("msgtype", kind);
    EXPECT_EQ(refused_field(kWecomAppSend, from_wire<WecomAppSendAsk>(one)), kind);
    one.set(kind, everything[kind]);
    EXPECT_EQ(refused_field(kWecomAppSend, from_wire<WecomAppSendAsk>(one)), "") << kind;
    one.set(kind == "text" ? "markdown" : "text", everything["text"]);
    EXPECT_NE(refused_field(kWecomAppSend, from_wire<WecomAppSendAsk>(one)), "") << kind;
    ++seen;
  }
  EXPECT_EQ(seen, 11);
  whole = {.touser = "a", .msgtype = "news", .news = WecomNews{}};
  EXPECT_EQ(refused_field(kWecomAppSend, whole), "news.articles");
}

TEST_F(Wecom, ErrorsHaveTheirOwnMeaning) {
  const std::pair<std::int64_t, ErrorClass> expected[] = {
      {40001, ErrorClass::kNever}, {40014, ErrorClass::kToken}, {42001, ErrorClass::kToken},
      {45009, ErrorClass::kQuota}, {45033, ErrorClass::kRetry}, {48002, ErrorClass::kNever},
      {60020, ErrorClass::kNever}, {40096, ErrorClass::kUser},  {-1, ErrorClass::kRetry},
      {84061, ErrorClass::kUser},  {95013, ErrorClass::kNever}, {301002, ErrorClass::kNever}};
  for (const auto& [code, error_class] : expected)
    EXPECT_EQ(platform_error(code, Family::kWecom).error_class, error_class) << code;
  EXPECT_TRUE(platform_error(60020, Family::kWecom).alerts);
}

class TencentAds : public PlatformTest {
 protected:
  void SetUp() override {
    account_.app_id = "1100000001";
    account_.token_kind = TokenKind::kAds;
    account_.refresh_token = Secret("RT");
    account_.base_url = "http://ads.test";
    platform_.token = [](const auto&) {
      return answer_json(
          R"({"code":0,"message":"","data":{"access_token":"AT","refresh_token":"RT",)"
          R"("access_token_expires_in":86400,"refresh_token_expires_in":2592000}})");
    };
  }
  static AdsAdgroupAsk adgroup() {
    AdsAdgroupAsk a;
    a.account_id = 1;
    a.adgroup_name = "春";
    a.marketing_goal = "MARKETING_GOAL_USER_GROWTH";
    a.begin_date = "2026-01-01";
    a.site_set = {"SITE_SET_MOMENTS"};
    return a;
  }
  static AdsActionsAsk actions() {
    AdsAction action;
    action.action_time = 1'767'225'600;
    action.action_type = "PURCHASE";
    action.outer_action_id = "order-1";
    action.user_id.wechat_openid = "oA";
    action.user_id.wechat_app_id = "wx1";
    return {1, 2, {action}};
  }
};

TEST_F(TencentAds, EveryCallHasTimestampAndAFreshNonce) {
  answers(R"({"code":0,"message":"","message_cn":"","data":{"adgroup_id":77}})");
  EXPECT_EQ(ask(kAdsAdgroupAdd, adgroup())->adgroup_id, 77);
  EXPECT_EQ(sent("oauth/token").url,
            "http://ads.test/oauth/token?client_id=1100000001&client_secret=the-secret"
            "&grant_type=refresh_token&refresh_token=RT");
  const std::string first = sent("adgroups/add").url;
  const std::string_view head =
      "http://ads.test/v3.0/adgroups/add?access_token=AT&timestamp=1767225600&nonce=";
  ASSERT_TRUE(first.starts_with(head));
  EXPECT_EQ(first.size(), head.size() + 16);
  ASSERT_TRUE(ask(kAdsAdgroupAdd, adgroup()));
  EXPECT_NE(sent("adgroups/add").url, first);
  account_.refresh_token = Secret();
  EXPECT_EQ(ask(kAdsAdgroupAdd, adgroup()).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(TencentAds, BoundsOfAdGroups) {
  const auto refused = [&](const std::function<void(AdsAdgroupAsk&)>& change) {
    AdsAdgroupAsk a = adgroup();
    change(a);
    return refused_field(kAdsAdgroupAdd, a);
  };
  EXPECT_EQ(refused([](auto&) {}), "");
  EXPECT_EQ(refused([](auto& a) { a.marketing_goal = "FAME"; }), "marketing_goal");
  EXPECT_EQ(refused([](auto& a) { a.begin_date = "20260101"; }), "begin_date");
  EXPECT_EQ(refused([](auto& a) { a.end_date = "2025-12-31"; }), "end_date");
  EXPECT_EQ(refused([](auto& a) { a.time_series = "1"; }), "time_series");
  EXPECT_EQ(refused([](auto& a) { a.time_series = std::string(336, '0'); }), "time_series");
  EXPECT_EQ(refused([](auto& a) { a.site_set.clear(); }), "site_set");
  EXPECT_EQ(refused([](auto& a) { a.account_id = 0; }), "account_id");
  EXPECT_EQ(refused([](auto& a) { a.configured_status = "ON"; }), "configured_status");
}

TEST_F(TencentAds, ListsAndReportsAreQueries) {
  answers(R"({"code":0,"data":{"list":[{"adgroup_id":7,"adgroup_name":"春","bid_amount":100}],)"
          R"("page_info":{"page":1,"page_size":100,"total_number":1,"total_page":1}}})");
  AdsListAsk list;
  list.account_id = 1;
  list.filtering = {{"adgroup_id", "IN", {"7"}}};
  const auto groups = ask(kAdsAdgroups, list);
  ASSERT_TRUE(groups);
  EXPECT_EQ(groups->list.at(0).bid_amount, 100);
  EXPECT_EQ(groups->page_info.total_number, 1);
  EXPECT_NE(
      sent("adgroups/get")
          .url.find(
              "&account_id=1&filtering=%5B%7B%22field%22%3A%22adgroup_id%22%2C%22operator%22"),
      std::string::npos);
  AdsReportAsk report;
  report.account_id = 1;
  report.date_range = {"2025-12-01", "2025-12-31"};
  report.group_by = {"date"};
  report.fields = {"view_count", "cost"};
  answers(
      R"({"code":0,"data":{"list":[{"date":"2025-12-01","view_count":10,"cost":250,"ctr":0.1}]}})");
  const auto figures = ask(kAdsDailyReport, report);
  ASSERT_TRUE(figures);
  EXPECT_EQ(figures->list.at(0).cost, 250);
  EXPECT_EQ(figures->list.at(0).ctr, 0.1);
  report.page_size = 2'001;
  EXPECT_EQ(refused_field(kAdsDailyReport, report), "page_size");
  report.page_size = 10;
  report.date_range.start_date = "yesterday";
  EXPECT_EQ(refused_field(kAdsDailyReport, report), "date_range.start_date");
}

TEST_F(TencentAds, ActionsAreRepeatedUnderTheirOwnIds) {
  answers({answer_silence(http::SendProgress::kOutcomeUnknown), answer_json(R"({"code":0})")});
  EXPECT_TRUE(ask(kAdsActionsAdd, actions()));
  EXPECT_EQ(platform_.count("user_actions/add"), 2U);
  AdsActionsAsk a = actions();
  a.actions.push_back(a.actions[0]);
  EXPECT_EQ(refused_field(kAdsActionsAdd, a), "actions[1].outer_action_id");
  a = actions();
  a.actions[0].user_id = {};
  EXPECT_EQ(refused_field(kAdsActionsAdd, a), "actions[0].user_id");
  a.actions[0].user_id.wechat_openid = "oA";
  EXPECT_EQ(refused_field(kAdsActionsAdd, a), "actions[0].user_id.wechat_app_id");
  a.actions[0].user_id = {};
  a.actions[0].user_id.hash_phone = "13580006666";
  EXPECT_EQ(refused_field(kAdsActionsAdd, a), "actions[0].user_id.hash_phone");
  a.actions[0].user_id.hash_phone = "0123456789abcdef0123456789abcdef";
  EXPECT_EQ(refused_field(kAdsActionsAdd, a), "");
  a.actions.assign(51, a.actions[0]);
  EXPECT_EQ(refused_field(kAdsActionsAdd, a), "actions");
}

TEST_F(TencentAds, UploadsCarryTheirFieldsInTheForm) {
  answers(R"({"code":0,"data":{"image_id":"9","signature":"x","image_width":1}})");
  const auto image = upload_ads_image_and_wait(client_, account_, 1, {"a.png", {}, "hello"});
  ASSERT_TRUE(image);
  EXPECT_EQ(image->image_id, "9");
  const std::string body = sent("images/add").body;
  EXPECT_NE(body.find("name=\"signature\"\r\n\r\n5d41402abc4b2a76b9719d911017c592\r\n"),
            std::string::npos);
  EXPECT_NE(body.find("name=\"file\"; filename=\"a.png\""), std::string::npos);
  EXPECT_EQ(sent("images/add").url.find("account_id"), std::string::npos);
  answers(R"({"code":0,"data":{"custom_audience_file_id":5}})");
  EXPECT_EQ(upload_audience_and_wait(client_, account_, {1, 2, "HASH_PHONE"}, {"a.txt", {}, "x"})
                ->custom_audience_file_id,
            5);
  EXPECT_FALSE(
      upload_audience_and_wait(client_, account_, {1, 0, "HASH_PHONE"}, {"a.txt", {}, "x"}));
}

TEST_F(TencentAds, ErrorsAreShownInChinese) {
  answers(R"({"code":18001,"message":"bad","message_cn":"参数错误","trace_id":"tr"})");
  const auto refused = ask(kAdsAdgroupAdd, adgroup());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().error_class, ErrorClass::kNever);
  EXPECT_NE(refused.error().message.find("参数错误"), std::string::npos);
  EXPECT_EQ(refused.error().rid, "tr");
  const std::pair<std::int64_t, ErrorClass> expected[] = {
      {11000, ErrorClass::kToken}, {11002, ErrorClass::kToken}, {11012, ErrorClass::kNever},
      {10000, ErrorClass::kRetry}, {12100, ErrorClass::kRetry}, {12101, ErrorClass::kNever},
      {11017, ErrorClass::kQuota}, {11018, ErrorClass::kQuota}, {12201, ErrorClass::kNever},
      {18001, ErrorClass::kNever}, {50018, ErrorClass::kQuota}, {40001, ErrorClass::kNever}};
  for (const auto& [code, error_class] : expected)
    EXPECT_EQ(platform_error(code, Family::kAds).error_class, error_class) << code;
}

TEST_F(TencentAds, AnAnswerWithoutACodeIsNoSuccess) {
  for (const std::string_view body :
       {R"({"ret":-5,"msg":"gateway overloaded"})", R"({"errcode":-1,"errmsg":"system error"})",
        R"({"code":null})", R"({"code":"none","data":{"adgroup_id":7}})", R"({"code":{}})", "{}"}) {
    const std::size_t before = platform_.count("adgroups/add");
    answers(std::string(body));
    const auto answer = ask(kAdsAdgroupAdd, adgroup());
    ASSERT_FALSE(answer) << body;
    EXPECT_EQ(answer.error().code, ErrorCode::kUnavailable) << body;
    EXPECT_TRUE(answer.error().outcome_unknown()) << body;
    EXPECT_EQ(platform_.count("adgroups/add"), before + 1) << "it may have been made";
  }
  AdsListAsk list;
  list.account_id = 1;
  answers({answer_json(R"({"ret":-5})"), answer_json(R"({"code":"0","data":{"list":[]}})")});
  EXPECT_TRUE(ask(kAdsAdgroups, list)) << "a read is asked again";
}

TEST_F(TencentAds, ADayThatIsUsedUpEndsAtMidnight) {
  AdsListAsk list;
  list.account_id = 1;
  answers(R"({"code":11018,"message":"day"})");
  EXPECT_FALSE(ask(kAdsAdgroups, list));
  answers(R"({"code":0,"data":{"list":[]}})");
  ASSERT_TRUE(clock_.advance_to(clock_.now() + std::chrono::hours(15)));  // 23:00 in Shanghai
  EXPECT_FALSE(ask(kAdsAdgroups, list));
  EXPECT_EQ(platform_.count("adgroups/get"), 1U);
  ASSERT_TRUE(clock_.advance_to(clock_.now() + std::chrono::hours(1)));
  EXPECT_TRUE(ask(kAdsAdgroups, list));
}

TEST_F(TencentAds, RateHeaders) {
  const AdsRate rate =
      ads_rate({{"x-ratelimit-minute-remaining", "60,59"}, {"X-RateLimit-Day-Remaining", "1000"}});
  EXPECT_EQ(rate.per_minute_left, 59);
  EXPECT_EQ(rate.per_day_left, 1'000);
  EXPECT_EQ(ads_rate({}).per_day_left, -1);
}

TEST_F(TencentAds, WhatTheHeadersLeaveIsKeptToByAllAuthorisationsOfTheApplication) {
  const auto leaves = [this](http::Headers headers) {
    http::ClientResponse response{200, std::move(headers), R"({"code":0,"data":{"list":[]}})"};
    answers({PlatformAnswer(response)});
  };
  AdsListAsk list;
  list.account_id = 1;
  leaves({{"X-RateLimit-Minute-Remaining", "60,2"}});
  EXPECT_TRUE(ask(kAdsAdgroups, list));
  leaves({});
  EXPECT_TRUE(ask(kAdsAdgroups, list));
  account_.id = AccountId("another_authorisation");
  EXPECT_TRUE(ask(kAdsAdgroups, list));
  const auto third = ask(kAdsAdgroups, list);
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().error_class, ErrorClass::kQuota);
  EXPECT_EQ(*third.error().retry_after, std::chrono::minutes(1));
  EXPECT_EQ(platform_.count("adgroups/get"), 3U);
  ASSERT_TRUE(clock_.advance_to(clock_.now() + std::chrono::minutes(1)));
  leaves({{"X-RateLimit-Day-Remaining", "0"}});
  EXPECT_TRUE(ask(kAdsAdgroups, list));
  ASSERT_TRUE(clock_.advance_to(clock_.now() + std::chrono::hours(1)));
  EXPECT_FALSE(ask(kAdsAdgroups, list)) << "the day is used up";
  ASSERT_TRUE(clock_.advance_to(clock_.now() + std::chrono::hours(24)));
  EXPECT_TRUE(ask(kAdsAdgroups, list));
}

}  // namespace
}  // namespace zhiyin::wechat
