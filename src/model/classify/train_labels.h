#pragma once

#include "model/classify/labelled_text.h"
#include "model/classify/text_classifier.h"
#include "model/classify/train_text.h"

namespace zhiyin::model {

/// Trains a classifier that gives a text any number of labels: one linear SVM for each against the
/// rest, on the inputs of train_text. Each label has a calibration (Platt's) and a threshold of its
/// own, the one with the highest F1 on folds that the fits have not seen. `metrics` are those
/// folds' at these thresholds, which flatters F1 a little. `reject_loss`, `scope_loss` and
/// `isotonic` are not used. The same input and seed give the same bytes with any number of threads.
/// Fails as train_text does.
Result<TextClassifier> train_labels(const MultiLabelledTexts& data,
                                    const TrainTextSettings& settings);

/// The threshold of `probabilities` at which those at or above it have the highest F1 (the highest
/// such threshold); 0.5 where no row has the label. Requires equal lengths.
double best_threshold(std::span<const double> probabilities, const std::vector<bool>& has_label);

}  // namespace zhiyin::model
