#include "wechat/client.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include "http/await.h"
#include "wechat/fake_platform.h"

namespace zhiyin::wechat {
namespace {

using http::SendProgress;
using std::chrono::milliseconds;

class ClientTest : public testing::Test {
 protected:
  OfficialAccountClient::Settings settings() {
    OfficialAccountClient::Settings s;
    s.base_url = "http://platform.test";
    s.sleep = [this](milliseconds d) { sleeps_.push_back(d); };
    return s;
  }
  /// Answers in turn; the last one for ever.
  void answers(std::vector<PlatformAnswer> list) {
    platform_.other = [list = std::move(list), at = std::size_t{0}](const auto&) mutable {
      return list[std::min(at++, list.size() - 1)];
    };
  }
  Json body_of(std::string_view path) {
    return parse_json(platform_.sent(path).at(0).body).value();
  }
  static CustomerServiceMessage hello() { return {"oAlice", std::string("你好\n世界"), false, ""}; }
  static MassMessage spring() {
    MassMessage m;
    m.text = "春季上新";
    m.client_msg_id = "spring-1";
    return m;
  }
  static TemplateMessage shipped() {
    TemplateMessage m;
    m.openid = "oAlice";
    m.template_id = "TPL";
    m.client_msg_id = "t-1";
    m.data = {{"thing1", "订单"}, {"time2", "2026-01-01 10:00"}};
    return m;
  }

  FakePlatform platform_;
  SteppedClock clock_{Instant{1'767'225'600'000'000}};
  MetricsRegistry metrics_;
  TokenKeeper tokens_{platform_, clock_, metrics_, null_logger(), "http://platform.test"};
  std::vector<milliseconds> sleeps_;
  OfficialAccountClient client_{platform_, tokens_, metrics_, null_logger(), settings()};
  ApiAccount account_ = test_account();
};

TEST_F(ClientTest, CustomerServiceTextIsRawUtf8WithTokenInTheQuery) {
  ASSERT_TRUE(client_.send_customer_service_and_wait(account_, hello()));
  const auto sent = platform_.sent("custom/send").at(0);
  EXPECT_EQ(sent.url, "http://platform.test/cgi-bin/message/custom/send?access_token=AT");
  EXPECT_NE(sent.body.find("你好"), std::string::npos);
  EXPECT_EQ(sent.body.find("\\u"), std::string::npos);
  const Json body = body_of("custom/send");
  EXPECT_EQ(body["touser"].string_or(""), "oAlice");
  EXPECT_EQ(body["msgtype"].string_or(""), "text");
  EXPECT_EQ(body["text"]["content"].string_or(""), "你好\n世界");
  EXPECT_EQ(body.find("aimsgcontext"), nullptr);
}

TEST_F(ClientTest, NewsAgentAndLabelOfGeneratedContent) {
  CustomerServiceMessage m{"oAlice", Article{"t", "d", "https://a.example", "https://p.example"},
                           true, "kf@gh"};
  ASSERT_TRUE(client_.send_customer_service_and_wait(account_, m));
  const Json body = body_of("custom/send");
  EXPECT_EQ(body["msgtype"].string_or(""), "news");
  ASSERT_EQ(body["news"]["articles"].if_array()->size(), 1U);
  EXPECT_EQ((*body["news"]["articles"].if_array())[0]["picurl"].string_or(""), "https://p.example");
  EXPECT_EQ(body["aimsgcontext"]["is_ai_msg"].int_or(0), 1);
  EXPECT_EQ(body["customservice"]["kf_account"].string_or(""), "kf@gh");
}

TEST_F(ClientTest, BaseUrlOfTheAccountWins) {
  account_.base_url = "https://sz.api.test/";
  ASSERT_TRUE(client_.send_customer_service_and_wait(account_, hello()));
  EXPECT_TRUE(
      platform_.sent("custom/send").at(0).url.starts_with("https://sz.api.test/cgi-bin/message"));
  EXPECT_TRUE(platform_.sent("stable_token")
                  .at(0)
                  .url.starts_with("https://sz.api.test/cgi-bin/stable_token"));
}

TEST_F(ClientTest, RefusedTokenIsReplacedOnceAndTheCallRepeatedOnce) {
  platform_.token = [n = 0](const auto&) mutable { return answer_token(fmt::format("AT{}", ++n)); };
  answers({answer_json(R"({"errcode":42001,"errmsg":"access_token expired"})"),
           answer_json(R"({"errcode":0})")});
  ASSERT_TRUE(client_.send_customer_service_and_wait(account_, hello()));
  const auto sent = platform_.sent("custom/send");
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_TRUE(sent[0].url.ends_with("access_token=AT1"));
  EXPECT_TRUE(sent[1].url.ends_with("access_token=AT2"));
  EXPECT_TRUE(sleeps_.empty());
}

TEST_F(ClientTest, SecondRefusalOfTheTokenIsFinal) {
  platform_.token = [n = 0](const auto&) mutable { return answer_token(fmt::format("AT{}", ++n)); };
  answers({answer_json(R"({"errcode":40001,"errmsg":"invalid credential rid: 64f1-12-ab"})")});
  const auto outcome = client_.followers_and_wait(account_, "");
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().errcode, 40001);
  EXPECT_EQ(outcome.error().rid, "64f1-12-ab");
  EXPECT_EQ(platform_.count("user/get"), 2U);
  EXPECT_EQ(platform_.count("stable_token"), 2U);
}

TEST_F(ClientTest, UnknownOutcomeOfACustomerServiceMessageIsNeverRepeated) {
  answers({answer_silence(SendProgress::kOutcomeUnknown, ErrorCode::kDeadline)});
  const auto outcome = client_.send_customer_service_and_wait(account_, hello());
  ASSERT_FALSE(outcome);
  EXPECT_TRUE(outcome.error().outcome_unknown());
  EXPECT_EQ(outcome.error().code, ErrorCode::kDeadline);
  EXPECT_EQ(outcome.error().error_class, ErrorClass::kTransport);
  EXPECT_EQ(platform_.count("custom/send"), 1U);
}

TEST_F(ClientTest, WhatWasCertainlyNotSentIsRepeatedAlsoForCustomerService) {
  answers({answer_silence(SendProgress::kNothingSent), answer_json("{}")});
  EXPECT_TRUE(client_.send_customer_service_and_wait(account_, hello()));
  EXPECT_EQ(platform_.count("custom/send"), 2U);
  EXPECT_EQ(sleeps_.size(), 1U);
}

TEST_F(ClientTest, BusyPlatformLeavesACustomerServiceMessageUnknown) {
  answers({answer_json(R"({"errcode":-1,"errmsg":"system error"})")});
  const auto outcome = client_.send_customer_service_and_wait(account_, hello());
  ASSERT_FALSE(outcome);
  EXPECT_TRUE(outcome.error().outcome_unknown());
  EXPECT_EQ(outcome.error().error_class, ErrorClass::kRetry);
  EXPECT_EQ(platform_.count("custom/send"), 1U);
}

TEST_F(ClientTest, BusyPlatformIsAskedAgainForIdempotentCallsWithGrowingPauses) {
  answers({answer_json(R"({"errcode":-1})"), answer_json(R"({"errcode":"-1"})"),
           answer_json(R"({"msgid":200228332})")});
  const auto id = client_.send_template_and_wait(account_, shipped());
  ASSERT_TRUE(id);
  EXPECT_EQ(*id, "200228332");
  ASSERT_EQ(sleeps_.size(), 2U);
  EXPECT_GE(sleeps_[0], milliseconds(150));
  EXPECT_LE(sleeps_[0], milliseconds(300));
  EXPECT_GE(sleeps_[1], milliseconds(300));
  EXPECT_LE(sleeps_[1], milliseconds(600));
}

TEST_F(ClientTest, AttemptsAndPausesAreBounded) {
  OfficialAccountClient::Settings s = settings();
  s.attempts_max = 12;
  s.backoff_max = milliseconds(1000);
  OfficialAccountClient patient(platform_, tokens_, metrics_, null_logger(), s);
  answers({answer_json(R"({"errcode":-1})")});
  EXPECT_FALSE(patient.followers_and_wait(account_, ""));
  EXPECT_EQ(platform_.count("user/get"), 12U);
  for (const milliseconds d : sleeps_) EXPECT_LE(d, milliseconds(1000));
}

TEST_F(ClientTest, MassSendOfUnknownOutcomeIsRepeatedWithTheSameIdAndAnsweredByTheFirst) {
  answers({answer_silence(SendProgress::kOutcomeUnknown, ErrorCode::kDeadline),
           answer_json(R"({"errcode":45065,"errmsg":"clientmsgid exist","msg_id":34182})")});
  const auto receipt = client_.mass_send_and_wait(account_, {"oA", "oB"}, spring());
  ASSERT_TRUE(receipt) << receipt.error().message;
  EXPECT_EQ(receipt->msg_id, "34182");
  EXPECT_TRUE(receipt->already_sent);
  const auto sent = platform_.sent("mass/send");
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(sent[0].body, sent[1].body);
}

TEST_F(ClientTest, EarlierUnknownOutweighsALaterClearRefusal) {
  answers({answer_silence(SendProgress::kOutcomeUnknown),
           answer_json(R"({"errcode":45028,"errmsg":"has no masssend quota"})")});
  const auto receipt = client_.mass_send_and_wait(account_, {"oA", "oB"}, spring());
  ASSERT_FALSE(receipt);
  EXPECT_EQ(receipt.error().errcode, 45028);
  EXPECT_TRUE(receipt.error().outcome_unknown());
}

TEST_F(ClientTest, ClearRefusalSaysThatNothingWasSent) {
  answers({answer_json(R"({"errcode":45028,"errmsg":"has no masssend quota"})")});
  const auto receipt = client_.mass_send_and_wait(account_, {"oA", "oB"}, spring());
  ASSERT_FALSE(receipt);
  EXPECT_EQ(receipt.error().error_class, ErrorClass::kQuota);
  EXPECT_FALSE(receipt.error().outcome_unknown());
  EXPECT_EQ(platform_.count("mass/send"), 1U);
}

TEST_F(ClientTest, AskedTooSoonIsTheCallersToRepeat) {
  answers({answer_json(R"({"errcode":45066,"errmsg":"retry too fast"})")});
  const auto receipt = client_.mass_send_and_wait(account_, {"oA", "oB"}, spring());
  ASSERT_FALSE(receipt);
  EXPECT_EQ(receipt.error().retry_after, std::chrono::seconds(60));
  EXPECT_TRUE(receipt.error().outcome_unknown());
  EXPECT_EQ(platform_.count("mass/send"), 1U);
}

TEST_F(ClientTest, RefusalsOfARecipientAreFinal) {
  for (const int code : {43004, 45015, 45047, 48002, 40003}) {
    answers({answer_json(fmt::format(R"({{"errcode":{},"errmsg":"x"}})", code))});
    const auto outcome = client_.send_customer_service_and_wait(account_, hello());
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().error_class, ErrorClass::kUser) << code;
    EXPECT_FALSE(outcome.error().outcome_unknown());
  }
  EXPECT_TRUE(sleeps_.empty());
}

TEST_F(ClientTest, AnErrcodeThatIsNoNumberIsNoSuccess) {
  for (const std::string_view body :
       {R"({"errcode":"busy"})", R"({"errcode":null})", R"({"errcode":[0]})"}) {
    platform_.other = [&](const auto&) { return answer_json(std::string(body)); };
    const auto outcome = client_.send_customer_service_and_wait(account_, hello());
    ASSERT_FALSE(outcome) << body;
    EXPECT_TRUE(outcome.error().outcome_unknown()) << body;
  }
}

TEST_F(ClientTest, GatewayErrorsAreUnknownAndRefusedRequestsAreNot) {
  answers({answer_json("<html>", 502)});
  EXPECT_TRUE(client_.send_customer_service_and_wait(account_, hello()).error().outcome_unknown());
  answers({answer_json("", 404)});
  EXPECT_FALSE(client_.send_customer_service_and_wait(account_, hello()).error().outcome_unknown());
  answers({answer_json("<html>login</html>")});
  EXPECT_TRUE(client_.send_customer_service_and_wait(account_, hello()).error().outcome_unknown());
  EXPECT_EQ(platform_.count("custom/send"), 3U);
}

TEST_F(ClientTest, TokenThatCannotBeFetchedMeansNothingWasSent) {
  platform_.token = [](const auto&) { return answer_silence(SendProgress::kOutcomeUnknown); };
  const auto outcome = client_.send_customer_service_and_wait(account_, hello());
  ASSERT_FALSE(outcome);
  EXPECT_FALSE(outcome.error().outcome_unknown());
  EXPECT_EQ(platform_.count("custom/send"), 0U);
  EXPECT_EQ(platform_.count("stable_token"), 3U);  // attempts of the call
}

TEST_F(ClientTest, InputOutOfBoundsIsRefusedBeforeAnythingIsSent) {
  const auto check = [&](const auto& outcome, std::string_view part) {
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, ErrorCode::kInvalidArgument);
    EXPECT_FALSE(outcome.error().outcome_unknown());
    EXPECT_NE(outcome.error().message.find(part), std::string::npos) << outcome.error().message;
  };
  CustomerServiceMessage m = hello();
  m.content = [] {
    std::string s;
    for (int i = 0; i < 683; ++i) s += "字";
    return s;
  }();  // 2049 bytes
  check(client_.send_customer_service_and_wait(account_, m), "2049 bytes");
  m.content = std::string("bell\x07");
  check(client_.send_customer_service_and_wait(account_, m), "control character");
  m.content = std::string("\xff");
  check(client_.send_customer_service_and_wait(account_, m), "UTF-8");
  m = hello();
  m.openid = "o Alice\"";
  check(client_.send_customer_service_and_wait(account_, m), "openid");
  m = hello();
  m.content = Article{"t", "", "javascript:alert(1)", ""};
  check(client_.send_customer_service_and_wait(account_, m), "url");
  check(client_.mass_send_and_wait(account_, {"oA"}, spring()), "openids");
  check(client_.mass_send_and_wait(account_, std::vector<std::string>(10'001, "oA"), spring()),
        "openids");
  MassMessage no_id = spring();
  no_id.client_msg_id.clear();
  check(client_.mass_send_and_wait(account_, {"oA", "oB"}, no_id), "client_msg_id");
  no_id.client_msg_id = std::string(65, 'x');
  check(client_.mass_send_and_wait(account_, {"oA", "oB"}, no_id), "client_msg_id");
  TemplateMessage t = shipped();
  t.data[0].second = "一二三四五六七八九十一二三四五六七八九十一";
  check(client_.send_template_and_wait(account_, t), "data.thing1");
  t = shipped();
  t.data[0].second = "two\nlines";
  check(client_.send_template_and_wait(account_, t), "data.thing1");
  check(client_.user_info_and_wait(account_, std::vector<std::string>(101, "oA")), "openids");
  EXPECT_EQ(platform_.count(""), 0U);
}

TEST_F(ClientTest, ThePolicyMovesTheBounds) {
  account_.policy.mass_openids_min = 1;
  account_.policy.template_value_chars_max["thing"] = 30;
  answers({answer_json(R"({"errcode":0,"msg_id":"1","msgid":"2"})")});
  EXPECT_TRUE(client_.mass_send_and_wait(account_, {"oA"}, spring()));
  TemplateMessage t = shipped();
  t.data[0].second = "一二三四五六七八九十一二三四五六七八九十一";
  EXPECT_TRUE(client_.send_template_and_wait(account_, t));
}

TEST_F(ClientTest, TemplateBody) {
  TemplateMessage t = shipped();
  t.url = "https://shop.example/o/1";
  t.mini_program = MiniProgramLink{"wxmini", "pages/o"};
  ASSERT_TRUE(client_.send_template_and_wait(account_, t));
  EXPECT_EQ(
      platform_.sent("template/send").at(0).body,
      R"({"touser":"oAlice","template_id":"TPL","url":"https://shop.example/o/1","miniprogram":{"appid":"wxmini","pagepath":"pages/o"},)"
      R"("client_msg_id":"t-1","data":{"thing1":{"value":"订单"},"time2":{"value":"2026-01-01 10:00"}}})");
}

TEST_F(ClientTest, MassBodies) {
  answers({answer_json(R"({"errcode":0,"errmsg":"ok","msg_id":34182,"msg_data_id":"206227730"})")});
  MassMessage news = spring();
  news.type = MassContentType::kNewsDraft;
  news.media_id = "M";
  const auto receipt = client_.mass_send_to_tag_and_wait(account_, 7, news);
  ASSERT_TRUE(receipt);
  EXPECT_EQ(receipt->msg_data_id, "206227730");
  EXPECT_FALSE(receipt->already_sent);
  EXPECT_EQ(
      platform_.sent("sendall").at(0).body,
      R"({"filter":{"is_to_all":false,"tag_id":7},"mpnews":{"media_id":"M"},"msgtype":"mpnews","send_ignore_reprint":0,"clientmsgid":"spring-1"})");
  ASSERT_TRUE(client_.mass_send_to_tag_and_wait(account_, {}, spring()));
  EXPECT_NE(platform_.sent("sendall").at(1).body.find(R"("filter":{"is_to_all":true})"),
            std::string::npos);
  ASSERT_TRUE(client_.mass_preview_and_wait(account_, "oAlice", spring()));
  EXPECT_EQ(platform_.sent("preview").at(0).body,
            R"({"touser":"oAlice","text":{"content":"春季上新"},"msgtype":"text"})");
}

TEST_F(ClientTest, StatusTemplatesAndQuota) {
  answers({answer_json(R"({"msg_id":201053012,"msg_status":"SEND_SUCCESS"})")});
  EXPECT_EQ(client_.mass_status_and_wait(account_, "201053012").value(), MassStatus::kSent);
  answers({answer_json(
      R"({"template_list":[{"template_id":"T1","title":"t","content":"c","example":"e"},{}]})")});
  const auto templates = client_.templates_and_wait(account_);
  ASSERT_TRUE(templates);
  EXPECT_EQ(templates->size(), 2U);
  EXPECT_EQ(templates->at(0).template_id, "T1");
  answers({answer_json(R"({"errcode":0,"quota":{"daily_limit":100,"used":"4","remain":96}})")});
  const auto quota = client_.quota_and_wait(account_, "/cgi-bin/message/mass/send");
  ASSERT_TRUE(quota);
  EXPECT_EQ(quota->used, 4);
  EXPECT_EQ(quota->remaining, 96);
}

TEST_F(ClientTest, FollowersAreVisitedPageByPageAndALastPageWithoutDataEndsIt) {
  platform_.other = [](const http::ClientRequest& r) {
    if (r.url.find("next_openid") == std::string::npos) {
      return answer_json(
          R"({"total":4,"count":2,"data":{"openid":["oA","oB"]},"next_openid":"oB"})");
    }
    if (r.url.ends_with("next_openid=oB"))
      return answer_json(R"({"total":4,"count":1,"data":{"openid":["oC"]},"next_openid":"oC"})");
    return answer_json(R"({"total":4,"count":0,"next_openid":""})");
  };
  std::vector<std::string> seen;
  const auto visited = each_follower_page(client_, account_, [&](const FollowerPage& page) {
    seen.insert(seen.end(), page.openids.begin(), page.openids.end());
    return true;
  });
  ASSERT_TRUE(visited);
  EXPECT_EQ(*visited, 3);
  EXPECT_EQ(seen, (std::vector<std::string>{"oA", "oB", "oC"}));
  EXPECT_EQ(platform_.count("user/get"), 3U);
}

TEST_F(ClientTest, PagesThatGoInACircleEnd) {
  answers({answer_json(R"({"total":100,"count":1,"data":{"openid":["oA"]},"next_openid":"oA"})"),
           answer_json(R"({"total":100,"count":1,"data":{"openid":["oB"]},"next_openid":"oB"})"),
           answer_json(R"({"total":100,"count":1,"data":{"openid":["oA"]},"next_openid":"oA"})")});
  const auto visited =
      each_follower_page(client_, account_, [](const FollowerPage&) { return true; });
  ASSERT_FALSE(visited);
  EXPECT_EQ(visited.error().code, ErrorCode::kInternal);
}

TEST_F(ClientTest, UserInfoIsReadLeniently) {
  answers({answer_json(R"({"user_info_list":[
    {"subscribe":1,"openid":"oA","language":"zh_CN","subscribe_time":"1434093047","unionid":"u1","remark":"","tagid_list":[128,2],
     "subscribe_scene":"ADD_SCENE_QR_CODE","qr_scene":98765,"qr_scene_str":""},
    {"subscribe":0,"openid":"oB"},{"oddity":1}]})")});
  const auto people = client_.user_info_and_wait(account_, {"oA", "oB"});
  ASSERT_TRUE(people);
  ASSERT_EQ(people->size(), 2U);
  EXPECT_TRUE(people->at(0).following);
  EXPECT_EQ(people->at(0).subscribed_at, Instant{1434093047LL * 1'000'000});
  EXPECT_EQ(people->at(0).qr_scene, "98765");
  EXPECT_EQ(people->at(0).tag_ids, (std::vector<std::int64_t>{128, 2}));
  EXPECT_FALSE(people->at(1).following);
  EXPECT_FALSE(people->at(1).subscribed_at);
  EXPECT_EQ(body_of("batchget")["user_list"].if_array()->size(), 2U);
}

TEST_F(ClientTest, CoroutinesDoTheSameAsBlockingCalls) {
  platform_.token = [n = 0](const auto&) mutable { return answer_token(fmt::format("AT{}", ++n)); };
  answers({answer_json(R"({"errcode":40014})"), answer_silence(SendProgress::kNothingSent),
           answer_json(R"({"errcode":0})")});
  boost::asio::io_context context;
  std::optional<Outcome<void>> outcome;
  const auto run = [&]() -> http::Task<void> {
    outcome = co_await client_.send_customer_service(account_, hello());
  };
  boost::asio::co_spawn(context, run(), boost::asio::detached);
  context.run();
  ASSERT_TRUE(outcome && outcome->has_value());
  EXPECT_EQ(platform_.count("custom/send"), 3U);
  EXPECT_EQ(platform_.count("stable_token"), 2U);
}

TEST_F(ClientTest, CallsPerSecondAreSpacedOut) {
  OfficialAccountClient::Settings s = settings();
  s.calls_per_second = 0.01;  // so slow that real time between the calls does not matter
  OfficialAccountClient paced(platform_, tokens_, metrics_, null_logger(), s);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(paced.send_customer_service_and_wait(account_, hello()));
  ASSERT_EQ(sleeps_.size(), 2U);
  EXPECT_GT(sleeps_[0], milliseconds(90'000));
  EXPECT_GT(sleeps_[1], milliseconds(190'000));
}

TEST_F(ClientTest, MetricsCountByMethodAndOutcome) {
  answers({answer_json(R"({"errcode":0})"), answer_silence(SendProgress::kOutcomeUnknown)});
  EXPECT_TRUE(client_.send_customer_service_and_wait(account_, hello()));
  EXPECT_FALSE(client_.send_customer_service_and_wait(account_, hello()));
  const std::string text = metrics_.text();
  EXPECT_NE(text.find(R"(zhiyin_wechat_calls_total{method="custom_send",outcome="ok"} 1)"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find(R"(zhiyin_wechat_calls_total{method="custom_send",outcome="unknown"} 1)"),
            std::string::npos);
}

TEST_F(ClientTest, NoSecretInMessages) {
  platform_.token = [](const auto&) { return answer_token("VERY-SECRET-TOKEN"); };
  answers({std::unexpected(http::ClientError{
      Error{ErrorCode::kInvalidArgument, "url: 'http://x?access_token=VERY-SECRET-TOKEN'", {}},
      SendProgress::kNothingSent})});
  const auto outcome = client_.send_customer_service_and_wait(account_, hello());
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().message.find("SECRET"), std::string::npos);
}

TEST_F(ClientTest, ARefusalThatRepeatsTheRequestIsToldWithoutItsSecrets) {
  platform_.token = [](const auto&) { return answer_token("VERY-SECRET-TOKEN"); };
  account_.app_secret = Secret("VERY-SECRET-SECRET");
  answers({answer_json(R"({"errcode":45015,"errmsg":"no: VERY-SECRET-TOKEN by VERY-SECRET-SECRET,)"
                       R"( VERY-SECRET-TOKEN"})")});
  const auto outcome = client_.send_customer_service_and_wait(account_, hello());
  ASSERT_FALSE(outcome);
  EXPECT_NE(outcome.error().message.find("no: *** by ***, ***"), std::string::npos)
      << outcome.error().message;
}

}  // namespace
}  // namespace zhiyin::wechat
