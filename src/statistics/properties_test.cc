// Properties that must hold for all inputs, on seeded random ones.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>
#include <vector>

#include "base/random.h"
#include "statistics/change/alert.h"
#include "statistics/distributions.h"
#include "statistics/quantile.h"
#include "statistics/sketch.h"

namespace zhiyin::statistics {
namespace {

TEST(DistinctSketch, ErrorAtEverySize) {
  constexpr double kStandardError = 0.0081;
  Random random(31);
  const std::pair<int, int> sizes[] = {{10, 40},    {100, 40},    {1000, 40},   {10000, 40},
                                       {30000, 40}, {100000, 20}, {300000, 10}, {1000000, 4}};
  for (const auto& [size, runs] : sizes) {
    double squares = 0;
    double sum = 0;
    for (int run = 0; run < runs; ++run) {
      DistinctSketch sketch;
      for (int i = 0; i < size; ++i) sketch.add_hash(random.next());
      const double error = sketch.estimate() / size - 1;
      EXPECT_LT(std::fabs(error), 4.5 * kStandardError) << size;
      sum += error;
      squares += error * error;
    }
    EXPECT_LT(std::sqrt(squares / runs), kStandardError * (1 + 2.5 / std::sqrt(2.0 * runs)))
        << size;
    EXPECT_LT(std::fabs(sum / runs), 3.5 * kStandardError / std::sqrt(runs)) << size;
  }
}

TEST(DistinctSketch, OfPartsIsThatOfAll) {
  Random random(32);
  for (int trial = 0; trial < 20; ++trial) {
    std::vector<DistinctSketch> parts(1 + random.below(9));
    DistinctSketch all;
    for (int i = 0; i < 5000; ++i) {
      const std::uint64_t hash = random.next();
      all.add_hash(hash);
      // Some are in several parts.
      for (std::uint64_t copies = 1 + random.below(3); copies > 0; --copies) {
        parts[random.below(parts.size())].add_hash(hash);
      }
    }
    for (std::size_t i = 1; i < parts.size(); ++i) parts[0].merge(parts[i]);
    EXPECT_TRUE(std::ranges::equal(parts[0].registers(), all.registers()));
  }
}

TEST(QuantileSketch, RanksAreCloseForAnySplitAndOrder) {
  Random random(33);
  for (int trial = 0; trial < 60; ++trial) {
    const std::size_t n = 1 + random.below(trial % 3 == 0 ? 40 : 20000);
    std::vector<double> values(n);
    for (double& v : values) {
      const double z = random.normal();
      v = trial % 4 == 0   ? z
          : trial % 4 == 1 ? std::exp(3 * z)
          : trial % 4 == 2 ? std::floor(3 * z)  // many ties
                           : (random.below(50) == 0 ? 1e9 * z : z);
    }
    std::vector<double> sorted = values;
    std::ranges::sort(sorted);
    if (trial % 5 == 0) values = sorted;
    std::vector<QuantileSketch> parts(1 + random.below(40));
    const bool blocks = random.below(2) == 0;  // stretches, or at random; some stay empty
    for (std::size_t i = 0; i < n; ++i) {
      parts[blocks ? i * parts.size() / n : random.below(parts.size())].add(values[i]);
    }
    while (parts.size() > 1) {
      const std::size_t into = random.below(parts.size() - 1);
      parts[into].merge(parts.back());
      parts.pop_back();
    }
    QuantileSketch& all = parts[0];
    EXPECT_DOUBLE_EQ(all.count(), static_cast<double>(n));
    EXPECT_DOUBLE_EQ(all.quantile(0).value(), sorted.front());
    EXPECT_DOUBLE_EQ(all.quantile(1).value(), sorted.back());
    EXPECT_LE(all.centroids().size(), 250U);
    double last = sorted.front();
    for (const double q : {0.0005, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.9995}) {
      const double found = all.quantile(q).value();
      EXPECT_GE(found, last);
      last = found;
      const auto rank = [&](auto place) {
        return static_cast<double>(place - sorted.begin()) / static_cast<double>(n);
      };
      // What one centroid of 200 holds at most; two where equal values meet.
      const double share = 2 * std::numbers::pi / 200 * std::sqrt(q * (1 - q));
      const double room = (trial % 4 == 2 ? 2 : 1) * share + 1.5 / static_cast<double>(n);
      EXPECT_LE(rank(std::ranges::lower_bound(sorted, found)), q + room) << trial << ' ' << q;
      EXPECT_GE(rank(std::ranges::upper_bound(sorted, found)), q - room) << trial << ' ' << q;
    }
  }
}

TEST(Quantile, ClusteredIntervalsCover) {
  constexpr int kRuns = 1000;
  const double z = normal_quantile(0.975);
  for (const double nu : {0.5, 0.9}) {
    Random random(34);
    const double truth = std::sqrt(2.0) * normal_quantile(nu);
    int covered = 0;
    int covered_alone = 0;
    for (int run = 0; run < kRuns; ++run) {
      std::vector<double> values;
      std::vector<std::uint32_t> person;
      for (std::uint32_t p = 0; p < 150; ++p) {
        const double own = random.normal();
        for (std::uint64_t k = 1 + random.below(9); k > 0; --k) {
          values.push_back(own + random.normal());
          person.push_back(p);
        }
      }
      const auto covers = [&](const Answer<Moments>& m) {
        return std::fabs(m->mean - truth) <= z * std::sqrt(m->variance / m->n);
      };
      covered += covers(quantile_moments(quantile_arm(values, nu, 0.05, person), nu));
      covered_alone += covers(quantile_moments(quantile_arm(values, nu), nu));
    }
    EXPECT_GT(covered, 0.93 * kRuns) << nu;
    EXPECT_LT(covered, 0.97 * kRuns) << nu;
    // What the clusters are for.
    EXPECT_LT(covered_alone, 0.88 * kRuns) << nu;
  }
}

/// The rules of alerts said again, over the whole past.
class AlertHistory {
 public:
  explicit AlertHistory(const Alert::Settings& settings) : settings_(settings) {}

  std::optional<AlertEvent> expected(Instant at, double signal) {
    past_.push_back({at, signal});
    const auto last_few = [&](std::size_t count, auto&& holds) {
      if (past_.size() - since_ < count) return false;
      return std::all_of(past_.end() - static_cast<std::ptrdiff_t>(count), past_.end(), holds);
    };
    if (!open_) {
      const bool confirmed =
          last_few(static_cast<std::size_t>(settings_.confirm),
                   [&](const Signal& s) { return s.value >= settings_.open_at; });
      const bool cool = !closed_at_ || at - *closed_at_ >= settings_.cool_down;
      if (!confirmed || (!cool && signal < settings_.escalate_at)) return std::nullopt;
      open_ = true;
      escalated_ = false;
      since_ = past_.size();
      return AlertEvent::kOpened;
    }
    if (signal >= settings_.escalate_at && !escalated_) {
      escalated_ = true;
      return AlertEvent::kEscalated;
    }
    // Quiet since the first value after the last that was loud.
    std::size_t quiet = past_.size();
    while (quiet > since_ && past_[quiet - 1].value < settings_.close_below) --quiet;
    if (quiet == past_.size() || at - past_[quiet].at < settings_.quiet_for) return std::nullopt;
    open_ = false;
    closed_at_ = at;
    since_ = past_.size();
    return AlertEvent::kClosed;
  }

 private:
  struct Signal {
    Instant at;
    double value;
  };
  Alert::Settings settings_;
  std::vector<Signal> past_;
  std::size_t since_ = 0;  ///< the first value after the last opening or closing
  bool open_ = false;
  bool escalated_ = false;
  std::optional<Instant> closed_at_;
};

TEST(Alert, KeepsItsRulesOnRandomStreams) {
  Random random(35);
  int events[4] = {};
  for (int trial = 0; trial < 300; ++trial) {
    Alert::Settings s;
    s.confirm = 1 + static_cast<int>(random.below(4));
    s.quiet_for = std::chrono::minutes(random.below(30));
    s.cool_down = std::chrono::minutes(random.below(120));
    auto alert = Alert::create(s).value();
    AlertHistory history(s);
    Instant at{};
    double level = 0;
    for (int i = 0; i < 400; ++i) {
      at = at + std::chrono::minutes(random.below(10));  // also twice the same
      if (random.below(12) == 0) level = 10 * random.uniform();
      // Often exactly at a threshold.
      const double thresholds[] = {s.close_below, s.open_at, s.escalate_at};
      const double signal =
          random.below(5) == 0 ? thresholds[random.below(3)] : level + random.normal();
      const auto event = alert.update(at, signal);
      ASSERT_TRUE(event);
      ASSERT_EQ(*event, history.expected(at, signal)) << trial << ' ' << i;
      if (*event) ++events[static_cast<int>(**event)];
      if (*event == AlertEvent::kOpened) {
        EXPECT_EQ(alert.opened_at(), at);
      }
    }
  }
  for (const int kind : {1, 2, 3}) EXPECT_GT(events[kind], 500) << kind;
}

}  // namespace
}  // namespace zhiyin::statistics
