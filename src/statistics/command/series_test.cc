#include "statistics/command/series.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"
#include "statistics/command/cause_commands.h"
#include "statistics/command/detect_command.h"

namespace zhiyin::statistics {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kZone = "Asia/Shanghai";

/// The day `n` days after 2026-01-01 (a Thursday).
std::string day(int n) {
  const TimeZone zone = TimeZone::shanghai();
  const std::int64_t first = local_day(parse_time("2026-01-01", zone).value(), zone);
  const CivilTime c = to_civil(day_start(first + n, zone), zone);
  return fmt::format("{:04}-{:02}-{:02}", c.year, c.month, c.day);
}
Result<Series> equal_steps(const Table& table) {
  auto series = read_series(table, {"time", "value", kZone});
  if (!series) return series;
  return with_equal_steps(std::move(*series));
}
Table of_times(const std::vector<std::string>& times) {
  Table out{{"time", "value"}, {}};
  for (const std::string& t : times) out.rows.push_back({t, "1"});
  return out;
}

TEST(Series, AbsentStepsBecomeGaps) {
  const auto days = equal_steps(of_times({day(0), day(1), day(2), day(5), day(6)}));
  ASSERT_TRUE(days) << days.error().text();
  EXPECT_EQ(days->steps_absent, 2U);
  ASSERT_EQ(days->value.size(), 7U);
  EXPECT_TRUE(std::isnan(days->value[3]) && std::isnan(days->value[4]));
  EXPECT_EQ(days->row_of(5), 3U);
  EXPECT_EQ(days->row_of(4), Series::kAbsent);
  EXPECT_EQ(days->label[5], day(5));
  EXPECT_EQ(days->place_of(day(4)).value(), 4U);
  EXPECT_EQ(equal_steps(of_times({"0.1", "0.2", "0.3", "0.5"}))->steps_absent, 1U);
  // A little late each time.
  EXPECT_EQ(equal_steps(of_times({"2026-01-01T00:00:03", "2026-01-01T01:00:41",
                                  "2026-01-01T02:00:00", "2026-01-01T04:00:59"}))
                ->steps_absent,
            1U);
}

TEST(Series, MonthsWorkingDaysAndChangingClocksAreEqualSteps) {
  const auto months =
      equal_steps(of_times({"2026-01-31", "2026-03-31", "2026-05-31", "2026-07-31", "2026-10-31"}));
  EXPECT_EQ(months->steps_absent, 5U);  // two months, and then three: of one month each
  EXPECT_EQ(equal_steps(of_times({"2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01",
                                  "2026-12-01", "2027-01-01"}))
                ->steps_absent,
            7U);
  std::vector<std::string> working;
  for (int d = 0; d < 40; ++d) {
    if ((d + 3) % 7 < 5 && d != 8) working.push_back(day(d));
  }
  EXPECT_EQ(equal_steps(of_times(working))->steps_absent, 1U);
  Table summer = of_times({"2026-03-27", "2026-03-28", "2026-03-29", "2026-03-30", "2026-04-01"});
  auto read = read_series(summer, {"time", "value", "Europe/Berlin"});
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(with_equal_steps(std::move(*read))->steps_absent, 1U);
}

TEST(Series, SchedulesSparseRowsAndUnsteadyClocksAreOnAGrid) {
  std::vector<std::string> schedule;
  for (int d = 0; d < 42; ++d) {
    const int weekday = (d + 3) % 7;
    if (weekday == 0 || weekday == 2 || weekday == 4) schedule.push_back(day(d));
  }
  // Two days, two days, three days: working days, of which two are absent between two rows.
  const auto shop = equal_steps(of_times(schedule));
  ASSERT_TRUE(shop) << shop.error().text();
  EXPECT_GT(shop->steps_absent, schedule.size() / 2);
  EXPECT_EQ(equal_steps(of_times({"0", "2", "4", "6", "8", "9", "10", "12"}))->steps_absent, 5U);
  // Each minute has its row, up to 19 seconds late; each day somewhere between nine and two.
  std::vector<std::string> minutes;
  std::vector<std::string> days;
  Random random(8);
  for (int i = 0; i < 50; ++i) {
    minutes.push_back(fmt::format("2026-01-01T10:{:02}:{:02}", i, random.below(20)));
    days.push_back(fmt::format("{}T{:02}:00:00", day(i), 9 + random.below(6)));
  }
  for (const auto& times : {minutes, days}) {
    const auto found = equal_steps(of_times(times));
    ASSERT_TRUE(found) << found.error().text();
    EXPECT_EQ(found->steps_absent, 0U);
  }
  minutes.erase(minutes.begin() + 20);
  EXPECT_EQ(equal_steps(of_times(minutes))->steps_absent, 1U);
}

TEST(Series, ASaturdayThatIsWorkedIsAStepAmongWorkingDays) {
  std::vector<std::string> working;
  for (int d = 0; d < 60; ++d) {
    if ((d + 3) % 7 < 5 || d == 9 || d == 30) working.push_back(day(d));
  }
  const auto found = equal_steps(of_times(working));
  ASSERT_TRUE(found) << found.error().text();
  EXPECT_EQ(found->steps_absent, 0U);
}

TEST(Series, DatesWithoutDashesAreDates) {
  const auto days = equal_steps(of_times({"20260226", "20260227", "20260228", "20260301"}));
  ASSERT_TRUE(days) << days.error().text();
  EXPECT_EQ(days->steps_absent, 0U);
  EXPECT_EQ(days->place_of("20260301").value(), 3U);
  EXPECT_EQ(days->place_of("2026-02-28").value(), 2U);
  EXPECT_EQ(equal_steps(of_times({"202511", "202512", "202601", "202603"}))->steps_absent, 1U);
  // Numbers, as they are no dates.
  EXPECT_EQ(equal_steps(of_times({"20260230", "20260231", "20260232"}))->time.size(), 0U);
}

/// A line with noise and nothing else, 90 days; some rows or their values may be left out.
Table line(bool rows, bool values) {
  Table out{{"time", "value"}, {}};
  Random random(4);
  for (int d = 0; d < 90; ++d) {
    const std::string value = fmt::format("{:.3f}", 50 + 0.5 * d + random.normal());
    const bool in_gap = d >= 60 && d < 80;
    if (in_gap && !rows) continue;
    out.rows.push_back({day(d), in_gap && !values ? "" : value});
  }
  return out;
}

TEST(Series, AnInterruptionIsNoGapInTheRows) {
  const Json settings = Json::object().set("start", day(80));
  const auto whole = stats_its(line(true, true), settings);
  const auto empty = stats_its(line(true, false), settings);
  const auto absent = stats_its(line(false, true), settings);
  ASSERT_TRUE(whole && empty && absent) << absent.error().text();
  EXPECT_EQ((*absent)["level"], (*empty)["level"]);
  EXPECT_EQ((*absent)["steps_missing"].int_or(0), 20);
  EXPECT_EQ((*absent)["points"].int_or(0), 70);
  EXPECT_EQ((*absent)["after"].if_array()->size(), 10U);
  EXPECT_THAT((*absent)["assumptions"].dump(), HasSubstr("left out"));
  EXPECT_EQ(whole->find("steps_missing"), nullptr);
  for (const auto* out : {&*whole, &*absent}) {
    EXPECT_LT(std::fabs((*out)["level"]["estimate"].number_or(9)), 2);
    EXPECT_GT((*out)["level"]["p"].number_or(0), 0.05);
  }
  Json detect = settings;
  detect.set("method", "interrupted");
  const auto found = stats_detect(line(false, true), detect);
  ASSERT_TRUE(found) << found.error().text();
  EXPECT_EQ((*found)["level"], (*absent)["level"]);
  EXPECT_EQ((*found)["found"].int_or(9), 0);
  EXPECT_EQ((*found)["steps_absent"].int_or(0), 20);
}

TEST(Series, SeasonsGoOnWhereRowsAreAbsent) {
  Table rows{{"time", "value"}, {}};
  Random random(6);
  std::vector<std::size_t> spikes;
  for (int h = 0; h < 24 * 14; ++h) {
    if (h >= 100 && h < 107) continue;
    const bool spike = h == 50 || h == 200 || h == 301;
    const double season = 30 * std::sin(h % 24 / 24.0 * 6.2832);
    if (spike) spikes.push_back(rows.rows.size());
    rows.rows.push_back({std::to_string(h),
                         fmt::format("{:.2f}", 100 + season + random.normal() + (spike ? 25 : 0))});
  }
  const auto out = stats_detect(rows, Json::object().set("method", "shesd").set("period", 24));
  ASSERT_TRUE(out) << out.error().text();
  EXPECT_EQ((*out)["steps_absent"].int_or(0), 7);
  std::vector<std::size_t> found;
  for (const Json& f : *(*out)["findings"].if_array()) {
    found.push_back(static_cast<std::size_t>(f["index"].int_or(0)));
  }
  for (const std::size_t spike : spikes) EXPECT_THAT(found, ::testing::Contains(spike));
}

TEST(Series, OfOpeningHoursTheRowsAreTheSteps) {
  Table rows{{"time", "value"}, {}};
  Random random(9);
  std::vector<std::size_t> spikes;
  for (int d = 0; d < 40; ++d) {
    for (int h = 9; h < 19; ++h) {
      const bool spike = (d == 11 && h == 12) || (d == 30 && h == 17);
      if (spike) spikes.push_back(rows.rows.size());
      rows.rows.push_back({fmt::format("{}T{:02}:00:00", day(d), h),
                           fmt::format("{:.2f}", 100 + 20 * std::sin((h - 9) / 10.0 * 6.2832) +
                                                     random.normal() + (spike ? 25 : 0))});
    }
  }
  const auto out = stats_detect(rows, Json::object().set("method", "shesd").set("period", 10));
  ASSERT_TRUE(out) << out.error().text();
  EXPECT_EQ((*out)["steps"], Json("rows"));
  EXPECT_THAT((*out)["plain"].dump(), HasSubstr("the period counts rows"));
  std::vector<std::size_t> found;
  for (const Json& f : *(*out)["findings"].if_array())
    found.push_back(static_cast<std::size_t>(f["index"].int_or(0)));
  for (const std::size_t spike : spikes) EXPECT_THAT(found, ::testing::Contains(spike));
}

TEST(Series, RatesGoOnWhenClocksArePutBack) {
  Table rows{{"time", "value"}, {}};
  const Instant first = parse_time("2026-10-01T00:00:00Z", TimeZone::shanghai()).value();
  for (int h = 0; h < 24 * 40; ++h) {
    const CivilTime c =
        to_civil(Instant{first.us + h * 3'600'000'000LL}, TimeZone::create("UTC").value());
    // Busy at nine by the clock of Berlin: 7 UTC in summer, 8 in winter.
    const bool summer = c.month == 10 && c.day < 25;
    const bool busy = c.hour == (summer ? 7 : 8);
    rows.rows.push_back(
        {fmt::format("{:04}-{:02}-{:02}T{:02}:00:00Z", c.year, c.month, c.day, c.hour),
         busy ? "200" : "20"});
  }
  const auto out = stats_detect(
      rows, Json::object().set("method", "rate").set("zone", "Europe/Berlin").set("weeks", 2));
  ASSERT_TRUE(out) << out.error().text();
  EXPECT_EQ((*out)["found"].int_or(9), 0);
  const auto utc = stats_detect(rows, Json::object().set("method", "rate").set("zone", "UTC"));
  EXPECT_GT((*utc)["found"].int_or(0), 0);
}

TEST(Series, CountsThatNeverChangeAreAnAnswer) {
  Table fives{{"value"}, std::vector(40, std::vector<std::string>{"5"})};
  const auto counts =
      stats_detect(fives, Json::object().set("method", "bocpd").set("counts", true));
  ASSERT_TRUE(counts) << counts.error().text();
  EXPECT_EQ((*counts)["found"].int_or(9), 0);
  EXPECT_EQ(counts->find("refused"), nullptr);
}

}  // namespace
}  // namespace zhiyin::statistics
