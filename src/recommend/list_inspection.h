#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "recommend/recommender.h"

/// How a list came about: what each source offered, what the rules took away, and the list after
/// each stage. For people who look; serving does without.
namespace zhiyin::recommend {

/// What keeps a candidate out of a list, the first that applies.
enum class Obstacle {
  kNone,
  kDealtWith,  ///< by the person
  kTired,      ///< shown to the person again and again without effect
  kExcluded,   ///< by the request, as are the next six
  kNotEligible,
  kKind,
  kCategory,
  kTopic,
  kSentiment,
  kPrice,
  kAccount,      ///< for the followers of another account
  kHidden,       ///< by the operator
  kNotYetValid,  ///< by the catalogue, as are the next two
  kExpired,
  kUnavailable,  ///< out of stock
  kNearlySame,   ///< another with nearly the same text was dealt with, excluded or listed
  // After the merge:
  kAuthorMax,  ///< the list has as many of the author as it may
  kCategoryMax,
  kTopicMax,
  kCampaignMax,
  kVariety,  ///< another item made the list more varied
  kPlaces,   ///< better ones filled the list
};
/// `dealt_with`, `excluded`, …; for the wire.
std::string_view name_of(Obstacle obstacle);
struct ObstacleWords {
  std::string_view zh;
  std::string_view en;
};
/// In a reader's words; empty for kNone.
ObstacleWords words_of(Obstacle obstacle);

struct InspectedItem {
  RecommendedItem item;
  Obstacle obstacle = Obstacle::kNone;
};
/// What one source has to offer, before any rule.
struct InspectedSource {
  std::string source;               ///< as RecommendedItem::source says
  std::size_t candidates = 0;       ///< with a score above 0; of `popular` and `fresh` all of them
  std::vector<InspectedItem> best;  ///< at most `depth`, best first, with what the rules say
};
struct ObstacleCount {
  Obstacle obstacle = Obstacle::kNone;
  std::size_t count = 0;
};
struct InspectedStage {
  /// `merged`: what the sources gave together, after the rules; `ranked`, where a ranker serves:
  /// the same by its values; `reranked`, where variety or caps are wanted: what was chosen of it;
  /// `final`: the list, with places of exploration.
  std::string stage;
  std::vector<InspectedItem> items;  ///< with what kept an item out of the list
};
struct ListInspection {
  std::vector<InspectedSource> sources;
  /// Of all candidates of all sources, each counted once; falling.
  std::vector<ObstacleCount> removed;
  std::size_t candidates = 0;  ///< of all sources, each counted once
  std::vector<InspectedStage> stages;
  std::vector<std::pair<std::string, double>> interests;  ///< tag, weight; strongest is 1
  std::size_t history = 0;  ///< items of the person that the model counts
  bool fallback = false;
};

inline constexpr std::size_t kInspectionDepthMax = 300;

}  // namespace zhiyin::recommend
