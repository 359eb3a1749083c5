#include "delivery/ledger_call_budget.h"

#include <gtest/gtest.h>

#include <set>

#include "delivery/quota_view.h"
#include "delivery/test_state.h"

namespace zhiyin::delivery {
namespace {

using testing::at;
using testing::TestState;

const Instant kNow = at("2026-03-10T12:00:00");
const AccountId kShop("shop");

wechat::MethodBudget budget(std::string_view method, std::int64_t limit) {
  wechat::MethodBudget out = wechat::budget_of({}, *wechat::find_endpoint(method));
  out.limit = limit;
  return out;
}
const wechat::MethodBudget kMenu = budget("menu_create", 25);

TEST(LedgerCallBudget, EveryBudgetHasANumberOfItsOwnAboveTheChannels) {
  std::set<std::string_view> names;
  std::set<ChannelKind> seen;
  for (const wechat::Endpoint& endpoint : wechat::endpoints())
    names.insert(wechat::budget_of({}, endpoint).name);
  for (const std::string_view name : names) {
    EXPECT_TRUE(seen.insert(channel_of_budget(name)).second) << name;
    EXPECT_GE(static_cast<int>(channel_of_budget(name)), 1 << 30);
  }
}

TEST(LedgerCallBudget, ProcessesShareADayToItsLastCall) {
  TestState w;
  LedgerCallBudget a(*w.state, {.process = "a", .chunk = 4});
  LedgerCallBudget b(*w.state, {.process = "b", .chunk = 4});
  const TimeZone zone = TimeZone::shanghai();
  std::int64_t taken = 0;
  for (int i = 0; i < 30; ++i) {
    for (LedgerCallBudget* one_of : {&a, &b, &b}) {
      const Result<bool> one = one_of->take(kShop, kMenu, kNow, zone);
      ASSERT_TRUE(one) << one.error().text();
      taken += *one ? 1 : 0;
    }
  }
  EXPECT_EQ(taken, 25);
  EXPECT_FALSE(*LedgerCallBudget(*w.state, {}).take(kShop, kMenu, kNow, zone))
      << "also after a restart";
  EXPECT_TRUE(*a.take(kShop, kMenu, kNow + std::chrono::hours(12), zone)) << "the next day";
  ASSERT_TRUE(a.forget(kShop));
  EXPECT_TRUE(*b.take(kShop, kMenu, kNow, zone)) << "the platform has reset its counters";
  EXPECT_TRUE(*a.take(AccountId("other"), kMenu, kNow, zone));
  EXPECT_TRUE(*a.take(kShop, budget("tags_get", 25), kNow, zone));
}

TEST(LedgerCallBudget, MethodsThatShareABudgetAreCountedTogether) {
  TestState w;
  LedgerCallBudget ledger(*w.state, {});
  const TimeZone zone = TimeZone::shanghai();
  EXPECT_TRUE(*ledger.take(kShop, budget("url_link", 2), kNow, zone));
  EXPECT_TRUE(*ledger.take(kShop, budget("url_scheme", 2), kNow, zone));
  EXPECT_FALSE(*ledger.take(kShop, budget("url_link", 2), kNow, zone));
  EXPECT_FALSE(*ledger.take(kShop, budget("url_scheme", 2), kNow, zone));
}

TEST(LedgerCallBudget, ResetsAreCountedByTheMonthAndNotForgottenByOne) {
  TestState w;
  LedgerCallBudget ledger(*w.state, {.process = "a", .chunk = 100});
  const TimeZone zone = TimeZone::shanghai();
  const wechat::MethodBudget resets = wechat::budget_of({}, wechat::endpoint("clear_quota"));
  EXPECT_EQ(resets.limit, 10);
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(*ledger.take(kShop, resets, kNow + i * kDay, zone));
    ASSERT_TRUE(ledger.forget(kShop));
  }
  EXPECT_FALSE(*ledger.take(kShop, resets, at("2026-03-31T23:59:59"), zone));
  EXPECT_TRUE(*ledger.take(kShop, resets, at("2026-04-01T00:00:00"), zone));
}

TEST(LedgerCallBudget, WhatWasCalledIsShownOnceForAllThatShareIt) {
  TestState w;
  LedgerCallBudget ledger(*w.state, {.process = "a", .chunk = 5});
  wechat::Account account;
  account.id = kShop;
  account.kind = wechat::AccountKind::kMiniProgram;
  const TimeZone zone = TimeZone::shanghai();
  const auto took = [&](std::string_view method) {
    const auto budget = wechat::budget_of(account.policy, *wechat::find_endpoint(method));
    EXPECT_TRUE(*ledger.take(kShop, budget, kNow, zone)) << method;
  };
  for (const auto method : {"url_link", "url_scheme", "url_scheme", "clear_quota"}) took(method);
  AccountQuota quota;
  w.write([&](storage::Session& s) -> Result<void> {
    ZHIYIN_TRY(quota, account_quota(s, account, kNow));
    return {};
  });
  ASSERT_EQ(quota.methods.size(), 2U);
  EXPECT_EQ(quota.methods[0].name, "mini_program_links");
  EXPECT_EQ(quota.methods[0].methods, (std::vector<std::string>{"url_link", "url_scheme"}));
  EXPECT_EQ(quota.methods[0].used, 3);
  EXPECT_EQ(quota.methods[0].left, 499'997);
  EXPECT_EQ(quota.methods[0].resets_at, at("2026-03-11T00:00:00"));
  EXPECT_EQ(quota.methods[1].name, "quota_resets");
  EXPECT_EQ(quota.methods[1].period, "month");
  EXPECT_EQ(quota.methods[1].used, 1);
  EXPECT_EQ(quota.methods[1].resets_at, at("2026-04-01T00:00:00"));
  std::set<ChannelKind> channels;
  for (const ChannelQuota& one : quota.channels) channels.insert(one.channel);
  EXPECT_EQ(channels, (std::set{ChannelKind::kCustomerService, ChannelKind::kSubscribe}))
      << "a mini-program has no mass sends";
}

}  // namespace
}  // namespace zhiyin::delivery
