#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "audience/people.h"
#include "recommend/candidate_index.h"

namespace zhiyin::recommend {

/// An item that somebody liked, as the model numbers it.
struct Liked {
  std::uint32_t model_item = 0;
  double weight = 0;                             ///< of the action and its age
  const audience::Activity* activity = nullptr;  ///< the newest that counted; owned by the view
};

/// A candidate with a text that somebody liked.
struct LikedText {
  std::uint32_t candidate = 0;
  float weight = 0;                              ///< of the action and its age
  const audience::Activity* activity = nullptr;  ///< the newest that counted; owned by the view
};

/// What one person's history says, as plain values. Lives no longer than the view it was made from.
struct Taste {
  std::vector<Liked> liked;  ///< newest first, at most RecommendModel::history_max()
  /// Newest first, also what the model does not know; empty where no texts are known.
  std::vector<LikedText> texts;
  std::vector<bool> seen;  ///< by candidate: dealt with already
  std::vector<std::pair<std::string, double>>
      interests;  ///< tags, strongest first, the strongest is 1
  /// The same by number of the tag, kNone where no candidate has it.
  std::vector<CandidateIndex::TagWeight> tags;
};

inline constexpr std::size_t kLikedTextsMax = 30;
inline constexpr std::size_t kInterestsMax = 50;

/// `given` are interests known from elsewhere. Activity after `now` does not count. What was dealt
/// with longer than `return_after` ago is not `seen` (absent: whatever was dealt with is); what was
/// turned down always is. Pure.
Taste taste_of(const audience::PersonView& person, const RecommendModel& model,
               const CandidateIndex& candidates,
               const std::vector<std::pair<std::string, double>>& given, Instant now,
               std::optional<Duration> return_after = std::nullopt);

}  // namespace zhiyin::recommend
