#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "audience/people.h"
#include "audience/segment.h"

/// Interest in a tag: for every event on an item with that tag, points of the event × weight of the
/// tag × 2^(-age / 30 days), summed in whole numbers, so that neither order nor place of evaluation
/// matters. One like today on an item with that tag is 1.0. Pure.
namespace zhiyin::audience {

/// What an event on an item says about interest in its tags, in hundredths of a like.
struct InterestRule {
  std::string_view kind;
  std::int64_t points;    ///< fixed, or the most when …
  bool by_value = false;  ///< … one point for each unit of the value (seconds of `read` and `play`)
};
inline constexpr InterestRule kInterestRules[] = {
    {"read", 300, true}, {"play", 300, true}, {"like", 100},   {"share", 200},
    {"comment", 200},    {"favorite", 200},   {"click", 50},   {"view", 20},
    {"cart", 200},       {"purchase", 300},   {"rating", 100},
};
/// 0 for kinds that show no interest.
std::int64_t interest_points(std::string_view kind, std::int64_t value);

/// Decay is a step function of whole hours, in millionths; 0 after kDecayHours.
inline constexpr std::int64_t kDecayHours = 24 * 30 * 21;
std::int64_t decay_micro(std::int64_t age_hours);

/// The weight of one tag at `as_of` in millionths.
std::int64_t interest_micro(std::string_view tag, const PersonView& view, const TagLookup& tags,
                            Instant as_of);

struct Interest {
  std::string tag;
  double weight = 0;
};
/// The strongest, strongest first; ties by tag.
std::vector<Interest> interests(const PersonView& view, const TagLookup& tags, Instant as_of,
                                std::size_t limit = 20);

}  // namespace zhiyin::audience
