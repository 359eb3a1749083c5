#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "recommend/list_inspection.h"
#include "recommend/reason.h"
#include "recommend/recommender.h"
#include "recommend/taste.h"

namespace zhiyin::recommend {

/// One list in the making: gathers candidates from the sources in the order of Recommender, chooses
/// among them, and says why. Lives for one request; refers to what it was made from.
class ListBuilder {
 public:
  ListBuilder(const RecommendModel& model, const CandidateIndex& candidates,
              const audience::PersonView& person, const RecommendRequest& request,
              const ListRanker* ranker = nullptr);
  ~ListBuilder();
  ListBuilder(const ListBuilder&) = delete;
  ListBuilder& operator=(const ListBuilder&) = delete;

  RecommendResponse personal();
  RecommendResponse similar_to(std::uint32_t candidate);
  RecommendResponse popular();
  RecommendResponse latest();
  /// personal(), and how it came about; in list_inspection.cc.
  ListInspection inspect(std::size_t depth);

 private:
  struct Scored {
    std::uint32_t candidate = 0;
    double score = 0;
    /// Number of the liked item, of the interest, or of the candidate that says most.
    std::uint32_t why = 0;
  };
  /// What `why` counts. Words are made for those listed only.
  enum class Because { kLiked, kText, kInterest, kSimilar, kSegment, kPopular, kFresh, kPinned };
  /// A candidate as a source gave it.
  struct Gathered {
    Scored scored;
    std::string_view source;
    Because because = Because::kLiked;
    std::optional<double> value = {};  ///< where a ranker orders them
  };
  enum class Among { kAll, kUnknown };
  class Sums;

  Sums& sums();
  [[nodiscard]] bool passes_rules(std::uint32_t candidate) const;
  [[nodiscard]] bool may_be_listed(std::uint32_t candidate) const {
    return !taken_[candidate] && !taken_groups_[candidates_.group(candidate)] &&
           passes_rules(candidate);
  }
  /// The candidate, and what has nearly the same text, comes no more.
  void take(std::uint32_t candidate);
  [[nodiscard]] std::vector<Scored> behaviour_scores();
  [[nodiscard]] std::vector<Scored> factor_scores() const;
  [[nodiscard]] std::vector<Scored> tag_scores(
      const std::vector<std::pair<std::string, double>>& interests, Among among);
  [[nodiscard]] std::vector<Scored> best(std::vector<Scored> scored, std::size_t count) const;
  [[nodiscard]] std::vector<Scored> best_by_text(std::span<const LikedText> liked, Among among,
                                                 std::size_t count) const;
  [[nodiscard]] std::vector<Scored> near_by_index(std::span<const TextVectors::Part> parts,
                                                  Among among, std::size_t wanted) const;
  [[nodiscard]] std::vector<Gathered> best_new(std::size_t places);
  [[nodiscard]] Reason reason_of(const Gathered& g);
  /// What each liked item adds to the score that folding in gives a candidate.
  std::span<const float> factor_terms(std::uint32_t candidate);

  void gather(const Scored& s, std::string_view source, Because because);
  void gather_behaviour(std::size_t places);
  /// What is popular in the person's segments, of each in turn.
  void gather_segments(std::size_t places);
  void gather_popular();
  void gather_fresh();
  void pin();
  void note_tired();
  void move_tired_back();
  void rank();
  void rank_once_more();
  void explain_value(RecommendedItem& item, const ShownFacts& facts);
  std::span<const float> person_taste();
  [[nodiscard]] ShownFacts facts_of(const Gathered& g);
  [[nodiscard]] std::vector<double> qualities() const;
  [[nodiscard]] float similarity_of(std::uint32_t candidate);
  void explore();
  void choose();
  void list(const Gathered& g, double propensity);
  void explain(RecommendedItem& item, const Gathered& g);

  // Of inspect() alone.
  /// What is popular in the person's segments, of each in turn; everything once.
  [[nodiscard]] std::vector<Scored> segment_scores() const;
  [[nodiscard]] Obstacle obstacle_of(std::uint32_t candidate) const;
  [[nodiscard]] std::vector<ObstacleCount> count_obstacles(const std::vector<bool>& offered) const;
  /// As it would be listed.
  RecommendedItem item_of(const Gathered& g);
  InspectedSource source_of(std::string_view source, Because because, std::vector<Scored> scored,
                            std::size_t depth);
  void tell_what_was_left_out(InspectedStage& stage,
                              const std::vector<RecommendedItem>& list) const;
  /// What stands in the list and gathered now, under a name. Do nothing but for inspect().
  void note_stage(std::string_view stage);
  void note_list(std::string_view stage);

  const RecommendModel& model_;
  const CandidateIndex& candidates_;
  const RecommendRequest& request_;
  const ListRanker* const ranker_;
  Taste taste_;
  std::vector<bool> taken_;         ///< by candidate: seen, excluded or gathered
  std::vector<bool> taken_groups_;  ///< by group of near-duplicates: one of it is; 0 never
  std::vector<bool> eligible_;      ///< empty: all
  std::vector<bool> tired_;         ///< empty: none
  struct Interest {
    std::uint32_t tag = 0;
    double weight = 0;
  };
  std::vector<Interest> interest_;      ///< of tags that candidates have, by number; once asked for
  double interest_length_ = -1;         ///< of all; below 0: not asked for yet
  std::vector<float> person_taste_;     ///< once asked for
  std::vector<std::uint32_t> history_;  ///< liked items of the model, where folding in lists
  std::optional<Ials::Terms> shares_;   ///< once asked for
  std::vector<float> terms_;            ///< of the candidate asked for last
  std::unique_ptr<Sums> sums_;          ///< once asked for
  bool chooses_ = false;                ///< the list is chosen for variety, or by caps
  std::size_t pool_ = 0;                ///< how many to gather
  std::vector<Gathered> gathered_;
  RecommendResponse out_;
  ListInspection* inspection_ = nullptr;  ///< while inspect() runs
};

}  // namespace zhiyin::recommend
