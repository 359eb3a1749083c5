#include "wechat/error_table.h"

#include <gtest/gtest.h>

#include "wechat/policy.h"

namespace zhiyin::wechat {
namespace {

TEST(ErrorTable, ClassesOfTheCodesThatDecideSomething) {
  const std::pair<std::int64_t, ErrorClass> expected[] = {
      {0, ErrorClass::kOk},         {-1, ErrorClass::kRetry},    {40001, ErrorClass::kToken},
      {40014, ErrorClass::kToken},  {42001, ErrorClass::kToken}, {40003, ErrorClass::kUser},
      {43004, ErrorClass::kUser},   {43019, ErrorClass::kUser},  {43101, ErrorClass::kUser},
      {45015, ErrorClass::kUser},   {45047, ErrorClass::kUser},  {48002, ErrorClass::kUser},
      {45009, ErrorClass::kQuota},  {45011, ErrorClass::kQuota}, {45028, ErrorClass::kQuota},
      {45065, ErrorClass::kDone},   {45066, ErrorClass::kRetry}, {43108, ErrorClass::kRetry},
      {45081, ErrorClass::kIgnore}, {40130, ErrorClass::kNever}, {48001, ErrorClass::kNever},
      {48004, ErrorClass::kNever},  {47003, ErrorClass::kNever}, {40007, ErrorClass::kNever}};
  for (const auto& [code, error_class] : expected)
    EXPECT_EQ(platform_error(code).error_class, error_class) << code;
}

TEST(ErrorTable, OperatorsAreAlertedWhereTheyMustAct) {
  for (const std::int64_t code :
       {40013, 40125, 40164, 61004, 40243, 45009, 45028, 48001, 48004, 50004, 50007, 89503}) {
    EXPECT_TRUE(platform_error(code).alerts) << code;
  }
  for (const std::int64_t code : {-1, 40001, 40003, 45015, 45011})
    EXPECT_FALSE(platform_error(code).alerts) << code;
}

TEST(ErrorTable, ABanOrAFrozenAccountStopsTheWholeAccount) {
  for (const std::int64_t code : {48004, 50007}) {
    EXPECT_TRUE(blocks_account(code)) << code;
    EXPECT_TRUE(platform_error(code).alerts) << code;
  }
  for (const std::int64_t code : {0, -1, 48001, 48002, 45009, 50002})
    EXPECT_FALSE(blocks_account(code)) << code;
}

TEST(ErrorTable, OnlyBusyLeavesItOpenWhetherSomethingWasDone) {
  for (const PlatformError& e : platform_errors()) {
    EXPECT_EQ(e.outcome_uncertain, e.first == -1 || e.first == 45066) << e.first;
  }
}

TEST(ErrorTable, LinesAreOrderedByWhereTheyEndAndSaySomething) {
  std::int64_t last = -2;
  for (const PlatformError& e : platform_errors()) {
    EXPECT_LE(e.first, e.last);
    EXPECT_FALSE(e.zh.empty());
    EXPECT_FALSE(e.en.empty());
    EXPECT_GT(e.last, last) << e.first;
    last = e.last;
  }
}

TEST(ErrorTable, UnknownCodesAreNeverRepeated) {
  EXPECT_EQ(platform_error(99999).error_class, ErrorClass::kNever);
  EXPECT_EQ(platform_error(-7).error_class, ErrorClass::kNever);
}

TEST(ErrorTable, RidIsCutOutOfTheMessage) {
  EXPECT_EQ(rid_of("invalid credential rid: 64f1a2b3-12345678-0badcafe"),
            "64f1a2b3-12345678-0badcafe");
  EXPECT_EQ(rid_of("x rid: 12ab-34cd. more"), "12ab-34cd");
  EXPECT_EQ(rid_of("system error"), "");
}

TEST(Policy, DefaultsAreValidAndSurviveJson) {
  const Policy defaults;
  EXPECT_TRUE(validate(defaults));
  const auto again = from_json<Policy>(to_json(defaults));
  ASSERT_TRUE(again);
  EXPECT_EQ(to_json(*again), to_json(defaults));
  EXPECT_EQ(again->customer_service_windows.at("message").messages, 5);
  EXPECT_EQ(again->customer_service_windows.at("follow").validity, std::chrono::minutes(1));
  EXPECT_EQ(again->customer_service_windows.at("enter").messages, 2);
}

TEST(Policy, PartOfItOverridesTheDefaults) {
  const auto policy =
      from_json<Policy>(parse_json(R"({"mass_per_user_month":6,"quiet_from":"21:30"})").value());
  ASSERT_TRUE(policy);
  EXPECT_EQ(policy->mass_per_user_month, 6);
  EXPECT_EQ(policy->mass_calls_per_day, 100);
  EXPECT_EQ(parse_minute_of_day(policy->quiet_from).value(), 21 * 60 + 30);
}

TEST(Policy, ContradictionsAreRefusedWithTheirField) {
  const auto field_of = [](auto change) {
    Policy p;
    change(p);
    const auto ok = validate(p);
    return ok ? std::string("ok") : ok.error().field;
  };
  EXPECT_EQ(field_of([](Policy& p) { p.quiet_from = "25:00"; }), "quiet_from");
  EXPECT_EQ(field_of([](Policy& p) { p.quota_zone = "Mars/Base"; }), "quota_zone");
  EXPECT_EQ(field_of([](Policy& p) { p.mass_openids_min = 20'000; }), "mass_openids_min");
  EXPECT_EQ(field_of([](Policy& p) { p.customer_service_windows["like"] = {1, kDay}; }),
            "customer_service_windows");
  EXPECT_EQ(field_of([](Policy& p) { p.calls_per_day["draft_ad"] = 5; }), "calls_per_day");
  EXPECT_EQ(field_of([](Policy& p) { p.calls_per_day["draft_add"] = 0; }),
            "calls_per_day.draft_add");
  EXPECT_EQ(field_of([](Policy& p) { p.calls_per_day["custom_send"] = 5; }),
            "calls_per_day.custom_send");
  EXPECT_EQ(field_of([](Policy& p) { p.calls_per_day["draft_add"] = 5; }), "ok");
  EXPECT_EQ(field_of([](Policy& p) { p.template_value_chars_max["thing"] = 0; }),
            "template_value_chars_max.thing");
}

}  // namespace
}  // namespace zhiyin::wechat
