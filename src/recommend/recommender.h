#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "audience/people.h"
#include "recommend/recommend_model.h"

namespace zhiyin::recommend {

/// What recommendation needs to know of an item of the catalogue.
struct CandidateItem {
  ItemRef ref;
  std::string title;
  std::vector<std::pair<std::string, double>> tags;  ///< tag, weight
  Instant published_at;
  std::optional<Instant> valid_until;  ///< exclusive
  bool available = true;               ///< in stock, not withdrawn
};

struct RecommendRequest {
  std::size_t n = 10;  ///< 1 … kListMax
  std::string kind;    ///< of items; empty: all
  Instant now;
  std::vector<ItemRef> exclude;
  /// Interests known from elsewhere (tag, weight); those of the person's own items are added.
  std::vector<std::pair<std::string, double>> interests;
};
inline constexpr std::size_t kListMax = 500;

struct RecommendedItem {
  ItemRef item;
  std::string title;
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
class Recommender {
 public:
  /// `model` is shared by those who serve and those who replace it. `model_id` goes into
  /// impressions. With an empty catalogue the model's own items are the candidates.
  static std::shared_ptr<const Recommender> create(std::shared_ptr<const RecommendModel> model,
                                                   std::string model_id,
                                                   std::vector<CandidateItem> catalogue);

  /// kInvalidArgument when n is out of range. `person` may be empty (cold).
  [[nodiscard]] Result<RecommendResponse> recommend(const audience::PersonView& person,
                                                    const RecommendRequest& request) const;
  [[nodiscard]] const std::string& model_id() const { return model_id_; }

 private:
  struct Scratch;
  struct Taste;
  Recommender() = default;

  [[nodiscard]] Taste taste_of(const audience::PersonView& person,
                               const RecommendRequest& request) const;
  [[nodiscard]] bool eligible(std::uint32_t candidate, const RecommendRequest& request) const;
  void add_from_behaviour(const Taste& taste, const RecommendRequest& request, std::size_t wanted,
                          Scratch& scratch, RecommendResponse& out) const;
  void add_from_tags(const Taste& taste, const RecommendRequest& request, std::size_t wanted,
                     bool cold_only, Scratch& scratch, RecommendResponse& out) const;
  void add_ranked(const std::vector<std::uint32_t>& order, std::string_view source,
                  const RecommendRequest& request, Scratch& scratch, RecommendResponse& out) const;

  std::shared_ptr<const RecommendModel> model_;
  std::string model_id_;
  std::vector<CandidateItem> catalogue_;
  std::map<ItemRef, std::uint32_t> numbers_;  ///< item → place in catalogue_
  std::vector<std::uint32_t> of_model_;       ///< model item → catalogue_, or NameIndex::kAbsent
  std::vector<std::uint32_t> model_of_;       ///< catalogue_ → model item, or NameIndex::kAbsent
  std::unordered_map<std::string, std::vector<std::pair<std::uint32_t, float>>> by_tag_;
  std::vector<std::uint32_t> by_popularity_;
  std::vector<std::uint32_t> by_freshness_;
};

}  // namespace zhiyin::recommend
