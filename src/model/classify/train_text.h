#pragma once

#include <functional>
#include <span>

#include "model/classify/labelled_text.h"
#include "model/classify/text_classifier.h"

namespace zhiyin::model {

struct TrainTextSettings {
  bool ngrams = true;             ///< character n-grams as inputs; false needs `dense`
  std::span<const float> dense;   ///< texts × dense_columns: vectors of an encoder
  std::size_t dense_columns = 0;  ///< 0: without
  std::string encoder;            ///< names the encoder that made them; kept in the settings
  std::size_t ngram_max = kNgramCharactersMax;
  std::size_t document_min = 2;  ///< an n-gram counts when so many texts have it
  std::size_t features_max = 0;  ///< keep only so many n-grams, the heaviest; 0: all
  double c = 0.5;                ///< the losses' weight against |w|²/2
  double dense_norm = 0.5;       ///< mean length of the encoder's part beside an n-gram part of 1
  std::size_t folds = 5;         ///< for calibration and the held-out metrics; at least 2
  double reject_loss = 0.02;     ///< share of held-out texts that may be rejected, in [0, 1)
  double scope_loss = 0.05;      ///< share that may be called out of scope, in [0, 1)
  bool isotonic = false;         ///< a curve behind the temperature (isotonic.h)
  std::uint64_t seed = 1;
  std::size_t threads = 2;
  std::function<bool(double)> progress;  ///< share done, from one thread; false cancels
};

/// Trains a classifier: one-vs-rest linear SVMs on TF-IDF of character n-grams, on an encoder's
/// vectors, or both. Temperature, curve, rejection threshold and scope come from folds that the
/// fits they judge have not seen (stratified, by seed), and so do `metrics`; those of a curve are
/// measured on folds that its fit has not seen either. The same input and seed give the same bytes
/// with any number of threads. kInvalidArgument with fewer than two classes or fewer than 2 texts a
/// fold; kConflict when cancelled.
Result<TextClassifier> train_text(const LabelledTexts& data, const TrainTextSettings& settings);

/// Fold of each row: within each class rows are shuffled by the seed and dealt in turn.
std::vector<std::uint32_t> stratified_folds(std::span<const std::uint32_t> labels,
                                            std::size_t classes, std::size_t folds,
                                            std::uint64_t seed);

}  // namespace zhiyin::model
