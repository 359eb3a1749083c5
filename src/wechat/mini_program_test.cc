#include "wechat/mini_program.h"

#include "wechat/diagnosis.h"
#include "wechat/insight.h"
#include "wechat/safety.h"
#include "wechat/test_platform.h"

namespace zhiyin::wechat {
namespace {

using MiniProgram = PlatformTest;
using Safety = PlatformTest;
using Insight = PlatformTest;
using Diagnosis = PlatformTest;

constexpr std::string_view kSharedData =
    "CiyLU1Aw2KjvrjMdj8YKliAjtP4gsMZMQmRzooG2xrDcvSnxIMXFufNstNGTyaGS9uT5geRa0W4oTOb1WT7f"
    "JlAC+oNPdbB+3hVbJSRgv+4lGOETKUQz6OYStslQ142dNCuabNPGBzlooOmB231qMM85d2/fV6ChevvXvQP8"
    "Hkue1poOFtnEtpyxVLW1zAo6/1Xx1COxFvrc2d7UL/lmHInNlxuacJXwu0fjpXfz/YqYzBIBzD6WUfTIF9GR"
    "HpOn/Hz7saL8xz+W//FRAUid1OksQaQx4CMs8LOddcQhULW4ucetDf96JcR3g0gfRK4PC7E/r7Z6xNrXd2UI"
    "eorGj5Ef7b1pJAYB6Y5anaHqZ9J6nKEBvB4DnNLIVWSgARns/8wR2SiRS7MNACwTyrGvt9ts8p12PKFdlqYT"
    "opNHR1Vf7XjfhQlVsAJdNiKdYmYVoKlaRv85IfVunYzO0IKXsyl7JCUjCpoG20f0a04COwfneQAGGwd5oa+T"
    "8yO5hzuyDb/XcxxmK01EpqOyuxINew==";

TEST_F(MiniProgram, SignInGivesASessionWhoseKeyStaysHere) {
  answers(R"({"session_key":"tiihtNczf5v6AKRyjwEUhQ==","openid":"oA","unionid":"u"})");
  const auto session = ask(kMiniLogin, {"CODE"});
  ASSERT_TRUE(session);
  EXPECT_EQ(session->session_key.reveal(), "tiihtNczf5v6AKRyjwEUhQ==");
  EXPECT_EQ(sent("jscode2session").url,
            "http://platform.test/sns/jscode2session?appid=wx0123456789abcdef&secret=the-secret"
            "&js_code=CODE&grant_type=authorization_code");
  const SessionAsk check = session_ask("oA", session->session_key);
  EXPECT_EQ(check.signature.size(), 64U);
  EXPECT_TRUE(ask(kSessionCheck, check));
  EXPECT_EQ(refused_field(kSessionCheck, {"oA", "short"}), "signature");
  refuses(40226);
  EXPECT_EQ(ask(kMiniLogin, {"CODE"}).error().error_class, ErrorClass::kUser);
}

TEST_F(MiniProgram, SharedDataDecryptsForItsMiniProgramOnly) {
  const Secret key("tiihtNczf5v6AKRyjwEUhQ==");
  const std::string_view iv = "r7BXXKkLb8qrSNn05n0qiA==";
  const auto person = decrypt_user_data(key, iv, kSharedData, "wx4f4bc4dec97d474b");
  ASSERT_TRUE(person);
  EXPECT_EQ((*person)["openId"].string_or(""), "oGZUI0egBJY1zhBYw2KhdUfwVJJE");
  EXPECT_EQ((*person)["nickName"].string_or(""), "Band");
  EXPECT_EQ((*person)["unionId"].string_or(""), "ocMvos6NjeKLIBqg5Mr9QjxrP1FA");
  EXPECT_EQ(decrypt_user_data(key, iv, kSharedData, "wx1").error().code,
            ErrorCode::kPermissionDenied);
  EXPECT_FALSE(
      decrypt_user_data(Secret("AAAAAAAAAAAAAAAAAAAAAA=="), iv, kSharedData, "wx4f4bc4dec97d474b"));
  EXPECT_FALSE(decrypt_user_data(key, "", kSharedData, "wx4f4bc4dec97d474b"));
  EXPECT_FALSE(decrypt_user_data(key, iv, kSharedData.substr(4), "wx4f4bc4dec97d474b"));
  EXPECT_FALSE(decrypt_user_data(key, iv, "", "wx4f4bc4dec97d474b"));
}

TEST_F(MiniProgram, WhatTheMiniProgramSaysIsSigned) {
  const std::string_view raw =
      R"({"nickName":"Band","gender":1,"language":"zh_CN","city":"Guangzhou","province":"Guangdong","country":"CN","avatarUrl":"http://wx.qlogo.cn/mmopen/vi_32/1vZvI39NWFQ9XM4LtQpFrQJ1xlgZxx3w7bQxKARol6503Iuswjjn6nIGBiaycAjAtpujxyzYsrztuuICqIM5ibXQ/0"})";
  const Secret key("HyVFkGl5F5OQWJZZaNzBBg==");
  EXPECT_TRUE(raw_data_matches(raw, "75e81ceda165f4ffa64f4068af58c64b8f54b88c", key));
  EXPECT_FALSE(raw_data_matches(raw.substr(1), "75e81ceda165f4ffa64f4068af58c64b8f54b88c", key));
}

TEST_F(MiniProgram, PhoneNumbersAreSecret) {
  answers(R"({"errcode":0,"phone_info":{"phoneNumber":"+8613580006666",)"
          R"("purePhoneNumber":"13580006666","countryCode":86}})");
  const auto phone = ask(kPhoneNumber, {"CODE"});
  ASSERT_TRUE(phone);
  EXPECT_EQ(phone->phone_info.purePhoneNumber.reveal(), "13580006666");
  EXPECT_EQ(phone->phone_info.countryCode, "86");
  answers({answer_silence(http::SendProgress::kOutcomeUnknown)});
  EXPECT_FALSE(ask(kPhoneNumber, {"CODE"}));
  EXPECT_EQ(platform_.count("getuserphonenumber"), 2U);  // paid for, so not repeated
}

TEST_F(MiniProgram, CodesArePicturesOrErrors) {
  platform_.other = [](const auto&) {
    return http::ClientResponse{200, {{"Content-Type", "image/jpeg"}}, "JPEG"};
  };
  WxaCodeUnlimitedAsk code{.scene = "a=1&b=2"};
  EXPECT_EQ(ask(kWxaCodeUnlimited, code)->bytes, "JPEG");
  code.scene = std::string(33, 'a');
  EXPECT_EQ(refused_field(kWxaCodeUnlimited, code), "scene");
  code.scene = "门店";
  EXPECT_EQ(refused_field(kWxaCodeUnlimited, code), "scene");
  code.scene = "a%b";
  EXPECT_EQ(refused_field(kWxaCodeUnlimited, code), "scene");
  EXPECT_EQ(refused_field(kWxaCode, {.path = "p", .width = 279}), "width");
  EXPECT_EQ(refused_field(kWxaQrCode, {std::string(129, 'p'), {}}), "path");
  refuses(41030);
  EXPECT_EQ(ask(kWxaCode, {.path = "p"}).error().errcode, 41030);
  refuses(45029);
  EXPECT_EQ(ask(kWxaCode, {.path = "p"}).error().code, ErrorCode::kLimitReached);
}

TEST_F(MiniProgram, LinksSayWhenTheyEnd) {
  answers(R"({"errcode":0,"url_link":"https://wxaurl.cn/x"})");
  EXPECT_EQ(ask(kUrlLink, {.path = "p", .expire_type = 1, .expire_interval = 30})->url_link,
            "https://wxaurl.cn/x");
  EXPECT_EQ(refused_field(kUrlLink, {.expire_type = 1, .expire_interval = 31}), "expire_interval");
  EXPECT_EQ(refused_field(kUrlLink, {.expire_type = 1}), "expire_interval");
  EXPECT_EQ(refused_field(kScheme, {.expire_type = 0}), "expire_time");
  EXPECT_EQ(refused_field(kUrlLink, {.query = std::string(1'025, 'q')}), "query");
  answers(
      R"({"errcode":0,"url_link_info":{"appid":"wx1","path":"p","query":"","create_time":1,)"
      R"("expire_time":2,"env_version":"release"},"quota_info":{"remain_visit_quota":3000000}})");
  const auto query = ask(kUrlLinkQuery, {"https://wxaurl.cn/x", 1});
  ASSERT_TRUE(query);
  EXPECT_EQ(query->url_link_info->expire_time, 2);
  EXPECT_EQ(query->quota_info->remain_visit_quota, 3'000'000);
  EXPECT_EQ(refused_field(kMiniShortLink, {"p", "一二三四五六七八九十一二三四五六七八九十一", {}}),
            "page_title");
  for (const std::int64_t code : {44990, 44993}) {
    refuses(code);
    EXPECT_EQ(ask(kScheme, {}).error().error_class, ErrorClass::kQuota) << code;
    ASSERT_TRUE(clock_.advance_to(clock_.now() + std::chrono::seconds(1)));
  }
}

TEST_F(MiniProgram, ShippingOfAnOrder) {
  OrderUploadAsk order;
  order.order_key = {1, "", "M1", "T1"};
  order.shipping_list = {{"SF1", "SF", "毛巾"}};
  order.upload_time = "2026-01-01T08:00:00.000+08:00";
  order.payer.openid = "oA";
  EXPECT_EQ(refused_field(kOrderUpload, order), "");
  order.shipping_list.push_back({"SF2", "SF", "x"});
  EXPECT_EQ(refused_field(kOrderUpload, order), "shipping_list");
  order.delivery_mode = 2;
  EXPECT_EQ(refused_field(kOrderUpload, order), "");
  order.shipping_list[1].tracking_no.clear();
  EXPECT_EQ(refused_field(kOrderUpload, order), "shipping_list[1].tracking_no");
  order.logistics_type = 3;
  EXPECT_EQ(refused_field(kOrderUpload, order), "");
  order.upload_time = "soon";
  EXPECT_EQ(refused_field(kOrderUpload, order), "upload_time");
  order.order_key.order_number_type = 2;
  EXPECT_EQ(refused_field(kOrderUpload, order), "order_key.transaction_id");
}

TEST_F(Safety, TextsAreJudged) {
  answers(
      R"({"errcode":0,"errmsg":"ok","result":{"suggest":"risky","label":20001},"trace_id":"t",)"
      R"("detail":[{"strategy":"content_model","errcode":0,"suggest":"risky","label":20006,)"
      R"("prob":90},{"strategy":"keyword","errcode":0,"suggest":"pass","label":20006,"level":20,)"
      R"("keyword":"命中的关键词1"}]})");
  const auto check = ask(kTextCheck, {"oA", 2, "文字"});
  ASSERT_TRUE(check);
  EXPECT_EQ(check->result.suggest, "risky");
  EXPECT_EQ(check->detail.at(1).keyword, "命中的关键词1");
  EXPECT_EQ(body("msg_sec_check")["version"].int_or(0), 2);
  EXPECT_EQ(refused_field(kTextCheck, {"oA", 0, "x"}), "scene");
  EXPECT_EQ(refused_field(kTextCheck, {"oA", 5, "x"}), "scene");
  EXPECT_EQ(refused_field(kTextCheck, {"oA", 2, ""}), "content");
  EXPECT_EQ(refused_field(kTextCheck, {"oA", 2, std::string(2'501, 'x')}), "content");
  answers(R"({"errcode":0,"errmsg":"ok","trace_id":"967e945cd8a3e458f3c74dcb886068e9"})");
  EXPECT_EQ(ask(kMediaCheck, {"http://a/b.png", 2, 2, 1, "oA"})->trace_id.size(), 32U);
  EXPECT_EQ(refused_field(kMediaCheck, {"http://a/b.png", 3, 2, 1, "oA"}), "media_type");
  answers(R"({"errcode":0,"risk_rank":3,"unoin_id":5258})");
  EXPECT_EQ(ask(kUserRisk, {"wx1", "oA", 1, "127.0.0.1"})->risk_rank, 3);
  for (const std::int64_t code : {61010, 87014, 40129, 43104, 44002}) {
    refuses(code);
    EXPECT_EQ(ask(kTextCheck, {"oA", 2, "x"}).error().error_class, ErrorClass::kNever) << code;
  }
}

TEST_F(Safety, FourThousandChecksAMinute) {
  answers(R"({"errcode":0,"result":{"suggest":"pass","label":100},"trace_id":"t"})");
  for (int i = 0; i < 4'000; ++i) ASSERT_TRUE(ask(kTextCheck, {"oA", 2, "x"}));
  const auto more = ask(kTextCheck, {"oA", 2, "x"});
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code, ErrorCode::kLimitReached);
  EXPECT_EQ(platform_.count("msg_sec_check"), 4'000U);
}

TEST_F(Insight, EveryReportHasItsLongestSpan) {
  // name of a report, days it may span
  const auto refused = [&](const auto& method, std::string begin, std::string end) {
    return refused_field(method, {std::move(begin), std::move(end)});
  };
  EXPECT_EQ(refused(kUserSummary, "2025-12-01", "2025-12-07"), "");
  EXPECT_EQ(refused(kUserSummary, "2025-12-01", "2025-12-08"), "end_date");
  EXPECT_EQ(refused(kUserSummary, "2025-12-02", "2025-12-01"), "end_date");
  EXPECT_EQ(refused(kUserSummary, "2025-12-32", "2025-12-01"), "begin_date");
  EXPECT_EQ(refused(kUserSummary, "20251201", "2025-12-01"), "begin_date");
  EXPECT_EQ(refused(kUserSummary, "", "2025-12-01"), "begin_date");
  EXPECT_EQ(refused(kArticleSummary, "2025-12-01", "2025-12-02"), "end_date");
  EXPECT_EQ(refused(kUserRead, "2025-12-01", "2025-12-03"), "");
  EXPECT_EQ(refused(kUserRead, "2025-12-01", "2025-12-04"), "end_date");
  EXPECT_EQ(refused(kUpstreamDist, "2025-12-01", "2025-12-15"), "");
  EXPECT_EQ(refused(kUpstreamDist, "2025-12-01", "2025-12-16"), "end_date");
  EXPECT_EQ(refused(kBizSummary, "2025-12-01", "2025-12-30"), "");
  EXPECT_EQ(refused(kBizSummary, "2025-12-01", "2025-12-31"), "end_date");
  EXPECT_EQ(refused(kInterfaceHour, "2025-12-01", "2025-12-02"), "end_date");
  EXPECT_EQ(refused(kMiniVisits, "20251201", "20251201"), "");
  EXPECT_EQ(refused(kMiniVisits, "20251201", "20251202"), "end_date");
  EXPECT_EQ(refused(kMiniVisits, "2025-12-01", "2025-12-01"), "begin_date");
  EXPECT_EQ(refused(kMiniVisitsWeek, "20251201", "20251207"), "");  // a Monday
  EXPECT_EQ(refused(kMiniVisitsWeek, "20251202", "20251208"), "begin_date");
  EXPECT_EQ(refused(kMiniVisitsWeek, "20251201", "20251206"), "end_date");
  EXPECT_EQ(refused(kMiniPortrait, "20251201", "20251230"), "");
  EXPECT_EQ(refused(kMiniPortrait, "20251201", "20251202"), "end_date");
  EXPECT_EQ(refused(kMiniRetainedMonth, "20251101", "20251130"), "");
  EXPECT_EQ(refused(kMiniRetainedMonth, "20251101", "20251129"), "end_date");
  EXPECT_EQ(refused(kMiniRetainedMonth, "20251102", "20251130"), "begin_date");
}

TEST_F(Insight, ReportsEndYesterdayInShanghai) {
  answers(R"({"list":[{"ref_date":"2025-12-31","user_source":0,"new_user":"3","cancel_user":1}]})");
  // It is 2026-01-01 08:00 there.
  const auto report =
      report_and_wait(client_, account_, kUserSummary, {"2025-12-31", "2025-12-31"}, clock_.now());
  ASSERT_TRUE(report);
  EXPECT_EQ(report->list.at(0).new_user, 3);
  const auto today =
      report_and_wait(client_, account_, kUserSummary, {"2026-01-01", "2026-01-01"}, clock_.now());
  ASSERT_FALSE(today);
  EXPECT_TRUE(today.error().message.starts_with("end_date: 2026-01-01 is not over yet"));
  EXPECT_EQ(platform_.count("getusersummary"), 1U);
}

TEST_F(Insight, FiguresAreRead) {
  answers(R"({"list":[{"ref_date":"2025-12-31","msgid":"10000050_1","title":"t",)"
          R"("int_page_read_user":23676,"add_to_fav_count":9}]})");
  EXPECT_EQ(ask(kArticleSummary, {"2025-12-31", "2025-12-31"})->list.at(0).add_to_fav_count, 9);
  answers(R"({"list":[{"ref_date":"2025-12-31","msgid":"1_1","title":"t","details":)"
          R"([{"stat_date":"2025-12-31","target_user":261917,"int_page_read_user":23676}]}]})");
  EXPECT_EQ(ask(kArticleTotal, {"2025-12-31", "2025-12-31"})->list.at(0).details.at(0).target_user,
            261'917);
  answers(R"({"list":[{"ref_date":"2025-12-31","msgid":"1_1","detail":{"read_user":5,)"
          R"("read_user_source":[{"user_count":5,"scene_desc":"全部"}]}}],"is_delay":true})");
  const auto read = ask(kArticleRead, {"2025-12-31", "2025-12-31"});
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->is_delay);
  EXPECT_EQ(read->list.at(0).detail.read_user_source.at(0).scene_desc, "全部");
  answers(R"({"ref_date":"20251231","visit_uv_new":[{"key":0,"value":5464}],)"
          R"("visit_uv":[{"key":0,"value":55500}]})");
  EXPECT_EQ(ask(kMiniRetained, {"20251231", "20251231"})->visit_uv.at(0).value, 55'500);
  answers(R"({"ref_date":"20251225-20251231","visit_uv_new":{"province":[{"id":31,"name":"广东省",)"
          R"("value":215}]},"visit_uv":{}})");
  EXPECT_EQ(ask(kMiniPortrait, {"20251225", "20251231"})->visit_uv_new.at("province").at(0).value,
            215);
  for (const std::int64_t code : {61500, 61501}) {
    refuses(code);
    EXPECT_EQ(ask(kUserSummary, {"2025-12-31", "2025-12-31"}).error().error_class,
              ErrorClass::kNever);
  }
  answers({answer_json(R"({"errcode":61504,"errmsg":"busy"})"), answer_json(R"({"list":[]})")});
  EXPECT_TRUE(ask(kUserSummary, {"2025-12-31", "2025-12-31"}));
}

TEST_F(Diagnosis, QuotasRequestsAndOurCallback) {
  answers(R"({"errcode":0,"quota":{"daily_limit":10,"used":0,"remain":10},)"
          R"("rate_limit":{"call_count":20,"refresh_second":60}})");
  const auto limits = ask(kMethodQuota, {"/cgi-bin/message/custom/send"});
  ASSERT_TRUE(limits);
  EXPECT_EQ(limits->rate_limit->call_count, 20);
  answers(R"({"errcode":0,"request":{"invoke_time":1635156704,"cost_in_ms":30,"request_url":"u",)"
          R"("request_body":"","response_body":"b","client_ip":"127.0.0.1"}})");
  EXPECT_EQ(ask(kRid, {"61725984-6126f6f9-040f19c4"})->request.cost_in_ms, 30);
  // The platform keeps what was sent, tokens and all.
  answers(
      R"json({"errcode":0,"request":{"request_url":"access_token=50_Im7xxxx&lang=zh_CN",)json"
      R"json("request_body":"{\"appid\":\"wx1\",\"secret\" : \"s3cr3t\",\"force\":true}",)json"
      R"json("response_body":"{\"access_token\":\"51_new\",\"expires_in\":7200,\"phone_info\":)json"
      R"json({\"phoneNumber\":\"13580006666\"}}","client_ip":"1.1.1.1"}})json");
  const auto shown = client_.perform_and_wait(account_, prepare(kRid, account_.policy, {"r"}));
  ASSERT_TRUE(shown);
  const Json& request = shown->json["request"];
  EXPECT_EQ(request["request_url"].string_or(""), "access_token=***&lang=zh_CN");
  EXPECT_EQ(request["request_body"].string_or(""),
            R"({"appid":"wx1","secret" : "***","force":true})");
  EXPECT_EQ(request["response_body"].string_or(""),
            R"({"access_token":"***","expires_in":7200,"phone_info":{"phoneNumber":"***"}})");
  answers(R"({"dns":[{"ip":"127.0.0.1","real_operator":"UNICOM"}],"ping":[{"ip":"127.0.0.1",)"
          R"("from_operator":"UNICOM","package_loss":"0%","time":"23.079ms"}]})");
  EXPECT_EQ(ask(kCallbackCheck, {})->ping.at(0).package_loss, "0%");
  answers(R"({"ip_list":["127.0.0.1","127.0.0.0/24"]})");
  EXPECT_EQ(ask(kCallbackAddresses, {})->ip_list.size(), 2U);
  for (const std::int64_t code : {76001, 76004, 76021, 76022, 48006}) {
    refuses(code);
    EXPECT_EQ(ask(kRid, {"x"}).error().error_class, ErrorClass::kNever) << code;
  }
}

TEST_F(Diagnosis, ResettingBySecretNeedsNoTokenAndOpensWhatWasClosed) {
  refuses(45009);
  EXPECT_FALSE(ask(kApiAddresses, {}));
  answers(R"({"errcode":0,"ip_list":[]})");
  EXPECT_FALSE(ask(kApiAddresses, {}));
  platform_.token = [](const auto&) { return answer_json(R"({"errcode":45009})"); };
  EXPECT_TRUE(ask(kQuotaClearBySecret, {}));
  EXPECT_EQ(sent("clear_quota/v2").body,
            R"({"appid":"wx0123456789abcdef","appsecret":"the-secret"})");
  EXPECT_EQ(sent("clear_quota/v2").url, "http://platform.test/cgi-bin/clear_quota/v2");
  EXPECT_TRUE(ask(kApiAddresses, {}));
}

}  // namespace
}  // namespace zhiyin::wechat
