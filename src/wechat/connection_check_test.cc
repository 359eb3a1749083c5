#include "wechat/connection_check.h"

#include <gtest/gtest.h>

#include "base/log.h"
#include "wechat/callback.h"

namespace zhiyin::wechat {
namespace {

constexpr Instant kNow{784'111'777'000'000};  // 1994-11-06T08:49:37Z

Outcome<Secret> refused(std::int64_t errcode, std::string message) {
  SendError e;
  e.errcode = errcode;
  e.message = std::move(message);
  return std::unexpected(e);
}

TEST(ConnectionCheck, TheAddressThatThePlatformSawIsFound) {
  EXPECT_EQ(seen_address("invalid ip 1.2.3.4 ipv6 ::ffff:1.2.3.4, not in whitelist rid: 6-7"),
            "1.2.3.4");
  EXPECT_EQ(seen_address("not allow to access from your ip, hint: [16], from ip: 203.0.113.9, "
                         "more info at https://open.work.weixin.qq.com"),
            "203.0.113.9");
  EXPECT_EQ(seen_address("invalid ip 2001:db8::1, not in whitelist"), "2001:db8::1");
  EXPECT_EQ(seen_address("invalid ip list"), "");
  EXPECT_EQ(seen_address(""), "");
}

TEST(ConnectionCheck, ATokenThatCannotBeHadNamesCauseAndRemedy) {
  EXPECT_TRUE(token_finding(Secret("AT")).ok);
  const auto address =
      token_finding(refused(40164, "token：IP 不在白名单（errcode 40164：invalid ip 1.2.3.4）"));
  EXPECT_FALSE(address.ok);
  EXPECT_NE(address.detail.find("1.2.3.4"), std::string::npos);
  EXPECT_NE(address.advice.find("IP 白名单"), std::string::npos);
  EXPECT_NE(token_finding(refused(40125, "x")).advice.find("AppSecret"), std::string::npos);
  EXPECT_NE(token_finding(refused(0, "x")).advice.find("base_url"), std::string::npos);
  EXPECT_FALSE(token_finding(refused(99999, "x")).advice.empty());
}

TEST(ConnectionCheck, TheClockIsComparedWithTheDateHeader) {
  const auto ahead = [](std::string date) {
    return clock_ahead({{"date", std::move(date)}}, kNow);
  };
  EXPECT_EQ(ahead("Sun, 06 Nov 1994 08:49:37 GMT"), Duration(0));
  EXPECT_EQ(ahead("Sun, 06 Nov 1994 08:39:37 GMT"), Duration(std::chrono::minutes(10)));
  EXPECT_EQ(ahead("Mon, 07 Nov 1994 08:49:37 GMT"), -kDay);
  for (const char* wrong : {"", "yesterday", "Sun, 06 Nov 1994 08:49:37 CET",
                            "Sun, 06 Nix 1994 08:49:37 GMT", "Sun, xx Nov 1994 08:49:37 GMT"})
    EXPECT_FALSE(ahead(wrong)) << wrong;
  EXPECT_TRUE(clock_finding(std::nullopt).ok);
  EXPECT_TRUE(clock_finding(std::chrono::seconds(-30)).ok);
  const auto off = clock_finding(-std::chrono::minutes(10));
  EXPECT_FALSE(off.ok);
  EXPECT_NE(off.detail.find("慢 600 秒"), std::string::npos);
}

/// What the account's callback address answers to a query.
std::string echo_of(const Account& account, std::string_view query) {
  std::map<std::string, std::string, std::less<>> parameters;
  for (std::size_t at = 0; at < query.size();) {
    const std::size_t end = std::min(query.find('&', at), query.size());
    const std::string_view part = query.substr(at, end - at);
    const std::size_t equals = part.find('=');
    parameters[std::string(part.substr(0, equals))] =
        http::percent_decode(part.substr(equals + 1), false);
    at = end + 1;
  }
  const auto echo = verify_callback_url(*callback_rules(account), callback_query(parameters), kNow);
  return echo ? *echo : echo.error().error.message;
}

TEST(ConnectionCheck, TheProbeIsWhatThePlatformWouldSend) {
  Account account;
  account.id = AccountId("shop");
  account.app_id = "wx0123456789abcdef";
  account.token = Secret("tOkEn");
  account.mode = CallbackMode::kPlain;
  EXPECT_EQ(echo_of(account, callback_probe(account, "echo", kNow).value_or("")), "echo");
  account.kind = AccountKind::kWecom;
  EXPECT_FALSE(callback_probe(account, "echo", kNow)) << "there is no key to encrypt it with";
  account.encoding_aes_key = Secret("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG");
  const auto sealed = callback_probe(account, "echo", kNow);
  ASSERT_TRUE(sealed);
  EXPECT_EQ(sealed->find("=echo"), std::string::npos);
  EXPECT_EQ(echo_of(account, *sealed), "echo");
  account.token = {};
  EXPECT_FALSE(callback_probe(account, "echo", kNow));
}

TEST(ConnectionCheck, WhatThePlatformSeesOfTheAddress) {
  CallbackFindings seen;
  EXPECT_FALSE(reach_finding(seen).ok);  // no address for the name
  seen.dns = {{"203.0.113.9", "UNICOM"}};
  seen.ping = {{"203.0.113.9", "UNICOM", "100%", ""}};
  const auto quiet = reach_finding(seen);
  EXPECT_TRUE(quiet.ok) << "networks may keep pings out";
  EXPECT_NE(quiet.detail.find("203.0.113.9"), std::string::npos);
  EXPECT_NE(quiet.detail.find("ping"), std::string::npos);
  SendError error;
  error.errcode = 40201;
  EXPECT_FALSE(reach_finding(std::unexpected(error)).ok);
  error.errcode = 48001;
  EXPECT_TRUE(reach_finding(std::unexpected(error)).ok);
}

TEST(ConnectionCheck, APublicAddressIsOneThatStrangersReach) {
  for (const char* good : {"https://zy.example.com", "http://8.8.8.8", "https://a.example:443/x",
                           "https://[2001:db8::1]"})
    EXPECT_TRUE(public_address_finding(good).ok) << good;
  for (const char* wrong :
       {"http://127.0.0.1:8080", "https://localhost", "http://192.168.1.2", "http://172.20.0.1",
        "https://zy.example.com:8443", "zy.example.com", "https://[::1]:443", ""})
    EXPECT_FALSE(public_address_finding(wrong).ok) << wrong;
}

TEST(ConnectionCheck, RefusedCallbacksTellWhichSettingIsWrong) {
  EXPECT_TRUE(mode_finding(CallbackMode::kSecure, {}).ok);
  const std::pair<RefusedCallbacks, std::string_view> expected[] = {
      {{.downgrade = 2}, "安全模式"},
      {{.no_key = 1}, "EncodingAESKey"},
      {{.encryption = 1}, "EncodingAESKey"},
      {{.receiver = 1}, "original_id"},
      {{.timestamp = 3}, "系统时间"}};
  for (const auto& [refused, word] : expected) {
    const auto found = mode_finding(CallbackMode::kSecure, refused);
    EXPECT_FALSE(found.ok) << word;
    EXPECT_NE(found.advice.find(word), std::string::npos) << found.advice;
  }
}

TEST(ConnectionCheck, WhatStrangersSendSaysNothingUnlessNothingGoodCame) {
  const auto mode = mode_finding(CallbackMode::kSecure, {.signature = 3});
  EXPECT_TRUE(mode.ok);
  EXPECT_NE(mode.detail.find('3'), std::string::npos);
  EXPECT_TRUE(seen_finding(Instant{1}, 3).ok);
  EXPECT_NE(seen_finding({}, 3).advice.find("Token"), std::string::npos);
  EXPECT_EQ(seen_finding({}, 0).advice.find("Token"), std::string::npos);
  EXPECT_FALSE(seen_finding({}, 0).ok);
}

}  // namespace
}  // namespace zhiyin::wechat
