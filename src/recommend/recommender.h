#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "audience/people.h"
#include "recommend/candidate_index.h"
#include "recommend/recommend_model.h"

namespace zhiyin::recommend {

struct RecommendRequest {
  std::size_t n = 10;  ///< 1 … kListMax
  std::string kind;    ///< of items; empty: all
  Instant now;
  std::vector<ItemRef> exclude;
  /// Interests known from elsewhere (tag, weight); those of the person's own items are added.
  std::vector<std::pair<std::string, double>> interests;
};
/// So that the impression of a list always fits a record of the log.
inline constexpr std::size_t kListMax = 300;

struct RecommendedItem {
  ItemRef item;
  std::string title;      ///< empty when the catalogue does not know it
  double score = 0;       ///< comparable within one source only
  std::string source;     ///< `itemknn`, `tags`, `popular` or `fresh`
  std::string reason;     ///< Chinese: 因为你读过《X》
  std::string reason_en;  ///< because you read "X"
  double propensity = 1;  ///< probability with which it was chosen: 1, the list is deterministic
};
struct RecommendResponse {
  std::vector<RecommendedItem> items;
  bool fallback = false;  ///< nothing came from behaviour: a cold person
};

/// Answers from one model and one catalogue, both immutable; make a new one when either changes.
/// Thread-safe.
///
/// First what goes with the person's own items; one place in five is kept for items that nobody has
/// dealt with yet and that match the person's interests. Where that does not fill the list: other
/// items that match the interests, then popular ones, then new ones. Items that the person dealt
/// with, excluded, expired and unavailable ones never appear.
class Recommender {
 public:
  /// `model` is shared by those who serve and those who replace it. `model_id` goes into
  /// impressions. For kinds without any item in the catalogue the model's own items are candidates.
  static std::shared_ptr<const Recommender> create(std::shared_ptr<const RecommendModel> model,
                                                   std::string model_id,
                                                   std::vector<CandidateItem> catalogue);

  /// kInvalidArgument when n is out of range. `person` may be empty (cold).
  [[nodiscard]] Result<RecommendResponse> recommend(const audience::PersonView& person,
                                                    const RecommendRequest& request) const;
  [[nodiscard]] const std::string& model_id() const { return model_id_; }

 private:
  struct Key {};

 public:
  /// Through `create` only.
  Recommender(Key, std::shared_ptr<const RecommendModel> model, std::string model_id,
              std::vector<CandidateItem> catalogue);

 private:
  /// Shared with those who replace it; immutable.
  const std::shared_ptr<const RecommendModel> model_;
  const std::string model_id_;
  const CandidateIndex candidates_;
};

}  // namespace zhiyin::recommend
