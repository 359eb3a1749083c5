#include "base/time.h"

#include <gtest/gtest.h>

namespace zhiyin {
namespace {

TEST(Time, ParsesWhatItPrints) {
  const TimeZone shanghai = TimeZone::shanghai();
  const auto t = parse_time("2026-11-25T08:00:00+08:00", shanghai);
  ASSERT_TRUE(t);
  EXPECT_EQ(format_utc(*t), "2026-11-25T00:00:00Z");
  EXPECT_EQ(format_time(*t, shanghai), "2026-11-25T08:00:00+08:00");
  EXPECT_EQ(*parse_time("2026-11-25 08:00:00", shanghai), *t);
  EXPECT_EQ(*parse_time("1795564800000", shanghai), *t);
  EXPECT_EQ(parse_time("2026-11-25T08:00:00.25Z", shanghai)->us % 1'000'000, 250'000);
}

TEST(Time, RefusesWhatDoesNotExist) {
  const TimeZone zone = TimeZone::shanghai();
  for (const char* text : {"2026-02-30", "2026-13-01", "26-01-01", "2026-01-01T25:00:00Z", "",
                           "now", "-5", "99999999999999999", "2026-01-01T00:00:00+99:00"}) {
    EXPECT_FALSE(parse_time(text, zone)) << text;
  }
}

TEST(Time, ZonesWithSummerTime) {
  const auto zone = TimeZone::create("America/New_York");
  ASSERT_TRUE(zone);
  EXPECT_EQ(format_utc(*parse_time("2026-07-01 12:00:00", *zone)), "2026-07-01T16:00:00Z");
  EXPECT_EQ(format_utc(*parse_time("2026-01-01 12:00:00", *zone)), "2026-01-01T17:00:00Z");
  EXPECT_TRUE(parse_time("2026-03-08 02:30:00", *zone));  // in the spring gap
  EXPECT_FALSE(TimeZone::create("Asia/Nowhere"));
}

TEST(Time, DayBeginsAtMidnightInShanghai) {
  const TimeZone zone = TimeZone::shanghai();
  const Instant before = *parse_time("2026-11-24T15:59:59Z", zone);
  const Instant after = *parse_time("2026-11-24T16:00:00Z", zone);
  EXPECT_EQ(local_day(before, zone) + 1, local_day(after, zone));
  EXPECT_EQ(day_start(local_day(after, zone), zone), after);
}

TEST(Time, Durations) {
  EXPECT_EQ(*parse_duration("7d"), 7 * kDay);
  EXPECT_EQ(format_duration(7 * kDay), "7d");
  EXPECT_EQ(format_duration(std::chrono::minutes(90)), "90m");
  EXPECT_FALSE(parse_duration("7"));
  EXPECT_FALSE(parse_duration("-7d"));
  EXPECT_FALSE(parse_duration("99999999w"));
}

}  // namespace
}  // namespace zhiyin
