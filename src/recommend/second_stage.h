#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "recommend/boosted_trees.h"
#include "recommend/click_tastes.h"
#include "recommend/objectives.h"
#include "recommend/ranker_features.h"

/// Trees behind the ranker: what an item is worth beyond what the ranker expects, from the ranker's
/// own figures and what else is known of the item and the request.
namespace zhiyin::recommend {

/// Of the best items of a list by the ranker so many are looked at once more.
inline constexpr std::size_t kSecondStagePool = 50;
inline constexpr std::size_t kStageInputs = 26;
using StageInputs = std::array<float, kStageInputs>;
/// `click_rate` and `affinity` (what lists say of the item and of people of such a taste:
/// click_tastes.h), `value`, `read` … `hide` (probabilities), `score`, `similarity`, `popularity`,
/// `age`, `price`, `hour`, `place`, and one for each kind of source; for reasons.
std::string_view stage_input_name(std::size_t input);

/// What the trees look at. Numbers that are unknown are NaN. Pure.
struct StageFacts {
  double value = 0;                          ///< what the ranker expects the item to be worth
  std::array<double, kResponses> chances{};  ///< the ranker's probabilities; 0 for weights of 0
  const ItemFacts* item = nullptr;
  ShownFacts shown;
  const RequestContext* context = nullptr;
  Instant at;
  std::size_t place = 0;  ///< in the list; when lists are ordered the first
  double click_rate = 0;
  double affinity = 0;  ///< 0: nothing is known of the person's taste
};
StageInputs stage_inputs(const StageFacts& facts);

/// Trees, and the owner's weights that they learnt with: with others they say nothing.
struct SecondStage {
  BoostedTrees trees;
  std::string objectives;  ///< Objectives::text()
  std::optional<ClickTastes> tastes = {};
};

}  // namespace zhiyin::recommend
