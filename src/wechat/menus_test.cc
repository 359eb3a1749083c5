#include "wechat/menus.h"

#include "wechat/pages.h"
#include "wechat/qr.h"
#include "wechat/test_platform.h"
#include "wechat/web_login.h"

namespace zhiyin::wechat {
namespace {

using MenuCalls = PlatformTest;
using QrCalls = PlatformTest;
using WebLogin = PlatformTest;

MenuButton click(std::string name, std::string key) {
  MenuButton b;
  b.type = "click";
  b.name = std::move(name);
  b.key = std::move(key);
  return b;
}
SubButton view(std::string name, std::string url) {
  SubButton b;
  b.type = "view";
  b.name = std::move(name);
  b.url = std::move(url);
  return b;
}

TEST_F(MenuCalls, AMenuIsRawUtf8WithoutWhatIsEmpty) {
  MenuButton more;
  more.name = "更多";
  more.sub_button = {view("搜索", "http://a")};
  ASSERT_TRUE(ask(kMenuCreate, {{click("今日歌曲", "V1"), more}}));
  EXPECT_EQ(
      sent("menu/create").body,
      R"({"button":[{"type":"click","name":"今日歌曲","key":"V1"},{"name":"更多","sub_button":)"
      R"([{"type":"view","name":"搜索","url":"http://a"}]}]})");
}

TEST_F(MenuCalls, BoundsAndTypes) {
  const auto refused = [&](MenuButton b) { return refused_field(kMenuCreate, {{std::move(b)}}); };
  EXPECT_EQ(refused(click("一二三四五", "k")), "");
  EXPECT_EQ(refused(click("一二三四五a!", "k")), "button[0].name");  // 17 bytes
  EXPECT_EQ(refused(click("a", std::string(129, 'k'))), "button[0].key");
  EXPECT_EQ(refused(click("a", "")), "button[0].key");
  MenuButton b = click("a", "k");
  b.url = "http://u";
  EXPECT_EQ(refused(b), "button[0].url");
  b = click("a", "k");
  b.type = "view_limited";
  EXPECT_EQ(refused(b), "button[0].type");
  b = click("a", "k");
  b.sub_button = {view("x", "http://a")};
  EXPECT_EQ(refused(b), "button[0].type");
  b.type.clear();
  b.sub_button = std::vector(6, view("x", "http://a"));
  EXPECT_EQ(refused(b), "button[0].sub_button");
  b.sub_button = {view("x", "javascript:1")};
  EXPECT_EQ(refused(b), "button[0].sub_button[0].url");
  b.sub_button = {view("x", "")};
  EXPECT_EQ(refused(b), "button[0].sub_button[0].url");
  b.sub_button = {view(std::string(61, 'x'), "http://a")};
  EXPECT_EQ(refused(b), "button[0].sub_button[0].name");
  EXPECT_EQ(refused_field(kMenuCreate, {std::vector(4, click("a", "k"))}), "button");
  EXPECT_EQ(refused_field(kMenuCreate, {}), "button");
  SubButton page = view("p", "http://fallback");
  page.type = "miniprogram";
  b.sub_button = {page};
  EXPECT_EQ(refused(b), "button[0].sub_button[0].appid");
  b.sub_button[0].appid = "wx1";
  b.sub_button[0].pagepath = "pages/a";
  EXPECT_EQ(refused(b), "");
}

TEST_F(MenuCalls, ConditionalMenusAreAddedReadAndTried) {
  answers(R"({"menuid":"208379533"})");
  const auto made = ask(kMenuConditionalAdd, {{click("a", "k")}, {"2", "1"}});
  ASSERT_TRUE(made);
  EXPECT_EQ(made->menuid, "208379533");
  EXPECT_EQ(body("addconditional")["matchrule"]["tag_id"].string_or(""), "2");
  EXPECT_EQ(refused_field(kMenuConditionalAdd, {{click("a", "k")}, {}}), "matchrule");
  EXPECT_EQ(refused_field(kMenuConditionalAdd, {{click("a", "k")}, {"2", "4"}}),
            "matchrule.client_platform_type");
  answers(
      R"({"menu":{"button":[{"type":"click","name":"a","key":"k","sub_button":[]}],)"
      R"("menuid":208396938},"conditionalmenu":[{"button":[{"name":"m","sub_button":)"
      R"([{"type":"view","name":"v","url":"http://a"}]}],"matchrule":{"group_id":2,"tag_id":"2"},)"
      R"("menuid":208396993}]})");
  const auto menus = ask(kMenuGet, {});
  ASSERT_TRUE(menus);
  EXPECT_EQ(menus->menu.menuid, "208396938");
  EXPECT_EQ(menus->conditionalmenu.at(0).button.at(0).sub_button.at(0).url, "http://a");
  EXPECT_EQ(menus->conditionalmenu.at(0).matchrule->tag_id, "2");
  for (const std::int64_t code : {40015, 40028, 40054, 65301, 65317, 46003}) {
    refuses(code);
    const auto outcome = ask(kMenuDelete, {});
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().error_class, ErrorClass::kNever) << code;
    EXPECT_EQ(outcome.error().message.find("未知错误"), std::string::npos) << code;
  }
}

TEST_F(QrCalls, CodesForChannels) {
  answers(R"({"ticket":"gQH47joA==","expire_seconds":60,"url":"http://weixin.qq.com/q/x"})");
  const auto code = ask(kQrCreate, channel_code("门店-上海", std::chrono::hours(48)));
  ASSERT_TRUE(code);
  EXPECT_EQ(sent("qrcode/create").body,
            R"({"expire_seconds":172800,"action_name":"QR_STR_SCENE","action_info":)"
            R"({"scene":{"scene_str":"门店-上海"}}})");
  EXPECT_EQ(qr_picture_url(code->ticket),
            "https://mp.weixin.qq.com/cgi-bin/showqrcode?ticket=gQH47joA%3D%3D");
  ASSERT_TRUE(ask(kQrCreate, channel_code("a", std::nullopt)));
  EXPECT_EQ(sent("qrcode/create").body,
            R"({"action_name":"QR_LIMIT_STR_SCENE","action_info":{"scene":{"scene_str":"a"}}})");
}

TEST_F(QrCalls, BoundsOfScenes) {
  const auto refused = [&](std::string action, Scene scene, std::optional<std::int64_t> life = {}) {
    return refused_field(kQrCreate, {life, std::move(action), {std::move(scene)}});
  };
  EXPECT_EQ(refused("QR_SCENE", {.scene_id = 1}, 60), "");
  EXPECT_EQ(refused("QR_SCENE", {.scene_id = 1}, 59), "expire_seconds");
  EXPECT_EQ(refused("QR_SCENE", {.scene_id = 1}, 2'592'001), "expire_seconds");
  EXPECT_EQ(refused("QR_SCENE", {.scene_id = 0}), "action_info.scene.scene_id");
  EXPECT_EQ(refused("QR_SCENE", {.scene_id = 4'294'967'296}), "action_info.scene.scene_id");
  EXPECT_EQ(refused("QR_SCENE", {}), "action_info.scene.scene_id");
  EXPECT_EQ(refused("QR_LIMIT_SCENE", {.scene_id = 100'000}), "");
  EXPECT_EQ(refused("QR_LIMIT_SCENE", {.scene_id = 100'001}), "action_info.scene.scene_id");
  EXPECT_EQ(refused("QR_LIMIT_SCENE", {.scene_id = 1}, 60), "expire_seconds");
  EXPECT_EQ(refused("QR_STR_SCENE", {.scene_str = std::string(65, 'x')}),
            "action_info.scene.scene_str");
  EXPECT_EQ(refused("QR_STR_SCENE", {.scene_id = 1, .scene_str = "x"}), "action_info.scene");
  EXPECT_EQ(refused("QR_ANY", {.scene_id = 1}), "action_name");
  EXPECT_EQ(refused_field(kShorten, {std::string(4'097, 'x'), 60}), "long_data");
  answers(R"({"short_key":"K"})");
  EXPECT_EQ(ask(kShorten, {"x", 60})->short_key, "K");
}

TEST(Pages, StandAtAPlatformThatIsNotTencents) {
  const std::string url = "https://mp.weixin.qq.com/cgi-bin/showqrcode?ticket=T#a";
  EXPECT_EQ(page_at("https://sh.api.weixin.qq.com/", url), url);
  EXPECT_EQ(page_at("https://api.e.qq.com:443", url), url);
  EXPECT_EQ(page_at("http://127.0.0.1:8090/", url),
            "http://127.0.0.1:8090/cgi-bin/showqrcode?ticket=T#a");
  EXPECT_EQ(page_at("https://evilqq.com", url), "https://evilqq.com/cgi-bin/showqrcode?ticket=T#a");
}

TEST_F(WebLogin, AddressesHaveTheOrderOfParametersThatThePlatformWants) {
  EXPECT_EQ(*login_url(account_, "https://a.example/b?c=d", LoginScope::kProfile, "S1"),
            "https://open.weixin.qq.com/connect/oauth2/authorize?appid=wx0123456789abcdef"
            "&redirect_uri=https%3A%2F%2Fa.example%2Fb%3Fc%3Dd&response_type=code"
            "&scope=snsapi_userinfo&state=S1#wechat_redirect");
  EXPECT_NE(login_url(account_, "https://a.example", LoginScope::kQrLogin, "")
                ->find("/connect/qrconnect?appid="),
            std::string::npos);
  EXPECT_EQ(login_url(account_, "https://a", LoginScope::kBase, "a b").error().field, "state");
  EXPECT_EQ(
      login_url(account_, "https://a", LoginScope::kBase, std::string(129, 'a')).error().field,
      "state");
  EXPECT_EQ(login_url(account_, "a", LoginScope::kBase, "").error().field, "redirect_uri");
}

TEST_F(WebLogin, CodeForTokenForPerson) {
  answers(R"({"access_token":"UT","expires_in":7200,"refresh_token":"RT","openid":"oA",)"
          R"("scope":"snsapi_base","is_snapshotuser":1,"unionid":"u"})");
  const auto token = ask(kLoginToken, {"CODE"});
  ASSERT_TRUE(token);
  EXPECT_EQ(token->access_token.reveal(), "UT");
  EXPECT_TRUE(token->is_snapshotuser);
  EXPECT_EQ(sent("sns/oauth2/access_token").url,
            "http://platform.test/sns/oauth2/access_token?appid=wx0123456789abcdef"
            "&secret=the-secret&code=CODE&grant_type=authorization_code");
  EXPECT_EQ(platform_.count("stable_token"), 0U);  // the account's own token is not needed
  ASSERT_TRUE(ask(kLoginRefresh, {Secret("RT")}));
  EXPECT_EQ(sent("refresh_token").url,
            "http://platform.test/sns/oauth2/refresh_token?appid=wx0123456789abcdef"
            "&grant_type=refresh_token&refresh_token=RT");
  answers(R"({"openid":"oA","nickname":"n","privilege":["a"],"unionid":"u"})");
  EXPECT_EQ(ask(kLoginUser, {Secret("UT"), "oA", "zh_CN"})->nickname, "n");
  EXPECT_EQ(sent("sns/userinfo").url,
            "http://platform.test/sns/userinfo?access_token=UT&openid=oA&lang=zh_CN");
  for (const std::int64_t code : {40029, 40163, 42003, 40030, 42002}) {
    refuses(code);
    const auto refused = ask(kLoginToken, {"CODE"});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().error_class, ErrorClass::kNever) << code;
  }
}

TEST_F(WebLogin, ACodeIsUsedOnceSoAnUnknownOutcomeIsNotRepeated) {
  answers({answer_silence(http::SendProgress::kOutcomeUnknown)});
  EXPECT_FALSE(ask(kLoginToken, {"CODE"}));
  EXPECT_EQ(platform_.count("sns/oauth2"), 1U);
}

TEST_F(WebLogin, TicketsAreKeptAndRenewedInTime) {
  answers({answer_json(R"({"errcode":0,"errmsg":"ok","ticket":"T1","expires_in":7200})"),
           answer_json(R"({"errcode":0,"errmsg":"ok","ticket":"T2","expires_in":7200})")});
  JsTickets tickets(client_, clock_);
  EXPECT_EQ(tickets.get(account_)->reveal(), "T1");
  const auto config = tickets.config(account_, "http://a.example/p?x=1#top");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->appId, account_.app_id);
  EXPECT_EQ(config->signature.size(), 40U);
  EXPECT_EQ(platform_.count("getticket"), 1U);
  ASSERT_TRUE(clock_.advance_to(clock_.now() + std::chrono::minutes(116)));
  EXPECT_EQ(tickets.get(account_)->reveal(), "T2");
  EXPECT_EQ(platform_.count("getticket"), 2U);
}

}  // namespace
}  // namespace zhiyin::wechat
