#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "sandbox/platform.h"

namespace zhiyin::sandbox {

inline const Instant kStart{1772294400LL * 1000000};  // 2026-03-01 00:00 in Shanghai

/// A platform with three accounts (verified service, verified subscription, unverified service)
/// that the same five people follow.
class PlatformTest : public testing::Test {
 protected:
  PlatformTest() : platform_(clock_, 1) {
    platform_.add(service_);
    subscription_.kind = AccountKind::kSubscription;
    platform_.add(subscription_);
    unverified_.verified = false;
    platform_.add(unverified_);
    for (int i = 0; i < 5; ++i) {
      platform_.follow(service_.app_id, openid(i), "u" + std::to_string(i), kStart - kDay,
                       "ADD_SCENE_SEARCH");
      platform_.follow(subscription_.app_id, openid(i), "u", kStart - kDay, "ADD_SCENE_SEARCH");
      platform_.follow(unverified_.app_id, openid(i), "u", kStart - kDay, "ADD_SCENE_SEARCH");
    }
  }

  static std::string openid(int i) { return "oPerson" + std::to_string(i); }

  Json get(const std::string& path, std::map<std::string, std::string, std::less<>> query) {
    return platform_.call({"GET", path, std::move(query), ""}).body;
  }
  Json post(const std::string& path, const std::string& token, std::string_view body) {
    return platform_.call({"POST", path, {{"access_token", token}}, std::string(body)}).body;
  }
  Json new_token(const SandboxAccount& account) {
    return get("/cgi-bin/token", {{"grant_type", "client_credential"},
                                  {"appid", account.app_id},
                                  {"secret", account.app_secret}});
  }
  Json stable_token(bool force = false) {
    Json body = Json::object();
    body.set("grant_type", "client_credential");
    body.set("appid", service_.app_id);
    body.set("secret", service_.app_secret);
    body.set("force_refresh", force);
    return post("/cgi-bin/stable_token", "", body.dump());
  }
  std::string token(const SandboxAccount& account) {
    return std::string(new_token(account)["access_token"].string_or(""));
  }
  std::string token() { return token(service_); }
  /// 0 when the token is good.
  std::int64_t use(const std::string& text) {
    return get("/cgi-bin/user/get", {{"access_token", text}})["errcode"].int_or(0);
  }
  static std::int64_t code(const Json& answer) { return answer["errcode"].int_or(0); }
  void pass(Duration d) { ASSERT_TRUE(clock_.advance_to(clock_.now() + d)); }
  std::string mass_body(const std::vector<int>& people, const std::string& client_id,
                        const std::string& text = "上新") {
    Json openids = Json::array();
    for (const int i : people) openids.push(openid(i));
    Json body = Json::object();
    body.set("touser", std::move(openids));
    body.set("msgtype", "text");
    body.set("text", Json(Json::Object{{"content", text}}));
    if (!client_id.empty()) body.set("clientmsgid", client_id);
    return body.dump();
  }
  std::string custom_body(int person, const std::string& text = "您好") {
    return fmt::format(
        R"({{"touser":"{}","msgtype":"text","text":{{"content":"{}"}},"aimsgcontext":{{"is_ai_msg":1}}}})",
        openid(person), text);
  }
  static std::string field_of(const CallbackMessage& message, std::string_view name) {
    for (const CallbackField& field : message.fields) {
      if (field.name == name) return field.value;
    }
    return {};
  }

  SteppedClock clock_{kStart};
  SandboxAccount service_ = demo_account(1);
  SandboxAccount subscription_ = demo_account(2);
  SandboxAccount unverified_ = demo_account(3);
  Platform platform_;
};

}  // namespace zhiyin::sandbox
