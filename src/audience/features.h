#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "audience/people.h"
#include "base/time.h"

namespace zhiyin::audience {

/// Values of features and interests are whole millionths, so that the two evaluations of a segment
/// agree to the bit.
inline constexpr std::int64_t kMicro = 1'000'000;

/// Values beyond it are no ratings; the bound keeps means exact.
inline constexpr std::int64_t kMeanValueMax = 1'000'000;

/// How a feature follows from a person's events of one kind.
enum class FeatureForm {
  kCount,          ///< events
  kSum,            ///< of their values
  kDaysSinceLast,  ///< whole days; missing without an event
  kDaysSinceFirst,
  kActiveDays,  ///< days (UTC+8) with an event
  kPeakHour,    ///< the hour (UTC+8) with most events, the earliest of equals; missing without an
                ///< event
  kNightShare,  ///< share of events between 22:00 and 06:00 (UTC+8), cut to 0.001; missing without
  kDistinctItems,
  kMean,  ///< of the values within ±kMeanValueMax, cut to 0.01; missing without an event
};

struct Feature {
  std::string name;
  FeatureForm form = FeatureForm::kCount;
  std::string kind;  ///< of the events; empty: everything that the person did (`is_behaviour`)
  std::optional<Duration> window;  ///< (as_of - window, as_of]; absent: all history
  std::string unit;
  std::string help_zh;
  std::string help_en;
};

/// The closed list. The order is stable within a version of the program.
std::span<const Feature> features();
/// Null when there is none of that name.
const Feature* find_feature(std::string_view name);
std::vector<std::string_view> feature_names();

/// A feature in millionths; nothing when it is missing. Pure. Events after `as_of` do not count.
std::optional<std::int64_t> feature_micro(const Feature& feature, const PersonView& view,
                                          Instant as_of);

/// All features in the order of `features()`; not-a-number where one is missing. Pure.
std::vector<double> feature_vector(const PersonView& view, Instant as_of);

/// True for what a person did, as opposed to what was done to or said about them: neither `touch.*`
/// nor one of kPassiveKinds.
bool is_behaviour(std::string_view kind);
inline constexpr std::string_view kPassiveKinds[] = {"trait.set", "show", "template_result",
                                                     "segment.entered", "segment.left"};
/// Hour of the day in UTC+8, [0, 24).
int local_hour(Instant t);

}  // namespace zhiyin::audience
