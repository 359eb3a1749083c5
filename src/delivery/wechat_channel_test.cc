#include "delivery/wechat_channel.h"

#include <gtest/gtest.h>

#include <set>

#include "delivery/wechat_senders.h"

namespace zhiyin::delivery {
namespace {

wechat::SendError error_of(std::int64_t errcode) {
  const wechat::PlatformError& line = wechat::platform_error(errcode);
  wechat::SendError error;
  error.code = line.code;
  error.errcode = errcode;
  error.error_class = line.error_class;
  if (line.retry_after_seconds > 0)
    error.retry_after = std::chrono::seconds(line.retry_after_seconds);
  return error;
}

TEST(WechatChannel, KnowsWhatAnErrorMeansForTheTouch) {
  EXPECT_EQ(outcome_of(error_of(43004)).kind, OutcomeKind::kFailedRecipient);  // not following
  EXPECT_EQ(outcome_of(error_of(45015)).kind, OutcomeKind::kFailedRecipient);  // window closed
  EXPECT_EQ(outcome_of(error_of(48001)).kind, OutcomeKind::kRefused);          // not authorised
  EXPECT_EQ(outcome_of(error_of(40037)).kind, OutcomeKind::kRefused);          // template id
  EXPECT_EQ(outcome_of(error_of(45028)).kind, OutcomeKind::kQuota);            // mass sends used up
  EXPECT_EQ(outcome_of(error_of(45009)).kind, OutcomeKind::kQuota);        // day's calls used up
  EXPECT_EQ(outcome_of(error_of(45066)).kind, OutcomeKind::kFailedRetry);  // repeated too soon
  EXPECT_EQ(outcome_of(error_of(45066)).retry_after, std::chrono::seconds(60));
}

TEST(WechatChannel, ALimitPerMinuteIsWaitedForAndNotTheDay) {
  const Outcome outcome = outcome_of(error_of(45011));
  EXPECT_EQ(outcome.kind, OutcomeKind::kFailedRetry);
  EXPECT_EQ(outcome.retry_after, std::chrono::seconds(60));
}

TEST(WechatChannel, AnUnknownOutcomeStaysUnknownWhateverItsClass) {
  wechat::SendError error = error_of(-1);
  error.progress = http::SendProgress::kOutcomeUnknown;
  EXPECT_EQ(outcome_of(error).kind, OutcomeKind::kUnknown);
  error.progress = http::SendProgress::kNothingSent;
  EXPECT_EQ(outcome_of(error).kind, OutcomeKind::kFailedRetry);
}

TEST(WechatSenders, TheGateGetsTheAccountsOwnPolicy) {
  wechat::Account account;
  account.id = AccountId("shop");
  account.verified = true;
  account.policy.quiet_from = "21:00";
  account.policy.quiet_until = "09:00";
  account.policy.touches_per_day = 2;
  account.policy.mass_calls_per_day = 7;
  account.policy.customer_service_windows["message"] = {9, std::chrono::hours(1)};
  const auto sender = sender_of(account);
  ASSERT_TRUE(sender) << sender.error().text();
  EXPECT_TRUE(sender->is_service);
  EXPECT_TRUE(sender->is_verified);
  EXPECT_TRUE(sender->rules.quiet.contains(*parse_time("2026-03-10T21:00:00", TimeZone::shanghai()),
                                           sender->rules.zone));
  EXPECT_EQ(sender->rules.per_day.limit(), 2U);
  EXPECT_EQ(sender->rules.calls_per_day.at(ChannelKind::kMass), 7);
  EXPECT_EQ(sender->rules.cs_allowance.at(CsTrigger::kMessage).messages, 9);
}

TEST(WechatSenders, TheDefaultsOfTheGateAreThoseOfThePolicy) {
  const auto sender = sender_of({});
  ASSERT_TRUE(sender) << sender.error().text();
  const GateRules defaults;
  EXPECT_EQ(sender->rules.calls_per_day, defaults.calls_per_day);
  EXPECT_EQ(sender->rules.template_chars_max, defaults.template_chars_max);
  EXPECT_EQ(sender->rules.text_bytes_max, defaults.text_bytes_max);
  EXPECT_EQ(sender->rules.per_month.limit(), defaults.per_month.limit());
  for (const auto& [trigger, allowance] : defaults.cs_allowance) {
    EXPECT_EQ(sender->rules.cs_allowance.at(trigger).messages, allowance.messages);
    EXPECT_EQ(sender->rules.cs_allowance.at(trigger).validity, allowance.validity);
  }
}

TEST(WechatSenders, AnAccountHasTheBudgetsOfItsKindOnly) {
  const auto channels = [](wechat::AccountKind kind) {
    wechat::Account account;
    account.kind = kind;
    std::set<ChannelKind> out;
    for (const auto& [channel, limit] : sender_of(account)->rules.calls_per_day)
      out.insert(channel);
    return out;
  };
  using wechat::AccountKind;
  using C = ChannelKind;
  EXPECT_EQ(channels(AccountKind::kMiniProgram), (std::set{C::kCustomerService, C::kSubscribe}));
  EXPECT_EQ(
      channels(AccountKind::kSubscription),
      (std::set{C::kMass, C::kMassPreview, C::kCustomerService, C::kSubscribe, C::kTemplateOnce}));
  EXPECT_EQ(channels(AccountKind::kWecom),
            (std::set{C::kWecomTask, C::kWecomMoment, C::kWecomMessage}));
  EXPECT_TRUE(channels(AccountKind::kAdvertiser).empty());
}

TEST(WechatSenders, ACapOfZeroIsRefusedWithItsField) {
  wechat::Account account;
  account.policy.touches_per_month = 0;
  const auto sender = sender_of(account);
  ASSERT_FALSE(sender);
  EXPECT_EQ(sender.error().field, "policy");
}

}  // namespace
}  // namespace zhiyin::delivery
