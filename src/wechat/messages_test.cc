#include "wechat/messages.h"

#include "wechat/staff.h"
#include "wechat/template_values.h"
#include "wechat/test_platform.h"

namespace zhiyin::wechat {
namespace {

using Messages = PlatformTest;

CustomSendAsk message(std::string type) {
  CustomSendAsk m;
  m.touser = "oA";
  m.msgtype = std::move(type);
  return m;
}

std::string repeated(std::string_view text, int n) {
  std::string out;
  for (int i = 0; i < n; ++i) out += text;
  return out;
}

TEST_F(Messages, EveryKindOfCustomerServiceMessageHasItsObject) {
  std::vector<std::pair<CustomSendAsk, std::string>> cases;
  const auto add = [&](std::string type, const std::function<void(CustomSendAsk&)>& fill,
                       std::string expected) {
    CustomSendAsk m = message(type);
    fill(m);
    cases.emplace_back(std::move(m), fmt::format(R"({{"touser":"oA","msgtype":"{}","{}":{}}})",
                                                 type, type, expected));
  };
  add("text", [](auto& m) { m.text = {"你好"}; }, R"({"content":"你好"})");
  add("image", [](auto& m) { m.image = {"M"}; }, R"({"media_id":"M"})");
  add("voice", [](auto& m) { m.voice = {"M"}; }, R"({"media_id":"M"})");
  add("mpnews", [](auto& m) { m.mpnews = {"M"}; }, R"({"media_id":"M"})");
  add(
      "video", [](auto& m) { m.video = {"M", "T", "t", "d"}; },
      R"({"media_id":"M","thumb_media_id":"T","title":"t","description":"d"})");
  add(
      "music", [](auto& m) { m.music = {"t", "", "http://a", "http://b", "T"}; },
      R"({"title":"t","musicurl":"http://a","hqmusicurl":"http://b","thumb_media_id":"T"})");
  add(
      "news", [](auto& m) { m.news = NewsContent{{{"t", "d", "http://u", "http://p"}}}; },
      R"({"articles":[{"title":"t","description":"d","url":"http://u","picurl":"http://p"}]})");
  add("mpnewsarticle", [](auto& m) { m.mpnewsarticle = {"ART"}; }, R"({"article_id":"ART"})");
  add(
      "msgmenu",
      [](auto& m) { m.msgmenu = MenuContent{"满意吗", {{"101", "是"}, {"102", "否"}}, "谢谢"}; },
      R"({"head_content":"满意吗","list":[{"id":"101","content":"是"},{"id":"102","content":"否"}],)"
      R"("tail_content":"谢谢"})");
  add("wxcard", [](auto& m) { m.wxcard = {"C"}; }, R"({"card_id":"C"})");
  add(
      "miniprogrampage", [](auto& m) { m.miniprogrampage = {"t", "wx1", "p", "T"}; },
      R"({"title":"t","appid":"wx1","pagepath":"p","thumb_media_id":"T"})");
  add(
      "link", [](auto& m) { m.link = {"t", "d", "http://u", ""}; },
      R"({"title":"t","description":"d","url":"http://u"})");
  for (const auto& [m, expected] : cases) {
    ASSERT_TRUE(ask(kCustomSend, m)) << m.msgtype;
    EXPECT_EQ(sent("custom/send").body, expected);
    CustomSendAsk empty = message(m.msgtype);
    EXPECT_EQ(refused_field(kCustomSend, empty), m.msgtype);
    empty = m;
    empty.msgtype = m.msgtype == "text" ? "image" : "text";
    EXPECT_NE(refused_field(kCustomSend, empty), "");
  }
}

TEST_F(Messages, LabelAgentAndBounds) {
  CustomSendAsk m = message("text");
  m.text = {repeated("a", 2'048)};
  m.aimsgcontext = AiLabel{};
  m.customservice = KfAccountRef{"a@gh"};
  ASSERT_TRUE(ask(kCustomSend, m));
  EXPECT_EQ(body("custom/send")["aimsgcontext"]["is_ai_msg"].int_or(0), 1);
  EXPECT_EQ(body("custom/send")["customservice"]["kf_account"].string_or(""), "a@gh");
  m.text->content += "a";
  EXPECT_EQ(refused_field(kCustomSend, m), "text.content");
  m.text = {repeated("好", 683)};  // 2049 bytes
  EXPECT_EQ(refused_field(kCustomSend, m), "text.content");
  m = message("news");
  m.news = NewsContent{{{"t", "", "http://u", ""}, {"t", "", "http://u", ""}}};
  EXPECT_EQ(refused_field(kCustomSend, m), "news.articles");
  EXPECT_EQ(refused_field(kCustomSend, message("poem")), "msgtype");
}

TEST_F(Messages, RefusalsOfTheWindowConcernThisPersonOnly) {
  CustomSendAsk m = message("text");
  m.text = {"x"};
  for (const std::int64_t code : {45015, 45047, 43004, 40003}) {
    refuses(code);
    const auto outcome = ask(kCustomSend, m);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().error_class, ErrorClass::kUser) << code;
  }
  for (const std::int64_t code : {45072, 45080, 45081}) {
    refuses(code);
    EXPECT_EQ(ask(kTyping, {"oA"}).error().error_class, ErrorClass::kIgnore) << code;
  }
  EXPECT_EQ(refused_field(kTyping, {"oA", "Sleeping"}), "command");
}

TEST_F(Messages, SubscribeMessagesHaveTheirValues) {
  SubscribeBizAsk m{
      "oA", "TPL", "http://u", std::nullopt, {{"thing1", {"订单"}}, {"time2", {"15:01"}}}};
  ASSERT_TRUE(ask(kSubscribeBiz, m));
  EXPECT_EQ(sent("bizsend").body, R"({"touser":"oA","template_id":"TPL","page":"http://u","data":)"
                                  R"({"thing1":{"value":"订单"},"time2":{"value":"15:01"}}})");
  m.data["thing1"].value = repeated("好", 21);
  EXPECT_EQ(refused_field(kSubscribeBiz, m), "data.thing1");
  m.data["thing1"].value = "";
  EXPECT_EQ(refused_field(kSubscribeBiz, m), "data.thing1.value");
  m.data.clear();
  EXPECT_EQ(refused_field(kSubscribeBiz, m), "data");
  SubscribeAsk mini{"oA", "TPL", "pages/a", "formal", "zh_CN", {}};
  mini.data["number1"].value = "12.5";
  EXPECT_EQ(refused_field(kSubscribe, mini), "");
  mini.miniprogram_state = "secret";
  EXPECT_EQ(refused_field(kSubscribe, mini), "miniprogram_state");
  refuses(43101);
  m.data["thing1"].value = "x";
  EXPECT_EQ(ask(kSubscribeBiz, m).error().error_class, ErrorClass::kUser);
}

TEST_F(Messages, ValuesByTheTypeInTheirKeyword) {
  const Policy policy;
  const auto is_good = [&](std::string_view keyword, std::string_view value) {
    return check_template_value(policy, keyword, value).has_value();
  };
  const std::pair<std::string_view, std::string_view> good[] = {
      {"thing1", "任意 abc 123!"},
      {"number2", "123.45"},
      {"letter1", "abcXYZ"},
      {"symbol1", "+-*/!"},
      {"character_string1", "A-1"},
      {"time1", "15:01"},
      {"time1", "2026年1月31日 15:01"},
      {"time1", "15:01~16:00"},
      {"date1", "2026年1月31日"},
      {"date1", "2026-01-31"},
      {"amount1", "¥100.50"},
      {"amount1", "100元"},
      {"phone_number1", "+86-0766-66888866"},
      {"car_number1", "粤A8Z888挂"},
      {"name1", "张三"},
      {"name1", "Alexander Smith"},
      {"phrase1", "配送中"},
      {"custom9", "whatever"}};
  for (const auto& [keyword, value] : good) EXPECT_TRUE(is_good(keyword, value)) << value;
  const std::pair<std::string_view, std::string_view> bad[] = {
      {"number2", "12a"},  {"number2", "1.2.3"},        {"letter1", "a1"},
      {"symbol1", "+a"},   {"symbol1", "+-*/!?"},       {"character_string1", "单号1"},
      {"time1", "明天"},   {"time1", "2026年"},         {"date1", "soon"},
      {"amount1", "free"}, {"amount1", "12345678901"},  {"phone_number1", "CALL ME"},
      {"phrase1", "ok"},   {"phrase1", "正在配送途中"}, {"name1", "一二三四五六七八九十一"},
      {"thing1", "a\nb"},  {"thing1", "\xff"},          {"", "x"},
      {"thing 1", "x"}};
  for (const auto& [keyword, value] : bad) EXPECT_FALSE(is_good(keyword, value)) << value;
}

TEST_F(Messages, TemplatesOfSubscribeMessages) {
  answers(R"({"errcode":0,"priTmplId":"9Aw5"})");
  EXPECT_EQ(ask(kSubscribeTemplateAdd, {"401", {1, 2}, "测试"})->priTmplId, "9Aw5");
  EXPECT_EQ(sent("addtemplate").body, R"({"tid":"401","kidList":[1,2],"sceneDesc":"测试"})");
  EXPECT_EQ(refused_field(kSubscribeTemplateAdd, {"401", {1}, ""}), "kidList");
  EXPECT_EQ(refused_field(kSubscribeTemplateAdd, {"401", {1, 2, 3, 4, 5, 6}, ""}), "kidList");
  EXPECT_EQ(refused_field(kSubscribeTemplateAdd, {"401", {1, 2}, repeated("好", 16)}), "sceneDesc");
  answers(R"({"errcode":0,"data":[{"priTmplId":"9Aw5","title":"报名结果通知","content":"c",)"
          R"("example":"e","type":2,"keywordEnumValueList":[{"keywordCode":"phrase1",)"
          R"("enumValueList":["通过","失败"]}]}]})");
  const auto list = ask(kSubscribeTemplates, {});
  ASSERT_TRUE(list);
  EXPECT_EQ(list->data.at(0).keywordEnumValueList.at(0).enumValueList.at(1), "失败");
  answers(R"({"count":1,"data":[{"tid":99,"title":"付款成功通知","type":2,"categoryId":"616"}]})");
  EXPECT_EQ(ask(kSubscribeTitles, {"616", 0, 30})->data.at(0).tid, 99);
  EXPECT_EQ(sent("getpubtemplatetitles").url,
            "http://platform.test/wxaapi/newtmpl/getpubtemplatetitles?access_token=AT&ids=616"
            "&start=0&limit=30");
  EXPECT_EQ(refused_field(kSubscribeTitles, {"616", 0, 31}), "limit");
  answers(R"({"data":[{"kid":1,"name":"物品名称","example":"名称","rule":"thing"}]})");
  EXPECT_EQ(ask(kSubscribeKeywords, {"99"})->data.at(0).rule, "thing");
  for (const std::int64_t code : {200001, 200011, 200012, 200014, 200020, 200022, 200100}) {
    refuses(code);
    EXPECT_EQ(ask(kSubscribeTemplateAdd, {"401", {1, 2}, ""}).error().error_class,
              ErrorClass::kNever);
  }
}

TEST_F(Messages, AroundTemplatesAndMassSends) {
  answers(R"({"errcode":0,"template_id":"T"})");
  EXPECT_EQ(ask(kTemplateAdd, {"TM1", {"thing1"}})->template_id, "T");
  answers(R"({"primary_industry":{"first_class":"运输与仓储","second_class":"快递"},)"
          R"("secondary_industry":{"first_class":"IT科技","second_class":"互联网"}})");
  EXPECT_EQ(ask(kIndustryGet, {})->primary_industry.second_class, "快递");
  answers(R"({"msginfo":[{"id":1,"tmpl_msg_id":"x","title":"t","content":"c",)"
          R"("send_timestamp":2,"openid":"oA"}]})");
  EXPECT_EQ(ask(kTemplatesBlocked, {"x", 0, 10})->msginfo.at(0).openid, "oA");
  answers(R"({"speed":3,"realspeed":15})");
  EXPECT_EQ(ask(kMassSpeedGet, {})->realspeed, 15);
  EXPECT_EQ(refused_field(kMassSpeedSet, {5}), "speed");
  EXPECT_EQ(refused_field(kMassDelete, {}), "msg_id");
  ASSERT_TRUE(ask(kMassDelete, {.msg_id = 30124}));
  EXPECT_EQ(sent("mass/delete").body, R"({"msg_id":30124})");
  TemplateOnceAsk once{"oA", "T", "", "标题", 10'001, {}, {{"x"}}};
  EXPECT_EQ(refused_field(kTemplateOnce, once), "scene");
  once.scene = 10'000;
  once.title = repeated("题", 16);
  EXPECT_EQ(refused_field(kTemplateOnce, once), "title");
}

TEST_F(Messages, StaffAndTheirSessions) {
  ASSERT_TRUE(ask(kKfAdd, {"test1@test", "客服1"}));
  EXPECT_EQ(sent("kfaccount/add").body, R"({"kf_account":"test1@test","nickname":"客服1"})");
  EXPECT_EQ(refused_field(kKfAdd, {"test1@test", repeated("客", 17)}), "nickname");
  answers(R"({"kf_list":[{"kf_account":"a@b","kf_nick":"n","kf_id":"1001","kf_headimgurl":"u",)"
          R"("invite_wx":"w","invite_expire_time":123456789,"invite_status":"waiting"}]})");
  EXPECT_EQ(ask(kKfList, {})->kf_list.at(0).invite_status, "waiting");
  answers(
      R"({"kf_online_list":[{"kf_account":"a@b","status":1,"kf_id":"1001","accepted_case":2}]})");
  EXPECT_EQ(ask(kKfOnline, {})->kf_online_list.at(0).accepted_case, 2);
  answers(R"({"createtime":123456789,"kf_account":"a@b"})");
  EXPECT_EQ(ask(kKfSessionGet, {"oA"})->kf_account, "a@b");
  answers(R"({"count":150,"waitcaselist":[{"latest_time":123456789,"openid":"oA"}]})");
  EXPECT_EQ(ask(kKfWaiting, {})->waitcaselist.at(0).openid, "oA");
  answers(R"({"recordlist":[{"openid":"oA","opercode":2002,"text":"你好","time":1400563710,)"
          R"("worker":"a@b"}],"number":1,"msgid":20165267})");
  const auto records = ask(kKfRecords, {1'000, 2'000, 1, 10});
  ASSERT_TRUE(records);
  EXPECT_EQ(records->recordlist.at(0).opercode, 2002);
  EXPECT_EQ(records->msgid, 20'165'267);
  EXPECT_EQ(refused_field(kKfRecords, {1'000, 1'000 + 86'401, 1, 10}), "endtime");
  EXPECT_EQ(refused_field(kKfRecords, {1'000, 1'000, 1, 10}), "endtime");
  EXPECT_EQ(refused_field(kKfRecords, {1'000, 2'000, 1, 10'001}), "number");
  for (const std::int64_t code : {61451, 61457, 65400, 65401, 65405, 65407, 65415, 65417}) {
    refuses(code);
    const auto outcome = ask(kKfSessionCreate, {"a@b", "oA"});
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().error_class, ErrorClass::kNever) << code;
    EXPECT_EQ(outcome.error().message.find("未知错误"), std::string::npos) << code;
  }
}

}  // namespace
}  // namespace zhiyin::wechat
