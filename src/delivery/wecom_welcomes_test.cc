#include "delivery/wecom_welcomes.h"

#include <gtest/gtest.h>

#include <atomic>

#include "base/mutex.h"
#include "delivery/delivery_projection.h"
#include "delivery/test_state.h"
#include "http/await.h"

namespace zhiyin::delivery {
namespace {

using testing::at;
using testing::TestState;

const Instant kNoon = at("2026-03-10T12:00:00");

class Platform final : public wechat::PlatformApi {
 public:
  std::vector<std::string> bodies;
  std::optional<wechat::SendError> error;
  std::atomic<int> calls = 0;
  http::Task<wechat::Outcome<wechat::ApiAnswer>> perform(wechat::ApiAccount account,
                                                         Result<wechat::ApiCall> call) override {
    co_return perform_and_wait(account, std::move(call));
  }
  wechat::Outcome<wechat::ApiAnswer> perform_and_wait(const wechat::ApiAccount&,
                                                      Result<wechat::ApiCall> call) override {
    const MutexLock lock(mutex_);
    ++calls;
    bodies.push_back(call->body);
    if (error) return std::unexpected(*error);
    return wechat::ApiAnswer();
  }

 private:
  Mutex mutex_;
};

struct Corp : TestState {
  Corp() : vault(*storage::Vault::create(*state, Secret(std::string(32, 'k')))) {
    account.id = AccountId("corp");
    account.kind = wechat::AccountKind::kWecom;
    account.token_kind = wechat::TokenKind::kWecom;
    account.reply_rules.welcome.type = wechat::ReplyType::kText;
    account.reply_rules.welcome.text = "您好，我是小李";
  }
  static wechat::Callback met(const std::string& key, const char* change = "add_external_contact") {
    wechat::Callback callback;
    callback.wecom = true;
    callback.account = AccountId("corp");
    callback.dedup_key = key;
    callback.fields = Json()
                          .set("ChangeType", change)
                          .set("ExternalUserID", "wmA")
                          .set("WelcomeCode", "CODE-" + key);
    return callback;
  }
  /// Greets and waits.
  void greet(std::vector<wechat::Callback> callbacks) {
    WecomWelcomes welcomes({*state, *vault, platform, clock, metrics, null_logger()});
    for (const wechat::Callback& callback : callbacks) welcomes.greet(account, callback);
  }
  std::vector<Touch> touches() {
    const IdentityHash who = vault->hash({"corp", "external_userid", "wmA"});
    std::vector<Touch> out;
    write([&](storage::Session& session) -> Result<void> {
      ZHIYIN_TRY(out, SendLedger::of_identities(session, std::span(&who, 1), 10));
      return {};
    });
    return out;
  }

  std::unique_ptr<storage::Vault> vault;
  SteppedClock clock{kNoon};
  MetricsRegistry metrics;
  Platform platform;
  wechat::Account account;
};

TEST(WecomWelcomes, ANewContactIsWelcomedOnceHoweverOftenTheCallbackComes) {
  Corp w;
  w.greet({Corp::met("a"), Corp::met("a")});
  w.greet({Corp::met("a")});  // another process, or the same one restarted
  ASSERT_EQ(w.platform.calls, 1);
  const Json body = *parse_json(w.platform.bodies[0]);
  EXPECT_EQ(body["welcome_code"].string_or(""), "CODE-a");
  EXPECT_EQ(body["text"]["content"].string_or(""), "您好，我是小李");
  const auto touches = w.touches();
  ASSERT_EQ(touches.size(), 1U);
  EXPECT_EQ(touches[0].state, TouchState::kSent);
  EXPECT_EQ(touches[0].channel, ChannelKind::kWecomWelcome);
  w.greet({Corp::met("b", "msg_audit_approved")});
  EXPECT_EQ(w.platform.calls, 2) << "another event, another code";
}

TEST(WecomWelcomes, OnlyEventsWithACodeAndAccountsWithAWelcome) {
  Corp w;
  wechat::Callback without = Corp::met("a");
  without.fields.set("WelcomeCode", "");
  wechat::Callback official = Corp::met("b");
  official.wecom = false;
  w.greet({without, official, Corp::met("c", "del_follow_user")});
  w.account.reply_rules.welcome = {};
  w.greet({Corp::met("d")});
  EXPECT_EQ(w.platform.calls, 0);
  EXPECT_TRUE(w.touches().empty());
}

TEST(WecomWelcomes, WhatBecameOfItIsWrittenAndNothingIsRepeated) {
  Corp w;
  wechat::SendError e;
  e.errcode = 41051;
  e.error_class = wechat::ErrorClass::kUser;
  e.message = "对方已开始聊天";
  w.platform.error = e;
  w.greet({Corp::met("a")});
  w.platform.error->progress = http::SendProgress::kOutcomeUnknown;
  w.greet({Corp::met("b")});
  w.greet({Corp::met("a"), Corp::met("b")});
  EXPECT_EQ(w.platform.calls, 2);
  std::map<TouchState, int> states;
  for (const Touch& touch : w.touches()) ++states[touch.state];
  EXPECT_EQ(states[TouchState::kFailed], 1);
  EXPECT_EQ(states[TouchState::kUnknown], 1);
}

TEST(WecomWelcomes, AHeldAccountWelcomesNobody) {
  Corp w;
  wechat::SendError e;
  e.errcode = 48004;
  e.error_class = wechat::ErrorClass::kNever;
  w.platform.error = e;
  w.greet({Corp::met("a")});
  w.platform.error.reset();
  w.greet({Corp::met("b")});
  EXPECT_EQ(w.platform.calls, 1);
  EXPECT_EQ(w.touches().size(), 1U);
}

TEST(WecomWelcomes, EveryKindOfWelcomeBecomesTheCompanysOwn) {
  wechat::Reply news;
  news.type = wechat::ReplyType::kNews;
  news.articles = {{"新品", "本周", "https://a.example/1", "https://a.example/1.jpg"}};
  const auto card = welcome_message(news, "C");
  ASSERT_TRUE(card);
  ASSERT_EQ(card->attachments.size(), 1U);
  EXPECT_EQ(card->attachments[0].msgtype, "link");
  EXPECT_EQ(card->attachments[0].link->url, "https://a.example/1");
  wechat::Reply picture;
  picture.type = wechat::ReplyType::kImage;
  picture.media_id = "M";
  EXPECT_EQ(welcome_message(picture, "C")->attachments[0].image->media_id, "M");
  wechat::Reply music;
  music.type = wechat::ReplyType::kMusic;
  EXPECT_EQ(welcome_message(music, "C").error().code, ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace zhiyin::delivery
