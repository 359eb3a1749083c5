#include "delivery/frequency_cap.h"

#include <gtest/gtest.h>

namespace zhiyin::delivery {
namespace {

using std::chrono::hours;

Instant at(std::string_view text) { return *parse_time(text, TimeZone::shanghai()); }

TEST(FrequencyCap, RefusesSettingsThatMakeNoSense) {
  EXPECT_FALSE(FrequencyCap::create(0, kDay));
  EXPECT_FALSE(FrequencyCap::create(1, Duration(0)));
  EXPECT_FALSE(FrequencyCap::create(1, hours(24 * 367)));
  EXPECT_TRUE(FrequencyCap::create(1, std::chrono::seconds(1)));
}

TEST(FrequencyCap, PlaceComesFreeExactlyOneWindowAfterTheTouch) {
  const Instant touch = at("2026-03-01T10:00:00");
  const std::vector<Instant> touches{touch};
  const FrequencyCap cap = FrequencyCap::daily();
  const Instant free = touch + kDay;
  EXPECT_EQ(cap.next_allowed(touches, touch), free);
  EXPECT_EQ(cap.next_allowed(touches, free - Duration(1)), free);
  EXPECT_EQ(cap.next_allowed(touches, free), free);
}

TEST(FrequencyCap, TheOldestOfTheNewestTouchesFreesThePlace) {
  const FrequencyCap cap = *FrequencyCap::create(3, hours(10));
  const Instant t0 = at("2026-03-01T00:00:00");
  const std::vector<Instant> touches{t0, t0 + hours(1), t0 + hours(2), t0 + hours(3)};
  EXPECT_EQ(cap.next_allowed(touches, t0 + hours(4)), t0 + hours(11));
  EXPECT_EQ(cap.next_allowed(std::span(touches).first(2), t0 + hours(4)), t0 + hours(4));
}

TEST(MonthlyCap, OpensWithTheFirstMomentOfTheNextMonthInTheZone) {
  const TimeZone zone = TimeZone::shanghai();
  const MonthlyCap cap = MonthlyCap::four();
  const std::vector<Instant> touches{at("2026-02-01T00:00:00"), at("2026-02-10T09:00:00"),
                                     at("2026-02-20T09:00:00"), at("2026-02-28T23:59:59")};
  const Instant march = at("2026-03-01T00:00:00");
  EXPECT_EQ(cap.next_allowed(touches, march - Duration(1), zone), march);
  EXPECT_EQ(cap.next_allowed(touches, march, zone), march);
}

TEST(MonthlyCap, TheMonthIsThatOfTheZoneAndNotOfUtc) {
  const MonthlyCap cap = *MonthlyCap::create(1);
  // 17:00 UTC on 28 February is 1 March in Shanghai.
  const std::vector<Instant> touches{at("2026-02-28T17:00:00Z")};
  const Instant later = at("2026-03-02T00:00:00Z");
  EXPECT_EQ(cap.next_allowed(touches, later, TimeZone::shanghai()), at("2026-04-01T00:00:00"));
  EXPECT_EQ(cap.next_allowed(touches, later, *TimeZone::create("Z")), later);
}

TEST(MonthStart, HandlesTheEndOfTheYear) {
  const TimeZone zone = TimeZone::shanghai();
  EXPECT_EQ(next_month_start(at("2026-12-31T23:59:59"), zone), at("2027-01-01T00:00:00"));
  EXPECT_EQ(month_start(at("2027-01-01T00:00:00"), zone), at("2027-01-01T00:00:00"));
}

}  // namespace
}  // namespace zhiyin::delivery
