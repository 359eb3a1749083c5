#include "wechat/call_budget.h"

#include <gtest/gtest.h>

#include <set>

namespace zhiyin::wechat {
namespace {

const TimeZone kShanghai = TimeZone::shanghai();

Instant at(std::string_view text) { return *parse_time(text, kShanghai); }

std::int64_t limit(const Policy& policy, std::string_view method) {
  return budget_of(policy, *find_endpoint(method)).limit;
}

TEST(CallBudget, WhatThePlatformCountsTogetherHasOneName) {
  const std::pair<std::string_view, std::string_view> together[] = {
      {"user_info", "user_info_batchget"},
      {"tags_batchtagging", "tags_batchuntagging"},
      {"url_link", "url_scheme"},
      {"clear_quota", "clear_quota_by_secret"}};
  for (const auto& [one, other] : together) {
    const MethodBudget a = budget_of({}, *find_endpoint(one));
    const MethodBudget b = budget_of({}, *find_endpoint(other));
    EXPECT_EQ(a.name, b.name);
    EXPECT_EQ(a.limit, b.limit);
    EXPECT_GT(a.limit, 0) << a.name;
    EXPECT_EQ(a.methods, (std::vector<std::string_view>{one, other}));
  }
  EXPECT_EQ(budget_of({}, endpoint("tags_get")).name, "tags_get");
  EXPECT_EQ(budget_of({}, endpoint("clear_quota")).period, BudgetPeriod::kMonth);
  EXPECT_EQ(limit({}, "clear_quota"), 10);
  EXPECT_EQ(limit({}, "quota_clear"), 50);
}

TEST(CallBudget, ThePolicyNamesTheBudgetOrOneOfItsMethodsAndTheSmallestCounts) {
  Policy policy;
  policy.calls_per_day = {{"mini_program_links", 300}};
  EXPECT_EQ(limit(policy, "url_link"), 300);
  policy.calls_per_day["url_scheme"] = 200;
  EXPECT_EQ(limit(policy, "url_link"), 200);
  EXPECT_EQ(limit(policy, "url_scheme"), 200);
  policy.calls_per_day["user_info"] = 10'000'000;  // more people, more calls
  EXPECT_EQ(limit(policy, "user_info_batchget"), 10'000'000);
  policy.calls_per_month["quota_resets"] = 3;
  EXPECT_EQ(limit(policy, "clear_quota_by_secret"), 3);
  EXPECT_TRUE(validate(policy));
}

TEST(CallBudget, APolicyCannotSetTheOtherPeriodOrAnUnknownName) {
  const auto refused = [](auto member, std::string name) {
    Policy policy;
    (policy.*member)[std::move(name)] = 5;
    const auto done = validate(policy);
    return done ? std::string() : done.error().field;
  };
  EXPECT_EQ(refused(&Policy::calls_per_day, "quota_resets"), "calls_per_day");
  EXPECT_EQ(refused(&Policy::calls_per_day, "clear_quota"), "calls_per_day");
  EXPECT_EQ(refused(&Policy::calls_per_day, "nothing"), "calls_per_day");
  EXPECT_EQ(refused(&Policy::calls_per_day, ""), "calls_per_day");
  EXPECT_EQ(refused(&Policy::calls_per_month, "tags_get"), "calls_per_month");
  EXPECT_EQ(refused(&Policy::calls_per_month, ""), "calls_per_month");
  EXPECT_EQ(refused(&Policy::calls_per_minute, "tag_members"), "calls_per_minute");
  EXPECT_EQ(refused(&Policy::calls_per_month, "clear_quota"), "");
  EXPECT_EQ(refused(&Policy::calls_per_day, "tags_get"), "");
}

TEST(CallBudget, EachIsListedOnce) {
  std::set<std::string_view> names;
  for (const MethodBudget& budget : budgets_of({})) {
    EXPECT_TRUE(names.insert(budget.name).second) << budget.name;
    EXPECT_GT(budget.limit, 0);
  }
  EXPECT_TRUE(names.contains("mini_program_links"));
  EXPECT_TRUE(names.contains("quota_resets"));
  EXPECT_FALSE(names.contains("url_scheme"));
  EXPECT_FALSE(names.contains("custom_send"));
}

TEST(CallBudget, DaysAndMonthsAreThoseOfTheZone) {
  const Instant last = at("2026-12-31T23:59:59");
  EXPECT_EQ(period_of(BudgetPeriod::kMonth, last, kShanghai), 56 * 12 + 11);
  EXPECT_EQ(period_end(BudgetPeriod::kMonth, last, kShanghai), at("2027-01-01T00:00:00"));
  EXPECT_EQ(period_end(BudgetPeriod::kDay, last, kShanghai), at("2027-01-01T00:00:00"));
  EXPECT_EQ(period_end(BudgetPeriod::kMonth, at("2026-02-01T00:00:00"), kShanghai),
            at("2026-03-01T00:00:00"));
  const TimeZone utc = *TimeZone::create("UTC");
  EXPECT_EQ(period_of(BudgetPeriod::kMonth, at("2027-01-01T07:59:59"), utc), 56 * 12 + 11);
}

}  // namespace
}  // namespace zhiyin::wechat
