#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "recommend/aligned_floats.h"
#include "recommend/candidate_index.h"
#include "recommend/ranker_features.h"
#include "recommend/response_ranker.h"

namespace zhiyin::recommend {

/// A ranker to order lists by, and what the owner wants.
struct Ranking {
  /// Shared by those who serve and those who replace it; immutable.
  std::shared_ptr<const ResponseRanker> ranker;
  std::string id;  ///< `ranker-3`
  Objectives objectives;
};

/// A ResponseRanker made ready for one catalogue: rows of numbers that all heads share, those of a
/// slot in cache lines of their own; what the items' kind, category and price add is summed up
/// already, the request's part once for a list, and a source's and a score's slots are looked up
/// once for a list. The same figures as ResponseRanker::probabilities to rounding. Immutable,
/// thread-safe.
class ListRanker {
 public:
  /// `candidates` must outlive this. `model`: the version that people's tastes are of.
  ListRanker(Ranking ranking, const CandidateIndex& candidates, std::string_view model = {});

  /// The part of a request that all its candidates share, and memory for one of them. Not
  /// thread-safe. Refers to the names of the sources that it was asked with.
  class Asked {
   private:
    friend class ListRanker;
    /// One source's part of the sums, the request's in it; and slots of scores, kNoSlot where not
    /// looked up yet.
    struct Source {
      std::string_view name;
      AlignedFloats sums;
      std::array<std::uint32_t, 2 * kSizeMost + 2> score_slots;
    };
    AlignedFloats sums_;
    AlignedFloats own_;
    std::vector<Source> sources_;
    Instant at_;
  };
  [[nodiscard]] Asked ask(const RequestContext& context, Instant at) const;
  /// Fetches what will be asked of a candidate: first where that lies, some time later itself.
  void prefetch_item(std::uint32_t candidate) const { __builtin_prefetch(&items_[candidate]); }
  void prefetch(std::uint32_t candidate) const;

  using Probabilities = std::array<double, kResponses>;
  /// Of being responded to in the first place of a list; 0 for responses without a head.
  [[nodiscard]] Probabilities probabilities(Asked& asked, std::uint32_t candidate,
                                            const ShownFacts& shown) const;
  /// Whether trees stand behind it (second_stage.h): not those that learnt with other weights.
  [[nodiscard]] bool has_stage() const { return stage_ != nullptr; }
  /// Numbers of a person's taste (Ials::fold_in) that they look at; 0: at none.
  [[nodiscard]] std::size_t taste_width() const { return taste_width_; }
  /// What the trees add to the value of a candidate in the first place of a list. `parts`, where
  /// not empty, gets what each of their inputs adds (kStageInputs places); what they add to all is
  /// the rest. Requires has_stage().
  [[nodiscard]] double stage_value(const RequestContext& context, Instant at,
                                   std::uint32_t candidate, const Probabilities& probabilities,
                                   const ShownFacts& shown, std::span<const float> taste,
                                   std::span<double> parts = {}) const;
  /// Sum of the owner's weights × probabilities.
  [[nodiscard]] double value(const Probabilities& probabilities) const {
    return value_of(probabilities, objectives_);
  }
  /// Whether it looks at ShownFacts::text.
  [[nodiscard]] bool sees_texts() const { return ranker_->sees_texts(); }
  [[nodiscard]] const std::string& id() const { return id_; }

 private:
  /// What is known of a candidate before anybody asks.
  struct Item {
    std::uint32_t own_slot = 0;  ///< of the item itself
    std::uint32_t facts = 0;     ///< row of facts_: kind, category and price
    std::int64_t published_us = 0;
  };
  [[nodiscard]] const float* row(std::uint32_t slot) const {
    return table_.data() + std::size_t{slot} * step_;
  }
  void add(std::span<float> sums, const RankerFeature& feature) const;
  [[nodiscard]] Asked::Source& source_of(Asked& asked, std::string_view name) const;
  void index_items();

  const CandidateIndex& candidates_;
  std::string id_;
  /// Shared with those who serve and those who replace it; immutable.
  std::shared_ptr<const ResponseRanker> ranker_;
  const SecondStage* stage_ = nullptr;  ///< of ranker_
  std::size_t taste_width_ = 0;
  Objectives objectives_;
  unsigned bits_ = 0;
  std::size_t factors_ = 0;
  std::vector<Response> responses_;              ///< of the heads, in order
  std::vector<model::Calibration> calibration_;  ///< of the heads, in order
  std::size_t heads_ = 0;  ///< filled up with zeros to a multiple of kHeadLanes
  std::size_t step_ = 0;   ///< floats of a row
  /// By slot: the heads' weights, their first factors, …, last factors, then their squares summed.
  AlignedFloats table_;
  AlignedFloats facts_;                   ///< sums of rows, as table_
  std::vector<Item> items_;               ///< by candidate
  std::vector<std::uint32_t> age_slots_;  ///< by class, from kSizeMost + 1 below 0
  std::uint32_t similarity_slot_ = 0;
  std::uint32_t popularity_slot_ = 0;
  std::uint32_t text_slot_ = 0;
};

}  // namespace zhiyin::recommend
