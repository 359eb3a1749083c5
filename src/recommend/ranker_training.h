#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "recommend/impression.h"
#include "recommend/ranker_features.h"
#include "recommend/recommend_model.h"
#include "recommend/response_ranker.h"
#include "statistics/interval.h"

namespace zhiyin::recommend {

/// What somebody did, as far as it may be a response. `item` is empty for `follow` and `unfollow`.
struct FeedbackRow {
  std::uint32_t person = 0;  ///< as ShownList::person
  ItemRef item;
  Response response = Response::kRead;
  Instant at;
};

/// An impression whose person is somebody today, numbered by the caller.
struct ShownList {
  std::uint32_t person = 0;
  Impression impression;
};

/// Which responses followed each item of a list: bit r is response r.
using Responses = std::vector<std::uint8_t>;

/// A response belongs to the newest list that showed the item to the person within `window` before
/// it; `follow` and `unfollow` to the item of such a list that the person dealt with last. One
/// vector for each list, in their order. Pure; any order of the arguments.
std::vector<Responses> join_responses(std::span<const ShownList> lists,
                                      std::span<const FeedbackRow> feedback, Duration window);

/// The taste of the person of a list as of its moment, in the factors of a version of the
/// recommender; empty where nothing is known of it.
struct Tastes {
  std::string model;  ///< the version; empty: there are none
  std::size_t width = 0;
  std::function<std::span<const float>(const ShownList& list)> of;
};

struct RankerTrainParams {
  RankerParams ranker{.bits = 14, .factors = 8};
  Objectives objectives;
  /// How long after being shown a response counts. A list is learnt from only when all of this is
  /// over: before, nobody knows that nothing follows.
  Duration window = kDay;
  Instant as_of;                   ///< what came later is not looked at
  double learn_share = 0.6;        ///< of the lists, the oldest: learnt from before measuring
  double calibrate_share = 0.15;   ///< the next ones: for the calibration
  std::size_t lists_min = 200;     ///< fewer finished lists are refused
  std::size_t positives_min = 30;  ///< responses with fewer among the learnt ones have no head
  std::size_t measured_min = 50;   ///< lists that must be measurable for a verdict
  double margin = 0.01;            ///< of AUC: so much worse is still "not worse"
  Tastes tastes;
  TreeParams trees;                      ///< of the second stage
  std::size_t tree_examples_min = 400;   ///< items to learn it from, else there is none
  std::function<bool(double)> progress;  ///< false: stop
};

/// Of one response: how well the probabilities fit what followed the measured lists.
struct HeadReport {
  Response response = Response::kRead;
  std::uint64_t positives = 0;  ///< of those learnt from
  std::uint64_t measured_positives = 0;
  double rate = 0;           ///< share of measured items that were responded to
  double predicted = 0;      ///< mean predicted probability of them
  double log_loss = 0;       ///< of them …
  double base_log_loss = 0;  ///< … and of predicting the learnt share for all
};

/// Trees behind the ranker (second_stage.h), measured on the same lists as the ranker alone.
struct StageReport {
  std::size_t examples = 0;  ///< items that they learnt from before measuring; 0: there were none
  std::size_t trees = 0;
  double auc = 0;
  statistics::MeanInterval gain;  ///< ranker with trees - ranker alone, paired by list, 95 %
  bool kept = false;              ///< measured enough, and gain.interval.low > 0
};

/// What a training found. AUC: per list, of the items' worth (owner's weights × responses above 0
/// against the rest) by the ranker's order and by the order in which they were shown; lists where
/// all are alike are not measured. People look at what stands first, so the order that was shown
/// has an advantage: the comparison is unfair to the ranker, never the other way round.
struct RankerReport {
  std::size_t lists = 0;     ///< finished, used
  std::size_t open = 0;      ///< whose window was not over
  std::size_t examples = 0;  ///< items of them
  std::size_t measured = 0;  ///< lists with an AUC
  double auc = 0;
  double shown_auc = 0;
  statistics::MeanInterval gain;  ///< ranker - shown, paired by list, 95 %
  bool not_worse = false;         ///< measured enough, and gain.interval.low > -margin
  std::vector<HeadReport> heads;
  StageReport stage;  ///< where it is kept, auc and gain above are those with it
};

struct TrainedRanker {
  ResponseRanker ranker;
  RankerReport report;
};

/// What the catalogue knows of an item; none: nothing.
using FactsOf = std::function<std::optional<ItemFacts>(const ItemRef&)>;

/// Replay: learns from the oldest lists, calibrates on the next ones, measures on the newest; then
/// the same ranker learns from those as well. Trees learn from what the ranker expected of the
/// lists that calibrate it, and are kept, learnt anew from all lists since then, only when they
/// order the newest better. The same lists give the same bytes, whatever their order. kUnsupported,
/// with the figures, when there are too few lists or responses.
Result<TrainedRanker> train_ranker(std::vector<ShownList> lists,
                                   std::span<const FeedbackRow> feedback, const FactsOf& facts_of,
                                   const RankerTrainParams& params);

/// Learns on: the responses that it has heads for, from the lists shown up to `finished`, in the
/// order in which they were shown; later ones only keep responses from being taken for those of
/// earlier ones. Returns how many lists. After train_ranker on the lists before, the weights are
/// those of train_ranker on all.
std::size_t learn_on(ResponseRanker& ranker, std::vector<ShownList> lists,
                     std::span<const FeedbackRow> feedback, const FactsOf& facts_of,
                     Duration window, Instant finished);

/// The warehouse's events that may be responses (objectives.h), of people, in (after, as_of]. Those
/// about no item have an empty one.
RowSource response_rows(storage::Warehouse& warehouse, Instant after, Instant as_of);

}  // namespace zhiyin::recommend
