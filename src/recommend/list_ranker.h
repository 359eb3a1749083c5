#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

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

/// A ResponseRanker made ready for one catalogue: weights of a slot side by side for all heads, the
/// inputs of the items already hashed, the request's part of the sums made once. The same figures
/// as ResponseRanker::probabilities to rounding. Immutable, thread-safe.
class ListRanker {
 public:
  /// `candidates` must outlive this. `model`: the version that people's tastes are of.
  ListRanker(Ranking ranking, const CandidateIndex& candidates, std::string_view model = {});

  /// The part of a request that all its candidates share, and memory for one of them. Not
  /// thread-safe.
  class Asked {
   private:
    friend class ListRanker;
    std::vector<float> sums_;
    std::vector<float> own_;
    std::vector<RankerFeature> features_;
    Instant at_;
  };
  [[nodiscard]] Asked ask(const RequestContext& context, Instant at) const;

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
  [[nodiscard]] const std::string& id() const { return id_; }

 private:
  [[nodiscard]] const float* row(std::uint32_t slot) const {
    return table_.data() + slot * (width_ + responses_.size());
  }
  void add(std::vector<float>& sums, const RankerFeature& feature) const;

  const CandidateIndex& candidates_;
  std::string id_;
  /// Shared with those who serve and those who replace it; immutable.
  std::shared_ptr<const ResponseRanker> ranker_;
  const SecondStage* stage_ = nullptr;  ///< of ranker_
  std::size_t taste_width_ = 0;
  Objectives objectives_;
  unsigned bits_ = 0;
  std::size_t factors_ = 0;
  std::size_t width_ = 0;            ///< of weights and factors of a slot, head after head
  std::vector<Response> responses_;  ///< of the heads, in order
  std::vector<model::Calibration> calibration_;  ///< of the heads, in order
  std::vector<float> table_;  ///< by slot: weights and factors, then by head the factors' squares
  std::vector<std::uint32_t> item_begin_;  ///< by candidate, into item_slots_
  std::vector<std::uint32_t> item_slots_;
};

}  // namespace zhiyin::recommend
