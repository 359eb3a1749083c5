#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "recommend/candidate_index.h"
#include "recommend/recommend_model.h"
#include "recommend/text_vectors.h"
#include "statistics/interval.h"

/// What is measured of a recommender before it serves: settings learn from the older part of what
/// people liked and are asked for the newest part, beside the version in use.
namespace zhiyin::recommend {

/// What people liked, each pair of person and item once: how much there is, and up to when.
struct LikedHistory {
  std::size_t likings = 0;
  std::size_t people = 0;
  Instant newest{0};  ///< of the likings; 0: none
};
Result<LikedHistory> liked_history(const RowSource& rows, const TrainParams& params);

/// The version in use, and how it was made.
struct VersionInUse {
  std::string id;
  /// Shared with those who serve from it; immutable.
  std::shared_ptr<const RecommendModel> model;
  TrainParams settings;  ///< makes another one of its kind from an older history
  Instant learnt_until;
};

struct TrialParams {
  double held_out_share = 0.1;     ///< of the likings: the newest
  std::size_t people_min = 50;     ///< who liked something new there, for a verdict
  std::size_t people_max = 2'000;  ///< a sample by hash of their names
  std::size_t n = 10;              ///< places of a list
  double margin = 0.01;            ///< of nDCG: so much worse is still "not worse"
};

/// nDCG and recall of lists of n, mean over the people, 95 %.
struct VersionTrial {
  Instant from{0};  ///< what was liked later was held out
  std::size_t likings = 0;
  std::size_t people = 0;  ///< measured: who liked something later that was new to them
  statistics::MeanInterval ndcg;
  statistics::MeanInterval recall;
  std::string in_use;             ///< id; empty: none was, or it knew nothing
  bool in_use_retrained = false;  ///< its settings, learnt from the same older part
  statistics::MeanInterval in_use_ndcg;
  statistics::MeanInterval in_use_recall;
  statistics::MeanInterval gain;  ///< of nDCG: new - in use, paired by person
  /// Measured enough and gain.interval.low > -margin; true where none is in use.
  bool not_worse = false;
};

/// The catalogue as it is, for the lists.
struct TrialCatalogue {
  std::vector<CandidateItem> items;
  /// Shared with those who serve from them; immutable. Null: none.
  std::shared_ptr<const TextVectors> texts;
};

/// Measures the settings `params`. The held-out part are the newest likings: a tenth, or as many as
/// it takes for people_min people, half of them at most. Where the version in use has learnt from a
/// part of those, they begin later, in the middle of what was liked since, so that it is measured
/// as it serves; where that leaves too few people, a version of its settings is learnt from the
/// older part instead, and measured. Lists are made as Recommender makes them, without a ranker,
/// as of the moment where the held-out part begins. `rows` is read several times. The same rows
/// give the same figures, in any order.
Result<VersionTrial> try_version(const RowSource& rows, const TrainParams& params,
                                 const std::optional<VersionInUse>& in_use,
                                 const TrialCatalogue& catalogue, const TrialParams& trial = {});

}  // namespace zhiyin::recommend
