#include "recommend/ab_comparison.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"
#include "statistics/assignment.h"

namespace zhiyin::recommend {
namespace {

constexpr auto kRead = static_cast<std::size_t>(Response::kRead);
constexpr auto kHide = static_cast<std::size_t>(Response::kHide);

TEST(AbSplit, GroupsAreStableAndOfThePlannedSize) {
  for (const int percent : {1, 10, 50, 99}) {
    const AbSplit split{"ranker-3", percent};
    int in_b = 0;
    constexpr int kPeople = 20'000;
    for (int i = 0; i < kPeople; ++i) {
      const std::string person = "p_" + std::to_string(i);
      const AbGroup group = split.group_of(person);
      ASSERT_NE(group, AbGroup::kNone);
      ASSERT_EQ(group, split.group_of(person));
      in_b += group == AbGroup::kB ? 1 : 0;
      // Who is in B stays there when B grows.
      if (group == AbGroup::kB && percent < 99) {
        ASSERT_EQ((AbSplit{"ranker-3", percent + 1}).group_of(person), AbGroup::kB);
      }
    }
    const double share = percent / 100.0;
    const double sd = std::sqrt(share * (1 - share) * kPeople);
    EXPECT_NEAR(in_b, share * kPeople, 4 * sd) << percent;
  }
}

TEST(AbSplit, WhoCannotBeRecognisedIsInNoGroup) {
  EXPECT_EQ((AbSplit{"ranker-3", 50}).group_of(""), AbGroup::kNone);
  EXPECT_EQ((AbSplit{"", 50}).group_of("p_1"), AbGroup::kNone);
}

TEST(AbSplit, IsIndependentOfInterleavingAndOfOtherTests) {
  const AbSplit split{"ranker-3", 50};
  const AbSplit other{"ranker-4", 50};
  int interleaved = 0;
  int both = 0;
  int same = 0;
  constexpr int kPeople = 20'000;
  for (int i = 0; i < kPeople; ++i) {
    const std::string person = "p_" + std::to_string(i);
    const bool in_b = split.group_of(person) == AbGroup::kB;
    // As recommend.interleave_percent = 10 with the same version chooses people.
    const bool is_interleaved = statistics::assignment_hash("ranker-3", person) < 0.1;
    interleaved += is_interleaved ? 1 : 0;
    both += is_interleaved && in_b ? 1 : 0;
    same += in_b == (other.group_of(person) == AbGroup::kB) ? 1 : 0;
  }
  EXPECT_NEAR(both, interleaved / 2.0, 4 * std::sqrt(interleaved / 4.0));
  EXPECT_NEAR(same, kPeople / 2.0, 4 * std::sqrt(kPeople / 4.0));
}

int poisson(Random& random, double rate) {
  const double end = std::exp(-rate);
  int out = 0;
  for (double product = random.uniform(); product > end; product *= random.uniform()) ++out;
  return out;
}

/// Somebody who reads at a rate of their own, before as now, in group B `lift` more of it.
AbPerson reader(Random& random, bool in_b, double lift) {
  AbPerson out;
  out.group = in_b ? AbGroup::kB : AbGroup::kA;
  const double rate = 1 - 2 * std::log(1 - random.uniform());
  out.lists = 1 + poisson(random, 2);
  out.did_before[kRead] = poisson(random, 2 * rate);
  out.value_before = out.did_before[kRead];
  out.responses[kRead] = poisson(random, rate + (in_b ? lift : 0));
  out.value = out.responses[kRead];
  return out;
}

std::vector<AbPerson> readers(std::uint64_t seed, int people, double lift) {
  Random random(seed);
  std::vector<AbPerson> out;
  for (int i = 0; i < people; ++i) out.push_back(reader(random, i % 2 == 1, lift));
  return out;
}

const AbMetric& metric(const AbResult& result, std::string_view name) {
  for (const AbMetric& one : result.metrics) {
    if (one.name == name) return one;
  }
  ADD_FAILURE() << "no metric " << name;
  return result.metrics[0];
}

TEST(AbComparison, IntervalsHoldTheTruthAsOftenAsTheySay) {
  constexpr int kRuns = 400;
  for (const double lift : {0.0, 0.5}) {
    int planned = 0;
    int without = 0;
    int always = 0;
    double narrower = 0;
    for (int run = 0; run < kRuns; ++run) {
      const auto result =
          compare_groups(readers(static_cast<std::uint64_t>(1 + run), 400, lift), 50);
      const AbFigures& f = *metric(result, "value").figures;
      const auto holds = [&](const statistics::Comparison& c) {
        return c.interval.low <= lift && lift <= c.interval.high ? 1 : 0;
      };
      planned += holds(f.planned);
      without += holds(f.without_past);
      always += holds(f.always);
      narrower += f.noise_left / kRuns;
    }
    // 380 of 400 expected; two and a half standard deviations are 11.
    EXPECT_NEAR(planned, 380, 11) << lift;
    EXPECT_NEAR(without, 380, 11) << lift;
    EXPECT_GE(always, 390) << lift;
    // The past explains much of what a reader does.
    EXPECT_LT(narrower, 0.6);
    EXPECT_GT(narrower, 0.2);
  }
}

TEST(AbComparison, WhoLooksEveryDayIsMisledNoMoreOftenThanOnceInTwenty) {
  constexpr int kRuns = 300;
  int planned_fooled = 0;
  int always_fooled = 0;
  for (int run = 0; run < kRuns; ++run) {
    const auto everybody = readers(static_cast<std::uint64_t>(1000 + run), 2000, 0);
    bool planned = false;
    bool always = false;
    for (std::size_t day = 200; day <= everybody.size(); day += 100) {
      const auto result = compare_groups(std::span(everybody).first(day), 50);
      if (result.verdict == AbVerdict::kWrongRatio || result.verdict == AbVerdict::kTooFew)
        continue;
      planned |= result.verdict != AbVerdict::kOpen;
      always |= result.verdict == AbVerdict::kDiffers;
    }
    planned_fooled += planned ? 1 : 0;
    always_fooled += always ? 1 : 0;
  }
  EXPECT_LE(always_fooled, kRuns / 20);
  EXPECT_GT(planned_fooled, kRuns / 10);  // which is why it is not said of every look
}

TEST(AbComparison, FindsWhatIsThereAndSaysSo) {
  const AbSplit split{"ranker-3", 50};
  const auto better = compare_groups(readers(5, 4000, 0.6), 50);
  EXPECT_EQ(better.verdict, AbVerdict::kDiffers);
  EXPECT_LT(metric(better, "read").p_adjusted, 0.01);
  EXPECT_NEAR(metric(better, "value").figures->relative->estimate, 0.2, 0.05);
  EXPECT_TRUE(words_of(better, split).zh.starts_with("B 组更好"));
  EXPECT_TRUE(words_of(better, split).en.starts_with("B is better"));
  const auto worse = compare_groups(readers(5, 4000, -0.6), 50);
  EXPECT_TRUE(words_of(worse, split).en.starts_with("A is better"));
  const auto same = compare_groups(readers(6, 4000, 0), 50);
  EXPECT_EQ(same.verdict, AbVerdict::kOpen);
  EXPECT_TRUE(words_of(same, split).en.starts_with("No difference is seen"));
  // What could have been seen: found about four times in five when it is there.
  const double smallest = metric(same, "value").figures->smallest;
  EXPECT_GT(metric(same, "value").figures->smallest_always, smallest);
  int found = 0;
  constexpr int kRuns = 100;
  for (std::uint64_t seed = 0; seed < kRuns; ++seed) {
    const auto there = compare_groups(readers(2000 + seed, 4000, smallest), 50);
    found += there.verdict != AbVerdict::kOpen ? 1 : 0;
  }
  EXPECT_NEAR(found, 80, 12);
}

TEST(AbComparison, GroupsOfOtherSizesThanPlannedAreNoGroundForConclusions) {
  Random random(8);
  std::vector<AbPerson> people;
  for (int i = 0; i < 2000; ++i) {
    const bool in_b = random.uniform() < 0.5;
    // Group B's lists were empty for one in five, and nothing was noted.
    if (in_b && random.uniform() < 0.2) continue;
    people.push_back(reader(random, in_b, 0.5));
  }
  const auto result = compare_groups(people, 50);
  EXPECT_EQ(result.verdict, AbVerdict::kWrongRatio);
  EXPECT_LT(result.ratio_p, 0.001);
  EXPECT_TRUE(result.metrics.empty());
  const AbWords words = words_of(result, {"ranker-3", 50});
  EXPECT_TRUE(words.zh.starts_with("不能下结论"));
  EXPECT_NE(words.en.find("not the planned 50:50"), std::string::npos);
  // The same groups are what a plan of 44 % gives.
  EXPECT_NE(compare_groups(people, 44).verdict, AbVerdict::kWrongRatio);
}

TEST(AbComparison, GuardrailsBreakAlsoWhereGroupAHasNoneOfIt) {
  auto people = readers(9, 4000, 0);
  EXPECT_FALSE(metric(compare_groups(people, 50), "hide").is_broken);
  EXPECT_TRUE(metric(compare_groups(people, 50), "hide").refused.starts_with("variance is zero"));
  int left = 9;
  const auto hide_in_b = [&] {
    for (AbPerson& one : people) {
      if (one.group != AbGroup::kB || one.responses[kHide] > 0 || left == 0) continue;
      one.responses[kHide] = 1;
      --left;
    }
  };
  hide_in_b();
  EXPECT_FALSE(metric(compare_groups(people, 50), "hide").is_broken);
  left = 1;
  hide_in_b();
  EXPECT_TRUE(metric(compare_groups(people, 50), "hide").is_broken);
  // With somebody in A, by the interval.
  for (AbPerson& one : people) {
    if (one.group == AbGroup::kA) {
      one.responses[kHide] = 1;
      break;
    }
  }
  EXPECT_FALSE(metric(compare_groups(people, 50), "hide").is_broken);
  left = 200;
  hide_in_b();
  const auto broken = compare_groups(people, 50);
  EXPECT_TRUE(metric(broken, "hide").is_broken);
  const AbWords words = words_of(broken, {"ranker-3", 50});
  EXPECT_NE(words.zh.find("B 组“不感兴趣”更多"), std::string::npos);
  EXPECT_NE(words.en.find("Mind that group B hides items more"), std::string::npos);
}

TEST(AbComparison, SaysWhatItCannotSay) {
  const AbSplit split{"ranker-3", 50};
  const auto none = compare_groups({}, 50);
  EXPECT_EQ(none.verdict, AbVerdict::kTooFew);
  EXPECT_EQ(metric(none, "value").refused, "an arm has fewer than two users");
  const auto few = compare_groups(readers(3, 150, 2), 50);
  EXPECT_EQ(few.verdict, AbVerdict::kTooFew);
  EXPECT_TRUE(words_of(few, split).en.starts_with("Too few people yet"));
  std::vector<AbPerson> idle(400);
  for (std::size_t i = 0; i < idle.size(); ++i) {
    idle[i].group = i % 2 == 0 ? AbGroup::kA : AbGroup::kB;
    idle[i].lists = 1;
  }
  const auto nothing = compare_groups(idle, 50);
  EXPECT_EQ(nothing.verdict, AbVerdict::kNothing);
  EXPECT_TRUE(words_of(nothing, split).en.starts_with("Nothing to compare"));
  // Who is in no group changes nothing.
  auto with_others = readers(4, 500, 0);
  const double before = metric(compare_groups(with_others, 50), "value").figures->planned.estimate;
  with_others.push_back({.value = 1e6});
  EXPECT_EQ(metric(compare_groups(with_others, 50), "value").figures->planned.estimate, before);
}

TEST(AbComparison, WithoutAPastTheFiguresAreThePlainOnes) {
  auto people = readers(11, 600, 0.3);
  for (AbPerson& one : people) {
    one.value_before = 0;
    one.did_before.fill(0);
  }
  const AbFigures f = *metric(compare_groups(people, 50), "value").figures;
  EXPECT_EQ(f.noise_left, 1);
  EXPECT_EQ(f.planned.estimate, f.without_past.estimate);
  EXPECT_EQ(f.planned.interval, f.without_past.interval);
}

}  // namespace
}  // namespace zhiyin::recommend
