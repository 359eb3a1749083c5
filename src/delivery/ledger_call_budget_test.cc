#include "delivery/ledger_call_budget.h"

#include <gtest/gtest.h>

#include <set>

#include "delivery/test_state.h"

namespace zhiyin::delivery {
namespace {

using testing::at;
using testing::TestState;

const Instant kNow = at("2026-03-10T12:00:00");
const AccountId kShop("shop");
const wechat::Endpoint& kMenu = wechat::endpoint("menu_create");

TEST(LedgerCallBudget, EveryMethodHasANumberOfItsOwnAboveTheChannels) {
  std::set<ChannelKind> seen;
  for (const wechat::Endpoint& endpoint : wechat::endpoints()) {
    EXPECT_TRUE(seen.insert(budget_of_method(endpoint.name)).second) << endpoint.name;
    EXPECT_GE(static_cast<int>(budget_of_method(endpoint.name)), 1 << 30);
  }
  EXPECT_EQ(static_cast<int>(budget_of_method("menu_create")),
            static_cast<int>(budget_of_method("menu_create")));
}

TEST(LedgerCallBudget, ProcessesShareADayToItsLastCall) {
  TestState w;
  LedgerCallBudget a(*w.state, {.process = "a", .chunk = 4});
  LedgerCallBudget b(*w.state, {.process = "b", .chunk = 4});
  const TimeZone zone = TimeZone::shanghai();
  std::int64_t taken = 0;
  for (int i = 0; i < 30; ++i) {
    for (LedgerCallBudget* budget : {&a, &b, &b}) {
      const Result<bool> one = budget->take(kShop, kMenu, 25, kNow, zone);
      ASSERT_TRUE(one) << one.error().text();
      taken += *one ? 1 : 0;
    }
  }
  EXPECT_EQ(taken, 25);
  EXPECT_FALSE(*LedgerCallBudget(*w.state, {}).take(kShop, kMenu, 25, kNow, zone))
      << "also after a restart";
  EXPECT_TRUE(*a.take(kShop, kMenu, 25, kNow + std::chrono::hours(12), zone)) << "the next day";
  ASSERT_TRUE(a.forget(kShop));
  EXPECT_TRUE(*b.take(kShop, kMenu, 25, kNow, zone)) << "the platform has reset its counters";
  EXPECT_TRUE(*a.take(AccountId("other"), kMenu, 25, kNow, zone));
  EXPECT_TRUE(*a.take(kShop, wechat::endpoint("tags_get"), 25, kNow, zone));
}

}  // namespace
}  // namespace zhiyin::delivery
