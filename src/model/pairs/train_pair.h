#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "model/pairs/labelled_pair.h"
#include "model/pairs/pair_model.h"

namespace zhiyin::model {

struct TrainPairSettings {
  bool characters = true;          ///< n-grams and likeness as inputs; false needs `vectors`
  std::span<const float> vectors;  ///< distinct texts × dense_columns: of an encoder, length 1
  std::size_t dense_columns = 0;   ///< 0: without
  std::string encoder;             ///< names the encoder that made them; kept in the settings
  std::size_t document_min = 2;    ///< an n-gram counts when so many distinct texts have it
  std::size_t features_max = 0;    ///< keep only so many n-grams, the heaviest; 0: all
  double c = 0.1;                  ///< the losses' weight against |w|²/2
  double encoder_norm = 0.3;       ///< mean length of the vectors' part beside an n-gram part of 1
  double likeness_scale = 0.1;     ///< deviation of the other inputs beside them
  /// Of held-out pairs, as familiar as the others' texts make them: what so many of them are below
  /// is decided by the cosine alone, and what all but so many are above by the model alone.
  double unfamiliar_share = 0.01, familiar_share = 0.05;
  std::size_t folds = 5;      ///< for calibration and the held-out metrics; at least 2
  double reject_loss = 0.02;  ///< share of held-out pairs that may be rejected, in [0, 1)
  std::uint64_t seed = 1;
  std::size_t threads = 2;
  std::function<bool(double)> progress;  ///< share done, from one thread; false cancels
};

/// Trains a linear SVM on the inputs that pair_model.h names. Calibration and rejection threshold
/// come from folds that the fits they judge have not seen, and so do `metrics`; inverse document
/// frequencies and the inputs' means and deviations, which know no label, are those of all texts.
/// The same input and seed give the same bytes with any number of threads. kInvalidArgument with
/// fewer than 2 pairs a fold of either label; kConflict when cancelled.
Result<PairModel> train_pair(const LabelledPairs& data, const TrainPairSettings& settings);

/// Fold of each pair, so that no text stands in two folds: what hangs together by common texts is
/// dealt as a whole, the largest first, each to the fold that has fewest pairs; equals by seed.
/// Empty where one such group is larger than twice a fold: then this cannot be had.
std::vector<std::uint32_t> grouped_folds(const LabelledPairs& data, std::size_t folds,
                                         std::uint64_t seed);

}  // namespace zhiyin::model
