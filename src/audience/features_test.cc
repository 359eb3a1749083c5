#include "audience/features.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>

#include "audience/interests.h"
#include "audience/traits.h"

namespace zhiyin::audience {
namespace {

/// 2026-03-01 12:00 in Shanghai.
const Instant kNoon = *parse_time("2026-03-01T12:00:00+08:00", TimeZone::shanghai());

Activity act(std::string kind, Instant at, std::int64_t value = 1, std::string item = {}) {
  Activity a;
  a.at = at;
  a.kind = std::move(kind);
  a.value = value;
  if (!item.empty()) a.item = ingest::ItemRef{"article", std::move(item)};
  return a;
}

PersonView person(std::vector<Activity> activity) {
  PersonView view{PersonId("p_x"), std::vector<IdentityHash>(1), std::move(activity)};
  std::int64_t offset = 0;
  for (Activity& a : view.activity) a.offset = ++offset;
  std::ranges::sort(view.activity, {},
                    [](const Activity& a) { return std::tuple(a.at, a.offset); });
  return view;
}

std::optional<double> feature(std::string_view name, const PersonView& view,
                              Instant as_of = kNoon) {
  const Feature* f = find_feature(name);
  EXPECT_NE(f, nullptr) << name;
  const auto micro = feature_micro(*f, view, as_of);
  if (!micro) return std::nullopt;
  return static_cast<double>(*micro) / kMicro;
}

TEST(Features, NamesAreDistinctAndDescribedInBothLanguages) {
  std::set<std::string_view> names;
  for (const Feature& f : features()) {
    EXPECT_TRUE(names.insert(f.name).second) << f.name;
    EXPECT_FALSE(f.unit.empty() || f.help_zh.empty() || f.help_en.empty()) << f.name;
  }
  EXPECT_GT(names.size(), 50U);
  EXPECT_EQ(find_feature("nonsense"), nullptr);
}

TEST(Features, WindowsAreOpenAtTheStartAndEndWithTheMoment) {
  const PersonView view = person(
      {act("like", kNoon - kDay * 7), act("like", kNoon - kDay * 7 + Duration(1)),
       act("like", kNoon), act("like", kNoon + Duration(1)), act("like", kNoon - kDay * 30)});
  EXPECT_EQ(feature("likes_7d", view), 2);
  EXPECT_EQ(feature("likes_30d", view), 3);
  EXPECT_EQ(feature("likes_90d", view), 4);
  EXPECT_EQ(feature("events_total", view), 4);
}

TEST(Features, SumsAddValues) {
  const PersonView view = person({act("read", kNoon - kDay, 40), act("read", kNoon - kDay * 8, 100),
                                  act("purchase", kNoon - kDay, 1990)});
  EXPECT_EQ(feature("reading_seconds_7d", view), 40);
  EXPECT_EQ(feature("reading_seconds_30d", view), 140);
  EXPECT_EQ(feature("purchase_fen_7d", view), 1990);
  EXPECT_EQ(feature("reads_30d", view), 2);
}

TEST(Features, DaysAreWholeAndMissingWithoutEvents) {
  const PersonView view =
      person({act("read", kNoon - kDay * 3), act("read", kNoon - kDay * 10 - Duration(1))});
  EXPECT_EQ(feature("days_since_last", view), 3);
  EXPECT_EQ(feature("days_since_last", view, kNoon - Duration(1)), 2);
  EXPECT_EQ(feature("days_since_first", view), 10);
  EXPECT_EQ(feature("days_since_purchase", view), std::nullopt);
  EXPECT_EQ(feature("days_since_last", person({})), std::nullopt);
}

TEST(Features, WhatOthersDidIsNoActivity) {
  const PersonView view = person(
      {act("touch.sent", kNoon - kDay), act("show", kNoon - kDay), act("trait.set", kNoon - kDay)});
  EXPECT_EQ(feature("days_since_last", view), std::nullopt);
  EXPECT_EQ(feature("active_days_7d", view), 0);
  EXPECT_EQ(feature("touches_30d", view), 1);
  EXPECT_EQ(feature("events_total", view), 0);
}

TEST(Features, DaysAndHoursAreThoseOfShanghai) {
  const auto at = [](const char* text) { return *parse_time(text, TimeZone::shanghai()); };
  const PersonView view = person(
      {act("read", at("2026-02-26T23:59:59+08:00")), act("read", at("2026-02-27T00:00:00+08:00")),
       act("read", at("2026-02-27T21:59:59+08:00")), act("read", at("2026-02-28T23:30:00+08:00"))});
  EXPECT_EQ(feature("active_days_7d", view), 3);
  EXPECT_EQ(feature("active_hour_peak", view), 23);
  EXPECT_EQ(feature("night_reading_share", view), 0.75);
  EXPECT_EQ(local_hour(at("2026-02-27T00:00:00+08:00")), 0);
}

TEST(Features, EarliestOfEquallyActiveHoursIsThePeak) {
  const auto at = [](const char* text) { return *parse_time(text, TimeZone::shanghai()); };
  const PersonView view = person(
      {act("read", at("2026-02-27T20:00:00+08:00")), act("read", at("2026-02-27T09:00:00+08:00"))});
  EXPECT_EQ(feature("active_hour_peak", view), 9);
}

TEST(Features, ItemsCountOnceAndMeansAreCut) {
  const PersonView view =
      person({act("read", kNoon - kDay, 1, "a"), act("like", kNoon - kDay, 1, "a"),
              act("read", kNoon - kDay, 1, "b"), act("rating", kNoon - kDay, 5, "a"),
              act("rating", kNoon - kDay, 3), act("rating", kNoon - kDay, 3)});
  EXPECT_EQ(feature("distinct_items_7d", view), 2);
  EXPECT_EQ(feature("rating_mean", view), 3.66);
  EXPECT_EQ(feature("ratings_total", view), 3);
}

TEST(Features, HugeValuesSaturateInsteadOfOverflowing) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  const PersonView view =
      person({act("purchase", kNoon - kDay, kMost), act("purchase", kNoon - kDay, kMost)});
  EXPECT_GT(*feature("purchase_fen_7d", view), 9e12);
}

TEST(Features, VectorHoldsTheSameNumbersAsSingleFeatures) {
  const PersonView view =
      person({act("read", kNoon - kDay, 40, "a"), act("like", kNoon - kDay * 20, 1, "b"),
              act("touch.sent", kNoon - kDay), act("purchase", kNoon - kDay * 60, 990),
              act("like", kNoon + kDay)});
  const auto values = feature_vector(view, kNoon);
  ASSERT_EQ(values.size(), features().size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto single = feature(features()[i].name, view);
    EXPECT_EQ(std::isnan(values[i]), !single) << features()[i].name;
    if (single) {
      EXPECT_EQ(values[i], *single) << features()[i].name;
    }
  }
}

const std::vector<catalogue::ItemTag> kBaby{{"母婴", 1000}, {"育儿", 500}};
std::span<const catalogue::ItemTag> tags(const ingest::ItemRef& ref) {
  return ref.id == "baby" ? std::span(kBaby) : std::span<const catalogue::ItemTag>();
}

TEST(Interests, LikeOfTodayWeighsOneAndHalfAfterThirtyDays) {
  EXPECT_EQ(interest_micro("母婴", person({act("like", kNoon, 1, "baby")}), tags, kNoon),
            1'000'000);
  EXPECT_EQ(interest_micro("育儿", person({act("like", kNoon, 1, "baby")}), tags, kNoon), 500'000);
  EXPECT_EQ(
      interest_micro("母婴", person({act("like", kNoon - kDay * 30, 1, "baby")}), tags, kNoon),
      500'000);
  EXPECT_EQ(
      interest_micro("母婴", person({act("like", kNoon - kDay * 60, 1, "baby")}), tags, kNoon),
      250'000);
  EXPECT_EQ(
      interest_micro("母婴", person({act("like", kNoon - kDay * 800, 1, "baby")}), tags, kNoon), 0);
  EXPECT_EQ(interest_micro("母婴", person({act("like", kNoon + kDay, 1, "baby")}), tags, kNoon), 0);
  EXPECT_EQ(interest_micro("母婴", person({act("like", kNoon, 1, "other")}), tags, kNoon), 0);
}

TEST(Interests, DecayFallsAndHalvesEveryThirtyDays) {
  for (std::int64_t h = 1; h < kDecayHours; ++h) ASSERT_LE(decay_micro(h), decay_micro(h - 1));
  for (std::int64_t h = 0; h + 720 < kDecayHours; h += 97) {
    EXPECT_NEAR(static_cast<double>(decay_micro(h + 720)) * 2, static_cast<double>(decay_micro(h)),
                1.5);
  }
  EXPECT_EQ(decay_micro(kDecayHours), 0);
  EXPECT_EQ(decay_micro(-1), 0);
}

TEST(Interests, ReadingCountsBySecondsUpToFiveMinutes) {
  EXPECT_EQ(interest_points("read", 40), 40);
  EXPECT_EQ(interest_points("read", 4000), 300);
  EXPECT_EQ(interest_points("read", -5), 0);
  EXPECT_EQ(interest_points("unfollow", 1), 0);
}

TEST(Interests, StrongestComeFirst) {
  const auto list = interests(person({act("share", kNoon, 1, "baby")}), tags, kNoon, 1);
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0].tag, "母婴");
  EXPECT_EQ(list[0].weight, 2.0);
}

TEST(Traits, NumbersAreReadFromPlainDecimalsOnly) {
  const auto number = [](const char* json) {
    const auto list = trait_settings(fmt::format(R"({{"x":{}}})", json));
    return list.at(0).number;
  };
  EXPECT_EQ(number("12"), 12.0);
  EXPECT_EQ(number("\"-3.5\""), -3.5);
  EXPECT_EQ(number("\"1e3\""), std::nullopt);
  EXPECT_EQ(number("\"2026-03-01\""), std::nullopt);
  EXPECT_EQ(number("\"inf\""), std::nullopt);
  EXPECT_EQ(number("\"\""), std::nullopt);
  EXPECT_EQ(number("true"), std::nullopt);
  EXPECT_TRUE(trait_settings("not json").empty());
  EXPECT_TRUE(trait_settings("").empty());
  EXPECT_TRUE(trait_settings(fmt::format(R"({{"{}":1}})", std::string(200, 'x'))).empty());
}

}  // namespace
}  // namespace zhiyin::audience
