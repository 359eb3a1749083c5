#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "statistics/change/alert.h"
#include "statistics/change/bursts.h"
#include "statistics/change/charts.h"
#include "statistics/change/esd.h"
#include "statistics/change/level.h"
#include "statistics/change/rate.h"
#include "statistics/change/run_length.h"
#include "statistics/change/stl.h"
#include "statistics/distributions.h"
#include "statistics/draw.h"

namespace zhiyin::statistics {
namespace {

using ::testing::ElementsAre;

TEST(Esd, RosnersSetAsPublished) {
  const std::vector<double> x = {-0.25, 0.68, 0.94, 1.15, 1.20, 1.26, 1.26, 1.34, 1.38, 1.43, 1.49,
                                 1.49,  1.55, 1.56, 1.58, 1.65, 1.69, 1.70, 1.76, 1.77, 1.81, 1.91,
                                 1.94,  1.96, 1.99, 2.06, 2.09, 2.10, 2.14, 2.15, 2.23, 2.24, 2.26,
                                 2.35,  2.37, 2.40, 2.47, 2.54, 2.62, 2.64, 2.90, 2.92, 2.92, 2.93,
                                 3.21,  3.26, 3.30, 3.59, 3.68, 4.30, 4.64, 5.34, 5.42, 6.01};
  const auto r = generalised_esd(x, {});
  ASSERT_TRUE(r);
  const double statistic[] = {3.119, 2.943, 3.179, 2.810, 2.816};
  const double critical[] = {3.159, 3.151, 3.144, 3.136, 3.128};
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_NEAR(r->steps[i].statistic, statistic[i], 5.1e-4) << i;
    EXPECT_NEAR(r->steps[i].critical, critical[i], 5.1e-4) << i;
  }
  EXPECT_EQ(r->steps.size(), 10U);
  EXPECT_THAT(r->outliers, ElementsAre(53, 52, 51));
}

TEST(Esd, FlatSeriesHaveNoneAndBadOnesAreRefused) {
  EXPECT_TRUE(generalised_esd(std::vector<double>(50, 1e9 + 0.1), {})->outliers.empty());
  EsdSettings robust;
  robust.robust = true;
  EXPECT_TRUE(generalised_esd(std::vector<double>(50, 3), robust)->outliers.empty());
  EXPECT_EQ(generalised_esd(std::vector<double>{1, 2}, {}).error().field, "values");
  EXPECT_EQ(generalised_esd(std::vector<double>{1, INFINITY, 3, 4}, {}).error().field, "values[1]");
}

/// The median and its absolute deviation are found in the sorted window; here the plain way.
TEST(Esd, RobustStatisticsAreThoseOfTheRemainingValues) {
  Random random(4);
  std::vector<double> x(101);
  for (double& v : x) v = std::round(10 * random.normal()) / 10 + (random.below(10) == 0 ? 5 : 0);
  EsdSettings s;
  s.robust = true;
  s.outliers_max = 40;
  const auto r = generalised_esd(x, s);
  ASSERT_TRUE(r);
  std::vector<double> left = x;
  const auto median = [](std::vector<double> v) {
    std::ranges::sort(v);
    return (v[(v.size() - 1) / 2] + v[v.size() / 2]) / 2;
  };
  for (const EsdStep& step : r->steps) {
    const double m = median(left);
    std::vector<double> d;
    for (const double v : left) d.push_back(std::fabs(v - m));
    EXPECT_NEAR(step.statistic, *std::ranges::max_element(d) / (1.4826 * median(d)), 1e-12);
    left.erase(std::ranges::find(left, x[step.index]));
  }
}

std::vector<double> seasonal_series(std::size_t n, std::size_t period, std::uint64_t seed) {
  Random random = random_stream(seed, "season");
  std::vector<double> out(n);
  for (std::size_t i = 0; i < n; ++i) {
    const double angle =
        2 * std::numbers::pi * static_cast<double>(i % period) / static_cast<double>(period);
    out[i] = 100 + 30 * std::sin(angle) + 3 * random.normal();
  }
  return out;
}

TEST(SeasonalEsd, FindsWhatTheSeasonHides) {
  auto x = seasonal_series(24 * 28, 24, 1);
  x[300] += 30;  // within the range of the season
  x[401] -= 30;
  SeasonalEsdSettings s;
  s.period = 24;
  const auto r = seasonal_esd(x, s);
  ASSERT_TRUE(r) << r.error().text();
  EXPECT_THAT(r->esd.outliers, ::testing::IsSupersetOf({300U, 401U}));
  EXPECT_LE(r->esd.outliers.size(), 4U);
  s.direction = Direction::kHigh;
  EXPECT_THAT(seasonal_esd(x, s)->esd.outliers, ::testing::Not(::testing::Contains(401U)));
}

TEST(SeasonalEsd, GapsAreNeitherOutliersNorHarm) {
  auto x = seasonal_series(24 * 28, 24, 2);
  for (std::size_t i = 100; i < 140; ++i) x[i] = NAN;
  x[300] += 40;
  SeasonalEsdSettings s;
  s.period = 24;
  const auto r = seasonal_esd(x, s);
  ASSERT_TRUE(r);
  EXPECT_THAT(r->esd.outliers, ::testing::Contains(300U));
  for (const std::size_t i : r->esd.outliers) EXPECT_FALSE(std::isnan(x[i]));
  EXPECT_TRUE(seasonal_esd(std::vector<double>(200, 7), s)->esd.outliers.empty());
  EXPECT_EQ(seasonal_esd(std::vector<double>(30, 7), s).error().field, "values");
  EXPECT_EQ(seasonal_esd(std::vector<double>(100, NAN), s).error().field, "values");
}

TEST(Stl, PartsAddUpAndTheSeasonIsFound) {
  const auto x = seasonal_series(480, 24, 3);
  for (const std::size_t window : {0U, 7U}) {
    StlSettings s;
    s.period = 24;
    s.seasonal = window;
    const auto parts = decompose_stl(x, s);
    ASSERT_TRUE(parts);
    for (std::size_t i = 0; i < x.size(); ++i) {
      EXPECT_NEAR(parts->seasonal[i] + parts->trend[i] + parts->remainder[i], x[i], 1e-10);
    }
    EXPECT_NEAR(parts->seasonal[30], 30, 4);
  }
  EXPECT_EQ(decompose_stl(x, {.period = 24, .seasonal = 8}).error().field, "seasonal");
}

TEST(Ewma, AsPublished) {
  auto chart = EwmaChart::create({0.3, 50, 2.0539, 3}).value();
  const double x[] = {52.0, 47.0, 53.0, 49.3, 50.1, 47.0, 51.0, 50.1, 51.2, 50.5,
                      49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1};
  const double half[] = {1.849, 2.256, 2.431};
  EwmaChart::Point p;
  for (std::size_t i = 0; i < std::size(x); ++i) {
    p = chart.update(x[i]);
    if (i < 3) {
      EXPECT_NEAR(p.high - 50, half[i], 5.1e-4);
    }
    EXPECT_FALSE(p.alarm);
  }
  EXPECT_NEAR(p.high, 52.588, 5.1e-4);
  EXPECT_NEAR(p.low, 47.412, 5.1e-4);
  EXPECT_FALSE(chart.update(NAN).alarm);
  EXPECT_FALSE(EwmaChart::create({0, 50, 1, 3}));
}

TEST(Cusum, AsPublished) {
  auto chart = CusumChart::create({325, 0.3175, 4.1959}).value();
  const double x[] = {324.925, 324.675, 324.725, 324.350, 325.350, 325.225, 324.125,
                      324.525, 325.225, 324.600, 324.625, 325.150, 328.325, 327.250};
  for (std::size_t i = 0; i < std::size(x); ++i) {
    const auto p = chart.update(x[i]);
    EXPECT_EQ(p.alarm, i == 13) << i;
    if (i == 13) {
      EXPECT_NEAR(p.high, 4.94, 5e-3);
    }
  }
}

const std::vector<double> kNile = {
    1120, 1160, 963, 1210, 1160, 1160, 813,  1230, 1370, 1140, 995,  935,  1110, 994,  1020,
    960,  1180, 799, 958,  1140, 1100, 1210, 1150, 1250, 1260, 1220, 1030, 1100, 774,  840,
    874,  694,  940, 833,  701,  916,  692,  1020, 1050, 969,  831,  726,  456,  824,  702,
    1120, 1100, 832, 764,  821,  768,  845,  864,  862,  698,  845,  744,  796,  1040, 759,
    781,  865,  845, 944,  984,  897,  822,  1010, 771,  676,  649,  846,  812,  742,  801,
    1040, 860,  874, 848,  890,  744,  749,  838,  1050, 918,  986,  797,  923,  975,  815,
    1020, 906,  901, 1170, 912,  746,  919,  718,  714,  740};

TEST(ChangePoint, NileAsPublished) {
  const auto c = find_change_point(kNile);
  ASSERT_TRUE(c);
  EXPECT_TRUE(c->found);
  EXPECT_EQ(1871 + c->last_before, 1898U);
  EXPECT_NEAR(c->mean_before, 1097.75, 5e-3);
  EXPECT_NEAR(c->mean_after, 849.97, 5e-3);
  EXPECT_NEAR(c->log_likelihood_ratio, 57.348, 5.1e-4);
}

TEST(ChangePoint, TheBoundAtOnePerCentIsThePrintedOne) {
  EXPECT_NEAR(chi2_upper_tail(9.210, 2), 0.01, 5e-6);
  EXPECT_TRUE(find_change_point(kNile, 0.01)->found);
}

TEST(ChangePoint, ThePIsOfAPlaceThatWasNotKnown) {
  // Of noise, no more than p say p or less, wherever they turn; and not far fewer.
  constexpr int kSeries = 4000;
  for (const std::size_t n : {std::size_t{12}, std::size_t{100}}) {
    Random random(17);
    double below = 0;
    double below_at_place = 0;
    std::vector<double> noise(n);
    for (int i = 0; i < kSeries; ++i) {
      for (double& v : noise) v = random.normal();
      const auto c = find_change_point(noise);
      below += c->p < 0.05;
      below_at_place += c->p_at_place < 0.05;
    }
    EXPECT_LT(below / kSeries, 0.055) << n;
    EXPECT_GT(below / kSeries, 0.02) << n;
    EXPECT_GT(below_at_place / kSeries, 0.1) << n;
  }
  const auto nile = find_change_point(kNile);
  EXPECT_LT(nile->p, 1e-10);
  EXPECT_GT(nile->p, 0);
  // Falls as the statistic rises, from 1.
  double before = 1;
  for (double t = 0; t < 9; t += 0.05) {
    const double p = change_point_p(t, 60);
    EXPECT_LE(p, before) << t;
    before = p;
  }
  EXPECT_DOUBLE_EQ(change_point_p(0, 60), 1);
}

TEST(ChangePoint, NoneInFlatSeriesAndRefusals) {
  const auto flat = find_change_point(std::vector<double>(20, 4));
  EXPECT_FALSE(flat->found);
  EXPECT_DOUBLE_EQ(flat->mean_before, 4);
  EXPECT_DOUBLE_EQ(flat->mean_after, 4);
  EXPECT_DOUBLE_EQ(flat->p, 1);
  EXPECT_FALSE(find_change_point(std::vector<double>{1, 2, 3}));
  EXPECT_FALSE(find_change_point(std::vector<double>{1, 2, NAN, 4, 5}));
  std::vector<double> step(20, 1);
  std::fill(step.begin() + 10, step.end(), 2);
  const auto found = find_change_point(step);
  EXPECT_EQ(found->last_before, 9U);
  EXPECT_TRUE(found->found && found->exact);
  EXPECT_TRUE(std::isinf(found->log_likelihood_ratio));
  EXPECT_FALSE(find_change_point(kNile)->exact);
}

TEST(Level, IsRobustAndHasAScaleUnlessFlat) {
  const std::vector<double> spread = {1, 2, 3, 4, 100};
  EXPECT_DOUBLE_EQ(level_of(spread)->median, 3);
  EXPECT_DOUBLE_EQ(level_of(spread)->deviation, 1.4826);
  EXPECT_EQ(level_of(spread)->scale, LevelScale::kMedianDeviation);
  // Sparse counts: the root of their mean, but a single event is never beyond it.
  std::vector<double> counts(60, 0);
  counts[7] = 3;
  EXPECT_EQ(level_of(counts)->scale, LevelScale::kPoisson);
  EXPECT_DOUBLE_EQ(level_of(counts)->deviation, 1);
  std::ranges::fill(counts, 5);
  counts[7] = 500;
  EXPECT_DOUBLE_EQ(level_of(counts)->deviation, std::sqrt((59 * 5 + 500) / 60.0));
  std::vector<double> other(10, 0.5);
  other[3] = 1.5;
  EXPECT_EQ(level_of(other)->scale, LevelScale::kMeanDeviation);
  EXPECT_NEAR(level_of(other)->deviation, std::sqrt(std::numbers::pi / 2) * 0.1, 1e-12);
  other[4] = NAN;
  EXPECT_NEAR(level_of(other)->deviation, std::sqrt(std::numbers::pi / 2) / 9, 1e-12);
  EXPECT_EQ(level_of(std::vector<double>(9, 1e9 + 0.1))->scale, LevelScale::kFlat);
  EXPECT_DOUBLE_EQ(level_of(std::vector<double>(9, 7))->deviation, 0);
  EXPECT_EQ(level_of(std::vector<double>{1, 2, NAN}).error().field, "values");
  EXPECT_EQ(level_of(std::vector<double>{1, 2, 1e80}).error().field, "values[2]");
}

TEST(Change, ValuesBeyondTheBoundAreRefusedOrGaps) {
  std::vector<double> values;
  for (int i = 0; i < 40; ++i) values.push_back((i < 20 ? 1 : 5) + i % 3);
  std::vector<double> far = values;
  for (double& v : far) v *= 1e306;
  EXPECT_EQ(generalised_esd(far, {}).error().field, "values[0]");
  EXPECT_EQ(seasonal_esd(far, {.period = 7}).error().field, "values[0]");
  EXPECT_EQ(decompose_stl(far, {.period = 7}).error().field, "values[0]");
  EXPECT_EQ(find_change_point(far).error().field, "values[0]");
  // Within it the same is found at every scale.
  for (const double scale : {1e-60, 1.0, 1e72}) {
    for (std::size_t i = 0; i < values.size(); ++i) far[i] = scale * values[i];
    const auto change = find_change_point(far);
    EXPECT_TRUE(change->found) << scale;
    EXPECT_EQ(change->last_before, 19U) << scale;
    far[30] = 1000 * scale;
    const auto outliers = generalised_esd(far, {.outliers_max = 1});
    ASSERT_EQ(outliers->outliers.size(), 1U) << scale;
    EXPECT_EQ(outliers->outliers[0], 30U) << scale;
  }
  auto page = PageHinkley::create({}).value();
  auto runs = RunLengthDetector::create({}).value();
  const auto first = runs.update(1);
  page.update(1);
  EXPECT_DOUBLE_EQ(page.update(1e300).mean, 1);
  EXPECT_EQ(runs.update(1e300).run, first.run);
  EXPECT_EQ(RunLengthDetector::create({.noise_variance = 1e-200}).error().field, "noise_variance");
  EXPECT_EQ(test_rate(1e20, {3}).error().field, "count");
}

TEST(Bursts, AsPublished) {
  const std::vector<double> offsets = {4, 17, 23, 27, 33, 35, 37, 76, 77, 82, 84, 88, 90, 92};
  const auto b = find_bursts(offsets, {2, 0.5});
  ASSERT_TRUE(b);
  ASSERT_EQ(b->size(), 1U);
  EXPECT_EQ((*b)[0].level, 1);
  EXPECT_DOUBLE_EQ((*b)[0].begin, 76);
  EXPECT_DOUBLE_EQ((*b)[0].end, 92);
  EXPECT_EQ(find_bursts(std::vector<double>{1, 2, 2}, {}).error().field, "times[2]");
}

TEST(Bursts, BatchesStartWhereTheRateRises) {
  const std::vector<double> relevant = {1, 0, 1, 2, 10, 12, 9, 11, 1, 0, 1, 1};
  const std::vector<double> all(12, 40);
  const auto b = find_batch_bursts(relevant, all, {2, 1});
  ASSERT_TRUE(b);
  ASSERT_EQ(b->size(), 1U);
  EXPECT_DOUBLE_EQ((*b)[0].begin, 4);
  EXPECT_DOUBLE_EQ((*b)[0].end, 7);
  EXPECT_FALSE(find_batch_bursts(std::vector<double>{5}, std::vector<double>{4}, {}));
  EXPECT_FALSE(find_batch_bursts(std::vector<double>{0}, std::vector<double>{4}, {}));
}

TEST(RunLength, AsPublished) {
  RunLengthDetector::Settings s;
  s.prior_variance = 2;
  auto detector = RunLengthDetector::create(s).value();
  std::vector<std::int64_t> runs;
  for (const double x : {0.1, -0.2, 0.0, 0.15, -0.1, 3.9, 4.2})
    runs.push_back(detector.update(x).run);
  EXPECT_THAT(runs, ElementsAre(1, 2, 3, 4, 5, 6, 2));
  EXPECT_NEAR(detector.probability_of(2), 0.9402, 5.1e-5);
}

TEST(RunLength, CountsAndBoundedMemory) {
  RunLengthDetector::Settings s;
  s.model = RunLengthDetector::Model::kPoisson;
  s.prior_mean = 5;
  s.prior_variance = 50;
  s.runs_max = 50;
  auto detector = RunLengthDetector::create(s).value();
  Random random(3);
  for (int i = 0; i < 300; ++i) detector.update(draw_poisson(random, 4));
  RunLengthDetector::Point p;
  for (int i = 0; i < 5; ++i) p = detector.update(draw_poisson(random, 40));
  EXPECT_EQ(p.run, 5);
  EXPECT_GT(p.probability, 0.9);
  EXPECT_EQ(detector.update(-1).run, 5);  // no count: a gap
  s.prior_mean = 0;
  EXPECT_FALSE(RunLengthDetector::create(s));
}

TEST(PageHinkley, IsTheRuleWithThePrintedSettings) {
  const PageHinkley::Settings s;
  EXPECT_DOUBLE_EQ(s.keep, 0.9999);
  EXPECT_DOUBLE_EQ(s.delta, 0.005);
  EXPECT_DOUBLE_EQ(s.limit, 50);
  EXPECT_EQ(s.values_min, 30);
  auto detector = PageHinkley::create(s).value();
  Random random(15);
  double mean = 0;
  double g = 0;
  for (int i = 1; i <= 200; ++i) {
    const double x = random.normal() + (i > 100 ? 1.0 : 0.0);
    mean += (x - mean) / i;  // the mean first
    g = std::max(0.0, 0.9999 * g + x - mean - 0.005);
    const auto p = detector.update(x);
    ASSERT_DOUBLE_EQ(p.sum, g);
    if (p.alarm) break;
    EXPECT_TRUE(g <= 50 || i < 30);
  }
}

TEST(PageHinkley, AlarmsAfterARiseAndStartsAnew) {
  auto detector = PageHinkley::create({0.9999, 0.005, 50, 30}).value();
  Random random(5);
  for (int i = 0; i < 500; ++i) EXPECT_FALSE(detector.update(random.normal()).alarm);
  int alarmed = -1;
  for (int i = 0; i < 100 && alarmed < 0; ++i) {
    if (detector.update(3 + random.normal()).alarm) alarmed = i;
  }
  EXPECT_GT(alarmed, 3);
  EXPECT_LT(alarmed, 40);
  EXPECT_DOUBLE_EQ(detector.update(1).mean, 1);
}

TEST(Adwin, ForgetsWhatIsOld) {
  auto detector = Adwin::create({0.002, 32}).value();
  Random random(6);
  for (int i = 0; i < 2000; ++i) EXPECT_FALSE(detector.update(random.normal()).alarm);
  EXPECT_EQ(detector.update(0).width, 2001);
  Adwin::Point p;
  bool alarmed = false;
  for (int i = 0; i < 600; ++i) {
    p = detector.update(2 + random.normal());
    alarmed = alarmed || p.alarm;
  }
  EXPECT_TRUE(alarmed);
  EXPECT_LT(p.width, 900);
  EXPECT_NEAR(p.mean, 2, 0.25);
}

TEST(Rate, TestsAgainstTheSameHourOfEarlierWeeks) {
  auto monitor = RateMonitor::create({}).value();
  Random random(7);
  int alarms = 0;
  std::int64_t hour = 0;
  for (; hour < 168 * 8; ++hour) {
    const double mean = hour % 24 < 8 ? 0.5 : 30;
    const auto p = monitor.update(hour, draw_poisson(random, mean));
    ASSERT_TRUE(p);
    EXPECT_EQ(p->has_baseline, hour >= 168 * 2);
    alarms += p->has_baseline && p->test.p_high < 1e-4;
  }
  EXPECT_LE(alarms, 1);
  const auto quiet = monitor.update(hour, 0);  // 0 of 0.5: nothing
  EXPECT_GT(quiet->test.p_low, 0.3);
  const auto burst = monitor.update(hour + 12, 120);
  EXPECT_LT(burst->test.p_high, 1e-8);
  EXPECT_EQ(monitor.update(hour, 3).error().field, "hour");
  EXPECT_EQ(monitor.update(hour + 20, -3).error().field, "count");
}

TEST(Rate, HolidaysAreComparedWithHolidays) {
  auto monitor = RateMonitor::create({}).value();
  for (std::int64_t day = 0; day < 56; ++day) {
    const bool holiday = day >= 40 && day < 45;
    for (std::int64_t h = 0; h < 24; ++h) {
      const auto p = monitor.update(day * 24 + h, holiday ? 200 : 20, holiday);
      if (!holiday && p->has_baseline) {
        EXPECT_GT(p->test.p_high, 1e-3);
      }
      if (day == 44) {
        EXPECT_GT(p->test.p_high, 1e-3);
      }
    }
  }
}

TEST(Rate, BaselineAllowsForFewHoursAndDispersion) {
  const double four[] = {10, 12, 8, 10};
  const double one[] = {10};
  const auto many = baseline_of(four).value();
  const auto few = baseline_of(one).value();
  EXPECT_GT(test_rate(25, few)->p_high, test_rate(25, many)->p_high);
  EXPECT_GT(test_rate(25, baseline_of(four, 4).value())->p_high, test_rate(25, many)->p_high);
  EXPECT_FALSE(baseline_of({}));
  EXPECT_FALSE(test_rate(2.5, many));
  // Poisson: P(X >= 3) with mean 1.
  EXPECT_NEAR(test_rate(3, {1, INFINITY, 1})->p_high, 1 - 2.5 * std::exp(-1), 1e-12);
}

Instant minute(int m) { return {static_cast<std::int64_t>(m) * 60'000'000}; }

TEST(Alert, OneEventIsOneAlert) {
  auto alert = Alert::create({}).value();
  int told = 0;
  for (int m = 0; m < 60; ++m) {
    const auto e = alert.update(minute(m), m % 2 == 0 ? 5 : 2.5);  // flickers, above close_below
    ASSERT_TRUE(e);
    told += e->has_value();
  }
  EXPECT_EQ(told, 1);
  EXPECT_EQ(alert.state(), AlertState::kOpen);
  EXPECT_EQ(alert.update(minute(60), 9).value(), AlertEvent::kEscalated);
  EXPECT_EQ(alert.update(minute(61), 9).value(), std::nullopt);
  EXPECT_EQ(alert.update(minute(62), 1).value(), std::nullopt);
  EXPECT_EQ(alert.state(), AlertState::kQuiet);
  EXPECT_EQ(alert.update(minute(63), 9).value(), std::nullopt);  // it was told already
  EXPECT_EQ(alert.state(), AlertState::kEscalated);
  EXPECT_EQ(alert.update(minute(64), 0).value(), std::nullopt);
  EXPECT_EQ(alert.update(minute(64 + 60), 0).value(), AlertEvent::kClosed);
  EXPECT_EQ(alert.state(), AlertState::kIdle);
}

TEST(Alert, CoolsDownAndRefusesTimesOutOfOrder) {
  auto alert = Alert::create({.quiet_for = std::chrono::minutes(0)}).value();
  EXPECT_EQ(alert.update(minute(0), 5).value(), AlertEvent::kOpened);
  EXPECT_EQ(alert.update(minute(1), 0).value(), AlertEvent::kClosed);
  EXPECT_EQ(alert.update(minute(10), 5).value(), std::nullopt);
  EXPECT_EQ(alert.update(minute(11), 9).value(), AlertEvent::kOpened);  // strong enough
  EXPECT_FALSE(alert.update(minute(5), 9));
  EXPECT_FALSE(alert.update(minute(12), NAN));
  EXPECT_EQ(Alert::create({.open_at = 1, .close_below = 2}).error().field, "close_below");
  auto twice = Alert::create({.confirm = 2}).value();
  EXPECT_EQ(twice.update(minute(0), 5).value(), std::nullopt);
  EXPECT_EQ(twice.update(minute(1), 5).value(), AlertEvent::kOpened);
}

}  // namespace
}  // namespace zhiyin::statistics
