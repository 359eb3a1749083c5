#include "delivery/quiet_hours.h"

#include <gtest/gtest.h>

namespace zhiyin::delivery {
namespace {

using Minutes = QuietHours::Minutes;

Instant at(std::string_view text) { return *parse_time(text, TimeZone::shanghai()); }

TEST(QuietHours, BeginAtTwentyTwoAndEndAtEight) {
  const TimeZone zone = TimeZone::shanghai();
  const QuietHours quiet = QuietHours::nightly();
  EXPECT_FALSE(quiet.contains(at("2026-03-01T22:00:00") - Duration(1), zone));
  EXPECT_TRUE(quiet.contains(at("2026-03-01T22:00:00"), zone));
  EXPECT_TRUE(quiet.contains(at("2026-03-02T08:00:00") - Duration(1), zone));
  EXPECT_FALSE(quiet.contains(at("2026-03-02T08:00:00"), zone));
}

TEST(QuietHours, NextAllowedIsTheMorningOfTheRightDay) {
  const TimeZone zone = TimeZone::shanghai();
  const QuietHours quiet = QuietHours::nightly();
  const Instant morning = at("2026-03-02T08:00:00");
  EXPECT_EQ(quiet.next_allowed(at("2026-03-01T23:30:00"), zone), morning);
  EXPECT_EQ(quiet.next_allowed(at("2026-03-02T00:00:00"), zone), morning);
  EXPECT_EQ(quiet.next_allowed(at("2026-03-02T07:59:59"), zone), morning);
  EXPECT_EQ(quiet.next_allowed(morning, zone), morning);
}

TEST(QuietHours, WithinOneDayAndNever) {
  const TimeZone zone = TimeZone::shanghai();
  const QuietHours noon = *QuietHours::create(Minutes(12 * 60), Minutes(13 * 60));
  EXPECT_EQ(noon.next_allowed(at("2026-03-01T12:30:00"), zone), at("2026-03-01T13:00:00"));
  EXPECT_FALSE(QuietHours::none().contains(at("2026-03-01T00:00:00"), zone));
}

TEST(QuietHours, FollowTheWallClockThroughADaylightSavingChange) {
  const TimeZone zone = *TimeZone::create("Europe/Berlin");
  const QuietHours quiet = QuietHours::nightly();
  // Clocks go from 2:00 to 3:00 on 29 March 2026: the night has an hour less.
  EXPECT_EQ(quiet.next_allowed(*parse_time("2026-03-28T23:00:00+01:00", zone), zone),
            *parse_time("2026-03-29T08:00:00+02:00", zone));
}

TEST(QuietHours, RefuseTimesOutsideTheDay) {
  EXPECT_FALSE(QuietHours::create(Minutes(-1), Minutes(60)));
  EXPECT_FALSE(QuietHours::create(Minutes(0), Minutes(24 * 60)));
}

}  // namespace
}  // namespace zhiyin::delivery
