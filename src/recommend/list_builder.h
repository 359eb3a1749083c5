#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "recommend/candidate_scores.h"
#include "recommend/list_inspection.h"
#include "recommend/list_rules.h"
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
  ListBuilder(const ListBuilder&) = delete;
  ListBuilder& operator=(const ListBuilder&) = delete;

  RecommendResponse personal();
  RecommendResponse similar_to(std::uint32_t candidate);
  RecommendResponse popular();
  RecommendResponse latest();
  RecommendResponse edited();
  /// personal(), and how it came about; in list_inspection.cc.
  ListInspection inspect(std::size_t depth);

 private:
  /// What `why` counts. Words are made for those listed only.
  enum class Because {
    kLiked,
    kText,
    kInterest,
    kSimilar,
    kSegment,
    kPopular,
    kFresh,
    kPinned,
    kEditor
  };
  /// A candidate as a source gave it.
  struct Gathered {
    Scored scored;
    std::string_view source;
    Because because = Because::kLiked;
    std::optional<double> value = {};  ///< where a ranker orders them
    std::optional<float> text = {};    ///< closeness_of, once asked for
  };
  enum class Among { kAll, kUnknown };

  ScoreSums& sums();
  [[nodiscard]] bool passes_rules(std::uint32_t candidate) const { return rules_.pass(candidate); }
  [[nodiscard]] bool may_be_listed(std::uint32_t candidate) const {
    return !taken_[candidate] && !taken_groups_[candidates_.group(candidate)] &&
           passes_rules(candidate);
  }
  /// The candidate, and what has nearly the same text, comes no more.
  void take(std::uint32_t candidate);
  [[nodiscard]] std::vector<Scored> behaviour_scores();
  /// By folding in; empty where nothing is known.
  [[nodiscard]] std::vector<float> factors_of_person() const;
  /// Of all candidates above 0.
  [[nodiscard]] std::vector<Scored> factor_scores() const;
  /// The same, of which about `wanted` will be asked for.
  [[nodiscard]] BestFirst folded_first(std::size_t wanted) const;
  [[nodiscard]] std::vector<Scored> tag_scores(std::span<const CandidateIndex::TagWeight> tags,
                                               Among among);
  [[nodiscard]] BestFirst first_of(std::vector<Scored> scored, std::size_t wanted) const;
  /// The best that may be listed and has not been given, or null.
  const Scored* next_listable(BestFirst& scored) const;
  [[nodiscard]] std::vector<Scored> best(std::vector<Scored> scored, std::size_t count) const;
  class TextOrder;
  [[nodiscard]] std::vector<Scored> best_by_text(std::span<const LikedText> liked, Among among,
                                                 std::size_t count) const;
  [[nodiscard]] std::vector<Gathered> best_new(std::size_t places);
  [[nodiscard]] Reason reason_of(const Gathered& g);
  [[nodiscard]] Reason with_text(Reason reason, const Gathered& g, const ShownFacts& facts);
  /// What each liked item adds to the score that folding in gives a candidate.
  std::span<const float> factor_terms(std::uint32_t candidate);

  void gather(const Scored& s, std::string_view source, Because because);
  void gather_behaviour(std::size_t places);
  /// What is popular in the person's segments, of each in turn.
  void gather_segments(std::size_t places);
  /// What may be listed of editors' lists, of each in turn: of each at most so many, and `most` of
  /// all together.
  [[nodiscard]] std::vector<Gathered> edited_items(std::vector<std::size_t> of_each,
                                                   std::size_t most) const;
  /// All of what is left of them, up to `most`.
  void gather_edited(std::size_t most);
  void gather_popular();
  void gather_fresh();
  void pin();
  void note_tired();
  void move_tired_back();
  void rank();
  [[nodiscard]] std::size_t ranked_pool() const;
  void rank_once_more();
  void explain_value(RecommendedItem& item, const ShownFacts& facts);
  std::span<const float> person_taste();
  [[nodiscard]] ShownFacts facts_of(Gathered& g);
  [[nodiscard]] std::vector<double> qualities() const;
  ListRanker::Asked& asked();
  /// The texts that the person liked, summed up; empty where none are known.
  const TextVectors::Profile& text_profile();
  /// How close the candidates' texts are to these (ShownFacts::text).
  void note_closeness(std::span<Gathered> gathered);
  void index_interests();
  [[nodiscard]] float similarity_of(std::uint32_t candidate);
  void explore();
  void choose();
  /// Of `gathered_`, by place, what is to be listed: the places that editors' lists have are
  /// theirs, whatever a ranker or variety put there.
  void keep_edited(std::vector<std::size_t>& order, std::size_t places) const;
  void list(Gathered g, double propensity);
  void explain(RecommendedItem& item, Gathered& g);

  // Of inspect() alone.
  /// What is popular in the person's segments, of each in turn; everything once.
  [[nodiscard]] std::vector<Scored> segment_scores() const;
  /// The same of editors' lists.
  [[nodiscard]] std::vector<Scored> edited_scores() const;
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
  const ListRules rules_;
  const ListRanker* const ranker_;
  Taste taste_;
  std::vector<bool> taken_;         ///< by candidate: seen, excluded or gathered
  std::vector<bool> taken_groups_;  ///< by group of near-duplicates: one of it is; 0 never
  std::vector<bool> tired_;         ///< empty: none
  /// Weights of the interests by tag, in open addressing; once asked for.
  std::vector<CandidateIndex::TagWeight> interest_;
  double interest_length_ = 0;              ///< of all, also of those that no candidate has
  std::optional<ListRanker::Asked> asked_;  ///< once asked for
  std::optional<TextVectors::Profile> text_profile_;  ///< once asked for
  std::vector<float> person_taste_;                   ///< once asked for
  std::vector<std::uint32_t> history_;  ///< liked items of the model, where folding in lists
  std::optional<Ials::Terms> shares_;   ///< once asked for
  std::vector<float> terms_;            ///< of the candidate asked for last
  std::optional<ScoreSums> sums_;       ///< once asked for
  bool chooses_ = false;                ///< the list is chosen for variety, or by caps
  std::size_t pool_ = 0;                ///< how many to gather
  std::vector<std::size_t> kept_;       ///< places of each editors' list
  std::vector<Gathered> gathered_;
  RecommendResponse out_;
  ListInspection* inspection_ = nullptr;  ///< while inspect() runs
};

}  // namespace zhiyin::recommend
