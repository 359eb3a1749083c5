#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "model/classify/text_task.h"
#include "model/pairs/labelled_pair.h"
#include "model/pairs/pair_model.h"

namespace zhiyin::model {

struct TrainPairArgs {
  std::filesystem::path train;
  std::filesystem::path validation;  ///< empty: none
  std::string features;              ///< ngram, encoder, joined; empty: joined with an encoder
  std::uint64_t seed = 1;
  std::size_t threads = 2;
  OpenEncoder open_encoder;  ///< puts PairModel::kPrefix before texts; empty: there is none
  double reject_loss = 0.02;
  std::size_t features_max = 0;
  std::function<bool(double)> progress;  ///< share done; false cancels
};
struct TrainedPair {
  PairModel model;
  Json report;  ///< settings, sizes, metrics on held-out folds, validation
};
/// `zhiyin train text --task pair` without the storing.
Result<TrainedPair> train_pair_task(const TrainPairArgs& args);

/// `zhiyin evaluate classify` with a model of pairs: {"model","rows", what measure_pair.h says,
/// "floor":{metrics} (of a joined model without its encoder, else
/// null),"baseline":{"cosine":{"auc", "interval"} (of the vectors; null without),"jaccard":{…}
/// (n-grams of one and two characters)}, "header_skipped"}.
Result<Json> evaluate_pair_task(const PairModel& model, std::string_view name,
                                const LabelledPairs& data, const OpenEncoder& open_encoder,
                                std::size_t threads);

/// The vectors that a model needs: of the first pair's first and second text, then of the next's:
/// 2 × pairs × dense_columns(). None where it needs none, or `vectorise` is empty and the model has
/// a floor. kUnavailable without an encoder, kInvalidArgument with another one.
Result<std::vector<float>> vectors_for(const PairModel& model, const Vectorise& vectorise,
                                       std::span<const TextPair> pairs);
/// As for classifiers (text_task.h).
Result<UsableEncoder> encoder_or_floor(const PairModel& model, const OpenEncoder& open_encoder);

/// Predicts all pairs on `threads` threads; `vectors` as above, or empty where the model has a
/// floor or takes none.
std::vector<PairPrediction> predict_pairs(const PairModel& model, std::span<const TextPair> pairs,
                                          std::span<const float> vectors, std::size_t threads);

}  // namespace zhiyin::model
