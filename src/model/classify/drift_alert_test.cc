#include "model/classify/drift_alert.h"

#include <gtest/gtest.h>

namespace zhiyin::model {
namespace {

/// Two classes, even; ten bins, even; one n-gram that half of the texts have.
DriftReference even() {
  DriftReference out{.rows = 10'000, .labels = {0.5, 0.5}, .ngrams = {7}, .texts = {0.5}};
  for (int i = 1; i < 10; ++i) out.edges.push_back(i / 10.0);
  out.confidences.assign(10, 0.1);
  return out;
}

/// `share` of the answers are of the first class; all else is as it was.
DriftDay day(std::int64_t number, std::int64_t rows, double share) {
  DriftDay out{number, no_counts(even())};
  out.counts.rows = rows;
  out.counts.labels[0] = static_cast<std::int64_t>(static_cast<double>(rows) * share);
  out.counts.labels[1] = rows - out.counts.labels[0];
  for (std::int64_t& bin : out.counts.confidences) bin = rows / 10;
  out.counts.ngrams[0] = rows / 2;
  return out;
}

DriftAlert of(const std::vector<DriftDay>& days, const DriftAlertRule& rule = {}) {
  const auto out = drift_alert(even(), days, rule);
  EXPECT_TRUE(out) << out.error().text();
  return out.value_or(DriftAlert());
}

// PSI of labels with a share of .8: .42; of .9: .88; of .6: .04.
TEST(DriftAlert, OpensOnTheSecondDayInARow) {
  EXPECT_FALSE(of({day(1, 1000, 0.5), day(2, 1000, 0.8)}).open());
  EXPECT_FALSE(of({day(1, 1000, 0.8), day(2, 1000, 0.5), day(3, 1000, 0.8)}).open());
  const DriftAlert alert = of({day(1, 1000, 0.5), day(2, 1000, 0.8), day(3, 1000, 0.8)});
  EXPECT_EQ(to_string(alert.state), "open");
  EXPECT_EQ(alert.since, 3);
  EXPECT_EQ(alert.day, 3);
  EXPECT_EQ(alert.index, "labels");
  EXPECT_NEAR(alert.psi, 0.416, 0.01);
  EXPECT_EQ(alert.days, 3);
  EXPECT_TRUE(of({day(1, 1000, 0.8)}, {.days = 1}).open());
}

TEST(DriftAlert, DaysWithFewTextsSayNothing) {
  EXPECT_FALSE(of({day(1, 150, 0.8), day(2, 150, 0.8), day(3, 150, 0.8)}).open());
  // They do not break a row either, nor close what is open.
  const std::vector<DriftDay> days = {day(1, 1000, 0.8), day(2, 9, 0.5), day(3, 1000, 0.8),
                                      day(4, 9, 0.5), day(6, 9, 0.5)};
  EXPECT_EQ(of(days).since, 3);
  EXPECT_EQ(of(days).day, 3);
  // What so few texts have by chance does not count, however low the rule.
  EXPECT_FALSE(of({day(1, 12, 0.8), day(2, 12, 0.8)}, {.texts_min = 1}).open());
}

TEST(DriftAlert, EscalatesAndClosesBelowALowerBorder) {
  std::vector<DriftDay> days = {day(1, 1000, 0.8), day(2, 1000, 0.8), day(3, 1000, 0.9)};
  EXPECT_EQ(to_string(of(days).state), "escalated");
  EXPECT_EQ(of(days).since, 2);
  days.push_back(day(4, 1000, 0.7));  // .17: below the border that opens, above the one that closes
  EXPECT_EQ(to_string(of(days).state), "escalated");
  days.push_back(day(5, 1000, 0.6));
  EXPECT_EQ(to_string(of(days).state), "quiet");
  days.push_back(day(6, 1000, 0.6));
  EXPECT_FALSE(of(days).open());
  EXPECT_EQ(of(days).since, std::nullopt);
  EXPECT_EQ(of(days).day, 6);
}

TEST(DriftAlert, ZeroTurnsItOffAndDaysMustAscend) {
  EXPECT_FALSE(of({day(1, 1000, 1), day(2, 1000, 1)}, {.above = 0}).open());
  EXPECT_TRUE(of({day(1, 1000, 1), day(2, 1000, 1)}, {.above = 5}).days == 2);
  const std::vector<DriftDay> back = {day(2, 1000, 0.8), day(1, 1000, 0.8)};
  EXPECT_EQ(drift_alert(even(), back, {}).error().code, ErrorCode::kInvalidArgument);
  DriftReference none;
  EXPECT_FALSE(drift_alert(none, {}, {})->open());
}

}  // namespace
}  // namespace zhiyin::model
