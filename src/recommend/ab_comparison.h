#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "recommend/objectives.h"
#include "statistics/compare.h"

/// Two versions beside each other: some people's lists are made wholly by one (group B), those of
/// all others by the versions in use (group A). Pure, thread-safe.
namespace zhiyin::recommend {

/// Stored in impressions: never change the numbers.
enum class AbGroup : std::uint8_t { kNone = 0, kA = 1, kB = 2 };

/// The version that makes the lists of group B, and the share of people in it: by assignment hash
/// version 2, with a seed of the test's own, so that it is independent of interleaving, holdouts
/// and tests of other versions. A share that grows leaves those in B who are there.
struct AbSplit {
  std::string version;  ///< empty: no test
  int percent = 50;     ///< 1 to 99

  /// kNone without a test, and for nobody (an empty id): who cannot be recognised is in no group.
  [[nodiscard]] AbGroup group_of(std::string_view person) const;
};

/// One person of a test: the sums over the lists whose time for responses is over.
struct AbPerson {
  AbGroup group = AbGroup::kNone;
  double lists = 0;
  double value = 0;                             ///< by the owner's weights
  std::array<double, kResponses> responses{};   ///< listed items that were responded to so
  double value_before = 0;                      ///< of what the person did before the first list …
  std::array<double, kResponses> did_before{};  ///< … and how often
};

/// What one figure (mean over people) says of the two groups. Differences are B - A, with what the
/// person did before taken out (CUPED).
struct AbFigures {
  statistics::Comparison planned;       ///< 95 %, Welch: for a single look, planned before
  statistics::Comparison always;        ///< 95 %, valid at every look (confidence sequence)
  statistics::Comparison without_past;  ///< as `planned`, CUPED left out
  std::optional<statistics::Comparison> relative;  ///< of A's mean; none where that is about 0
  double noise_left = 1;       ///< variance of the difference with CUPED / without
  double smallest = 0;         ///< difference that so many people show with probability 0.8: at a
  double smallest_always = 0;  ///< planned look, and at any
};
struct AbMetric {
  std::string name;  ///< `value`, `lists`, or a response
  double mean_a = 0;
  double mean_b = 0;
  std::optional<AbFigures> figures;
  std::string refused;        ///< why there are no figures
  double p_adjusted = 1;      ///< of a response: Holm's, over all responses with figures
  bool is_guardrail = false;  ///< more of it is bad: `unfollow`, `hide`
  /// A guardrail whose `always` interval lies above 0, or that so many in B alone ran into that
  /// chance does it once in a thousand times.
  bool is_broken = false;
};

enum class AbVerdict {
  kWrongRatio,   ///< the groups are not of the planned sizes: nothing may be concluded
  kTooFew,       ///< fewer than kAbPeopleMin in a group
  kNothing,      ///< no figure of value: nobody did anything, or all the same
  kOpen,         ///< no difference seen
  kPlannedOnly,  ///< seen by a look that was planned before, not by one of many
  kDiffers,      ///< seen whenever one looks
};
inline constexpr double kAbPeopleMin = 100;

struct AbResult {
  double people_a = 0;
  double people_b = 0;
  double ratio_p = 1;           ///< sample-ratio check against the planned share
  bool ratio_can_alarm = true;  ///< false: too few people to tell
  AbVerdict verdict = AbVerdict::kOpen;
  std::vector<AbMetric> metrics;  ///< value, lists, the responses; empty with kWrongRatio
};

/// People of kNone are not looked at. The verdict is on `value`. Requires 1 <= percent <= 99.
AbResult compare_groups(std::span<const AbPerson> people, int percent);

/// The verdict, and guardrails that broke, in a sentence: Chinese, English.
struct AbWords {
  std::string zh;
  std::string en;
};
AbWords words_of(const AbResult& result, const AbSplit& split);

}  // namespace zhiyin::recommend
